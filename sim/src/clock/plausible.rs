//! Plausible clocks: vector clocks with fewer numbers than machines.
//!
//! Source: F. J. Torres-Rojas and M. Ahamad, "Plausible Clocks: Constant Size Logical Clocks for Distributed Systems", Distributed
//! Computing 12, 1999: the R-Entries Vector (REV).

use super::Clock;
use super::vector::{VectorTimestamp, raise};
use crate::machine::MachineIndex;

/// The R-entries vector of one machine. Machine i uses entry `i mod R`, which it shares with machines `i + R`, `i + 2R` and so on. With
/// one entry it is a Lamport clock, and with an entry for each machine a vector clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlausibleClock {
    own: usize,
    entries: Vec<u64>,
}

impl PlausibleClock {
    /// Makes the clock of `machine` with `entries` entries, which are 0.
    ///
    /// # Panics
    ///
    /// If there are no entries.
    pub fn new(machine: MachineIndex, entries: u32) -> Self {
        assert!(entries > 0, "a plausible clock has at least one entry");
        Self {
            own: (machine % entries) as usize,
            entries: vec![0; entries as usize],
        }
    }
}

/// An event that happened before another has the lower timestamp. Concurrent events can have timestamps that are ordered too.
impl Clock for PlausibleClock {
    type Timestamp = VectorTimestamp;

    fn advance(&mut self, _now: i64) {
        self.entries[self.own] += 1;
    }

    fn receive(&mut self, sent: &VectorTimestamp, now: i64) {
        raise(&mut self.entries, sent.components());
        self.advance(now);
    }

    fn timestamp(&self) -> VectorTimestamp {
        VectorTimestamp::new(self.entries.clone())
    }
}
