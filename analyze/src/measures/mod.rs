//! The measures of each machine in each run. Each file has one family of measures; each measure is defined by a Polars expression.
//!
//! A family has up to two steps. Its `aggregates` reduce a machine's events to one row. Its measures are expressions over these
//! rows; in them, `.over(["run"])` looks at all machines of the run.
//!
//! # Layout
//!
//! - [`events`]: the number of events of each kind
//! - [`jumps`]: how far the clock advances from one event to the next
//! - [`drift`]: how fast the clocks run, and how far apart they are
//! - [`spread`]: how far the clocks of a run are apart at any time
//! - [`backlog`]: how many messages wait, and how long they wait
//! - [`concurrency`]: what share of a run's events is concurrent
//!
//! The measures are computed with:
//!
//! - [`batches`]: a dataset's events in batches of whole runs
//! - [`event_columns`]: the columns of events that aggregates use
//! - [`run_aggregates`]: aggregates that need all machines of a run together
//! - [`unmeasured`]: measures that are unknown for imported logs
//! - [`cache`]: the cache of measures
//! - [`version`]: the version of the measures' definitions

mod backlog;
pub mod batches;
pub(crate) mod cache;
mod concurrency;
mod drift;
pub(crate) mod event_columns;
mod events;
mod jumps;
pub(crate) mod run_aggregates;
mod spread;
pub(crate) mod unmeasured;
pub(crate) mod version;

use polars::prelude::*;
use sim::log::MissingFields;

pub(crate) use backlog::Arrivals;
pub(crate) use concurrency::Pairs;
pub(crate) use drift::{ClockChange, trace_clocks};
pub(crate) use spread::Spread;
pub use unmeasured::notes;

use crate::output::schema::Kind;

/// A measure: a number for each machine in each run.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The name of the measure's column.
    pub name: &'static str,
    /// The name in tables.
    pub label: &'static str,
    /// The unit; empty for a pure number.
    pub unit: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// Number of decimal places in tables.
    pub decimals: usize,
    /// The definition in a few words, as shown below a table.
    pub brief: &'static str,
    /// Further sentences for the data dictionary.
    pub remark: &'static str,
    /// The definition as an expression over a run's machines and their aggregates.
    expression: fn() -> PolarsResult<Expr>,
}

impl Measure {
    /// The complete definition, as in the data dictionary.
    pub fn definition(&self) -> String {
        match self.remark {
            "" => format!("{}.", capitalised(self.brief)),
            remark => format!("{}. {remark}", capitalised(self.brief)),
        }
    }

    /// The label with its unit. Unit `messages` is left out.
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

/// The families of measures. A family may use the measures of the families before it.
const FAMILIES: [&[Measure]; 6] = [
    &events::MEASURES,
    &jumps::MEASURES,
    &drift::MEASURES,
    &spread::MEASURES,
    &backlog::MEASURES,
    &concurrency::MEASURES,
];

/// All measures, in the order of their columns.
pub fn all() -> impl Iterator<Item = &'static Measure> {
    FAMILIES.into_iter().flatten()
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

/// Makes the aggregates of each machine: one row per run and machine, from the columns of the events and from the replays of the
/// runs.
pub(crate) fn aggregate(observed: DataFrame, replayed: DataFrame) -> PolarsResult<DataFrame> {
    let aggregates = [
        events::aggregates(),
        jumps::aggregates(),
        drift::aggregates(),
        backlog::aggregates(),
    ]
    .concat();
    let aggregated = observed
        .lazy()
        .group_by([col("machine_index")])
        .agg(aggregates);
    let index = || [col("machine_index")];
    replayed
        .lazy()
        .join(aggregated, index(), index(), JoinArgs::new(JoinType::Left))
        .collect()
}

/// Computes all measures from the aggregates and adds them to `machines`, which has one row per run and machine. A measure is null
/// if the log lacks a field that the measure needs.
pub(crate) fn measure(
    machines: DataFrame,
    aggregated: DataFrame,
    missing_fields: MissingFields,
) -> PolarsResult<DataFrame> {
    let identity: Vec<Expr> = machines
        .get_column_names()
        .into_iter()
        .map(|name| col(name.clone()))
        .collect();
    let of_machine = || [col("run"), col("machine")];
    let left = JoinArgs::new(JoinType::Left);
    let mut measured = machines
        .lazy()
        .join(aggregated.lazy(), of_machine(), of_machine(), left);
    for family in FAMILIES {
        let columns: PolarsResult<Vec<Expr>> = family
            .iter()
            .map(|measure| {
                match missing_fields.recipients
                    && unmeasured::NEED_RECIPIENTS.contains(&measure.name)
                {
                    true => Ok(null_column(measure)),
                    false => measure_column(measure),
                }
            })
            .collect();
        measured = measured.with_columns(columns?);
    }
    let columns = identity
        .into_iter()
        .chain(all().map(|measure| col(measure.name)));
    measured
        .sort(["run", "machine"], SortMultipleOptions::default())
        .select(columns.collect::<Vec<_>>())
        .collect()
}

fn measure_column(measure: &Measure) -> PolarsResult<Expr> {
    let value = (measure.expression)()?.cast(measure.kind.data_type());
    let known = unmeasured::needs(measure).fold(value, |value, known| {
        when(col(known)).then(value).otherwise(lit(NULL))
    });
    Ok(known.alias(measure.name))
}

fn null_column(measure: &Measure) -> Expr {
    lit(NULL).cast(measure.kind.data_type()).alias(measure.name)
}

/// An aggregate, or 0 for a machine without events.
fn or_zero(aggregate: &str) -> Expr {
    col(aggregate).fill_null(lit(0))
}

/// The values at events after the warm-up, and null at other events. Aggregates ignore nulls.
fn after_warm_up(values: Expr) -> Expr {
    when(col("counts")).then(values).otherwise(lit(NULL))
}

/// The values at the last event of each tick after the warm-up, and null at other events.
fn at_ticks(values: Expr) -> Expr {
    when(col("at_ticks")).then(values).otherwise(lit(NULL))
}

/// `numerator / denominator`, or null if the denominator is 0.
fn ratio(numerator: Expr, denominator: Expr) -> Expr {
    let defined = denominator.clone().neq(lit(0));
    let quotient = numerator.cast(DataType::Float64) / denominator.cast(DataType::Float64);
    when(defined).then(quotient).otherwise(lit(NULL))
}

/// The slope of the least-squares line of `y` on `x`, both [centred](centre), or null if `x` is constant.
fn slope(x: Expr, y: Expr) -> Expr {
    ratio((x.clone() * y).sum(), (x.clone() * x).sum())
}

/// Subtracts from each counted value the mean of the counted values. The other values become 0, so they change no sum of products.
pub(crate) fn centre(values: &mut [f64], counts: &[bool]) {
    let counted = || std::iter::zip(&*values, counts).filter(|(_, counts)| **counts);
    let sum: f64 = counted().map(|(value, _)| value).sum();
    let mean = sum / counted().count() as f64;
    for (value, counts) in std::iter::zip(values, counts) {
        *value = if *counts { *value - mean } else { 0.0 };
    }
}

/// A quantile. It is interpolated linearly between the two nearest values.
fn quantile(values: Expr, share: f64) -> Expr {
    values.quantile(lit(share), QuantileMethod::Linear)
}
