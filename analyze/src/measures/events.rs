//! How many events of each kind a machine has, and the clock after its last event.

use polars::prelude::*;

use super::{Measure, or_zero, ratio};
use crate::output::schema::Kind::{Integer, Number};

pub(super) const MEASURES: [Measure; 8] = [
    Measure {
        name: "ticks",
        label: "ticks",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "number of the machine's ticks",
        remark: "Each tick has one event. With receive = all it has one event for each message that it takes.",
        expression: || Ok(or_zero("ticks_done")),
    },
    Measure {
        name: "internal_events",
        label: "internal events",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "number of internal events",
        remark: "",
        expression: || Ok(or_zero("internals_counted")),
    },
    Measure {
        name: "send_events",
        label: "sends",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "number of send events",
        remark: "A broadcast is one send event.",
        expression: || Ok(or_zero("sends_counted")),
    },
    Measure {
        name: "receive_events",
        label: "receives",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "number of receive events",
        remark: "Each receive event takes one message.",
        expression: || Ok(or_zero("receives_counted")),
    },
    Measure {
        name: "internal_share",
        label: "internal share",
        unit: "",
        kind: Number,
        decimals: 3,
        brief: "internal events / ticks without a message to receive",
        remark: "It estimates the configured probability `internal`. Where runs have few such ticks, the mean of their shares is too high: 0.415 for internal = 0.4 at 8 ticks a run (the slowest of rates 2,3,4 in 60 s). Then divide sums over all runs: internal_events / (internal_events + send_events).",
        expression: || {
            let idle = or_zero("internals_counted") + or_zero("sends_counted");
            Ok(ratio(or_zero("internals_counted"), idle))
        },
    },
    Measure {
        name: "broadcast_share",
        label: "broadcast share",
        unit: "",
        kind: Number,
        decimals: 3,
        brief: "sends to all / sends",
        remark: "With the topology mesh and sends = mix it tends to 1 / N for N machines, because the N kinds of sends are equally likely. If runs have few sends, weight their shares by send_events.",
        expression: || Ok(ratio(or_zero("broadcast_events"), or_zero("sends_counted"))),
    },
    Measure {
        name: "tick_rate",
        label: "tick rate",
        unit: "1/s",
        kind: Number,
        decimals: 2,
        brief: "ticks / T",
        remark: "It estimates the configured rate.",
        expression: || Ok(ratio(or_zero("ticks_done"), col("observed_s"))),
    },
    Measure {
        name: "clock_final",
        label: "final clock",
        unit: "",
        kind: Integer,
        decimals: 1,
        brief: "the logical clock after the machine's last event",
        remark: "It is 0 for a machine without events.",
        expression: || Ok(or_zero("last_clock")),
    },
];

/// Aggregates of each machine: numbers of events by kind, and the last clock.
pub(super) fn aggregates() -> Vec<Expr> {
    let count = |which: Expr| which.and(col("counts")).sum().cast(DataType::Int64);
    let clock = || col("logical_clock");
    vec![
        count(col("at_ticks")).alias("ticks_done"),
        count(col("is_broadcast")).alias("broadcast_events"),
        when(col("counts").not())
            .then(clock())
            .otherwise(lit(NULL))
            .max()
            .alias("start_clock"),
        count(col("is_internal")).alias("internals_counted"),
        count(col("is_send")).alias("sends_counted"),
        count(col("is_receive")).alias("receives_counted"),
        clock().max().alias("last_clock"),
    ]
}
