//! What is predicted about: a configuration, as numbers.

use std::ops::Range;

use sim::experiment::{Delay, PhaseRule, ReceiveRule, Sends, StampRule, Topology};

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
    /// When a run ends, T, in model seconds.
    pub duration_s: f64,
    /// Model seconds of it at the start that the measurements leave out.
    pub warm_up_s: f64,
    /// Whether all machines tick first at the same instant.
    pub aligned: bool,
    /// Whether messages carry the clock before the send's increment.
    pub stamps_before: bool,
    /// How long messages are under way on average, in model seconds.
    pub delay_s: f64,
    /// Whether some messages are under way for longer than others.
    pub delays_vary: bool,
}

impl System {
    /// A system of the plain model: one probability for all machines, every machine may send to every other, and a tick receives one
    /// message. First ticks are at different times, a message carries the clock after the increment, and it arrives without delay.
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
            delays_vary: false,
        }
    }

    /// The configuration that `group` is about.
    pub fn from_group(group: &Group) -> Self {
        let configuration = &*group.configuration;
        let machines = configuration.rates.machines() as usize;
        Self {
            rates: configuration
                .rates
                .iter()
                .map(|rate| rate.hertz())
                .collect(),
            internal: (0..machines)
                .map(|machine| configuration.internal.at(machine).value())
                .collect(),
            topology: configuration.topology,
            sends: configuration.sends,
            receive: configuration.receive,
            duration_s: configuration.duration_s(),
            warm_up_s: group.warm_up_s,
            aligned: configuration.phase == PhaseRule::Aligned,
            stamps_before: configuration.stamp == StampRule::Before,
            delay_s: mean_s(configuration.delay),
            delays_vary: !matches!(configuration.delay, Delay::Constant { .. }),
        }
    }

    /// Whether a tick takes every message that waits.
    pub fn drains(&self) -> bool {
        self.receive == ReceiveRule::All
    }

    /// From when to when it is observed, in model seconds.
    pub fn observed(&self) -> Range<f64> {
        self.warm_up_s..self.duration_s
    }

    /// For how long messages arrive, in model seconds: not before the first delay is over.
    pub(super) fn receiving_s(&self) -> f64 {
        (self.duration_s - self.delay_s).max(1e-6 * self.duration_s)
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
