//! Counts of a machine's events, ratios of these counts, and the clock after the machine's last event. With the option `--warm-up 10`, the
//! events in the first 10 model seconds of the run are not counted. The rest of the run is the *observed time*.

use super::Value::{Integer, Number};
use super::{Measure, ratio};

// In each `value` below, `of` is what was observed of one machine in one run.
pub(super) const MEASURES: [Measure; 8] = [
    Measure {
        name: "ticks",
        label: "ticks",
        unit: "",
        decimals: 1,
        brief: "number of the machine's ticks",
        remark: "Each tick has one event. With receive = all, a tick that takes several messages has one event for each of them.",
        value: Integer(|of| Some(of.machine.ticks as i64)),
    },
    Measure {
        name: "internal_events",
        label: "internal events",
        unit: "",
        decimals: 1,
        brief: "number of internal events",
        remark: "",
        value: Integer(|of| Some(of.machine.internal_events as i64)),
    },
    Measure {
        name: "send_events",
        label: "sends",
        unit: "",
        decimals: 1,
        brief: "number of send events",
        remark: "A broadcast is one send event.",
        value: Integer(|of| Some(of.machine.sends as i64)),
    },
    Measure {
        name: "receive_events",
        label: "receives",
        unit: "",
        decimals: 1,
        brief: "number of receive events",
        remark: "Each receive event takes one message.",
        value: Integer(|of| Some(of.machine.receives as i64)),
    },
    Measure {
        name: "internal_share",
        label: "internal share",
        unit: "",
        decimals: 3,
        brief: "internal events / ticks without a message to receive",
        remark: "It estimates the configured probability `internal`. If runs have only few ticks without a message to receive, the mean of the runs' shares is too high: runs that by chance have more sends have more such ticks, but do not count more in the mean. For example, the slowest machine of rates 2,3,4 has 120 ticks in 60 s. With internal = 0.4, about 8 of them have no message to receive, and the mean of the shares is 0.415. A better estimate uses sums over all runs: sum of internal_events / (sum of internal_events + sum of send_events).",
        // A tick without a message to receive is an internal event or a send.
        value: Number(|of| {
            let internal = of.machine.internal_events as f64;
            ratio(internal, internal + of.machine.sends as f64)
        }),
    },
    Measure {
        name: "broadcast_share",
        label: "broadcast share",
        unit: "",
        decimals: 3,
        brief: "broadcasts (sends to all) / sends",
        remark: "With the topology mesh and sends = mix it tends to 1 / N for N machines, because a send goes to one of the N - 1 other machines or to all of them, and these N possibilities are equally likely. If runs have few sends, calculate the mean of the shares with send_events as weights.",
        value: Number(|of| ratio(of.machine.broadcasts as f64, of.machine.sends as f64)),
    },
    Measure {
        name: "tick_rate",
        label: "tick rate",
        unit: "1/s",
        decimals: 2,
        brief: "ticks / observed time",
        remark: "It estimates the configured rate. The observed time is in model seconds.",
        value: Number(|of| ratio(of.machine.ticks as f64, of.observed_s)),
    },
    Measure {
        name: "clock_final",
        label: "final clock",
        unit: "",
        decimals: 1,
        brief: "the logical clock after the machine's last event",
        remark: "It is 0 for a machine without events.",
        value: Integer(|of| Some(of.machine.final_clock as i64)),
    },
];
