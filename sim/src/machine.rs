//! One machine: its state, and what one tick does.
//!
//! A machine uses no socket, no real clock and no file, and its random draws come from a given stream. All engines use this code: the
//! one for real TCP and the one for virtual (simulated) time. An engine passes arriving messages to [`Machine::arrive`], and calls
//! [`Machine::tick`] when a tick is due. The returned event contains everything that happened, including the message to send.
//! [`Machine::draw_delay_ns`] draws how long each message travels. If a tick receives all messages of the queue, each receive is an event:
//! [`Machine::tick`] returns the first one, and [`Machine::next_event_in_tick`] returns the others.
//!
//! If the experiment has a delay, a message that was passed to [`Machine::arrive`] first waits in the *network queue*, until its delay in
//! model time is over. Then it waits in the *message queue*. A tick receives the oldest message of the message queue, or all its messages
//! (parameter `receive`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::clock::{CarriedClock, CarriedTimestamp, LamportClock};
use crate::experiment::{
    Configuration, Delay, Probability, ReceiveRule, Sends, StampRule, Topology,
};

pub use crate::experiment::MachineIndex;

/// A message from one machine to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// The sender.
    pub sender: MachineIndex,
    /// The Lamport timestamp that the message carries.
    pub stamp: u64,
    /// The number of the sender's tick at which the message was sent. Together with `sender`, it identifies the send event.
    pub sent_tick: u64,
}

/// The recipients of a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// One neighbour.
    One(MachineIndex),
    /// Two or more neighbours, in ascending order.
    Several(Arc<[MachineIndex]>),
    /// All neighbours of the sender.
    All,
}

impl Recipients {
    /// Returns the recipients in ascending order. `neighbours` are all neighbours of the sender.
    #[inline]
    pub fn among<'a>(&'a self, neighbours: &'a [MachineIndex]) -> &'a [MachineIndex] {
        match self {
            Self::One(peer) => std::slice::from_ref(peer),
            Self::Several(peers) => peers,
            Self::All => neighbours,
        }
    }
}

/// The kind of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An internal event.
    Internal,
    /// A send of one message, the same for each recipient.
    Send {
        /// The recipients.
        recipients: Recipients,
        /// The Lamport timestamp that the message carries.
        stamp: u64,
    },
    /// A receive: the oldest message was taken from the queue.
    Receive(Message),
}

/// An event with all values of its log row, except run, machine and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The number of the machine's tick, from 0. A tick has one event, or several if it receives several messages.
    pub tick: u64,
    /// The kind of the event.
    pub kind: EventKind,
    /// The Lamport clock after the event.
    pub logical_clock: u64,
    /// Number of messages in the message queue after the event.
    pub queue_length: u64,
    /// The timestamp of the clock that the machine keeps beside its Lamport clock. `None` if it keeps no other clock.
    pub timestamp: Option<Arc<CarriedTimestamp>>,
}

/// A machine with a Lamport clock and a message queue. It may keep another clock beside the Lamport clock.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The machines to which it may send, in ascending order.
    neighbours: Vec<MachineIndex>,
    /// How a send chooses its recipients.
    sends: Sends,
    /// Whether a tick receives one message or all messages.
    receive: ReceiveRule,
    /// The probability that an event is internal if no message waits.
    internal: Probability,
    /// Whether messages carry the clock after the send or before it.
    stamp: StampRule,
    /// How the delays of messages are drawn.
    delay: Delay,
    clock: LamportClock,
    /// The clock beside the Lamport clock. Messages carry its timestamps too. Few runs have such a clock. It is boxed to keep
    /// the machines of the other runs small.
    carried: Option<Box<CarriedClock>>,
    /// The message queue, from which ticks receive.
    queue: VecDeque<Message>,
    /// The network queue, in which messages wait until their delay is over.
    network: NetworkQueue,
    /// The number of the next tick, from 0.
    next_tick: u64,
    /// Number of messages that the current tick must still receive.
    to_take: usize,
    random: ChaCha8Rng,
}

