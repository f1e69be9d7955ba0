//! A criterion says in which range the 95 % interval of an estimate must lie, and gives a verdict on the estimate.

use std::fmt;

use super::Estimated;

/// A range, such as `> 0` or `1 to 1.3`. The test of a claim holds if the 95 % interval of the test's estimate is inside this range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Criterion {
    /// The lower bound; minus infinity if there is none.
    low: f64,
    /// The upper bound; infinity if there is none.
    high: f64,
    /// Whether the bounds themselves belong to the range.
    includes_bounds: bool,
}

/// The verdict of a criterion on an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval of the estimate is inside the criterion's range.
    Holds,
    /// The whole interval of the estimate is outside the criterion's range.
    Fails,
    /// A part of the interval is inside the range and a part outside, or there is no reliable interval.
    Undecided {
        /// About how many runs would be enough to decide, if the mean and the standard deviation stay the same when runs are added. If the
        /// estimate is the difference of two groups of runs, this is the number for the group with fewer runs. `None` if a billion runs
        /// would not be enough, or if there is no reliable interval.
        runs: Option<u64>,
    },
}

impl Criterion {
    /// The criterion that values are above `above` and below `below`. One of the two bounds may be missing. Returns `None` if no value could
    /// meet the criterion, or if both bounds are missing.
    pub fn with_strict_bounds(above: Option<f64>, below: Option<f64>) -> Option<Self> {
        let low = above.unwrap_or(f64::NEG_INFINITY);
        let high = below.unwrap_or(f64::INFINITY);
        let has_bound = above.is_some() || below.is_some();
        (has_bound && low < high).then_some(Self {
            low,
            high,
            includes_bounds: false,
        })
    }

    /// The criterion that values are from `low` to `high`, both included. Returns `None` if `low` is above `high`, or if one of the bounds is
    /// not finite.
    pub fn between(low: f64, high: f64) -> Option<Self> {
        let is_finite = low.is_finite() && high.is_finite();
        (is_finite && low <= high).then_some(Self {
            low,
            high,
            includes_bounds: true,
        })
    }

    /// The verdict on an estimate. It is undecided if the estimate has no interval or a rough one.
    pub fn verdict(&self, estimated: &Estimated) -> Verdict {
        let Some((low, high)) = estimated.interval.filter(|_| !estimated.is_rough) else {
            return Verdict::Undecided { runs: None };
        };
        // The two cases differ only for intervals that touch a bound.
        let (is_inside, is_outside) = if self.includes_bounds {
            (
                self.low <= low && high <= self.high,
                high < self.low || self.high < low,
            )
        } else {
            (
                self.low < low && high < self.high,
                high <= self.low || self.high <= low,
            )
        };
        match (is_inside, is_outside) {
            (true, _) => Verdict::Holds,
            (_, true) => Verdict::Fails,
            _ => Verdict::Undecided {
                runs: self.runs_to_decide(estimated, (low, high)),
            },
        }
    }

