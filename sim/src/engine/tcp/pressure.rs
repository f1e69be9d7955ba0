//! How busy an event loop is, and how late: looked at over windows of a second.

use crate::engine::LATE;

const WINDOW_NS: u64 = 1_000_000_000;
/// More than this share of late ticks in a window, and the pressure is high.
const TOO_MANY_LATE: f64 = 0.1;
/// With more ticks than this in a window, deadlines are overslept by [`SLACK_NS`], so that several are met in one turn: waking up
/// costs more than ticking, and on a busy loop it is the larger part of all.
const DENSE_TICKS: u64 = 10_000;
/// What Linux itself allows an ordinary timer to be late.
const SLACK_NS: u64 = 50_000;

/// How many ticks there have been of late, and how many of them late.
#[derive(Default)]
pub(super) struct Pressure {
    since_ns: u64,
    ticks: u64,
    late: u64,
    high: bool,
    dense: bool,
}

impl Pressure {
    /// A tick was done at `now_ns`, this late.
    pub(super) fn ticked(&mut self, now_ns: u64, lateness_ns: u64) {
        if now_ns - self.since_ns > WINDOW_NS {
            self.high = self.late as f64 > TOO_MANY_LATE * self.ticks as f64;
            self.dense = self.ticks > DENSE_TICKS;
            (self.since_ns, self.ticks, self.late) = (now_ns, 0, 0);
        }
        self.ticks += 1;
        self.late += u64::from(u128::from(lateness_ns) > LATE.as_nanos());
    }

    /// Whether many ticks of the last window were late.
    pub(super) fn is_high(&self) -> bool {
        self.high
    }

    /// How long to oversleep a deadline so that the next ones come into the same turn.
    pub(super) fn slack_ns(&self) -> u64 {
        if self.dense { SLACK_NS } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two windows of `ticks` ticks, of which one in `every` is `late_ns` late, and the start of a third.
    fn after(ticks: u64, late_ns: u64, every: u64) -> Pressure {
        let mut pressure = Pressure::default();
        for tick in 0..=2 * ticks + 2 {
            let lateness_ns = if tick % every == 0 { late_ns } else { 0 };
            pressure.ticked(tick * WINDOW_NS / ticks, lateness_ns);
        }
        pressure
    }

    #[test]
    fn high_when_many_ticks_are_late() {
        assert!(after(100, 2_000_000, 2).is_high());
        assert!(!after(100, 2_000_000, 50).is_high(), "few are late");
        assert!(!after(100, 900_000, 2).is_high(), "none by much");
    }

    #[test]
    fn slack_only_where_ticks_are_dense() {
        assert_eq!(after(1_000, 0, 1).slack_ns(), 0);
        assert_eq!(after(30_000, 0, 1).slack_ns(), SLACK_NS);
    }
}
