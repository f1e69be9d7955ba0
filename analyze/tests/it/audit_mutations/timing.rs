//! Tests of the audit with logs that have missing or repeated ticks, or impossible times. The tests change only rows of machine 2.
//! `rewrite` replaces each row by the rows that its closure returns. `is_tick(&cells, "30")` is true for the row of machine 2 at tick 30.
//! A run of the kind `NotAsScheduled` is a run over TCP in which every event is 300 µs late.

use analyze::audit::Check;
use sim::log::EndedRun;

use super::damaged::{VIRTUAL_AND_LATE, altered, expect_violation, is_tick, owned, rewrite};
use super::setups::{MACHINE, RunKind, TICK, TIME, failed};

#[test]
fn missing_repeated_and_swapped_ticks_are_found() {
    for kind in VIRTUAL_AND_LATE {
        let missing = altered(kind, |run| {
            rewrite(run, |cells| {
                if is_tick(&cells, "30") {
                    vec![]
                } else {
                    vec![owned(&cells)]
                }
            });
        });
        assert_eq!(
            expect_violation(&missing, Check::Ticks).words,
            "machine 2 goes from tick 29 to tick 31"
        );
        let twice = altered(kind, |run| {
            rewrite(run, |cells| {
                let copies = if is_tick(&cells, "30") { 2 } else { 1 };
                vec![owned(&cells); copies]
            });
        });
        assert_eq!(
            expect_violation(&twice, Check::Ticks).words,
            "machine 2 goes from tick 30 to tick 30"
        );
        let swapped = altered(kind, |run| {
            rewrite(run, |mut cells| {
                if is_tick(&cells, "30") {
                    cells[TICK] = "31";
                } else if is_tick(&cells, "31") {
                    cells[TICK] = "30";
                }
                vec![owned(&cells)]
            });
        });
        assert_eq!(
            expect_violation(&swapped, Check::Ticks).words,
            "machine 2 goes from tick 29 to tick 31"
        );
    }
}

/// Adds `by_ns` to the time of machine 2's tick 30.
fn move_time(run: &mut EndedRun, by_ns: i64) {
    rewrite(run, |cells| {
        let mut row = owned(&cells);
        if is_tick(&cells, "30") {
            let time_ns: i64 = cells[TIME].parse().unwrap();
            row[TIME] = (time_ns + by_ns).to_string();
        }
        vec![row]
    });
}

#[test]
fn times_that_do_not_fit_the_due_time_or_the_previous_event_are_found() {
    for (kind, by_ns, says) in [
        // In virtual time, the time of an event must be its due time.
        (RunKind::Virtual, -1, "but it was due exactly at "),
        (RunKind::Virtual, 1, "but it was due exactly at "),
        // The event of tick 30 is 300 µs late. Moved by -302 µs, it comes 2 µs before it is due.
        (
            RunKind::NotAsScheduled,
            -302_000,
            "but it was not due before ",
        ),
        // Machine 2 has a tick every 167 ms. If the event of tick 30 is moved by 200 ms, its time is later than that of tick 31. So the log
        // seems to go back in time at tick 31.
        (
            RunKind::NotAsScheduled,
            200_000_000,
            "before the machine's previous event at tick 30",
        ),
    ] {
        let audit = altered(kind, |run| move_time(run, by_ns));
        let words = &expect_violation(&audit, Check::Times).words;
        assert!(words.contains(says), "{kind:?} by {by_ns} ns: {words}");
    }
    // Moved by -300.9 µs, the event comes 0.9 µs before it is due. The audit allows 1 µs for the rounding of times, so this is not a
    // violation.
    let rounded = altered(RunKind::NotAsScheduled, |run| move_time(run, -300_900));
    assert!(
        !failed(&rounded).contains(&"times"),
        "{:?}",
        failed(&rounded)
    );
}

/// All logged times of machine 2 are one second too late. So according to the log, its messages are received before they are sent.
#[test]
fn messages_that_are_received_before_they_are_sent_are_found() {
    let audit = altered(RunKind::NotAsScheduled, |run| {
        rewrite(run, |cells| {
            let mut row = owned(&cells);
            if cells[MACHINE] == "2" {
                row[TIME] = (cells[TIME].parse::<u64>().unwrap() + 1_000_000_000).to_string();
            }
            vec![row]
        });
    });
    let words = &expect_violation(&audit, Check::Causality).words;
    assert!(
        words.contains("a message that machine 2 sent")
            && words.ends_with(" ns before the message was sent"),
        "{words}"
    );
}
