//! Lists the messages that were sent to each machine. It is not always known when a message arrived. So for each message, this module finds
//! two events of the recipient. From the event `first_possible` on, the message can have entered the recipient's queue. From the event
//! `first_certain` on, the message must have entered the queue.

use sim::machine::EventKind;

use super::log::{Entry, Log};
use super::setup::Setup;

/// A message to one machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) sender: u32,
    /// The index of the send among the sender's events, from 0.
    pub(super) position: u32,
    /// The sender's tick at which the message was sent.
    pub(super) tick: u64,
    /// The first index in the recipient's log (see [`index_in_log`]) at which the message can have been in the recipient's queue.
    pub(super) first_possible: u32,
    /// The first index in the recipient's log at which the message must have entered the recipient's queue.
    pub(super) first_certain: u32,
}

/// The messages to one machine: first those of sender 0, then those of sender 1, and so on. The messages of a sender are in the
/// order of the sender's log.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    pub(super) messages: Vec<Sent>,
    /// For each sender, the index of the sender's first message in `messages`. The messages of sender s have the indices from
    /// `starts[s]` to `starts[s + 1] - 1`. For the last sender this needs one more element at the end: the total number of messages.
    pub(super) starts: Vec<u32>,
}

/// Makes the mailboxes of all machines from the sends in the log.
pub(super) fn make_mailboxes(setup: &Setup, log: &Log) -> Vec<Mailbox> {
    let mut mailboxes: Vec<Mailbox> = log.machines.iter().map(|_| Mailbox::default()).collect();
    // Appends to `starts` of each mailbox the number of its messages so far. This number is the index of the next sender's first message.
    let push_start = |mailboxes: &mut [Mailbox]| {
        for mailbox in mailboxes {
            mailbox.starts.push(mailbox.messages.len() as u32);
        }
    };
    let all_machines: Vec<u32> = (0..mailboxes.len() as u32).collect();
    for (sender, events) in log.machines.iter().enumerate() {
        push_start(&mut mailboxes);
        for (position, entry) in events.iter().enumerate() {
            let EventKind::Send { recipients, .. } = &entry.kind else {
                continue;
            };
            // For a send to all, `among` returns all machines. The filter below keeps those to which the sender may send.
            let recipients = recipients.among(&all_machines).iter();
            let recipients = recipients.map(|&to| to as usize);
            // A damaged log may name a recipient that does not exist.
            let may_receive =
                |to: &usize| *to < log.machines.len() && setup.model.may_send(sender, *to);
            for to in recipients.filter(may_receive) {
                let (first_possible, first_certain) =
                    arrival_indices(setup, log, sender, entry, to);
                mailboxes[to].messages.push(Sent {
                    sender: sender as u32,
                    position: position as u32,
                    tick: entry.tick,
                    first_possible,
                    first_certain,
                });
            }
        }
    }
    push_start(&mut mailboxes);
    mailboxes
}

/// The index of an event in its machine's log, as used in [`Sent::first_possible`] and [`Sent::first_certain`]. `position` is the number of
/// events of this machine before the event.
///
/// If the run was as scheduled, the index is the number of the event's tick, because the schedule says between which ticks a message arrives.
/// Otherwise the index is `position`, because the time of an arrival is then compared with the logged time of each event.
pub(super) fn index_in_log(setup: &Setup, position: usize, entry: &Entry) -> u64 {
    if setup.as_scheduled {
        entry.tick
    } else {
        position as u64
    }
}

/// Returns two indices in the log of machine `to`: the first at which the message of event `send` can have arrived, and the first
/// at which it must have arrived.
///
/// If the run was as scheduled, a message enters the queue before the first tick of its recipient that is due later than the tick of the
/// send. In other runs, it is not known when a message entered the queue, only that this was after the send, and at most the run's largest
/// latency later.
///
/// The configuration can give messages a delay. Then, in every run (as scheduled or not), a message enters the queue only when its delay is
/// over. Only ticks that are due after the end of the delay find the message. If delays are random, only the earliest and the latest possible
/// end of a delay are known.
fn arrival_indices(setup: &Setup, log: &Log, sender: usize, send: &Entry, to: usize) -> (u32, u32) {
    let due_ns = setup.timetables[sender].due_ns(send.tick);
    let (shortest_ns, longest_ns) = setup.delay_ns;
    let earliest_end_ns = due_ns.saturating_add(shortest_ns);
    let latest_end_ns = due_ns.saturating_add(longest_ns);
    let (timetable, events) = (&setup.timetables[to], &log.machines[to]);
    if setup.as_scheduled {
        // A damaged log may have fewer events than ticks. The lists of arrivals (`Arrived` in queues.rs) have one element more than there
        // are events. So their largest index is the number of events, and a larger index is replaced by it.
        let first_seen =
            |end_ns: u64| timetable.first_tick_after(end_ns).min(events.len() as u64) as u32;
        return (first_seen(earliest_end_ns), first_seen(latest_end_ns));
    }
    let latest_arrival_ns = send.time_ns.saturating_add(setup.latency_ns);
    // In an imported log, the logged time of the send may be too late, by at most `late_ns`.
    let late_ns = setup.logged_late_ns(sender, to);
    let mut first_possible =
        events.partition_point(|entry| entry.time_ns.saturating_add(late_ns) < send.time_ns);
    let mut first_certain = events.partition_point(|entry| entry.time_ns <= latest_arrival_ns);
    if setup.has_delay() {
        let first_due_after =
            |end_ns: u64| events.partition_point(|entry| timetable.due_ns(entry.tick) <= end_ns);
        first_possible = first_possible.max(first_due_after(earliest_end_ns));
        first_certain = first_certain.max(first_due_after(latest_end_ns));
    }
    (first_possible as u32, first_certain as u32)
}
