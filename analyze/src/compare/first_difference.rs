//! Finds the earliest event that differs between the logs of two runs, one of dataset A and one of dataset B.
//!
//! Two events are the same if all their columns except `run` and `system_time_ns` are equal. The system time is not compared, because the
//! exact time of a tick depends on the computer and not on the seed.

use std::cmp::Ordering;

use sim::log::{EVENT_COLUMNS, EventRow, JournalRow, TIMESTAMP_COLUMN, write_machine_rows};

use crate::error::Error;
use crate::read::dataset::Dataset;

/// Columns that are never reported as the difference, because they only say which event it is and when it happened.
const NEVER_REPORTED: [&str; 4] = ["run", "machine", "tick", "system_time_ns"];
/// The text for a cell of an event that is missing in one of the logs.
const NO_EVENT: &str = "none";

/// The earliest difference between two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Time of the event in model seconds after the run's start, in A. If the event is missing in A, the time in B.
    pub time_s: f64,
    /// The event's machine.
    pub machine: u32,
    /// The event's tick.
    pub tick: u64,
    /// The first column that differs.
    pub column: &'static str,
    /// The value in A.
    pub a: String,
    /// The value in B.
    pub b: String,
}

/// The events of a run, and the values that convert system times into model times.
pub(super) struct Log {
    events: Vec<EventRow>,
    started_at_ns: u64,
    time_scale: f64,
}

impl Log {
    /// Reads the events of `run`.
    pub(super) fn read(dataset: &Dataset, run: &JournalRow) -> Result<Self, Error> {
        Ok(Self {
            events: dataset.events_of(run)?.rows().collect(),
            started_at_ns: run.started_at_ns,
            time_scale: run.time_scale,
        })
    }

    /// The time of an event in model seconds after the run's start.
    fn time_s(&self, row: &EventRow) -> f64 {
        let elapsed_ns = i128::from(row.logged.system_time_ns) - i128::from(self.started_at_ns);
        elapsed_ns as f64 * self.time_scale / 1e9
    }
}

/// Returns the earliest difference between the events of two runs, or `None` if all events are the same. The earliest difference is the one
/// with the lowest model time in A. If several differences have the same time, the one with the lowest machine and tick is returned.
pub(super) fn find_first_difference(mut a: Log, mut b: Log) -> Option<Difference> {
    // Logs are normally ordered by machine and tick already. Then sorting is a single pass. (A tick that receives several messages has
    // several events. They keep their order.)
    a.events.sort_by_key(machine_and_tick);
    b.events.sort_by_key(machine_and_tick);
    let (mut rest_a, mut rest_b) = (a.events.iter().peekable(), b.events.iter().peekable());
    // The time of the earliest difference so far, and its event in A and in B.
    let mut first: Option<(f64, Option<&EventRow>, Option<&EventRow>)> = None;
    loop {
        // The next event in the order of machine and tick, as A has it and as B has it. `None` if a log does not have this event.
        let (in_a, in_b) = match (rest_a.peek(), rest_b.peek()) {
            (None, None) => break,
            (Some(_), None) => (rest_a.next(), None),
            (None, Some(_)) => (None, rest_b.next()),
            (Some(next_a), Some(next_b)) => {
                match machine_and_tick(next_a).cmp(&machine_and_tick(next_b)) {
                    Ordering::Less => (rest_a.next(), None),
                    Ordering::Greater => (None, rest_b.next()),
                    Ordering::Equal => (rest_a.next(), rest_b.next()),
                }
            }
        };
        // It is enough to compare `logged.event`. It lacks only the columns `run` and `system_time_ns`, which are not compared, and the
        // column `machine`, which is the same for `in_a` and `in_b`.
        if in_a.map(|row| &row.logged.event) == in_b.map(|row| &row.logged.event) {
            continue;
        }
        let time_a = in_a.map(|row| a.time_s(row));
        // If A does not have the event, B has it, so `INFINITY` is never used.
        let time_b = || in_b.map_or(f64::INFINITY, |row| b.time_s(row));
        let time_s = time_a.unwrap_or_else(time_b);
        // If two differences have the same time, the one that was found first stays. It has the lower machine and tick, because the loop
        // goes in the order of machine and tick.
        if first.is_none_or(|(earliest_s, ..)| time_s < earliest_s) {
            first = Some((time_s, in_a, in_b));
        }
    }
    let (time_s, in_a, in_b) = first?;
    Some(describe(time_s, in_a, in_b))
}

fn machine_and_tick(row: &EventRow) -> (u32, u64) {
    (row.machine, row.logged.event.tick)
}

/// Describes a difference. One of the two events can be missing in its log.
fn describe(time_s: f64, in_a: Option<&EventRow>, in_b: Option<&EventRow>) -> Difference {
    let texts = |row: Option<&EventRow>| row.map_or_else(cells_of_missing_event, cell_texts);
    let (cells_a, cells_b) = (texts(in_a), texts(in_b));
    let columns = columns();
    let differs = |&column: &usize| {
        !NEVER_REPORTED.contains(&columns[column]) && cells_a[column] != cells_b[column]
    };
    // A column is always found, because the two events differ. If both events exist, they have the same machine and tick, so they differ in
    // another column. If one event is missing, all its cells are `none`, so every column differs.
    let column = (0..columns.len()).find(differs).unwrap_or_default();
    let (machine, tick) = in_a.or(in_b).map_or((0, 0), machine_and_tick);
    Difference {
        time_s,
        machine,
        tick,
        column: columns[column],
        a: cells_a[column].clone(),
        b: cells_b[column].clone(),
    }
}

