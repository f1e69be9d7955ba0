//! The regime of a machine: stable, critical or overloaded, depending on how many messages arrive compared with its ticks.
//! [`Regime::from_relative_drift`] predicts the regime by the theory. [`measured_regime`] finds the regime from the runs of a configuration.
//!
//! In this module, *drift* does not mean the drift of a clock but that of a machine's queue:
//!
//! > drift = (average number of messages that arrive at the machine during a run) - (number of the machine's ticks in a run)
//!
//! For example, with 40 messages and 60 ticks the drift is -20. The number of messages is computed for the case that the machine's queue is
//! never empty. In this case the machine receives at every tick and never sends. So the other machines have fewer messages to receive, and
//! more ticks at which they can send. By chance, a single run has somewhat more or fewer messages than the average. These differences are the *random fluctuations*.

use sim::experiment::ReceiveRule;

use crate::measures;
use crate::stats::repetitions::Group;

/// Whether a machine can receive messages as fast as its peers send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// There are more ticks than messages, so the queue becomes empty again and again.
    Stable,
    /// There are about as many messages as ticks. The runs are too short to show whether the queue would grow for ever.
    Critical,
    /// There are more messages than ticks, so the queue grows for as long as the system runs.
    Overloaded,
}

/// A machine is critical if the drift, up or down, is less than this number of standard deviations of the random fluctuations. Then the
/// fluctuations hide the drift.
const MAX_CRITICAL_DRIFT: f64 = 1.0;

impl Regime {
    /// The predicted regime of a machine. `relative_drift` is the drift over the run, divided by the standard deviation of the random
    /// fluctuations over the run.
    pub(super) fn from_relative_drift(relative_drift: f64) -> Self {
        if relative_drift.abs() < MAX_CRITICAL_DRIFT {
            Self::Critical
        } else if relative_drift < 0.0 {
            Self::Stable
        } else {
            Self::Overloaded
        }
    }

    /// The name of the regime.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Critical => "critical",
            Self::Overloaded => "overloaded",
        }
    }
}

/// The measured regime of the machine of `group`. It follows from the mean of the offered load over the group's runs. The offered load is
/// the number of messages that arrive at the machine for each of its ticks. None if the offered load is unknown.
///
/// - stable: the whole 95 % interval of the offered load is below 1, or each tick takes all waiting messages (`receive = "all"`), so that
///   the queue cannot grow;
/// - overloaded: the whole interval is above 1;
/// - critical: the interval contains 1.
///
/// If there is no interval (for example, after a single repetition), the mean alone is compared with 1.
///
/// # Panics
///
/// If `group` was read without the measure `offered_load`.
pub fn measured_regime(group: &Group) -> Option<Regime> {
    let load = group.estimate(measures::named("offered_load"))?;
    let (low, high) = load.interval().unwrap_or((load.mean, load.mean));
    Some(
        if high < 1.0 || group.configuration.receive == ReceiveRule::All {
            Regime::Stable
        } else if low > 1.0 {
            Regime::Overloaded
        } else {
            Regime::Critical
        },
    )
}
