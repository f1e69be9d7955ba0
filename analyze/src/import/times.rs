//! Checks whether the logged times of a run are consistent: whether times of different machines can be compared, and whether
//! messages are received after they are sent.

use std::collections::HashMap;

use sim::log::{UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, Recipients};

use super::rows::Row;

/// The tolerance (slack) for the times of sends and receives, as a share of the time between two ticks. Programs do not log a send exactly
/// when the message leaves. So it is no contradiction if a receive is logged before its send by at most this tolerance.
const SLACK: f64 = 0.05;
/// The largest share of exceptions that is tolerated. The limit is the same for each of these shares:
///
/// - receives that are logged before their send (by more than the tolerance), as a share of all receives with a known send
/// - early jumps (see [`MIN_EARLY_JUMPS`]), as a share of all jumps by more than 1
/// - receives without a known send, as a share of all receives with a sender and a timestamp
const MAX_EXCEPTIONS: f64 = 0.05;
/// The smallest number of early jumps that can show that the system clocks differ. An example of an early jump: a logical clock jumps from
/// 4 to 9, so its machine has received the timestamp 8. But according to the logged times, the other clocks reach 8 only after this jump.
const MIN_EARLY_JUMPS: usize = 3;

/// The tolerance for the times of each machine, in nanoseconds: a share of the median time between two of its ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlackNs(pub(super) Vec<u64>);

impl SlackNs {
    pub(super) fn measure(machines: &[Vec<Row>]) -> Self {
        let slack_ns = |rows: &Vec<Row>| (median_gap_ns(rows) as f64 * SLACK) as u64;
        Self(machines.iter().map(slack_ns).collect())
    }

    /// The smallest tolerance of all machines.
    pub(super) fn smallest_ns(&self) -> u64 {
        self.0.iter().copied().min().unwrap_or(0)
    }

    /// The tolerance for two machines: the greater of their tolerances.
    fn between(&self, one: u32, other: u32) -> u64 {
        self.0[one as usize].max(self.0[other as usize])
    }
}

/// The median time from one tick of a machine to the next, in nanoseconds. It is 0 if there are fewer than two ticks.
pub(super) fn median_gap_ns(rows: &[Row]) -> u64 {
    // A tick can have several rows. The first of them has the time of the tick.
    let ticks = rows.chunk_by(|one, next| one.event.tick == next.event.tick);
    let starts: Vec<u64> = ticks.map(|tick| tick[0].time_ns).collect();
    let mut gaps: Vec<u64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(0)
}

/// The resolution of the times, in nanoseconds: for example 1,000,000 if times are in whole milliseconds. To find it, the earliest time is
/// subtracted from all times. The resolution is the greatest common divisor of these differences. It is 0 if all times are equal.
pub(super) fn resolution_ns(machines: &[Vec<Row>]) -> u64 {
    let times = || machines.iter().flatten().map(|row| row.time_ns);
    let first_ns = times().min().unwrap_or(0);
    times().fold(0, |unit_ns, time_ns| gcd(time_ns - first_ns, unit_ns))
}

/// The greatest common divisor.
fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The time of each send, by machine and tick.
fn send_times(machines: &[Vec<Row>]) -> HashMap<(u32, u64), u64> {
    let sends = machines.iter().flatten().filter(|row| is_send(row));
    sends
        .map(|row| ((row.machine, row.event.tick), row.time_ns))
        .collect()
}

fn is_send(row: &Row) -> bool {
    matches!(row.event.kind, EventKind::Send { .. })
}

/// Why times of different machines cannot be compared. None if no contradiction is found.
pub(super) fn find_time_contradiction(machines: &[Vec<Row>], slack: &SlackNs) -> Option<String> {
    if let Some(reason) = find_gap_between_logs(machines) {
        return Some(reason);
    }
    let early = EarlyReceives::count(machines, slack);
    if early.matched == 0 {
        // No receive can be compared with its send, so jumps of the logical clocks are compared instead.
        return find_early_jumps(machines);
    }
    let are_many = early.messages as f64 > MAX_EXCEPTIONS * early.matched as f64;
    are_many.then(|| {
        format!(
            "{}, so the machines' system clocks differ, or each machine's time starts at 0",
            early.describe()
        )
    })
}

