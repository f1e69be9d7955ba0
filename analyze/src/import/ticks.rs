//! Finds the rows that belong to one tick. Normally each row is a tick of its own. But some programs log a send to several
//! machines as one row for each recipient.
//!
//! The rows of one send are much closer together in time than the machine's ticks. If they have the same clock, they are one
//! event with several recipients. If each row has its own clock, the machine sent several messages in one tick.

use std::ops::Range;

use sim::log::{UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, Recipients};

use super::rows::Row;

/// Rows can belong to one tick if the time between them is less than this share of the machine's tick.
const CLOSE: f64 = 0.05;
/// If more than this share of all other rows are also closer than `CLOSE`, times are too coarse to separate ticks.
const COARSE: f64 = 0.02;

/// How many sends had several rows, and how far apart these rows were at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct JoinedRows {
    /// Sends whose rows have the same clock.
    pub(super) same_clock: usize,
    /// Sends whose rows have different clocks.
    pub(super) own_clocks: usize,
    /// The greatest time between two rows of a send, in nanoseconds.
    pub(super) apart_ns: u64,
}

impl JoinedRows {
    pub(super) fn add(&mut self, other: Self) {
        self.same_clock += other.same_clock;
        self.own_clocks += other.own_clocks;
        self.apart_ns = self.apart_ns.max(other.apart_ns);
    }
}

/// Joins the rows of each send, and numbers the ticks of each machine if the log does not number them. Returns how many sends were
/// joined, and whether any ticks were numbered.
pub(super) fn number_ticks(machines: &mut [Vec<Row>]) -> (JoinedRows, bool) {
    let peers = machines.len() - 1;
    let (mut joined, mut is_numbered) = (JoinedRows::default(), false);
    for rows in machines {
        if rows.iter().all(|row| row.event.tick != UNKNOWN) {
            continue;
        }
        is_numbered = true;
        joined.add(number_machine(rows, peers));
    }
    (joined, is_numbered)
}

fn number_machine(rows: &mut Vec<Row>, peers: usize) -> JoinedRows {
    let mut joined = JoinedRows::default();
    let mut numbered: Vec<Row> = Vec::with_capacity(rows.len());
    for (tick, range) in (0..).zip(ticks(rows, peers)) {
        let group = &rows[range];
        let is_same_clock = joined.count(group);
        let of_tick = match is_same_clock {
            true => vec![join_rows(group, union(group, peers))],
            false => group.to_vec(),
        };
        numbered.extend(of_tick.into_iter().map(|mut row| {
            row.event.tick = tick;
            row
        }));
    }
    *rows = numbered;
    joined
}

impl JoinedRows {
    /// Adds a tick with these rows to the counts. Returns whether the rows are one event.
    fn count(&mut self, group: &[Row]) -> bool {
        let [first, .., last] = group else {
            return false;
        };
        let apart_ns = group
            .windows(2)
            .map(|pair| pair[1].time_ns - pair[0].time_ns);
        self.apart_ns = apart_ns.max().max(Some(self.apart_ns)).unwrap_or(0);
        let is_same_clock = first.event.logical_clock == last.event.logical_clock;
        self.same_clock += usize::from(is_same_clock);
        self.own_clocks += usize::from(!is_same_clock);
        is_same_clock
    }
}

/// The range of rows of each tick.
fn ticks(rows: &[Row], peers: usize) -> Vec<Range<usize>> {
    let spacing = Spacing::measure(rows);
    let (mut ticks, mut start) = (vec![], 0);
    while start < rows.len() {
        let goes_on = |end: &usize| spacing.is_one_send(&rows[start..*end], &rows[*end]);
        let end = (start + 1..rows.len())
            .find(|end| !goes_on(end))
            .unwrap_or(rows.len());
        let group = &rows[start..end];
        let is_same_clock = |row: &Row| row.event.logical_clock == group[0].event.logical_clock;
        let is_tick = group.iter().all(is_same_clock)
            || (spacing.separates_ticks && union(group, peers) == Recipients::All);
        match is_tick {
            true => ticks.push(start..end),
            false => ticks.extend((start..end).map(|row| row..row + 1)),
        }
        start = end;
    }
    ticks
}

