//! How many repetitions make the 95 % interval of a mean as narrow as wanted.
//!
//! With `N` repetitions whose standard deviation is `S`, half the width of the interval is `t S / sqrt(N)`, where `t` is the 0.975
//! quantile of Student's t with `N - 1` degrees of freedom. `S` is not known before the sweep. The `n` repetitions that are done have
//! the standard deviation `s`. If the values are normally distributed with the same variance, the ratio `S^2 / s^2` has the F
//! distribution with `N - 1` and `n - 1` degrees of freedom, because each variance is proportional to a chi-square variable. So
//! the number of repetitions is the smallest `N` with
//!
//! ```text
//! t^2 F s^2 <= N h^2
//! ```
//!
//! where `h` is the wanted half-width and `F` is the [`ASSURANCE`] quantile of this F distribution. Without the factor `F`, about half of
//! all sweeps would be too wide: `s` is too small in every second case, and so is the variance of every second sweep.
//!
//! Sources: L. L. Kupper and K. B. Hafner, "How appropriate are popular sample size formulas?", The American Statistician 43 (1989),
//! pages 101-105, on the variance of the sample that is planned; R. H. Browne, "On the use of a pilot sample for sample size
//! determination", Statistics in Medicine 14 (1995), pages 1933-1940, on the variance of the sample that is there.

use sim::experiment::Experiment;
use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor};

use crate::stats::estimate::t_quantile_975;

/// The share of sweeps whose interval is as narrow as wanted, if they have the number of repetitions that [`Need`] says and the values
/// are normally distributed. It is high, so that at least 8 of 10 sweeps are narrow enough even if values are moderately skewed, as
/// backlogs are.
pub const ASSURANCE: f64 = 0.95;

/// The largest number of repetitions: an experiment cannot have more runs.
pub const MOST: u64 = Experiment::MAX_RUNS;

/// The number of repetitions that a configuration needs, including those that are done. None stands for more than [`MOST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// With this number, the interval is as narrow as wanted in [`ASSURANCE`] of all sweeps. The number that is done if the interval is narrow enough already.
    pub repetitions: Option<u64>,
    /// The lower end of a 95 % interval. The interval contains the number that would be enough if the standard deviation were known.
    pub low: Option<u64>,
    /// The upper end of this interval.
    pub high: Option<u64>,
}

impl Need {
    /// The need if `n` repetitions, at least 2, have the standard deviation `sd` (divisor n - 1), and half the width of the interval must be at most `half_width`,
    /// which is above 0.
    pub fn new(n: u64, sd: f64, half_width: f64) -> Self {
        let freedom = (n - 1) as f64;
        let ratio = (half_width / sd).powi(2);
        let is_narrow = |n: u64| t_quantile_975((n - 1) as f64).powi(2) <= n as f64 * ratio;
        let is_assured = |more: u64| {
            let squared_t = t_quantile_975((more - 1) as f64).powi(2);
            squared_t * f_quantile((more - 1) as f64, freedom) <= more as f64 * ratio
        };
        // The 95 % interval of the variance, in units of the estimated variance.
        let variance = |share: f64| freedom / chi_square_quantile(freedom, share);
        let known = |variance: f64| {
            let ratio = ratio / variance;
            smallest(2, |n| {
                t_quantile_975((n - 1) as f64).powi(2) <= n as f64 * ratio
            })
        };
        Self {
            repetitions: match is_narrow(n) {
                true => Some(n),
                false => smallest(n + 1, is_assured),
            },
            low: known(variance(0.975)),
            high: known(variance(0.025)),
        }
    }

    /// The need of `n` repetitions with equal values: no more.
    pub fn none(n: u64) -> Self {
        Self {
            repetitions: Some(n),
            low: Some(n),
            high: Some(n),
        }
    }
}

/// The smallest number from `first` to [`MOST`] for which `holds` is true. It must be true for all larger numbers too.
fn smallest(first: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let mut high = first;
    while !holds(high) {
        if high >= MOST {
            return None;
        }
        high = (high * 2).min(MOST);
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

/// The [`ASSURANCE`] quantile of the F distribution.
fn f_quantile(freedom_1: f64, freedom_2: f64) -> f64 {
    FisherSnedecor::new(freedom_1, freedom_2)
        .map_or(f64::NAN, |distribution| distribution.inverse_cdf(ASSURANCE))
}

/// The quantile of the chi-square distribution that is larger than `share` of all values.
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

    /// With a known standard deviation of 1, 18 values make the half-width 0.5 (t = 2.110, 2.110 / sqrt(18) = 0.497), and 17 do not
    /// (t = 2.120, 2.120 / sqrt(17) = 0.514).
    #[test]
    fn the_interval_has_the_numbers_for_known_deviations() {
        // 1,001 repetitions know the standard deviation within 4.2 and 4.6 %.
        let need = Need::new(1001, 10.0, 0.05);
        let [low, high] = [need.low, need.high].map(|n| n.expect("below the maximum") as f64);
        let known = (1.96 * 10.0 / 0.05f64).powi(2);
        assert!((low / known - 0.9169).abs() < 1e-3, "{low} of {known}");
        assert!((high / known - 1.0937).abs() < 1e-3, "{high} of {known}");
        assert_eq!(
            smallest(2, |n| t_quantile_975((n - 1) as f64).powi(2)
                <= n as f64 * 0.25),
            Some(18)
        );
    }

    #[test]
    fn narrow_intervals_need_no_more() {
        // With 10 repetitions, half the width is 2.262 / sqrt(10) = 0.715 standard deviations.
        assert_eq!(Need::new(10, 1.0, 0.72).repetitions, Some(10));
        assert!(Need::new(10, 1.0, 0.71).repetitions > Some(10));
        assert_eq!(Need::none(7).repetitions, Some(7));
    }

    #[test]
    fn needs_above_the_largest_number_of_runs_have_no_number() {
        let need = Need::new(5, 1.0, 1e-4);
        assert_eq!((need.repetitions, need.high), (None, None));
    }

    proptest! {
        /// The number is the smallest one, and it is not below the interval.
        #[test]
        fn one_repetition_less_is_not_assured(n in 2u64..200, ratio in 0.02f64..2.0) {
            let need = Need::new(n, 1.0, ratio);
            let squared = ratio * ratio;
            let half_width_squared = |n: u64| t_quantile_975((n - 1) as f64).powi(2) / n as f64;
            let assured = |more: u64| half_width_squared(more) * f_quantile((more - 1) as f64, (n - 1) as f64);
            if let Some(more) = need.repetitions {
                if more > n {
                    prop_assert!(assured(more) <= squared);
                    prop_assert!(more == n + 1 || assured(more - 1) > squared);
                    prop_assert!(half_width_squared(n) > squared);
                    prop_assert!(need.low <= Some(more), "{need:?}");
                } else {
                    prop_assert!(half_width_squared(n) <= squared);
                }
            } else {
                prop_assert!(assured(MOST) > squared);
            }
        }
    }
}
