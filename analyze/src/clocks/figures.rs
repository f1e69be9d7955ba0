//! The figures: what `analyze clocks` measures of a clock that is replayed over a run, such as the bytes of its timestamps.

use super::history::History;
use super::kinds::ClockSpec;
use super::replay::Replayed;
use super::sample::Sample;
use super::truth::{PairCounts, count_pairs};
use crate::output::table::Digits;

/// A quantity that is measured of a clock in a run.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// The name of its column in CSV and JSON.
    pub name: &'static str,
    /// The heading in tables.
    pub heading: &'static str,
    /// Number of decimal places in tables.
    pub decimals: usize,
    /// The definition in a few words, as shown below a table.
    pub brief: &'static str,
    /// Whether its values are shares, from 0 to 1.
    pub is_share: bool,
    value: fn(&Observed<'_>) -> Option<f64>,
}

impl Figure {
    /// The value of this figure in `values`, the values of all figures.
    pub(crate) fn value_in(&self, values: &Values) -> Option<f64> {
        let index = FIGURES.iter().position(|other| other.name == self.name)?;
        values[index]
    }

    /// How its values are rounded in tables.
    pub(super) fn digits(&self) -> Digits {
        Digits {
            decimals: self.decimals,
            is_whole: self.decimals == 0,
        }
    }
}

/// What figures are calculated from: what was observed of a clock in a run.
struct Observed<'r> {
    replayed: &'r Replayed,
    /// How many pairs of events the timestamps order rightly, wrongly or not at all. `None` if the sample of pairs is too poor to estimate
    /// these numbers: the run has concurrent pairs but the sample has none, or the run has pairs that are not concurrent but the sample has
    /// none.
    pairs: Option<PairCounts>,
    /// The resolution of the physical clocks, in seconds. (Some clocks use a physical clock on each machine. It shows the time, but only
    /// multiples of the resolution.)
    resolution_s: f64,
}

impl Observed<'_> {
    /// The mean of a quantity over all sends. `sum` is its sum over all sends.
    fn mean_per_send(&self, sum: u64) -> Option<f64> {
        ratio(sum as f64, self.replayed.sends as f64)
    }

    /// Of all pairs of events of different machines, the share that `count` counts.
    fn share_of_pairs(&self, count: fn(&PairCounts) -> f64) -> Option<f64> {
        let pairs = self.pairs?;
        let all_pairs = pairs.ordered() + pairs.concurrent();
        ratio(count(&pairs), all_pairs)
    }
}

/// `None` if the denominator is 0.
fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

/// Number of figures.
const FIGURE_COUNT: usize = 14;

