//! What predictions need to know about a configuration: its machines' rates, its rules and its times.

use std::ops::Range;

use sim::experiment::{Configuration, Delay, PhaseRule, ReceiveRule, Sends, StampRule, Topology};

use crate::stats::repetitions::Group;

/// The machines of a configuration, their rules, and the times of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// Each machine's ticks per model second.
    pub rates: Vec<f64>,
    /// For each machine, the probability that an idle tick (a tick that receives nothing) is an internal event.
    pub internal: Vec<f64>,
    /// The topology: which machines may send to which.
    pub topology: Topology,
    /// The rule for the recipients of a send.
    pub sends: Sends,
    /// The rule for how many messages a tick takes from the queue.
    pub receive: ReceiveRule,
    /// The duration of a run in model seconds.
    pub duration_s: f64,
    /// The warm-up, in model seconds: measurements leave out this part at the start of a run.
    pub warm_up_s: f64,
    /// Whether all machines have their first tick at the same instant.
    pub aligned: bool,
    /// Whether messages carry the sender's clock before 1 is added for the send.
    pub stamps_before: bool,
    /// The mean delay of messages, in model seconds.
    pub delay_s: f64,
    /// Whether delays differ from message to message.
    pub delays_vary: bool,
}

impl System {
    /// A system with default values: all machines have the same probability `internal`, every machine may send to every other, and a tick
    /// receives one message. A send goes to one of the other machines or to all of them. With three machines, there are three cases with
    /// equal probabilities: the first other machine, the second, or both. First ticks are at different times. A message carries the clock
    /// after the increment, and arrives without delay.
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

    /// The system of the configuration of `group`. (A group has the measurements of one machine of a configuration.)
    pub fn from_group(group: &Group) -> Self {
        Self::from_configuration(&group.configuration, group.warm_up_s)
    }

    /// The system of `configuration`. Measurements leave out the first `warm_up_s` model seconds.
    pub fn from_configuration(configuration: &Configuration, warm_up_s: f64) -> Self {
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
            warm_up_s,
            aligned: configuration.phase == PhaseRule::Aligned,
            stamps_before: configuration.stamp == StampRule::Before,
            delay_s: mean_s(configuration.delay),
            delays_vary: !matches!(configuration.delay, Delay::Constant { .. }),
        }
    }

    /// Whether a tick takes all waiting messages.
    pub fn takes_all(&self) -> bool {
        self.receive == ReceiveRule::All
    }

    /// The observed time, from the end of the warm-up to the end of the run, in model seconds.
    pub fn observed(&self) -> Range<f64> {
        self.warm_up_s..self.duration_s
    }

    /// The time in which messages can arrive, in model seconds: the duration minus the mean delay. Formulas divide by the
    /// result, so the result must not be 0: it is at least a millionth of the duration, even if the delay is longer than the run.
    pub(super) fn receiving_s(&self) -> f64 {
        (self.duration_s - self.delay_s).max(1e-6 * self.duration_s)
    }

    /// The highest rate of a machine, in 1/s.
    pub fn highest_rate(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }
}

/// The mean of a delay, in seconds.
fn mean_s(delay: Delay) -> f64 {
    let ns = match delay {
        Delay::Constant { ns } => ns as f64,
        Delay::Uniform { from_ns, to_ns } => (from_ns as f64 + to_ns as f64) / 2.0,
        Delay::Exponential { mean_ns } => mean_ns as f64,
    };
    ns / 1e9
}
