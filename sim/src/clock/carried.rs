//! The additional clock of a machine: a vector clock or a hybrid logical clock, which a machine of the simulator keeps beside its Lamport
//! clock if the parameter `clock` says so. Messages carry the timestamps of this clock in addition to their Lamport timestamps.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::physical::{EPSILON_NS, RESOLUTION_NS};
use super::{Clock, HybridClock, PhysicalTime, Timestamp, VectorClock, vector::VectorTimestamp};
use crate::experiment::{ClockKind, Configuration, Run};
use crate::machine::{EventKind, MachineIndex, Message};

/// The timestamp that an event has in addition to its Lamport timestamp. If the event is a send, its message carries this timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarriedTimestamp {
    /// A timestamp of a vector clock.
    Vector(VectorTimestamp),
    /// A timestamp of a hybrid logical clock. Its time is in steps of [`RESOLUTION_NS`].
    Hybrid(HybridClock),
}

impl CarriedTimestamp {
    /// How many bytes the timestamp takes in a message ([`Timestamp::bytes`]).
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Vector(timestamp) => timestamp.bytes(),
            Self::Hybrid(timestamp) => timestamp.bytes(),
        }
    }

    /// The numbers of the timestamp, in the order in which the log has them. For a vector clock, these are the components in the order of
    /// the machines. For a hybrid logical clock, these are the time and the counter. A number above [`i64::MAX`] becomes [`i64::MAX`].
    pub fn numbers(&self) -> impl Iterator<Item = i64> + '_ {
        // The function must return the same type of iterator for both kinds of timestamps. So the iterator goes through components, then
        // through time and counter. A vector has no time and counter, and a hybrid clock has no components.
        let (components, hybrid) = match self {
            Self::Vector(timestamp) => (timestamp.components(), None),
            Self::Hybrid(timestamp) => (&[][..], Some(timestamp)),
        };
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let time_and_counter = hybrid.map(|clock| [clock.time(), signed(clock.count())]);
        let components = components.iter().map(move |&number| signed(number));
        components.chain(time_and_counter.into_iter().flatten())
    }

    /// Whether a machine can have this timestamp in a run with at most `max_events` events and this duration. Messages with other
    /// timestamps do not come from a machine of the run.
    pub fn is_possible(&self, max_events: u64, duration_ns: u64) -> bool {
        match self {
            Self::Vector(timestamp) => timestamp.components().iter().all(|&n| n <= max_events),
            Self::Hybrid(clock) => {
                // A hybrid clock takes its times from the physical clocks of the machines. Model time goes from 0 to `duration_ns`, and a
                // physical clock differs from it by less than `EPSILON_NS`. One more step allows for rounding.
                let steps = |ns: u64| (ns / RESOLUTION_NS) as i64 + 1;
                let earliest = -steps(EPSILON_NS);
                let latest = steps(duration_ns.saturating_add(EPSILON_NS));
                (earliest..=latest).contains(&clock.time()) && clock.count() <= max_events
            }
        }
    }
}

/// The numbers, joined by `;`, as in the column `timestamp` of the log.
impl fmt::Display for CarriedTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vector(timestamp) => {
                for (index, component) in timestamp.components().iter().enumerate() {
                    let separator = if index == 0 { "" } else { ";" };
                    write!(f, "{separator}{component}")?;
                }
                Ok(())
            }
            Self::Hybrid(clock) => write!(f, "{};{}", clock.time(), clock.count()),
        }
    }
}

/// The format of the timestamps of a run's events: the kind of clock that the machines keep, and how many numbers a timestamp has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// A vector with a component for each machine.
    Vector {
        /// Number of machines.
        machines: u32,
    },
    /// Time and counter of a hybrid logical clock: two numbers.
    Hybrid,
}

impl TimestampFormat {
    /// The format of the timestamps in runs of this `configuration`. `None` if the machines only have Lamport clocks.
    pub fn new(configuration: &Configuration) -> Option<Self> {
        match configuration.clock {
            ClockKind::Lamport => None,
            ClockKind::Vector => Some(Self::Vector {
                machines: configuration.rates.machines(),
            }),
            ClockKind::Hybrid => Some(Self::Hybrid),
        }
    }
}

