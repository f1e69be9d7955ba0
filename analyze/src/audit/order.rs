//! Checks that a machine takes messages from its queue in the order in which they entered the queue.

use super::in_flight::Sent;
use super::log::Log;
use super::setup::Setup;

/// When a message arrived in a queue. The first number is a time or a position in the recipient's log (see [`QueueOrder::arrival_times`]).
/// The second number orders messages for which the first number is equal.
type ArrivalTime = (u64, u32);

/// Follows the messages that a machine takes from its queue, and checks that the oldest message is always taken first.
#[derive(Debug)]
pub(super) struct QueueOrder<'a> {
    setup: &'a Setup,
    log: &'a Log,
    /// Every message has an earliest possible arrival time (see [`QueueOrder::arrival_times`]). This field has the largest of these times
    /// among the messages taken so far, and the message with this time. Example: the time is 5 s, so the message arrived at 5 s or later.
    /// If the machine now takes another message that arrived at 4 s or earlier, the order is wrong.
    last_entered: Option<(ArrivalTime, Sent)>,
}

impl<'a> QueueOrder<'a> {
    /// The state before the machine takes its first message.
    pub(super) fn new(setup: &'a Setup, log: &'a Log) -> Self {
        Self {
            setup,
            log,
            last_entered: None,
        }
    }

    /// Records that the machine took `sent` from its queue. Returns a message that was taken before `sent` although it certainly entered the
    /// queue after `sent`. `None` if there is no such message.
    pub(super) fn take(&mut self, sent: &Sent) -> Option<Sent> {
        let (earliest, latest) = self.arrival_times(sent);
        let too_early = self.find_entered_after(latest);
        if self
            .last_entered
            .is_none_or(|(earliest_of_last, _)| earliest > earliest_of_last)
        {
            self.last_entered = Some((earliest, *sent));
        }
        too_early
    }

    /// For a message `sent` that the machine never took: returns a message that the machine took and that certainly entered the queue after
    /// `sent`. `None` if there is no such message.
    pub(super) fn find_taken_too_early(&self, sent: &Sent) -> Option<Sent> {
        self.find_entered_after(self.arrival_times(sent).1)
    }

    /// Returns the message in `last_entered`, if this message certainly entered the queue after `time`.
    fn find_entered_after(&self, time: ArrivalTime) -> Option<Sent> {
        let (earliest_of_last, last) = self.last_entered?;
        (time < earliest_of_last).then_some(last)
    }

    /// The earliest and the latest time at which the message can have arrived in the queue.
    ///
    /// There are three cases:
    ///
    /// - The run was as scheduled. The delay of a message begins when the tick of its send is due. The earliest arrival is at the end of
    ///   the shortest configured delay, the latest arrival at the end of the longest. If the delay is constant, both times are equal,
    ///   and messages with equal times arrive in the order of their senders' numbers.
    /// - The run was not as scheduled and has no configured delay. The earliest arrival is at the time of the send. The latest arrival is
    ///   later than the send by the largest latency of the run.
    /// - The run was not as scheduled and has a configured delay. Then positions in the recipient's log take the place of times (see
    ///   [`Sent::first_possible`] and [`Sent::first_certain`]).
    ///
    /// The order of messages with equal times is known only in the first case with a constant delay. In all other cases, the second
    /// number of an [`ArrivalTime`] is 0 for the earliest arrival and `u32::MAX` for the latest. So in these cases, two messages that can
    /// have arrived at the same time are never reported as taken in the wrong order.
    fn arrival_times(&self, sent: &Sent) -> (ArrivalTime, ArrivalTime) {
        let Setup {
            delay_ns: (shortest_ns, longest_ns),
            latency_ns,
            as_scheduled,
            ..
        } = *self.setup;
        if as_scheduled {
            let due_ns = self.setup.timetables[sent.sender as usize].due_ns(sent.tick);
            let earliest_ns = due_ns.saturating_add(shortest_ns);
            let latest_ns = due_ns.saturating_add(longest_ns);
            return if self.setup.knows_arrival_times() {
                ((earliest_ns, sent.sender), (latest_ns, sent.sender))
            } else {
                ((earliest_ns, 0), (latest_ns, u32::MAX))
            };
        }
        if self.setup.has_delay() {
            return (
                (sent.first_possible.into(), 0),
                (sent.first_certain.into(), u32::MAX),
            );
        }
        let send = &self.log.machines[sent.sender as usize][sent.position as usize];
        let latest_arrival_ns = send.time_ns.saturating_add(latency_ns);
        ((send.time_ns, 0), (latest_arrival_ns, u32::MAX))
    }
}
