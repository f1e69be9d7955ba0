//! Logical clocks: the rules by which a machine gives each of its events a timestamp, and what two timestamps tell about the order of
//! their events.
//!
//! A clock is a small value. It uses no sockets and no files, and never asks the computer for the time. Some clocks use physical time. They
//! get the reading of their machine's (simulated) physical clock as an argument at each event.
//!
//! # Layout
//!
//! - [`lamport`]: one number
//! - [`vector`]: one number for each machine
//! - [`matrix`]: one vector for each machine
//! - [`bloom`]: m counters; each event adds 1 to k of them
//! - [`plausible`]: R numbers; if there are more than R machines, some machines share a number
//! - [`encoded`]: one number, a product of prime powers
//! - [`interval_tree`]: each machine owns a part of the interval from 0 to 1, and a tree has a counter for each part
//! - [`hybrid`]: physical time with a counter (HLC)
//! - [`hybrid_vector`]: a physical time for each machine; times that are far behind are left out (HVC)
//! - [`physical`]: physical time alone
//! - [`carried`]: the additional clock that machines of the simulator may keep beside their Lamport clock
//! - [`varint`]: whole numbers as bytes; small numbers take few bytes

pub mod bloom;
pub mod carried;
pub mod encoded;
pub mod hybrid;
pub mod hybrid_vector;
pub mod interval_tree;
pub mod lamport;
pub mod matrix;
pub mod physical;
pub mod plausible;
pub mod varint;
pub mod vector;

pub use bloom::BloomClock;
pub use carried::{CarriedClock, CarriedTimestamp, TimestampFormat};
pub use encoded::EncodedClock;
pub use hybrid::HybridClock;
pub use hybrid_vector::HybridVectorClock;
pub use interval_tree::IntervalTreeClock;
pub use lamport::LamportClock;
pub use matrix::MatrixClock;
pub use physical::{PhysicalClock, PhysicalTime};
pub use plausible::PlausibleClock;
pub use vector::VectorClock;

/// The clock of one machine. The argument `now` is what the machine's physical clock reads, in steps of 1 ms (unless another resolution is
/// chosen).
pub trait Clock {
    /// The timestamps of this clock. Each event gets one, and each message carries one.
    type Timestamp: Timestamp;

    /// Applies an internal event or a send.
    fn advance(&mut self, now: i64);

    /// Applies the receive of a message that carries the timestamp `sent`.
    fn receive(&mut self, sent: &Self::Timestamp, now: i64);

    /// The timestamp of the newest event. If this event is a send, its message carries the timestamp.
    fn timestamp(&self) -> Self::Timestamp;

    /// The timestamp of the newest event as one number. One timestamp [is before](Timestamp::is_before) another if and only if its number is
    /// smaller. `None` if there are no such numbers for the timestamps of this clock. Vector clocks, for example, have none.
    fn scalar(&self) -> Option<u128> {
        None
    }

    /// How many steps the time in this clock is ahead of the machine's physical clock, which reads `now`. `None` for clocks that contain
    /// no time, and for [`PhysicalClock`], which is never ahead.
    fn ahead(&self, _now: i64) -> Option<i64> {
        None
    }

    /// For clocks that consist of a time and a counter: the counter of the newest event. The counter orders events with the same time. `None`
    /// for other clocks.
    fn counter(&self) -> Option<u64> {
        None
    }
}

/// The timestamp of an event.
pub trait Timestamp: Clone {
    /// Whether the two timestamps say that the event of `self` happened before the event of `other`. Call this function only
    /// for events of different machines.
    fn is_before(&self, other: &Self) -> bool;

    /// How many numbers the timestamp has in a message.
    fn numbers(&self) -> u64;

    /// How many bytes the timestamp takes in a message. Unless a clock says otherwise, a time takes 8 bytes, and any other whole number takes
    /// 1 byte for every 7 bits ([`varint`]).
    fn bytes(&self) -> u64;

    /// How many 64-bit words of this timestamp a comparison with another timestamp reads.
    fn words(&self) -> u64 {
        self.numbers()
    }
}

/// Returns a time and a counter as one number for [`Clock::scalar`]. The order of two such numbers is that of their times, or, if the times
/// are equal, that of their counters.
fn scalar_of_time(time: i64, counter: u64) -> u128 {
    // As unsigned numbers, negative times would be above positive times. Flipping the sign bit puts them below.
    let unsigned_time = time.cast_unsigned() ^ (1 << 63);
    (u128::from(unsigned_time) << 64) | u128::from(counter)
}

#[cfg(test)]
mod tests;