/// Messages that are received before they are sent, according to the logged times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct EarlyReceives {
    /// Number of messages that are received before they are sent, by more than the tolerance.
    messages: usize,
    /// Number of all received messages whose send is known.
    matched: usize,
    /// The longest time from a receive to the later send of its message, in nanoseconds.
    longest_ns: u64,
}

impl EarlyReceives {
    fn count(machines: &[Vec<Row>], slack: &SlackNs) -> Self {
        let times = send_times(machines);
        let mut early = Self::default();
        for row in machines.iter().flatten() {
            let EventKind::Receive(message) = &row.event.kind else {
                continue;
            };
            let Some(&sent_ns) = times.get(&(message.sender, message.sent_tick)) else {
                continue;
            };
            early.matched += 1;
            // 0 if the message is received after it is sent.
            let early_ns = sent_ns.saturating_sub(row.time_ns);
            if early_ns > slack.between(row.machine, message.sender) {
                early.messages += 1;
                early.longest_ns = early.longest_ns.max(early_ns);
            }
        }
        early
    }

    fn describe(self) -> String {
        format!(
            "{} of {} messages are received up to {:.3} s before they are sent",
            self.messages,
            self.matched,
            self.longest_ns as f64 / 1e9
        )
    }
}

/// Looks for a machine whose log ends before the log of another machine begins. Then times cannot be compared, and the returned text says
/// why. None if there is no such machine.
fn find_gap_between_logs(machines: &[Vec<Row>]) -> Option<String> {
    let spans = machines.iter().enumerate().filter_map(|(machine, rows)| {
        let (first_ns, last_ns) = (rows.first()?.time_ns, rows.last()?.time_ns);
        Some((machine, first_ns, last_ns))
    });
    let (ending, _, earliest_end_ns) = spans.clone().min_by_key(|&(_, _, last_ns)| last_ns)?;
    let (starting, latest_start_ns, _) = spans.max_by_key(|&(_, first_ns, _)| first_ns)?;
    (earliest_end_ns < latest_start_ns).then(|| {
        format!(
            "the log of machine {ending} ends {:.3} s before the log of machine {starting} begins",
            (latest_start_ns - earliest_end_ns) as f64 / 1e9
        )
    })
}

/// Why times cannot be compared, for a run in which no receive is matched with a send. When a machine's clock jumps by more than 1, to a
/// value v, the machine has received a message with the timestamp v - 1. So another machine's clock must have reached v - 1 before. If the
/// other clocks reach v - 1 only later, the jump is early. None if there are only few early jumps.
fn find_early_jumps(machines: &[Vec<Row>]) -> Option<String> {
    // The median time between two ticks of the fastest machine. (It is 0 for a machine with a single tick.)
    let gaps_ns = machines.iter().map(|rows| median_gap_ns(rows));
    let shortest_gap_ns = gaps_ns.filter(|gap_ns| *gap_ns > 0).min()?;
    let (mut jumps, mut early) = (0, 0);
    for (machine, rows) in machines.iter().enumerate() {
        for pair in rows.windows(2) {
            let (before, value) = (pair[0].event.logical_clock, pair[1].event.logical_clock);
            if value <= before.saturating_add(1) {
                continue;
            }
            jumps += 1;
            // The time at which the clock of a machine reaches `value - 1`. None if it never does.
            let time_when_reached = |rows: &Vec<Row>| {
                let index = rows.partition_point(|row| row.event.logical_clock < value - 1);
                rows.get(index).map(|row| row.time_ns)
            };
            let others = (0..).zip(machines).filter(|(other, _)| *other != machine);
            // The time at which the first of the other clocks reaches `value - 1`. None if no other clock ever does. Then the jump does not
            // count as early.
            let reached_ns = others.filter_map(|(_, rows)| time_when_reached(rows)).min();
            // The time of the jump plus a tolerance: twice the time between two ticks of the fastest machine. The jump is early if the other
            // clocks reach `value - 1` only after this time.
            let latest_ns = pair[1].time_ns.saturating_add(2 * shortest_gap_ns);
            early += usize::from(reached_ns.is_some_and(|reached_ns| reached_ns > latest_ns));
        }
    }
    let are_many = early >= MIN_EARLY_JUMPS && early as f64 > MAX_EXCEPTIONS * f64::from(jumps);
    are_many.then(|| {
        format!(
            "at {early} of {jumps} jumps of logical clocks, no other machine's clock had reached the new \
             value yet, so the machines' system clocks differ or each machine's time starts at 0"
        )
    })
}

