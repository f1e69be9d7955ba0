//! The regime of a machine: stable, critical or overloaded.

use sim::experiment::ReceiveRule;

use crate::measures;
use crate::stats::repetitions::Group;

/// Whether a machine can receive messages as fast as its peers send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// There are more ticks than messages, so the queue becomes empty again and again.
    Stable,
    /// There are about as many messages as ticks: the difference is too small to show in a run of this length.
    Critical,
    /// There are more messages than ticks, so the queue grows for as long as the system runs.
    Overloaded,
}

/// A machine is critical if the drift of its queue over the run is less than this number of standard deviations of the queue's
/// random fluctuations. Then a run does not show whether the queue grows or not.
const CRITICAL: f64 = 1.0;

impl Regime {
    pub(super) fn from_relative_drift(relative_drift: f64) -> Self {
        if relative_drift.abs() < CRITICAL {
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

/// The regime of a machine as measured by its offered load, the number of messages for each of its ticks: stable if the whole 95 %
/// interval is below 1, overloaded if it is above 1, otherwise critical. Without an interval, the mean decides. A machine whose
/// ticks take all messages is stable. None if the offered load is unknown.
///
/// # Panics
///
/// If the measure `offered_load` was not read.
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
