//! The times at which the ticks of a machine are due, computed from the machine's phase (the time of its first tick) and its rate.

/// Nanoseconds in a second.
pub(super) const SECOND_NS: u64 = 1_000_000_000;
/// Nanoseconds in a million seconds. Rates are whole numbers of ticks per million seconds (micro-hertz), so times can be computed with
/// whole numbers only.
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
    /// The ticks of a machine in a run of `duration_ns`. The machine has its first tick at `phase_ns`, and `micro_hertz` ticks in a million
    /// seconds. `micro_hertz` must be at least 1.
    pub(super) fn new(phase_ns: u64, micro_hertz: u64, duration_ns: u64) -> Self {
        // The number of ticks is computed below with `first_tick_after`, which returns at most `self.ticks`. Until then, `ticks` is so large
        // that it limits nothing.
        let mut timetable = Self {
            phase_ns,
            micro_hertz,
            ticks: u64::MAX,
        };
        // Ticks are numbered from 0. So the number of the first tick that is due at the run's end or later is also the number of ticks
        // that are due before the end.
        timetable.ticks = match duration_ns {
            0 => 0,
            _ => timetable.first_tick_after(duration_ns - 1),
        };
        timetable
    }

    /// The time at which `tick` is due, in model nanoseconds.
    pub(super) fn due_ns(&self, tick: u64) -> u64 {
        let since_first_ns = multiply_divide(tick, MILLION_SECONDS_NS, 0, self.micro_hertz);
        self.phase_ns.saturating_add(since_first_ns)
    }

    /// The number of the first tick that is due later than `ns`. If there is none, the number of ticks.
    pub(super) fn first_tick_after(&self, ns: u64) -> u64 {
        match ns.checked_sub(self.phase_ns) {
            None => 0,
            // Let y be the time from the first tick to `ns`, s the nanoseconds in a million seconds, and r the rate in micro-hertz.
            // Tick k is due k * s / r after the first tick, rounded down. It is due later than `ns` if this whole number is at least y + 1,
            // which means k * s / r >= y + 1, or k >= (y + 1) * r / s. The smallest such k is the right side, rounded up.
            // `multiply_divide` rounds down. To round up, s - 1 is added before the division.
            Some(since_first_ns) => multiply_divide(
                since_first_ns.saturating_add(1),
                self.micro_hertz,
                MILLION_SECONDS_NS - 1,
                MILLION_SECONDS_NS,
            ),
        }
        .min(self.ticks)
    }
}

/// (a * b + add) / divisor, rounded down. If the result does not fit into a `u64`, returns [`u64::MAX`].
fn multiply_divide(a: u64, b: u64, add: u64, divisor: u64) -> u64 {
    // Numbers of 128 bits are slower, so they are used only if 64 bits are not enough.
    match a
        .checked_mul(b)
        .and_then(|product| product.checked_add(add))
    {
        Some(sum) => sum / divisor,
        None => {
            let sum = u128::from(a) * u128::from(b) + u128::from(add);
            u64::try_from(sum / u128::from(divisor)).unwrap_or(u64::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_timetable_agrees_with_a_plain_computation(
            // A whole number of ticks per second (1 to 1000), or any rate from 0.001 to 1000 ticks per second.
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
            let any_tick = 17;
            prop_assert_eq!(timetable.due_ns(any_tick), due(any_tick));
            let after = (0..ticks).find(|&tick| due(tick) > ns).unwrap_or(ticks);
            prop_assert_eq!(timetable.first_tick_after(ns), after);
        }
    }

    #[test]
    fn huge_numbers_cause_no_overflow() {
        let timetable = Timetable::new(u64::MAX, 7_000_000, u64::MAX);
        // A time that is too large for a `u64` is replaced by `u64::MAX`.
        assert_eq!(timetable.due_ns(u64::MAX), u64::MAX);
        // The first tick would be due at the run's end, so there are 0 ticks.
        assert_eq!(timetable.first_tick_after(u64::MAX), 0);
        // 2^64 ns are 18,446,744,073,709.55 ms. At 1000 ticks per second, tick k is due at k ms. So the last tick has the number
        // 18,446,744,073,709. With tick 0, there is one tick more.
        assert_eq!(
            Timetable::new(0, 1_000_000_000, u64::MAX).ticks,
            18_446_744_073_710
        );
    }
}
