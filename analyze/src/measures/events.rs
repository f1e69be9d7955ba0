//! How many events of each kind, and the clock after the last.

use polars::prelude::*;

use super::{Measure, or_zero, ratio};
use crate::column::Kind::{Integer, Number};

pub(super) const MEASURES: [Measure; 6] = [
    Measure {
        name: "ticks",
        label: "ticks",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "events of the machine",
        remark: "One event a tick.",
        expression: || Ok(or_zero("events")),
    },
    Measure {
        name: "internals",
        label: "internal events",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "internal events",
        remark: "",
        expression: || Ok(or_zero("internal_events")),
    },
    Measure {
        name: "sends",
        label: "sends",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "send events",
        remark: "A broadcast is one.",
        expression: || Ok(or_zero("send_events")),
    },
    Measure {
        name: "receives",
        label: "receives",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "receive events",
        remark: "One message each.",
        expression: || Ok(or_zero("receive_events")),
    },
    Measure {
        name: "tick_rate",
        label: "tick rate",
        unit: "1/s",
        kind: Number,
        decimals: 2,
        brief: "ticks / T",
        remark: "The measured counterpart of the configured rate.",
        expression: || Ok(ratio(or_zero("events"), col("duration_s"))),
    },
    Measure {
        name: "clock_final",
        label: "final clock",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "the logical clock after the machine's last event",
        remark: "0 without events.",
        expression: || Ok(or_zero("last_clock")),
    },
];

/// Per machine: counts by kind, and the last clock.
pub(super) fn aggregates() -> Vec<Expr> {
    let of_kind = |kind: &'static str| col("event").eq(lit(kind)).sum().cast(DataType::Int64);
    vec![
        col("tick").len().cast(DataType::Int64).alias("events"),
        of_kind("internal").alias("internal_events"),
        of_kind("send").alias("send_events"),
        of_kind("receive").alias("receive_events"),
        col("logical_clock").max().alias("last_clock"),
    ]
}
