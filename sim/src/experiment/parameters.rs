//! The parameters of a configuration: their types, their texts, and what values are allowed.
//!
//! Every parameter has one canonical text. It stands in a run's key, in `runs.csv` and in tables, and parses back to the same
//! value.

use std::fmt;
use std::str::FromStr;

use super::named_values::named_values;

/// Ticks per second of one machine: a whole number from 1 to [`Rate::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u32);

impl Rate {
    /// The fastest rate allowed, in ticks per second.
    pub const MAX: u32 = 1000;

    /// A rate of `hertz` ticks per second, if that is from 1 to [`Rate::MAX`].
    pub fn new(hertz: u32) -> Option<Self> {
        (1..=Self::MAX).contains(&hertz).then_some(Self(hertz))
    }

    /// Ticks per second.
    pub fn hertz(self) -> u32 {
        self.0
    }
}

/// The rates of a run's machines, in the order of their indices: at least two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rates(Vec<Rate>);

impl Rates {
    /// The most machines one run may have.
    pub const MAX_MACHINES: usize = 1000;

    /// A rate a machine, if there are from 2 to [`Rates::MAX_MACHINES`] of them.
    pub fn new(rates: Vec<Rate>) -> Option<Self> {
        (2..=Self::MAX_MACHINES)
            .contains(&rates.len())
            .then_some(Self(rates))
    }

    /// Number of machines.
    pub fn machines(&self) -> u32 {
        self.0.len() as u32
    }

    /// The rates in the order of the machines.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Rate> + '_ {
        self.0.iter().copied()
    }

    /// Least common multiple of the rates: all ticks of all machines with phase zero fall on multiples of `1 / lcm` seconds.
    /// `None` where it exceeds 64 bits.
    pub fn lcm(&self) -> Option<u64> {
        self.iter().try_fold(1u64, |lcm, rate| {
            let rate = u64::from(rate.hertz());
            (lcm / gcd(lcm, rate)).checked_mul(rate)
        })
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rate) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", rate.hertz())?;
        }
        Ok(())
    }
}

impl FromStr for Rates {
    type Err = NotAValue;

    fn from_str(text: &str) -> Result<Self, NotAValue> {
        let rates: Option<Vec<Rate>> = text
            .split(',')
            .map(|rate| Rate::new(rate.parse().ok()?))
            .collect();
        rates
            .and_then(Rates::new)
            .ok_or_else(|| NotAValue::new(text, "rates such as 1,3,6"))
    }
}

/// A probability, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probability(f64);

impl Probability {
    /// `value` as a probability, if it is from 0 to 1. Negative zero becomes zero, so that equal values have equal texts.
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value + 0.0))
    }

    /// From 0 to 1.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not a value of the parameter it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct NotAValue {
    text: String,
    wanted: &'static str,
}

impl NotAValue {
    pub(super) fn new(text: &str, wanted: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            wanted,
        }
    }
}

named_values! {
    /// When a machine's ticks fall within its period.
    PhaseRule, "a phase rule (spread, uniform or aligned)" {
        /// Seeded, and such that no two machines of a run ever tick closer together than `1 / (lcm(rates) * N)` seconds.
        Spread = "spread",
        /// Seeded, anywhere in the machine's period.
        Uniform = "uniform",
        /// Every machine's first tick at the start.
        Aligned = "aligned",
    }
}

named_values! {
    /// Which clock value a message carries.
    StampRule, "a stamp rule (after or before)" {
        /// The send event's own clock value, after its increment: Lamport's IR2.
        After = "after",
        /// The value before the increment ("send the clock, then update it"). Breaks the Clock Condition.
        Before = "before",
    }
}

named_values! {
    /// What interprets the machines.
    EngineKind, "an engine (tcp or virtual)" {
        /// Real sockets and the wall clock.
        Tcp = "tcp",
        /// Discrete events on a virtual clock.
        Virtual = "virtual",
    }
}

named_values! {
    /// Where the machines of a run over TCP live.
    Isolation, "an isolation (shared or process)" {
        /// Many runs in one process.
        Shared = "shared",
        /// Each machine in a process of its own.
        Process = "process",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lcm_of_the_assignments_rates() {
        let lcm = |text: &str| text.parse::<Rates>().expect("rates").lcm();
        assert_eq!(lcm("4,5,6"), Some(60));
        assert_eq!(lcm("1,3,6"), Some(6));
        assert_eq!(lcm("3,3,3"), Some(3));
    }

    #[test]
    fn refuses_what_is_out_of_range() {
        for text in ["", "3", "0,1", "1,1001", "1,,2", "1;2", "1,2.5"] {
            assert!(text.parse::<Rates>().is_err(), "{text}");
        }
        for value in [-0.1, 1.2, f64::NAN, f64::INFINITY] {
            assert!(Probability::new(value).is_none(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn rates_read_back_from_their_text(hertz in prop::collection::vec(1u32..=Rate::MAX, 2..20)) {
            let rates = Rates::new(hertz.into_iter().filter_map(Rate::new).collect()).expect("two or more");
            prop_assert_eq!(rates.to_string().parse::<Rates>(), Ok(rates));
        }
    }
}
