//! The messages to each machine: when they were sent, and when they can have arrived.

use sim::machine::EventKind;

use super::log::{Entry, Log};
use super::setup::Setup;

/// A message to one machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) sender: u32,
    /// The index of the send among the sender's events.
    pub(super) position: u32,
    /// The tick of the send.
    pub(super) tick: u64,
    /// The first index in the recipient's log at which the message can have been in its queue (see [`log_index`]).
    pub(super) possible: u32,
    /// The first index in the recipient's log at which the message must have entered its queue.
    pub(super) certain: u32,
}

/// The messages to one machine: first those of sender 0, then those of sender 1, and so on. The messages of a sender are in the
/// order of its log.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    pub(super) messages: Vec<Sent>,
    /// For each sender, the index of its first message. The last element is the total number of messages.
    pub(super) links: Vec<u32>,
}

/// The mailboxes of all machines.
pub(super) fn boxes(setup: &Setup, log: &Log) -> Vec<Mailbox> {
    let mut boxes: Vec<Mailbox> = log.machines.iter().map(|_| Mailbox::default()).collect();
    let begin = |boxes: &mut [Mailbox]| {
        boxes
            .iter_mut()
            .for_each(|to| to.links.push(to.messages.len() as u32));
    };
    let everybody: Vec<u32> = (0..boxes.len() as u32).collect();
    for (sender, events) in log.machines.iter().enumerate() {
        begin(&mut boxes);
        for (position, entry) in events.iter().enumerate() {
            let EventKind::Send { recipients, .. } = &entry.kind else {
                continue;
            };
            let to = recipients.among(&everybody).iter().map(|&to| to as usize);
            for to in to.filter(|&to| to < log.machines.len() && setup.model.may_send(sender, to)) {
                let (possible, certain) = window(setup, log, sender, entry, to);
                boxes[to].messages.push(Sent {
                    sender: sender as u32,
                    position: position as u32,
                    tick: entry.tick,
                    possible,
                    certain,
                });
            }
        }
    }
    begin(&mut boxes);
    boxes
}

/// The index of an event in its machine's log, as used in [`Sent::possible`] and [`Sent::certain`]. If the run was as scheduled,
/// it is the number of the event's tick. Otherwise it is the index of the event among the machine's events.
pub(super) fn log_index(setup: &Setup, position: usize, entry: &Entry) -> u64 {
    if setup.on_schedule {
        entry.tick
    } else {
        position as u64
    }
}

/// Returns two indices in the log of machine `to`: the first at which the message of event `sent` can have arrived, and the first
/// at which it must have arrived.
///
/// If the run was as scheduled, a tick finds all messages that arrived before the tick was due. Otherwise a message entered the
/// queue at an unknown time: after its send, and at most the run's largest latency later. If the configuration has a delay, only
/// ticks that are due after the delay find the message.
fn window(setup: &Setup, log: &Log, sender: usize, sent: &Entry, to: usize) -> (u32, u32) {
    let due_ns = setup.timetables[sender].due_ns(sent.tick);
    let (from_ns, to_ns) = setup.delay_ns;
    let through = [from_ns, to_ns].map(|delay_ns| due_ns.saturating_add(delay_ns));
    let (timetable, events) = (&setup.timetables[to], &log.machines[to]);
    if setup.on_schedule {
        let first_seen = |ns: u64| timetable.first_after(ns).min(events.len() as u64) as u32;
        return (first_seen(through[0]), first_seen(through[1]));
    }
    let arrived_ns = sent.time_ns.saturating_add(setup.latency_ns);
    let late_ns = setup.logged_late_ns(sender, to);
    let mut possible =
        events.partition_point(|entry| entry.time_ns.saturating_add(late_ns) < sent.time_ns);
    let mut certain = events.partition_point(|entry| entry.time_ns <= arrived_ns);
    if setup.has_delay() {
        let due_after =
            |ns: u64| events.partition_point(|entry| timetable.due_ns(entry.tick) <= ns);
        possible = possible.max(due_after(through[0]));
        certain = certain.max(due_after(through[1]));
    }
    (possible as u32, certain as u32)
}
