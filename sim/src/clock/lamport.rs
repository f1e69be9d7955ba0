//! Lamport's logical clock and its two rules.
//!
//! Source: L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", CACM 21(7), 1978, implementation
//! rules IR1 and IR2.

use super::{Clock, Timestamp, varint};

/// The Lamport clock of one machine. It starts at 0 and never decreases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LamportClock(u64);

impl LamportClock {
    /// Returns the clock's present value.
    pub fn value(self) -> u64 {
        self.0
    }

    /// Rule IR1: adds 1 to the clock for an internal event or a send. Returns the new value.
    pub fn increment(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    /// Rule IR2: receives a message with timestamp `stamp` and sets the clock to `max(clock, stamp) + 1`. Returns the new value.
    /// (Lamport's rule also allows values above `max(clock, stamp) + 1`.)
    pub fn receive(&mut self, stamp: u64) -> u64 {
        self.0 = self.0.max(stamp) + 1;
        self.0
    }
}

/// If event a happened before event b, the timestamp of a is lower than that of b. If a and b are concurrent, either timestamp can be lower,
/// or the two can be equal.
impl Clock for LamportClock {
    // The timestamp of an event is a copy of the clock.
    type Timestamp = Self;

    fn advance(&mut self, _now: i64) {
        self.increment();
    }

    fn receive(&mut self, sent: &Self, _now: i64) {
        // No recursion: this calls the method above, because a type's own methods come before those of its traits.
        Self::receive(self, sent.0);
    }

    fn timestamp(&self) -> Self {
        *self
    }

    fn scalar(&self) -> Option<u128> {
        Some(self.0.into())
    }
}

impl Timestamp for LamportClock {
    fn is_before(&self, other: &Self) -> bool {
        self < other
    }

    fn numbers(&self) -> u64 {
        1
    }

    fn bytes(&self) -> u64 {
        varint::length(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn receiving_a_lower_timestamp_adds_1() {
        let mut clock = LamportClock(7);
        assert_eq!(clock.receive(3), 8);
    }

    #[test]
    fn receiving_a_higher_timestamp_jumps_to_1_above_it() {
        let mut clock = LamportClock(7);
        assert_eq!(clock.receive(41), 42);
    }

    proptest! {
        /// In `events`, `Some(timestamp)` is the receive of a message with this timestamp. `None` is an internal event or a send.
        #[test]
        fn grows_at_every_event_and_is_above_every_received_timestamp(events in prop::collection::vec(prop::option::of(0u64..1_000_000), 0..100)) {
            let mut clock = LamportClock::default();
            for stamp in events {
                let before = clock.value();
                let after = match stamp {
                    Some(stamp) => clock.receive(stamp),
                    None => clock.increment(),
                };
                prop_assert!(after > before);
                prop_assert!(stamp.is_none_or(|stamp| after > stamp));
                prop_assert_eq!(after, clock.value());
            }
        }
    }
}
