//! The difference of two means, with a 95 % interval.
//!
//! - [`Difference::between`]: the mean of the runs of a group B minus the mean of the runs of a group A. All runs are independent, so the
//!   variance of the difference is the sum of the variances of both means. The interval is Welch's (1947), with the degrees of freedom of
//!   Satterthwaite (1946).
//! - [`Difference::between_means`]: the average of the means of several groups minus the average of the means of several other groups.
//!   The interval is made in the same way.
//! - [`Difference::average`]: the average of several such differences, with equal weight and Satterthwaite's degrees of freedom.
//!
//! Degrees of freedom say how well a variance is known: the fewer there are, the wider is the interval. Satterthwaite's degrees of freedom
//! of a sum of independent terms are `(v1 + v2 + ...)^2 / (v1^2 / d1 + v2^2 / d2 + ...)`, where `v1` is the estimated variance of the first
//! term and `d1` are its degrees of freedom. For the mean of n runs with standard deviation s, `v1` is
//! `s^2 / n` and `d1` is `n - 1`.
//!
//! If each run of one group is paired with a run of the other, this module is not needed: each pair gives one difference, and the mean of
//! these differences has Student's interval, like the mean of any other values ([`Estimate`]).

use crate::stats::estimate::{Estimate, IntervalKind, t_quantile_975};

/// The difference of the means of two groups of runs, A and B. Or the average of several such differences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The mean of B minus the mean of A.
    pub mean: f64,
    /// The standard error of the difference; `None` if A or B has a single run.
    pub standard_error: Option<f64>,
    /// Degrees of freedom of the standard error; `None` if A or B has a single run, or if the standard error is 0.
    degrees_of_freedom: Option<f64>,
    /// Half the width of the 95 % interval; `None` if there is no interval (`interval_kind` says why).
    pub half_width: Option<f64>,
    /// Whether there is an interval, and whether it can be trusted.
    pub interval_kind: IntervalKind,
}

impl Difference {
    /// The mean of `b` minus the mean of `a`. The runs of `a` and `b` must be independent.
    pub(crate) fn between(a: &Estimate, b: &Estimate) -> Self {
        let kinds = [a.interval_kind, b.interval_kind].into_iter();
        // The variance of each mean, and its degrees of freedom. `None` for the mean of a single run, which has no standard deviation.
        let variances = [a, b].map(|estimate| {
            let variance = estimate.sd?.powi(2) / estimate.n as f64;
            Some((variance, (estimate.n - 1) as f64))
        });
        Self::new(
            b.mean - a.mean,
            variances.into_iter().collect(),
            IntervalKind::for_combination(kinds),
        )
    }

    /// The average of the means `b` minus the average of the means `a`. In each average, all means have the same weight. The
    /// runs of all means must be independent. `None` if `a` or `b` is empty.
    pub(crate) fn between_means(a: &[Estimate], b: &[Estimate]) -> Option<Self> {
        if let ([a], [b]) = (a, b) {
            return Some(Self::between(a, b));
        }
        let average = |means: &[Estimate]| -> Option<f64> {
            let sum: f64 = means.iter().map(|estimate| estimate.mean).sum();
            (!means.is_empty()).then(|| sum / means.len() as f64)
        };
        let difference = average(b)? - average(a)?;
        // For each mean: the variance of `mean * weight`, and the degrees of freedom of this variance.
        let variances = [a, b].into_iter().flat_map(|means| {
            let weight = 1.0 / means.len() as f64;
            means.iter().map(move |estimate| {
                let variance = (estimate.sd? * weight).powi(2) / estimate.n as f64;
                Some((variance, (estimate.n - 1) as f64))
            })
        });
        let kinds = [a, b].into_iter().flatten();
        let kinds = kinds.map(|estimate| estimate.interval_kind);
        Some(Self::new(
            difference,
            variances.collect(),
            IntervalKind::for_combination(kinds),
        ))
    }

    /// The mean of independent differences, with equal weight; `None` if there are no differences.
    pub(crate) fn average(differences: &[Self]) -> Option<Self> {
        let weighted: Vec<(Self, f64)> = differences.iter().map(|&one| (one, 1.0)).collect();
        Self::weighted_average(&weighted)
    }

    /// The mean of independent differences with these weights; `None` if there are no differences.
    pub(crate) fn weighted_average(differences: &[(Self, f64)]) -> Option<Self> {
        let total: f64 = differences.iter().map(|(_, weight)| weight).sum();
        let sum: f64 = differences
            .iter()
            .map(|(one, weight)| one.mean * weight)
            .sum();
        let kinds = differences.iter().map(|(one, _)| one.interval_kind);
        let variances = differences.iter().map(|(one, weight)| {
            let variance = (one.standard_error? * weight / total).powi(2);
            // Here the standard error is known. Its degrees of freedom are missing only if the standard error is 0. Then `variance` is 0 too,
            // and `new` divides 0 by the degrees of freedom. So any number except 0 would do here.
            let degrees_of_freedom = one.degrees_of_freedom.unwrap_or(f64::INFINITY);
            Some((variance, degrees_of_freedom))
        });
        (!differences.is_empty()).then(|| {
            Self::new(
                sum / total,
                variances.collect(),
                IntervalKind::for_combination(kinds),
            )
        })
    }

    /// A difference whose standard error is not known.
    pub(crate) fn without_interval(mean: f64) -> Self {
        Self::new(mean, None, IntervalKind::Single)
    }

