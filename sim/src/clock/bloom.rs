//! Bloom clocks: a counting Bloom filter of the events that happened before.
//!
//! Sources: L. Ramabaja, "The Bloom Clock", arXiv:1905.13064, 2019; A. Misra and A. D. Kshemkalyani, "The Bloom Clock for Causality
//! Testing", ICDCIT 2021.

use super::Clock;
use super::vector::{VectorTimestamp, raise};
use crate::machine::MachineIndex;

/// The Bloom clock of one machine: counters, of which each event raises some by 1. Which ones is a hash of the event's machine and
/// number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BloomClock {
    machine: MachineIndex,
    hashes: u32,
    events: u64,
    counters: Vec<u64>,
}

impl BloomClock {
    /// Makes the clock of `machine`: `counters` counters at 0, and `hashes` hashes of each event.
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

/// An event that happened before another has the lower timestamp. Concurrent events can have timestamps that are ordered too.
impl Clock for BloomClock {
    type Timestamp = VectorTimestamp;

    fn advance(&mut self, _now: i64) {
        let event = u64::from(self.machine) << 40 | self.events;
        self.events += 1;
        // Two hashes give all others (A. Kirsch and M. Mitzenmacher, "Less Hashing, Same Performance", 2006).
        let (first, second) = (mix(event), mix(!event));
        for hash in 0..u64::from(self.hashes) {
            let counter = first.wrapping_add(hash.wrapping_mul(second | 1));
            let index = counter % self.counters.len() as u64;
            self.counters[index as usize] += 1;
        }
    }

    fn receive(&mut self, sent: &VectorTimestamp, now: i64) {
        raise(&mut self.counters, sent.components());
        self.advance(now);
    }

    fn timestamp(&self) -> VectorTimestamp {
        VectorTimestamp::new(self.counters.clone())
    }
}

/// Hashes a number: the output function of SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, "Fast Splittable Pseudorandom Number
/// Generators", OOPSLA 2014).
fn mix(number: u64) -> u64 {
    let mut hash = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
