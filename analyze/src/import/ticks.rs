//! Finds the rows that belong to one tick, and numbers the ticks of machines whose logs do not number them. Normally each row is a
//! tick of its own. But some programs log a send to several machines as one row for each recipient.
//!
//! The rows of one send are much closer together in time than the machine's ticks. If the rows have the same clock, they are one
//! event with several recipients. If each row has its own clock, they are several events in one tick.

use std::ops::Range;

use sim::log::{UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, Recipients};

use super::rows::Row;

/// Two rows are close if the time between them is at most this share of the median time between two ticks. Only close rows can
/// belong to one tick.
const CLOSE_SHARE: f64 = 0.05;
/// Two successive rows certainly belong to different ticks if at least one of them is not a send. If more than this share of such pairs
/// are close, the logged times are too coarse to separate ticks.
const MAX_CLOSE_PAIRS: f64 = 0.02;

/// How many sends had several rows, and how far apart these rows were at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct JoinedRows {
    /// Number of sends whose rows have the same clock.
    pub(super) same_clock: usize,
    /// Number of sends whose rows have different clocks.
    pub(super) own_clocks: usize,
    /// The greatest time between two successive rows of a send, in nanoseconds.
    pub(super) apart_ns: u64,
}

impl JoinedRows {
    pub(super) fn add(&mut self, other: Self) {
        self.same_clock += other.same_clock;
        self.own_clocks += other.own_clocks;
        self.apart_ns = self.apart_ns.max(other.apart_ns);
    }
}

/// Numbers the ticks of each machine whose log does not number all ticks. All rows of a send get the same tick, and if they have the same
/// clock, they are joined to one row. Returns how many sends had several rows, and whether any ticks were numbered.
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

/// Does the work of [`number_ticks`] for one machine. `peers` is the number of other machines in the run.
fn number_machine(rows: &mut Vec<Row>, peers: usize) -> JoinedRows {
    let mut joined = JoinedRows::default();
    let mut numbered: Vec<Row> = Vec::with_capacity(rows.len());
    for (tick, range) in (0..).zip(split_into_ticks(rows, peers)) {
        let group = &rows[range];
        let must_join = joined.count(group);
        let rows_of_tick = match must_join {
            true => vec![join_rows(group, all_recipients(group, peers))],
            false => group.to_vec(),
        };
        numbered.extend(rows_of_tick.into_iter().map(|mut row| {
            row.event.tick = tick;
            row
        }));
    }
    *rows = numbered;
    joined
}

impl JoinedRows {
    /// Counts the tick with the rows `group`, if there are several rows. Returns whether the rows must be joined: several rows with the
    /// same clock are one event.
    fn count(&mut self, group: &[Row]) -> bool {
        let [first, .., last] = group else {
            return false;
        };
        let gaps_ns = group
            .windows(2)
            .map(|pair| pair[1].time_ns - pair[0].time_ns);
        self.apart_ns = gaps_ns.fold(self.apart_ns, u64::max);
        // From row to row of a group, the clock either always stays the same or always grows.
        let is_same_clock = first.event.logical_clock == last.event.logical_clock;
        self.same_clock += usize::from(is_same_clock);
        self.own_clocks += usize::from(!is_same_clock);
        is_same_clock
    }
}

/// Splits the rows of a machine into ticks. Returns the range of rows of each tick. `peers` is the number of other machines in the run.
fn split_into_ticks(rows: &[Row], peers: usize) -> Vec<Range<usize>> {
    let spacing = Spacing::measure(rows);
    let (mut ticks, mut start) = (vec![], 0);
    while start < rows.len() {
        let continues_send =
            |index: &usize| spacing.can_be_same_send(&rows[start..*index], &rows[*index]);
        let end = (start + 1..rows.len())
            .find(|index| !continues_send(index))
            .unwrap_or(rows.len());
        let group = &rows[start..end];
        let is_same_clock = |row: &Row| row.event.logical_clock == group[0].event.logical_clock;
        // A clock grows at every event, so rows with the same clock are one event. Rows with different clocks can belong to one
        // tick or to separate ticks. They count as one tick only if together they go to all other machines and the times are exact enough.
        let is_one_tick = group.iter().all(is_same_clock)
            || (spacing.separates_ticks && all_recipients(group, peers) == Recipients::All);
        match is_one_tick {
            true => ticks.push(start..end),
            false => ticks.extend((start..end).map(|index| index..index + 1)),
        }
        start = end;
    }
    ticks
}

/// The times between the rows of a machine.
struct Spacing {
    /// Two successive rows can belong to one tick if the time between them is at most this, in nanoseconds.
    close_ns: u64,
    /// Whether the time between rows of different ticks is nearly always longer than `close_ns`.
    separates_ticks: bool,
}

