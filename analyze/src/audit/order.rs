//! Checks the order in which a machine takes messages from its queue.

use super::in_flight::Sent;
use super::log::Log;
use super::setup::Setup;

/// When a message entered a queue: a time or a position in the recipient's log (see `entry_times`), and a number that orders
/// messages with the same time.
type Instant = (u64, u32);

/// Follows the messages that a machine takes from its queue, and checks that the oldest is taken first.
#[derive(Debug)]
pub(super) struct Order<'a> {
    setup: &'a Setup,
    log: &'a Log,
    /// Of each message taken so far, the earliest time at which it can have entered the queue is known. This is the message for which
    /// this time is the largest, with this time.
    latest: Option<(Instant, Sent)>,
}

impl<'a> Order<'a> {
    pub(super) fn new(setup: &'a Setup, log: &'a Log) -> Self {
        Self {
            setup,
            log,
            latest: None,
        }
    }

    /// Records that the machine took `sent` from its queue. Returns another message if it was taken before `sent` and certainly
    /// entered the queue after `sent`.
    pub(super) fn take(&mut self, sent: &Sent) -> Option<Sent> {
        let (from, to) = self.entry_times(sent);
        match self.latest {
            Some((latest, later)) if to < latest => Some(later),
            Some((latest, _)) if from <= latest => None,
            _ => {
                self.latest = Some((from, *sent));
                None
            }
        }
    }

    /// Returns a message that was taken although it certainly entered the queue after `sent`; `None` if there is no such message.
    pub(super) fn passed(&self, sent: &Sent) -> Option<Sent> {
        let (latest, later) = self.latest?;
        (self.entry_times(sent).1 < latest).then_some(later)
    }

    /// The earliest and the latest time at which the message can have entered the queue.
    ///
    /// There are three cases:
    ///
    /// - The run was as scheduled: the times at which the message's shortest and longest delay end. If the delay is constant, both
    ///   are equal. Messages with equal times are then ordered by the number of their sender.
    /// - The run was not as scheduled and has no configured delay: the time of the send, and this time plus the run's largest latency.
    /// - The run was not as scheduled and has a configured delay: positions instead of times. They are the first event of the recipient
    ///   before which the message can have arrived, and the first before which it must have arrived.
    fn entry_times(&self, sent: &Sent) -> (Instant, Instant) {
        let Setup {
            delay_ns,
            latency_ns,
            on_schedule,
            ..
        } = *self.setup;
        if on_schedule {
            let due_ns = self.setup.timetables[sent.sender as usize].due_ns(sent.tick);
            let [from_ns, to_ns] =
                [delay_ns.0, delay_ns.1].map(|delay| due_ns.saturating_add(delay));
            return if self.setup.is_exact() {
                ((from_ns, sent.sender), (to_ns, sent.sender))
            } else {
                ((from_ns, 0), (to_ns, u32::MAX))
            };
        }
        if self.setup.has_delay() {
            return ((sent.possible.into(), 0), (sent.certain.into(), u32::MAX));
        }
        let send = &self.log.machines[sent.sender as usize][sent.position as usize];
        let arrived_ns = send.time_ns.saturating_add(latency_ns);
        ((send.time_ns, 0), (arrived_ns, u32::MAX))
    }
}
