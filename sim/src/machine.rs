//! One virtual machine: its state and what one tick does to it.
//!
//! Pure: no socket, no wall clock, no file, and no randomness but the stream it is given. Every engine drives this same
//! machine: it hands it messages as they arrive ([`Machine::arrive`]) and calls [`Machine::tick`] when a tick is due; the
//! event that comes back says all that happened, including what is to be sent, and [`Machine::draw_delay_ns`] how long each
//! message is to be under way.
//!
//! An arrived message waits in the *network queue* until its modelled delay is over, and then in the *message queue*, of which
//! a tick takes the oldest. Without a modelled delay it goes straight to the message queue.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::clock::LamportClock;
use crate::experiment::{Configuration, Delay, Probability, StampRule};

/// Index of a machine within its run, from 0.
pub type MachineIndex = u32;

/// What travels between machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Who sent it.
    pub sender: MachineIndex,
    /// The timestamp it carries.
    pub stamp: u64,
    /// The sender's tick that sent it: with `sender` it names the send event exactly.
    pub sent_tick: u64,
}

/// To whom a send goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// One peer.
    One(MachineIndex),
    /// Every other machine of the run.
    All,
}

/// What happened in a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Nothing but the passing of the tick.
    Internal,
    /// One message, the same for each recipient.
    Send {
        /// Who is to get it.
        recipients: Recipients,
        /// The timestamp it carries.
        stamp: u64,
    },
    /// The oldest message of the queue was taken and processed.
    Receive(Message),
}

/// One tick's event, complete: every column of the log but run, machine and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The machine's tick, from 0. One event a tick.
    pub tick: u64,
    /// What happened.
    pub kind: EventKind,
    /// The logical clock after the event.
    pub logical_clock: u64,
    /// Messages waiting in the message queue after the event.
    pub queue_length: u64,
}

/// A virtual machine with a Lamport clock and a message queue.
#[derive(Clone, Debug)]
pub struct Machine {
    index: MachineIndex,
    machines: u32,
    internal: Probability,
    stamp: StampRule,
    delay: Delay,
    clock: LamportClock,
    queue: VecDeque<Message>,
    network: NetworkQueue,
    next_tick: u64,
    random: ChaCha8Rng,
}

impl Machine {
    /// Machine `index` of a run of that `configuration`, drawing from its own stream `random`.
    pub fn new(index: MachineIndex, configuration: &Configuration, random: ChaCha8Rng) -> Self {
        let machines = configuration.rates.machines();
        assert!(index < machines, "machine {index} of {machines}");
        Self {
            index,
            machines,
            internal: configuration.internal,
            stamp: configuration.stamp,
            delay: configuration.delay,
            clock: LamportClock::default(),
            queue: VecDeque::new(),
            network: NetworkQueue::default(),
            next_tick: 0,
            random,
        }
    }

    /// A message arrives that was sent in a tick due at `sent_ns` and is to be under way for `delay_ns`, in model time.
    pub fn arrive(&mut self, message: Message, sent_ns: u64, delay_ns: u64) {
        if self.delay == Delay::NONE {
            self.queue.push_back(message);
        } else {
            self.network.push(message, sent_ns + delay_ns);
        }
    }

    /// How long the next message is to be under way, in model nanoseconds. To be drawn once for every message sent: for a
    /// broadcast in the order of its recipients.
    pub fn draw_delay_ns(&mut self) -> u64 {
        self.delay.draw_ns(&mut self.random)
    }

    /// The next tick, due at model time `due_ns`. A waiting message is taken and received; an idle machine draws: internal with
    /// its probability, otherwise uniformly one of N outcomes, a unicast to each of the N - 1 peers or a broadcast to all of
    /// them.
    pub fn tick(&mut self, due_ns: u64) -> Event {
        let tick = self.next_tick;
        self.next_tick += 1;
        while let Some(message) = self.network.pop_before(due_ns) {
            self.queue.push_back(message);
        }
        let kind = match self.queue.pop_front() {
            Some(message) => {
                self.clock.receive(message.stamp);
                EventKind::Receive(message)
            }
            None => self.idle(),
        };
        Event {
            tick,
            kind,
            logical_clock: self.clock.value(),
            queue_length: self.queue.len() as u64,
        }
    }

