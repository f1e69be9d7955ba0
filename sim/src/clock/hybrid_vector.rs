//! Hybrid vector clocks (HVC): a vector of physical times that leaves out what is older than the uncertainty of physical clocks.
//!
//! Sources: M. Demirbas and S. S. Kulkarni, "Beyond TrueTime: Using AugmentedTime for Improving Spanner", LADIS 2013; S. Yingchareonthawornchai,
//! S. S. Kulkarni and M. Demirbas, "Analysis of Bounds on Hybrid Vector Clocks", OPODIS 2015.

use super::vector::{is_below, raise};
use super::{Clock, Timestamp, varint};
use crate::machine::MachineIndex;

/// The hybrid vector clock of one machine. Entry j is the greatest physical time of machine j that the machine knows of. An entry that is
/// older than the own time minus epsilon is not stored in a message: it stands for exactly this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HybridVectorClock {
    machine: usize,
    epsilon: i64,
    times: Vec<i64>,
}

/// The entries of a hybrid vector clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HybridVectorTimestamp {
    machine: usize,
    oldest: i64,
    times: Vec<i64>,
}

impl HybridVectorClock {
    /// Makes the clock of `machine`, one of `machines`, whose physical clocks differ by at most `epsilon`. Before its first event, it
    /// knows of no time.
    pub fn new(machine: MachineIndex, machines: u32, epsilon: i64) -> Self {
        Self {
            machine: machine as usize,
            epsilon,
            times: vec![i64::MIN; machines as usize],
        }
    }

    fn own(&self) -> i64 {
        self.times[self.machine]
    }

    fn oldest(&self) -> i64 {
        self.own().saturating_sub(self.epsilon)
    }
}

/// An event that happened before another has the lower timestamp. Concurrent events that are more than epsilon apart are ordered too.
impl Clock for HybridVectorClock {
    type Timestamp = HybridVectorTimestamp;

    fn advance(&mut self, now: i64) {
        // If the physical clock has not advanced since the last event, the own time is raised by the smallest step.
        self.times[self.machine] = now.max(self.own().saturating_add(1));
        let oldest = self.oldest();
        for time in &mut self.times {
            *time = (*time).max(oldest);
        }
    }

    fn receive(&mut self, sent: &HybridVectorTimestamp, now: i64) {
        raise(&mut self.times, &sent.times);
        self.advance(now);
    }

    fn timestamp(&self) -> HybridVectorTimestamp {
        HybridVectorTimestamp {
            machine: self.machine,
            oldest: self.oldest(),
            times: self.times.clone(),
        }
    }

    fn ahead(&self, now: i64) -> Option<i64> {
        Some(self.own() - now)
    }
}

impl HybridVectorTimestamp {
    /// The entries that are stored: the own one, and those that are not older than the own time minus epsilon.
    fn kept(&self) -> impl Iterator<Item = i64> + '_ {
        let is_kept =
            |&(machine, &time): &(usize, &i64)| machine == self.machine || time > self.oldest;
        let times = self.times.iter().enumerate();
        times.filter(is_kept).map(|(_, &time)| time)
    }
}

impl Timestamp for HybridVectorTimestamp {
    fn is_before(&self, other: &Self) -> bool {
        is_below(&self.times, &other.times)
    }

    fn numbers(&self) -> u64 {
        self.kept().count() as u64
    }

    /// The own time, a bit for each machine that tells whether its entry is stored, and the age of each entry that is stored.
    fn bytes(&self) -> u64 {
        let own = self.times[self.machine];
        let ages = self.kept().map(|time| varint::length(own.abs_diff(time)));
        8 + (self.times.len() as u64).div_ceil(8) + ages.sum::<u64>() - varint::length(0)
    }

    /// Entries that are not stored are compared too.
    fn words(&self) -> u64 {
        self.times.len() as u64
    }
}
