//! Fills in queue lengths that a log does not have, by two rules:
//!
//! - After an internal event or a send, the length is 0, because a machine has such an event only if its queue is empty. If logged
//!   lengths contradict this rule, no lengths are filled in.
//! - After a receive, the length is the number of messages that have been sent to the machine, minus those that it has received. A
//!   message is assumed to arrive when it is sent. If the messages cannot be counted (for example because the log does not name the
//!   recipients of sends), only the lengths after receives stay unknown.

use std::collections::HashMap;

use sim::log::{UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, Recipients};

use super::rows::Row;
use super::rules::is_receive;
use super::times::{SlackNs, resolution_ns};

/// The largest tolerated share of exceptions among a run's internal events and sends. An exception is one that happens although messages
/// wait in the machine's queue. If the share is larger, no lengths are filled in.
const MAX_EXCEPTIONS: f64 = 0.02;

/// How many missing queue lengths of a run were filled in, and why others were not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FilledLengths {
    /// Number of idle events (internal events and sends) whose length was set to 0.
    pub(super) idle: usize,
    /// Number of receives whose length was found by counting messages (see [`recount`]).
    pub(super) recounted: usize,
    /// Why some lengths are still missing. None if all missing lengths were filled in.
    pub(super) why_missing: Option<String>,
}

/// Fills in missing lengths that follow from the other rows of a run. Receives must already be matched with sends. Logged times
/// are not exact: `slack` has, for each machine, the inaccuracy that is tolerated. `has_shared_time` says whether the times of different
/// machines can be compared.
pub(super) fn fill(
    machines: &mut [Vec<Row>],
    slack: SlackNs,
    has_shared_time: bool,
) -> FilledLengths {
    let mut filled = FilledLengths::default();
    let is_missing = |row: &Row| row.event.queue_length == UNKNOWN;
    if !machines.iter().flatten().any(is_missing) {
        return filled;
    }
    if let Some(reason) = find_idle_contradiction(machines) {
        filled.why_missing = Some(reason);
        return filled;
    }
    for row in machines.iter_mut().flatten() {
        if is_missing(row) && !is_receive(row) {
            row.event.queue_length = 0;
            filled.idle += 1;
        }
    }
    if !machines.iter().flatten().any(is_missing) {
        return filled;
    }
    match recount(machines, slack, has_shared_time) {
        Ok(lengths) => {
            for (rows, lengths) in std::iter::zip(machines, lengths) {
                let receives = rows.iter_mut().filter(|row| is_receive(row));
                for (row, length) in std::iter::zip(receives, lengths) {
                    if is_missing(row) {
                        row.event.queue_length = length;
                        filled.recounted += 1;
                    }
                }
            }
        }
        Err(reason) => filled.why_missing = Some(reason),
    }
    filled
}

/// Checks, by the logged lengths, that idle events happen only while the machine's queue is empty. If the share of idle
/// events that happen while messages wait is larger than [`MAX_EXCEPTIONS`], returns the reason why no lengths are filled in.
fn find_idle_contradiction(machines: &[Vec<Row>]) -> Option<String> {
    let (mut idle, mut exceptions) = (0usize, 0usize);
    for pair in machines.iter().flat_map(|rows| rows.windows(2)) {
        // The messages that waited after the event `pair[0]` still wait at the event `pair[1]`.
        let waiting = pair[0].event.queue_length;
        if !is_receive(&pair[1]) && waiting != UNKNOWN {
            idle += 1;
            if waiting > 0 {
                exceptions += 1;
            }
        }
    }
    (exceptions as f64 > MAX_EXCEPTIONS * idle as f64).then(|| {
        format!(
            "{exceptions} of {idle} internal events and sends happen while messages wait in the queue, \
             so missing lengths are not filled in"
        )
    })
}

/// A message that was sent to a machine.
struct Sent {
    /// The time of the send.
    time_ns: u64,
    sender: u32,
    /// The sender's tick at which the message was sent.
    tick: u64,
}

/// The messages that were sent to each machine, in the order of the times of their sends. Fails with the reason if recipients are
/// unknown.
fn messages_by_recipient(machines: &[Vec<Row>]) -> Result<Vec<Vec<Sent>>, String> {
    let everybody: Vec<u32> = (0..machines.len() as u32).collect();
    let mut sent: Vec<Vec<Sent>> = machines.iter().map(|_| vec![]).collect();
    for row in machines.iter().flatten() {
        let EventKind::Send { recipients, .. } = &row.event.kind else {
            continue;
        };
        if *recipients == Recipients::One(UNKNOWN_MACHINE) {
            return Err(
                "the log does not say who receives each message, so queue lengths cannot be recounted"
                    .to_owned(),
            );
        }
        for &to in recipients.among(&everybody) {
            // `everybody` includes the sender.
            if to != row.machine {
                sent[to as usize].push(Sent {
                    time_ns: row.time_ns,
                    sender: row.machine,
                    tick: row.event.tick,
                });
            }
        }
    }
    for sent in &mut sent {
        sent.sort_by_key(|message| message.time_ns);
    }
    Ok(sent)
}

