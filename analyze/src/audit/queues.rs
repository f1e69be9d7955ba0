//! Checks the logged queue lengths. A queue length is the number of messages that arrived minus the number of messages received.

use sim::experiment::ReceiveRule;
use sim::machine::EventKind;

use super::checks::Check;
use super::in_flight::{Mailbox, Sent, index_in_log};
use super::log::{Entry, Log};
use super::messages::ReceivedMessages;
use super::setup::Setup;
use super::tally::{At, RunFindings};
use super::words::event;
use crate::output::words::counted;

/// Checks [`Check::Idle`] of `machine`. A tick takes a message if one waits. Only if none waits, the tick is idle: the machine has an
/// internal event or a send. So the queue is empty before and after an idle tick. With `receive = "all"`, it is empty after every tick.
/// Each wrong queue length counts as one violation.
pub(super) fn check_idle(setup: &Setup, log: &Log, machine: usize, findings: &mut RunFindings<'_>) {
    if !setup.known.queue_lengths {
        return;
    }
    let events = &log.machines[machine];
    // The event before `entry`. None if the queue length of that event has been counted as a violation.
    let mut before: Option<&Entry> = None;
    for (position, entry) in events.iter().enumerate() {
        let next = events.get(position + 1);
        let ends_tick = next.is_none_or(|next| next.tick != entry.tick);
        let must_empty = setup.receive == ReceiveRule::All && ends_tick;
        let is_counted = check_idle_event(setup, machine, before, entry, findings)
            || must_empty && check_emptied(machine, entry, findings);
        before = (!is_counted).then_some(entry);
    }
    findings.checked(Check::Idle, events.len() as u64);
}

/// With `receive = "all"`, a tick takes all messages. Checks that `last`, the last event of a tick, leaves no message in the queue. Returns
/// whether it leaves one.
fn check_emptied(machine: usize, last: &Entry, findings: &mut RunFindings<'_>) -> bool {
    if last.queue == 0 {
        return false;
    }
    findings.violated(Check::Idle, At::Row(last.row), || {
        let waiting = counted(last.queue as usize, "message");
        format!(
            "{}. This was the last event of the tick, but it left {waiting} in the queue",
            event(machine, last)
        )
    });
    true
}

/// Checks an internal event or a send: the machine's previous event (`before`) must have left no message in the queue. In a log of the
/// simulator, the queue length of the event itself must be 0 too. In an imported log, it may be above 0, because a message may arrive
/// while the program writes the event. Returns whether the queue length of the event itself is a violation.
fn check_idle_event(
    setup: &Setup,
    machine: usize,
    before: Option<&Entry>,
    entry: &Entry,
    findings: &mut RunFindings<'_>,
) -> bool {
    if matches!(entry.kind, EventKind::Receive(_)) {
        return false;
    }
    if let Some(before) = before.filter(|before| before.queue > 0) {
        findings.violated(Check::Idle, At::Row(entry.row), || {
            let waiting = counted(before.queue as usize, "message");
            format!(
                "{} with {waiting} in its queue since tick {} at the latest",
                event(machine, entry),
                before.tick
            )
        });
    }
    // The timetable (when ticks were due) is known only for runs of the simulator.
    let is_violation = entry.queue > 0 && setup.known.timetable;
    if is_violation {
        findings.violated(Check::Idle, At::Row(entry.row), || {
            let waiting = counted(entry.queue as usize, "message");
            format!("{} with {waiting} in its queue", event(machine, entry))
        });
    }
    is_violation
}

/// Checks [`Check::QueueLength`] and [`Check::Conservation`] of `machine`.
pub(super) fn check(
    setup: &Setup,
    log: &Log,
    machine: usize,
    mailbox: &Mailbox,
    received: &ReceivedMessages,
    findings: &mut RunFindings<'_>,
) {
    let events = &log.machines[machine];
    let arrived = Arrived::new(events, mailbox);
    let mut queue = Queue {
        machine,
        received: 0,
        entered: 0,
        entered_at: Vec::with_capacity(received.len()),
    };
    for (position, entry) in events.iter().enumerate() {
        let log_index = index_in_log(setup, position, entry);
        let receive_index = queue.check_length(entry, log_index, &arrived, findings);
        // A receive is skipped if it is not known which message was received.
        if let Some(receive_index) = receive_index
            && let Some(Some(message_index)) = received.get(receive_index)
        {
            let sent = &mailbox.messages[*message_index as usize];
            queue.check_entered(entry, receive_index, sent, findings);
        }
    }
    findings.checked(Check::QueueLength, events.len() as u64);
    findings.checked(Check::Conservation, 1);
    let last = events.iter().enumerate().next_back();
    let last = last.map(|(position, entry)| (entry, index_in_log(setup, position, entry)));
    queue.check_conservation(last, mailbox.messages.len() as u64, &arrived, findings);
}

