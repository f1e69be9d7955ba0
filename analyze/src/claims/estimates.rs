//! Estimates a statistic of some runs, or the difference between the means of two cells, with a 95 % interval.

use std::collections::BTreeMap;

use super::{Share, Statistic};
use crate::stats::difference::Difference;
use crate::stats::estimate::{Estimate, IntervalKind, Z_975 as Z};
use crate::stats::ties::Ties;

/// The estimate of a statistic of some runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimated {
    /// The value of the statistic.
    pub value: f64,
    /// The 95 % interval; none if there are too few runs, or if all values are equal.
    pub interval: Option<(f64, f64)>,
    /// Whether the interval is too rough to decide about a claim: see [`IntervalKind::Rough`].
    pub is_rough: bool,
    /// Whether all runs have the same value.
    pub all_equal: bool,
    /// Number of runs.
    pub n: u64,
    /// For a difference, the number of runs in `from`.
    pub n_from: Option<u64>,
}

/// The value of a run, and the run's configuration without the parameters that differ between the cells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RunValue {
    pub(super) run: u64,
    pub(super) configuration: Vec<String>,
    pub(super) value: f64,
    /// The largest possible value, if there is a limit. The smallest possible value is then 0.
    pub(super) largest_possible: Option<f64>,
}

impl Statistic {
    /// Estimates the statistic from the values of at least one run.
    pub(super) fn estimate(self, runs: &[RunValue]) -> Estimated {
        let values = &all(runs);
        let (value, interval) = match self {
            Self::Mean => {
                let largest = runs.iter().map(|run| run.largest_possible);
                let largest: Option<Vec<f64>> = largest.collect();
                let largest = largest.map(|all| all.into_iter().fold(0.0, f64::max));
                return mean(values, largest);
            }
            Self::Sd => {
                let sd = Estimate::from_values(values).sd;
                (sd.unwrap_or(0.0), sd.and_then(|sd| bonett(values, sd)))
            }
            Self::Largest => {
                let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                (largest, Some((largest, largest)))
            }
            Self::Share(share) => wilson(share, values),
        };
        let ties = Ties::count(&mut values.clone());
        let n = values.len() as u64;
        Estimated {
            value,
            interval,
            is_rough: self == Self::Sd && ties.too_many(n),
            all_equal: false,
            n,
            n_from: None,
        }
    }
}

/// The mean of values. If `largest_possible` is given, the values are between 0 and `largest_possible`.
fn mean(values: &[f64], largest_possible: Option<f64>) -> Estimated {
    let estimate = Estimate::from_values(values);
    let interval = match estimate.interval_kind {
        IntervalKind::AllEqual => {
            largest_possible.map(|largest| interval_of_equal(estimate.n, estimate.mean, largest))
        }
        _ => estimate.interval(),
    };
    Estimated {
        value: estimate.mean,
        interval,
        is_rough: estimate.interval_kind == IntervalKind::Rough,
        all_equal: estimate.interval_kind == IntervalKind::AllEqual,
        n: estimate.n,
        n_from: None,
    }
}

/// The interval of a mean if all `n` values are equal. Runs with another value may exist, but their share is at most 1 -
/// 0.025^(1/n) (Clopper and Pearson 1934, for 0 of n). Their values are between 0 and `largest_possible`.
fn interval_of_equal(n: u64, value: f64, largest_possible: f64) -> (f64, f64) {
    let others = 1.0 - 0.025f64.powf(1.0 / n as f64);
    let low = value - others * value;
    (low, value + others * (largest_possible - value))
}

/// A share with its interval by Wilson (1927). This interval is also valid if no value or every value counts.
fn wilson(share: Share, values: &[f64]) -> (f64, Option<(f64, f64)>) {
    let n = values.len() as f64;
    let count = values.iter().filter(|value| share.counts(**value)).count();
    let p = count as f64 / n;
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let (low, high) = (middle - half, middle + half);
    (p, Some((low.clamp(0.0, p), high.clamp(p, 1.0))))
}

/// The interval of a standard deviation by Bonett (2006), which is also valid for values that are not normally distributed. It
/// uses that the logarithm of the measured variance has itself the variance (kurtosis - (n - 3) / n) / (n - 1). None for four
/// values or fewer, and for equal values.
fn bonett(values: &[f64], sd: f64) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    if n <= 4.0 || Ties::count(&mut values.to_vec()).all_equal() {
        return None;
    }
    let trimmed = trimmed_mean(values, 0.5 / (n - 4.0).sqrt());
    let fourth: f64 = values.iter().map(|value| (value - trimmed).powi(4)).sum();
    let kurtosis = n * fourth / (sd.powi(2) * (n - 1.0)).powi(2);
    let c = n / (n - Z);
    let error = c * ((kurtosis - (n - 3.0) / n) / (n - 1.0)).max(0.0).sqrt();
    let bound = |sign: f64| sd * (0.5 * (c.ln() + sign * Z * error)).exp();
    Some((bound(-1.0), bound(1.0)))
}

