//! Stable, critical or overloaded.

/// Whether a machine can read as fast as its peers write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// More ticks than messages: its queue empties again and again.
    Stable,
    /// As many messages as ticks, as far as T can tell.
    Critical,
    /// More messages than ticks: its queue grows for as long as the system runs.
    Overloaded,
}

/// Drift of less than so many standard deviations over T counts as none: chance moves the queue further than the drift does, so a
/// run of that length does not tell on which side of the critical load it is.
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

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Critical => "critical",
            Self::Overloaded => "overloaded",
        }
    }
}
