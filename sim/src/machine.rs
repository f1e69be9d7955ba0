//! One virtual machine: its state and what one tick does to it.
//!
//! Pure: no socket, no wall clock, no file, and no randomness but the stream it is given. Every engine drives this same
//! machine: it hands it messages as they arrive ([`Machine::arrive`]) and calls [`Machine::tick`] when a tick is due; the
//! event that comes back says all that happened, including what is to be sent, and [`Machine::draw_delay_ns`] how long each
//! message is to be under way. Where a tick takes the whole queue, [`Machine::go_on`] yields its further events.
//!
//! An arrived message waits in the *network queue* until its modelled delay is over, and then in the *message queue*, of which
//! a tick takes the oldest, or all. Without a modelled delay it goes straight to the message queue.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::clock::LamportClock;
use crate::experiment::{
    Configuration, Delay, Probability, ReceiveRule, Sends, StampRule, Topology,
};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// One neighbour.
    One(MachineIndex),
    /// Two or more, ascending.
    Several(Arc<[MachineIndex]>),
    /// All neighbours of the sender.
    All,
}

impl Recipients {
    /// Who they are, ascending, if the sender has these `neighbours`.
    #[inline]
    pub fn among<'a>(&'a self, neighbours: &'a [MachineIndex]) -> &'a [MachineIndex] {
        match self {
            Self::One(peer) => std::slice::from_ref(peer),
            Self::Several(peers) => peers,
            Self::All => neighbours,
        }
    }
}

/// What happened in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// An event, complete: every column of the log but run, machine and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The machine's tick, from 0. One event a tick, but for ticks that take several messages.
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
    /// To whom it may send, ascending.
    neighbours: Vec<MachineIndex>,
    sends: Sends,
    receive: ReceiveRule,
    internal: Probability,
    stamp: StampRule,
    delay: Delay,
    clock: LamportClock,
    queue: VecDeque<Message>,
    network: NetworkQueue,
    next_tick: u64,
    /// Messages that the current tick has still to take.
    to_take: usize,
    random: ChaCha8Rng,
}

