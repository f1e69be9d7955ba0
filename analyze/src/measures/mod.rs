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

mod backlog;
mod concurrency;
mod drift;
mod events;
mod jumps;
mod spread;

use polars::prelude::*;
use sim::log::Lacks;

pub(crate) use backlog::{Arrivals, arrivals, sent_at_ns};
pub(crate) use concurrency::Pairs;
pub(crate) use drift::{OnTimeline, on_timeline};
pub(crate) use jumps::jump;
pub(crate) use spread::Spread;

use crate::column::Kind;

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

/// Measures that are unknown where a log does not say to whom messages are sent.
const OF_RECIPIENTS: [&str; 4] = [
    "broadcast_share",
    "backlog_mean",
    "arrivals",
    "offered_load",
];

/// Adds every measure to `machines`, a row a run and machine with its rate and duration, from the timed events of those runs and
/// from what their replays say, of runs and of their machines. What the log lacks to know one is null.
pub(crate) fn measure(
    machines: DataFrame,
    events: DataFrame,
    (replayed, arrivals): (DataFrame, DataFrame),
    lacks: Lacks,
) -> PolarsResult<DataFrame> {
    let identity: Vec<Expr> = machines
        .get_column_names()
        .into_iter()
        .map(|name| col(name.clone()))
        .collect();
    let events = events.lazy();
    let aggregates = [
        events::aggregates(),
        jumps::aggregates(),
        drift::aggregates(),
        backlog::aggregates(),
    ]
    .concat();
    let of_machine = || [col("run"), col("machine")];
    let left = || JoinArgs::new(JoinType::Left);
    let mut measured = machines
        .lazy()
        .join(
            events.group_by(of_machine()).agg(aggregates),
            of_machine(),
            of_machine(),
            left(),
        )
        .join(arrivals.lazy(), of_machine(), of_machine(), left())
        .join(replayed.lazy(), [col("run")], [col("run")], left());
    for family in FAMILIES {
        let columns: PolarsResult<Vec<Expr>> = family
            .iter()
            .map(
                |measure| match lacks.recipients && OF_RECIPIENTS.contains(&measure.name) {
                    true => Ok(unknown(measure)),
                    false => column(measure),
                },
            )
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
    Ok((measure.expression)()?
        .cast(measure.kind.data_type())
        .alias(measure.name))
}

fn unknown(measure: &Measure) -> Expr {
    lit(NULL).cast(measure.kind.data_type()).alias(measure.name)
}

/// An aggregate that is zero for a machine without events.
fn or_zero(aggregate: &str) -> Expr {
    col(aggregate).fill_null(lit(0))
}

/// The values at events that count: all but those of a warm-up.
fn counted(values: Expr) -> Expr {
    values.filter(col("counts"))
}

/// The values after ticks that count: of a tick that takes several messages, after the last.
fn at_ticks(values: Expr) -> Expr {
    values.filter(col("counts").and(col("ends_tick")))
}

/// `numerator / denominator`, null where the denominator is zero.
fn ratio(numerator: Expr, denominator: Expr) -> Expr {
    let defined = denominator.clone().neq(lit(0));
    let quotient = numerator.cast(DataType::Float64) / denominator.cast(DataType::Float64);
    when(defined).then(quotient).otherwise(lit(NULL))
}

/// The slope of the least-squares line of `y` on `x`, both centred before anything is summed; null where `x` does not vary.
fn slope(x: Expr, y: Expr) -> Expr {
    let x = x.clone() - x.mean();
    let y = y.clone() - y.mean();
    ratio((x.clone() * y).sum(), (x.clone() * x).sum())
}

/// A quantile, interpolated linearly between the two nearest values.
fn quantile(values: Expr, share: f64) -> Expr {
    values.quantile(lit(share), QuantileMethod::Linear)
}
