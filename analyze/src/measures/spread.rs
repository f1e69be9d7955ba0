//! Spread: how far apart the clocks of a run are.
//!
//! S(t) = max_j L_j(t) - min_j L_j(t). A clock is 0 before the machine's first event and constant after its last event. S(t) is a
//! step function, the same for all machines of a run.

use polars::prelude::*;

use super::{Measure, ratio};
use crate::output::schema::Kind::{Integer, Number};
use crate::read::run_log::Run;

pub(super) const MEASURES: [Measure; 3] = [
    Measure {
        name: "spread_mean",
        label: "mean spread",
        unit: "",
        kind: Number,
        decimals: 1,
        brief: "time-weighted mean of the spread over T; the spread at a time is the run's largest clock minus its smallest clock",
        remark: "The value is the same for all machines of a run.",
        expression: || Ok(ratio(col("spread_area"), col("observed_s"))),
    },
    Measure {
        name: "spread_max",
        label: "max spread",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "largest spread at any time in T",
        remark: "The value is the same for all machines of a run.",
        expression: || Ok(col("spread_max")),
    },
    Measure {
        name: "spread_final",
        label: "final spread",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "largest final clock minus smallest final clock of the run",
        remark: "The value is the same for all machines of a run.",
        expression: || {
            Ok(col("clock_final").max().over(["run"])? - col("clock_final").min().over(["run"])?)
        },
    },
];

/// The spread of one run's clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    /// The integral of the spread over the observed time, in model seconds.
    pub(crate) area: f64,
    /// The largest spread in the observed time.
    pub(crate) max: u64,
}

impl Spread {
    /// Computes the spread of `run`, whose events have this `timeline`.
    pub(crate) fn from_run(run: &Run<'_>, timeline: &[usize]) -> Self {
        let (from_s, to_s) = run.observed_s();
        let mut spread = Self::default();
        let mut clocks = vec![0; run.machines()];
        let mut since_s = 0.0f64;
        for event in timeline.iter().map(|&index| &run.events()[index]) {
            let at_s = run.time_s(event);
            spread.add_interval(&clocks, (since_s.max(from_s), at_s.min(to_s)));
            let clock = &mut clocks[event.machine as usize];
            *clock = event.logged.event.logical_clock.max(*clock);
            since_s = at_s;
        }
        spread.add_interval(&clocks, (since_s.max(from_s), to_s));
        spread
    }

    /// Adds a time from `from_s` to `to_s`, possibly empty, in which the clocks do not change.
    fn add_interval(&mut self, clocks: &[u64], (from_s, to_s): (f64, f64)) {
        if from_s >= to_s {
            return;
        }
        let greatest = clocks.iter().max().copied().unwrap_or(0);
        let least = clocks.iter().min().copied().unwrap_or(0);
        self.max = self.max.max(greatest - least);
        self.area += (greatest - least) as f64 * (to_s - from_s);
    }
}
