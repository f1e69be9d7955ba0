//! Criteria. A criterion says where the 95 % interval of an estimate must lie, and gives a verdict on the estimate.

use std::fmt;

use super::Estimated;

/// A criterion: the interval of the values for which a test holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Criterion {
    low: f64,
    high: f64,
    /// Whether the interval includes its ends.
    closed: bool,
}

/// The verdict of a criterion on an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval of the estimate is inside the criterion.
    Holds,
    /// The whole interval of the estimate is outside the criterion.
    Fails,
    /// A part of the interval is inside and a part outside, or there is no reliable interval.
    Undecided {
        /// How many runs would approximately be enough to decide, if mean and spread do not change. In a comparison, this is the
        /// number of runs in the smaller cell. None if no number would be enough.
        runs: Option<u64>,
    },
}

impl Criterion {
    /// The criterion that values are above `above` and below `below`. One of the two may be missing. None if no value or every value
    /// would meet the criterion.
    pub fn open(above: Option<f64>, below: Option<f64>) -> Option<Self> {
        let low = above.unwrap_or(f64::NEG_INFINITY);
        let high = below.unwrap_or(f64::INFINITY);
        let bounds = above.is_some() || below.is_some();
        (bounds && low < high).then_some(Self {
            low,
            high,
            closed: false,
        })
    }

    /// The criterion that values are from `low` to `high`, both included. None if `low` is above `high`, or if one of them is not
    /// finite.
    pub fn between(low: f64, high: f64) -> Option<Self> {
        let finite = low.is_finite() && high.is_finite();
        (finite && low <= high).then_some(Self {
            low,
            high,
            closed: true,
        })
    }

