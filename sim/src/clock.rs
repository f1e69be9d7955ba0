//! Lamport's logical clock: the two rules, and nothing else.
//!
//! Source: L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", CACM 21(7), 1978, implementation
//! rules IR1 and IR2.

/// One machine's logical clock. It starts at 0 and only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LamportClock(u64);

impl LamportClock {
    /// The clock's value now.
    pub fn value(self) -> u64 {
        self.0
    }

    /// IR1: between two successive events the clock is incremented. Returns the value after it.
    pub fn increment(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    /// IR2 on receipt of a message stamped `stamp`: past both the own value and the stamp. The receipt is an event itself, so
    /// the increment comes after the maximum: `max(local, stamp) + 1`. Returns the value after it.
    pub fn receive(&mut self, stamp: u64) -> u64 {
        self.0 = self.0.max(stamp) + 1;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn receipt_of_a_lower_stamp_still_counts_one_event() {
        let mut clock = LamportClock(7);
        assert_eq!(clock.receive(3), 8);
    }

    #[test]
    fn receipt_of_a_higher_stamp_jumps_past_it() {
        let mut clock = LamportClock(7);
        assert_eq!(clock.receive(41), 42);
    }

    proptest! {
        #[test]
        fn grows_with_every_event_and_passes_every_stamp(stamps in prop::collection::vec(prop::option::of(0u64..1_000_000), 0..100)) {
            let mut clock = LamportClock::default();
            for stamp in stamps {
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
