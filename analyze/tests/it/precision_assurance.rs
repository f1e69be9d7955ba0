//! Tests the number of repetitions that `analyze precision` calculates for a 95 % interval as narrow as wanted. Many sweeps (sets of
//! repetitions) are simulated, each with the number of repetitions calculated from its first values. The number must be enough in most
//! sweeps. It must not be much larger than the number that would be enough if the standard deviation were known.

use analyze::precision::half_width::HalfWidth;
use analyze::precision::need::Need;
use analyze::read::dataset::Dataset;
use analyze::stats::estimate::Estimate;
use polars::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::fixture;

/// The number of sweeps in each simulation.
const SWEEPS: usize = 500;
/// At least this share of sweeps must get an interval as narrow as wanted. [`Need`] aims at a share of 0.95 for normally
/// distributed values. For moderately skewed values the share is lower, but still about 0.8 or more.
const ENOUGH: f64 = 0.8;

/// Random numbers from 0 to 1, by a linear congruential generator with Knuth's MMIX constants.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The upper 31 bits, as a fraction. 0.5 is added, so that the result is never 0: `inverse_cdf(0)` would be infinite.
        ((self.0 >> 33) as f64 + 0.5) / 2f64.powi(31)
    }

    /// A normally distributed number with the mean 10 and the standard deviation 1.
    fn normal(&mut self) -> f64 {
        Normal::new(10.0, 1.0).unwrap().inverse_cdf(self.next())
    }

    /// A whole number from 0 to `below` - 1.
    fn index(&mut self, below: usize) -> usize {
        (self.next() * below as f64) as usize
    }
}

/// The result of many sweeps.
struct Outcome {
    /// The share of sweeps whose interval is as narrow as wanted.
    narrow_share: f64,
    /// The median of the sweeps' numbers of repetitions.
    median: u64,
}

/// Simulates sweeps. `draw` gives the value of the next repetition. Each sweep first draws `pilot` values. From these values, the number of
/// repetitions needed is calculated. If `is_fresh` is false, the sweep then draws only the values that are missing, like a sweep that is
/// extended. If `is_fresh` is true, the sweep throws the first values away and draws all values anew, like a new sweep.
fn simulate(
    pilot: u64,
    half_width: HalfWidth,
    is_fresh: bool,
    mut draw: impl FnMut() -> f64,
) -> Outcome {
    let (mut narrow_sweeps, mut needs) = (0u32, vec![]);
    for _ in 0..SWEEPS {
        let mut values: Vec<f64> = (0..pilot).map(|_| draw()).collect();
        let first = Estimate::from_values(&values);
        let wanted = half_width.absolute(first.mean);
        let needed = Need::new(pilot, first.sd.unwrap(), wanted)
            .repetitions
            .unwrap();
        if is_fresh {
            values.clear();
        }
        values.extend((values.len() as u64..needed).map(|_| draw()));
        let all = Estimate::from_values(&values);
        if all.half_width.unwrap() <= half_width.absolute(all.mean) {
            narrow_sweeps += 1;
        }
        needs.push(needed);
    }
    needs.sort_unstable();
    Outcome {
        narrow_share: f64::from(narrow_sweeps) / SWEEPS as f64,
        median: needs[SWEEPS / 2],
    }
}

/// The number of repetitions that is enough if the standard deviation is known to be 1. Then half the width of the interval of `n`
/// repetitions is `1.96 / sqrt(n)`, where 1.96 is the 0.975 quantile of the normal distribution. The result is `n`, not rounded.
fn needed_if_sd_is_known(half_width: f64) -> f64 {
    (1.96 / half_width).powi(2)
}

/// Each pair has a number `n` of first repetitions, and a factor. The median of the calculated numbers of repetitions must be less than the
/// factor times [`needed_if_sd_is_known`]. With more first repetitions the standard deviation is known better, so the factor falls
/// towards 1.
///
/// [`Need`] calculates the smallest number `N` of repetitions with `t^2 F s^2 <= N h^2`:
/// - `h` is the wanted half-width.
/// - `s` is the standard deviation of the first repetitions.
/// - `t` is the 0.975 quantile of Student's t. For large `N` it is about 1.96.
/// - `F` is the 0.95 quantile of the F distribution with `N - 1` and `n - 1` degrees of freedom. For large `N` and `n = 3` it is 19.5.
///
/// If `h` is small, `N` is large. Then `N` is about `F s^2 (1.96 / h)^2`, which is `F s^2` times [`needed_if_sd_is_known`]. For `n = 3`, the
/// median of `s^2` is 0.69, so the median of `F s^2` is 13.5. For the six values of `n`, the medians of `F s^2` are 13.5, 4.7, 2.5, 1.8, 1.4
/// and 1.2. The factors are 15 to 30 % larger than these medians.
const FACTORS: [(u64, f64); 6] = [
    (3, 16.0),
    (5, 5.5),
    (10, 3.2),
    (20, 2.3),
    (50, 1.8),
    (200, 1.4),
];