/// The times between the rows of a machine.
struct Spacing {
    /// Rows can belong to one tick if the time between them is less than this, in nanoseconds.
    close_ns: u64,
    /// Whether the time between rows of different ticks is longer than `close_ns`.
    separates_ticks: bool,
}

impl Spacing {
    fn measure(rows: &[Row]) -> Self {
        let gap = |pair: &[Row]| pair[1].time_ns - pair[0].time_ns;
        let is_between_sends = |pair: &&[Row]| pair.iter().all(is_send);
        // Two sends can belong to one tick, so the time between them does not count here.
        let others = rows.windows(2).filter(|pair| !is_between_sends(pair));
        let mut gaps: Vec<u64> = others.map(gap).collect();
        if gaps.is_empty() {
            gaps = rows.windows(2).map(gap).max().into_iter().collect();
        }
        gaps.sort_unstable();
        let tick_ns = gaps.get(gaps.len() / 2).copied().unwrap_or(0);
        let close_ns = (tick_ns as f64 * CLOSE) as u64;
        let close = gaps.partition_point(|&gap| gap <= close_ns);
        Self {
            close_ns,
            separates_ticks: close as f64 <= COARSE * gaps.len() as f64,
        }
    }

    /// Whether `next` can be another row of the send that is logged in the rows `group`.
    fn is_one_send(&self, group: &[Row], next: &Row) -> bool {
        let Some((first, last)) = group.first().zip(group.last()) else {
            return false;
        };
        let (EventKind::Send { stamp, .. }, EventKind::Send { stamp: other, .. }) =
            (&first.event.kind, &next.event.kind)
        else {
            return false;
        };
        let step = next
            .event
            .logical_clock
            .wrapping_sub(last.event.logical_clock);
        let is_same = step == 0 && stamp == other;
        let goes_on = match group.len() {
            1 => is_same || step == 1,
            _ if first.event.logical_clock == last.event.logical_clock => is_same,
            _ => step == 1,
        };
        goes_on
            && next.time_ns - last.time_ns <= self.close_ns
            && group.iter().all(|row| have_different_recipients(row, next))
    }
}

fn is_send(row: &Row) -> bool {
    matches!(row.event.kind, EventKind::Send { .. })
}

/// Whether two sends go to different machines. Two sends with unknown recipients count as different.
fn have_different_recipients(one: &Row, other: &Row) -> bool {
    let (Some(one), Some(other)) = (recipients(one), recipients(other)) else {
        return false;
    };
    let unknown = Recipients::One(UNKNOWN_MACHINE);
    match (one == &unknown, other == &unknown) {
        (true, true) => true,
        (false, false) => {
            let named = other.among(&[]);
            one.among(&[]).iter().all(|peer| !named.contains(peer))
        }
        _ => false,
    }
}

fn recipients(row: &Row) -> Option<&Recipients> {
    match &row.event.kind {
        EventKind::Send { recipients, .. } => Some(recipients),
        _ => None,
    }
}

/// The recipients in all rows of a send. The sender has `peers` peers. Rows without a recipient go to all peers if there is one
/// row for each peer.
fn union(group: &[Row], peers: usize) -> Recipients {
    let all = group.iter().filter_map(recipients);
    if all.clone().any(|to| *to == Recipients::All) {
        return Recipients::All;
    }
    let mut named: Vec<u32> = all.flat_map(|to| to.among(&[])).copied().collect();
    let is_unknown = named.contains(&UNKNOWN_MACHINE);
    named.sort_unstable();
    if !is_unknown {
        named.dedup();
    }
    match named[..] {
        _ if named.len() == peers && peers > 1 => Recipients::All,
        _ if is_unknown => Recipients::One(UNKNOWN_MACHINE),
        [peer] => Recipients::One(peer),
        _ => Recipients::Several(named.into()),
    }
}

