//! In which order messages came to wait in a machine's queue, as far as that is known.

use super::in_flight::Sent;
use super::log::Log;
use super::setup::Setup;

/// When a message came to wait, and what decides between two of the same instant.
type Instant = (u64, u32);

/// Follows the messages that a machine takes from its queue. A queue gives out first what came first.
#[derive(Debug)]
pub(super) struct Order<'a> {
    setup: &'a Setup,
    log: &'a Log,
    /// Of the messages taken, the one that came last, and when at the earliest.
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

    /// Takes the next message. Returns one that was taken before, though it came later.
    pub(super) fn take(&mut self, sent: &Sent) -> Option<Sent> {
        let (from, to) = self.came(sent);
        match self.latest {
            Some((latest, later)) if to < latest => Some(later),
            Some((latest, _)) if from <= latest => None,
            _ => {
                self.latest = Some((from, *sent));
                None
            }
        }
    }

    /// A message that was taken, though it came later than `sent`.
    pub(super) fn passed(&self, sent: &Sent) -> Option<Sent> {
        let (latest, later) = self.latest?;
        (self.came(sent).1 < latest).then_some(later)
    }

    /// When the message came to wait, at the earliest and at the latest.
    ///
    /// On schedule that is when its delay was over, and of several at one instant the lowest sender's is first. Otherwise it is
    /// some time from its sending to the greatest latency later; and where there is a modelled delay too, some tick of the
    /// recipient.
    fn came(&self, sent: &Sent) -> (Instant, Instant) {
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