/// Why sends and receives contradict each other: at some time, a machine has received more messages than had been sent to it until then.
/// None if this never happens, or if the recipients of a send are unknown.
pub(super) fn find_arrival_contradiction(machines: &[Vec<Row>], slack: &SlackNs) -> Option<String> {
    let everybody: Vec<u32> = (0..machines.len() as u32).collect();
    // For each machine, the earliest time at which each message to it can arrive: the time of the send minus the tolerance.
    let mut arrivals: Vec<Vec<u64>> = machines.iter().map(|_| vec![]).collect();
    for row in machines.iter().flatten() {
        if let EventKind::Send { recipients, .. } = &row.event.kind {
            if *recipients == Recipients::One(UNKNOWN_MACHINE) {
                return None;
            }
            // A send to all machines does not go to the sender itself.
            let others = recipients.among(&everybody).iter();
            for &to in others.filter(|&&to| to != row.machine) {
                let tolerance_ns = slack.between(row.machine, to);
                let earliest_ns = row.time_ns.saturating_sub(tolerance_ns);
                arrivals[to as usize].push(earliest_ns);
            }
        }
    }
    for (machine, (rows, arrivals)) in machines.iter().zip(&mut arrivals).enumerate() {
        arrivals.sort_unstable();
        let receives = rows
            .iter()
            .filter(|row| matches!(row.event.kind, EventKind::Receive(_)));
        // `received` is the number of receives up to this one, `arrived` is how many messages can have arrived by then.
        for (received, row) in (1..).zip(receives) {
            let arrived = arrivals.partition_point(|&arrived_ns| arrived_ns <= row.time_ns);
            if received > arrived {
                return Some(format!(
                    "machine {machine} receives message number {received} when only {arrived} had been sent to it"
                ));
            }
        }
    }
    None
}

/// Why the ages of messages (the times from send to receive) are not known. None if they are known. The ages are known if two conditions
/// hold. First, the tick of the send is known for nearly all receives with a sender and a timestamp. Second, no receive is logged before its
/// send by more than the tolerance.
pub(super) fn find_age_contradiction(machines: &[Vec<Row>], slack: &SlackNs) -> Option<String> {
    // Complete receives have a sender and a timestamp. Matched receives also have the tick of the send.
    let (mut complete, mut matched) = (0usize, 0usize);
    for row in machines.iter().flatten() {
        if let EventKind::Receive(message) = &row.event.kind
            && message.sender != UNKNOWN_MACHINE
            && message.stamp != UNKNOWN
        {
            complete += 1;
            matched += usize::from(message.sent_tick != UNKNOWN);
        }
    }
    if (complete - matched) as f64 > MAX_EXCEPTIONS * complete as f64 {
        return Some(format!(
            "only {matched} of {complete} receives match a send"
        ));
    }
    let early = EarlyReceives::count(machines, slack);
    (early.messages > 0).then(|| early.describe())
}
