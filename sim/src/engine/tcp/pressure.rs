//! Measures how busy an event loop is, and how late its ticks are, in windows of one second.

use crate::engine::LATE;

const WINDOW_NS: u64 = 1_000_000_000;
/// If the share of late ticks in a window is larger than this, the pressure is high.
const TOO_MANY_LATE: f64 = 0.1;
/// If a window has more ticks than this, ticks may be up to [`SLACK_NS`] late, so that one turn of the loop does several ticks.
/// This saves time, because waking up takes longer than a tick.
const DENSE_TICKS: u64 = 10_000;
/// How late an ordinary timer may be on Linux.
const SLACK_NS: u64 = 50_000;

/// Counts the ticks, and the late ticks, of the last windows.
#[derive(Default)]
pub(super) struct Pressure {
    since_ns: u64,
    ticks: u64,
    late: u64,
    high: bool,
    dense: bool,
}

impl Pressure {
    /// Counts a tick that was done at `now_ns` and was late by `lateness_ns`.
    pub(super) fn ticked(&mut self, now_ns: u64, lateness_ns: u64) {
        if now_ns - self.since_ns > WINDOW_NS {
            self.high = self.late as f64 > TOO_MANY_LATE * self.ticks as f64;
            self.dense = self.ticks > DENSE_TICKS;
            (self.since_ns, self.ticks, self.late) = (now_ns, 0, 0);
        }
        self.ticks += 1;
        self.late += u64::from(u128::from(lateness_ns) > LATE.as_nanos());
    }

    /// Returns whether many ticks of the last window were late.
    pub(super) fn is_high(&self) -> bool {
        self.high
    }

    /// Returns how late a tick may be, so that the loop can wait for several ticks and do them in one turn.
    pub(super) fn slack_ns(&self) -> u64 {
        if self.dense { SLACK_NS } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pressure after two windows with `ticks` ticks each and the start of a third. One tick in `every` is `late_ns`
    /// late.
    fn after(ticks: u64, late_ns: u64, every: u64) -> Pressure {
        let mut pressure = Pressure::default();
        for tick in 0..=2 * ticks + 2 {
            let lateness_ns = if tick % every == 0 { late_ns } else { 0 };
            pressure.ticked(tick * WINDOW_NS / ticks, lateness_ns);
        }
        pressure
    }

    #[test]
    fn pressure_is_high_when_many_ticks_are_late() {
        assert!(after(100, 2_000_000, 2).is_high());
        assert!(!after(100, 2_000_000, 50).is_high(), "few are late");
        assert!(!after(100, 900_000, 2).is_high(), "none by much");
    }

    #[test]
    fn ticks_may_be_late_only_if_there_are_many() {
        assert_eq!(after(1_000, 0, 1).slack_ns(), 0);
        assert_eq!(after(30_000, 0, 1).slack_ns(), SLACK_NS);
    }
}