#[test]
fn intervals_of_normal_values_are_as_narrow_as_wanted() {
    for (pilot, max_factor) in FACTORS {
        for half_width in [0.25, 0.1] {
            for is_fresh in [false, true] {
                // Each combination of `pilot` and `is_fresh` has a seed of its own.
                let mut random = Random(pilot * 7 + u64::from(is_fresh));
                // With 3 first repetitions and the half-width 0.1, a sweep needs about 19.5 * (1.96 / 0.1)^2 = 7500 values on average. That
                // is almost 4 million values for all sweeps, so this case is left out.
                if pilot == 3 && half_width < 0.2 {
                    continue;
                }
                let outcome = simulate(pilot, HalfWidth::Absolute(half_width), is_fresh, || {
                    random.normal()
                });
                let case = format!(
                    "{pilot} repetitions, half-width {half_width}, fresh {is_fresh}: {}",
                    outcome.narrow_share
                );
                println!(
                    "{case}, median {} of {}",
                    outcome.median,
                    needed_if_sd_is_known(half_width)
                );
                assert!(outcome.narrow_share >= ENOUGH, "{case}");
                let factor = outcome.median as f64 / needed_if_sd_is_known(half_width);
                // If the first repetitions are enough already, the calculated number is `pilot`, and `factor` can be above `max_factor`.
                // For example, the half-width 0.25 needs about 61 repetitions. 200 first repetitions are more than 3 times as many.
                assert!(
                    (0.9..max_factor).contains(&factor) || outcome.median == pilot,
                    "{case}: {factor} times"
                );
            }
        }
    }
}

/// Here `draw` picks one of 1500 simulated runs at random, and gives a measure of its slowest machine. With the rates 1,3,6 this machine is
/// overloaded. With the rates 2,3,4 it is nearly overloaded, so its backlog and lag are skewed: a few runs have much larger values than the
/// others. For skewed values, somewhat fewer intervals are as narrow as wanted. So one case requires only a share of 0.75.
#[test]
fn intervals_of_measures_of_simulated_runs_are_as_narrow_as_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("many");
    let experiment = "
        seed = 92
        repetitions = 1500
        duration_s = 30
        engine = \"virtual\"
        [parameters]
        rates = [[1, 3, 6], [2, 3, 4]]
        internal = 0.5
    ";
    fixture::simulated(&root, experiment);
    let machines = Dataset::open(&root).unwrap().machines().unwrap();
    // `relative` is the wanted half-width divided by the mean. `enough` is the share of sweeps that must be as narrow as wanted.
    for (rates, measure, relative, enough) in [
        ("1,3,6", "lag_final", 0.03, ENOUGH),
        ("1,3,6", "backlog_mean", 0.06, ENOUGH),
        ("1,3,6", "jump_mean", 0.03, ENOUGH),
        ("1,3,6", "logical_rate", 0.02, ENOUGH),
        ("2,3,4", "lag_final", 0.1, ENOUGH),
        ("2,3,4", "backlog_mean", 0.12, 0.75),
        ("2,3,4", "jump_mean", 0.01, ENOUGH),
        ("2,3,4", "logical_rate", 0.01, ENOUGH),
    ] {
        // In both configurations, machine 0 is the slowest.
        let is_slowest = col("rates")
            .eq(lit(rates))
            .and(col("machine").eq(lit(0i64)));
        let rows = machines
            .clone()
            .lazy()
            .filter(is_slowest)
            .collect()
            .unwrap();
        let values = rows
            .column(measure)
            .unwrap()
            .cast(&DataType::Float64)
            .unwrap();
        let values: Vec<f64> = values.f64().unwrap().iter().flatten().collect();
        assert_eq!(values.len(), 1500);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        for pilot in [5, 10, 20] {
            for half_width in [
                HalfWidth::Absolute(relative * mean),
                HalfWidth::Relative(relative),
            ] {
                let mut random = Random(pilot);
                let draw = || values[random.index(values.len())];
                let is_fresh = false;
                let outcome = simulate(pilot, half_width, is_fresh, draw);
                let case =
                    format!("{measure} at {rates}, {pilot} repetitions, half-width {half_width}");
                println!(
                    "{case}: {} narrow, median {}",
                    outcome.narrow_share, outcome.median
                );
                assert!(
                    outcome.narrow_share >= enough,
                    "{case}: {}",
                    outcome.narrow_share
                );
            }
        }
    }
}
