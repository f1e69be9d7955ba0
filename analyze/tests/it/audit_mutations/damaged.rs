//! Tests with logs of the project's own engine whose rows were changed.

use std::fs;
use std::path::Path;

use analyze::audit::{Audit, Check, CounterExample};
use sim::log::FinishedRun;

use super::setups::{World, audit, failed, over_tcp};
use crate::fixture;

/// Runs of the virtual engine, and runs over TCP. In the runs over TCP, only lower and upper limits of queue lengths are known.
pub const WORLDS: [World; 2] = [World::Virtual, World::Late];

/// Audits [`fixture::SMALL`] in this world with an altered second run.
pub fn altered(world: World, alter: impl Fn(&mut FinishedRun)) -> Audit {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), world, alter);
    audit(folder.path())
}

pub fn write(root: &Path, world: World, alter: impl Fn(&mut FinishedRun)) {
    let text = match world {
        World::Virtual => fixture::SMALL.to_owned(),
        World::AsScheduled | World::Late => fixture::small_over_tcp(),
    };
    fixture::altered(root, &text, |runs| {
        if world != World::Virtual {
            runs.iter_mut().for_each(|run| over_tcp(run, world));
        }
        alter(&mut runs[1]);
    });
}

/// Replaces every row by the rows that `rows_of` returns for its cells.
pub fn rewrite(run: &mut FinishedRun, mut rows_of: impl FnMut(Vec<&str>) -> Vec<Vec<String>>) {
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

/// Tells whether it is machine 2's row of this tick.
pub fn is_tick(cells: &[&str], tick: &str) -> bool {
    cells[1..3] == ["2", tick]
}

pub fn first(audit: &Audit, check: Check) -> &CounterExample {
    let result = &audit.datasets[0].results[check as usize];
    result
        .first
        .as_ref()
        .unwrap_or_else(|| panic!("{check:?} found nothing: {:?}", failed(audit)))
}

fn swapped(run: &mut FinishedRun, a: usize, b: usize) {
    rewrite(run, |mut cells| {
        cells.swap(a, b);
        vec![owned(&cells)]
    });
}

#[test]
fn swapped_columns() {
    for world in WORLDS {
        let clock_and_queue = altered(world, |run| swapped(run, 5, 6));
        for check in [
            Check::LocalClock,
            Check::ReceiveClock,
            Check::RisingClock,
            Check::QueueLength,
            Check::Idle,
        ] {
            first(&clock_and_queue, check);
        }
        let machine_and_tick = altered(world, |run| swapped(run, 1, 2));
        for check in [Check::Rows, Check::Ticks] {
            first(&machine_and_tick, check);
        }
        let stamp_and_tick = altered(world, |run| {
            rewrite(run, |mut cells| {
                if cells[3] == "receive" {
                    cells.swap(8, 9);
                }
                vec![owned(&cells)]
            });
        });
        first(&stamp_and_tick, Check::Sent);
    }
}

/// Changes one cell of machine 2's first row of `event` from tick 10 on.
fn change(run: &mut FinishedRun, event: &str, column: usize, value: impl Fn(&str) -> String) {
    let mut is_done = false;
    rewrite(run, |cells| {
        let mut row = owned(&cells);
        let is_meant =
            cells[1] == "2" && cells[2].parse::<u64>().unwrap() >= 10 && cells[3] == event;
        if is_meant && !std::mem::replace(&mut is_done, true) {
            row[column] = value(cells[column]);
        }
        vec![row]
    });
    assert!(is_done);
}

fn plus_one(cell: &str) -> String {
    (cell.parse::<u64>().unwrap() + 1).to_string()
}

#[test]
fn single_cells() {
    for world in WORLDS {
        for (event, column, check) in [
            ("receive", 5, Check::ReceiveClock),
            ("receive", 6, Check::QueueLength),
            ("receive", 8, Check::Sent),
            ("receive", 9, Check::Sent),
            ("internal", 5, Check::LocalClock),
            ("internal", 6, Check::QueueLength),
            ("internal", 6, Check::Idle),
            ("send", 5, Check::Stamp),
            ("send", 6, Check::Idle),
            ("send", 8, Check::Stamp),
        ] {
            let audit = altered(world, |run| change(run, event, column, plus_one));
            let words = &first(&audit, check).words;
            assert!(words.contains("machine 2"), "{event} {column}: {words}");
        }
        let to_itself = altered(world, |run| change(run, "send", 7, |_| "2".to_owned()));
        assert_eq!(
            first(&to_itself, Check::Rows).words,
            "machine 2 cannot exchange messages with machine 2"
        );
        let from_nobody = altered(world, |run| change(run, "receive", 7, |_| "9".to_owned()));
        assert!(
            first(&from_nobody, Check::Sent)
                .words
                .ends_with(", but it cannot receive messages from machine 9")
        );
    }
}

/// After a receive one message waits according to its queue length, but the machine then idles with an empty queue.
#[test]
fn an_idle_tick_after_a_tick_that_left_a_message() {
    for world in WORLDS {
        let audit = altered(world, |run| {
            let text = String::from_utf8(run.events.clone()).unwrap();
            let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split(',').collect()).collect();
            let mut pairs = rows.windows(2).filter(|rows| rows[0][1] == rows[1][1]);
            let is_meant = |rows: &&[Vec<&str>]| {
                rows[0][3] == "receive" && rows[0][6] == "0" && rows[1][3] == "internal"
            };
            let row = &pairs.find(is_meant).unwrap()[0];
            fixture::set(
                run,
                row[1].parse().unwrap(),
                row[2].parse().unwrap(),
                "queue_length",
                "1",
            );
        });
        let words = &first(&audit, Check::Idle).words;
        assert!(
            words.contains(" with 1 message in its queue since tick "),
            "{words}"
        );
    }
}

