//! Plausible clocks: vector clocks with fewer numbers than machines.
//!
//! Source: F. J. Torres-Rojas and M. Ahamad, "Plausible Clocks: Constant Size Logical Clocks for Distributed Systems", Distributed
//! Computing 12, 1999: the R-Entries Vector (REV).

use super::Clock;
use super::vector::{VectorTimestamp, raise_to};
use crate::machine::MachineIndex;

/// The plausible clock of one machine: a vector with R entries. Each event of machine i adds 1 to entry `i mod R`. With R = 3, for
/// example, machines 1, 4 and 7 share entry 1. With R = 1 the clock is a Lamport clock. With an entry for each machine it is a vector clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlausibleClock {
    /// Index of the entry that this machine uses.
    own_index: usize,
    entries: Vec<u64>,
}

impl PlausibleClock {
    /// Makes the clock of `machine`: a vector of `entries` zeros.
    ///
    /// # Panics
    ///
    /// If `entries` is 0.
    pub fn new(machine: MachineIndex, entries: u32) -> Self {
        assert!(entries > 0, "a plausible clock has at least one entry");
        Self {
            own_index: (machine % entries) as usize,
            entries: vec![0; entries as usize],
        }
    }
}

/// If event a happened before event b, the timestamp of a is *below* the timestamp of b: no entry in the timestamp of a is larger than the
/// same entry in the timestamp of b, and at least one is less. The converse does not hold: the timestamp of a can also be below that of b
/// if a and b are concurrent. The reading `now` of the physical clock is not used.
impl Clock for PlausibleClock {
    type Timestamp = VectorTimestamp;

    fn advance(&mut self, _now: i64) {
        self.entries[self.own_index] += 1;
    }

    fn receive(&mut self, sent: &VectorTimestamp, now: i64) {
        raise_to(&mut self.entries, sent.components());
        self.advance(now);
    }

    fn timestamp(&self) -> VectorTimestamp {
        VectorTimestamp::new(self.entries.clone())
    }
}
