//! Logical clocks: the rules by which a machine gives each of its events a timestamp, and what two timestamps tell about the order of
//! their events.
//!
//! A clock is a small value without sockets, files or a real clock. Clocks that use physical time are told the reading of their machine's
//! physical clock at each event.
//!
//! # Layout
//!
//! - [`lamport`]: one number
//! - [`vector`]: one number for each machine
//! - [`matrix`]: one vector for each machine
//! - [`bloom`]: m counters, of which each event raises k
//! - [`plausible`]: R numbers, shared by the machines
//! - [`encoded`]: a product of prime powers
//! - [`interval_tree`]: a tree over the interval that the machines share
//! - [`hybrid`]: physical time with a counter (HLC)
//! - [`hybrid_vector`]: a vector of physical times, without the old ones (HVC)
//! - [`physical`]: physical time alone
//! - [`carried`]: the clock that machines of the simulator keep beside their Lamport clock
//! - [`varint`]: the length of whole numbers as bytes

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

/// The clock of one machine.
pub trait Clock {
    /// What an event is given, and what a message carries.
    type Timestamp: Timestamp;

    /// An internal event or a send. `now` is the reading of the machine's physical clock.
    fn advance(&mut self, now: i64);

    /// The receive of a message that carries the timestamp `sent`. `now` is the reading of the machine's physical clock.
    fn receive(&mut self, sent: &Self::Timestamp, now: i64);

    /// The timestamp of the newest event. If this is a send, its message carries the timestamp.
    fn timestamp(&self) -> Self::Timestamp;

    /// The timestamp of the newest event as a number, if any two timestamps of the clock are ordered as numbers are. Then
    /// [`Timestamp::is_before`] is `<`.
    fn scalar(&self) -> Option<u128> {
        None
    }

    /// How far the clock is ahead of the machine's physical clock, which reads `now`. `None` if the clock does not contain a time.
    fn ahead(&self, _now: i64) -> Option<i64> {
        None
    }

    /// The counter of events with the same time. `None` if the clock has no such counter.
    fn counter(&self) -> Option<u64> {
        None
    }
}

/// The timestamp of an event.
pub trait Timestamp: Clone {
    /// Whether the timestamps tell that this event happened before the event of `other`, an event of another machine.
    fn is_before(&self, other: &Self) -> bool;

    /// How many numbers it has.
    fn numbers(&self) -> u64;

    /// How many bytes it has in a message. Times take 8 bytes. Other whole numbers take 1 byte for every 7 bits ([`varint`]).
    fn bytes(&self) -> u64;

    /// How many words of 64 bits a comparison reads of it.
    fn words(&self) -> u64 {
        self.numbers()
    }
}

/// A time as a number for [`Clock::scalar`], which has the order of times; `below` is the order of equal times.
fn scalar_of_time(time: i64, below: u64) -> u128 {
    u128::from(time.cast_unsigned() ^ 1 << 63) << 64 | u128::from(below)
}

#[cfg(test)]
mod tests;
