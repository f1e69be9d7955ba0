//! Tick rates as exact decimal numbers. The time of each tick is computed from the exact rate and the tick's number, and only the result is
//! rounded down to nanoseconds. So rounding errors do not add up from tick to tick.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::NotAValue;

/// Number of millionths in one.
const MICRO: u64 = 1_000_000;

/// Ticks per second of one machine: from [`Rate::MIN`] to [`Rate::MAX`], with up to six decimals. Its text is, for example, `3` or `1.25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    micro_hertz: u64,
}

impl Rate {
    /// The slowest rate allowed, in ticks per second.
    pub const MIN: f64 = 0.001;
    /// The fastest rate allowed, in ticks per second.
    pub const MAX: u32 = 1000;

    /// Creates a rate of `hertz` ticks per second, if it is from 1 to [`Rate::MAX`].
    pub fn new(hertz: u32) -> Option<Self> {
        Self::from_micro_hertz(u64::from(hertz) * MICRO)
    }

    /// Creates a rate of `hertz` ticks per second, if it is from [`Rate::MIN`] to [`Rate::MAX`] and has at most six decimals.
    pub fn from_hertz(hertz: f64) -> Option<Self> {
        // If `hertz` has at most six decimals, `hertz` times a million is a whole number, except for a rounding error. The rounding error
        // must be smaller than `TOLERANCE`.
        const TOLERANCE: f64 = 1e-6;
        let micro_hertz = hertz * MICRO as f64;
        let is_whole = (micro_hertz - micro_hertz.round()).abs() < TOLERANCE;
        match is_whole {
            true => Self::from_micro_hertz(micro_hertz.round() as u64),
            false => None,
        }
    }

    /// Creates a rate from ticks per million seconds, if it is from [`Rate::MIN`] to [`Rate::MAX`].
    pub fn from_micro_hertz(micro_hertz: u64) -> Option<Self> {
        let rate = Self { micro_hertz };
        (Self::MIN..=f64::from(Self::MAX))
            .contains(&rate.hertz())
            .then_some(rate)
    }

    /// Returns the ticks per second.
    pub fn hertz(self) -> f64 {
        self.micro_hertz as f64 / MICRO as f64
    }

    /// Returns the ticks per million seconds. This whole number is the exact rate.
    pub fn micro_hertz(self) -> u64 {
        self.micro_hertz
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, millionths) = (self.micro_hertz / MICRO, self.micro_hertz % MICRO);
        write!(f, "{whole}")?;
        if millionths > 0 {
            let decimals = format!("{millionths:06}");
            write!(f, ".{}", decimals.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

impl FromStr for Rate {
    type Err = NotAValue;

    fn from_str(text: &str) -> Result<Self, NotAValue> {
        // `f64` would also read texts such as `1e2`, `inf` and `-2`.
        let has_only_digits_and_point = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let hertz = match has_only_digits_and_point {
            true => text.parse().ok(),
            false => None,
        };
        hertz
            .and_then(Self::from_hertz)
            .ok_or_else(|| NotAValue::new(text, "a rate such as 3 or 1.25"))
    }
}

/// The rates of a run's machines, in the order of the machines: at least two. Clones share the list, because many configurations
/// have the same rates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rates(Arc<[Rate]>);

/// Two machines with one tick per second each.
impl Default for Rates {
    fn default() -> Self {
        Self([Rate { micro_hertz: MICRO }; 2].into())
    }
}

impl Rates {
    /// The maximum number of machines of a run.
    pub const MAX_MACHINES: usize = 1000;

    /// Creates the rates of a run from a list with one rate for each machine. `None` if the list has fewer than 2 rates, or more than
    /// [`Rates::MAX_MACHINES`].
    pub fn new(rates: Vec<Rate>) -> Option<Self> {
        (2..=Self::MAX_MACHINES)
            .contains(&rates.len())
            .then(|| Self(rates.into()))
    }

    /// Returns the number of machines.
    pub fn machines(&self) -> u32 {
        self.0.len() as u32
    }

    /// Returns the rates in the order of the machines.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Rate> + '_ {
        self.0.iter().copied()
    }

    /// Returns the least common multiple of all rates, in ticks per million seconds. `None` if the result does not fit into 64 bits.
    ///
    /// For the rates 4, 5 and 6, the result is 60 million: 60 ticks per second. If these machines all have their first tick at time 0, then
    /// all their ticks are at multiples of 1/60 s.
    pub fn lcm_micro_hertz(&self) -> Option<u64> {
        self.iter().try_fold(1u64, |lcm, rate| {
            (lcm / gcd(lcm, rate.micro_hertz)).checked_mul(rate.micro_hertz)
        })
    }
}

/// Returns the greatest common divisor.
pub(super) fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rate) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{rate}")?;
        }
        Ok(())
    }
}

impl FromStr for Rates {
    type Err = NotAValue;

    fn from_str(text: &str) -> Result<Self, NotAValue> {
        let rates: Option<Vec<Rate>> = text.split(',').map(|rate| rate.parse().ok()).collect();
        rates
            .and_then(Rates::new)
            .ok_or_else(|| NotAValue::new(text, "rates such as 1,3,6 or 1.5,2.25"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_least_common_multiple_of_whole_and_decimal_rates() {
        let lcm = |text: &str| text.parse::<Rates>().expect("rates").lcm_micro_hertz();
        assert_eq!(lcm("4,5,6"), Some(60_000_000));
        assert_eq!(lcm("1,3,6"), Some(6_000_000));
        assert_eq!(lcm("3,3,3"), Some(3_000_000));
        // 18 is 12 × 1.5, 8 × 2.25 and 3 × 6.
        assert_eq!(lcm("1.5,2.25,6"), Some(18_000_000));
        assert_eq!(lcm("0.2,0.3"), Some(600_000));
    }

    #[test]
    fn texts_that_are_no_rates_are_refused() {
        for text in [
            // Only one machine.
            "3",
            // A rate below 0.001.
            "0,1",
            "1,0.0001",
            // A rate above 1000.
            "1,1001",
            // More than six decimals.
            "1,2.1234567",
            // Not plain numbers with a comma between them.
            "",
            "1,,2",
            "1;2",
            "1,1e2",
            "1,-2",
        ] {
            assert!(text.parse::<Rates>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn rates_are_read_back_from_their_text(micro_hertz in prop::collection::vec(1_000u64..=1_000_000_000, 2..20)) {
            let rates = Rates::new(micro_hertz.into_iter().filter_map(Rate::from_micro_hertz).collect()).expect("two or more");
            prop_assert_eq!(rates.to_string().parse::<Rates>(), Ok(rates));
        }

        #[test]
        fn texts_of_whole_rates_have_no_decimals(hertz in 1u32..=1000) {
            prop_assert_eq!(Rate::new(hertz).expect("a rate").to_string(), hertz.to_string());
        }
    }
}