/// The clock in a [`CarriedClock`]. A hybrid clock is stored together with the machine's physical clock, from which it takes the time.
#[derive(Clone, Debug)]
enum AdditionalClock {
    Vector(VectorClock),
    Hybrid(HybridClock, PhysicalTime),
}

/// The additional clock of one machine, and the timestamps of the messages that wait at the machine: they have arrived, but no tick has
/// received them yet.
#[derive(Clone, Debug)]
pub struct CarriedClock {
    clock: AdditionalClock,
    /// What the machine's physical clock shows at the present tick, in steps of its resolution. Always 0 with a vector clock.
    now: i64,
    /// The timestamp of each waiting message. The key is the message's sender and the tick at which it was sent.
    waiting: HashMap<(MachineIndex, u64), Arc<CarriedTimestamp>>,
}

impl CarriedClock {
    /// Makes the clock of `machine` in a run of the experiment with `seed`. `None` if the machines of the run only have Lamport clocks.
    pub fn new(run: &Run, seed: u64, machine: MachineIndex) -> Option<Self> {
        let configuration = &run.configuration;
        let clock = match configuration.clock {
            ClockKind::Lamport => return None,
            ClockKind::Vector => {
                AdditionalClock::Vector(VectorClock::new(machine, configuration.rates.machines()))
            }
            ClockKind::Hybrid => {
                let physical = PhysicalTime::draw(
                    (seed, &run.stream_key()),
                    machine,
                    EPSILON_NS,
                    configuration.duration_ns,
                    RESOLUTION_NS,
                );
                AdditionalClock::Hybrid(HybridClock::default(), physical)
            }
        };
        Some(Self {
            clock,
            now: 0,
            waiting: HashMap::new(),
        })
    }

    /// Begins the tick that is due at model time `due_ns`: stores what the machine's physical clock shows at this time. With a vector
    /// clock, nothing is stored.
    pub(crate) fn begin_tick(&mut self, due_ns: u64) {
        if let AdditionalClock::Hybrid(_, physical) = &self.clock {
            self.now = physical.reading(due_ns as i64);
        }
    }

    /// Stores the `timestamp` of a message that has arrived. [`Self::advance`] uses it when the machine receives the message. Returns false
    /// if a message from the same sender and the same send tick already waits. In a correct run, this cannot happen.
    #[must_use]
    pub(crate) fn arrive(&mut self, message: &Message, timestamp: Arc<CarriedTimestamp>) -> bool {
        let send = (message.sender, message.sent_tick);
        self.waiting.insert(send, timestamp).is_none()
    }

    /// Applies an event to the clock, and returns the timestamp of the event. A receive uses the timestamp of its message, which
    /// [`Self::arrive`] has stored.
    pub(crate) fn advance(&mut self, kind: &EventKind) -> Arc<CarriedTimestamp> {
        let received = match kind {
            EventKind::Receive(message) => {
                self.waiting.remove(&(message.sender, message.sent_tick))
            }
            EventKind::Internal | EventKind::Send { .. } => None,
        };
        Arc::new(match (&mut self.clock, received.as_deref()) {
            (AdditionalClock::Vector(clock), Some(CarriedTimestamp::Vector(sent))) => {
                clock.receive(sent, self.now);
                CarriedTimestamp::Vector(clock.timestamp())
            }
            (AdditionalClock::Vector(clock), None) => {
                clock.advance(self.now);
                CarriedTimestamp::Vector(clock.timestamp())
            }
            (AdditionalClock::Hybrid(clock, _), Some(CarriedTimestamp::Hybrid(sent))) => {
                clock.receive(sent, self.now);
                CarriedTimestamp::Hybrid(clock.timestamp())
            }
            (AdditionalClock::Hybrid(clock, _), None) => {
                clock.advance(self.now);
                CarriedTimestamp::Hybrid(clock.timestamp())
            }
            (_, Some(other)) => {
                unreachable!("all clocks of a run are of one kind, but {other:?} is not")
            }
        })
    }
}
