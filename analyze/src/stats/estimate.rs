//! Statistics over the repetitions of a configuration: mean, standard deviation, 95 % interval.

use std::sync::OnceLock;

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::stats::ties::Ties;

/// The 0.975 quantile of the normal distribution. If the standard error is known exactly, half the width of a 95 % interval is
/// this many standard errors.
pub(crate) const Z_975: f64 = 1.959_963_985;

/// The mean of a quantity over some repetitions, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Number of values.
    pub n: u64,
    /// Mean of the values.
    pub mean: f64,
    /// Standard deviation of the values (divisor n - 1); `None` for a single value.
    pub sd: Option<f64>,
    /// Half the width of the 95 % Student-t interval of the mean; `None` if there is no interval.
    pub half_width: Option<f64>,
    /// Whether there is an interval, and whether it can be trusted.
    pub interval_kind: IntervalKind,
}

/// Whether a 95 % interval can be trusted to cover the true value in 95 of 100 samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalKind {
    /// There is no interval, because there is a single value.
    Single,
    /// There is no interval, because all values are equal. More repetitions may still have other values.
    AllEqual,
    /// There is an interval, but too many values are equal. So the interval covers the true value in fewer than 95 of 100 samples.
    Rough,
    /// The interval is Student's, or Welch's for a difference, and can be trusted.
    Student,
}

impl IntervalKind {
    /// The kind for the mean of `n` values, some of which may be equal (`ties`).
    fn for_mean(n: u64, ties: Ties) -> Self {
        match n {
            0 | 1 => Self::Single,
            _ if ties.all_equal() => Self::AllEqual,
            _ if ties.too_many(n) => Self::Rough,
            _ => Self::Student,
        }
    }

    /// The kind for a difference or an average of independent means, from their `kinds`.
    pub(crate) fn for_combination(kinds: impl Iterator<Item = Self> + Clone) -> Self {
        let any = |kind: Self| kinds.clone().any(|other| other == kind);
        if any(Self::Single) {
            Self::Single
        } else if kinds.clone().all(|kind| kind == Self::AllEqual) {
            Self::AllEqual
        } else if any(Self::Rough) || any(Self::AllEqual) {
            // The estimated variance of equal values is 0. Their true variance may be larger, and then the interval is too narrow.
            Self::Rough
        } else {
            Self::Student
        }
    }

    /// Whether there is an interval.
    pub(crate) fn has_interval(self) -> bool {
        matches!(self, Self::Rough | Self::Student)
    }

    /// The name of the kind in CSV and JSON; `None` for a single value.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Single => None,
            Self::AllEqual => Some("all equal"),
            Self::Rough => Some("rough"),
            Self::Student => Some("t"),
        }
    }
}

impl Estimate {
    /// An estimate from the number of values, their mean, their standard deviation, and how many of the values are equal (`ties`).
    pub fn new(n: u64, mean: f64, sd: Option<f64>, ties: Ties) -> Self {
        let interval_kind = IntervalKind::for_mean(n, ties);
        let sd = sd.filter(|_| n > 1);
        let half_width = sd
            .filter(|_| interval_kind.has_interval())
            .map(|sd| t_quantile_975((n - 1) as f64) * sd / (n as f64).sqrt());
        Self {
            n,
            mean,
            sd,
            half_width,
            interval_kind,
        }
    }

    /// An estimate from at least one value.
    pub fn from_values(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        // For a single value this is not a number; `new` replaces it by `None`.
        let sd = (squares / (n - 1.0)).sqrt();
        let ties = Ties::count(&mut values.to_vec());
        Self::new(values.len() as u64, mean, Some(sd), ties)
    }

    /// Lower and upper end of the interval. `None` if there is no interval.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.half_width
            .map(|half| (self.mean - half, self.mean + half))
    }
}

/// Number of repetitions that would make the interval half as wide as with `n` repetitions, if the standard deviation does not change.
/// This number is about 4 n. It is less if n is small, because Student's t falls as n grows. `None` for a single repetition, which has no
/// interval.
pub fn repetitions_to_halve(n: u64) -> Option<u64> {
    if n < 2 {
        return None;
    }
    let width = |n: u64| t_quantile_975((n - 1) as f64) / (n as f64).sqrt();
    (n..=4 * n).find(|&larger| width(larger) <= width(n) / 2.0)
}

