//! The measures of each machine in each run, for example the mean jump of its clock. Related measures form a family, and each family
//! has a file with the definitions of its measures.
//!
//! A run's events are read once, into columns. Several passes over the columns compute [totals](Observed): a pass over each machine's
//! events, a pass over all sends, a pass along the run's timeline (its events in the order of their times), and a replay of the events,
//! which computes their vector clocks. Each measure is a function of these totals.
//!
//! # Layout
//!
//! - [`events`]: the number of events of each kind
//! - [`jumps`]: how far the clock advances from one event to the next
//! - [`drift`]: how fast a clock advances, how far it is ahead of the number of its machine's ticks, and how far it is behind
//!   the run's largest clock
//! - [`spread`]: the run's largest clock minus its smallest clock
//! - [`backlog`]: how many messages wait, and how long they wait
//! - [`concurrency`]: what share of the pairs of a run's events is concurrent
//!
//! The measures are computed with:
//!
//! - [`batches`]: a dataset's events in batches of whole runs
//! - [`machine_totals`]: the pass over one machine's events
//! - [`run_totals`]: the pass along a run's timeline
//! - [`timeline`]: a run's events in the order of their times
//! - [`distribution`]: exact quantiles of whole numbers
//! - [`line`]: the slope of a least-squares line
//! - [`columns`]: the measures of many machines as columns
//! - [`unmeasured`]: measures that are unknown for imported logs
//! - [`cache`]: the cache of measures
//! - [`version`]: the version of the measures' definitions

mod backlog;
pub mod batches;
pub(crate) mod cache;
pub(crate) mod columns;
pub(crate) mod concurrency;
mod distribution;
mod drift;
mod events;
mod jumps;
pub(crate) mod line;
mod machine_totals;
mod run_totals;
mod spread;
pub(crate) mod timeline;
pub(crate) mod unmeasured;
pub(crate) mod version;

use backlog::Arrivals;
use concurrency::Pairs;
use machine_totals::MachineTotals;
use run_totals::RunTotals;
pub use unmeasured::notes;

use crate::output::schema::Kind;
use crate::output::table::Digits;

/// A measure: a number for each machine in each run.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The name of the measure's column.
    pub name: &'static str,
    /// The name in tables.
    pub label: &'static str,
    /// The unit; empty for a pure number.
    pub unit: &'static str,
    /// Tables show at least this many decimal places. But if a measure has only whole numbers, such as the largest jump, the value of a
    /// single run is shown without decimal places.
    pub decimals: usize,
    /// The definition in a few words. Tables show it below their rows.
    pub brief: &'static str,
    /// Further sentences for the data dictionary (the description of all columns, see [`crate::export`]).
    pub remark: &'static str,
    /// The definition as a function of what was observed.
    value: Value,
}

/// The function that computes a measure from what was observed. It returns `None` if the measure has no value for this machine and run.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// For a measure with whole numbers.
    Integer(fn(&Observed<'_>) -> Option<i64>),
    /// For a measure with real numbers.
    Number(fn(&Observed<'_>) -> Option<f64>),
}

/// What was observed of one machine in one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed<'r> {
    machine: &'r MachineTotals,
    run: &'r RunTotals,
    /// Totals over the messages that were sent to the machine.
    arrivals: Arrivals,
    /// Numbers of pairs of the run's events, for example how many pairs are ordered (one event happened before the other). `None` if the
    /// pairs cannot be counted, because a receive has no send or the log contradicts itself (see [`Pairs::of_run`]).
    pairs: Option<Pairs>,
    /// The machine's configured rate: ticks per model second.
    rate_hz: f64,
    /// The observed time, in model seconds: the run's duration without the warm-up (its first part, which `--warm-up` leaves out).
    observed_s: f64,
}

impl Measure {
    /// The complete definition, as in the data dictionary.
    pub fn definition(&self) -> String {
        match self.remark {
            "" => format!("{}.", capitalised(self.brief)),
            remark => format!("{}. {remark}", capitalised(self.brief)),
        }
    }

    /// The type of its values.
    pub fn kind(&self) -> Kind {
        match self.value {
            Value::Integer(_) => Kind::Integer,
            Value::Number(_) => Kind::Number,
        }
    }

    /// How its values are rounded in tables.
    pub(crate) fn digits(&self) -> Digits {
        Digits {
            decimals: self.decimals,
            is_whole: self.kind() == Kind::Integer,
        }
    }

    /// The label with its unit. The unit `messages` is left out, and `messages/s` is shortened to `1/s`.
    pub fn heading(&self) -> String {
        match self.unit {
            "" | "messages" => self.label.to_owned(),
            "messages/s" => format!("{} (1/s)", self.label),
            unit => format!("{} ({unit})", self.label),
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The families: the name and the measures of each. The cache of measures stores a family in files with the family's name.
const FAMILIES: [(&str, &[Measure]); 6] = [
    ("events", &events::MEASURES),
    ("jumps", &jumps::MEASURES),
    ("drift", &drift::MEASURES),
    ("spread", &spread::MEASURES),
    ("backlog", &backlog::MEASURES),
    ("concurrency", &concurrency::MEASURES),
];

/// All measures, in the order of their columns.
pub fn all() -> impl Iterator<Item = &'static Measure> {
    FAMILIES.into_iter().flat_map(|(_, measures)| measures)
}

/// Finds the measure with this name.
///
/// # Panics
///
/// If there is no such measure. Only names in the program's source are looked up here.
pub fn named(name: &str) -> &'static Measure {
    all()
        .find(|measure| measure.name == name)
        .unwrap_or_else(|| panic!("no measure {name}"))
}

/// `numerator / denominator`, or `None` if the denominator is 0.
fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator != 0.0).then(|| numerator / denominator)
}
