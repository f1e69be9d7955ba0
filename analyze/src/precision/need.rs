//! How many repetitions make the 95 % interval of a mean as narrow as wanted.
//!
//! A sweep (the runs of an experiment) with `n` repetitions has been made. Which number `N` of repetitions would be enough? Let `s` be the
//! standard deviation of a measure over the `n` repetitions, and `S` its standard deviation over the `N` repetitions of a new sweep. After
//! the new sweep, half the width of the interval is `t S / sqrt(N)`, where `t` is the 0.975 quantile of Student's t with `N - 1` degrees
//! of freedom. It is at most the wanted half-width `h` if `t^2 S^2 <= N h^2`.
//!
//! `S` is not known before the new sweep. If the values of both sweeps come from the same normal distribution, the ratio `S^2 / s^2` has
//! the F distribution with `N - 1` and `n - 1` degrees of freedom. Let `F` be the 0.95 quantile of the F distribution ([`ASSURANCE`] is
//! 0.95). Then `S^2` is at most `F s^2` with probability 0.95. So the number of repetitions is the smallest `N` with
//!
//! ```text
//! t^2 F s^2 <= N h^2
//! ```
//!
//! Without the factor `F`, the interval would be too wide after about half of all sweeps, because `S` is larger than `s` in about half of
//! all cases.
//!
//! The formula treats all `N` repetitions as new. In fact, a sweep can be extended: the `n` repetitions that are done count too, so only
//! `N - n` new ones are made.
//!
//! Sources: L. L. Kupper and K. B. Hafner, "How appropriate are popular sample size formulas?", The American Statistician 43 (1989),
//! pages 101-105, on the variance of the planned sample (`S^2`); R. H. Browne, "On the use of a pilot sample for sample size
//! determination", Statistics in Medicine 14 (1995), pages 1933-1940, on the variance of the sample that exists (`s^2`).

use sim::experiment::Experiment;
use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor};

use crate::stats::estimate::t_quantile_975;

/// How probable it is that the number of repetitions in [`Need`] is enough, so that the interval is as narrow as wanted. The probability is
/// 0.95 for normally distributed measures. It is lower for moderately skewed measures, such as backlogs: about 0.8.
pub const ASSURANCE: f64 = 0.95;

/// The largest number of repetitions: an experiment cannot have more runs.
pub const MAX_REPETITIONS: u64 = Experiment::MAX_RUNS;

/// The number of repetitions that a configuration needs, including those that are done. `None` stands for more than [`MAX_REPETITIONS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// With this number of repetitions, the interval is as narrow as wanted with the probability [`ASSURANCE`]. If the interval is narrow
    /// enough already, this is the number of repetitions that are done.
    pub repetitions: Option<u64>,
    /// The number of repetitions that are enough depends on the true standard deviation. This deviation is not known exactly: there is only a
    /// 95 % interval for it. `low` is
    /// the number of repetitions that would be enough if the deviation were at the lower end of this interval.
    pub low: Option<u64>,
    /// The number of repetitions that would be enough if the deviation were at the upper end of this interval.
    pub high: Option<u64>,
}

impl Need {
    /// The need after `n` repetitions (at least 2), whose values have the standard deviation `sd` (divisor n - 1). `half_width` (above 0) is
    /// the wanted half-width of the interval.
    pub fn new(n: u64, sd: f64, half_width: f64) -> Self {
        let freedom = (n - 1) as f64;
        // h^2 / s^2, with h and s as at the top of this file.
        let ratio = (half_width / sd).powi(2);
        // Whether the interval of N = `count` values with the variance v is narrow enough: t^2 v <= N h^2. `ratio_to_v` is h^2 / v.
        let is_narrow = |count: u64, ratio_to_v: f64| {
            t_quantile_975((count - 1) as f64).powi(2) <= count as f64 * ratio_to_v
        };
        // Whether t^2 F s^2 <= N h^2, where N is `count`.
        let is_assured = |count: u64| {
            let squared_t = t_quantile_975((count - 1) as f64).powi(2);
            squared_t * f_quantile((count - 1) as f64, freedom) <= count as f64 * ratio
        };
        // An end of the 95 % interval of the true variance, as a multiple of s^2. The quantile is the divisor, so the larger quantile
        // (`share` 0.975) gives the lower end.
        let interval_end = |share: f64| freedom / chi_square_quantile(freedom, share);
        // The number of repetitions that would be enough if the true variance were `multiple` times s^2.
        let enough_for = |multiple: f64| smallest(2, |count| is_narrow(count, ratio / multiple));
        Self {
            repetitions: match is_narrow(n, ratio) {
                true => Some(n),
                false => smallest(n + 1, is_assured),
            },
            low: enough_for(interval_end(0.975)),
            high: enough_for(interval_end(0.025)),
        }
    }

    /// The need after `n` repetitions with equal values: no further repetitions are needed.
    pub fn satisfied(n: u64) -> Self {
        Self {
            repetitions: Some(n),
            low: Some(n),
            high: Some(n),
        }
    }
}

