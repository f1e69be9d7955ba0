//! By how much two means differ, with a 95 % interval.
//!
//! - [`Difference::between`]: of independent runs. The difference has the variance of both means together; its interval is Welch's
//!   (1947), with the degrees of freedom of Satterthwaite (1946).
//! - [`Difference::average`]: of several such differences, with equal weight.
//! - [`of_pairs`]: of runs that belong together in pairs. Their differences are values like any others, with Student's interval.

use crate::stats::estimate::{Estimate, Z_975, t_quantile_975};

/// A difference of two means, or the average of such differences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// B - A.
    pub mean: f64,
    /// Its standard error; none if a side has a single run.
    pub standard_error: Option<f64>,
    /// Half the width of its 95 % interval; none if a side has a single run.
    pub half_width: Option<f64>,
}

impl Difference {
    /// The mean of `b` less that of `a`; the runs of both are independent.
    pub(crate) fn between(a: &Estimate, b: &Estimate) -> Self {
        let variance = |estimate: &Estimate| Some(estimate.sd?.powi(2) / estimate.n as f64);
        let (of_a, of_b) = (variance(a), variance(b));
        let mean = b.mean - a.mean;
        let (Some(of_a), Some(of_b)) = (of_a, of_b) else {
            return Self {
                mean,
                standard_error: None,
                half_width: None,
            };
        };
        let standard_error = (of_a + of_b).sqrt();
        let terms = of_a.powi(2) / (a.n - 1) as f64 + of_b.powi(2) / (b.n - 1) as f64;
        let half_width = match terms {
            0.0 => 0.0,
            terms => t_quantile_975((of_a + of_b).powi(2) / terms) * standard_error,
        };
        Self {
            mean,
            standard_error: Some(standard_error),
            half_width: Some(half_width),
        }
    }

    /// The mean of independent differences, with an interval from the normal distribution; none of no differences.
    pub(crate) fn average(differences: &[Self]) -> Option<Self> {
        let count = differences.len() as f64;
        let errors: Option<Vec<f64>> = differences
            .iter()
            .map(|difference| difference.standard_error)
            .collect();
        let standard_error = errors.map(|errors| {
            let squares: f64 = errors.iter().map(|error| error * error).sum();
            squares.sqrt() / count
        });
        let sum: f64 = differences.iter().map(|difference| difference.mean).sum();
        (!differences.is_empty()).then(|| Self {
            mean: sum / count,
            standard_error,
            half_width: standard_error.map(|error| Z_975 * error),
        })
    }

    /// Lower and upper end of the interval.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.half_width
            .map(|half| (self.mean - half, self.mean + half))
    }
}

/// The mean of `n` differences B - A, each between two runs that belong together; `sd` is the standard deviation of the differences.
pub(crate) fn of_pairs(n: u64, mean: f64, sd: Option<f64>) -> Estimate {
    Estimate::new(n, mean, sd)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Welch's interval for n 10, mean 20, sd 2 and n 15, mean 22, sd 4: standard error sqrt(0.4 + 16/15) = 1.21106, 21.72 degrees
    /// of freedom, t 2.0755.
    #[test]
    fn welch() {
        let a = Estimate::new(10, 20.0, Some(2.0));
        let b = Estimate::new(15, 22.0, Some(4.0));
        let difference = Difference::between(&a, &b);
        assert_eq!(difference.mean, 2.0);
        let half_width = difference.half_width.expect("one");
        assert!((half_width - 2.0755 * 1.21106).abs() < 2e-3, "{half_width}");
        let (low, high) = difference.interval().expect("one");
        assert_eq!((low, high), (2.0 - half_width, 2.0 + half_width));
    }

    #[test]
    fn equal_variances_and_sizes_have_the_degrees_of_freedom_of_both() {
        let a = Estimate::new(5, 0.0, Some(1.0));
        let half_width = Difference::between(&a, &a).half_width.expect("one");
        assert!((half_width - 2.306 * 0.4f64.sqrt()).abs() < 1e-3);
        let constant = Estimate::new(5, 1.0, Some(0.0));
        assert_eq!(
            Difference::between(&constant, &constant).half_width,
            Some(0.0)
        );
        let single = Estimate::new(1, 3.0, None);
        let difference = Difference::between(&a, &single);
        assert_eq!((difference.mean, difference.half_width), (3.0, None));
    }

    #[test]
    fn the_average_of_independent_differences() {
        let of = |mean, error| Difference {
            mean,
            standard_error: Some(error),
            half_width: Some(0.0),
        };
        let average = Difference::average(&[of(1.0, 3.0), of(3.0, 4.0)]).expect("two");
        assert_eq!((average.mean, average.standard_error), (2.0, Some(2.5)));
        // The printed quantile is 1.95996, not the 1.96 of rules of thumb.
        let half_width = average.half_width.expect("one");
        assert!(
            (half_width - 2.5 * 1.959_963_985).abs() < 1e-9,
            "{half_width}"
        );
        assert_eq!(Difference::average(&[]), None);
    }

    /// Differences 1, 2, 3, 4, 5: as the interval of these values.
    #[test]
    fn pairs_have_the_interval_of_their_differences() {
        let paired = of_pairs(5, 3.0, Some(2.5f64.sqrt()));
        let half_width = paired.half_width.expect("one");
        assert!((half_width - 2.776 * 0.5f64.sqrt()).abs() < 1e-3);
    }
}