/// All figures, in the order of their columns.
pub static FIGURES: [Figure; FIGURE_COUNT] = [
    Figure {
        name: "message_bytes",
        heading: "bytes",
        decimals: 1,
        brief: "mean number of bytes of the timestamp of a message; times take 8 bytes, other whole numbers 1 byte for every 7 bits",
        is_share: false,
        value: |seen| seen.mean_per_send(seen.replayed.bytes),
    },
    Figure {
        name: "message_bytes_max",
        heading: "bytes max",
        decimals: 0,
        brief: "largest number of bytes of the timestamp of a message",
        is_share: false,
        value: |seen| seen.replayed.bytes_max.map(|bytes| bytes as f64),
    },
    Figure {
        name: "message_bytes_growth",
        heading: "growth (bytes/s)",
        decimals: 3,
        brief: "slope of the least-squares line through the bytes of all messages against time, in bytes per model second",
        is_share: false,
        value: |seen| seen.replayed.growth.slope(),
    },
    Figure {
        name: "ordered_rightly",
        heading: "rightly ordered",
        decimals: 3,
        brief: "share of the pairs of events of different machines in which one event happened before the other, and the timestamps say so",
        is_share: true,
        value: |seen| seen.share_of_pairs(|pairs| pairs.right),
    },
    Figure {
        name: "ordered_wrongly",
        heading: "wrongly ordered",
        decimals: 3,
        brief: "share of all these pairs to which the timestamps give a wrong order: the events are concurrent, or their true order is the opposite",
        is_share: true,
        // `wrong` counts only concurrent pairs.
        value: |seen| seen.share_of_pairs(|pairs| pairs.wrong + pairs.reversed),
    },
    Figure {
        name: "missed",
        heading: "missed",
        decimals: 3,
        brief: "share of all these pairs in which one event happened before the other, but the timestamps do not order them",
        is_share: true,
        value: |seen| seen.share_of_pairs(|pairs| pairs.missed),
    },
    Figure {
        name: "reversed",
        heading: "reversed",
        decimals: 3,
        brief: "share of all pairs in which one event happened before the other and the timestamps tell the opposite; part of the wrongly ordered pairs",
        is_share: true,
        value: |seen| seen.share_of_pairs(|pairs| pairs.reversed),
    },
    Figure {
        name: "false_positive_rate",
        heading: "false positives",
        decimals: 3,
        brief: "share of the concurrent pairs that the timestamps order",
        is_share: true,
        value: |seen| {
            let pairs = seen.pairs?;
            ratio(pairs.wrong, pairs.concurrent())
        },
    },
    Figure {
        name: "precision",
        heading: "precision",
        decimals: 3,
        brief: "share of rightly ordered pairs among the pairs that the timestamps order",
        is_share: true,
        value: |seen| {
            let pairs = seen.pairs?;
            ratio(pairs.right, pairs.right + pairs.wrong + pairs.reversed)
        },
    },
    Figure {
        name: "comparison_words",
        heading: "words compared",
        decimals: 1,
        brief: "mean number of 64-bit words that are read to compare the timestamps of two messages",
        is_share: false,
        // A comparison reads two timestamps.
        value: |seen| seen.mean_per_send(2 * seen.replayed.words),
    },
    Figure {
        name: "message_numbers",
        heading: "numbers",
        decimals: 1,
        brief: "mean number of numbers in the timestamp of a message; in a hybrid vector clock, only the recent entries",
        is_share: false,
        value: |seen| seen.mean_per_send(seen.replayed.numbers),
    },
    Figure {
        // In the publication on hybrid logical clocks (hlc), a timestamp has a time l and a counter c, and pt is the physical clock.
        name: "ahead_max_s",
        heading: "ahead max (s)",
        decimals: 3,
        brief: "largest time by which the clock was ahead of its machine's physical clock (hlc: l - pt), in seconds",
        is_share: false,
        value: |seen| {
            // `ahead_max` is a number of steps of the physical clock. A step is as long as the resolution.
            let steps = seen.replayed.ahead_max?;
            Some(steps as f64 * seen.resolution_s)
        },
    },
    Figure {
        // Hybrid clocks have a counter beside the time. It orders events with the same time.
        name: "counter_max",
        heading: "counter max",
        decimals: 0,
        brief: "largest value of the counter that orders events with the same time (hlc: c)",
        is_share: false,
        value: |seen| seen.replayed.counter_max.map(|counter| counter as f64),
    },
    Figure {
        // A timestamp is over the limit if it is larger than a vector timestamp with a 32-bit number for each machine.
        name: "events_to_limit",
        heading: "events to 32 N bits",
        decimals: 0,
        brief: "number of events before the first message whose timestamp takes more than 32 bits for each of the N machines; none if there is no such message",
        is_share: false,
        value: |seen| seen.replayed.events_to_limit.map(|events| events as f64),
    },
];

/// The values of all [`FIGURES`] of one clock in one run; `None` for a figure that is undefined.
pub(crate) type Values = [Option<f64>; FIGURE_COUNT];

/// Replays each of `clocks` over a run and measures its figures. `seed` is the experiment's seed. It decides which pairs of events
/// are in the sample.
pub(super) fn measure(history: &History<'_>, clocks: &[&ClockSpec], seed: u64) -> Vec<Values> {
    let sample = Sample::of_run(history, seed);
    let replayed: Vec<Replayed> = clocks
        .iter()
        .map(|clock| clock.replay(history, &sample))
        .collect();
    let pairs = count_pairs(history, &sample, &replayed);
    let values = |(replayed, pairs): (&Replayed, Option<PairCounts>)| {
        let observed = Observed {
            replayed,
            pairs,
            resolution_s: replayed.resolution_ns as f64 / 1e9,
        };
        FIGURES.each_ref().map(|figure| (figure.value)(&observed))
    };
    std::iter::zip(&replayed, pairs).map(values).collect()
}
