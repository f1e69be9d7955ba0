//! Checks queue lengths: the number of messages that arrived minus the number of messages received.

use sim::experiment::ReceiveRule;
use sim::machine::EventKind;

use super::checks::Check;
use super::in_flight::{Mailbox, Sent, log_index};
use super::log::{Entry, Log};
use super::messages::TakenMessages;
use super::setup::Setup;
use super::tally::{At, RunFindings};
use super::words::event;
use crate::output::words::counted;

/// Checks [`Check::Idle`] of `machine`. A tick takes a message if one waits. So the queue is empty before and after an idle tick.
pub(super) fn check_idle(setup: &Setup, log: &Log, machine: usize, findings: &mut RunFindings<'_>) {
    if !setup.known.queue_lengths {
        return;
    }
    let events = &log.machines[machine];
    let mut before: Option<&Entry> = None;
    for entry in events {
        check_idle_event(setup, machine, before, entry, findings);
        if setup.receive == ReceiveRule::All {
            let ended = before.filter(|before| before.tick != entry.tick);
            check_taken(machine, ended, findings);
        }
        before = Some(entry);
    }
    if setup.receive == ReceiveRule::All {
        check_taken(machine, before, findings);
    }
    findings.checked(Check::Idle, events.len() as u64);
}

/// With receive = all, checks that the last event of a tick leaves no message in the queue.
fn check_taken(machine: usize, last: Option<&Entry>, findings: &mut RunFindings<'_>) {
    if let Some(last) = last.filter(|last| last.queue > 0) {
        findings.violated(Check::Idle, At::Row(last.row), || {
            let waiting = counted(last.queue as usize, "message");
            format!(
                "{}, which was the last event of its tick, and left {waiting} in the queue",
                event(machine, last)
            )
        });
    }
}

/// Checks the queue length of an idle event. In an imported log, a message may arrive while the program writes an idle event, so
/// the length may be above 0. There, an idle event is wrong only if the previous event also left messages in the queue.
fn check_idle_event(
    setup: &Setup,
    machine: usize,
    before: Option<&Entry>,
    entry: &Entry,
    findings: &mut RunFindings<'_>,
) {
    if matches!(entry.kind, EventKind::Receive(_)) {
        return;
    }
    if entry.queue > 0 && setup.known.timetable {
        findings.violated(Check::Idle, At::Row(entry.row), || {
            let waiting = counted(entry.queue as usize, "message");
            format!("{} with {waiting} in its queue", event(machine, entry))
        });
    } else if let Some(before) = before.filter(|before| before.queue > 0) {
        findings.violated(Check::Idle, At::Row(entry.row), || {
            let waiting = counted(before.queue as usize, "message");
            format!(
                "{} with {waiting} in its queue since tick {} at the latest",
                event(machine, entry),
                before.tick
            )
        });
    }
}

/// Checks [`Check::QueueLength`] and [`Check::Conservation`] of `machine`.
pub(super) fn check(
    setup: &Setup,
    log: &Log,
    machine: usize,
    mailbox: &Mailbox,
    taken: &TakenMessages,
    findings: &mut RunFindings<'_>,
) {
    let events = &log.machines[machine];
    let arrived = Arrived::new(events, mailbox);
    let mut queue = Queue {
        machine,
        received: 0,
        entered: 0,
        entered_at: Vec::with_capacity(taken.len()),
    };
    for (position, entry) in events.iter().enumerate() {
        let log_index = log_index(setup, position, entry);
        let ordinal = queue.check_length(entry, log_index, &arrived, findings);
        if let Some(ordinal) = ordinal
            && let Some(Some(index)) = taken.get(ordinal)
        {
            let sent = &mailbox.messages[*index as usize];
            queue.check_entered(entry, ordinal, sent, findings);
        }
    }
    findings.checked(Check::QueueLength, events.len() as u64);
    findings.checked(Check::Conservation, 1);
    let last = events.len().checked_sub(1);
    let last = last.map(|last| (&events[last], log_index(setup, last, &events[last])));
    queue.check_conservation(last, mailbox.messages.len() as u64, &arrived, findings);
}

/// How many messages can have arrived, and how many must have arrived, at each index in a machine's log (see [`log_index`]).
struct Arrived {
    possible: Vec<u32>,
    certain: Vec<u32>,
}

