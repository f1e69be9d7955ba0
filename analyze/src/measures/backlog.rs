//! Backlog: how many messages wait in a machine's queue, how fast that grows, and how old messages are when received.
//!
//! The queue's length Q(t) steps up when a message arrives and down when one is received; its integral over the observation is
//! the sum of the time left at each arrival less the sum of the time left at each receive. Arrivals are taken at the moment of
//! sending: what a message spends under way is neglected.

use polars::prelude::*;
use sim::experiment::Topology;
use sim::log::EventRow;
use sim::machine::{EventKind, MachineIndex};

use super::{Measure, at_ticks, counted, or_zero, quantile, ratio, slope};
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
        remark: "Sent to it alone or among others; a message that is sent to all goes to all that its sender may send to.",
        expression: || Ok(col("arrived")),
    },
    Measure {
        name: "receive_share",
        label: "receive share",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "ticks that receive / ticks",
        remark: "Unless a tick takes all messages, receives / ticks.",
        expression: || Ok(ratio(or_zero("receiving_ticks"), col("ticks"))),
    },
    Measure {
        name: "offered_load",
        label: "offered load",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "arrivals / T / rate",
        remark: "Above 1 more messages come than the machine has ticks.",
        expression: || Ok(ratio(col("arrived"), col("observed_s") * col("rate"))),
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

fn is(kind: &'static str) -> Expr {
    col("event").eq(lit(kind))
}

pub(super) fn aggregates() -> Vec<Expr> {
    let queue = || at_ticks(col("queue_length"));
    vec![
        is("receive")
            .and(col("counts"))
            .and(col("ends_tick"))
            .sum()
            .cast(DataType::Int64)
            .alias("receiving_ticks"),
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
            .last()
            .alias("backlog_final"),
        slope(at_ticks(col("time_s")), queue()).alias("backlog_growth"),
        (col("logical_clock") - col("stamp"))
            .filter(is("receive").and(col("counts")))
            .mean()
            .alias("logical_age_mean"),
        counted(col("age_s")).mean().alias("age_mean_s"),
    ]
}

/// What was sent to a machine in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Arrivals {
    /// Messages, but for those of a warm-up.
    pub(crate) messages: u64,
    /// The sum of the time left when they were sent, those of a warm-up too, in model seconds.
    pub(crate) left_s: f64,
}

/// What was sent to each of a run's machines, who may send as `topology` says. `left_s` tells how much of the time observed is left
/// at an event, and `counts` whether it is after the warm-up.
pub(crate) fn arrivals(
    events: &[EventRow],
    (machines, topology): (u32, Topology),
    left_s: impl Fn(&EventRow) -> f64,
    counts: impl Fn(&EventRow) -> bool,
) -> Vec<Arrivals> {
    let neighbours: Vec<Vec<MachineIndex>> = (0..machines)
        .map(|machine| topology.neighbours(machine, machines))
        .collect();
    let mut arrivals = vec![Arrivals::default(); machines as usize];
    for event in events {
        let EventKind::Send { recipients, .. } = &event.logged.event.kind else {
            continue;
        };
        let (messages, left_s) = (u64::from(counts(event)), left_s(event));
        for &recipient in recipients.among(&neighbours[event.machine as usize]) {
            // A damaged log may name any machine; the audit says so.
            if let Some(arrived) = arrivals.get_mut(recipient as usize) {
                arrived.messages += messages;
                arrived.left_s += left_s;
            }
        }
    }
    arrivals
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
