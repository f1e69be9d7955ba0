//! Drift: how fast the clocks run, and how far apart they are.
//!
//! L_i(t) is machine i's clock at time t; it is 0 before the machine's first event and constant after its last event. M(t) is the
//! largest clock of the run. Both are step functions, so their integrals over the observed time are sums over steps: a step of
//! height h adds h s, where s is the number of seconds from the step to the end. For steps in the warm-up, s is the whole observed
//! time.

use polars::prelude::*;
use sim::log::EventRow;

use super::{Measure, or_zero, ratio, slope};
use crate::output::schema::Kind::{Integer, Number};

pub(super) const MEASURES: [Measure; 5] = [
    Measure {
        name: "logical_rate",
        label: "logical rate",
        unit: "1/s",
        kind: Number,
        decimals: 2,
        brief: "(final clock - clock at the start) / T",
        remark: "T is the observed time in model seconds. The clock at the start is 0, or with --warm-up the clock at the end of the warm-up.",
        expression: || Ok(ratio(advance(), col("observed_s"))),
    },
    Measure {
        name: "own_drift",
        label: "clock - own ticks",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "final clock - clock at the start - ticks: how far the clock ran ahead of the number of the machine's own ticks",
        remark: "",
        expression: || Ok(advance() - col("ticks")),
    },
    Measure {
        name: "lag_final",
        label: "final lag",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "lag at the end; the lag at a time is the run's largest clock minus the machine's own clock",
        remark: "Clocks are 0 before a machine's first event and keep their value after its last.",
        expression: || Ok(col("clock_final").max().over(["run"])? - col("clock_final")),
    },
    Measure {
        name: "lag_mean",
        label: "mean lag",
        unit: "",
        kind: Number,
        decimals: 1,
        brief: "time-weighted mean of the lag over T",
        remark: "The integral of the lag over time, divided by T.",
        expression: || {
            let greatest = col("greatest_clock_area").sum().over(["run"])?;
            Ok(ratio(
                greatest - col("clock_area").fill_null(lit(0.0)),
                col("observed_s"),
            ))
        },
    },
    Measure {
        name: "lag_slope",
        label: "lag slope",
        unit: "1/s",
        kind: Number,
        decimals: 3,
        brief: "slope of a straight line fitted (least squares) to the lag after each own tick over time",
        remark: "Needs at least two ticks at different times.",
        expression: || Ok(col("lag_slope")),
    },
];

/// How far the clock advanced in the observed time.
fn advance() -> Expr {
    or_zero("last_clock") - or_zero("start_clock")
}

/// How an event changes the clocks of its run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClockChange {
    /// How far the event raised the run's largest clock.
    pub(crate) greatest_step: u64,
    /// The run's largest clock minus the machine's clock, just after the event.
    pub(crate) lag: u64,
}

/// For each event of a run, how it changes the run's clocks. `timeline` has the indices of the events in the order of their times.
/// Of events at the same time the one with the highest clock comes first, so the others see its clock.
pub(crate) fn trace_clocks(events: &[EventRow], timeline: &[usize]) -> Vec<ClockChange> {
    let mut trace_clocks = vec![ClockChange::default(); events.len()];
    let mut greatest = 0;
    for &index in timeline {
        let clock = events[index].logged.event.logical_clock;
        trace_clocks[index].greatest_step = clock.saturating_sub(greatest);
        greatest = clock.max(greatest);
        trace_clocks[index].lag = greatest - clock;
    }
    trace_clocks
}

pub(super) fn aggregates() -> Vec<Expr> {
    vec![
        (col("jump") * col("left_s")).sum().alias("clock_area"),
        (col("greatest_step") * col("left_s"))
            .sum()
            .alias("greatest_clock_area"),
        slope(col("centred_time_s"), col("centred_lag")).alias("lag_slope"),
    ]
}
