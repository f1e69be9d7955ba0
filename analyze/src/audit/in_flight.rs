//! The messages that were sent to each machine, and when they can have arrived.

use sim::machine::EventKind;

use super::log::{Entry, Log};
use super::setup::Setup;

/// A message to one machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) sender: u32,
    /// Index of the send among the sender's events.
    pub(super) position: u32,
    /// The tick of the send.
    pub(super) tick: u64,
    /// The first index in the recipient's log at which the message can have been in its queue (see [`log_index`]).
    pub(super) possible: u32,
    /// The first index in the recipient's log at which the message must have entered its queue.
    pub(super) certain: u32,
}

/// The messages to one machine, sender by sender, each sender's messages in the order of its log.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    pub(super) messages: Vec<Sent>,
    /// For each sender, the index of its first message. The last element is the number of all messages.
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

/// The index of an event in its machine's log, as used in [`Sent::possible`] and [`Sent::certain`]. It is the event's tick if the
/// run was on schedule, and otherwise the index of the event among the machine's events.
pub(super) fn log_index(setup: &Setup, position: usize, entry: &Entry) -> u64 {
    if setup.on_schedule {
        entry.tick
    } else {
        position as u64
    }
}

/// The first indices in the log of machine `to` at which the message of event `sent` can have arrived and must have arrived.
///
/// If the run was on schedule, a tick sees all messages that arrived before it was due. Otherwise a message entered the queue between
/// its send and the time that is later by the run's largest latency. With a modelled delay, only ticks that are due after the delay see
/// the message.
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