/// How many messages had arrived at a machine when each of its events happened. The index of an event in both vectors is the number of its
/// tick if the run was as scheduled. Otherwise it is the position of the event in the machine's log (see [`index_in_log`]).
struct Arrived {
    /// The largest number of messages that can have arrived.
    at_most: Vec<u32>,
    /// The number of messages that must have arrived.
    at_least: Vec<u32>,
}

impl Arrived {
    fn new(events: &[Entry], mailbox: &Mailbox) -> Self {
        // Each vector has one element more than there are events, because a message can arrive after the last event.
        let mut arrived = Self {
            at_most: vec![0; events.len() + 1],
            at_least: vec![0; events.len() + 1],
        };
        // A message can have arrived from `first_possible` on, and must have arrived from `first_certain` on.
        for sent in &mailbox.messages {
            arrived.at_most[sent.first_possible as usize] += 1;
            arrived.at_least[sent.first_certain as usize] += 1;
        }
        // So far, the vectors count the arrivals at each index. Their running sums are the arrivals up to each index.
        for counts in [&mut arrived.at_most, &mut arrived.at_least] {
            let mut sum = 0;
            for count in counts {
                sum += *count;
                *count = sum;
            }
        }
        arrived
    }

    /// The smallest and the largest number of messages that can have arrived when the event at `log_index` happened.
    fn bounds_at(&self, log_index: u64) -> (u64, u64) {
        // In a damaged log, a tick can have a number beyond the end of the vectors. Then the last element is used.
        let last = self.at_most.len() - 1;
        let log_index = usize::try_from(log_index).map_or(last, |index| index.min(last));
        (
            self.at_least[log_index].into(),
            self.at_most[log_index].into(),
        )
    }
}

/// The state of a machine's queue while its log is read.
struct Queue {
    machine: usize,
    /// Number of messages that the machine has received so far.
    received: u64,
    /// Number of messages that have entered the queue so far: the received messages, and those that wait according to the logged queue
    /// length.
    entered: u64,
    /// For each message that has entered the queue, in the order of entering: the first index in the log at which the message was in
    /// the queue.
    entered_at: Vec<u64>,
}

impl Queue {
    /// Compares the queue length after an event with the messages that arrived. For a receive, returns the index
    /// of the event among the machine's receives, from 0.
    fn check_length(
        &mut self,
        entry: &Entry,
        log_index: u64,
        arrived: &Arrived,
        findings: &mut RunFindings<'_>,
    ) -> Option<usize> {
        let is_receive = matches!(entry.kind, EventKind::Receive(_));
        if is_receive {
            self.received += 1;
        }
        let arrived_by_log = self.received.saturating_add(entry.queue);
        let (least, most) = arrived.bounds_at(log_index);
        if arrived_by_log < least || arrived_by_log > most {
            findings.violated(Check::QueueLength, At::Row(entry.row), || {
                self.describe_wrong_length(entry, least, most)
            });
        } else if arrived_by_log < self.entered {
            let lost = self.entered - arrived_by_log;
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
        while self.entered < arrived_by_log.min(most) {
            self.entered += 1;
            self.entered_at.push(log_index);
        }
        is_receive.then(|| self.received as usize - 1)
    }

    /// Describes a queue length that does not fit the number of messages that had arrived. This number is at least `least` and at most
    /// `most`.
    fn describe_wrong_length(&self, entry: &Entry, least: u64, most: u64) -> String {
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

    /// Checks that a received message entered the queue at `sent.first_possible` or later, and at `sent.first_certain` or earlier. The
    /// queue lengths show when the message entered: the nth message that a machine receives is the nth message that entered its queue.
    fn check_entered(
        &self,
        entry: &Entry,
        receive_index: usize,
        sent: &Sent,
        findings: &mut RunFindings<'_>,
    ) {
        let first_possible = u64::from(sent.first_possible);
        let first_certain = u64::from(sent.first_certain);
        // A message is missing in `entered_at` if more messages were received than can have arrived. `check_length` has reported this.
        let Some(&entered_at) = self.entered_at.get(receive_index) else {
            return;
        };
        if entered_at < first_possible || entered_at > first_certain {
            findings.violated(Check::QueueLength, At::Row(entry.row), || {
                let when = if entered_at < first_possible {
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

    /// Checks [`Check::Conservation`]. `last` is the machine's last event with its index in the log, and `sent` the number of messages that
    /// were sent to the machine.
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
        let arrived_by_log = received.saturating_add(queued);
        let (least, most) = arrived.bounds_at(log_index);
        if arrived_by_log < least || arrived_by_log > most {
            findings.violated(Check::Conservation, At::Row(last.row), || {
                format!(
                    "{} were sent to machine {}, but the log does not account for all of them: at its last event it had received {received}, {queued} waited in its queue, and {} to {} others can have been under way",
                    counted(sent as usize, "message"),
                    self.machine,
                    sent - most,
                    sent - least
                )
            });
        }
    }
}
