//! The parameters of a configuration: their types, their texts, and what values are allowed.
//!
//! Every parameter has one canonical text. It stands in a run's key, in `runs.csv` and in tables, and parses back to the same
//! value.

use std::fmt;

use super::named_values::named_values;

/// A probability, from 0 to 1; 0 by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    PhaseRule, "a phase rule (spread, uniform, aligned or unknown)" {
        /// Seeded, and such that no two machines of a run ever tick closer together than `1 / (lcm(rates) * N)` seconds.
        Spread = "spread",
        /// Seeded, anywhere in the machine's period.
        Uniform = "uniform",
        /// Every machine's first tick at the start.
        Aligned = "aligned",
        /// Nobody said: what an imported log has. No experiment file can ask for it.
        Unknown = "unknown",
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

    #[test]
    fn refuses_what_is_out_of_range() {
        for value in [-0.1, 1.2, f64::NAN, f64::INFINITY] {
            assert!(Probability::new(value).is_none(), "{value}");
        }
    }
}
