//! Backlog: how many messages wait in a machine's queue, how fast that grows, and how old messages are when received.
//!
//! The queue's length Q(t) steps up when a message arrives and down when one is received; its integral over the observation is
//! the sum of the time left at each arrival less the sum of the time left at each receive. Arrivals are taken at the moment of
//! sending: what a message spends under way is neglected.

use polars::prelude::*;
use sim::machine::{EventKind, Recipients};

use super::{Measure, counted, or_zero, quantile, ratio, slope};
use crate::column::Kind::{Integer, Number};
use crate::run::Run;

pub(super) const MEASURES: [Measure; 12] = [
    Measure {
        name: "backlog_mean",
        label: "mean backlog",
        unit: "messages",
        kind: Number,
        decimals: 1,
        brief: "time-weighted mean queue length over T",
        remark: "The integral of the queue length over time, divided by T. A message counts from its sending on, its time under way included.",
        expression: || {
            let left_at_receives = col("receive_left_s").fill_null(lit(0.0));
            Ok(ratio(
                received_by_others("broadcast_left_s", "unicast_left_s")? - left_at_receives,
                col("observed_s"),
            ))
        },
    },
    Measure {
        name: "backlog_tick_mean",
        label: "mean at ticks",
        unit: "messages",
        kind: Number,
        decimals: 2,
        brief: "mean queue length after the machine's ticks",
        remark: "A mean over ticks, each just after a message was taken; not the time-weighted mean.",
        expression: || Ok(col("backlog_tick_mean")),
    },
    Measure {
        name: "backlog_p95",
        label: "p95",
        unit: "messages",
        kind: Number,
        decimals: 1,
        brief: "95th percentile of the queue length after ticks",
        remark: "Interpolated linearly between the two nearest values.",
        expression: || Ok(col("backlog_p95")),
    },
    Measure {
        name: "backlog_max",
        label: "max",
        unit: "messages",
        kind: Integer,
        decimals: 1,
        brief: "greatest queue length after a tick",
        remark: "",
        expression: || Ok(col("backlog_max")),
    },
    Measure {
        name: "backlog_final",
        label: "final",
        unit: "messages",
        kind: Integer,
        decimals: 1,
        brief: "queue length after the last tick",
        remark: "",
        expression: || Ok(col("backlog_final")),
    },
    Measure {
        name: "backlog_growth",
        label: "growth",
        unit: "messages/s",
        kind: Number,
        decimals: 2,
        brief: "least-squares slope of the queue length after ticks on their time",
        remark: "Needs ticks at two times or more.",
        expression: || Ok(col("backlog_growth")),
    },
    Measure {
        name: "arrivals",
        label: "arrivals",
        unit: "messages",
        kind: Integer,
        decimals: 1,
        brief: "messages that others sent to the machine",
        remark: "Unicasts to it and every broadcast of another machine of the run.",
        expression: || received_by_others("broadcasts", "unicasts"),
    },
    Measure {
        name: "receive_share",
        label: "receive share",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "receives / ticks",
        remark: "",
        expression: || Ok(ratio(col("receives"), col("ticks"))),
    },
    Measure {
        name: "offered_load",
        label: "offered load",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "arrivals / T / rate",
        remark: "Above 1 more messages come than the machine has ticks.",
        expression: || {
            let arrivals = received_by_others("broadcasts", "unicasts")?;
            Ok(ratio(arrivals, col("observed_s") * col("rate")))
        },
    },
    Measure {
        name: "message_age_mean_s",
        label: "message age",
        unit: "s",
        kind: Number,
        decimals: 2,
        brief: "mean of t(receive) - t(send) over the messages received",
        remark: "Model seconds.",
        expression: || Ok(col("age_mean_s")),
    },
    Measure {
        name: "message_age_mean_ticks",
        label: "message age",
        unit: "ticks",
        kind: Number,
        decimals: 1,
        brief: "mean of t(receive) - t(send) over the messages received, in periods of the receiver",
        remark: "",
        expression: || Ok(col("age_mean_s") * col("rate")),
    },
    Measure {
        name: "logical_age_mean",
        label: "logical age",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "mean of the clock after the receive - the stamp, over the messages received",
        remark: "",
        expression: || Ok(col("logical_age_mean")),
    },
];

/// What the run's other machines broadcast, and what was sent to this one alone.
fn received_by_others(broadcast: &str, unicast: &str) -> PolarsResult<Expr> {
    let all_broadcasts = or_zero(broadcast).sum().over(["run"])?;
    Ok(all_broadcasts - or_zero(broadcast) + or_zero(unicast))
}

pub(super) fn aggregates() -> Vec<Expr> {
    let left_s_of = |which: &str| {
        when(col(which))
            .then(col("left_s"))
            .otherwise(lit(0.0))
            .sum()
    };
    let queue = || counted(col("queue_length"));
    vec![
        col("is_broadcast")
            .and(col("counts"))
            .sum()
            .cast(DataType::Int64)
            .alias("broadcasts"),
        left_s_of("is_broadcast").alias("broadcast_left_s"),
        left_s_of("is_receive").alias("receive_left_s"),
        queue().mean().alias("backlog_tick_mean"),
        quantile(queue(), 0.95).alias("backlog_p95"),
        queue().max().alias("backlog_max"),
        col("queue_length").last().alias("backlog_final"),
        slope(col("centred_time_s"), col("centred_queue_length")).alias("backlog_growth"),
        counted(col("logical_clock") - col("received_stamp"))
            .mean()
            .alias("logical_age_mean"),
        counted(col("age_s")).mean().alias("age_mean_s"),
    ]
}

/// What was sent to one machine alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Arrivals {
    /// How many unicasts, those of a warm-up left out.
    pub(crate) unicasts: u64,
    /// The sum of the time left when they were sent.
    pub(crate) unicast_left_s: f64,
}

impl Arrivals {
    /// Of each machine of `run`.
    pub(crate) fn of(run: &Run<'_>) -> Vec<Self> {
        let mut arrivals = vec![Self::default(); run.machines()];
        for event in run.events() {
            if let EventKind::Send {
                recipients: Recipients::One(peer),
                ..
            } = event.logged.event.kind
                && let Some(arrivals) = arrivals.get_mut(peer as usize)
            {
                let time_s = run.time_s(event);
                arrivals.unicasts += u64::from(run.counts(time_s));
                arrivals.unicast_left_s += run.left_s(time_s);
            }
        }
        arrivals
    }
}
