//! Tests of the audit with damaged logs: `sim` makes correct runs, and the tests change rows in their logs.

use std::fs;
use std::path::Path;

use analyze::audit::{Audit, Check, CounterExample};
use sim::log::EndedRun;

use super::setups::{
    CLOCK, EVENT, MACHINE, MESSAGE_STAMP, PEERS, QUEUE_LENGTH, RunKind, SENT_TICK, TICK, audit,
    failed, over_tcp,
};
use crate::fixture;

/// Runs of the virtual engine, and runs over TCP that are not as scheduled. The audit can compute the exact queue lengths of the first
/// kind, but only lower and upper limits for the second.
pub const VIRTUAL_AND_LATE: [RunKind; 2] = [RunKind::Virtual, RunKind::NotAsScheduled];

/// Writes the runs of [`fixture::SMALL`] as runs of this kind, with an altered second run, and audits them.
pub fn altered(kind: RunKind, alter: impl Fn(&mut EndedRun)) -> Audit {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), kind, alter);
    audit(folder.path())
}

/// Writes the runs of [`fixture::SMALL`] as runs of this kind. The second run is altered.
pub fn write(root: &Path, kind: RunKind, alter: impl Fn(&mut EndedRun)) {
    let text = match kind {
        RunKind::Virtual => fixture::SMALL.to_owned(),
        RunKind::AsScheduled | RunKind::NotAsScheduled => fixture::small_over_tcp(),
    };
    fixture::altered(root, &text, |runs| {
        if kind != RunKind::Virtual {
            runs.iter_mut().for_each(|run| over_tcp(run, kind));
        }
        alter(&mut runs[1]);
    });
}

/// Replaces every row by the rows that `rows_of` returns for the cells of the row.
pub fn rewrite(run: &mut EndedRun, mut rows_of: impl FnMut(Vec<&str>) -> Vec<Vec<String>>) {
    let text = String::from_utf8(std::mem::take(&mut run.events)).unwrap();
    let rows = text
        .lines()
        .flat_map(|row| rows_of(row.split(',').collect()));
    let rows: Vec<String> = rows.map(|cells| cells.join(",") + "\n").collect();
    run.row.events = rows.len() as u64;
    run.events = rows.concat().into_bytes();
}