    fn idle(&mut self) -> EventKind {
        if self.random.random_bool(self.internal.value()) {
            self.clock.increment();
            return EventKind::Internal;
        }
        let recipients = self.draw_recipients();
        let before = self.clock.value();
        let after = self.clock.increment();
        let stamp = match self.stamp {
            StampRule::After => after,
            StampRule::Before => before,
        };
        EventKind::Send { recipients, stamp }
    }

    fn draw_recipients(&mut self) -> Recipients {
        let outcome = self.random.random_range(0..self.machines);
        if outcome == self.machines - 1 {
            return Recipients::All;
        }
        // Outcomes 0..N-1 name the peers in order, skipping the machine itself.
        Recipients::One(if outcome < self.index {
            outcome
        } else {
            outcome + 1
        })
    }
}

/// Messages that have arrived but are still under way as far as the model goes. Connections keep their order: a message is never
/// ahead of one that its sender sent before.
#[derive(Clone, Debug, Default)]
struct NetworkQueue {
    /// Earliest first: when it is through, then by message, so that the order does not depend on when each really arrived.
    under_way: BinaryHeap<Reverse<(u64, Message)>>,
    /// When the last message of each sender is through.
    last_through_ns: Vec<u64>,
}

impl NetworkQueue {
    fn push(&mut self, message: Message, through_ns: u64) {
        let sender = message.sender as usize;
        if self.last_through_ns.len() <= sender {
            self.last_through_ns.resize(sender + 1, 0);
        }
        let last_ns = &mut self.last_through_ns[sender];
        *last_ns = through_ns.max(*last_ns);
        self.under_way.push(Reverse((*last_ns, message)));
    }

