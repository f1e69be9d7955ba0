//! Backlog: how many messages wait in a machine's queue, how fast that grows, and how old messages are when received.
//!
//! The queue's length Q(t) steps up when a message arrives and down when one is received; its integral over the observation is
//! the sum of the time left at each arrival less the sum of the time left at each receive. Arrivals are taken at the moment of
//! sending: what a message spends under way is neglected.

use polars::prelude::*;
use sim::log::EventRow;
use sim::machine::{EventKind, MachineIndex};

use super::{Measure, counted, or_zero, quantile, ratio, slope};
use crate::column::Kind::{Integer, Number};

pub(super) const MEASURES: [Measure; 13] = [
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

fn is(kind: &'static str) -> Expr {
    col("event").eq(lit(kind))
}

pub(super) fn aggregates() -> Vec<Expr> {
    let broadcast = || is("send").and(col("peer").is_null());
    let queue = || counted(col("queue_length"));
    vec![
        broadcast()
            .and(col("counts"))
            .sum()
            .cast(DataType::Int64)
            .alias("broadcasts"),
        col("left_s")
            .filter(broadcast())
            .sum()
            .alias("broadcast_left_s"),
        col("left_s")
            .filter(is("receive"))
            .sum()
            .alias("receive_left_s"),
        queue().mean().alias("backlog_tick_mean"),
        quantile(queue(), 0.95).alias("backlog_p95"),
        queue().max().alias("backlog_max"),
        queue().gt(lit(1)).mean().alias("backlog_share_above_1"),
        col("queue_length")
            .filter(col("tick").eq(col("tick").max()))
            .first()
            .alias("backlog_final"),
        slope(counted(col("time_s")), queue()).alias("backlog_growth"),
        (col("logical_clock") - col("stamp"))
            .filter(is("receive").and(col("counts")))
            .mean()
            .alias("logical_age_mean"),
        counted(col("age_s")).mean().alias("age_mean_s"),
    ]
}

/// Per run and recipient: how many unicasts, and the sum of the time left when they were sent.
pub(super) fn unicasts(events: LazyFrame) -> LazyFrame {
    events
        .filter(is("send").and(col("peer").is_not_null()))
        .group_by([col("run"), col("peer").alias("machine")])
        .agg([
            col("counts").sum().cast(DataType::Int64).alias("unicasts"),
            col("left_s").sum().alias("unicast_left_s"),
        ])
}

/// For each of a run's events, when the message that it receives was sent, as system time; a receive names its send by sender and
/// tick. None for other events, and where there is no such send.
pub(crate) fn sent_at_ns(events: &[EventRow]) -> Vec<Option<u64>> {
    let mut sends: Vec<(MachineIndex, u64, u64)> = events
        .iter()
        .filter(|event| matches!(event.logged.event.kind, EventKind::Send { .. }))
        .map(|event| {
            let logged = &event.logged;
            (event.machine, logged.event.tick, logged.system_time_ns)
        })
        .collect();
    sends.sort_unstable();
    let sent_at = |event: &EventRow| {
        let EventKind::Receive(message) = event.logged.event.kind else {
            return None;
        };
        let send = (message.sender, message.sent_tick);
        let found = sends.binary_search_by_key(&send, |&(machine, tick, _)| (machine, tick));
        found.ok().map(|place| sends[place].2)
    };
    events.iter().map(sent_at).collect()
}
