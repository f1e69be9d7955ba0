//! Backlog: how many messages wait in a machine's queue, how fast the queue grows, and how old messages are when they are received.
//!
//! The queue length Q(t) goes up by 1 when a message arrives and down by 1 when a message is received. So its integral over the
//! observed time is the sum, over all arrivals, of the time from the arrival to the end, minus the same sum over all receives. A
//! message arrives when it is sent: the time of travel is neglected.

use polars::prelude::*;
use sim::machine::EventKind;

use super::{Measure, after_warm_up, at_ticks, or_zero, quantile, ratio, slope};
use crate::output::schema::Kind::{Integer, Number};
use crate::read::run_log::Run;

pub(super) const MEASURES: [Measure; 13] = [
    Measure {
        name: "backlog_mean",
        label: "mean backlog",
        unit: "messages",
        kind: Number,
        decimals: 1,
        brief: "time-weighted mean queue length over T",
        remark: "The integral of the queue length over time, divided by T. Here a message waits from its send to its receive, so messages that still travel count too.",
        expression: || {
            let left_at_receives = col("receive_left_s").fill_null(lit(0.0));
            Ok(ratio(
                col("arrivals_left_s") - left_at_receives,
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
        remark: "Each tick counts once, whatever the time to the next tick, so this is not the time-weighted mean.",
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
        brief: "largest queue length after a tick",
        remark: "",
        expression: || Ok(col("backlog_max")),
    },
    Measure {
        name: "backlog_share_above_1",
        label: "share > 1",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "share of the machine's ticks after which more than one message waits",
        remark: "",
        expression: || Ok(col("backlog_share_above_1")),
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
        brief: "slope of a straight line fitted (least squares) to the queue length after each tick over time",
        remark: "Needs at least two ticks at different times.",
        expression: || Ok(col("backlog_growth")),
    },
    Measure {
        name: "arrivals",
        label: "arrivals",
        unit: "messages",
        kind: Integer,
        decimals: 1,
        brief: "number of messages that other machines sent to the machine",
        remark: "A message to several machines counts at each of them.",
        expression: || Ok(col("arrived")),
    },
    Measure {
        name: "receive_share",
        label: "receive share",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "ticks with a receive / ticks",
        remark: "Equal to receives / ticks, except with receive = all.",
        expression: || Ok(ratio(or_zero("receiving_ticks"), col("ticks"))),
    },
    Measure {
        name: "offered_load",
        label: "offered load",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "arrivals / T / rate",
        remark: "If it is above 1, more messages arrive than the machine has ticks.",
        expression: || Ok(ratio(col("arrived"), col("observed_s") * col("rate"))),
    },
    Measure {
        name: "message_age_mean_s",
        label: "message age",
        unit: "s",
        kind: Number,
        decimals: 2,
        brief: "mean of the time of the receive minus the time of the send, over the messages received",
        remark: "In model seconds.",
        expression: || Ok(col("age_mean_s")),
    },
    Measure {
        name: "message_age_mean_ticks",
        label: "message age",
        unit: "ticks",
        kind: Number,
        decimals: 1,
        brief: "mean of the time of the receive minus the time of the send, over the messages received, in periods of the receiver",
        remark: "",
        expression: || Ok(col("age_mean_s") * col("rate")),
    },
    Measure {
        name: "logical_age_mean",
        label: "logical age",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "mean of the clock after the receive minus the message's timestamp, over the messages received",
        remark: "",
        expression: || Ok(col("logical_age_mean")),
    },
];

pub(super) fn aggregates() -> Vec<Expr> {
    let queue = || at_ticks(col("queue_length"));
    let left_s_at_receives = when(col("is_receive"))
        .then(col("left_s"))
        .otherwise(lit(0.0));
    vec![
        col("is_receive")
            .and(col("at_ticks"))
            .sum()
            .cast(DataType::Int64)
            .alias("receiving_ticks"),
        left_s_at_receives.sum().alias("receive_left_s"),
        queue().mean().alias("backlog_tick_mean"),
        quantile(queue(), 0.95).alias("backlog_p95"),
        queue().max().alias("backlog_max"),
        queue().gt(lit(1)).mean().alias("backlog_share_above_1"),
        col("queue_length").last().alias("backlog_final"),
        slope(col("centred_time_s"), col("centred_queue_length")).alias("backlog_growth"),
        after_warm_up(col("logical_clock") - col("received_stamp"))
            .mean()
            .alias("logical_age_mean"),
        after_warm_up(col("age_s")).mean().alias("age_mean_s"),
    ]
}

/// The messages that were sent to one machine in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Arrivals {
    /// Number of messages sent after the warm-up.
    pub(crate) messages: u64,
    /// Sum, over all messages, of the time from the send to the end, in model seconds. For messages of the warm-up, the time starts
    /// at its end.
    pub(crate) left_s: f64,
}

impl Arrivals {
    /// The arrivals of each machine of `run`.
    pub(crate) fn from_run(run: &Run<'_>) -> Vec<Self> {
        let neighbours = run.neighbours();
        let mut arrivals = vec![Self::default(); run.machines()];
        for event in run.events() {
            let EventKind::Send { recipients, .. } = &event.logged.event.kind else {
                continue;
            };
            let time_s = run.time_s(event);
            let (messages, left_s) = (
                u64::from(run.is_after_warm_up(time_s)),
                run.time_left_s(time_s),
            );
            for &recipient in recipients.among(&neighbours[event.machine as usize]) {
                // A damaged log may name a machine that does not exist. The audit reports this.
                if let Some(arrived) = arrivals.get_mut(recipient as usize) {
                    arrived.messages += messages;
                    arrived.left_s += left_s;
                }
            }
        }
        arrivals
    }
}