    /// The next message that is through before `ns`. One that is through at that very instant is not seen by the tick: nor is,
    /// without delays, one that was sent at it.
    fn pop_before(&mut self, ns: u64) -> Option<Message> {
        let &Reverse((through_ns, _)) = self.under_way.peek()?;
        if through_ns >= ns {
            return None;
        }
        self.under_way.pop().map(|Reverse((_, message))| message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{PhaseRule, Rate, Rates};
    use crate::random;
    use proptest::prelude::*;

    fn configuration(machines: u32, internal: f64, stamp: StampRule) -> Configuration {
        let rates = vec![Rate::new(1).expect("a rate"); machines as usize];
        Configuration {
            rates: Rates::new(rates).expect("rates"),
            internal: Probability::new(internal).expect("a probability"),
            phase: PhaseRule::Spread,
            stamp,
            delay: Delay::NONE,
            duration_ns: 1,
        }
    }

    fn machine(machines: u32, internal: f64, stamp: StampRule) -> Machine {
        let random = random::machine_stream(7, "machine tests", 1);
        Machine::new(1, &configuration(machines, internal, stamp), random)
    }

    fn message(stamp: u64) -> Message {
        Message {
            sender: 0,
            stamp,
            sent_tick: 3,
        }
    }

    #[test]
    fn takes_one_message_a_tick_in_order_of_arrival() {
        let mut machine = machine(3, 0.7, StampRule::After);
        machine.arrive(message(10), 0, 0);
        machine.arrive(message(4), 0, 0);
        let first = machine.tick(0);
        assert_eq!(
            first,
            Event {
                tick: 0,
                kind: EventKind::Receive(message(10)),
                logical_clock: 11,
                queue_length: 1
            }
        );
        let second = machine.tick(0);
        assert_eq!(
            second,
            Event {
                tick: 1,
                kind: EventKind::Receive(message(4)),
                logical_clock: 12,
                queue_length: 0
            }
        );
    }

    #[test]
    fn a_delayed_message_is_received_after_its_delay_and_never_before_an_earlier_one() {
        let delayed = Configuration {
            delay: Delay::constant(1.0).expect("a delay"),
            ..configuration(3, 1.0, StampRule::After)
        };
        let mut machine = Machine::new(1, &delayed, random::machine_stream(7, "delays", 1));
        let from = |sender, stamp| Message {
            sender,
            ..message(stamp)
        };
        machine.arrive(from(0, 10), 100, 50);
        machine.arrive(from(0, 20), 110, 5);
        machine.arrive(from(2, 30), 120, 10);
        let mut received = |due_ns| match machine.tick(due_ns).kind {
            EventKind::Receive(message) => message.stamp,
            _ => 0,
        };
        // Through at 150, 150 (held back behind the first) and 130.
        let ticks = [130, 131, 150, 151, 152].map(&mut received);
        assert_eq!(ticks, [0, 30, 0, 10, 20]);
    }

    #[test]
    fn always_internal_at_probability_one() {
        let mut machine = machine(3, 1.0, StampRule::After);
        assert!((0..1000).all(|_| machine.tick(0).kind == EventKind::Internal));
    }

    #[test]
    fn stamp_before_is_one_less_than_the_clock_after() {
        for (rule, behind) in [(StampRule::After, 0), (StampRule::Before, 1)] {
            let mut machine = machine(3, 0.0, rule);
            for _ in 0..100 {
                let event = machine.tick(0);
                let EventKind::Send { stamp, .. } = event.kind else {
                    panic!("internal at probability 0")
                };
                assert_eq!(stamp + behind, event.logical_clock);
            }
        }
    }

    /// With three machines and p = 0.7 the draw is the assignment's 1..10: each of the three kinds of send one time in ten.
    #[test]
    fn the_assignments_draw_of_ten() {
        let mut machine = machine(3, 0.7, StampRule::After);
        let (mut to_0, mut to_2, mut to_all) = (0, 0, 0);
        let ticks = 100_000;
        for _ in 0..ticks {
            match machine.tick(0).kind {
                EventKind::Send {
                    recipients: Recipients::One(0),
                    ..
                } => to_0 += 1,
                EventKind::Send {
                    recipients: Recipients::One(2),
                    ..
                } => to_2 += 1,
                EventKind::Send {
                    recipients: Recipients::All,
                    ..
                } => to_all += 1,
                EventKind::Send {
                    recipients: Recipients::One(other),
                    ..
                } => panic!("sent to {other}"),
                EventKind::Internal | EventKind::Receive(_) => {}
            }
        }
        // Binomial(100,000, 0.1) has a standard deviation of 95; five of them.
        for count in [to_0, to_2, to_all] {
            assert!((count - ticks / 10i32).abs() < 475, "{count} of {ticks}");
        }
    }

    proptest! {
        #[test]
        fn one_event_a_tick_and_the_clock_always_advances(
            machines in 2u32..9,
            internal in 0.0f64..=1.0,
            arrivals in prop::collection::vec(prop::collection::vec(0u64..500, 0..3), 1..200),
        ) {
            let mut machine = machine(machines, internal, StampRule::After);
            let (mut last_clock, mut waiting) = (0, 0u64);
            for (tick, stamps) in arrivals.into_iter().enumerate() {
                waiting += stamps.len() as u64;
                for stamp in stamps {
                    machine.arrive(message(stamp), 0, 0);
                }
                let event = machine.tick(0);
                prop_assert_eq!(event.tick, tick as u64);
                prop_assert!(event.logical_clock > last_clock);
                prop_assert_eq!(matches!(event.kind, EventKind::Receive(_)), waiting > 0);
                waiting = waiting.saturating_sub(1);
                prop_assert_eq!(event.queue_length, waiting);
                match event.kind {
                    EventKind::Receive(received) => prop_assert!(event.logical_clock > received.stamp),
                    EventKind::Send { recipients: Recipients::One(peer), .. } => prop_assert!(peer != 1 && peer < machines),
                    _ => {}
                }
                last_clock = event.logical_clock;
            }
        }
    }
}