impl Machine {
    /// Creates machine `index` of a run with this `configuration`. All its draws come from the stream `random`.
    pub fn new(index: MachineIndex, configuration: &Configuration, random: ChaCha8Rng) -> Self {
        let machines = configuration.rates.machines();
        assert!(index < machines, "machine {index} of {machines}");
        // In the topology `TimeKeeper`, only machine 0 has neighbours. Each of its sends goes to all of them, so no recipients are drawn.
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
            carried: None,
            queue: VecDeque::new(),
            network: NetworkQueue::default(),
            next_tick: 0,
            to_take: 0,
            random,
        }
    }

    /// Makes the machine keep `clock` beside its Lamport clock (`None` for no other clock). Must be called before the first tick.
    pub fn keep(&mut self, clock: Option<CarriedClock>) {
        self.carried = clock.map(Box::new);
    }

    /// Stores the timestamp that `message` carries beside its Lamport timestamp. The message itself is passed to [`arrive`](Self::arrive)
    /// afterwards. Returns false if another message of the same send already waits at this machine. This cannot happen in a correct run,
    /// because a send gives each recipient only one message. If the machine keeps no clock beside its Lamport clock, nothing is stored, and
    /// true is returned.
    #[must_use]
    pub fn take_timestamp(&mut self, message: &Message, timestamp: Arc<CarriedTimestamp>) -> bool {
        let carried = self.carried.as_mut();
        carried.is_none_or(|clock| clock.arrive(message, timestamp))
    }

    /// Adds a message that was sent in a tick due at `sent_ns` and travels for `delay_ns`, both in model time.
    pub fn arrive(&mut self, message: Message, sent_ns: u64, delay_ns: u64) {
        if self.delay == Delay::NONE {
            self.queue.push_back(message);
        } else {
            self.network.push(message, sent_ns + delay_ns);
        }
    }

    /// Draws how long the next message travels, in model nanoseconds. Must be called once for each recipient of a send, in the order of
    /// the recipients.
    pub fn draw_delay_ns(&mut self) -> u64 {
        self.delay.draw_ns(&mut self.random)
    }

    /// Does the next tick, due at model time `due_ns`. Returns its event, or the first of several events. If messages wait, the machine
    /// receives the oldest one. Otherwise it has an internal event with probability `internal`, or sends to recipients that are drawn as
    /// the configuration says. A machine without neighbours never sends.
    pub fn tick(&mut self, due_ns: u64) -> Event {
        self.next_tick += 1;
        if let Some(clock) = &mut self.carried {
            clock.begin_tick(due_ns);
        }
        while let Some(message) = self.network.pop_before(due_ns) {
            self.queue.push_back(message);
        }
        self.to_take = match self.receive {
            ReceiveRule::One => 0,
            // The first message is received below.
            ReceiveRule::All => self.queue.len().saturating_sub(1),
        };
        let kind = match self.queue.pop_front() {
            Some(message) => self.receive(message),
            None => self.internal_or_send(),
        };
        self.make_event(kind)
    }

    /// Receives another message in the current tick and returns the event. Returns `None` if the tick does not receive another message.
    /// After each call of [`tick`](Self::tick), this function must be called until it returns `None`.
    #[inline]
    pub fn next_event_in_tick(&mut self) -> Option<Event> {
        // Most ticks end here. The rest is a function of its own, so that this function is small enough to be inlined.
        if self.to_take == 0 {
            return None;
        }
        self.receive_another()
    }

    fn receive_another(&mut self) -> Option<Event> {
        self.to_take -= 1;
        let message = self.queue.pop_front()?;
        let kind = self.receive(message);
        Some(self.make_event(kind))
    }

    #[inline]
    fn make_event(&mut self, kind: EventKind) -> Event {
        let carried = self.carried.as_mut();
        Event {
            timestamp: carried.map(|clock| clock.advance(&kind)),
            // `tick` has already counted the current tick.
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

    fn internal_or_send(&mut self) -> EventKind {
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
            // One outcome for each neighbour, and a last one for all neighbours together.
            Sends::Mix => neighbours + 1,
            Sends::Unicast => neighbours,
            Sends::Multicast(wanted) if wanted < neighbours => return self.draw_several(wanted),
            // A multicast to as many machines as there are neighbours, or more, goes to all neighbours.
            Sends::Multicast(_) | Sends::Broadcast => return Recipients::All,
        };
        let outcome = self.random.random_range(0..outcomes) as usize;
        // With `Sends::Mix`, the last outcome is not the index of a neighbour.
        let single = self.neighbours.get(outcome);
        single.map_or(Recipients::All, |&peer| Recipients::One(peer))
    }

    /// Draws `wanted` different neighbours by Floyd's method: it needs only `wanted` draws, and each set of neighbours is equally likely.
    ///
    /// Each draw is an index from 0 to `last`, and `last` grows by 1 from draw to draw. To choose 2 of 5 neighbours, for example, the
    /// first draw is from 0 to 3, and the second from 0 to 4. If an index is drawn that is already chosen, `last` is chosen instead.
    /// `last` is still free, because all earlier draws were from 0 to a smaller number.
    fn draw_several(&mut self, wanted: u32) -> Recipients {
        let neighbours = self.neighbours.len() as u32;
        // The chosen indices, in ascending order.
        let mut chosen: Vec<u32> = Vec::with_capacity(wanted as usize);
        for last in neighbours - wanted..neighbours {
            let drawn = self.random.random_range(0..=last);
            let index = match chosen.binary_search(&drawn) {
                Ok(_) => last,
                Err(_) => drawn,
            };
            chosen.insert(chosen.partition_point(|&other| other < index), index);
        }
        match chosen[..] {
            [index] => Recipients::One(self.neighbours[index as usize]),
            _ => Recipients::Several(
                chosen
                    .iter()
                    .map(|&index| self.neighbours[index as usize])
                    .collect(),
            ),
        }
    }
}

