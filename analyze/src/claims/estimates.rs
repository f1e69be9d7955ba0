//! Estimates a statistic of some runs, or the difference between the means of two sets of runs, with a 95 % interval.

use std::collections::BTreeMap;

use super::{Share, Statistic};
use crate::stats::difference::Difference;
use crate::stats::estimate::{Estimate, IntervalKind, Z_975 as Z};
use crate::stats::ties::Ties;

/// The estimate of a statistic of some runs, or of a difference: the mean of the runs `to` minus the mean of the runs `from`.
/// The function `difference` describes the three ways to calculate a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimated {
    /// The value of the statistic.
    pub value: f64,
    /// The 95 % interval. `None` if there are too few runs for an interval. Also `None` if all values are equal, with three exceptions: a
    /// share, the largest value, and the mean of a quantity that has a largest possible value (such as 1).
    pub interval: Option<(f64, f64)>,
    /// Whether the interval is too rough to decide about a claim: see [`IntervalKind::Rough`].
    pub is_rough: bool,
    /// Whether values are equal, so that the spread of a mean or of a difference cannot be estimated. It is true in these cases:
    ///
    /// - a mean: all runs have the same value,
    /// - a difference that is calculated for each run: all differences are equal,
    /// - a difference that is calculated for each configuration: in each configuration, all values of `from` are equal, and all values of
    ///   `to` are equal,
    /// - any other difference: all values of `from` are equal, and all values of `to` are equal.
    ///
    /// Always false for other statistics.
    pub all_equal: bool,
    /// Number of runs. For a difference, the number of runs in `to`. If a difference is calculated for each run, only runs that have a value
    /// on both sides count, so `n` and `n_from` are equal.
    pub n: u64,
    /// For a difference, the number of runs in `from`. `None` for other statistics.
    pub n_from: Option<u64>,
}

/// The value of a quantity, such as the backlog growth, in one run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RunValue {
    /// The number of the run.
    pub(super) run: u64,
    /// The values of the run's parameters. In a comparison, the parameters in which the two sides differ are left out.
    pub(super) configuration: Vec<String>,
    pub(super) value: f64,
    /// The largest possible value, if the quantity has one. The smallest possible value of such a quantity is 0.
    pub(super) largest_possible: Option<f64>,
}

