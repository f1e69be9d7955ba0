//! One virtual machine: its state and what one tick does to it.
//!
//! Pure: no socket, no wall clock, no file, and no randomness but the stream it is given. Every engine drives this same
//! machine: it hands it messages as they arrive ([`Machine::arrive`]) and calls [`Machine::tick`] when a tick is due; the
//! event that comes back says all that happened, including what is to be sent, and [`Machine::draw_delay_ns`] how long each
//! message is to be under way. Where a tick takes the whole queue, [`Machine::next_event_in_tick`] yields its further events.
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

pub use crate::experiment::MachineIndex;

/// What travels between machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Who sent it.
    pub sender: MachineIndex,
    /// The timestamp it carries.
    pub stamp: u64,
    /// The number of the sender's tick at which it was sent: with `sender` it names the send event exactly.
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
    pub fn next_event_in_tick(&mut self) -> Option<Event> {
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
mod tests;
