//! Spread: how far apart the clocks of a run are.
//!
//! The spread at time t is S(t) = max_j L_j(t) - min_j L_j(t), where L_j(t) is machine j's clock at time t. A clock is 0 before the
//! machine's first event and constant after its last event. S(t) is a step function, the same for all machines of a run. The mean
//! and the maximum of S are taken over the observed time. The observed time is the whole run or, with the option `--warm-up`, the run
//! without its beginning.

use super::Value::{Integer, Number};
use super::{Measure, ratio};

// In each `value` below, `of` is what was observed of one machine in one run.
pub(super) const MEASURES: [Measure; 3] = [
    Measure {
        name: "spread_mean",
        label: "mean spread",
        unit: "",
        decimals: 1,
        brief: "time-weighted mean of the spread; the spread at a time is the run's largest clock minus its smallest clock",
        remark: "The integral of the spread over the observed time, divided by the observed time. The value is the same for all machines of a run.",
        value: Number(|of| ratio(of.run.spread_area, of.observed_s)),
    },
    Measure {
        name: "spread_max",
        label: "max spread",
        unit: "",
        decimals: 1,
        brief: "largest spread at any time",
        remark: "The observed time counts, and the final clocks. (If the last tick is late, it can end after the observed time.) The value is the same for all machines of a run.",
        value: Integer(|of| Some(of.run.spread_max as i64)),
    },
    Measure {
        name: "spread_final",
        label: "final spread",
        unit: "",
        decimals: 1,
        brief: "largest final clock minus smallest final clock of the run",
        remark: "The value is the same for all machines of a run.",
        // The largest and the smallest clock at the end of the run.
        value: Integer(|of| Some(of.run.greatest_clock as i64 - of.run.least_clock as i64)),
    },
];