/// The number of messages that wait after each receive of each machine. Fails with the reason if these numbers are not known.
fn recount(
    machines: &[Vec<Row>],
    slack: SlackNs,
    has_shared_time: bool,
) -> Result<Vec<Vec<u64>>, String> {
    if !has_shared_time {
        return Err(
            "the times of different machines contradict each other, so queue lengths cannot be recounted"
                .to_owned(),
        );
    }
    // The slack is a small share of the time between two ticks. If times are coarser than the slack, it can be unclear
    // whether a message was sent before or after a tick.
    if resolution_ns(machines) > slack.smallest_ns() {
        return Err(
            "times are too coarse to show which message came first, so queue lengths cannot be recounted"
                .to_owned(),
        );
    }
    let sent = messages_by_recipient(machines)?;
    let logs = machines.iter().zip(&sent).zip(&slack.0);
    logs.map(|((rows, sent), &slack_ns)| recount_machine(rows, sent, slack_ns))
        .collect()
}

/// The number of messages that wait after each receive of one machine. `rows` is the log of the machine, and `sent` has the
/// messages that were sent to it, in the order of time.
fn recount_machine(rows: &[Row], sent: &[Sent], slack_ns: u64) -> Result<Vec<u64>, String> {
    // The indices of the messages in `sent`, by sender and tick of the send. If several messages have the same sender and tick, the
    // earliest message is at the end of their list, because the loop goes backwards (`rev`). So `pop` returns the earliest message.
    let mut by_send: HashMap<(u32, u64), Vec<usize>> = HashMap::new();
    for (index, message) in sent.iter().enumerate().rev() {
        by_send
            .entry((message.sender, message.tick))
            .or_default()
            .push(index);
    }
    let mut queue = Queue {
        sent,
        is_received: vec![false; sent.len()],
        arrived: 0,
        waiting: 0,
        oldest: 0,
    };
    let mut lengths = vec![];
    for row in rows {
        queue.add_arrivals(row.time_ns);
        let EventKind::Receive(message) = &row.event.kind else {
            queue.require_empty(row.time_ns, slack_ns)?;
            continue;
        };
        let known = by_send
            .get_mut(&(message.sender, message.sent_tick))
            .and_then(Vec::pop);
        let index = known.ok_or(
            "not every receive can be matched with a send, so queue lengths cannot be recounted",
        )?;
        queue.receive(index)?;
        lengths.push(queue.waiting);
    }
    Ok(lengths)
}

/// The queue of a machine while its log is read row by row.
struct Queue<'s> {
    /// All messages to the machine, in the order of the times of their sends.
    sent: &'s [Sent],
    /// For each message of `sent`, whether it has been received.
    is_received: Vec<bool>,
    /// How many messages have arrived so far: they are the first ones of `sent`.
    arrived: usize,
    /// How many of the messages that have arrived have not been received yet.
    waiting: u64,
    /// The index of the oldest message that has not been received yet. [`Self::skip_received`] brings it up to date.
    oldest: usize,
}

impl Queue<'_> {
    /// Counts the messages that were sent before `time_ns` as arrived.
    fn add_arrivals(&mut self, time_ns: u64) {
        while self
            .sent
            .get(self.arrived)
            .is_some_and(|sent| sent.time_ns < time_ns)
        {
            // A receive can be logged before the send of its message, because logged times are not exact. Such a message never
            // waits.
            if !self.is_received[self.arrived] {
                self.waiting += 1;
            }
            self.arrived += 1;
        }
    }

    /// Moves `oldest` forward to the first message that has not been received.
    fn skip_received(&mut self) {
        while self.is_received.get(self.oldest) == Some(&true) {
            self.oldest += 1;
        }
    }

    /// Receives the message at `index` of `sent`. Fails with the reason if an older message has not been received yet.
    fn receive(&mut self, index: usize) -> Result<(), String> {
        self.skip_received();
        let oldest_ns = self.sent.get(self.oldest).map(|sent| sent.time_ns);
        if oldest_ns.is_some_and(|oldest_ns| oldest_ns < self.sent[index].time_ns) {
            return Err("messages are not received in the order in which they were sent, so their times of \
                        arrival are not known".to_owned());
        }
        self.is_received[index] = true;
        let has_arrived = index < self.arrived;
        if has_arrived {
            self.waiting -= 1;
        }
        Ok(())
    }

    /// Checks that no message waits at an internal event or send at `time_ns`. Messages that were sent at most `slack_ns` earlier
    /// do not count, because logged times are not exact.
    fn require_empty(&mut self, time_ns: u64, slack_ns: u64) -> Result<(), String> {
        self.skip_received();
        let oldest_ns = self.sent.get(self.oldest).map(|sent| sent.time_ns);
        match oldest_ns.and_then(|sent_ns| time_ns.checked_sub(sent_ns)) {
            Some(before_ns) if before_ns > slack_ns => Err(format!(
                "a machine does not receive although a message was sent to it {:.3} s before, so the times \
                 of arrival are not known",
                before_ns as f64 / 1e9
            )),
            _ => Ok(()),
        }
    }
}
