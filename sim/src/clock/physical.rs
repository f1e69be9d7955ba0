//! Simulated physical clocks, which are never quite right.
//!
//! Each machine's physical clock begins with an error (the skew) and runs a little too fast or too slow (the drift; this is not the drift
//! of a logical clock). The clocks of two machines of a run never differ by more than a limit called epsilon.

use rand::RngExt;

use super::{Clock, Timestamp, scalar_of_time};
use crate::machine::MachineIndex;
use crate::random;

/// The default of epsilon: 100 ms. Epsilon is the largest difference between two physical clocks of a run.
pub const EPSILON_NS: u64 = 100_000_000;
/// The default of the resolution: 1 ms. The resolution of a physical clock is the step by which the clock advances.
pub const RESOLUTION_NS: u64 = 1_000_000;

/// The physical clock of one machine: what it shows at each model time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhysicalTime {
    /// The error at model time 0.
    skew_ns: f64,
    /// How much the error grows: nanoseconds of error per nanosecond of model time.
    drift: f64,
    /// The step by which the clock advances.
    resolution_ns: u64,
}

impl PhysicalTime {
    /// Draws the clock of `machine` at random, from the seed and the text that identifies the run
    /// ([`Run::stream_key`](crate::experiment::Run::stream_key)). The skew is uniform between -epsilon/4 and epsilon/4. The error that the
    /// drift adds within `duration_ns` is uniform between the same limits. So during the run the clock is never wrong by more than
    /// epsilon/2, and two clocks never differ by more than epsilon, apart from rounding to the resolution. If a run is repeated with twice
    /// the epsilon, all its errors are twice as large. The clock advances in steps of `resolution_ns`.
    ///
    /// # Panics
    ///
    /// If the resolution is 0.
    pub fn draw(
        (seed, stream_key): (u64, &str),
        machine: MachineIndex,
        epsilon_ns: u64,
        duration_ns: u64,
        resolution_ns: u64,
    ) -> Self {
        assert!(resolution_ns > 0, "a clock has a resolution");
        let key = format!("physical clock: {stream_key}");
        let mut random = random::machine_stream(seed, &key, machine);
        let quarter_ns = epsilon_ns as f64 / 4.0;
        let mut draw_ns = || quarter_ns * random.random_range(-1.0..=1.0);
        Self {
            skew_ns: draw_ns(),
            drift: draw_ns() / duration_ns.max(1) as f64,
            resolution_ns,
        }
    }

    /// What the clock shows at model time `ns`, as a number of steps of its resolution.
    pub fn reading(&self, ns: i64) -> i64 {
        let error_ns = self.skew_ns + self.drift * ns as f64;
        (ns + error_ns.round() as i64).div_euclid(self.resolution_ns as i64)
    }
}

/// A [`Clock`] that only copies the machine's physical clock: the timestamp of an event is the reading of [`PhysicalTime`] at the event.
/// Even if event a happened before event b, b can have the same timestamp as a, or a lower one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhysicalClock(i64);

impl Clock for PhysicalClock {
    type Timestamp = Self;

    fn advance(&mut self, now: i64) {
        self.0 = now;
    }

    fn receive(&mut self, _sent: &Self, now: i64) {
        self.0 = now;
    }

    fn timestamp(&self) -> Self {
        *self
    }

    fn scalar(&self) -> Option<u128> {
        // `scalar_of_time` takes a time and a counter. This clock has no counter, so the counter is 0.
        Some(scalar_of_time(self.0, 0))
    }
}

impl Timestamp for PhysicalClock {
    fn is_before(&self, other: &Self) -> bool {
        self < other
    }

    fn numbers(&self) -> u64 {
        1
    }

    fn bytes(&self) -> u64 {
        8
    }
}
