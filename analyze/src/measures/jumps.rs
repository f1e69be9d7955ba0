//! Jumps: how far a machine's clock advances from one of its events to the next.
//!
//! The machine's first event has the number k = 0. L_k is the clock after event k; before the first event the clock is L_(-1) = 0. The
//! jump at event k is J_k = L_k - L_(k-1). So the jumps of all events of a machine add up to its final clock.

use super::Measure;
use super::Value::{Integer, Number};

// In each `value` below, `of` is what was observed of one machine in one run.
pub(super) const MEASURES: [Measure; 6] = [
    Measure {
        name: "jump_mean",
        label: "mean jump",
        unit: "",
        decimals: 2,
        brief: "mean jump over the machine's events; a jump is the clock after an event minus the clock after the event before it",
        remark: "Before the first event the clock is 0. So without a warm-up, the jumps add up to the final clock, and their mean is the final clock divided by the number of events. Jumps in the warm-up do not count. In runs in which a tick can take several messages, each receive is an event with a jump of its own.",
        value: Number(|of| Some(of.machine.jumps?.mean)),
    },
    Measure {
        name: "jump_sd",
        label: "sd of jumps",
        unit: "",
        decimals: 2,
        brief: "standard deviation of the machine's jumps in a run",
        remark: "It shows how much single jumps vary, not how much their mean varies from run to run. (The divisor is n - 1.)",
        value: Number(|of| of.machine.jumps?.sd),
    },
    Measure {
        name: "jump_p50",
        label: "p50",
        unit: "",
        decimals: 1,
        brief: "median jump",
        remark: "Interpolated linearly between the two nearest values.",
        value: Number(|of| Some(of.machine.jumps?.p50)),
    },
    Measure {
        name: "jump_p95",
        label: "p95",
        unit: "",
        decimals: 1,
        brief: "95th percentile of the jumps",
        remark: "Interpolated linearly between the two nearest values.",
        value: Number(|of| Some(of.machine.jumps?.p95)),
    },
    Measure {
        name: "jump_max",
        label: "max",
        unit: "",
        decimals: 1,
        brief: "largest jump",
        remark: "",
        value: Integer(|of| Some(of.machine.jumps?.max)),
    },
    Measure {
        name: "jump_share_above_1",
        label: "share > 1",
        unit: "",
        decimals: 2,
        brief: "share of the jumps that are greater than 1",
        remark: "Only a receive can jump by more than 1.",
        value: Number(|of| Some(of.machine.jumps?.share_above_1)),
    },
];
