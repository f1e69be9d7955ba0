//! Interval tree clocks. The interval from 0 to 1 is divided among the machines: each machine owns a part, for example one half each if
//! there are two. A timestamp is a function that gives each point of the interval a whole number. At an event, a machine raises its
//! function somewhere in its own part. The function is stored as a tree, in which each inner node divides its interval into two halves.
//!
//! Source: P. S. Almeida, C. Baquero and V. Fonte, "Interval Tree Clocks: A Logical Clock for Dynamic Systems", OPODIS 2008. The names of
//! functions (`event`, `join`, `leq` for "less than or equal", `fill`, `grow`, `norm`) are those of the source. In the source, machines can
//! be added and removed. Here the machines of a run divide the interval from the beginning, into parts of similar length.

mod event;
mod id;

use super::{Clock, Timestamp};
use crate::machine::MachineIndex;

pub use event::EventTree;
pub use id::IdTree;

/// The interval tree clock of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervalTreeClock {
    /// The part of the interval that the machine owns.
    id: IdTree,
    /// The timestamp of the machine's newest event: a whole number for each point of the interval.
    events: EventTree,
}

impl IntervalTreeClock {
    /// Makes the clock of `machine` in a run of `machines` machines.
    pub fn new(machine: MachineIndex, machines: u32) -> Self {
        Self {
            id: IdTree::for_machine(machine, machines),
            events: EventTree::default(),
        }
    }
}

/// A timestamp is the tree of events alone, without the machine's part of the interval. Event a happened before event b if and only if the
/// timestamps differ and, at each point of the interval, the number in a's timestamp is at most the number in b's.
impl Clock for IntervalTreeClock {
    type Timestamp = EventTree;

    fn advance(&mut self, _now: i64) {
        self.events = self.events.event(&self.id);
    }

    fn receive(&mut self, sent: &EventTree, now: i64) {
        self.events = self.events.join(sent);
        self.advance(now);
    }

    fn timestamp(&self) -> EventTree {
        self.events.clone()
    }
}

impl Timestamp for EventTree {
    fn is_before(&self, other: &Self) -> bool {
        self.leq(other) && self != other
    }

    fn numbers(&self) -> u64 {
        // Each node of the tree has one number.
        self.nodes()
    }

    fn bytes(&self) -> u64 {
        self.bits().div_ceil(8)
    }
}
