//! What is measured of a machine in a run: one file a family, each measure a Polars expression beside its definition.
//!
//! A family has up to two steps. Its `aggregates` reduce a machine's events to a row; its measures are expressions over those
//! rows, in which `.over(["run"])` looks at the run's other machines.
//!
//! # Layout
//!
//! - [`events`]: how many events of each kind
//! - [`jumps`]: how far the clock advances from one event to the next
//! - [`drift`]: how fast the clocks run, and how far apart they are
//! - [`spread`]: how far the clocks of a run are apart at any time
//! - [`backlog`]: how many messages wait, and how long
//! - [`concurrency`]: how much of a run happens side by side
//!
//! and how they are computed:
//!
//! - [`batches`]: a dataset's events, whole runs at a time
//! - [`event_columns`]: what aggregates look at, an element an event
//! - [`run_aggregates`]: aggregates that take a run as a whole to tell
//! - [`unmeasured`]: what cannot be measured in imported logs
//! - [`cache`]: measures kept from one reading to the next
//! - [`version`]: which definitions they follow

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
pub(crate) use drift::{OnTimeline, on_timeline};
pub(crate) use spread::Spread;
pub use unmeasured::notes;

use crate::output::schema::Kind;

/// Something measured of each machine in each run.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Name of its column.
    pub name: &'static str,
    /// What tables call it.
    pub label: &'static str,
    /// Its unit; empty for a pure number.
    pub unit: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// Digits after the point that tables show.
    pub decimals: usize,
    /// The definition in a few words, for the line below a table.
    pub brief: &'static str,
    /// What there is to say beyond that.
    pub remark: &'static str,
    /// The definition as an expression over a run's machines and their aggregates.
    expression: fn() -> PolarsResult<Expr>,
}

impl Measure {
    /// The definition in full.
    pub fn definition(&self) -> String {
        match self.remark {
            "" => format!("{}.", capitalised(self.brief)),
            remark => format!("{}. {remark}", capitalised(self.brief)),
        }
    }

    /// The label with its unit, in which messages count as pure numbers.
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

/// Measures that are computed together, after those of the families before.
const FAMILIES: [&[Measure]; 6] = [
    &events::MEASURES,
    &jumps::MEASURES,
    &drift::MEASURES,
    &spread::MEASURES,
    &backlog::MEASURES,
    &concurrency::MEASURES,
];

/// Every measure, in the order of its column.
pub fn all() -> impl Iterator<Item = &'static Measure> {
    FAMILIES.into_iter().flatten()
}

/// The measure called `name`.
///
/// # Panics
///
/// If there is none: names are written in the program, not given by its user.
pub fn named(name: &str) -> &'static Measure {
    all()
        .find(|measure| measure.name == name)
        .unwrap_or_else(|| panic!("no measure {name}"))
}

/// What measures are made of: a row a run and machine, from the events observed in those runs and from what their replays say.
pub(crate) fn aggregate(observed: DataFrame, replayed: DataFrame) -> PolarsResult<DataFrame> {
    let aggregates = [
        events::aggregates(),
        jumps::aggregates(),
        drift::aggregates(),
        backlog::aggregates(),
    ]
    .concat();
    let aggregated = observed.lazy().group_by([col("place")]).agg(aggregates);
    let index = || [col("place")];
    replayed
        .lazy()
        .join(aggregated, index(), index(), JoinArgs::new(JoinType::Left))
        .collect()
}

/// Adds every measure to `machines`, a row a run and machine with its rate and duration, from their aggregates. What the log lacks to
/// know one is null.
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
                match missing_fields.recipients && unmeasured::OF_RECIPIENTS.contains(&measure.name)
                {
                    true => Ok(unknown(measure)),
                    false => column(measure),
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

fn column(measure: &Measure) -> PolarsResult<Expr> {
    let value = (measure.expression)()?.cast(measure.kind.data_type());
    let known = unmeasured::needs(measure).fold(value, |value, known| {
        when(col(known)).then(value).otherwise(lit(NULL))
    });
    Ok(known.alias(measure.name))
}

fn unknown(measure: &Measure) -> Expr {
    lit(NULL).cast(measure.kind.data_type()).alias(measure.name)
}

/// An aggregate that is zero for a machine without events.
fn or_zero(aggregate: &str) -> Expr {
    col(aggregate).fill_null(lit(0))
}

/// The values at events that count, all but those of a warm-up; null at others, which aggregates pass over.
fn counted(values: Expr) -> Expr {
    when(col("counts")).then(values).otherwise(lit(NULL))
}

/// The values after ticks that count: of a tick that takes several messages, after the last. Null at other events.
fn at_ticks(values: Expr) -> Expr {
    when(col("at_ticks")).then(values).otherwise(lit(NULL))
}

/// `numerator / denominator`, null where the denominator is zero.
fn ratio(numerator: Expr, denominator: Expr) -> Expr {
    let defined = denominator.clone().neq(lit(0));
    let quotient = numerator.cast(DataType::Float64) / denominator.cast(DataType::Float64);
    when(defined).then(quotient).otherwise(lit(NULL))
}

/// The slope of the least-squares line of `y` on `x`, both [centred](centre); null where `x` does not vary.
fn slope(x: Expr, y: Expr) -> Expr {
    ratio((x.clone() * y).sum(), (x.clone() * x).sum())
}

/// Takes from each value that counts the mean of those that do. The others become 0, which no sum of products sees.
pub(crate) fn centre(values: &mut [f64], counts: &[bool]) {
    let counted = || std::iter::zip(&*values, counts).filter(|(_, counts)| **counts);
    let sum: f64 = counted().map(|(value, _)| value).sum();
    let mean = sum / counted().count() as f64;
    for (value, counts) in std::iter::zip(values, counts) {
        *value = if *counts { *value - mean } else { 0.0 };
    }
}

/// A quantile, interpolated linearly between the two nearest values.
fn quantile(values: Expr, share: f64) -> Expr {
    values.quantile(lit(share), QuantileMethod::Linear)
}
