//! Totals over the clocks of all machines of a run, for example the run's largest clock. They are computed in one pass along the run's
//! timeline (its events in the order of their times).

use super::machine_totals::MachineTotals;
use crate::read::run_log::Run;

/// Totals over a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RunTotals {
    /// The largest clock at the end.
    pub(crate) greatest_clock: u64,
    /// The smallest clock at the end. A machine without events has clock 0.
    pub(crate) least_clock: u64,
    /// The integral of the run's largest clock over the observed time (the run without its warm-up, in model seconds).
    pub(crate) greatest_clock_area: f64,
    /// The integral of the spread (largest clock minus smallest clock at one time) over the observed time.
    pub(crate) spread_area: f64,
    /// The largest spread in the observed time, or the final spread if this is larger.
    pub(crate) spread_max: u64,
}

impl RunTotals {
    /// Computes the totals of `run`. `timeline` has the indices of the run's events in the order of their times. `machines` has the totals
    /// of each machine. This function reads each machine's `final_clock`, and adds one point per tick after the warm-up to each machine's
    /// `lag_line`. The point is the machine's lag (largest clock minus own clock) at the time of the tick. If several events have the same
    /// time, lags are computed after the last of these events.
    pub(crate) fn of_run(run: &Run<'_>, timeline: &[u32], machines: &mut [MachineTotals]) -> Self {
        let mut totals = Self {
            greatest_clock: machines.iter().map(|of| of.final_clock).max().unwrap_or(0),
            least_clock: machines.iter().map(|of| of.final_clock).min().unwrap_or(0),
            ..Self::default()
        };
        let (events, times_ns) = (run.events(), &run.events().system_time_ns);
        // The start and the end of the observed time.
        let (from_s, to_s) = run.observed_s();
        let mut clocks = Clocks::new(run.machines());
        // The clocks have not changed since this time.
        let mut since_s = 0.0f64;
        // An `instant` is the part of the timeline with all events of one time.
        for instant in timeline.chunk_by(|&a, &b| times_ns[a as usize] == times_ns[b as usize]) {
            let time_s = run.times_s()[instant[0] as usize];
            totals.add_spread(&clocks, since_s.max(from_s), time_s.min(to_s));
            since_s = time_s;
            let greatest_before = clocks.greatest;
            for &index in instant {
                let index = index as usize;
                clocks.set(events.machine[index] as usize, events.logical_clock[index]);
            }
            // The integral of the largest clock: each rise of the largest clock adds its height times the observed time after the rise. A
            // rise in the warm-up counts for all the observed time.
            let rise = clocks.greatest - greatest_before;
            totals.greatest_clock_area += rise as f64 * run.time_left_s(time_s);
            if run.is_after_warm_up(time_s) {
                for &index in instant {
                    let index = index as usize;
                    let machine = events.machine[index] as usize;
                    // The index after the machine's last event.
                    let end_of_machine = run.bounds()[machine + 1];
                    // A tick can have several events, one for each received message. Only the tick's last event gives a point.
                    if run.ends_tick(index, end_of_machine) {
                        let lag = clocks.greatest - events.logical_clock[index];
                        machines[machine].lag_line.add(time_s, lag as f64);
                    }
                }
            }
        }
        totals.add_spread(&clocks, since_s.max(from_s), to_s);
        // A tick that is late can happen after the end of the observed time. It belongs to the final spread, so it counts here too.
        totals.spread_max = totals.spread_max.max(clocks.greatest - clocks.least);
        totals
    }

    /// Adds the spread from `from_s` to `to_s`, between which the clocks do not change. Adds nothing if `to_s` is not later than `from_s`.
    /// This happens in the warm-up: there `from_s` is the end of the warm-up, and `to_s` is earlier.
    fn add_spread(&mut self, clocks: &Clocks, from_s: f64, to_s: f64) {
        if from_s < to_s {
            let spread = clocks.greatest - clocks.least;
            self.spread_max = self.spread_max.max(spread);
            self.spread_area += spread as f64 * (to_s - from_s);
        }
    }
}

/// The clocks of all machines at one time.
struct Clocks {
    of_machine: Vec<u64>,
    /// The largest clock.
    greatest: u64,
    /// The smallest clock.
    least: u64,
}

impl Clocks {
    fn new(machines: usize) -> Self {
        Self {
            of_machine: vec![0; machines],
            greatest: 0,
            least: 0,
        }
    }

    /// Raises the clock of `machine` to `clock`. If its clock is larger already (clocks decrease only in a wrong log), changes nothing.
    fn set(&mut self, machine: usize, clock: u64) {
        let before = self.of_machine[machine];
        if clock <= before {
            return;
        }
        self.of_machine[machine] = clock;
        self.greatest = clock.max(self.greatest);
        // The smallest clock can only change if this machine had it.
        if before == self.least {
            self.least = self.of_machine.iter().copied().min().unwrap_or(0);
        }
    }
}