impl Spacing {
    fn measure(rows: &[Row]) -> Self {
        let gap = |pair: &[Row]| pair[1].time_ns - pair[0].time_ns;
        let is_between_sends = |pair: &&[Row]| pair.iter().all(is_send);
        // Two sends can belong to one tick, so the time between them does not count here.
        let between_ticks = rows.windows(2).filter(|pair| !is_between_sends(pair));
        let mut gaps: Vec<u64> = between_ticks.map(gap).collect();
        // If all rows are sends, the longest time between two rows is taken as a time between two ticks.
        if gaps.is_empty() {
            gaps = rows.windows(2).map(gap).max().into_iter().collect();
        }
        gaps.sort_unstable();
        let tick_ns = gaps.get(gaps.len() / 2).copied().unwrap_or(0);
        let close_ns = (tick_ns as f64 * CLOSE_SHARE) as u64;
        let close_gaps = gaps.partition_point(|&gap| gap <= close_ns);
        Self {
            close_ns,
            separates_ticks: close_gaps as f64 <= MAX_CLOSE_PAIRS * gaps.len() as f64,
        }
    }

    /// Whether the row `next` can belong to the same send as `group`, the rows directly before `next`. It can if three things are true:
    ///
    /// - `next` is close in time to the last row of `group`.
    /// - The recipients of `next` are different from those of each row of `group`.
    /// - Either all these rows have the same clock and stamp, or the clock grows by 1 from row to row.
    fn can_be_same_send(&self, group: &[Row], next: &Row) -> bool {
        let Some((first, last)) = group.first().zip(group.last()) else {
            return false;
        };
        let (
            EventKind::Send { stamp, .. },
            EventKind::Send {
                stamp: next_stamp, ..
            },
        ) = (&first.event.kind, &next.event.kind)
        else {
            return false;
        };
        // If the clock falls, the step wraps around to a very large number, so it is neither 0 nor 1.
        let step = next
            .event
            .logical_clock
            .wrapping_sub(last.event.logical_clock);
        let is_same = step == 0 && stamp == next_stamp;
        // The second row of a send decides whether the clock stays the same or grows. If the group has one row, `next` is the second.
        let continues_clock = match group.len() {
            1 => is_same || step == 1,
            _ if first.event.logical_clock == last.event.logical_clock => is_same,
            _ => step == 1,
        };
        continues_clock
            && next.time_ns - last.time_ns <= self.close_ns
            && group.iter().all(|row| have_different_recipients(row, next))
    }
}

fn is_send(row: &Row) -> bool {
    matches!(row.event.kind, EventKind::Send { .. })
}

/// Whether the recipients of two rows count as different. Only then can the two rows belong to one send.
///
/// - If the recipients of both rows are known, they are different if no machine is named in both rows.
/// - A row to `all` names no machine. So its recipients count as different from all known recipients, even from those of another row to
///   `all`. This is intended: some programs log one send as a row for each recipient, and write `all` in each of these rows. The
///   disadvantage: two separate sends to `all` can get the same tick, if they are close in time and the clock grows by 1 from the first send
///   to the second. But they are not joined to one event, because their clocks are different.
/// - If the recipients of both rows are unknown, they count as different.
/// - If the recipients of only one row are unknown, they do not count as different.
fn have_different_recipients(one: &Row, other: &Row) -> bool {
    let (Some(one), Some(other)) = (recipients(one), recipients(other)) else {
        return false;
    };
    let unknown = Recipients::One(UNKNOWN_MACHINE);
    match (one == &unknown, other == &unknown) {
        (true, true) => true,
        (false, false) => {
            // `among` returns the machines that a row names. For a row to `all`, it returns its argument, which is empty here.
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

/// The recipients of all rows of a send together. `peers` is the number of other machines in the run. If the recipients are unknown, and
/// there are as many rows as other machines, the send goes to all.
fn all_recipients(group: &[Row], peers: usize) -> Recipients {
    let of_rows = group.iter().filter_map(recipients);
    if of_rows.clone().any(|to| *to == Recipients::All) {
        return Recipients::All;
    }
    let mut named: Vec<u32> = of_rows.flat_map(|to| to.among(&[])).copied().collect();
    let is_unknown = named.contains(&UNKNOWN_MACHINE);
    named.sort_unstable();
    // Rows with unknown recipients stand for different machines, but all have the number UNKNOWN_MACHINE. So if recipients are unknown,
    // equal numbers are not merged.
    if !is_unknown {
        named.dedup();
    }
    match named[..] {
        // With a single peer, a send to this machine is not called a send to all.
        _ if named.len() == peers && peers > 1 => Recipients::All,
        _ if is_unknown => Recipients::One(UNKNOWN_MACHINE),
        [peer] => Recipients::One(peer),
        _ => Recipients::Several(named.into()),
    }
}

/// Joins the rows of a send to one row: the first row, with the recipients `to` and the last known queue length.
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
            source: sim::log::SourceLine { file: 0, line: 1 },
        }
    }

    fn send(ms: u64, clock: u64, to: u32) -> Row {
        let recipients = Recipients::One(to);
        let stamp = UNKNOWN;
        row(ms, clock, EventKind::Send { recipients, stamp })
    }

    /// Numbers the ticks of machine 0, whose rows are `rows`. Returns the tick and the recipients of each row after joining.
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
    fn close_rows_of_a_send_with_the_same_clock_are_one_event() {
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
    fn close_rows_of_a_send_with_different_clocks_are_one_tick() {
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

    /// Successive sends get separate ticks if they are too far apart, if they go to the same machine, or if the times are too coarse.
    #[test]
    fn rows_that_cannot_be_one_send_are_separate_ticks() {
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
        // These times are whole seconds, so several ticks have the same time.
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
