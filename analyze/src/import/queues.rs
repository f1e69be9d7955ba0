//! Queue lengths that a log does not have.
//!
//! An idle tick finds an empty queue, by the rule of the exercise: so 0 messages wait after an internal event or a send. After a
//! receive there wait those messages that had been sent to the machine before, and that it had not received yet; a message is taken
//! to arrive when it is sent. This is only done where nothing in the run contradicts it.

use std::collections::HashMap;

use sim::log::{UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, Recipients};

use super::rows::Row;
use super::rules::is_receive;
use super::times::{SlackNs, resolution_ns};

/// An idle event may follow on a queue that is not empty in at most this share of cases: else the program has another rule.
const EXCEPTIONS: f64 = 0.02;

/// What became of the lengths that were missing in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filled {
    /// Lengths of idle events, taken to be 0.
    pub(super) idle: usize,
    /// Lengths of receives, recounted.
    pub(super) recounted: usize,
    /// Why some are still missing.
    pub(super) unknown: Option<String>,
}

/// Fills in the lengths that are missing in a run whose receives are matched with sends, where they follow from the other rows.
pub(super) fn fill(machines: &mut [Vec<Row>], slack: SlackNs, has_shared_time: bool) -> Filled {
    let mut filled = Filled::default();
    let is_missing = |row: &Row| row.event.queue_length == UNKNOWN;
    if !machines.iter().flatten().any(is_missing) {
        return filled;
    }
    if let Some(reason) = why_idle_is_unknown(machines) {
        filled.unknown = Some(reason);
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
    match recounted(machines, slack, has_shared_time) {
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
        Err(reason) => filled.unknown = Some(reason),
    }
    filled
}

/// Whether machines idle though messages wait, by the lengths that are logged.
fn why_idle_is_unknown(machines: &[Vec<Row>]) -> Option<String> {
    let (mut idle, mut exceptions) = (0usize, 0usize);
    for pair in machines.iter().flat_map(|rows| rows.windows(2)) {
        let waiting = pair[0].event.queue_length;
        if !is_receive(&pair[1]) && waiting != UNKNOWN {
            idle += 1;
            exceptions += usize::from(waiting > 0);
        }
    }
    (exceptions as f64 > EXCEPTIONS * idle as f64).then(|| {
        format!(
            "{exceptions} of {idle} internal events and sends follow on a queue that is not empty, so the length after those without one is not known"
        )
    })
}

/// A message on its way to a machine.
struct Sent {
    time_ns: u64,
    sender: u32,
    tick: u64,
}

/// What was sent to each machine, in the order of time.
fn sent(machines: &[Vec<Row>]) -> Result<Vec<Vec<Sent>>, String> {
    let everybody: Vec<u32> = (0..machines.len() as u32).collect();
    let mut sent: Vec<Vec<Sent>> = machines.iter().map(|_| vec![]).collect();
    for row in machines.iter().flatten() {
        let EventKind::Send { recipients, .. } = &row.event.kind else {
            continue;
        };
        if *recipients == Recipients::One(UNKNOWN_MACHINE) {
            return Err(
                "sends do not say to whom, so queue lengths cannot be recounted".to_owned(),
            );
        }
        for &to in recipients.among(&everybody) {
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

/// How many messages wait after each receive of each machine, or why that cannot be told.
fn recounted(
    machines: &[Vec<Row>],
    slack: SlackNs,
    has_shared_time: bool,
) -> Result<Vec<Vec<u64>>, String> {
    if !has_shared_time {
        return Err(
            "times of different machines do not fit together, so queue lengths cannot be recounted"
                .to_owned(),
        );
    }
    if resolution_ns(machines) > slack.least() {
        return Err(
            "times are too coarse to tell which message came first, so queue lengths cannot be recounted"
                .to_owned(),
        );
    }
    let sent = sent(machines)?;
    let logs = machines.iter().zip(&sent).zip(&slack.0);
    logs.map(|((rows, sent), &slack_ns)| recounted_of(rows, sent, slack_ns))
        .collect()
}

fn recounted_of(rows: &[Row], sent: &[Sent], slack_ns: u64) -> Result<Vec<u64>, String> {
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
        queue.arrive(row.time_ns);
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

/// The queue of a machine as its log goes on.
struct Queue<'s> {
    sent: &'s [Sent],
    is_received: Vec<bool>,
    /// How many messages were sent so far.
    arrived: usize,
    /// How many of them were not received yet.
    waiting: u64,
    /// The first message that was not received yet.
    oldest: usize,
}

impl Queue<'_> {
    /// Lets arrive what was sent before `time_ns`.
    fn arrive(&mut self, time_ns: u64) {
        while self
            .sent
            .get(self.arrived)
            .is_some_and(|sent| sent.time_ns < time_ns)
        {
            self.waiting += u64::from(!self.is_received[self.arrived]);
            self.arrived += 1;
        }
    }

    fn skip_received(&mut self) {
        while self.is_received.get(self.oldest) == Some(&true) {
            self.oldest += 1;
        }
    }

    fn receive(&mut self, index: usize) -> Result<(), String> {
        self.skip_received();
        let oldest = self.sent.get(self.oldest).map(|sent| sent.time_ns);
        if oldest.is_some_and(|oldest| oldest < self.sent[index].time_ns) {
            return Err("messages are not received in the order in which they were sent, so when they arrived is not known".to_owned());
        }
        self.is_received[index] = true;
        self.waiting -= u64::from(index < self.arrived);
        Ok(())
    }

    /// An idle event finds no message that was sent long enough before.
    fn require_empty(&mut self, time_ns: u64, slack_ns: u64) -> Result<(), String> {
        self.skip_received();
        let oldest = self.sent.get(self.oldest).map(|sent| sent.time_ns);
        match oldest.and_then(|sent_ns| time_ns.checked_sub(sent_ns)) {
            Some(before_ns) if before_ns > slack_ns => Err(format!(
                "a machine idles though a message was sent to it {:.3} s before, so when messages arrived is not known",
                before_ns as f64 / 1e9
            )),
            _ => Ok(()),
        }
    }
}
