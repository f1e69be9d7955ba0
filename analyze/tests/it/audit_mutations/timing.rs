//! Tests of missing and repeated ticks, and of impossible times.

use analyze::audit::Check;
use sim::log::FinishedRun;

use super::damaged::{WORLDS, altered, first, is_tick, owned, rewrite};
use super::setups::{World, failed};

#[test]
fn missing_and_repeated_ticks() {
    for world in WORLDS {
        let missing = altered(world, |run| {
            rewrite(run, |cells| {
                if is_tick(&cells, "30") {
                    vec![]
                } else {
                    vec![owned(&cells)]
                }
            });
        });
        assert_eq!(
            first(&missing, Check::Ticks).words,
            "machine 2 goes from tick 29 to tick 31"
        );
        let twice = altered(world, |run| {
            rewrite(run, |cells| {
                vec![owned(&cells); 1 + usize::from(is_tick(&cells, "30"))]
            });
        });
        assert_eq!(
            first(&twice, Check::Ticks).words,
            "machine 2 goes from tick 30 to tick 30"
        );
        let backwards = altered(world, |run| {
            rewrite(run, |mut cells| {
                let turned = if is_tick(&cells, "30") { "31" } else { "30" };
                if is_tick(&cells, "30") || is_tick(&cells, "31") {
                    cells[2] = turned;
                }
                vec![owned(&cells)]
            });
        });
        assert_eq!(
            first(&backwards, Check::Ticks).words,
            "machine 2 goes from tick 29 to tick 31"
        );
    }
}

/// Moves the time of machine 2's tick 30.
fn moved(run: &mut FinishedRun, by_ns: i64) {
    rewrite(run, |cells| {
        let mut row = owned(&cells);
        if is_tick(&cells, "30") {
            let time_ns: i64 = cells[4].parse().unwrap();
            row[4] = (time_ns + by_ns).to_string();
        }
        vec![row]
    });
}

#[test]
fn times_that_are_too_early_or_go_back() {
    for (world, by_ns, says) in [
        (World::Virtual, -1, "but it was due exactly at "),
        (World::Virtual, 1, "but it was due exactly at "),
        (World::Late, -302_000, "but it was due not before "),
        // The next tick comes a sixth of a second later.
        (
            World::Late,
            200_000_000,
            "before the machine's previous event at tick 30",
        ),
    ] {
        let audit = altered(world, |run| moved(run, by_ns));
        let words = &first(&audit, Check::Times).words;
        assert!(words.contains(says), "{world:?} by {by_ns} ns: {words}");
    }
    // A microsecond is within the rounding error, so it is not a violation.
    let rounded = altered(World::Late, |run| moved(run, -300_900));
    assert!(
        !failed(&rounded).contains(&"times"),
        "{:?}",
        failed(&rounded)
    );
}

/// All times of machine 2 are one second late, so its messages are received before they are sent.
#[test]
fn receives_before_their_sends() {
    let audit = altered(World::Late, |run| {
        rewrite(run, |cells| {
            let mut row = owned(&cells);
            if cells[1] == "2" {
                row[4] = (cells[4].parse::<u64>().unwrap() + 1_000_000_000).to_string();
            }
            vec![row]
        });
    });
    let words = &first(&audit, Check::Causality).words;
    assert!(
        words.contains("a message that machine 2 sent")
            && words.ends_with(" ns before the message was sent"),
        "{words}"
    );
}
