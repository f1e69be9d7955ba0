//! Counts the ticks and the late ticks of an event loop in windows of one second. While too many ticks are late, the loop starts no new
//! runs (only with the setting `hold_back`). If there are very many ticks, the loop wakes less often, and does several ticks each time.

use crate::engine::LATE;

/// The shortest length of a window. A window ends at the first tick after this time.
const WINDOW_NS: u64 = 1_000_000_000;
/// If the share of late ticks in a window is larger than this, the pressure is high.
const TOO_MANY_LATE: f64 = 0.1;
/// If a window has more ticks than this, they are dense. Then the loop sets its timer not to the due time of the next tick, but
/// [`SLACK_NS`] later, so that one turn of the loop does several ticks. This saves time, because waking takes longer than a tick.
const DENSE_TICKS: u64 = 10_000;
/// If ticks are dense, the loop's timer ends this long after the next tick is due. On Linux, an ordinary timer can be this late anyway.
const SLACK_NS: u64 = 50_000;

/// Counts the ticks of the current window, and judges the last complete window.
#[derive(Default)]
pub(super) struct Pressure {
    /// When the current window began.
    since_ns: u64,
    /// Number of ticks in the current window.
    ticks: u64,
    /// Number of late ticks in the current window. A tick is late if it is done more than [`LATE`] after it was due.
    late_ticks: u64,
    /// Whether too many ticks of the last window were late.
    is_high: bool,
    /// Whether the last window had more than [`DENSE_TICKS`] ticks.
    is_dense: bool,
}

impl Pressure {
    /// Counts a tick that was done at `now_ns` and was late by `lateness_ns`.
    pub(super) fn ticked(&mut self, now_ns: u64, lateness_ns: u64) {
        if now_ns - self.since_ns > WINDOW_NS {
            self.is_high = self.late_ticks as f64 > TOO_MANY_LATE * self.ticks as f64;
            self.is_dense = self.ticks > DENSE_TICKS;
            (self.since_ns, self.ticks, self.late_ticks) = (now_ns, 0, 0);
        }
        self.ticks += 1;
        if u128::from(lateness_ns) > LATE.as_nanos() {
            self.late_ticks += 1;
        }
    }

    /// Returns whether too many ticks of the last complete window were late.
    pub(super) fn is_high(&self) -> bool {
        self.is_high
    }

    /// Returns how long after the due time of the next tick the loop's timer should end: [`SLACK_NS`] if ticks are dense, otherwise 0.
    pub(super) fn slack_ns(&self) -> u64 {
        if self.is_dense { SLACK_NS } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pressure after two windows with `ticks` ticks per second. A tick is late by `late_ns` if its number is a multiple of
    /// `every`. The other ticks are on time.
    fn pressure_after(ticks: u64, late_ns: u64, every: u64) -> Pressure {
        let mut pressure = Pressure::default();
        // A tick exactly one second after the start of a window still belongs to the window, so each window has `ticks + 1` ticks. After
        // two windows, the `for` makes one more tick, the first of the third window. At this tick, `Pressure` judges the second window.
        for tick in 0..=2 * (ticks + 1) {
            let lateness_ns = if tick % every == 0 { late_ns } else { 0 };
            pressure.ticked(tick * WINDOW_NS / ticks, lateness_ns);
        }
        pressure
    }

    #[test]
    fn pressure_is_high_when_many_ticks_are_late() {
        assert!(
            pressure_after(100, 2_000_000, 2).is_high(),
            "half are late by 2 ms"
        );
        assert!(
            !pressure_after(100, 2_000_000, 50).is_high(),
            "2 % are late by 2 ms"
        );
        assert!(
            !pressure_after(100, 900_000, 2).is_high(),
            "half are late, but by less than 1 ms"
        );
    }

    #[test]
    fn the_loop_has_slack_only_if_there_are_many_ticks() {
        assert_eq!(pressure_after(1_000, 0, 1).slack_ns(), 0);
        assert_eq!(pressure_after(30_000, 0, 1).slack_ns(), SLACK_NS);
    }
}