impl Statistic {
    /// Estimates the statistic from the values of at least one run.
    pub(super) fn estimate(self, runs: &[RunValue]) -> Estimated {
        let values = &numbers(runs);
        let (value, interval) = match self {
            Self::Mean => {
                // Runs can have different largest possible values. For example, the number of ticks that receive is at most the number of all
                // ticks of the run. Then `largest_possible` is the largest of these values. It is `None` if the quantity has no largest
                // possible value.
                let limits = runs.iter().map(|run| run.largest_possible);
                let limits: Option<Vec<f64>> = limits.collect();
                let largest_possible = limits.map(|limits| limits.into_iter().fold(0.0, f64::max));
                return mean(values, largest_possible);
            }
            Self::Sd => {
                // For a single run, `sd` is `None`. Then the value is set to 0, and there is no interval.
                let sd = Estimate::from_values(values).sd;
                (sd.unwrap_or(0.0), sd.and_then(|sd| bonett(values, sd)))
            }
            // The largest value of the runs that were made is known exactly, so its interval has no width.
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
            // Wilson's interval of a share and the exactly known largest value are never rough.
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

/// The interval of a mean if all `n` values are equal. Suppose that a share s of all possible runs has another value. Then the probability
/// that none of n runs has another value is (1 - s)^n. If s were above 1 - 0.025^(1/n), this probability would be below 2.5 % (half of 5 %,
/// because a 95 % interval has two ends). So, with 97.5 % confidence, s is at most 1 - 0.025^(1/n) (Clopper and Pearson 1934, for 0 of n
/// runs with another value).
///
/// The code calls this largest s `share_of_others`. The low end of the interval is the mean that results if the other runs all have the
/// value 0. The high end is the mean that results if the other runs all have the value `largest_possible`.
fn interval_of_equal(n: u64, value: f64, largest_possible: f64) -> (f64, f64) {
    let share_of_others = 1.0 - 0.025f64.powf(1.0 / n as f64);
    let low = value - share_of_others * value;
    let high = value + share_of_others * (largest_possible - value);
    (low, high)
}

/// The share of values that meet `condition` (such as `>= 2`), with Wilson's interval (1927). This interval is also valid if no value or
/// every value meets the condition. In the formula, n is the number of values, p the share, and Z the 0.975 quantile of the normal
/// distribution.
fn wilson(condition: Share, values: &[f64]) -> (f64, Option<(f64, f64)>) {
    let n = values.len() as f64;
    let count = values
        .iter()
        .filter(|value| condition.counts(**value))
        .count();
    let p = count as f64 / n;
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half_width = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let (low, high) = (middle - half_width, middle + half_width);
    // In spite of rounding errors, both ends must be between 0 and 1, and p must be between the ends.
    (p, Some((low.clamp(0.0, p), high.clamp(p, 1.0))))
}

/// Bonett's interval (2006) of a standard deviation. It is also valid for values that are not normally distributed. `None` for four values or
/// fewer, and for equal values.
///
/// In the formula, n is the number of values, and Z is the 0.975 quantile of the normal distribution. The kurtosis is the mean of
/// (value - trimmed mean)^4, divided by the square of the mean of (value - mean)^2. The trimmed mean leaves out the share
/// 1 / (2 sqrt(n - 4)) of the values at each end, so single extreme values have little effect on it.
///
/// The logarithm of the measured variance has a standard error of about sqrt((kurtosis - (n - 3) / n) / (n - 1)). The factor c = n / (n - Z)
/// corrects both the variance and this standard error for small n. So the interval of the variance is
/// c * variance * exp(± Z * c * standard error). The ends of the standard deviation's interval are the square roots of these two ends.
fn bonett(values: &[f64], sd: f64) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    if n <= 4.0 || Ties::count(&mut values.to_vec()).all_equal() {
        return None;
    }
    let trimmed = trimmed_mean(values, 0.5 / (n - 4.0).sqrt());
    let fourth_powers: f64 = values.iter().map(|value| (value - trimmed).powi(4)).sum();
    // The sum of the squared deviations from the mean.
    let squares = sd.powi(2) * (n - 1.0);
    // (fourth_powers / n) / (squares / n)^2, simplified.
    let kurtosis = n * fourth_powers / squares.powi(2);
    let c = n / (n - Z);
    let corrected_error = c * ((kurtosis - (n - 3.0) / n) / (n - 1.0)).max(0.0).sqrt();
    // sqrt(c * sd^2 * exp(sign * Z * corrected_error)), simplified.
    let bound = |sign: f64| sd * (0.5 * (c.ln() + sign * Z * corrected_error)).exp();
    Some((bound(-1.0), bound(1.0)))
}

/// The mean without the smallest and the largest values: this `share` of all values is left out at each end.
fn trimmed_mean(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = (share * values.len() as f64) as usize;
    let kept = &sorted[cut..values.len() - cut];
    kept.iter().sum::<f64>() / kept.len() as f64
}

/// The mean in `to` minus the mean in `from`. Both must have at least one run.
///
/// There are three cases:
///
/// 1. `same_runs` is true: both sides have values of the same runs, for example of different machines in these runs. Then the difference is
///    calculated for each run that has a value on both sides, and the differences are averaged. There must be at least one such run.
/// 2. The sides have different runs, but the same configurations, and several of them. Then the difference is calculated for each
///    configuration, with Welch's interval, and the differences are averaged.
/// 3. In all other cases, the mean of all runs of `to` is compared with the mean of all runs of `from`, with Welch's interval.
pub(super) fn difference(from: &[RunValue], to: &[RunValue], same_runs: bool) -> Estimated {
    if same_runs {
        return difference_run_by_run(from, to);
    }
    let (from_groups, to_groups) = (by_configuration(from), by_configuration(to));
    let is_case_2 = from_groups.keys().eq(to_groups.keys()) && from_groups.len() > 1;
    let difference = if is_case_2 {
        let differences: Vec<Difference> = std::iter::zip(from_groups.values(), to_groups.values())
            .map(|(from, to)| difference_of_means(from, to))
            .collect();
        Difference::average(&differences)
    } else {
        None
    };
    // In case 3, the difference is still `None` here.
    let difference =
        difference.unwrap_or_else(|| difference_of_means(&numbers(from), &numbers(to)));
    Estimated {
        value: difference.mean,
        interval: difference.interval(),
        is_rough: difference.interval_kind == IntervalKind::Rough,
        all_equal: difference.interval_kind == IntervalKind::AllEqual,
        n: to.len() as u64,
        n_from: Some(from.len() as u64),
    }
}

/// Calculates `to` minus `from` for each run that has a value on both sides, and averages these differences.
fn difference_run_by_run(from: &[RunValue], to: &[RunValue]) -> Estimated {
    let from_values: BTreeMap<u64, f64> =
        from.iter().map(|value| (value.run, value.value)).collect();
    let differences: Vec<f64> = to
        .iter()
        .filter_map(|to| Some(to.value - from_values.get(&to.run)?))
        .collect();
    let estimated = mean(&differences, None);
    Estimated {
        n_from: Some(estimated.n),
        ..estimated
    }
}

/// The mean of `to` minus the mean of `from`, for independent values.
fn difference_of_means(from: &[f64], to: &[f64]) -> Difference {
    Difference::between(&Estimate::from_values(from), &Estimate::from_values(to))
}

/// Only the numbers, without the runs and configurations to which they belong.
fn numbers(values: &[RunValue]) -> Vec<f64> {
    values.iter().map(|value| value.value).collect()
}

/// The values of each configuration.
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

    fn is_near(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() < 1e-3
    }

    /// Makes values from (run, configuration, value).
    fn values(triples: &[(u64, &str, f64)]) -> Vec<RunValue> {
        let value = |&(run, configuration, value): &(u64, &str, f64)| RunValue {
            run,
            configuration: vec![configuration.to_owned()],
            value,
            largest_possible: None,
        };
        triples.iter().map(value).collect()
    }

    /// Values of runs 0, 1, 2 and so on, all of one configuration.
    fn runs(numbers: &[f64]) -> Vec<RunValue> {
        let numbered = (0..).zip(numbers).map(|(run, &value)| (run, "a", value));
        values(&numbered.collect::<Vec<_>>())
    }

    /// After 200 equal values, one can be 97.5 % sure that the share of runs with another value is at most 1 - 0.025^(1/200) = 0.018275.
    #[test]
    fn equal_values_have_an_interval_if_there_is_a_largest_possible_value() {
        let interval = |value: f64, largest_possible: Option<f64>| {
            let runs = runs(&[value; 200]).into_iter().map(|run| RunValue {
                largest_possible,
                ..run
            });
            Statistic::Mean.estimate(&runs.collect::<Vec<_>>()).interval
        };
        assert_eq!(interval(0.0, None), None);
        let (low, high) = interval(0.0, Some(50.0)).expect("bounded values have an interval");
        assert!(low == 0.0 && is_near(high, 50.0 * 0.018_275), "{high}");
        let (low, high) = interval(1.0, Some(1.0)).expect("bounded values have an interval");
        assert!(is_near(low, 1.0 - 0.018_275) && high == 1.0, "{low}");
    }

    /// Brown, Cai and DasGupta (2001) print these intervals: 0 to 0.2775 for 0 of 10, and 0.2366 to 0.7634 for 5 of 10.
    /// The interval for 10 of 10 is the mirror image of the one for 0 of 10: 1 - 0.2775 = 0.7225 to 1.
    #[test]
    fn shares_have_the_published_intervals() {
        let share = |ones: usize| {
            let value = |k: usize| if k < ones { 1.0 } else { 0.0 };
            let values: Vec<f64> = (0..10).map(value).collect();
            let share = Statistic::Share(">= 1".parse().expect("a share"));
            let estimated = share.estimate(&runs(&values));
            (estimated.value, estimated.interval.expect("an interval"))
        };
        let (none, (low, high)) = share(0);
        assert!(none == 0.0 && low == 0.0 && is_near(high, 0.2775), "{high}");
        let (half, (low, high)) = share(5);
        assert!(half == 0.5 && is_near(low, 0.2366) && is_near(high, 0.7634));
        let (all, (low, high)) = share(10);
        assert!(all == 1.0 && is_near(low, 0.7225) && high == 1.0, "{low}");
    }

    /// The values 1, ..., 100 have the standard deviation sqrt(100 x 101 / 12) = 29.0115 and the kurtosis
    /// 0.6 (3 x 100^2 - 7) / (100^2 - 1) = 1.79976. The values are symmetric, so their trimmed mean is their mean. In the formula of the
    /// interval, (n - 3) / n is 0.97.
    #[test]
    fn standard_deviations_have_the_interval_of_bonetts_formula() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let estimated = Statistic::Sd.estimate(&runs(&values));
        let (low, high) = estimated.interval.expect("an interval");
        assert!(is_near(estimated.value, 29.0115), "{}", estimated.value);
        let c = 100.0f64 / (100.0 - Z);
        let error = c * ((1.799_76_f64 - 0.97) / 99.0).sqrt();
        let by_hand = |sign: f64| (c.ln() + sign * Z * error).exp().sqrt() * 29.011_49;
        assert!(
            is_near(low, by_hand(-1.0)) && is_near(high, by_hand(1.0)),
            "{low} {high}"
        );
        assert_eq!(
            Statistic::Sd.estimate(&runs(&[1.0, 2.0, 3.0])).interval,
            None
        );
        assert_eq!(Statistic::Sd.estimate(&runs(&[2.0; 9])).interval, None);
    }

