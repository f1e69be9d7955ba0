//! The difference between the system clocks (not the logical clocks) of two machines, and whether the machines can start a run
//! together.

use crate::machine::MachineIndex;

/// The difference between the system clocks of two machines in different processes, which can be on different computers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockDifference {
    /// The two machines, in ascending order.
    pub(super) machines: (MachineIndex, MachineIndex),
    /// The difference is at least this large. Its exact value is not known: the clocks are compared by messages, and it is not known
    /// exactly how long these messages travel.
    pub(super) at_least_ns: u64,
}

impl ClockDifference {
    /// Checks whether machines with these clocks can start together. `lead_ns` is the time between the announcement of the start and
    /// the start itself. If the clocks differ by more than this time, one clock can already be past the start when the announcement
    /// arrives. So the check fails.
    pub(super) fn check(&self, lead_ns: u64) -> Result<(), String> {
        if self.at_least_ns <= lead_ns {
            return Ok(());
        }
        Err(format!(
            "{} ({} are allowed): set them by the same time server",
            self.describe(),
            short(lead_ns)
        ))
    }

    /// Returns a warning if the clocks differ by more than the run's margin: then ticks may happen in another order than scheduled.
    pub(super) fn warning(&self, margin_ns: u64) -> Option<String> {
        (self.at_least_ns > margin_ns).then(|| {
            format!(
                "{}, which is more than the run's margin ({}): the order of events is not guaranteed",
                self.describe(),
                short(margin_ns)
            )
        })
    }

    fn describe(&self) -> String {
        let (a, b) = self.machines;
        format!(
            "the system clocks of machines {a} and {b} differ by at least {}",
            short(self.at_least_ns)
        )
    }
}

/// Writes a duration in seconds or milliseconds, such as `20 s`, `1.5 s`, `83 ms` or `0.5 ms`.
fn short(duration_ns: u64) -> String {
    match duration_ns as f64 / 1e6 {
        ms if ms >= 10_000.0 => format!("{:.0} s", ms / 1e3),
        ms if ms >= 1_000.0 => format!("{:.1} s", ms / 1e3),
        ms if ms >= 10.0 => format!("{ms:.0} ms"),
        ms => format!("{ms:.1} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::NANOS_PER_SECOND;

    #[test]
    fn a_difference_above_the_margin_is_a_warning_and_above_the_lead_an_error() {
        let clocks = |at_least_ns| ClockDifference {
            machines: (0, 1),
            at_least_ns,
        };
        let (lead_ns, margin_ns) = (250_000_000, 83_333_333);
        let far = clocks(20 * NANOS_PER_SECOND).check(lead_ns);
        assert_eq!(
            far.expect_err("refused"),
            "the system clocks of machines 0 and 1 differ by at least 20 s (250 ms are allowed): set them by the same time server"
        );
        let near = clocks(100_000_000);
        assert_eq!(near.check(lead_ns), Ok(()));
        assert_eq!(
            near.warning(margin_ns).as_deref(),
            Some(
                "the system clocks of machines 0 and 1 differ by at least 100 ms, which is more than the run's margin (83 ms): the order of events is not guaranteed"
            )
        );
        assert_eq!(clocks(50_000_000).warning(margin_ns), None);
    }
}
