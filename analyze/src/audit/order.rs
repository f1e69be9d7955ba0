//! The order in which messages entered a machine's queue, as far as it is known.

use super::in_flight::Sent;
use super::log::Log;
use super::setup::Setup;

/// A time, and a number that orders messages of the same time.
type Instant = (u64, u32);

/// Follows the messages that a machine takes from its queue, and checks that the oldest is taken first.
#[derive(Debug)]
pub(super) struct Order<'a> {
    setup: &'a Setup,
    log: &'a Log,
    /// Of the messages taken so far, the one that entered the queue last, with its earliest time.
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

    /// Takes the next message from the queue. If the machine took another message before it that entered the queue later, returns this
    /// other message.
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
    /// constant, both are equal, and of messages with the same time, that of the sender with the lowest number is first. In another run,
    /// the earliest time is that of the send, and the latest is later by the run's largest latency. With a modelled delay, a message
    /// enters at a tick of the recipient.
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