    /// Computes how many runs would be enough to decide. The estimate's interval is now from `low` to `high`. With more runs, it becomes
    /// narrower: its width is proportional to 1 / sqrt(number of runs). The test is decided when the interval contains no bound of the
    /// criterion. `None` if a billion runs would not be enough, because nobody can make so many runs.
    fn runs_to_decide(&self, estimated: &Estimated, (low, high): (f64, f64)) -> Option<u64> {
        let value = estimated.value;
        // A value outside the range fails as soon as the interval does not reach the nearer bound. The other bound does not matter.
        let deciding_bounds = match value {
            value if value < self.low => vec![self.low],
            value if value > self.high => vec![self.high],
            _ => vec![self.low, self.high],
        };
        let bounds_in_interval = deciding_bounds
            .into_iter()
            .filter(|bound| (low..=high).contains(bound));
        // For each of these bounds: the factor by which the number of runs must grow, so that the interval no longer contains the bound.
        let factors = bounds_in_interval.map(|bound| {
            // However many runs there are, their interval contains this bound.
            if bound == value {
                return f64::INFINITY;
            }
            // An interval need not be symmetric, so the side towards the bound is taken.
            let half_width = if bound < value {
                value - low
            } else {
                high - value
            };
            // The half-width must shrink to the distance between value and bound. To make it k times smaller, k * k times as
            // many runs are needed.
            (half_width / (bound - value)).powi(2)
        });
        let largest_factor = factors.fold(1.0, f64::max);
        // An estimate can be the difference of two groups, one with `n` runs and one with `n_from` runs. Then the result is for the smaller
        // group.
        let present_runs = match estimated.n_from {
            Some(n_from) => n_from.min(estimated.n),
            None => estimated.n,
        };
        let runs = largest_factor * present_runs as f64;
        // The present runs do not decide, so at least one more is needed.
        (runs < 1e9).then(|| (runs.ceil() as u64).max(present_runs + 1))
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            low,
            high,
            includes_bounds,
        } = *self;
        match (low.is_finite(), high.is_finite()) {
            _ if includes_bounds && low == high => write!(f, "{low}"),
            _ if includes_bounds => write!(f, "{low} to {high}"),
            (true, true) => write!(f, "> {low} and < {high}"),
            (true, false) => write!(f, "> {low}"),
            _ => write!(f, "< {high}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("holds"),
            Self::Fails => f.write_str("fails"),
            Self::Undecided { .. } => f.write_str("undecided"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimated(value: f64, low: f64, high: f64) -> Estimated {
        Estimated {
            value,
            interval: Some((low, high)),
            is_rough: false,
            all_equal: false,
            n: 100,
            n_from: None,
        }
    }

    /// The verdicts on estimates with these intervals.
    fn verdicts(criterion: Option<Criterion>, intervals: &[(f64, f64)]) -> Vec<String> {
        let criterion = criterion.expect("a criterion");
        let verdict = |&(low, high): &(f64, f64)| {
            let middle = f64::midpoint(low, high);
            criterion.verdict(&estimated(middle, low, high)).to_string()
        };
        intervals.iter().map(verdict).collect()
    }

    /// For `between`, the bounds themselves are inside the range. For the other criteria, the bounds are outside the range.
    #[test]
    fn verdicts_on_intervals_that_touch_or_cross_a_bound() {
        let above = Criterion::with_strict_bounds(Some(0.0), None);
        let intervals = [
            (0.1, 1.0),
            (0.0, 1.0),
            (-1.0, 0.0),
            (0.0, 0.0),
            (-2.0, -1.0),
        ];
        let expected = ["holds", "undecided", "fails", "fails", "fails"];
        assert_eq!(verdicts(above, &intervals), expected);
        let below = Criterion::with_strict_bounds(None, Some(2.0));
        let intervals = [(1.0, 1.9), (1.0, 2.0), (2.0, 3.0), (2.0, 2.0), (2.1, 3.0)];
        assert_eq!(verdicts(below, &intervals), expected);
        let between = Criterion::between(1.0, 1.3);
        let intervals = [(1.0, 1.3), (0.9, 1.0), (1.3, 1.4), (0.8, 1.5)];
        let expected = ["holds", "undecided", "undecided", "undecided"];
        assert_eq!(verdicts(between, &intervals), expected);
        let intervals = [(0.5, 0.99), (1.31, 2.0), (1.3, 1.3), (1.0, 1.0)];
        let expected = ["fails", "fails", "holds", "holds"];
        assert_eq!(verdicts(between, &intervals), expected);
        let above_and_below = Criterion::with_strict_bounds(Some(0.0), Some(1.0));
        let intervals = [(0.2, 0.8), (0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (-1.0, 0.0)];
        let expected = ["holds", "undecided", "undecided", "fails", "fails"];
        assert_eq!(verdicts(above_and_below, &intervals), expected);
    }

    /// All estimates here are of 100 runs. For example, the interval from -1 to 3 has a half-width of 2. Four times as many runs reduce the
    /// half-width to 1. Then the interval is from 0 to 2. It just touches the bound 0, and with more runs it no longer contains
    /// the bound. So about 400 runs are enough.
    #[test]
    fn the_number_of_runs_to_decide_grows_with_the_square_of_the_width() {
        let runs = |criterion: Option<Criterion>, value, low, high| {
            let criterion = criterion.expect("a criterion");
            match criterion.verdict(&estimated(value, low, high)) {
                Verdict::Undecided { runs } => runs,
                decided => panic!("{decided}"),
            }
        };
        let above = Criterion::with_strict_bounds(Some(0.0), None);
        assert_eq!(runs(above, 1.0, -1.0, 3.0), Some(400));
        assert_eq!(runs(above, -1.0, -3.0, 1.0), Some(400));
        assert_eq!(runs(above, 0.0, -1.0, 1.0), None);
        let between = Criterion::between(0.0, 4.0);
        // The value 1 is inside the range, so the interval must no longer contain 0 or 4. For the bound 0, the half-width 3 must shrink
        // to 1. That needs 3 * 3 = 9 times as many runs. For the bound 4, fewer runs are enough.
        assert_eq!(runs(between, 1.0, -2.0, 4.0), Some(900));
        // The value 5 is outside the range, next to the bound 4. The half-width 6 must shrink to 1. That needs 36 times as many runs.
        assert_eq!(runs(between, 5.0, -1.0, 11.0), Some(3600));
        // This interval is not symmetric. It just reaches the bound 0, so one more run than now is enough.
        assert_eq!(runs(above, 1.0, 0.0, 9.0), Some(101));
    }

    /// The true value is exactly at the bound of the criterion, so every decision is due to chance. The values of runs are normally
    /// distributed with known variance. The first verdict is made after 400 runs. The estimate from these runs is z standard errors above
    /// the bound, and z has a standard normal distribution. If the first verdict is undecided, runs are added until there are as many as it
    /// advises. Then a second verdict is made. The first verdict alone decides with probability 0.05. With probability 0.109, the first or
    /// the second verdict decides. So whoever adds runs until the test decides gets a wrong verdict more often. The table that
    /// `analyze claims` prints warns of this.
    #[test]
    fn adding_the_advised_runs_doubles_the_risk_of_a_wrong_verdict() {
        use statrs::distribution::{ContinuousCDF, Normal};
        let normal = Normal::standard();
        // The number of runs at the first verdict, and the half-width of a 95 % interval in standard errors.
        let (n, limit) = (400.0f64, 1.96);
        let above = Criterion::with_strict_bounds(Some(0.0), None).expect("a criterion");
        // The probability of a decision by the first verdict, and by the first or second verdict.
        let probability_of_decision = |z: f64| {
            let first = Estimated {
                n: n as u64,
                ..estimated(z, z - limit, z + limit)
            };
            let runs = match above.verdict(&first) {
                Verdict::Undecided { runs: Some(runs) } => runs as f64,
                Verdict::Undecided { runs: None } => return [0.0, 0.0],
                _ => return [1.0, 1.0],
            };
            // The second estimate is the sum of two independent terms:
            // second estimate = (n / runs) * (first estimate) + (1 - n / runs) * (mean of the added runs)
            //
            // From here on, the unit is the standard error of the second estimate, so the second estimate has the variance 1. A standard
            // error is proportional to 1 / sqrt(number of runs), so the standard error of the first estimate is sqrt(runs / n):
            // - first estimate = sqrt(runs / n) * z
            // - first term = (n / runs) * sqrt(runs / n) * z = sqrt(n / runs) * z
            // - variance of the first term = n / runs, because z has the variance 1
            // - variance of the second term = 1 - n / runs, because the two variances add up to 1
            let first_term = (n / runs).sqrt() * z;
            let sd_of_second_term = (1.0 - n / runs).sqrt();
            // The probability that the second estimate is below `bound`, for this z.
            let below = |bound: f64| normal.cdf((bound - first_term) / sd_of_second_term);
            [0.0, below(-limit) + 1.0 - below(limit)]
        };
        // The mean over 10,000 equally likely values of z.
        let values = 10_000;
        let mut risk = [0.0, 0.0];
        for index in 0..values {
            let z = normal.inverse_cdf((f64::from(index) + 0.5) / f64::from(values));
            for (risk, probability) in risk.iter_mut().zip(probability_of_decision(z)) {
                *risk += probability / f64::from(values);
            }
        }
        assert!((risk[0] - 0.05).abs() < 0.001, "{risk:?}");
        assert!((risk[1] - 0.109).abs() < 0.002, "{risk:?}");
    }

    #[test]
    fn a_rough_interval_decides_nothing() {
        let above = Criterion::with_strict_bounds(Some(0.0), None).expect("a criterion");
        let rough = Estimated {
            is_rough: true,
            ..estimated(5.0, 4.0, 6.0)
        };
        assert_eq!(above.verdict(&rough), Verdict::Undecided { runs: None });
    }

    #[test]
    fn a_single_run_decides_nothing() {
        let single = Estimated {
            value: 5.0,
            interval: None,
            is_rough: false,
            all_equal: false,
            n: 1,
            n_from: None,
        };
        let above = Criterion::with_strict_bounds(Some(0.0), None).expect("a criterion");
        assert_eq!(above.verdict(&single), Verdict::Undecided { runs: None });
    }

    #[test]
    fn criteria_without_bounds_or_with_an_empty_range_are_refused_and_others_are_shown_as_ranges() {
        assert_eq!(Criterion::with_strict_bounds(None, None), None);
        assert_eq!(Criterion::with_strict_bounds(Some(1.0), Some(1.0)), None);
        assert_eq!(Criterion::between(2.0, 1.0), None);
        assert_eq!(Criterion::between(f64::NAN, 1.0), None);
        let texts = [
            Criterion::with_strict_bounds(Some(1.0), None),
            Criterion::with_strict_bounds(None, Some(0.5)),
            Criterion::with_strict_bounds(Some(0.0), Some(1.0)),
            Criterion::between(1.0, 1.3),
            Criterion::between(2.0, 2.0),
        ];
        let texts: Vec<String> = texts.iter().flatten().map(ToString::to_string).collect();
        assert_eq!(texts, ["> 1", "< 0.5", "> 0 and < 1", "1 to 1.3", "2"]);
    }
}