/// A message leaves the queue only when it is received, even if messages take very long.
#[test]
fn queues_that_shrink() {
    let audit = altered(World::Late, |run| {
        run.row.latency_max_us = 20e6;
        run.row.punctual = false;
        fixture::set(run, 0, 15, "queue_length", "1");
    });
    assert_eq!(failed(&audit), ["queue_length"]);
    let words = &first(&audit, Check::QueueLength).words;
    assert!(
        words.ends_with(" left the queue without being received"),
        "{words}"
    );
}

/// A receive names a message that was not sent.
#[test]
fn a_receive_of_a_message_that_was_not_sent() {
    for world in WORLDS {
        let audit = altered(world, |run| {
            rewrite(run, |cells| {
                let mut row = owned(&cells);
                if is_tick(&cells, "0") {
                    row[3] = "receive".to_owned();
                    row[7..].clone_from_slice(&["0".to_owned(), "3".to_owned(), "9".to_owned()]);
                }
                vec![row]
            });
        });
        for check in [Check::Sent, Check::InitialClock, Check::QueueLength] {
            first(&audit, check);
        }
    }
}

#[test]
fn rows_that_cannot_be_read_are_left_out_and_the_others_audited() {
    for (damage, says) in [
        ("recieve", "column event: must be internal, send or receive"),
        ("rec\neive", "column event: the row ends too early"),
    ] {
        let audit = altered(World::Virtual, |run| {
            let text = String::from_utf8(std::mem::take(&mut run.events)).unwrap();
            run.events = text.replacen("receive", damage, 2).into_bytes();
        });
        assert_eq!(first(&audit, Check::Rows).words, says);
        assert_eq!(
            audit.counts(Check::Rows).1,
            if damage.contains('\n') { 4 } else { 2 }
        );
        assert_eq!(audit.datasets[0].events, 6 * 200 - 2);
    }
    let other_run = altered(World::Virtual, |run| {
        change(run, "send", 0, |_| "77".to_owned());
    });
    assert_eq!(
        first(&other_run, Check::Rows).words,
        "it belongs to run 77, but it is among the rows of run 1"
    );
    let cut = altered(World::Virtual, |run| {
        run.events.truncate(run.events.len() - 1);
    });
    assert!(
        first(&cut, Check::Rows)
            .words
            .contains("the row ends in this cell")
    );
}

/// The line is counted in the file, with the header and the rows of other runs.
#[test]
fn counter_examples_name_the_line() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), World::Virtual, |run| {
        change(run, "internal", 6, |_| "7".to_owned());
    });
    let audit = audit(folder.path());
    let CounterExample {
        file,
        line,
        run,
        words,
        source: _,
        diagram: _,
    } = first(&audit, Check::Idle);
    let text = fs::read_to_string(file).unwrap();
    let row = text.lines().nth(line.unwrap() as usize - 1).unwrap();
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
