//! Drift and lag: how fast a machine's clock advances, how far it is ahead of the number of the machine's own ticks (its drift), and how
//! far it is behind the run's largest clock (its lag).
//!
//! L_i(t) is machine i's clock at time t; it is 0 before the machine's first event and constant after its last event. M(t) is the
//! largest clock of the run at time t. The lag of machine i at time t is M(t) - L_i(t). The observed time is the run without its
//! warm-up (see `--warm-up`), in model seconds.
//!
//! The mean lag is computed from the integrals of M and L_i over the observed time. M and L_i are step functions, so each integral is a
//! sum over steps. After a step of height h, the function is higher by h until the end of the run. So the step adds h * s to the
//! integral, where s is the number of seconds from the step to the end. A step in the warm-up raises the function in the whole observed
//! time. For such a step, s is the length of the observed time.

use super::Value::{Integer, Number};
use super::{Measure, ratio};

// In each `value` below, `of` is what was observed of one machine in one run.
pub(super) const MEASURES: [Measure; 5] = [
    Measure {
        name: "logical_rate",
        label: "logical rate",
        unit: "1/s",
        decimals: 2,
        brief: "(final clock - clock at the start) / observed time",
        remark: "The observed time is in model seconds. The clock at the start is 0, or with --warm-up the clock at the end of the warm-up.",
        value: Number(|of| ratio(of.machine.advance() as f64, of.observed_s)),
    },
    Measure {
        name: "own_drift",
        label: "clock - own ticks",
        unit: "",
        decimals: 1,
        brief: "final clock - clock at the start - ticks: how far the clock ran ahead of the number of the machine's own ticks",
        remark: "",
        value: Integer(|of| Some(of.machine.advance() - of.machine.ticks as i64)),
    },
    Measure {
        name: "lag_final",
        label: "final lag",
        unit: "",
        decimals: 1,
        brief: "lag at the end; the lag at a time is the run's largest clock minus the machine's own clock",
        remark: "Clocks are 0 before a machine's first event and keep their value after its last.",
        value: Integer(|of| Some(of.run.greatest_clock as i64 - of.machine.final_clock as i64)),
    },
    Measure {
        name: "lag_mean",
        label: "mean lag",
        unit: "",
        decimals: 1,
        brief: "time-weighted mean of the lag",
        remark: "The integral of the lag over the observed time, divided by the observed time.",
        // An `area` is the integral of a clock. The integral of a difference is the difference of the integrals.
        value: Number(|of| {
            ratio(
                of.run.greatest_clock_area - of.machine.clock_area,
                of.observed_s,
            )
        }),
    },
    Measure {
        name: "lag_slope",
        label: "lag slope",
        unit: "1/s",
        decimals: 3,
        brief: "slope of the least-squares line through these points: the time of each tick of the machine, and the lag directly after it",
        remark: "Needs at least two ticks at different times.",
        value: Number(|of| of.machine.lag_line.slope()),
    },
];
