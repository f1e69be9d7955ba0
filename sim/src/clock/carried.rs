//! The clock that a machine of the simulator keeps beside its Lamport clock, and the timestamps that its messages carry.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::physical::{EPSILON_NS, RESOLUTION_NS};
use super::{Clock, HybridClock, PhysicalTime, Timestamp, VectorClock, vector::VectorTimestamp};
use crate::experiment::{ClockKind, Configuration, Run};
use crate::machine::{EventKind, MachineIndex, Message};

/// A timestamp of an event in addition to its Lamport clock. The message of a send carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarriedTimestamp {
    /// Of a vector clock.
    Vector(VectorTimestamp),
    /// Of a hybrid logical clock. Its time is in steps of [`RESOLUTION_NS`].
    Hybrid(HybridClock),
}

impl CarriedTimestamp {
    /// How many bytes it has in a message.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Vector(timestamp) => timestamp.bytes(),
            Self::Hybrid(timestamp) => timestamp.bytes(),
        }
    }

    /// The numbers of the timestamp as in the log: the components of a vector in the order of the machines, or time and counter. Numbers
    /// beyond 63 bits become the largest number of 63 bits.
    pub fn numbers(&self) -> impl Iterator<Item = i64> + '_ {
        let (components, hybrid) = match self {
            Self::Vector(timestamp) => (timestamp.components(), None),
            Self::Hybrid(timestamp) => (&[][..], Some(timestamp)),
        };
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let hybrid = hybrid.map(|clock| [clock.time(), signed(clock.count())]);
        let components = components.iter().map(move |&number| signed(number));
        components.chain(hybrid.into_iter().flatten())
    }

    /// Whether a machine can have such a timestamp in a run with at most `most_events` events and this duration.
    pub fn is_possible(&self, most_events: u64, duration_ns: u64) -> bool {
        match self {
            Self::Vector(timestamp) => timestamp.components().iter().all(|&n| n <= most_events),
            Self::Hybrid(clock) => {
                let steps = |ns: u64| (ns / RESOLUTION_NS) as i64 + 1;
                let last = steps(duration_ns.saturating_add(EPSILON_NS));
                (-steps(EPSILON_NS)..=last).contains(&clock.time()) && clock.count() <= most_events
            }
        }
    }
}

/// The numbers, joined by `;`. The cell of the log.
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

/// The form of the timestamps of a run's events: which clock the machines keep, and how many numbers its timestamps have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// A vector with a component for each machine.
    Vector {
        /// Number of machines.
        machines: u32,
    },
    /// Time and counter of a hybrid logical clock.
    Hybrid,
}

impl TimestampFormat {
    /// The form in runs of this `configuration`. `None` if the machines only have Lamport clocks.
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

#[derive(Clone, Debug)]
enum Kept {
    Vector(VectorClock),
    Hybrid(HybridClock, PhysicalTime),
}

/// The clock of one machine, and the timestamps of the messages that wait at the machine.
#[derive(Clone, Debug)]
pub struct CarriedClock {
    clock: Kept,
    /// What the machine's physical clock reads at the present tick.
    now: i64,
    waiting: HashMap<(MachineIndex, u64), Arc<CarriedTimestamp>>,
}

impl CarriedClock {
    /// Makes the clock of `machine` in a run of the experiment with `seed`. `None` if the machines of the run only have Lamport clocks.
    pub fn new(run: &Run, seed: u64, machine: MachineIndex) -> Option<Self> {
        let configuration = &run.configuration;
        let clock = match configuration.clock {
            ClockKind::Lamport => return None,
            ClockKind::Vector => {
                Kept::Vector(VectorClock::new(machine, configuration.rates.machines()))
            }
            ClockKind::Hybrid => {
                let physical = PhysicalTime::draw(
                    (seed, &run.stream_key()),
                    machine,
                    EPSILON_NS,
                    configuration.duration_ns,
                    RESOLUTION_NS,
                );
                Kept::Hybrid(HybridClock::default(), physical)
            }
        };
        Some(Self {
            clock,
            now: 0,
            waiting: HashMap::new(),
        })
    }

    /// Begins the tick that is due at model time `due_ns`.
    pub(crate) fn begin_tick(&mut self, due_ns: u64) {
        if let Kept::Hybrid(_, physical) = &self.clock {
            self.now = physical.reading(due_ns as i64);
        }
    }

    /// Keeps the `timestamp` that a message carries until the machine receives the message. Returns false if a message of the same send
    /// waits already.
    #[must_use]
    pub(crate) fn arrive(&mut self, message: &Message, timestamp: Arc<CarriedTimestamp>) -> bool {
        let send = (message.sender, message.sent_tick);
        self.waiting.insert(send, timestamp).is_none()
    }

    /// Advances the clock for an event, and returns the timestamp of the event.
    pub(crate) fn advance(&mut self, kind: &EventKind) -> Arc<CarriedTimestamp> {
        let received = match kind {
            EventKind::Receive(message) => {
                self.waiting.remove(&(message.sender, message.sent_tick))
            }
            EventKind::Internal | EventKind::Send { .. } => None,
        };
        Arc::new(match (&mut self.clock, received.as_deref()) {
            (Kept::Vector(clock), Some(CarriedTimestamp::Vector(sent))) => {
                clock.receive(sent, self.now);
                CarriedTimestamp::Vector(clock.timestamp())
            }
            (Kept::Vector(clock), None) => {
                clock.advance(self.now);
                CarriedTimestamp::Vector(clock.timestamp())
            }
            (Kept::Hybrid(clock, _), Some(CarriedTimestamp::Hybrid(sent))) => {
                clock.receive(sent, self.now);
                CarriedTimestamp::Hybrid(clock.timestamp())
            }
            (Kept::Hybrid(clock, _), None) => {
                clock.advance(self.now);
                CarriedTimestamp::Hybrid(clock.timestamp())
            }
            (_, Some(other)) => {
                unreachable!("machines of a run have the same clock, not {other:?}")
            }
        })
    }
}