    /// The verdict on an estimate. It is undecided if the estimate has no interval or a rough one.
    pub fn verdict(&self, estimated: &Estimated) -> Verdict {
        let Some((low, high)) = estimated.interval.filter(|_| !estimated.is_rough) else {
            return Verdict::Undecided { runs: None };
        };
        let (inside, outside) = if self.closed {
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
        match (inside, outside) {
            (true, _) => Verdict::Holds,
            (_, true) => Verdict::Fails,
            _ => Verdict::Undecided {
                runs: self.runs(estimated, (low, high)),
            },
        }
    }

    /// Computes the number of runs with which the interval is so narrow that it decides: it no longer contains an end of the
    /// criterion. The width of an interval is proportional to 1 / sqrt(number of runs).
    fn runs(&self, estimated: &Estimated, (low, high): (f64, f64)) -> Option<u64> {
        let value = estimated.value;
        let deciding = match value {
            value if value < self.low => vec![self.low],
            value if value > self.high => vec![self.high],
            _ => vec![self.low, self.high],
        };
        let crossed = deciding
            .into_iter()
            .filter(|end| (low..=high).contains(end));
        let times = crossed.map(|end| {
            let reach = if end < value {
                value - low
            } else {
                high - value
            };
            (reach / (end - value)).powi(2)
        });
        let times = times.fold(1.0, f64::max);
        // More runs than this cannot be made in practice.
        let smaller = estimated
            .n_from
            .map_or(estimated.n, |from| from.min(estimated.n));
        let runs = times * smaller as f64;
        (runs < 1e9).then(|| (runs.ceil() as u64).max(smaller + 1))
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { low, high, closed } = *self;
        match (low.is_finite(), high.is_finite()) {
            _ if closed && low == high => write!(f, "{low}"),
            _ if closed => write!(f, "{low} to {high}"),
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

    fn verdicts(criterion: Option<Criterion>, intervals: &[(f64, f64)]) -> Vec<String> {
        let criterion = criterion.expect("a criterion");
        let of = |&(low, high): &(f64, f64)| {
            let middle = f64::midpoint(low, high);
            criterion.verdict(&estimated(middle, low, high)).to_string()
        };
        intervals.iter().map(of).collect()
    }

    /// The end of an open interval is outside of it, the end of a closed interval inside.
    #[test]
    fn verdicts_at_the_ends() {
        let above = Criterion::open(Some(0.0), None);
        let intervals = [
            (0.1, 1.0),
            (0.0, 1.0),
            (-1.0, 0.0),
            (0.0, 0.0),
            (-2.0, -1.0),
        ];
        let expected = ["holds", "undecided", "fails", "fails", "fails"];
        assert_eq!(verdicts(above, &intervals), expected);
        let below = Criterion::open(None, Some(2.0));
        let intervals = [(1.0, 1.9), (1.0, 2.0), (2.0, 3.0), (2.0, 2.0), (2.1, 3.0)];
        assert_eq!(verdicts(below, &intervals), expected);
        let between = Criterion::between(1.0, 1.3);
        let intervals = [(1.0, 1.3), (0.9, 1.0), (1.3, 1.4), (0.8, 1.5)];
        let expected = ["holds", "undecided", "undecided", "undecided"];
        assert_eq!(verdicts(between, &intervals), expected);
        let outside = [(0.5, 0.99), (1.31, 2.0), (1.3, 1.3), (1.0, 1.0)];
        let expected = ["fails", "fails", "holds", "holds"];
        assert_eq!(verdicts(between, &outside), expected);
        let both = Criterion::open(Some(0.0), Some(1.0));
        let intervals = [(0.2, 0.8), (0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (-1.0, 0.0)];
        let expected = ["holds", "undecided", "undecided", "fails", "fails"];
        assert_eq!(verdicts(both, &intervals), expected);
    }

    /// Four times as many runs reduce the half-width from 2 to 1.
    #[test]
    fn number_of_runs_that_would_be_enough_to_decide() {
        let runs = |criterion: Option<Criterion>, value, low, high| {
            let criterion = criterion.expect("a criterion");
            match criterion.verdict(&estimated(value, low, high)) {
                Verdict::Undecided { runs } => runs,
                decided => panic!("{decided}"),
            }
        };
        let above = Criterion::open(Some(0.0), None);
        assert_eq!(runs(above, 1.0, -1.0, 3.0), Some(400));
        assert_eq!(runs(above, -1.0, -3.0, 1.0), Some(400));
        assert_eq!(runs(above, 0.0, -1.0, 1.0), None);
        let between = Criterion::between(0.0, 4.0);
        // If the value is inside, the nearer end decides. If it is outside, the end next to it decides.
        assert_eq!(runs(between, 1.0, -2.0, 4.0), Some(900));
        assert_eq!(runs(between, 5.0, -1.0, 11.0), Some(3600));
        // An interval need not be symmetric.
        assert_eq!(runs(above, 1.0, 0.0, 9.0), Some(101));
    }

    /// The true value is exactly at the end of the criterion, and values are normally distributed with known variance. The first
    /// verdict finds a difference of z standard errors. For the second verdict, the advised number of runs is added.
    #[test]
    fn adding_the_advised_runs_doubles_the_risk_of_a_wrong_verdict() {
        use statrs::distribution::{ContinuousCDF, Normal};
        let normal = Normal::standard();
        let (n, limit) = (400.0f64, 1.96);
        let above = Criterion::open(Some(0.0), None).expect("a criterion");
        let decided = |z: f64| {
            let first = Estimated {
                n: n as u64,
                ..estimated(z, z - limit, z + limit)
            };
            let runs = match above.verdict(&first) {
                Verdict::Undecided { runs: Some(runs) } => runs as f64,
                Verdict::Undecided { runs: None } => return [0.0, 0.0],
                _ => return [1.0, 1.0],
            };
            let (known, added) = ((n / runs).sqrt() * z, (1.0 - n / runs).sqrt());
            let beyond = |bound: f64| normal.cdf((bound - known) / added);
            [0.0, beyond(-limit) + 1.0 - beyond(limit)]
        };
        let looks = 10_000;
        let mut risk = [0.0, 0.0];
        for look in 0..looks {
            let z = normal.inverse_cdf((f64::from(look) + 0.5) / f64::from(looks));
            let decided = decided(z);
            (0..2).for_each(|index| risk[index] += decided[index] / f64::from(looks));
        }
        assert!((risk[0] - 0.05).abs() < 0.001, "{risk:?}");
        assert!((risk[1] - 0.109).abs() < 0.002, "{risk:?}");
    }

    #[test]
    fn a_rough_interval_decides_nothing() {
        let above = Criterion::open(Some(0.0), None).expect("a criterion");
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
        let above = Criterion::open(Some(0.0), None).expect("a criterion");
        assert_eq!(above.verdict(&single), Verdict::Undecided { runs: None });
    }

    #[test]
    fn criteria_that_no_value_or_every_value_meets_are_refused() {
        assert_eq!(Criterion::open(None, None), None);
        assert_eq!(Criterion::open(Some(1.0), Some(1.0)), None);
        assert_eq!(Criterion::between(2.0, 1.0), None);
        assert_eq!(Criterion::between(f64::NAN, 1.0), None);
        let texts = [
            Criterion::open(Some(1.0), None),
            Criterion::open(None, Some(0.5)),
            Criterion::open(Some(0.0), Some(1.0)),
            Criterion::between(1.0, 1.3),
            Criterion::between(2.0, 2.0),
        ];
        let texts: Vec<String> = texts.iter().flatten().map(ToString::to_string).collect();
        assert_eq!(texts, ["> 1", "< 0.5", "> 0 and < 1", "1 to 1.3", "2"]);
    }
}