/// The 0.975 quantile of Student's t distribution: half the width of a 95 % interval, in standard errors.
pub(crate) fn t_quantile_975(degrees_of_freedom: f64) -> f64 {
    let compute = || {
        StudentsT::new(0.0, 1.0, degrees_of_freedom)
            .map_or(f64::NAN, |distribution| distribution.inverse_cdf(0.975))
    };
    // In a table, many means have the same number n of values, and so the same degrees of freedom (n - 1). Quantiles for whole degrees of
    // freedom below 1024 are therefore kept, and each is computed only once. (Differences have degrees of freedom that are not whole.)
    static COMPUTED: [OnceLock<f64>; 1024] = [const { OnceLock::new() }; 1024];
    match COMPUTED.get(degrees_of_freedom as usize) {
        Some(computed) if degrees_of_freedom.fract() == 0.0 => *computed.get_or_init(compute),
        _ => compute(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values come from printed tables of Student's t.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (degrees_of_freedom, tabulated) in [
            (1, 12.706),
            (2, 4.303),
            (4, 2.776),
            (9, 2.262),
            (29, 2.045),
            (99, 1.984),
        ] {
            let quantile = t_quantile_975(f64::from(degrees_of_freedom));
            assert!(
                (quantile - tabulated).abs() < 5e-4,
                "{degrees_of_freedom}: {quantile}, not {tabulated}"
            );
        }
    }

    /// The values 1, 2, 3, 4, 5 have the standard deviation sqrt(5/2) and the standard error sqrt(1/2). With 4 degrees of freedom, the
    /// 0.975 quantile is 2.776.
    #[test]
    fn the_interval_of_five_values_is_that_of_student() {
        let estimate = Estimate::from_values(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!((estimate.n, estimate.mean), (5, 3.0));
        assert_eq!(estimate.sd, Some(2.5f64.sqrt()));
        assert_eq!(estimate.interval_kind, IntervalKind::Student);
        let (low, high) = estimate.interval().expect("five values have an interval");
        assert!((low - (3.0 - 2.776 * 0.5f64.sqrt())).abs() < 1e-3);
        assert!((high - (3.0 + 2.776 * 0.5f64.sqrt())).abs() < 1e-3);
    }

    /// Values of `half_width` if the standard deviation is 1:
    ///
    /// - n = 2: 12.706 / sqrt(2) = 8.98. Half of this is 4.49.
    /// - n = 3: 4.303 / sqrt(3) = 2.48, less than 4.49.
    /// - n = 10: 2.262 / sqrt(10) = 0.715. Half of this is 0.358.
    /// - n = 32: 2.040 / sqrt(32) = 0.361, still more than 0.358.
    /// - n = 33: 2.037 / sqrt(33) = 0.355, less than 0.358.
    #[test]
    fn about_four_times_as_many_repetitions_halve_the_interval() {
        assert_eq!(repetitions_to_halve(1), None);
        assert_eq!(repetitions_to_halve(2), Some(3));
        assert_eq!(repetitions_to_halve(10), Some(33));
        assert_eq!(repetitions_to_halve(1000), Some(3993));
    }

    #[test]
    fn a_single_value_and_equal_values_have_no_interval() {
        let single = Estimate::from_values(&[7.0]);
        assert_eq!((single.sd, single.interval()), (None, None));
        assert_eq!(single.interval_kind, IntervalKind::Single);
        // The sum of ten times 0.1 has a rounding error, so the computed deviation is not exactly 0. This does not matter: `Ties`
        // compares the values themselves.
        let equal = Estimate::from_values(&[0.1; 10]);
        assert_eq!(equal.interval(), None);
        assert_eq!(equal.interval_kind, IntervalKind::AllEqual);
    }

    #[test]
    fn the_interval_of_mostly_equal_values_is_rough() {
        // Six of ten values are equal. That is more than two fifths, the limit in `Ties::too_many`.
        let estimate = Estimate::from_values(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(estimate.interval_kind, IntervalKind::Rough);
        assert!(estimate.interval().is_some());
    }

    #[test]
    fn the_kind_of_a_combination_follows_from_the_kinds_of_its_parts() {
        use IntervalKind::{AllEqual, Rough, Single, Student};
        for (kinds, combined) in [
            ([Student, Student], Student),
            ([Student, Rough], Rough),
            // The second mean has no interval, but the difference between the two means has one.
            ([Student, AllEqual], Rough),
            ([AllEqual, AllEqual], AllEqual),
            ([AllEqual, Single], Single),
        ] {
            assert_eq!(IntervalKind::for_combination(kinds.into_iter()), combined);
        }
    }
}
