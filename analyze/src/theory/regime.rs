//! The regime of a machine: stable, critical or overloaded.

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