pub fn owned(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// Tells whether `cells` is the row of machine 2 at this tick.
pub fn is_tick(cells: &[&str], tick: &str) -> bool {
    cells[MACHINE..=TICK] == ["2", tick]
}

/// The first violation of the check. There must be one.
pub fn expect_violation(audit: &Audit, check: Check) -> &CounterExample {
    let result = &audit.datasets[0].results[check as usize];
    result
        .first
        .as_ref()
        .unwrap_or_else(|| panic!("{check:?} found nothing: {:?}", failed(audit)))
}

/// Swaps two cells of every row.
fn swap(run: &mut EndedRun, a: usize, b: usize) {
    rewrite(run, |mut cells| {
        cells.swap(a, b);
        vec![owned(&cells)]
    });
}

#[test]
fn swapped_columns_are_found() {
    for kind in VIRTUAL_AND_LATE {
        let clock_and_queue = altered(kind, |run| swap(run, CLOCK, QUEUE_LENGTH));
        for check in [
            Check::LocalClock,
            Check::ReceiveClock,
            Check::RisingClock,
            Check::QueueLength,
            // A machine must have no internal event and no send while messages wait in its queue.
            Check::Idle,
        ] {
            expect_violation(&clock_and_queue, check);
        }
        let machine_and_tick = altered(kind, |run| swap(run, MACHINE, TICK));
        for check in [Check::Rows, Check::Ticks] {
            expect_violation(&machine_and_tick, check);
        }
        let stamp_and_tick = altered(kind, |run| {
            rewrite(run, |mut cells| {
                if cells[EVENT] == "receive" {
                    cells.swap(MESSAGE_STAMP, SENT_TICK);
                }
                vec![owned(&cells)]
            });
        });
        expect_violation(&stamp_and_tick, Check::Sent);
    }
}

/// Changes the cell in `column` of one row: the first row of machine 2, from tick 10 on, with an event of the kind `event`.
fn change(run: &mut EndedRun, event: &str, column: usize, value: impl Fn(&str) -> String) {
    let mut is_changed = false;
    rewrite(run, |cells| {
        let mut row = owned(&cells);
        let is_meant = cells[MACHINE] == "2"
            && cells[TICK].parse::<u64>().unwrap() >= 10
            && cells[EVENT] == event;
        if is_meant && !is_changed {
            row[column] = value(cells[column]);
            is_changed = true;
        }
        vec![row]
    });
    assert!(is_changed);
}

fn plus_one(cell: &str) -> String {
    (cell.parse::<u64>().unwrap() + 1).to_string()
}

#[test]
fn a_changed_cell_fails_its_check() {
    for kind in VIRTUAL_AND_LATE {
        for (event, column, check) in [
            ("receive", CLOCK, Check::ReceiveClock),
            ("receive", QUEUE_LENGTH, Check::QueueLength),
            ("receive", MESSAGE_STAMP, Check::Sent),
            ("receive", SENT_TICK, Check::Sent),
            ("internal", CLOCK, Check::LocalClock),
            ("internal", QUEUE_LENGTH, Check::QueueLength),
            ("internal", QUEUE_LENGTH, Check::Idle),
            ("send", CLOCK, Check::Stamp),
            ("send", QUEUE_LENGTH, Check::Idle),
            ("send", MESSAGE_STAMP, Check::Stamp),
        ] {
            let audit = altered(kind, |run| change(run, event, column, plus_one));
            let words = &expect_violation(&audit, check).words;
            assert!(words.contains("machine 2"), "{event} {column}: {words}");
        }
        let to_itself = altered(kind, |run| change(run, "send", PEERS, |_| "2".to_owned()));
        assert_eq!(
            expect_violation(&to_itself, Check::Rows).words,
            "machine 2 cannot exchange messages with machine 2"
        );
        let from_nobody = altered(kind, |run| {
            change(run, "receive", PEERS, |_| "9".to_owned());
        });
        assert!(
            expect_violation(&from_nobody, Check::Sent)
                .words
                .ends_with(", but it cannot receive messages from machine 9")
        );
    }
}

/// After a receive, the queue length is changed from 0 to 1, as if one message still waited. But the machine's next event is internal,
/// which is possible only if its queue is empty.
#[test]
fn an_idle_tick_while_a_message_waits_is_a_violation() {
    for kind in VIRTUAL_AND_LATE {
        let audit = altered(kind, |run| {
            let text = String::from_utf8(run.events.clone()).unwrap();
            let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split(',').collect()).collect();
            let mut pairs = rows
                .windows(2)
                .filter(|rows| rows[0][MACHINE] == rows[1][MACHINE]);
            let is_meant = |rows: &&[Vec<&str>]| {
                rows[0][EVENT] == "receive"
                    && rows[0][QUEUE_LENGTH] == "0"
                    && rows[1][EVENT] == "internal"
            };
            let row = &pairs.find(is_meant).unwrap()[0];
            fixture::set(
                run,
                row[MACHINE].parse().unwrap(),
                row[TICK].parse().unwrap(),
                "queue_length",
                "1",
            );
        });
        let words = &expect_violation(&audit, Check::Idle).words;
        assert!(
            words.contains(" with 1 message in its queue since tick "),
            "{words}"
        );
    }
}

/// Tests the rule that a message leaves the queue only when it is received. The test sets the largest latency in the journal to 20 s. The
/// run lasts 20 s too. So the audit knows nearly nothing about the times of arrivals, but it can still check this rule.
#[test]
fn a_queue_that_shrinks_without_a_receive_is_a_violation() {
    let audit = altered(RunKind::NotAsScheduled, |run| {
        run.row.latency_max_us = 20e6;
        run.row.punctual = false;
        // Before tick 15 of machine 0, at least three messages wait. The tick receives one of them, so at least two must be left, not one.
        fixture::set(run, 0, 15, "queue_length", "1");
    });
    assert_eq!(failed(&audit), ["queue_length"]);
    let words = &expect_violation(&audit, Check::QueueLength).words;
    assert!(
        words.ends_with(" left the queue without being received"),
        "{words}"
    );
}