/// Messages that were passed to [`Machine::arrive`], but whose delay in model time is not over. Messages of one sender keep their order.
#[derive(Clone, Debug, Default)]
struct NetworkQueue {
    /// The messages, each with the time at which its delay ends. The message whose delay ends first comes first. Messages whose delays
    /// end at the same time are ordered by sender, then by timestamp. So the order does not depend on the real times of arrival. (A heap
    /// begins with its largest element. `Reverse` makes it begin with the smallest.)
    under_way: BinaryHeap<Reverse<(u64, Message)>>,
    /// For each sender, the time at which the delay of its last message ends.
    last_delay_end_ns: Vec<u64>,
}

impl NetworkQueue {
    /// Adds a message whose delay ends at `delay_end_ns`. If the delay of the sender's previous message ends later, the message waits until
    /// then, so it does not overtake the previous one.
    fn push(&mut self, message: Message, delay_end_ns: u64) {
        let sender = message.sender as usize;
        if self.last_delay_end_ns.len() <= sender {
            self.last_delay_end_ns.resize(sender + 1, 0);
        }
        let last_ns = &mut self.last_delay_end_ns[sender];
        *last_ns = delay_end_ns.max(*last_ns);
        self.under_way.push(Reverse((*last_ns, message)));
    }

    /// Removes and returns the next message whose delay ended before `ns`. If a delay ends exactly at `ns`, the tick at `ns` does
    /// not receive the message. In the same way, without delays, a tick at `ns` does not receive a message that was sent at `ns`.
    fn pop_before(&mut self, ns: u64) -> Option<Message> {
        let &Reverse((delay_end_ns, _)) = self.under_way.peek()?;
        if delay_end_ns >= ns {
            return None;
        }
        self.under_way.pop().map(|Reverse((_, message))| message)
    }
}

#[cfg(test)]
mod tests;
