//! The regime of a machine: stable, critical or overloaded.

/// Whether a machine can receive messages as fast as its peers send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// There are more ticks than messages, so the queue is empty again and again.
    Stable,
    /// There are about as many messages as ticks: the difference is too small to show in a run of this length.
    Critical,
    /// There are more messages than ticks, so the queue grows for as long as the system runs.
    Overloaded,
}

/// A machine is critical if the drift over T is less than this number of standard deviations. Random fluctuations of the queue are then
/// greater than the drift, so a run does not show whether the load is above or below the critical load.
const CRITICAL: f64 = 1.0;

impl Regime {
    pub(super) fn from_strength(strength: f64) -> Self {
        if strength.abs() < CRITICAL {
            Self::Critical
        } else if strength < 0.0 {
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
