//! What is predicted about: a configuration, as numbers.

use sim::experiment::{Delay, Internal, Rates, ReceiveRule, Sends, Topology};

use crate::output::value::Value;
use crate::read::runs::PARAMETERS;
use crate::stats::repetitions::Group;

/// The machines of a configuration, and for how long they are observed.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// Each machine's ticks per model second.
    pub rates: Vec<f64>,
    /// Probability that an idle tick of each machine is internal.
    pub internal: Vec<f64>,
    /// Who may send to whom.
    pub topology: Topology,
    /// To whom a send goes.
    pub sends: Sends,
    /// What a tick takes from the queue.
    pub receive: ReceiveRule,
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
    /// Of the plain model: one probability for all, everybody sends to everybody, a tick takes one message. With phases apart, stamps
    /// after the increment, and messages that take no time.
    pub fn new(rates: &[f64], internal: f64, duration_s: f64) -> Self {
        Self {
            rates: rates.to_vec(),
            internal: vec![internal; rates.len()],
            topology: Topology::Mesh,
            sends: Sends::Mix,
            receive: ReceiveRule::One,
            duration_s,
            warm_up_s: 0.0,
            aligned: false,
            stamps_before: false,
            delay_s: 0.0,
        }
    }

    /// The configuration that `group` is about; none if a parameter of it cannot be read.
    pub fn of(group: &Group) -> Option<Self> {
        let value = |name: &str| -> Option<&Value> {
            let place = PARAMETERS.iter().position(|other| *other == name)?;
            group.parameters.get(place)
        };
        let text = |name: &str| value(name).map(Value::to_string);
        let rates: Rates = text("rates")?.parse().ok()?;
        let internal: Internal = match text("internal_each")? {
            same if same.is_empty() => text("internal")?.parse().ok()?,
            each => each.parse().ok()?,
        };
        let machines = rates.machines();
        if internal.machines().is_some_and(|each| each != machines) {
            return None;
        }
        let delay: Delay = text("delay_s")?.parse().ok()?;
        Some(Self {
            rates: rates.iter().map(|rate| rate.hertz()).collect(),
            internal: (0..machines as usize)
                .map(|machine| internal.at(machine).value())
                .collect(),
            topology: text("topology")?.parse().ok()?,
            sends: text("sends")?.parse().ok()?,
            receive: text("receive")?.parse().ok()?,
            duration_s: value("duration_s")?.as_number()?,
            warm_up_s: group.warm_up_s,
            aligned: text("phase")? == "aligned",
            stamps_before: text("stamp")? == "before",
            delay_s: mean_s(delay),
        })
    }

    /// Whether a tick takes every message that waits.
    pub fn drains(&self) -> bool {
        self.receive == ReceiveRule::All
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
