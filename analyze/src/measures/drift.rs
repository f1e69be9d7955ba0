//! Drift: how fast the clocks run, and how far apart they are.
//!
//! L_i(t) is machine i's clock at time t, 0 before its first event and carried forward from its last; M(t) is the greatest of the
//! run's clocks. Both are step functions, so their integrals over the observation are sums over steps: a step of height h that
//! happens s seconds before the end, or before the observation began which is s seconds long, adds h s.

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
        remark: "T is the time observed, in model seconds. The clock at the start is 0, or that at the end of a warm-up.",
        expression: || Ok(ratio(advance(), col("observed_s"))),
    },
    Measure {
        name: "own_drift",
        label: "clock - own ticks",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "final clock - clock at the start - ticks: how far the clock ran ahead of the machine's own ticks",
        remark: "",
        expression: || Ok(advance() - col("ticks")),
    },
    Measure {
        name: "lag_final",
        label: "final lag",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "lag at the end; the lag is the run's greatest clock - the machine's own, at an instant",
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

/// By how much the clock advanced in the time observed.
fn advance() -> Expr {
    or_zero("last_clock") - or_zero("start_clock")
}

/// What an event does to the clocks of its run, and where it leaves its machine's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OnTimeline {
    /// By how much it raised the run's greatest clock.
    pub(crate) greatest_step: u64,
    /// The run's greatest clock - its machine's, just after it.
    pub(crate) lag: u64,
}

/// For each of a run's events, what it does along the run's timeline: `timeline` has their places in its order. Of those at the same
/// instant the highest clock comes first, so each of them sees it.
pub(crate) fn on_timeline(events: &[EventRow], timeline: &[usize]) -> Vec<OnTimeline> {
    let mut on_timeline = vec![OnTimeline::default(); events.len()];
    let mut greatest = 0;
    for &index in timeline {
        let clock = events[index].logged.event.logical_clock;
        on_timeline[index].greatest_step = clock.saturating_sub(greatest);
        greatest = clock.max(greatest);
        on_timeline[index].lag = greatest - clock;
    }
    on_timeline
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