    /// A difference with its standard error. `variances` has the variance and the degrees of freedom of each independent term.
    /// `variances` is `None` if the variance of a term is not known. Then the difference has no standard error and no interval.
    fn new(mean: f64, variances: Option<Vec<(f64, f64)>>, interval_kind: IntervalKind) -> Self {
        let Some(variances) = variances else {
            return Self {
                mean,
                standard_error: None,
                degrees_of_freedom: None,
                half_width: None,
                interval_kind: IntervalKind::Single,
            };
        };
        let variance: f64 = variances.iter().map(|(variance, _)| variance).sum();
        // The denominator of Satterthwaite's formula.
        let denominator: f64 = variances
            .iter()
            .map(|(term, degrees)| term.powi(2) / degrees)
            .sum();
        let standard_error = variance.sqrt();
        let degrees_of_freedom = (denominator > 0.0).then(|| variance.powi(2) / denominator);
        let half_width = degrees_of_freedom
            .filter(|_| interval_kind.has_interval())
            .map(|degrees| t_quantile_975(degrees) * standard_error);
        Self {
            mean,
            standard_error: Some(standard_error),
            degrees_of_freedom,
            half_width,
            interval_kind,
        }
    }

    /// Lower and upper end of the interval. `None` if there is no interval.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.half_width
            .map(|half| (self.mean - half, self.mean + half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ties::Ties;

    /// An estimate with a reliable interval: it is treated as if all its values were different.
    fn estimate(n: u64, mean: f64, sd: f64) -> Estimate {
        let all_different = Ties::count(&mut (0..n).map(|k| k as f64).collect::<Vec<_>>());
        Estimate::new(n, mean, Some(sd), all_different)
    }

    /// Two groups: n 10, mean 20, sd 2 and n 15, mean 22, sd 4. The variances of their means are 2^2/10 = 0.4 and 4^2/15 = 16/15.
    /// So the standard error is sqrt(0.4 + 16/15) = 1.21106. It has (0.4 + 16/15)^2 / (0.4^2/9 + (16/15)^2/14) = 21.72 degrees of
    /// freedom. For these, the 0.975 quantile t is 2.0755.
    #[test]
    fn the_interval_of_independent_means_is_that_of_welch() {
        let difference = Difference::between(&estimate(10, 20.0, 2.0), &estimate(15, 22.0, 4.0));
        assert_eq!(difference.mean, 2.0);
        let half_width = difference.half_width.expect("an interval");
        assert!((half_width - 2.0755 * 1.21106).abs() < 2e-3, "{half_width}");
        let (low, high) = difference.interval().expect("an interval");
        assert_eq!((low, high), (2.0 - half_width, 2.0 + half_width));
    }

    /// Two means, each with the variance 1/5 and 4 degrees of freedom. Their difference has the standard error sqrt(2/5) and 8 degrees of
    /// freedom, t 2.306.
    #[test]
    fn degrees_of_freedom_add_up_if_variances_and_sizes_are_equal() {
        let a = estimate(5, 0.0, 1.0);
        let half_width = Difference::between(&a, &a).half_width.expect("an interval");
        assert!((half_width - 2.306 * 0.4f64.sqrt()).abs() < 1e-3);
    }

    #[test]
    fn one_run_or_equal_values_give_no_reliable_interval() {
        let a = estimate(5, 0.0, 1.0);
        let single = Difference::between(&a, &Estimate::from_values(&[3.0]));
        assert_eq!((single.mean, single.half_width), (3.0, None));
        let constant = Estimate::from_values(&[1.0; 5]);
        let both = Difference::between(&constant, &constant);
        assert_eq!(
            (both.half_width, both.interval_kind),
            (None, IntervalKind::AllEqual)
        );
        // Only one of the two has equal values. The interval has the standard error of `a`, sqrt(1/5), and its 4 degrees of freedom
        // (t 2.776).
        let mixed = Difference::between(&a, &constant);
        assert_eq!(mixed.interval_kind, IntervalKind::Rough);
        let half_width = mixed.half_width.expect("an interval");
        assert!(
            (half_width - 2.776 * 0.2f64.sqrt()).abs() < 1e-3,
            "{half_width}"
        );
    }

    /// Two differences, 2 - 1 and 4 - 1, each with the weight 1/2. The four means have the variances 9, 0, 8 and 8. Each is multiplied by the
    /// squared weight 1/4, so the average has the variance 25 / 4. In the formula for the degrees of freedom, the factor 1/4 cancels. So
    /// there are 25^2 / (9^2 / d + 8^2 / d + 8^2 / d) = 11.96 degrees of freedom, where d = 4 are those of each mean. The quantile t is 2.18.
    #[test]
    fn the_average_has_the_degrees_of_freedom_of_all_its_means() {
        // The mean of five values with standard deviation sd has the variance sd^2 / 5.
        let estimate_of_five = |variance: f64, mean| estimate(5, mean, (5.0 * variance).sqrt());
        let first = Difference::between(&estimate_of_five(9.0, 1.0), &estimate_of_five(0.0, 2.0));
        let second = Difference::between(&estimate_of_five(8.0, 1.0), &estimate_of_five(8.0, 4.0));
        let average = Difference::average(&[first, second]).expect("two differences");
        assert_eq!((average.mean, average.standard_error), (2.0, Some(2.5)));
        let half_width = average.half_width.expect("an interval");
        assert!((half_width - 2.5 * 2.180).abs() < 2e-3, "{half_width}");
        assert_eq!(Difference::average(&[]), None);
    }
}
