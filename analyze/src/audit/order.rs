//! The order in which messages entered a machine's queue, as far as it is known.

use super::in_flight::Sent;
use super::log::Log;
use super::setup::Setup;

/// A time or a position in the recipient's log (see `entry_times`), and a number that orders messages of the same time.
type Instant = (u64, u32);

/// Follows the messages that a machine takes from its queue, and checks that the oldest is taken first.
#[derive(Debug)]
pub(super) struct Order<'a> {
    setup: &'a Setup,
    log: &'a Log,
    /// Of the messages taken so far, the one whose earliest possible entry into the queue is the latest, with that time.
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

    /// Records that the machine took `sent` from its queue. Returns a message that was taken earlier if it is certain that this message
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

    /// Returns a message that was taken although it entered the queue later than `sent`, or `None` if there is none.
    pub(super) fn passed(&self, sent: &Sent) -> Option<Sent> {
        let (latest, later) = self.latest?;
        (self.entry_times(sent).1 < latest).then_some(later)
    }

    /// The earliest and the latest time at which the message can have entered the queue.
    ///
    /// In a run that was as scheduled, these are the first and the last time at which the message's delay can have ended. If the delay is
    /// constant, both are equal, and of messages with the same time, that of the sender with the lowest number is first. In another run
    /// without a configured delay, the earliest time is that of the send, and the latest is later by the run's largest latency. With a
    /// configured delay, the result is no time but a position: the first event of the recipient before which the message can have
    /// arrived, and the first before which it must have arrived.
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