/// Joins rows to one row: the first row, with the recipients `to` and with the queue length of the last row.
fn join_rows(group: &[Row], to: Recipients) -> Row {
    let mut row = group[0].clone();
    if let EventKind::Send { recipients, .. } = &mut row.event.kind {
        *recipients = to;
    }
    let lengths = group.iter().map(|row| row.event.queue_length);
    let last = lengths.rev().find(|&length| length != UNKNOWN);
    row.event.queue_length = last.unwrap_or(UNKNOWN);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::machine::Event;

    fn row(ms: u64, clock: u64, kind: EventKind) -> Row {
        Row {
            machine: 0,
            time_ns: ms * 1_000_000,
            event: Event {
                tick: UNKNOWN,
                kind,
                logical_clock: clock,
                queue_length: 0,
                timestamp: None,
            },
            source: sim::log::SourceLine {
                file: 0,
                line: ms + 1,
            },
        }
    }

    fn send(ms: u64, clock: u64, to: u32) -> Row {
        let recipients = Recipients::One(to);
        let stamp = UNKNOWN;
        row(ms, clock, EventKind::Send { recipients, stamp })
    }

    /// Numbers the rows; returns tick and recipients of each row after joining.
    fn numbered(rows: Vec<Row>) -> (Vec<(u64, Option<Recipients>)>, JoinedRows) {
        let mut machines = vec![rows, vec![], vec![]];
        let (joined, _) = number_ticks(&mut machines);
        let rows = machines[0].iter();
        (
            rows.map(|row| (row.event.tick, recipients(row).cloned()))
                .collect(),
            joined,
        )
    }

    #[test]
    fn rows_of_a_send_with_one_clock_are_one_event() {
        let rows = vec![
            row(0, 1, EventKind::Internal),
            send(1000, 2, 1),
            send(1001, 2, 2),
            row(2000, 3, EventKind::Internal),
            send(3000, 4, 2),
        ];
        let (ticks, joined) = numbered(rows);
        assert_eq!(
            ticks,
            [
                (0, None),
                (1, Some(Recipients::All)),
                (2, None),
                (3, Some(Recipients::One(2)))
            ]
        );
        assert_eq!((joined.same_clock, joined.apart_ns), (1, 1_000_000));
    }

    #[test]
    fn rows_of_a_send_with_different_clocks_are_one_tick() {
        let rows = vec![
            row(0, 1, EventKind::Internal),
            send(1000, 2, 1),
            send(1001, 3, 2),
            row(2000, 4, EventKind::Internal),
        ];
        let (ticks, joined) = numbered(rows);
        let ticks: Vec<u64> = ticks.into_iter().map(|(tick, _)| tick).collect();
        assert_eq!((ticks, joined.own_clocks), (vec![0, 1, 1, 2], 1));
    }

    /// Rows are not joined if they are too far apart, if they go to the same machine, or if times are too coarse.
    #[test]
    fn other_rows_are_separate_ticks() {
        let apart = vec![
            row(0, 1, EventKind::Internal),
            send(1000, 2, 1),
            send(2000, 3, 2),
            row(3000, 4, EventKind::Internal),
        ];
        let same_recipient = vec![
            row(0, 1, EventKind::Internal),
            send(1000, 2, 1),
            send(1001, 2, 1),
            row(2000, 4, EventKind::Internal),
        ];
        let coarse = vec![
            row(0, 1, EventKind::Internal),
            send(0, 2, 1),
            send(0, 3, 2),
            row(0, 4, EventKind::Internal),
            row(1000, 5, EventKind::Internal),
            row(1000, 6, EventKind::Internal),
            row(1000, 7, EventKind::Internal),
        ];
        for rows in [apart, same_recipient, coarse] {
            let wanted: Vec<u64> = (0..rows.len() as u64).collect();
            let (ticks, joined) = numbered(rows);
            let ticks: Vec<u64> = ticks.into_iter().map(|(tick, _)| tick).collect();
            assert_eq!((ticks, joined), (wanted, JoinedRows::default()));
        }
    }
}
