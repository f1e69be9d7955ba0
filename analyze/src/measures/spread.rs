//! Spread: how far the clocks of a run are apart.
//!
//! S(t) = max_j L_j(t) - min_j L_j(t), with clocks 0 before their machine's first event and carried forward from its last. It is a
//! step function of time, the same for all machines of a run.

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
        brief: "time-weighted mean of the spread over T; the spread is the run's greatest clock - its least, at an instant",
        remark: "The same for all machines of a run.",
        expression: || Ok(ratio(col("spread_area"), col("observed_s"))),
    },
    Measure {
        name: "spread_max",
        label: "max spread",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "greatest spread at any time of T",
        remark: "The same for all machines of a run.",
        expression: || Ok(col("spread_max")),
    },
    Measure {
        name: "spread_final",
        label: "final spread",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "greatest - least final clock of the run",
        remark: "The same for all machines of a run.",
        expression: || {
            Ok(col("clock_final").max().over(["run"])? - col("clock_final").min().over(["run"])?)
        },
    },
];

/// The spread of one run, followed from event to event.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    /// Its integral over the time observed, in model seconds.
    pub(crate) area: f64,
    /// Its maximum there.
    pub(crate) max: u64,
}

impl Spread {
    /// Over the time that `run` is observed, whose events have this `timeline`.
    pub(crate) fn from_run(run: &Run<'_>, timeline: &[usize]) -> Self {
        let (from_s, to_s) = run.observed_s();
        let mut spread = Self::default();
        let mut clocks = vec![0; run.machines()];
        let mut since_s = 0.0f64;
        for event in timeline.iter().map(|&index| &run.events()[index]) {
            let at_s = run.time_s(event);
            spread.hold(&clocks, (since_s.max(from_s), at_s.min(to_s)));
            let clock = &mut clocks[event.machine as usize];
            *clock = event.logged.event.logical_clock.max(*clock);
            since_s = at_s;
        }
        spread.hold(&clocks, (since_s.max(from_s), to_s));
        spread
    }

    /// The clocks stay as they are for a while, or for no time at all.
    fn hold(&mut self, clocks: &[u64], (from_s, to_s): (f64, f64)) {
        if from_s >= to_s {
            return;
        }
        let greatest = clocks.iter().max().copied().unwrap_or(0);
        let least = clocks.iter().min().copied().unwrap_or(0);
        self.max = self.max.max(greatest - least);
        self.area += (greatest - least) as f64 * (to_s - from_s);
    }
}