impl Machine {
    /// Machine `index` of a run of that `configuration`, drawing from its own stream `random`.
    pub fn new(index: MachineIndex, configuration: &Configuration, random: ChaCha8Rng) -> Self {
        let machines = configuration.rates.machines();
        assert!(index < machines, "machine {index} of {machines}");
        // A time-keeper always sends to all: its mix of sends has no other outcome.
        let sends = match configuration.topology {
            Topology::TimeKeeper => Sends::Broadcast,
            Topology::Mesh | Topology::Ring | Topology::Star => configuration.sends,
        };
        Self {
            neighbours: configuration.neighbours(index),
            sends,
            receive: configuration.receive,
            internal: configuration.internal.at(index as usize),
            stamp: configuration.stamp,
            delay: configuration.delay,
            clock: LamportClock::default(),
            queue: VecDeque::new(),
            network: NetworkQueue::default(),
            next_tick: 0,
            to_take: 0,
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

    /// The next tick, due at model time `due_ns`: its event, or the first of several. A waiting message is taken and received; an
    /// idle machine draws: internal with its probability, otherwise a send to recipients drawn as its configuration says. A machine
    /// without neighbours has only internal events.
    pub fn tick(&mut self, due_ns: u64) -> Event {
        self.next_tick += 1;
        while let Some(message) = self.network.pop_before(due_ns) {
            self.queue.push_back(message);
        }
        self.to_take = match self.receive {
            ReceiveRule::One => 0,
            ReceiveRule::All => self.queue.len().saturating_sub(1),
        };
        let kind = match self.queue.pop_front() {
            Some(message) => self.receive(message),
            None => self.idle(),
        };
        self.event(kind)
    }

    /// The current tick's next event, if it takes another message. To be called after every tick until there is none.
    #[inline]
    pub fn go_on(&mut self) -> Option<Event> {
        // The rule, at every tick: not worth a call.
        if self.to_take == 0 {
            return None;
        }
        self.take_another()
    }

    fn take_another(&mut self) -> Option<Event> {
        self.to_take -= 1;
        let message = self.queue.pop_front()?;
        let kind = self.receive(message);
        Some(self.event(kind))
    }

    #[inline]
    fn event(&self, kind: EventKind) -> Event {
        Event {
            tick: self.next_tick - 1,
            kind,
            logical_clock: self.clock.value(),
            queue_length: self.queue.len() as u64,
        }
    }

    #[inline]
    fn receive(&mut self, message: Message) -> EventKind {
        self.clock.receive(message.stamp);
        EventKind::Receive(message)
    }

    fn idle(&mut self) -> EventKind {
        if self.neighbours.is_empty() || self.random.random_bool(self.internal.value()) {
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
        let neighbours = self.neighbours.len() as u32;
        let outcomes = match self.sends {
            Sends::Mix => neighbours + 1,
            Sends::Unicast => neighbours,
            Sends::Multicast(wanted) if wanted < neighbours => return self.draw_several(wanted),
            Sends::Multicast(_) | Sends::Broadcast => return Recipients::All,
        };
        let outcome = self.random.random_range(0..outcomes) as usize;
        let one = self.neighbours.get(outcome);
        one.map_or(Recipients::All, |&peer| Recipients::One(peer))
    }

    /// Floyd's choice of `wanted` different neighbours: as many draws, each choice equally likely.
    fn draw_several(&mut self, wanted: u32) -> Recipients {
        let neighbours = self.neighbours.len() as u32;
        let mut places: Vec<u32> = Vec::with_capacity(wanted as usize);
        for last in neighbours - wanted..neighbours {
            let drawn = self.random.random_range(0..=last);
            let place = match places.binary_search(&drawn) {
                Ok(_) => last,
                Err(_) => drawn,
            };
            places.insert(places.partition_point(|&other| other < place), place);
        }
        match places[..] {
            [place] => Recipients::One(self.neighbours[place as usize]),
            _ => Recipients::Several(
                places
                    .iter()
                    .map(|&place| self.neighbours[place as usize])
                    .collect(),
            ),
        }
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
    use crate::experiment::{Rate, Rates};
    use crate::random;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn configuration(machines: u32, internal: f64, stamp: StampRule) -> Configuration {
        let rates = vec![Rate::new(1).expect("a rate"); machines as usize];
        let rates = Rates::new(rates).expect("rates");
        let internal = Probability::new(internal).expect("a probability");
        Configuration {
            stamp,
            ..Configuration::new(rates, internal, 1)
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
                EventKind::Send { recipients, .. } => panic!("sent to {recipients:?}"),
                EventKind::Internal | EventKind::Receive(_) => {}
            }
        }
        // Binomial(100,000, 0.1) has a standard deviation of 95; five of them.
        for count in [to_0, to_2, to_all] {
            assert!((count - ticks / 10i32).abs() < 475, "{count} of {ticks}");
        }
    }

    /// Machine 1 of a run with these variants.
    fn variant(machines: u32, topology: Topology, sends: Sends) -> Machine {
        let configuration = Configuration {
            topology,
            sends,
            ..configuration(machines, 0.0, StampRule::After)
        };
        Machine::new(1, &configuration, random::machine_stream(7, "variants", 1))
    }

    /// How often each set of recipients was drawn, of 100,000 sends.
    fn drawn(mut machine: Machine) -> BTreeMap<Vec<MachineIndex>, f64> {
        let mut counts = BTreeMap::new();
        let neighbours = machine.neighbours.clone();
        for _ in 0..100_000 {
            let EventKind::Send { recipients, .. } = machine.tick(0).kind else {
                panic!("internal at probability 0")
            };
            let recipients = recipients.among(&neighbours).to_vec();
            *counts.entry(recipients).or_default() += 1.0;
        }
        counts
    }

    #[test]
    fn every_outcome_of_a_send_comes_up_as_often_as_documented() {
        let cases: [(Topology, Sends, &[&[MachineIndex]]); 9] = [
            (Topology::Mesh, Sends::Unicast, &[&[0], &[2], &[3]]),
            (Topology::Mesh, Sends::Broadcast, &[&[0, 2, 3]]),
            (
                Topology::Mesh,
                Sends::Multicast(2),
                &[&[0, 2], &[0, 3], &[2, 3]],
            ),
            (Topology::Mesh, Sends::Multicast(1), &[&[0], &[2], &[3]]),
            (Topology::Mesh, Sends::Multicast(7), &[&[0, 2, 3]]),
            (Topology::Ring, Sends::Mix, &[&[0], &[0, 2], &[2]]),
            (Topology::Ring, Sends::Unicast, &[&[0], &[2]]),
            (Topology::Star, Sends::Mix, &[&[0]]),
            (Topology::Star, Sends::Multicast(2), &[&[0]]),
        ];
        for (topology, sends, outcomes) in cases {
            let counts = drawn(variant(4, topology, sends));
            assert!(counts.keys().eq(outcomes), "{topology} {sends}: {counts:?}");
            let share = 1.0 / outcomes.len() as f64;
            let deviation = (100_000.0 * share * (1.0 - share)).sqrt();
            for count in counts.values() {
                let off = (count - 100_000.0 * share).abs();
                assert!(off <= 5.0 * deviation, "{topology} {sends}: {counts:?}");
            }
        }
    }

    #[test]
    fn only_the_time_keeper_sends_and_always_to_all() {
        let configuration = Configuration {
            topology: Topology::TimeKeeper,
            ..configuration(3, 0.5, StampRule::After)
        };
        let machine = |index| {
            Machine::new(
                index,
                &configuration,
                random::machine_stream(7, "keeper", index),
            )
        };
        let (mut keeper, mut other) = (machine(0), machine(2));
        let mut sends = 0i32;
        for _ in 0..10_000 {
            assert_eq!(other.tick(0).kind, EventKind::Internal);
            if let EventKind::Send { recipients, .. } = keeper.tick(0).kind {
                assert_eq!(recipients, Recipients::All);
                sends += 1;
            }
        }
        // Binomial(10,000, 0.5) has a standard deviation of 50; five of them.
        assert!((sends - 5_000).abs() < 250, "{sends}");
    }

    #[test]
    fn a_tick_that_takes_all_counts_the_queue_down() {
        let configuration = Configuration {
            receive: ReceiveRule::All,
            ..configuration(3, 1.0, StampRule::After)
        };
        let mut machine = Machine::new(1, &configuration, random::machine_stream(7, "all", 1));
        for stamp in [10, 4, 20] {
            machine.arrive(message(stamp), 0, 0);
        }
        let first = machine.tick(0);
        // Too late for this tick.
        machine.arrive(message(30), 0, 0);
        let rest: Vec<Event> = std::iter::from_fn(|| machine.go_on()).collect();
        let told: Vec<_> = std::iter::once(&first)
            .chain(&rest)
            .map(|event| (event.tick, event.logical_clock, event.queue_length))
            .collect();
        assert_eq!(told, [(0, 11, 2), (0, 12, 2), (0, 21, 1)]);
        assert_eq!(machine.tick(0).logical_clock, 31);
        assert_eq!(machine.go_on(), None);
        assert_eq!(machine.tick(0).kind, EventKind::Internal);
    }

    proptest! {
        #[test]
        fn multicasts_go_to_so_many_different_neighbours(machines in 2u32..30, wanted in 1u32..30, stream in any::<u32>()) {
            let configuration = Configuration {
                sends: Sends::Multicast(wanted),
                ..configuration(machines, 0.0, StampRule::After)
            };
            let mut machine = Machine::new(0, &configuration, random::machine_stream(7, "multicast", stream));
            let neighbours = machine.neighbours.clone();
            for _ in 0..20 {
                let EventKind::Send { recipients, .. } = machine.tick(0).kind else { panic!("internal at probability 0") };
                let peers = recipients.among(&neighbours);
                prop_assert_eq!(peers.len() as u32, wanted.min(machines - 1));
                prop_assert!(peers.is_sorted_by(|a, b| a < b));
                prop_assert!(peers.iter().all(|peer| neighbours.contains(peer)));
                prop_assert_eq!(matches!(recipients, Recipients::Several(_)), (2..machines - 1).contains(&wanted));
            }
        }

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
