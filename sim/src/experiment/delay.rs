//! The delays of messages in an experiment: how long messages travel, in model time.

use std::fmt;
use std::str::FromStr;

use rand::{Rng, RngExt};

use super::{NANOS_PER_SECOND, NotAValue};

/// The distribution of delays. A delay is drawn for each message. Messages from one machine to another keep their order: a message with a
/// short delay waits until all earlier messages from the same sender to the same recipient have arrived. So with random delays, the mean
/// travel time is longer than the mean of the distribution.
///
/// The text of a distribution is `0`, `0.05`, `uniform(0.01,0.1)` or `exponential(0.05)`, with times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// All delays are the same.
    Constant {
        /// The delay in nanoseconds.
        ns: u64,
    },
    /// All delays between two limits are equally likely, and so are the limits themselves.
    Uniform {
        /// The shortest delay in nanoseconds.
        from_ns: u64,
        /// The longest delay in nanoseconds.
        to_ns: u64,
    },
    /// Exponentially distributed delays.
    Exponential {
        /// The mean delay in nanoseconds.
        mean_ns: u64,
    },
}

impl Delay {
    /// The largest number of seconds in the text of a distribution: `3600` and `exponential(3600)` are allowed, `3601` is not. A delay that
    /// is drawn from an exponential distribution can be longer.
    pub const MAX_S: f64 = 3600.0;

    /// No delay.
    pub const NONE: Self = Self::Constant { ns: 0 };

    /// A constant delay. `None` if `seconds` is not from 0 to [`Delay::MAX_S`].
    pub fn constant(seconds: f64) -> Option<Self> {
        nanos(seconds).map(|ns| Self::Constant { ns })
    }

    /// Delays evenly distributed from `from_s` to `to_s` seconds. `None` if one of the two is not from 0 to [`Delay::MAX_S`], or if
    /// `from_s` is larger than `to_s`.
    pub fn uniform(from_s: f64, to_s: f64) -> Option<Self> {
        let (from_ns, to_ns) = (nanos(from_s)?, nanos(to_s)?);
        (from_ns <= to_ns).then_some(Self::Uniform { from_ns, to_ns })
    }

    /// Exponentially distributed delays with a mean of `mean_s` seconds. `None` if `mean_s` is not from 0 to [`Delay::MAX_S`].
    pub fn exponential(mean_s: f64) -> Option<Self> {
        nanos(mean_s).map(|mean_ns| Self::Exponential { mean_ns })
    }

    /// Draws a delay in nanoseconds. A constant delay uses no random number.
    pub fn draw_ns(self, random: &mut impl Rng) -> u64 {
        match self {
            Self::Constant { ns } => ns,
            Self::Uniform { from_ns, to_ns } => random.random_range(from_ns..=to_ns),
            Self::Exponential { mean_ns } => {
                // If `uniform` is evenly distributed from 0 to 1, `-ln(1 - uniform)` is exponentially distributed with mean 1. `uniform`
                // has 53 random bits, as many as an `f64` holds exactly. `log1p(x)` is `ln(1 + x)`. Unlike `f64::ln_1p`, the
                // function `libm::log1p` has the same result on every platform.
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

/// Converts seconds to nanoseconds. `None` if `seconds` is not from 0 to [`Delay::MAX_S`].
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
            (None, Some(mean)) => match mean[..] {
                [mean_s] => Self::exponential(mean_s),
                _ => None,
            },
            (None, None) => text.parse().ok().and_then(Self::constant),
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

    /// Draws 10,000 delays, always with the same random numbers.
    fn draws(delay: Delay) -> Vec<u64> {
        // The random numbers of this stream depend only on the seed 262, the text "delays" and the machine's index 0.
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
        // The standard deviation of one draw is 20 ms / √12 = 5.8 ms for the uniform distribution (20 ms wide), and 50 ms for the
        // exponential distribution. The standard deviation of the mean of 10,000 draws is √10,000 = 100 times smaller: 0.058 ms and
        // 0.5 ms. The tolerances (0.3 ms and 2.5 ms) are about 5 times these two values.
        assert!((mean(&uniform) - 20e6).abs() < 0.3e6, "{}", mean(&uniform));
        let exponential = draws(Delay::exponential(0.05).expect("a delay"));
        assert!(
            (mean(&exponential) - 50e6).abs() < 2.5e6,
            "{}",
            mean(&exponential)
        );
        let above_mean = exponential.iter().filter(|&&ns| ns > 50_000_000).count();
        // A share of 1/e of the delays is above the mean: 3,679 of 10,000, with a standard deviation of 48. The tolerance is
        // 5 × 48 = 240.
        assert!((above_mean as f64 - 3679.0).abs() < 240.0, "{above_mean}");
    }

    /// If one of these numbers changes, a seed gives other events than in earlier versions of the program.
    #[test]
    fn the_same_random_stream_always_gives_the_same_delays() {
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
    fn texts_that_are_not_delays_are_refused() {
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
        fn a_delay_is_read_back_from_its_text(a in 0u64..3_600_000_000_000, b in 0u64..3_600_000_000_000, kind in 0..3) {
            let delay = match kind {
                0 => Delay::Constant { ns: a },
                1 => Delay::Uniform { from_ns: a.min(b), to_ns: a.max(b) },
                _ => Delay::Exponential { mean_ns: a },
            };
            prop_assert_eq!(delay.to_string().parse::<Delay>(), Ok(delay));
        }
    }
}
