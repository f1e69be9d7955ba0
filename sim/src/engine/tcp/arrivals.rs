//! Checks whether each message arrived as scheduled: between the two ticks of its recipient that the schedule gives, and in the
//! scheduled order.
//!
//! First the case that the experiment adds no delays to messages. In the virtual engine, a message from a tick due at time t is received by
//! a tick that is due later than t, and messages are queued in the order in which they were sent. If a run over TCP is to have the same
//! events, the message from the tick due at t must be queued
//!
//! 1. after every tick of its recipient that is due at t or earlier,
//! 2. before every tick of its recipient that is due later than t, and
//! 3. after every message to the same recipient that was sent earlier. (Of two messages sent at the same time, the one from the
//!    machine with the lower index counts as earlier.)
//!
//! If all messages of a run fulfil these conditions, every tick finds the same messages in both engines. Then all events are the same,
//! even if ticks were late.
//!
//! If the experiment adds delays to messages, there are two conditions. A message that is sent at t with the delay d must arrive before
//! every tick of its recipient that is due later than t + d, and after every earlier message from the same sender to the same recipient.
//! It does not matter how early a message arrives, because the recipient holds each message back until the message's delay is over.

use std::collections::HashMap;

use crate::experiment::{Configuration, Delay, Schedule};
use crate::machine::{MachineIndex, Message};

/// Checks the messages of one run when they arrive.
pub(super) struct Arrivals {
    /// Whether all messages so far arrived as scheduled.
    pub(super) as_scheduled: bool,
    /// Whether the experiment adds delays to messages. With delays, messages of different senders may arrive in any order: the recipient
    /// sorts them by the ends of their delays. Messages of the same sender must arrive in the order of sending, because the recipient
    /// never changes their order.
    has_delays: bool,
    /// Without delays: for each recipient, the sending time and the sender of the message that arrived last. Before the first message,
    /// the pair is (0, 0). No message has a smaller pair.
    last_to: Vec<(u64, MachineIndex)>,
    /// With delays: for each sender and recipient, the `sent_tick` of the message that arrived last.
    last_tick_between: HashMap<(MachineIndex, usize), u64>,
}

impl Arrivals {
    pub(super) fn new(configuration: &Configuration) -> Self {
        Self {
            as_scheduled: true,
            has_delays: configuration.delay != Delay::NONE,
            last_to: vec![(0, 0); configuration.rates.machines() as usize],
            last_tick_between: HashMap::new(),
        }
    }

    /// Checks a message that has arrived at `recipient` after the recipient has done `ticks_done` ticks. The message was sent in a
    /// tick due at `sent_ns` and travels for `delay_ns`, both in model time.
    pub(super) fn check(
        &mut self,
        recipient: usize,
        ticks_done: u64,
        message: &Message,
        sent_ns: u64,
        delay_ns: u64,
        schedule: &Schedule,
    ) {
        // Late: a tick that should have found the message is already done.
        let is_late =
            ticks_done > 0 && schedule.due_ns(recipient, ticks_done - 1) > sent_ns + delay_ns;
        // Early: the recipient's next tick will find the message, but should not.
        let is_early = !self.has_delays
            && ticks_done < schedule.ticks(recipient)
            && schedule.due_ns(recipient, ticks_done) <= sent_ns;
        let was_overtaken = if self.has_delays {
            let pair = (message.sender, recipient);
            let last_tick = self.last_tick_between.insert(pair, message.sent_tick);
            last_tick.is_some_and(|last_tick| message.sent_tick < last_tick)
        } else {
            let this = (sent_ns, message.sender);
            let last = std::mem::replace(&mut self.last_to[recipient], this);
            this < last
        };
        self.as_scheduled &= !(is_late || is_early || was_overtaken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Experiment, Overrides};

    /// Returns whether all messages arrived at machine 0 as scheduled. Each arrival is given as (ticks that machine 0 has done, sender, tick
    /// in which the sender sent the message). `delay` is `0` or `0.6` seconds. Machine 0 has its ticks at 0, 1, 2 ... s, and machine 1 at
    /// 0, 0.5, 1 ... s. Ticks are counted from 0: machine 1's tick 1 is at 0.5 s.
    fn all_as_scheduled(delay: &str, arrivals: &[(u64, MachineIndex, u64)]) -> bool {
        let text = format!(
            "seed = 1\nduration_s = 10\n[parameters]\nrates = [1, 2]\ninternal = 0.5\nphase = \"aligned\"\ndelay_s = {delay}"
        );
        let experiment = Experiment::parse(&text, "test.toml".as_ref(), Overrides::default());
        let experiment = experiment.unwrap_or_else(|error| panic!("{error}"));
        let run = experiment.run(0).expect("the experiment has a run 0");
        let schedule = run.schedule(experiment.seed);
        let mut checker = Arrivals::new(&run.configuration);
        for &(ticks_done, sender, sent_tick) in arrivals {
            let message = Message {
                sender,
                stamp: 1,
                sent_tick,
            };
            let sent_ns = schedule.due_ns(sender as usize, sent_tick);
            let delay_ns = if delay == "0" { 0 } else { 600_000_000 };
            checker.check(0, ticks_done, &message, sent_ns, delay_ns, &schedule);
        }
        checker.as_scheduled
    }

    #[test]
    fn a_message_must_arrive_between_the_scheduled_ticks() {
        // Machine 1 sent the message in its tick 1, at 0.5 s. The message must arrive between machine 0's ticks at 0 and 1 s.
        assert!(all_as_scheduled("0", &[(1, 1, 1)]));
        assert!(
            !all_as_scheduled("0", &[(0, 1, 1)]),
            "before the tick at 0 s"
        );
        assert!(
            !all_as_scheduled("0", &[(2, 1, 1)]),
            "after the tick at 1 s"
        );
        // Machine 1 sent the message in its tick 2, at 1 s. Machine 0's tick at 1 s must not find it.
        assert!(all_as_scheduled("0", &[(2, 1, 2)]));
        assert!(!all_as_scheduled("0", &[(1, 1, 2)]));
    }

    #[test]
    fn without_delays_messages_must_arrive_in_the_order_of_sending() {
        // Machine 1 sent one message at 0 s and one at 0.5 s. Both must arrive between machine 0's ticks at 0 and 1 s.
        assert!(all_as_scheduled("0", &[(1, 1, 0), (1, 1, 1)]));
        assert!(!all_as_scheduled("0", &[(1, 1, 1), (1, 1, 0)]));
    }

    #[test]
    fn with_delays_messages_may_arrive_early_but_only_in_order() {
        // The message is sent at 0.5 s, and its delay of 0.6 s ends at 1.1 s. So machine 0's tick at 2 s must find it: the message must
        // arrive before machine 0 has done three ticks (at 0, 1 and 2 s).
        for ticks_done in [0, 1, 2] {
            assert!(
                all_as_scheduled("0.6", &[(ticks_done, 1, 1)]),
                "{ticks_done}"
            );
        }
        assert!(!all_as_scheduled("0.6", &[(3, 1, 1)]));
        // Messages of one sender must arrive in the order of sending.
        assert!(all_as_scheduled("0.6", &[(1, 1, 1), (1, 1, 2)]));
        assert!(!all_as_scheduled("0.6", &[(1, 1, 2), (1, 1, 1)]));
    }
}