fn trimmed_mean(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = (share * values.len() as f64) as usize;
    let kept = &sorted[cut..values.len() - cut];
    kept.iter().sum::<f64>() / kept.len() as f64
}

/// The mean in `to` minus the mean in `from`. Both must have at least one run.
///
/// If `same_runs` is true, both cells have the same runs. Then each run of `to` is compared with the same run of `from`; at least
/// one run must have both values. Otherwise the runs are independent, and the interval is Welch's. If both cells have the same
/// configurations, each configuration is compared with itself, and the differences are averaged. If not, the mean of all runs of
/// `to` is compared with the mean of all runs of `from`.
pub(super) fn difference(from: &[RunValue], to: &[RunValue], same_runs: bool) -> Estimated {
    if same_runs {
        return run_by_run(from, to);
    }
    let (of_from, of_to) = (by_configuration(from), by_configuration(to));
    let paired = of_from.keys().eq(of_to.keys()) && of_from.len() > 1;
    let difference = if paired {
        let differences: Vec<Difference> = std::iter::zip(of_from.values(), of_to.values())
            .map(|(from, to)| between(from, to))
            .collect();
        Difference::average(&differences)
    } else {
        None
    };
    let difference = difference.unwrap_or_else(|| between(&all(from), &all(to)));
    Estimated {
        value: difference.mean,
        interval: difference.interval(),
        is_rough: difference.interval_kind == IntervalKind::Rough,
        all_equal: difference.interval_kind == IntervalKind::AllEqual,
        n: to.len() as u64,
        n_from: Some(from.len() as u64),
    }
}

fn run_by_run(from: &[RunValue], to: &[RunValue]) -> Estimated {
    let of_from: BTreeMap<u64, f64> = from.iter().map(|value| (value.run, value.value)).collect();
    let differences: Vec<f64> = to
        .iter()
        .filter_map(|to| Some(to.value - of_from.get(&to.run)?))
        .collect();
    let estimated = mean(&differences, None);
    Estimated {
        n_from: Some(estimated.n),
        ..estimated
    }
}

/// The difference of the means of independent values.
fn between(from: &[f64], to: &[f64]) -> Difference {
    Difference::between(&Estimate::from_values(from), &Estimate::from_values(to))
}

fn all(values: &[RunValue]) -> Vec<f64> {
    values.iter().map(|value| value.value).collect()
}

