//! What is predicted about: a configuration, as numbers.

use sim::experiment::{Delay, Rates};

use crate::journal::PARAMETERS;
use crate::repetitions::Group;
use crate::value::Value;

/// The machines of a configuration, and for how long they are observed.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// Each machine's ticks per model second.
    pub rates: Vec<f64>,
    /// Probability that an idle tick is internal.
    pub internal: f64,
    /// Time observed, T, in model seconds.
    pub duration_s: f64,
    /// Model seconds of it at the start that the measurements leave out.
    pub warm_up_s: f64,
    /// Whether all machines tick first at the same instant.
    pub aligned: bool,
    /// Whether messages carry the clock before the send's increment.
    pub stamps_before: bool,
    /// How long messages are under way on average, in model seconds.
    pub delay_s: f64,
}

impl System {
    /// With phases apart, stamps after the increment, and messages that take no time.
    pub fn new(rates: &[f64], internal: f64, duration_s: f64) -> Self {
        Self {
            rates: rates.to_vec(),
            internal,
            duration_s,
            warm_up_s: 0.0,
            aligned: false,
            stamps_before: false,
            delay_s: 0.0,
        }
    }

    /// The configuration that `group` is about; none if a parameter of it cannot be read, or if it is a variant of the model that the
    /// theory does not know.
    pub fn of(group: &Group) -> Option<Self> {
        let value = |name: &str| -> Option<&Value> {
            let place = PARAMETERS.iter().position(|other| *other == name)?;
            group.parameters.get(place)
        };
        let text = |name: &str| value(name).map(Value::to_string);
        let is_known = [
            ("receive", "one"),
            ("topology", "mesh"),
            ("sends", "mix"),
            ("internal_each", ""),
        ]
        .into_iter()
        .all(|(name, known)| text(name).as_deref() == Some(known));
        if !is_known {
            return None;
        }
        let rates: Rates = text("rates")?.parse().ok()?;
        let delay: Delay = text("delay_s")?.parse().ok()?;
        Some(Self {
            rates: rates.iter().map(|rate| rate.hertz()).collect(),
            internal: value("internal")?.as_number()?,
            duration_s: value("duration_s")?.as_number()?,
            warm_up_s: group.warm_up_s,
            aligned: text("phase")? == "aligned",
            stamps_before: text("stamp")? == "before",
            delay_s: mean_s(delay),
        })
    }

    /// The probability s that an idle tick puts a message in a given peer's queue: 2 (1 - p) / N.
    pub fn send_probability(&self) -> f64 {
        2.0 * (1.0 - self.internal) / self.rates.len() as f64
    }

    /// Whether an idle tick all but always sends to a given peer: two machines with next to no internal events. Then 1 - s is no
    /// number to divide by, and whoever is idle first stays so.
    pub fn always_sends(&self) -> bool {
        self.send_probability() > 0.999
    }

    /// The greatest of the rates, in 1/s.
    pub fn fastest(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }
}

fn mean_s(delay: Delay) -> f64 {
    let ns = match delay {
        Delay::Constant { ns } => ns as f64,
        Delay::Uniform { from_ns, to_ns } => (from_ns as f64 + to_ns as f64) / 2.0,
        Delay::Exponential { mean_ns } => mean_ns as f64,
    };
    ns / 1e9
}
