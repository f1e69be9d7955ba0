//! How often sweeps with the number of repetitions that `analyze precision` says get an interval as narrow as wanted. The number must
//! be enough, and not much larger than the number that would be enough if the standard deviation were known.

use analyze::precision::half_width::HalfWidth;
use analyze::precision::need::Need;
use analyze::read::dataset::Dataset;
use analyze::stats::estimate::Estimate;
use polars::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::fixture;

/// Number of sweeps in each simulation.
const SWEEPS: usize = 500;
/// The share of sweeps that must get an interval as narrow as wanted.
const ENOUGH: f64 = 0.8;

/// Random numbers from 0 to 1, by a fixed linear congruential generator (Knuth's MMIX constants).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f64 + 0.5) / 2f64.powi(31)
    }

    /// A normally distributed number with the mean 10 and the standard deviation 1.
    fn normal(&mut self) -> f64 {
        Normal::new(10.0, 1.0).unwrap().inverse_cdf(self.next())
    }

    fn index(&mut self, below: usize) -> usize {
        (self.next() * below as f64) as usize
    }
}

/// The result of many sweeps, each with as many repetitions as its first `pilot` repetitions need.
struct Outcome {
    /// The share of sweeps whose interval is as narrow as wanted.
    narrow: f64,
    /// The median of the numbers needed.
    median: u64,
}

/// Simulates sweeps. `draw` draws the next value of a sweep. If `fresh`, the sweep does not contain the first repetitions.
fn simulate(
    pilot: u64,
    half_width: HalfWidth,
    fresh: bool,
    mut draw: impl FnMut() -> f64,
) -> Outcome {
    let (mut narrow, mut needs) = (0, vec![]);
    for _ in 0..SWEEPS {
        let mut values: Vec<f64> = (0..pilot).map(|_| draw()).collect();
        let first = Estimate::from_values(&values);
        let wanted = half_width.around(first.mean);
        let needed = Need::new(pilot, first.sd.unwrap(), wanted)
            .repetitions
            .unwrap();
        if fresh {
            values.clear();
        }
        values.extend((values.len() as u64..needed).map(|_| draw()));
        let all = Estimate::from_values(&values);
        narrow += usize::from(all.half_width.unwrap() <= half_width.around(all.mean));
        needs.push(needed);
    }
    needs.sort_unstable();
    Outcome {
        narrow: narrow as f64 / SWEEPS as f64,
        median: needs[SWEEPS / 2],
    }
}

/// The number that is enough in half of all sweeps if the standard deviation is known to be 1: the smallest `n` with
/// `t / sqrt(n) <= half_width`. 1,000,000 repetitions know the standard deviation almost exactly.
fn truly_needed(half_width: f64) -> f64 {
    (1.96 / half_width).powi(2)
}

/// The median is at most this many times the true need. It falls to 1 with the number of first repetitions.
const FACTORS: [(u64, f64); 6] = [
    (3, 16.0),
    (5, 5.5),
    (10, 3.2),
    (20, 2.3),
    (50, 1.8),
    (200, 1.4),
];

#[test]
fn sweeps_of_normal_values_are_as_narrow_as_wanted() {
    for (pilot, most) in FACTORS {
        for half_width in [0.25, 0.1] {
            for fresh in [false, true] {
                let mut draws = Draws(pilot * 7 + u64::from(fresh));
                // A few sweeps after 3 repetitions would need millions of values.
                if pilot == 3 && half_width < 0.2 {
                    continue;
                }
                let outcome = simulate(pilot, HalfWidth::Absolute(half_width), fresh, || {
                    draws.normal()
                });
                let case = format!(
                    "{pilot} repetitions, half-width {half_width}, fresh {fresh}: {}",
                    outcome.narrow
                );
                println!(
                    "{case}, median {} of {}",
                    outcome.median,
                    truly_needed(half_width)
                );
                assert!(outcome.narrow >= ENOUGH, "{case}");
                let factor = outcome.median as f64 / truly_needed(half_width);
                assert!(
                    (0.9..most).contains(&factor) || outcome.median == pilot,
                    "{case}: {factor} times"
                );
            }
        }
    }
}

/// Runs of the simulator: the slowest machine of two configurations, of which one is overloaded and one is nearly critical. There,
/// backlog and lag are skewed: a few runs have much larger values than the others. Then somewhat fewer sweeps are as narrow as wanted.
#[test]
fn sweeps_of_real_measures_are_as_narrow_as_wanted() {
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
    for (rates, measure, share, enough) in [
        ("1,3,6", "lag_final", 0.03, ENOUGH),
        ("1,3,6", "backlog_mean", 0.06, ENOUGH),
        ("1,3,6", "jump_mean", 0.03, ENOUGH),
        ("1,3,6", "logical_rate", 0.02, ENOUGH),
        ("2,3,4", "lag_final", 0.1, ENOUGH),
        ("2,3,4", "backlog_mean", 0.12, 0.75),
        ("2,3,4", "jump_mean", 0.01, ENOUGH),
        ("2,3,4", "logical_rate", 0.01, ENOUGH),
    ] {
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
                HalfWidth::Absolute(share * mean),
                HalfWidth::Relative(share),
            ] {
                let mut draws = Draws(pilot);
                let draw = || values[draws.index(values.len())];
                let outcome = simulate(pilot, half_width, false, draw);
                let case =
                    format!("{measure} at {rates}, {pilot} repetitions, half-width {half_width}");
                println!(
                    "{case}: {} narrow, median {}",
                    outcome.narrow, outcome.median
                );
                assert!(outcome.narrow >= enough, "{case}: {}", outcome.narrow);
            }
        }
    }
}