fn by_configuration(values: &[RunValue]) -> BTreeMap<&[String], Vec<f64>> {
    let mut configurations: BTreeMap<&[String], Vec<f64>> = BTreeMap::new();
    for value in values {
        let values = configurations.entry(&value.configuration).or_default();
        values.push(value.value);
    }
    configurations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() < 1e-3
    }

    fn values(of: &[(u64, &str, f64)]) -> Vec<RunValue> {
        let value = |&(run, configuration, value): &(u64, &str, f64)| RunValue {
            run,
            configuration: vec![configuration.to_owned()],
            value,
            largest_possible: None,
        };
        of.iter().map(value).collect()
    }

    fn runs(of: &[f64]) -> Vec<RunValue> {
        let numbered = (0..).zip(of).map(|(run, &value)| (run, "a", value));
        values(&numbered.collect::<Vec<_>>())
    }

    /// After 200 equal values, one can be 97.5 % sure that fewer than 1.83 % of all runs have another value.
    #[test]
    fn equal_values_have_an_interval() {
        let equal = |value: f64, largest_possible: Option<f64>| {
            let runs = runs(&[value; 200]).into_iter().map(|run| RunValue {
                largest_possible,
                ..run
            });
            Statistic::Mean.estimate(&runs.collect::<Vec<_>>()).interval
        };
        assert_eq!(equal(0.0, None), None);
        let (low, high) = equal(0.0, Some(50.0)).expect("bounded values have one");
        assert!(low == 0.0 && near(high, 50.0 * 0.018_275), "{high}");
        let (low, high) = equal(1.0, Some(1.0)).expect("bounded values have one");
        assert!(near(low, 1.0 - 0.018_275) && high == 1.0, "{low}");
    }

    /// Brown, Cai and DasGupta (2001) print these intervals: 0 to 0.2775 for 0 of 10, and 0.2366 to 0.7634 for 5 of 10.
    #[test]
    fn shares() {
        let share = |ones: usize| {
            let values: Vec<f64> = (0..10).map(|k| f64::from(u8::from(k < ones))).collect();
            let share = Statistic::Share(">= 1".parse().expect("a share"));
            let estimated = share.estimate(&runs(&values));
            (estimated.value, estimated.interval.expect("one"))
        };
        let (none, (low, high)) = share(0);
        assert!(none == 0.0 && low == 0.0 && near(high, 0.2775), "{high}");
        let (half, (low, high)) = share(5);
        assert!(half == 0.5 && near(low, 0.2366) && near(high, 0.7634));
        let (all, (low, high)) = share(10);
        assert!(all == 1.0 && near(low, 0.7225) && high == 1.0, "{low}");
    }

    /// The values 1, ..., 100 have the standard deviation sqrt(100 x 101 / 12) = 29.0115 and the kurtosis
    /// 0.6 (3 x 100^2 - 7) / (100^2 - 1) = 1.79976. The interval follows from these by the formula.
    #[test]
    fn standard_deviations() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let estimated = Statistic::Sd.estimate(&runs(&values));
        let (low, high) = estimated.interval.expect("one");
        assert!(near(estimated.value, 29.0115), "{}", estimated.value);
        let c = 100.0f64 / (100.0 - Z);
        let error = c * ((1.799_76_f64 - 0.97) / 99.0).sqrt();
        let by_hand = |sign: f64| (c.ln() + sign * Z * error).exp().sqrt() * 29.011_49;
        assert!(
            near(low, by_hand(-1.0)) && near(high, by_hand(1.0)),
            "{low} {high}"
        );
        assert_eq!(
            Statistic::Sd.estimate(&runs(&[1.0, 2.0, 3.0])).interval,
            None
        );
        assert_eq!(Statistic::Sd.estimate(&runs(&[2.0; 9])).interval, None);
    }

    #[test]
    fn the_largest_value_has_no_interval() {
        let largest = Statistic::Largest.estimate(&runs(&[1.0, 7.0, 3.0]));
        assert_eq!((largest.value, largest.interval), (7.0, Some((7.0, 7.0))));
    }

    /// A difference is `to` minus `from`.
    #[test]
    fn differences_of_independent_runs() {
        let from = values(&[(0, "a", 1.0), (1, "a", 3.0)]);
        let to = values(&[(2, "a", 11.0), (3, "a", 13.0), (4, "a", 15.0)]);
        let there = difference(&from, &to, false);
        let back = difference(&to, &from, false);
        assert_eq!((there.value, back.value), (11.0, -11.0));
        assert_eq!((there.n, there.n_from), (3, Some(2)));
        let (low, high) = there.interval.expect("one");
        assert_eq!(back.interval, Some((-high, -low)));
        let welch = between(&[1.0, 3.0], &[11.0, 13.0, 15.0]);
        let welch = welch.half_width.expect("one");
        assert!(near(high - low, 2.0 * welch));
    }

    /// If a difference is the same in all configurations, its interval is narrow, even if the configurations themselves differ
    /// much.
    #[test]
    fn same_configurations_are_compared_one_by_one() {
        let from = values(&[
            (0, "a", 0.0),
            (1, "a", 2.0),
            (2, "b", 100.0),
            (3, "b", 102.0),
        ]);
        let to = values(&[
            (4, "a", 5.0),
            (5, "a", 7.0),
            (6, "b", 105.0),
            (7, "b", 107.0),
        ]);
        let paired = difference(&from, &to, false);
        let (low, high) = paired.interval.expect("one");
        // Each of the four means is a mean of two values and has the variance 1. So the average difference has the standard error
        // 1 and 4 degrees of freedom, with t = 2.776.
        assert!(paired.value == 5.0 && near(low, 5.0 - 2.776) && near(high, 5.0 + 2.776));
        let other = values(&[
            (4, "a", 5.0),
            (5, "a", 7.0),
            (6, "c", 105.0),
            (7, "c", 107.0),
        ]);
        let pooled = difference(&from, &other, false);
        let (low, high) = pooled.interval.expect("one");
        assert!(pooled.value == 5.0 && high - low > 190.0, "{low} {high}");
    }

    #[test]
    fn the_same_runs_are_compared_run_by_run() {
        let from = values(&[(0, "a", 0.0), (1, "a", 50.0), (2, "a", 90.0)]);
        let to = values(&[(0, "a", 1.0), (1, "a", 51.0), (2, "a", 91.0)]);
        let paired = difference(&from, &to, true);
        // All differences are equal, so there is no interval: differences of other runs may not be equal.
        assert_eq!((paired.value, paired.interval), (1.0, None));
    }
}
