//! The times at which ticks are due, recomputed from phase and rate.

/// Nanoseconds in a second.
pub(super) const SECOND_NS: u64 = 1_000_000_000;
/// Nanoseconds in a million seconds. In this time every rate has a whole number of ticks.
pub(super) const MILLION_SECONDS_NS: u64 = 1_000_000 * SECOND_NS;

/// The ticks of a machine. Tick k is due `phase + k / rate` after the run's start, in model time, rounded down to a nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timetable {
    phase_ns: u64,
    micro_hertz: u64,
    /// Number of ticks that are due within the run's duration.
    pub(super) ticks: u64,
}

impl Timetable {
    /// The ticks of a machine that has `micro_hertz` ticks in a million seconds (at least 1), and its first tick at `phase_ns`.
    pub(super) fn new(phase_ns: u64, micro_hertz: u64, duration_ns: u64) -> Self {
        let mut timetable = Self {
            phase_ns,
            micro_hertz,
            ticks: u64::MAX,
        };
        timetable.ticks = match duration_ns {
            0 => 0,
            _ => timetable.first_after(duration_ns - 1),
        };
        timetable
    }

    /// The time at which `tick` is due, in model nanoseconds.
    pub(super) fn due_ns(&self, tick: u64) -> u64 {
        let since_first = times_over(tick, MILLION_SECONDS_NS, self.micro_hertz, 0);
        self.phase_ns.saturating_add(since_first)
    }

    /// The first tick that is due later than `ns`. If there is none, the number of ticks.
    pub(super) fn first_after(&self, ns: u64) -> u64 {
        match ns.checked_sub(self.phase_ns) {
            None => 0,
            // If y is an integer, floor(k s / r) > y is true if and only if k s >= (y + 1) r.
            Some(since) => times_over(
                since.saturating_add(1),
                self.micro_hertz,
                MILLION_SECONDS_NS,
                MILLION_SECONDS_NS - 1,
            ),
        }
        .min(self.ticks)
    }
}

/// (a * b + add) / over, rounded down, or the largest integer if the result is larger.
fn times_over(a: u64, b: u64, over: u64, add: u64) -> u64 {
    match a
        .checked_mul(b)
        .and_then(|product| product.checked_add(add))
    {
        Some(sum) => sum / over,
        None => {
            let sum = u128::from(a) * u128::from(b) + u128::from(add);
            u64::try_from(sum / u128::from(over)).unwrap_or(u64::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ticks_end_with_the_run_and_first_after_finds_the_next_tick(
            micro_hertz in prop_oneof![(1u64..=1000).prop_map(|hertz| hertz * 1_000_000), 1_000u64..1_000_000_000],
            phase_ns in 0u64..1_100_000_000,
            duration_ns in 0u64..3_000_000_000,
            ns in 0u64..3_000_000_000,
        ) {
            let timetable = Timetable::new(phase_ns, micro_hertz, duration_ns);
            let due = |tick: u64| {
                let since = u128::from(tick) * u128::from(MILLION_SECONDS_NS) / u128::from(micro_hertz);
                phase_ns + since as u64
            };
            let ticks = (0..).take_while(|&tick| due(tick) < duration_ns).count() as u64;
            prop_assert_eq!(timetable.ticks, ticks);
            prop_assert_eq!(timetable.due_ns(17), due(17));
            let after = (0..ticks).find(|&tick| due(tick) > ns).unwrap_or(ticks);
            prop_assert_eq!(timetable.first_after(ns), after);
        }
    }

    #[test]
    fn huge_numbers_cause_no_overflow() {
        let timetable = Timetable::new(u64::MAX, 7_000_000, u64::MAX);
        assert_eq!(timetable.due_ns(u64::MAX), u64::MAX);
        assert_eq!(timetable.first_after(u64::MAX), 0);
        assert_eq!(
            Timetable::new(0, 1_000_000_000, u64::MAX).ticks,
            18_446_744_073_710
        );
    }
}
