//! Interval tree clocks: machines share the interval from 0 to 1, and a tree says how many events each part of it has seen.
//!
//! Source: P. S. Almeida, C. Baquero and V. Fonte, "Interval Tree Clocks: A Logical Clock for Dynamic Systems", OPODIS 2008. The names of
//! functions are those of the source. Here the machines of a run share the interval from the beginning, in parts of nearly equal length.

mod event;
mod id;

use super::{Clock, Timestamp};
use crate::machine::MachineIndex;

pub use event::EventTree;
pub use id::IdTree;

/// The interval tree clock of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervalTreeClock {
    id: IdTree,
    events: EventTree,
}

impl IntervalTreeClock {
    /// Makes the clock of `machine`, one of `machines`.
    pub fn new(machine: MachineIndex, machines: u32) -> Self {
        Self {
            id: IdTree::of_machine(machine, machines),
            events: EventTree::default(),
        }
    }
}

/// One timestamp is below another if and only if its event happened before the other's. A message carries the tree of events only.
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
        self.nodes()
    }

    fn bytes(&self) -> u64 {
        self.bits().div_ceil(8)
    }
}
