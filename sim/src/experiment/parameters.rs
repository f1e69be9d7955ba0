//! The types of a configuration's parameters, their texts, and their ranges.
//!
//! Every value of a parameter has one canonical text, such as `0.7` for a probability. Run keys, `runs.csv` and tables contain this text.
//! (A run key is a text with a run's parameters and its repetition.) Parsing the canonical text gives the same value again.

use std::fmt;

use super::named_values::named_values;

/// A probability, from 0 to 1; 0 by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Probability(f64);

impl Probability {
    /// Creates a probability if `value` is from 0 to 1. Negative zero becomes zero, so that equal values have equal texts.
    pub fn new(value: f64) -> Option<Self> {
        // The range also contains -0.0, and -0.0 + 0.0 is 0.0.
        (0.0..=1.0).contains(&value).then_some(Self(value + 0.0))
    }

    /// Returns the number, from 0 to 1.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The error for a text that cannot be parsed as a value, such as `fast` for a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct NotAValue {
    text: String,
    /// What the text should be. For a rate, this is "a rate such as 3 or 1.25".
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

// Each block `named_values!` defines an enum. First comes the enum's name, then the end of the error message for wrong texts. For
// example, the message for `udp` is "`udp` is not an engine (tcp or virtual)". After that come the enum's values with their texts. The
// first value is the default.

named_values! {
    /// The rule for the times of the machines' first ticks (their *phases*).
    PhaseRule, "a phase rule (spread, uniform, aligned or unknown)" {
        /// Random, but the ticks of two machines are never closer together than `1 / (lcm(rates) * N)` model seconds, where
        /// `lcm(rates)` is the least common multiple of the rates and N the number of machines. For the rates 1,3,6 this is 1/18 s.
        Spread = "spread",
        /// Random: every moment of the machine's first period (the time from one tick to the next) is equally likely.
        Uniform = "uniform",
        /// The first tick of every machine is at the run's start.
        Aligned = "aligned",
        /// Not known, as in imported logs. Experiment files cannot use it.
        Unknown = "unknown",
    }
}

named_values! {
    /// Whether a message carries the sender's clock before or after 1 is added for the send.
    StampRule, "a stamp rule (after or before)" {
        /// The clock after 1 is added for the send, as in Lamport's paper (his implementation rule IR2).
        After = "after",
        /// The clock before 1 is added for the send ("send the clock, then update it"). This breaks Lamport's Clock Condition, which
        /// demands that the clock after a receive is larger than the sender's clock after the send. Here the two can be equal.
        Before = "before",
    }
}

named_values! {
    /// The engine that runs the machines.
    EngineKind, "an engine (tcp or virtual)" {
        /// Real sockets and real time.
        Tcp = "tcp",
        /// Simulated time.
        Virtual = "virtual",
    }
}

named_values! {
    /// Which processes of the operating system contain the machines of a run over TCP.
    Isolation, "an isolation (shared or process)" {
        /// One process contains all machines of many runs.
        Shared = "shared",
        /// Each machine is a process of its own.
        Process = "process",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_from_0_to_1_is_no_probability() {
        for value in [-0.1, 1.2, f64::NAN, f64::INFINITY] {
            assert!(Probability::new(value).is_none(), "{value}");
        }
    }
}
