//! Message delays of an experiment: how long messages travel, in model time.

use std::fmt;
use std::str::FromStr;

use rand::{Rng, RngExt};

use super::{NANOS_PER_SECOND, NotAValue};

/// The distribution of delays. A delay is drawn for each message. Messages from one machine to another keep their order, so a
/// message also waits for all messages that were sent before it. With random delays, the mean travel time is therefore longer
/// than the mean of the distribution.
///
/// Its text is `0`, `0.05`, `uniform(0.01,0.1)` or `exponential(0.05)`, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// All delays are the same.
    Constant {
        /// The delay in nanoseconds.
        ns: u64,
    },
    /// All delays between two limits are equally likely. The limits are included.
    Uniform {
        /// The shortest delay in nanoseconds.
        from_ns: u64,
        /// The longest delay in nanoseconds.
        to_ns: u64,
    },
    /// Exponentially distributed.
    Exponential {
        /// The mean in nanoseconds.
        mean_ns: u64,
    },
}

impl Delay {
    /// The longest delay that an experiment may have, in seconds.
    pub const MAX_S: f64 = 3600.0;

    /// No delay.
    pub const NONE: Self = Self::Constant { ns: 0 };

    /// A constant delay. `None` unless `seconds` is from 0 to [`Delay::MAX_S`].
    pub fn constant(seconds: f64) -> Option<Self> {
        nanos(seconds).map(|ns| Self::Constant { ns })
    }

    /// Delays evenly distributed from `from_s` to `to_s` seconds. `None` unless both are from 0 to [`Delay::MAX_S`] and in this
    /// order.
    pub fn uniform(from_s: f64, to_s: f64) -> Option<Self> {
        let (from_ns, to_ns) = (nanos(from_s)?, nanos(to_s)?);
        (from_ns <= to_ns).then_some(Self::Uniform { from_ns, to_ns })
    }

    /// Exponentially distributed delays with a mean of `mean_s` seconds. `None` unless this is from 0 to [`Delay::MAX_S`].
    pub fn exponential(mean_s: f64) -> Option<Self> {
        nanos(mean_s).map(|mean_ns| Self::Exponential { mean_ns })
    }

    /// Draws a delay in nanoseconds. A constant delay uses no random number.
    pub fn draw_ns(self, random: &mut impl Rng) -> u64 {
        match self {
            Self::Constant { ns } => ns,
            Self::Uniform { from_ns, to_ns } => random.random_range(from_ns..=to_ns),
            Self::Exponential { mean_ns } => {
                // The number has 53 random bits, and the logarithm gives the same result on every platform.
                let uniform = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
                (-libm::log1p(-uniform) * mean_ns as f64) as u64
            }
        }
    }
}

impl Default for Delay {
    fn default() -> Self {
        Self::NONE
    }
}

fn nanos(seconds: f64) -> Option<u64> {
    let ns = (seconds * NANOS_PER_SECOND as f64).round();
    (0.0..=Delay::MAX_S).contains(&seconds).then_some(ns as u64)
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / NANOS_PER_SECOND as f64
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Constant { ns } => write!(f, "{}", seconds(ns)),
            Self::Uniform { from_ns, to_ns } => {
                write!(f, "uniform({},{})", seconds(from_ns), seconds(to_ns))
            }
            Self::Exponential { mean_ns } => write!(f, "exponential({})", seconds(mean_ns)),
        }
    }
}

impl FromStr for Delay {
    type Err = NotAValue;

    fn from_str(text: &str) -> Result<Self, NotAValue> {
        let arguments = |name: &str| -> Option<Vec<f64>> {
            let inner = text
                .strip_prefix(name)?
                .strip_prefix('(')?
                .strip_suffix(')')?;
            inner.split(',').map(|number| number.parse().ok()).collect()
        };
        let delay = match (arguments("uniform"), arguments("exponential")) {
            (Some(bounds), _) => match bounds[..] {
                [from_s, to_s] => Self::uniform(from_s, to_s),
                _ => None,
            },
            (_, Some(mean)) => match mean[..] {
                [mean_s] => Self::exponential(mean_s),
                _ => None,
            },
            _ => text.parse().ok().and_then(Self::constant),
        };
        delay.ok_or_else(|| {
            NotAValue::new(
                text,
                "a delay such as 0.05, uniform(0.01,0.1) or exponential(0.05)",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use proptest::prelude::*;

    fn draws(delay: Delay) -> Vec<u64> {
        let mut random = random::machine_stream(262, "delays", 0);
        (0..10_000).map(|_| delay.draw_ns(&mut random)).collect()
    }

    fn mean(draws: &[u64]) -> f64 {
        draws.iter().sum::<u64>() as f64 / draws.len() as f64
    }

    #[test]
    fn distributions_have_their_means_and_limits() {
        let constant = draws(Delay::constant(0.05).expect("a delay"));
        assert!(constant.iter().all(|&ns| ns == 50_000_000));
        let uniform = draws(Delay::uniform(0.01, 0.03).expect("a delay"));
        assert!(
            uniform
                .iter()
                .all(|ns| (10_000_000..=30_000_000).contains(ns))
        );
        // The standard deviations of these means are 0.058 ms and 0.5 ms.
        assert!((mean(&uniform) - 20e6).abs() < 0.3e6, "{}", mean(&uniform));
        let exponential = draws(Delay::exponential(0.05).expect("a delay"));
        assert!(
            (mean(&exponential) - 50e6).abs() < 2.5e6,
            "{}",
            mean(&exponential)
        );
        let beyond_mean = exponential.iter().filter(|&&ns| ns > 50_000_000).count();
        // 1/e of the delays are above the mean: 3,679 with a standard deviation of 48.
        assert!((beyond_mean as f64 - 3679.0).abs() < 240.0, "{beyond_mean}");
    }

    /// Fixed results: if one changes, the same seed gives other events.
    #[test]
    fn draws_are_fixed() {
        let first = |delay: Option<Delay>| draws(delay.expect("a delay"))[..3].to_vec();
        assert_eq!(
            first(Delay::exponential(0.05)),
            [155292948, 68502594, 28784453]
        );
        assert_eq!(
            first(Delay::uniform(0.0, 1.0)),
            [955213968, 745906224, 437682739]
        );
    }

    #[test]
    fn constant_delays_use_no_random_number() {
        let mut random = random::machine_stream(262, "delays", 0);
        let before = random.clone();
        assert_eq!(Delay::NONE.draw_ns(&mut random), 0);
        assert_eq!(random, before);
    }

    #[test]
    fn refuses_texts_that_are_not_delays() {
        for text in [
            "",
            "-1",
            "3601",
            "uniform(2,1)",
            "uniform(1)",
            "exponential()",
            "normal(1)",
            "NaN",
        ] {
            assert!(text.parse::<Delay>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_from_its_text(a in 0u64..3_600_000_000_000, b in 0u64..3_600_000_000_000, law in 0..3) {
            let delay = match law {
                0 => Delay::Constant { ns: a },
                1 => Delay::Uniform { from_ns: a.min(b), to_ns: a.max(b) },
                _ => Delay::Exponential { mean_ns: a },
            };
            prop_assert_eq!(delay.to_string().parse::<Delay>(), Ok(delay));
        }
    }
}
