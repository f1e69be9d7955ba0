//! What was sent to each machine, and when it can have been there.

use sim::machine::EventKind;

use super::log::{Entry, Log};
use super::setup::Setup;

/// A message on its way to one machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) sender: u32,
    /// Which of the sender's events sent it.
    pub(super) position: u32,
    /// The sender's tick.
    pub(super) tick: u64,
    /// The recipient's first place at which it can have been in the queue.
    pub(super) possible: u32,
    /// The recipient's first place at which it must have been there, if it was not received before.
    pub(super) certain: u32,
}

/// What was sent to one machine, sender by sender, each sender's messages in the order of its log.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    pub(super) messages: Vec<Sent>,
    /// Where each sender's messages begin; and the end.
    pub(super) links: Vec<u32>,
}

/// The mailbox of every machine.
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

/// Where in a machine's log an event stands, for a [`Sent::possible`] and [`Sent::certain`]: its tick where the schedule settles
/// what is seen, and otherwise which of the events it is.
pub(super) fn place(setup: &Setup, position: usize, entry: &Entry) -> u64 {
    if setup.on_schedule {
        entry.tick
    } else {
        position as u64
    }
}

/// The places of machine `to` from which on it can have, and from which on it must have, what was sent in the event `sent`.
///
/// Where the run was on schedule, a tick sees what was through before it was due. Where not, a message was queued some time
/// between its sending and the greatest latency of the run after it, and with a modelled delay is seen only by a tick that is
/// due after that.
fn window(setup: &Setup, log: &Log, sender: usize, sent: &Entry, to: usize) -> (u32, u32) {
    let due_ns = setup.timetables[sender].due_ns(sent.tick);
    let (from_ns, to_ns) = setup.delay_ns;
    let through = [from_ns, to_ns].map(|delay_ns| due_ns.saturating_add(delay_ns));
    let (timetable, events) = (&setup.timetables[to], &log.machines[to]);
    if setup.on_schedule {
        let seen = |ns: u64| timetable.first_after(ns).min(events.len() as u64) as u32;
        return (seen(through[0]), seen(through[1]));
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
