//! When ticks are due, reckoned anew from phase and rate.

/// Nanoseconds in a second.
pub(super) const SECOND_NS: u64 = 1_000_000_000;
/// Nanoseconds in a million seconds: rates are exact in ticks of these.
pub(super) const MILLION_SECONDS_NS: u64 = 1_000_000 * SECOND_NS;

/// When a machine ticks: tick k is due `phase + k / rate` after the run's start, in model time, rounded down to a nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timetable {
    phase_ns: u64,
    micro_hertz: u64,
    /// Ticks due before the run's duration is over.
    pub(super) ticks: u64,
}

impl Timetable {
    /// Of a machine at `micro_hertz` ticks in a million seconds, at least one, whose first is due at `phase_ns`.
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

    /// When `tick` is due, in model nanoseconds.
    pub(super) fn due_ns(&self, tick: u64) -> u64 {
        let since_first = times_over(tick, MILLION_SECONDS_NS, self.micro_hertz, 0);
        self.phase_ns.saturating_add(since_first)
    }

    /// The first tick that is due later than `ns`; the number of ticks if none is.
    pub(super) fn first_after(&self, ns: u64) -> u64 {
        match ns.checked_sub(self.phase_ns) {
            None => 0,
            // floor(k s / r) > y exactly if k s >= (y + 1) r, with y whole.
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

/// (a * b + add) / over, rounded down; the greatest number there is where it is greater.
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
        fn ticks_are_those_before_the_end_and_first_after_is_the_first_after(
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
    fn numbers_out_of_all_range_do_no_harm() {
        let timetable = Timetable::new(u64::MAX, 7_000_000, u64::MAX);
        assert_eq!(timetable.due_ns(u64::MAX), u64::MAX);
        assert_eq!(timetable.first_after(u64::MAX), 0);
        assert_eq!(
            Timetable::new(0, 1_000_000_000, u64::MAX).ticks,
            18_446_744_073_710
        );
    }
}