    #[test]
    fn the_interval_of_the_largest_value_has_no_width() {
        let largest = Statistic::Largest.estimate(&runs(&[1.0, 7.0, 3.0]));
        assert_eq!((largest.value, largest.interval), (7.0, Some((7.0, 7.0))));
    }

    /// A difference is `to` minus `from`.
    #[test]
    fn the_difference_of_independent_runs_has_welchs_interval() {
        let from = values(&[(0, "a", 1.0), (1, "a", 3.0)]);
        let to = values(&[(2, "a", 11.0), (3, "a", 13.0), (4, "a", 15.0)]);
        let forward = difference(&from, &to, false);
        let reversed = difference(&to, &from, false);
        assert_eq!((forward.value, reversed.value), (11.0, -11.0));
        assert_eq!((forward.n, forward.n_from), (3, Some(2)));
        let (low, high) = forward.interval.expect("an interval");
        assert_eq!(reversed.interval, Some((-high, -low)));
        let welch = difference_of_means(&[1.0, 3.0], &[11.0, 13.0, 15.0]);
        let welch = welch.half_width.expect("an interval");
        assert!(is_near(high - low, 2.0 * welch));
    }

    /// If the difference is the same in all configurations, its interval is narrow, even if the values of the configurations are very
    /// different (here about 0 and about 100).
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
        let (low, high) = paired.interval.expect("an interval");
        // Each side has two values per configuration, such as 0 and 2. Their variance is 2, so their mean has the variance 2 / 2 = 1. The
        // difference of two such means has the variance 1 + 1 = 2, and the average of the two differences has (2 + 2) / 4 = 1. Each of the
        // four means gives one degree of freedom. With 4 degrees of freedom, t is 2.776.
        assert!(paired.value == 5.0 && is_near(low, 5.0 - 2.776) && is_near(high, 5.0 + 2.776));
        // If the sides have different configurations, the means of all their runs are compared. Then the large differences between
        // configurations count too. Each side has the variance 3334.67, so the standard error is sqrt(2 * 3334.67 / 4) = 40.83. With 6
        // degrees of freedom, t is 2.447. So the interval is 2 * 2.447 * 40.83 = 199.8 wide.
        let other = values(&[
            (4, "a", 5.0),
            (5, "a", 7.0),
            (6, "c", 105.0),
            (7, "c", 107.0),
        ]);
        let pooled = difference(&from, &other, false);
        let (low, high) = pooled.interval.expect("an interval");
        assert!(pooled.value == 5.0 && high - low > 190.0, "{low} {high}");
    }

    #[test]
    fn the_same_runs_are_compared_run_by_run() {
        let from = values(&[(0, "a", 0.0), (1, "a", 50.0), (2, "a", 90.0)]);
        let to = values(&[(0, "a", 1.0), (1, "a", 51.0), (2, "a", 91.0)]);
        let paired = difference(&from, &to, true);
        // All differences are equal, so there is no interval: further runs may have other differences.
        assert_eq!((paired.value, paired.interval), (1.0, None));
    }
}
