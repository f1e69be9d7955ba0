//! Did every message arrive when the schedule says, as far as ticks can tell?
//!
//! A tick sees what was sent before it was due, and nothing else. So a message must be queued after every tick due up to its
//! sending, and before every later one; and after the messages that were sent before it. If all are, then by induction over the
//! ticks in the order in which they are due, every event is the one that the virtual engine makes of the same seed - however
//! late the ticks were.

use std::collections::HashMap;

use crate::experiment::{Configuration, Delay, Schedule};
use crate::machine::{MachineIndex, Message};

pub(super) struct Arrivals {
    /// Whether all have been in order so far.
    pub(super) as_scheduled: bool,
    /// With modelled delays the network queue holds messages until their time, and puts them in order; but those of one sender
    /// must come in the order in which they were sent.
    delayed: bool,
    /// When each machine's last message was sent, and by whom.
    last: Vec<(u64, MachineIndex)>,
    /// With modelled delays: the last tick that sent from a machine to a machine.
    last_of_link: HashMap<(MachineIndex, usize), u64>,
}

impl Arrivals {
    pub(super) fn new(configuration: &Configuration) -> Self {
        Self {
            as_scheduled: true,
            delayed: configuration.delay != Delay::NONE,
            last: vec![(0, 0); configuration.rates.machines() as usize],
            last_of_link: HashMap::new(),
        }
    }

    /// A message has arrived at `recipient`, which has done `done` ticks.
    pub(super) fn check(
        &mut self,
        recipient: usize,
        done: u64,
        message: &Message,
        sent_ns: u64,
        delay_ns: u64,
        schedule: &Schedule,
    ) {
        let missed = done > 0 && schedule.due_ns(recipient, done - 1) > sent_ns + delay_ns;
        let this = (sent_ns, message.sender);
        let early = !self.delayed
            && done < schedule.ticks(recipient)
            && schedule.due_ns(recipient, done) <= sent_ns;
        let overtaken = if self.delayed {
            let link = (message.sender, recipient);
            let last = self.last_of_link.insert(link, message.sent_tick);
            last.is_some_and(|last| message.sent_tick < last)
        } else {
            this < std::mem::replace(&mut self.last[recipient], this)
        };
        self.as_scheduled &= !(missed || early || overtaken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Experiment, Overrides};

    /// Two machines at 1 and 2 ticks a second, all ticks aligned: due at 0, 1, 2 s and 0, 0.5, 1 s and so on.
    fn checked(delay: &str, arrivals: &[(u64, MachineIndex, u64)]) -> bool {
        let text = format!(
            "seed = 1\nduration_s = 10\n[parameters]\nrates = [1, 2]\ninternal = 0.5\nphase = \"aligned\"\ndelay_s = {delay}"
        );
        let experiment = Experiment::parse(&text, "test.toml".as_ref(), Overrides::default());
        let experiment = experiment.unwrap_or_else(|error| panic!("{error}"));
        let run = experiment.run(0).expect("one");
        let schedule = run.schedule(experiment.seed);
        let mut checked = Arrivals::new(&run.configuration);
        for &(done, sender, sent_tick) in arrivals {
            let message = Message {
                sender,
                stamp: 1,
                sent_tick,
            };
            let sent_ns = schedule.due_ns(sender as usize, sent_tick);
            let delay_ns = u64::from(delay != "0") * 600_000_000;
            checked.check(0, done, &message, sent_ns, delay_ns, &schedule);
        }
        checked.as_scheduled
    }

    #[test]
    fn between_the_right_ticks() {
        // Sent at 0.5 s: after machine 0's tick at 0, before that at 1 s.
        assert!(checked("0", &[(1, 1, 1)]));
        assert!(!checked("0", &[(0, 1, 1)]), "seen too early");
        assert!(!checked("0", &[(2, 1, 1)]), "missed a tick");
        // Sent at 1 s: not for the tick at the same instant.
        assert!(checked("0", &[(2, 1, 2)]));
        assert!(!checked("0", &[(1, 1, 2)]));
    }

    #[test]
    fn in_the_order_of_sending() {
        assert!(checked("0", &[(1, 1, 0), (1, 1, 1)]));
        assert!(!checked("0", &[(1, 1, 1), (1, 1, 0)]));
    }

    #[test]
    fn delayed_messages_may_come_any_time_before_they_are_due() {
        // Sent at 0.5 s and 0.6 s under way: for the tick at 2 s.
        for done in [0, 1, 2] {
            assert!(checked("0.6", &[(done, 1, 1)]), "{done}");
        }
        assert!(!checked("0.6", &[(3, 1, 1)]));
        // But those of one sender in their order.
        assert!(checked("0.6", &[(1, 1, 1), (1, 1, 2)]));
        assert!(!checked("0.6", &[(1, 1, 2), (1, 1, 1)]));
    }
}
