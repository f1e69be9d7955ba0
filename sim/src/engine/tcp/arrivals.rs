//! Checks whether each message arrived as scheduled: between the right two ticks of its recipient, and in the right order.
//!
//! In the virtual engine, a tick finds exactly the messages that were sent before the tick was due. So over TCP a message must be
//! queued after every tick of its recipient that was due before the message was sent, before every later tick, and after all
//! messages that were sent earlier. If this is so for all messages, every tick has the same input in both engines. Then all
//! events are the same, even if ticks were late.

use std::collections::HashMap;

use crate::experiment::{Configuration, Delay, Schedule};
use crate::machine::{MachineIndex, Message};

pub(super) struct Arrivals {
    /// Whether all messages so far arrived as scheduled.
    pub(super) as_scheduled: bool,
    /// Whether the configuration has delays. Then arrived messages are kept and sorted until their delay is over. So only the
    /// order of messages from the same sender is checked.
    delayed: bool,
    /// For each machine, the time and the sender of the last message to it.
    last: Vec<(u64, MachineIndex)>,
    /// With delays: the tick at which the last message from one machine to another was sent.
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

    /// Checks a message that has arrived at `recipient` after `done` ticks of the recipient.
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

    /// Checks arrivals at two machines with 1 and 2 ticks a second and aligned phases: ticks are due at 0, 1, 2 s and at 0, 0.5, 1
    /// s.
    fn check_all(delay: &str, arrivals: &[(u64, MachineIndex, u64)]) -> bool {
        let text = format!(
            "seed = 1\nduration_s = 10\n[parameters]\nrates = [1, 2]\ninternal = 0.5\nphase = \"aligned\"\ndelay_s = {delay}"
        );
        let experiment = Experiment::parse(&text, "test.toml".as_ref(), Overrides::default());
        let experiment = experiment.unwrap_or_else(|error| panic!("{error}"));
        let run = experiment.run(0).expect("one");
        let schedule = run.schedule(experiment.seed);
        let mut checker = Arrivals::new(&run.configuration);
        for &(done, sender, sent_tick) in arrivals {
            let message = Message {
                sender,
                stamp: 1,
                sent_tick,
            };
            let sent_ns = schedule.due_ns(sender as usize, sent_tick);
            let delay_ns = u64::from(delay != "0") * 600_000_000;
            checker.check(0, done, &message, sent_ns, delay_ns, &schedule);
        }
        checker.as_scheduled
    }

    #[test]
    fn a_message_must_arrive_between_the_scheduled_ticks() {
        // Sent at 0.5 s: between machine 0's ticks at 0 and 1 s.
        assert!(check_all("0", &[(1, 1, 1)]));
        assert!(!check_all("0", &[(0, 1, 1)]), "seen too early");
        assert!(!check_all("0", &[(2, 1, 1)]), "missed a tick");
        // Sent at 1 s: too late for the tick at the same instant.
        assert!(check_all("0", &[(2, 1, 2)]));
        assert!(!check_all("0", &[(1, 1, 2)]));
    }

    #[test]
    fn messages_must_arrive_in_the_order_of_sending() {
        assert!(check_all("0", &[(1, 1, 0), (1, 1, 1)]));
        assert!(!check_all("0", &[(1, 1, 1), (1, 1, 0)]));
    }

    #[test]
    fn delayed_messages_may_arrive_early() {
        // Sent at 0.5 s with a delay of 0.6 s: the tick at 2 s receives it.
        for done in [0, 1, 2] {
            assert!(check_all("0.6", &[(done, 1, 1)]), "{done}");
        }
        assert!(!check_all("0.6", &[(3, 1, 1)]));
        // Messages of one sender must arrive in the order of sending.
        assert!(check_all("0.6", &[(1, 1, 1), (1, 1, 2)]));
        assert!(!check_all("0.6", &[(1, 1, 2), (1, 1, 1)]));
    }
}
