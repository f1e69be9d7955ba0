//! Hybrid vector clocks (HVC): a vector with the latest known physical time of each machine. Physical clocks differ by at most *epsilon*.
//! For example, if epsilon is 10 and a machine's own clock shows 110, all other clocks show at least 100. So the machine raises its
//! entries below 100 to 100. Messages leave out the entries that are equal to 100, because the recipient can calculate them.
//!
//! Sources: M. Demirbas and S. S. Kulkarni, "Beyond TrueTime: Using AugmentedTime for Improving Spanner", LADIS 2013; S.
//! Yingchareonthawornchai, S. S. Kulkarni and M. Demirbas, "Analysis of Bounds on Hybrid Vector Clocks", OPODIS 2015.

use super::vector::{is_below, raise_to};
use super::{Clock, Timestamp, varint};
use crate::machine::MachineIndex;

/// The hybrid vector clock of one machine. Entry j is the largest physical time of machine j that this machine knows of.
///
/// The physical clocks of two machines differ by at most epsilon. So this machine knows, without any message, that the other clocks show at
/// least its own time minus epsilon. Its own time minus epsilon is called the *oldest* time: the oldest time that another clock can show.
/// Entries below the oldest time are raised to it. A message does not store entries that are equal to the oldest time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HybridVectorClock {
    machine: usize,
    /// The largest difference of two physical clocks, in steps of these clocks (1 ms each, unless another resolution is chosen).
    epsilon: i64,
    /// The entry of each machine.
    times: Vec<i64>,
}

/// The timestamp of a hybrid vector clock, with all its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HybridVectorTimestamp {
    /// The machine of the event.
    machine: usize,
    /// The oldest time at this event: the machine's own time minus epsilon.
    oldest: i64,
    /// The entries of all machines, also those that a message does not store.
    times: Vec<i64>,
}

impl HybridVectorClock {
    /// Makes the clock of `machine`, in a run with this number of `machines`. Their physical clocks differ by at most `epsilon`. Before
    /// its first event, the clock knows no time of any machine, so all its entries are [`i64::MIN`].
    pub fn new(machine: MachineIndex, machines: u32, epsilon: i64) -> Self {
        Self {
            machine: machine as usize,
            epsilon,
            times: vec![i64::MIN; machines as usize],
        }
    }

    fn own_time(&self) -> i64 {
        self.times[self.machine]
    }

    fn oldest(&self) -> i64 {
        // Saturating, because before the first event the own time is `i64::MIN`, and nothing can be subtracted from it.
        self.own_time().saturating_sub(self.epsilon)
    }
}

/// A timestamp is lower than another if none of its entries is larger and at least one is smaller. If event a happened before event b, the
/// timestamp of a is lower. But the timestamp of a can also be lower if a and b are concurrent. For example, let epsilon be 10.
/// Let a happen on machine 0 at time 100, and b on machine 1 at time 110. At a, the oldest time is 100 - 10 = 90, and the timestamp is
/// (100, 90). At b, the oldest time is 110 - 10 = 100, and the timestamp is (100, 110). So the timestamp of a is lower, although no message
/// went from a to b.
impl Clock for HybridVectorClock {
    type Timestamp = HybridVectorTimestamp;

    fn advance(&mut self, now: i64) {
        // The own time rises at every event: to `now`, but by at least 1 (the smallest step).
        self.times[self.machine] = now.max(self.own_time().saturating_add(1));
        let oldest = self.oldest();
        for time in &mut self.times {
            *time = (*time).max(oldest);
        }
    }

    fn receive(&mut self, sent: &HybridVectorTimestamp, now: i64) {
        raise_to(&mut self.times, &sent.times);
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
        Some(self.own_time() - now)
    }
}

impl HybridVectorTimestamp {
    /// The entries that a message stores: the machine's own entry, and each entry that is later than the oldest time.
    fn stored(&self) -> impl Iterator<Item = i64> + '_ {
        let is_stored =
            |&(machine, &time): &(usize, &i64)| machine == self.machine || time > self.oldest;
        let times = self.times.iter().enumerate();
        times.filter(is_stored).map(|(_, &time)| time)
    }
}

impl Timestamp for HybridVectorTimestamp {
    fn is_before(&self, other: &Self) -> bool {
        is_below(&self.times, &other.times)
    }

    fn numbers(&self) -> u64 {
        self.stored().count() as u64
    }

    /// A message has three parts: the own time (8 bytes); for each machine, one bit that says whether its entry is stored; and for each
    /// stored entry of another machine, its difference from the own time.
    fn bytes(&self) -> u64 {
        let own_time = self.times[self.machine];
        let machines = self.times.len() as u64;
        let all_differences: u64 = self
            .stored()
            .map(|time| varint::length(own_time.abs_diff(time)))
            .sum();
        // The own entry is among the stored entries, with the difference 0. A message does not repeat it.
        let differences = all_differences - varint::length(0);
        let bytes_of_bits = machines.div_ceil(8);
        8 + bytes_of_bits + differences
    }

    /// A comparison reads all entries (one word of 64 bits each), also those that a message does not store.
    fn words(&self) -> u64 {
        self.times.len() as u64
    }
}