#[test]
fn a_receive_of_a_message_that_was_not_sent_is_a_violation() {
    for kind in VIRTUAL_AND_LATE {
        let audit = altered(kind, |run| {
            rewrite(run, |cells| {
                let mut row = owned(&cells);
                // The first event of machine 2 becomes a receive.
                if is_tick(&cells, "0") {
                    row[EVENT] = "receive".to_owned();
                    // Sender, timestamp and tick of the send.
                    row[PEERS..=SENT_TICK].clone_from_slice(&[
                        "0".to_owned(),
                        "3".to_owned(),
                        "9".to_owned(),
                    ]);
                }
                vec![row]
            });
        });
        // `Sent`: machine 0 sent no message with timestamp 3 at tick 9.
        // `InitialClock` (the clock after a machine's first event): after a message with timestamp 3, the clock must be 4.
        // `QueueLength`: machine 2 receives a message before any message has arrived.
        for check in [Check::Sent, Check::InitialClock, Check::QueueLength] {
            expect_violation(&audit, check);
        }
    }
}

#[test]
fn rows_that_cannot_be_read_are_left_out_and_the_others_audited() {
    // Each case damages two rows. In the first case, these two rows cannot be read. The second case inserts a line break into each of
    // them, which makes four unreadable rows.
    for (damage, unreadable, says) in [
        (
            "recieve",
            2,
            "column event: must be internal, send or receive",
        ),
        ("rec\neive", 4, "column event: the row ends too early"),
    ] {
        let audit = altered(RunKind::Virtual, |run| {
            let text = String::from_utf8(std::mem::take(&mut run.events)).unwrap();
            run.events = text.replacen("receive", damage, 2).into_bytes();
        });
        assert_eq!(expect_violation(&audit, Check::Rows).words, says);
        let (_, violations) = audit.counts(Check::Rows);
        assert_eq!(violations, unreadable);
        // Without damage there are 6 runs with 200 events each.
        assert_eq!(audit.datasets[0].events, 6 * 200 - 2);
    }
    let other_run = altered(RunKind::Virtual, |run| {
        const RUN: usize = 0;
        change(run, "send", RUN, |_| "77".to_owned());
    });
    assert_eq!(
        expect_violation(&other_run, Check::Rows).words,
        "it belongs to run 77, but it is among the rows of run 1"
    );
    let cut = altered(RunKind::Virtual, |run| {
        // Every row must end with a line break. Here the line break after the last row is cut off.
        run.events.truncate(run.events.len() - 1);
    });
    assert!(
        expect_violation(&cut, Check::Rows)
            .words
            .contains("the row ends in this cell")
    );
}

/// A counter-example is the first violation of a check. Its line is counted in the whole file, with the header and the rows of all runs.
#[test]
fn counter_examples_name_the_line() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), RunKind::Virtual, |run| {
        change(run, "internal", QUEUE_LENGTH, |_| "7".to_owned());
    });
    let audit = audit(folder.path());
    let CounterExample {
        file,
        line,
        run,
        words,
        source: _,
        diagram: _,
    } = expect_violation(&audit, Check::Idle);
    let text = fs::read_to_string(file).unwrap();
    let row = text.lines().nth(line.unwrap() as usize - 1).unwrap();
    // The row of machine 2 in run 1. The queue length is 7, and the three cells about messages are empty.
    assert!(
        row.starts_with("1,2,") && row.contains(",internal,") && row.ends_with(",7,,,"),
        "{row}"
    );
    let tick = row.split(',').nth(2).unwrap();
    assert_eq!(
        *words,
        format!("machine 2 had an internal event at tick {tick} with 7 messages in its queue")
    );
    assert_eq!(*run, Some(1));
}

/// The rows of a machine are in the log in the reverse order. Only their order is wrong: each message that the machine sent still counts as
/// sent.
#[test]
fn messages_count_as_sent_if_the_rows_are_in_reverse_order() {
    let audit = altered(RunKind::Virtual, |run| {
        let text = String::from_utf8(std::mem::take(&mut run.events)).unwrap();
        let is_of_machine = |row: &&str| row.split(',').nth(MACHINE) == Some("2");
        let (of_machine, others): (Vec<&str>, Vec<&str>) =
            text.split_inclusive('\n').partition(is_of_machine);
        let reversed = of_machine.into_iter().rev();
        run.events = others
            .into_iter()
            .chain(reversed)
            .collect::<String>()
            .into_bytes();
    });
    expect_violation(&audit, Check::Ticks);
    let (_, violations) = audit.counts(Check::Sent);
    assert_eq!(violations, 0);
}
