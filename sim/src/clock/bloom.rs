//! Bloom clocks. They are like vector clocks, but have a fixed number of counters, which the events of all machines share. (Such counters
//! are called a counting Bloom filter. The filter of a machine represents a set of events: the machine's newest event, and all events that
//! happened before that event.)
//!
//! Sources: L. Ramabaja, "The Bloom Clock", arXiv:1905.13064, 2019; A. Misra and A. D. Kshemkalyani, "The Bloom Clock for Causality
//! Testing", ICDCIT 2021.

use super::Clock;
use super::vector::{VectorTimestamp, raise_to};
use crate::machine::MachineIndex;

/// The Bloom clock of one machine: a fixed number of counters. Each event adds 1 to some of the counters. Hashes of the event decide
/// which counters these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BloomClock {
    machine: MachineIndex,
    /// How many hashes each event has. Each hash adds 1 to one counter. Several hashes may add to the same counter.
    hashes: u32,
    /// Number of events of this machine so far.
    events: u64,
    counters: Vec<u64>,
}

impl BloomClock {
    /// Makes the clock of `machine` with `counters` counters, which are 0. Each event has `hashes` hashes.
    ///
    /// # Panics
    ///
    /// If there are no counters.
    pub fn new(machine: MachineIndex, counters: u32, hashes: u32) -> Self {
        assert!(counters > 0, "a Bloom clock has at least one counter");
        Self {
            machine,
            hashes,
            events: 0,
            counters: vec![0; counters as usize],
        }
    }
}

/// If event a happened before event b, the timestamp of a is below the timestamp of b: no counter of a's timestamp is larger than the same
/// counter of b's timestamp, and at least one is less. The reverse need not be true: the timestamp of a can also be below the timestamp
/// of b if the events are concurrent.
impl Clock for BloomClock {
    type Timestamp = VectorTimestamp;

    fn advance(&mut self, _now: i64) {
        // A number that no other event of the run has: the upper 24 bits are the machine, the lower 40 bits count the machine's events.
        let event = (u64::from(self.machine) << 40) | self.events;
        self.events += 1;
        // The hashes of the event are first, first + step, first + 2 step and so on. So `mix` is called only twice, and not for each hash
        // (A. Kirsch and M. Mitzenmacher, "Less Hashing, Same Performance", 2006). `| 1` makes the step odd, so it is never 0. With a step
        // of 0, all hashes of the event would be equal. `!event` has all bits flipped, so it is another number than `event`.
        let (first, step) = (mix(event), mix(!event) | 1);
        for number in 0..u64::from(self.hashes) {
            let hash = first.wrapping_add(number.wrapping_mul(step));
            let index = hash % self.counters.len() as u64;
            self.counters[index as usize] += 1;
        }
    }

    fn receive(&mut self, sent: &VectorTimestamp, now: i64) {
        raise_to(&mut self.counters, sent.components());
        self.advance(now);
    }

    fn timestamp(&self) -> VectorTimestamp {
        VectorTimestamp::new(self.counters.clone())
    }
}

/// Hashes a number. This is the output function of SplitMix64, with its constants (G. L. Steele, D. Lea and C. H. Flood, "Fast Splittable
/// Pseudorandom Number Generators", OOPSLA 2014).
fn mix(number: u64) -> u64 {
    let mut hash = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