impl Arrived {
    fn new(events: &[Entry], mailbox: &Mailbox) -> Self {
        let places = events.len();
        let mut arrived = Self {
            possible: vec![0; places + 1],
            certain: vec![0; places + 1],
        };
        for sent in &mailbox.messages {
            arrived.possible[sent.possible as usize] += 1;
            arrived.certain[sent.certain as usize] += 1;
        }
        for counts in [&mut arrived.possible, &mut arrived.certain] {
            let mut sum = 0;
            for count in counts {
                sum += *count;
                *count = sum;
            }
        }
        arrived
    }

    /// The smallest and the largest possible number of messages that arrived by `log_index`.
    fn bounds_at(&self, log_index: u64) -> (u64, u64) {
        let last = self.possible.len() - 1;
        let log_index = usize::try_from(log_index).map_or(last, |log_index| log_index.min(last));
        (
            self.certain[log_index].into(),
            self.possible[log_index].into(),
        )
    }
}

/// The state of a machine's queue while its log is read.
struct Queue {
    machine: usize,
    received: u64,
    /// Number of messages that have entered the queue so far, according to the log's queue lengths.
    entered: u64,
    /// For each of these messages, the first index in the log at which the message was in the queue.
    entered_at: Vec<u64>,
}

impl Queue {
    /// Compares the queue length after an event with the messages that arrived. For a receive, returns its index among the
    /// machine's receives, from 0.
    fn check_length(
        &mut self,
        entry: &Entry,
        log_index: u64,
        arrived: &Arrived,
        findings: &mut RunFindings<'_>,
    ) -> Option<usize> {
        let is_receive = matches!(entry.kind, EventKind::Receive(_));
        self.received += u64::from(is_receive);
        let entered = self.received.saturating_add(entry.queue);
        let (least, most) = arrived.bounds_at(log_index);
        if entered < least || entered > most {
            findings.violated(Check::QueueLength, At::Row(entry.row), || {
                self.wrong_length(entry, least, most)
            });
        } else if entered < self.entered {
            let lost = self.entered - entered;
            findings.violated(Check::QueueLength, At::Row(entry.row), || {
                let lost = counted(lost as usize, "message");
                format!(
                    "{}: its queue length is {}, so {lost} left the queue without being received",
                    event(self.machine, entry),
                    entry.queue
                )
            });
        }
        // In a damaged log, a queue length can be extremely large. So this loop stops at the number of messages that can have
        // arrived.
        while self.entered < entered.min(most) {
            self.entered += 1;
            self.entered_at.push(log_index);
        }
        is_receive.then(|| self.received as usize - 1)
    }

    fn wrong_length(&self, entry: &Entry, least: u64, most: u64) -> String {
        let bounds = if least == most {
            counted(least as usize, "message")
        } else {
            format!("{least} to {}", counted(most as usize, "message"))
        };
        format!(
            "{}: its queue length is {}, but {bounds} had arrived and {} had been received",
            event(self.machine, entry),
            entry.queue,
            self.received
        )
    }

    /// The queue lengths show when the message of a receive entered the queue: the nth message that a machine receives is the nth
    /// that entered its queue. Checks that the message can have arrived at that time.
    fn check_entered(
        &self,
        entry: &Entry,
        ordinal: usize,
        sent: &Sent,
        findings: &mut RunFindings<'_>,
    ) {
        let (possible, certain) = (u64::from(sent.possible), u64::from(sent.certain));
        let Some(&entered) = self.entered_at.get(ordinal) else {
            return;
        };
        if entered < possible || entered > certain {
            findings.violated(Check::QueueLength, At::Row(entry.row), || {
                let when = if entered < possible {
                    "earlier"
                } else {
                    "later"
                };
                format!(
                    "{}: according to the queue lengths, this message arrived {when} than it can have arrived",
                    event(self.machine, entry)
                )
            });
        }
    }

    fn check_conservation(
        &self,
        last: Option<(&Entry, u64)>,
        sent: u64,
        arrived: &Arrived,
        findings: &mut RunFindings<'_>,
    ) {
        // A machine without ticks receives nothing and logs no queue length. All messages to it may be under way.
        let Some((last, log_index)) = last else {
            return;
        };
        let (received, queued) = (self.received, last.queue);
        let accounted = received.saturating_add(queued);
        let (least, most) = arrived.bounds_at(log_index);
        if accounted < least || accounted > most {
            findings.violated(Check::Conservation, At::Row(last.row), || {
                format!(
                    "{} were sent to machine {}. At its last event it had received {received}, and {queued} waited in its queue. From {} to {} others may have been under way",
                    counted(sent as usize, "message"),
                    self.machine,
                    sent - most,
                    sent - least
                )
            });
        }
    }
}