/// The smallest number from `first` to [`MAX_REPETITIONS`] for which `holds` is true. `None` if there is no such number. If `holds` is
/// true for a number, it must be true for all larger numbers too.
fn smallest(first: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let mut high = first;
    while !holds(high) {
        if high >= MAX_REPETITIONS {
            return None;
        }
        high = (high * 2).min(MAX_REPETITIONS);
    }
    let mut low = first;
    while low < high {
        let middle = low + (high - low) / 2;
        match holds(middle) {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Some(low)
}

/// The [`ASSURANCE`] quantile of the F distribution with these degrees of freedom.
fn f_quantile(freedom_1: f64, freedom_2: f64) -> f64 {
    FisherSnedecor::new(freedom_1, freedom_2)
        .map_or(f64::NAN, |distribution| distribution.inverse_cdf(ASSURANCE))
}

/// The `share` quantile of the chi-square distribution with these degrees of freedom.
fn chi_square_quantile(freedom: f64, share: f64) -> f64 {
    ChiSquared::new(freedom).map_or(f64::NAN, |distribution| distribution.inverse_cdf(share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Expected values come from printed tables.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom_1, freedom_2, tabulated) in [
            (1, 1, 161.45),
            (4, 4, 6.39),
            (10, 5, 4.74),
            (20, 10, 2.77),
            (120, 60, 1.47),
        ] {
            let quantile = f_quantile(f64::from(freedom_1), f64::from(freedom_2));
            assert!(
                (quantile - tabulated).abs() < 5e-3,
                "{freedom_1}, {freedom_2}: {quantile}"
            );
        }
        for (freedom, share, tabulated) in [
            (1, 0.975, 5.024),
            (4, 0.025, 0.484),
            (9, 0.975, 19.023),
            (100, 0.025, 74.222),
        ] {
            let quantile = chi_square_quantile(f64::from(freedom), share);
            assert!((quantile - tabulated).abs() < 5e-4, "{freedom}: {quantile}");
        }
    }

    #[test]
    fn low_and_high_follow_from_the_interval_of_the_variance() {
        // After 1,001 repetitions, the 95 % interval of the true variance is from 1000 / 1089.53 = 0.9178 to 1000 / 914.26 = 1.0938 times
        // the estimated variance. (1089.53 and 914.26 are the 0.975 and 0.025 quantiles of the chi-square distribution with 1000 degrees
        // of freedom.) The need is almost proportional to the variance. So `low` and `high` are about 0.9178 and 1.0938 times the need for
        // the estimated variance. This need is about 150,000 repetitions. For so many repetitions, t is 1.96.
        let need = Need::new(1001, 10.0, 0.05);
        let need_for_estimate = (1.96 * 10.0 / 0.05f64).powi(2);
        let [low, high] =
            [need.low, need.high].map(|n| n.expect("below the maximum") as f64 / need_for_estimate);
        assert!((low - 0.9178).abs() < 1e-3, "{low}");
        assert!((high - 1.0938).abs() < 1e-3, "{high}");
        // If the standard deviation is known to be 1, 18 values make the half-width at most 0.5 (t = 2.110, 2.110 / sqrt(18) = 0.497),
        // and 17 values do not (t = 2.120, 2.120 / sqrt(17) = 0.514).
        assert_eq!(
            smallest(2, |n| t_quantile_975((n - 1) as f64).powi(2)
                <= n as f64 * 0.5f64.powi(2)),
            Some(18)
        );
    }

    #[test]
    fn intervals_that_are_narrow_enough_need_no_more_repetitions() {
        // With 10 repetitions, half the width is 2.262 / sqrt(10) = 0.715 standard deviations.
        assert_eq!(Need::new(10, 1.0, 0.72).repetitions, Some(10));
        assert!(Need::new(10, 1.0, 0.71).repetitions > Some(10));
        assert_eq!(Need::satisfied(7).repetitions, Some(7));
    }

    #[test]
    fn needs_above_the_largest_number_of_runs_have_no_number() {
        // `t` is at least 1.96 and `F` is above 1, so about (1.96 / 1e-4)^2 = 384 million repetitions or more are needed. An experiment has
        // at most 2 million runs. `high` is computed without `F`, but for a variance above 1. So it would be above 384 million too.
        let need = Need::new(5, 1.0, 1e-4);
        assert_eq!((need.repetitions, need.high), (None, None));
    }

    proptest! {
        /// If further repetitions are needed, the number of repetitions is the smallest one that is enough, and it is not below `low`.
        #[test]
        fn with_one_repetition_less_the_interval_may_be_too_wide(n in 2u64..200, half_width in 0.02f64..2.0) {
            let need = Need::new(n, 1.0, half_width);
            let wanted_squared = half_width * half_width;
            // The square of half the width of the interval of `count` values whose standard deviation is 1.
            let half_width_squared = |count: u64| t_quantile_975((count - 1) as f64).powi(2) / count as f64;
            // With the probability `ASSURANCE`, the square of half the width after `count` repetitions is at most this.
            let assured_squared = |count: u64| half_width_squared(count) * f_quantile((count - 1) as f64, (n - 1) as f64);
            if let Some(needed) = need.repetitions {
                if needed > n {
                    prop_assert!(assured_squared(needed) <= wanted_squared);
                    // `Need::new` searches only above n, so `needed` - 1 is checked only if it is above n too.
                    prop_assert!(needed == n + 1 || assured_squared(needed - 1) > wanted_squared);
                    prop_assert!(half_width_squared(n) > wanted_squared);
                    prop_assert!(need.low <= Some(needed), "{need:?}");
                } else {
                    prop_assert!(half_width_squared(n) <= wanted_squared);
                }
            } else {
                prop_assert!(assured_squared(MAX_REPETITIONS) > wanted_squared);
            }
        }
    }
}
