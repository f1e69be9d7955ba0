//! Jumps: how far a machine's clock advances from one of its events to the next.
//!
//! J_k = L_k - L_(k-1) with L_(-1) = 0, so the jumps of a machine add up to its final clock.

use polars::prelude::*;

use super::{Measure, after_warm_up, quantile};
use crate::output::schema::Kind::{Integer, Number};

pub(super) const MEASURES: [Measure; 6] = [
    Measure {
        name: "jump_mean",
        label: "mean jump",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "mean of J_k = L_k - L_(k-1) over the machine's events",
        remark: "L_k is the logical clock after event k, and 0 before the first event. So the jumps add up to the final clock, and their mean is the final clock / events. Jumps in the warm-up do not count.",
        expression: || Ok(col("jump_mean")),
    },
    Measure {
        name: "jump_sd",
        label: "sd of jumps",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "standard deviation of the machine's jumps in a run",
        remark: "The divisor is n - 1. It shows how much single jumps vary, not how much their mean varies from run to run.",
        expression: || Ok(col("jump_sd")),
    },
    Measure {
        name: "jump_p50",
        label: "p50",
        unit: "",
        kind: Number,
        decimals: 1,
        brief: "median jump",
        remark: "Interpolated linearly between the two nearest values.",
        expression: || Ok(col("jump_p50")),
    },
    Measure {
        name: "jump_p95",
        label: "p95",
        unit: "",
        kind: Number,
        decimals: 1,
        brief: "95th percentile of the jumps",
        remark: "Interpolated linearly between the two nearest values.",
        expression: || Ok(col("jump_p95")),
    },
    Measure {
        name: "jump_max",
        label: "max",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "largest jump",
        remark: "",
        expression: || Ok(col("jump_max")),
    },
    Measure {
        name: "jump_share_above_1",
        label: "share > 1",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "share of the jumps that are greater than 1",
        remark: "Only a receive can jump by more than 1.",
        expression: || Ok(col("jump_share_above_1")),
    },
];

pub(super) fn aggregates() -> Vec<Expr> {
    let jump = || after_warm_up(col("jump"));
    vec![
        jump().mean().alias("jump_mean"),
        jump().std(1).alias("jump_sd"),
        quantile(jump(), 0.5).alias("jump_p50"),
        quantile(jump(), 0.95).alias("jump_p95"),
        jump().max().alias("jump_max"),
        jump().gt(lit(1)).mean().alias("jump_share_above_1"),
    ]
}
