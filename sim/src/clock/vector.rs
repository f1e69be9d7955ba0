//! Vector clocks: one number for each machine.
//!
//! Sources: C. J. Fidge, "Timestamps in Message-Passing Systems That Preserve the Partial Ordering", Australian Computer Science
//! Conference, 1988; F. Mattern, "Virtual Time and Global States of Distributed Systems", 1989.

use super::{Clock, Timestamp, varint};
use crate::machine::MachineIndex;

/// The vector clock of one machine. Component j is the number of machine j's events that happened before the newest event of this
/// machine. The own component also counts the newest event itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorClock {
    machine: MachineIndex,
    components: Vec<u64>,
}

/// The timestamp of a vector clock: its components. Bloom clocks and plausible clocks use this type too. At a receive, all three kinds of
/// clocks keep, at each index, the larger of their own number and the received number. The timestamps of all three kinds are compared in
/// the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorTimestamp(Vec<u64>);

impl VectorClock {
    /// Makes the clock of `machine`, one of `machines`. All its components are 0.
    pub fn new(machine: MachineIndex, machines: u32) -> Self {
        Self {
            machine,
            components: vec![0; machines as usize],
        }
    }

    /// The components.
    pub fn components(&self) -> &[u64] {
        &self.components
    }
}

/// Event a happened before event b if and only if the timestamp of a is below the timestamp of b: no component of a's timestamp is larger
/// than the same component of b's timestamp, and at least one is less. The reading `now` of the physical clock is not used.
impl Clock for VectorClock {
    type Timestamp = VectorTimestamp;

    fn advance(&mut self, _now: i64) {
        self.components[self.machine as usize] += 1;
    }

    fn receive(&mut self, sent: &VectorTimestamp, now: i64) {
        raise_to(&mut self.components, &sent.0);
        self.advance(now);
    }

    fn timestamp(&self) -> VectorTimestamp {
        VectorTimestamp(self.components.clone())
    }
}

impl VectorTimestamp {
    /// Makes a timestamp from its components.
    pub fn new(components: Vec<u64>) -> Self {
        Self(components)
    }

    /// The components.
    pub fn components(&self) -> &[u64] {
        &self.0
    }
}

impl Timestamp for VectorTimestamp {
    fn is_before(&self, other: &Self) -> bool {
        is_below(&self.0, &other.0)
    }

    fn numbers(&self) -> u64 {
        self.0.len() as u64
    }

    fn bytes(&self) -> u64 {
        self.0.iter().map(|&number| varint::length(number)).sum()
    }
}

/// Raises each component of `own` to the component of `other` at the same index, if the component of `other` is larger.
pub(super) fn raise_to<T: Copy + Ord>(own: &mut [T], other: &[T]) {
    for (own, other) in std::iter::zip(own, other) {
        *own = (*own).max(*other);
    }
}

/// Whether each component of `a` is less than or equal to the component of `b` at the same index, and at least one component of `a` is less.
pub(super) fn is_below<T: PartialOrd>(a: &[T], b: &[T]) -> bool {
    std::iter::zip(a, b).all(|(a, b)| a <= b) && a != b
}
