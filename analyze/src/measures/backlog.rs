//! Backlog: how many messages wait in a machine's queue, how fast the queue grows, and how old messages are when they are received.
//!
//! The time-weighted mean backlog is the integral of the queue length over the observed time, divided by the observed time:
//!
//! - The observed time is the run without its warm-up (the seconds at the start that `--warm-up` leaves out), in model seconds.
//! - The queue length goes up by 1 when a message arrives, and down by 1 when the machine receives it. A message counts as arrived
//!   when it is sent: its travel time is neglected.
//! - The *time left* of an arrival or receive is the time from this event to the end of the run. For example, a message arrives 10 s
//!   before the end and is received 4 s before the end. The message is in the queue for 10 - 4 = 6 s, so it adds 6 to the integral.
//!   If the message is never received, it adds 10.
//! - An arrival or receive in the warm-up has changed the queue length before the observed time begins. So the whole observed time counts
//!   as its time left.
//! - So the integral is the sum of all arrivals' times left, minus the sum of all receives' times left.

use sim::log::{ALL_PEERS, Action};
use sim::machine::MachineIndex;

use super::Value::{Integer, Number};
use super::{Measure, ratio};
use crate::read::run_log::Run;

// In each `value` below, `of` is what was observed of one machine in one run: `of.machine` has the totals of the machine's events, and
// `of.arrivals` has the totals of the messages that were sent to the machine.
pub(super) const MEASURES: [Measure; 13] = [
    Measure {
        name: "backlog_mean",
        label: "mean backlog",
        unit: "messages",
        decimals: 1,
        brief: "time-weighted mean queue length",
        remark: "The integral of the queue length over the observed time, divided by the observed time. Here a message waits from its send to its receive, so messages that still travel count too.",
        value: Number(|of| {
            ratio(
                of.arrivals.time_left_sum_s - of.machine.receive_time_left_sum_s,
                of.observed_s,
            )
        }),
    },
    Measure {
        name: "backlog_tick_mean",
        label: "mean at ticks",
        unit: "messages",
        decimals: 2,
        brief: "mean queue length after the machine's ticks",
        remark: "Every tick has the same weight, even if the time to the next tick is longer. So this is not the time-weighted mean.",
        value: Number(|of| Some(of.machine.queue_lengths?.mean)),
    },
    Measure {
        name: "backlog_p95",
        label: "p95",
        unit: "messages",
        decimals: 1,
        brief: "95th percentile of the queue length after ticks",
        remark: "Interpolated linearly between the two nearest values.",
        value: Number(|of| Some(of.machine.queue_lengths?.p95)),
    },
    Measure {
        name: "backlog_max",
        label: "max",
        unit: "messages",
        decimals: 1,
        brief: "largest queue length after a tick",
        remark: "",
        value: Integer(|of| Some(of.machine.queue_lengths?.max)),
    },
    Measure {
        name: "backlog_share_above_1",
        label: "share > 1",
        unit: "",
        decimals: 2,
        brief: "share of the machine's ticks after which more than one message waits",
        remark: "",
        value: Number(|of| Some(of.machine.queue_lengths?.share_above_1)),
    },
    Measure {
        name: "backlog_final",
        label: "final",
        unit: "messages",
        decimals: 1,
        brief: "queue length after the last tick",
        remark: "",
        value: Integer(|of| of.machine.final_queue_length.map(|length| length as i64)),
    },
    Measure {
        name: "backlog_growth",
        label: "growth",
        unit: "messages/s",
        decimals: 2,
        brief: "slope of the least-squares line through these points: the time of each tick, and the queue length directly after it",
        remark: "Needs at least two ticks at different times.",
        value: Number(|of| of.machine.queue_line.slope()),
    },
    Measure {
        name: "arrivals",
        label: "arrivals",
        unit: "messages",
        decimals: 1,
        brief: "number of messages that other machines sent to the machine",
        remark: "A message to several machines counts at each of them.",
        value: Integer(|of| Some(of.arrivals.messages as i64)),
    },
    Measure {
        name: "receive_share",
        label: "receive share",
        unit: "",
        decimals: 2,
        brief: "ticks with a receive / ticks",
        remark: "Equal to receives / ticks, except with receive = all: there one tick can receive several messages.",
        value: Number(|of| ratio(of.machine.receiving_ticks as f64, of.machine.ticks as f64)),
    },
    Measure {
        name: "offered_load",
        label: "offered load",
        unit: "",
        decimals: 2,
        brief: "arrivals / observed time / rate",
        remark: "If it is above 1, more messages arrive than the machine has ticks.",
        value: Number(|of| ratio(of.arrivals.messages as f64, of.observed_s * of.rate_hz)),
    },
    Measure {
        name: "message_age_mean_s",
        label: "message age",
        unit: "s",
        decimals: 2,
        brief: "mean time from the send of a message to its receive, over all messages received",
        remark: "In model seconds.",
        value: Number(|of| of.machine.age_mean_s()),
    },
    Measure {
        name: "message_age_mean_ticks",
        label: "message age",
        unit: "ticks",
        decimals: 1,
        brief: "mean time from the send of a message to its receive, over all messages received, in ticks of the receiver",
        remark: "This is message_age_mean_s times the receiver's rate.",
        value: Number(|of| Some(of.machine.age_mean_s()? * of.rate_hz)),
    },
    Measure {
        name: "logical_age_mean",
        label: "logical age",
        unit: "",
        decimals: 2,
        brief: "mean of the clock after the receive minus the message's timestamp, over the messages received",
        remark: "",
        value: Number(|of| of.machine.logical_age_mean()),
    },
];

/// Totals over the messages that were sent to one machine in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Arrivals {
    /// Number of the messages that were sent after the warm-up.
    pub(crate) messages: u64,
    /// Sum of the times from the send of each message to the end of the run, in model seconds. For messages sent in the warm-up, the
    /// time starts at the end of the warm-up.
    pub(crate) time_left_sum_s: f64,
}

impl Arrivals {
    /// The arrivals at each machine of `run`, in the order of the machines.
    pub(crate) fn of_run(run: &Run<'_>) -> Vec<Self> {
        let mut arrivals = vec![Self::default(); run.machines()];
        for (sender, event_indices) in run.logs().enumerate() {
            // The totals of the messages that the sender sends to all its neighbours. They are added to each neighbour's arrivals only once,
            // after the loop, because this takes fewer additions than adding every single message to each neighbour.
            let mut to_all = Self::default();
            for index in event_indices.filter(|&index| run.events().action[index] == Action::Send) {
                let time_s = run.times_s()[index];
                let sent = Self {
                    messages: u64::from(run.is_after_warm_up(time_s)),
                    time_left_sum_s: run.time_left_s(time_s),
                };
                match run.events().peer[index] {
                    ALL_PEERS => to_all.add(sent),
                    _ => sent.add_to(&mut arrivals, run.recipients(index)),
                }
            }
            to_all.add_to(&mut arrivals, &run.neighbours()[sender]);
        }
        arrivals
    }

    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.time_left_sum_s += other.time_left_sum_s;
    }

    /// Adds `self` to the totals of each machine in `recipients`. `arrivals` has the totals of all machines. A damaged log may name a
    /// machine that does not exist. Such a machine is left out here, and `analyze audit` reports it.
    fn add_to(self, arrivals: &mut [Self], recipients: &[MachineIndex]) {
        for &recipient in recipients {
            if let Some(arrived) = arrivals.get_mut(recipient as usize) {
                arrived.add(self);
            }
        }
    }
}