/// The cells of a row as texts, one for each of [`columns`].
fn cell_texts(row: &EventRow) -> Vec<String> {
    let mut line = vec![];
    let logged = std::slice::from_ref(&row.logged);
    let has_timestamps = true;
    write_machine_rows(&mut line, row.run, row.machine, logged, has_timestamps);
    let line = String::from_utf8_lossy(&line);
    line.trim_end_matches('\n')
        .split(',')
        .map(str::to_owned)
        .collect()
}

/// The cells for an event that is missing in one of the logs.
fn cells_of_missing_event() -> Vec<String> {
    vec![NO_EVENT.to_owned(); columns().len()]
}

/// All columns that a log can have. The last one, [`TIMESTAMP_COLUMN`], is only in logs of machines that also keep a vector clock or a
/// hybrid logical clock.
fn columns() -> Vec<&'static str> {
    [&EVENT_COLUMNS[..], &[TIMESTAMP_COLUMN]].concat()
}

#[cfg(test)]
mod tests {
    use sim::log::LoggedEvent;
    use sim::machine::{Event, EventKind, Recipients};

    use super::*;

    fn event(machine: u32, tick: u64, milliseconds: u64, logical_clock: u64) -> EventRow {
        let event = Event {
            tick,
            kind: EventKind::Internal,
            logical_clock,
            queue_length: 0,
            timestamp: None,
        };
        let logged = LoggedEvent {
            system_time_ns: milliseconds * 1_000_000,
            event,
        };
        EventRow {
            run: 0,
            machine,
            logged,
        }
    }

    fn log(events: &[EventRow], started_at_ns: u64, time_scale: f64) -> Log {
        Log {
            events: events.to_vec(),
            started_at_ns,
            time_scale,
        }
    }

    fn difference(a: &[EventRow], b: &[EventRow]) -> Option<(f64, u32, u64, &'static str)> {
        // A starts at system time 1 s, and its model time passes four times faster than real time: in A, an event at system time 1.25 s has
        // the model time (1.25 - 1) * 4 = 1 s. In B, model time equals system time.
        let first = find_first_difference(log(a, 1_000_000_000, 4.0), log(b, 0, 1.0));
        first.map(|first| (first.time_s, first.machine, first.tick, first.column))
    }

    #[test]
    fn events_that_differ_only_in_run_number_and_system_time_are_the_same() {
        let mut other = event(0, 0, 1_900, 1);
        other.run = 7;
        assert_eq!(difference(&[other], &[event(0, 0, 3_000, 1)]), None);
    }

    #[test]
    fn finds_the_difference_with_the_earliest_time_in_a() {
        let a = [
            event(0, 0, 1_250, 1),
            event(0, 1, 1_500, 2),
            event(1, 0, 1_300, 1),
        ];
        let b = [
            event(0, 0, 1_000, 1),
            event(0, 1, 2_000, 3),
            event(1, 0, 9_000, 2),
        ];
        // In A, the events that differ have the model times (1.5 - 1) * 4 = 2 s and (1.3 - 1) * 4 = 1.2 s. Their times in B do not
        // matter.
        assert_eq!(difference(&a, &b), Some((1.2, 1, 0, "logical_clock")));
    }

    #[test]
    fn finds_the_lowest_machine_among_differences_at_the_same_time() {
        let at = |clock| [event(0, 0, 1_250, clock), event(1, 0, 1_250, clock)];
        assert_eq!(
            difference(&at(1), &at(2)),
            Some((1.0, 0, 0, "logical_clock"))
        );
    }

    #[test]
    fn an_event_that_is_missing_in_a_or_in_b_is_a_difference() {
        // If an event is missing, every column differs. Of the columns that can be reported, `event` is the first.
        let both = [event(0, 0, 1_250, 1), event(1, 0, 1_250, 1)];
        assert_eq!(difference(&both, &both[1..]), Some((1.0, 0, 0, "event")));
        assert_eq!(difference(&both[..1], &both), Some((1.25, 1, 0, "event")));
    }

    #[test]
    fn values_of_a_difference_are_written_as_in_the_log() {
        let mut sent = event(0, 0, 1_250, 1);
        sent.logged.event.kind = EventKind::Send {
            recipients: Recipients::All,
            stamp: 1,
        };
        let found = |a: &[EventRow], b: &[EventRow]| {
            let first = find_first_difference(log(a, 0, 1.0), log(b, 0, 1.0));
            first.map(|first| (first.column, first.a, first.b))
        };
        let expected = |column, a: &str, b: &str| Some((column, a.to_owned(), b.to_owned()));
        let internal = event(0, 0, 1_250, 1);
        assert_eq!(
            found(&[internal], std::slice::from_ref(&sent)),
            expected("event", "internal", "send")
        );
        assert_eq!(
            found(&[], std::slice::from_ref(&sent)),
            expected("event", "none", "send")
        );
        let mut unicast = sent.clone();
        unicast.logged.event.kind = EventKind::Send {
            recipients: Recipients::One(1),
            stamp: 1,
        };
        assert_eq!(found(&[sent], &[unicast]), expected("peers", "*", "1"));
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter() {
        let rows = [
            event(0, 0, 1_250, 1),
            event(0, 1, 1_500, 2),
            event(1, 0, 1_300, 1),
        ];
        let mut reversed = rows.clone();
        reversed.reverse();
        assert_eq!(difference(&rows, &reversed), None);
    }
}
