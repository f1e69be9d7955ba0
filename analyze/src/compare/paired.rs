//! What every measure differs by between two datasets, over matched runs.
//!
//! The difference is taken machine by machine of each pair of runs, B - A. Over the runs of a configuration, each machine has an
//! estimate of its own. Over all runs, a run first becomes one value, the mean of its machines: the machines of a run hang
//! together, and an interval that counted each of them would be too narrow.

use polars::prelude::*;

use super::{Pair, rows};
use crate::error::Error;
use crate::measures::{self, Measure};
use crate::output::value::Value;
use crate::read::dataset::Dataset;
use crate::read::runs;
use crate::stats::estimate::Estimate;
use crate::stats::repetitions::{estimate_expressions, read_estimate};

/// What twins may differ in: no parameters of a configuration here.
const OF_THE_ENGINE: [&str; 2] = ["engine", "time_scale"];

/// A measure in two datasets.
#[derive(Clone, Debug)]
pub struct Paired {
    /// The measure.
    pub measure: &'static Measure,
    /// Its mean in A, where it is defined in both.
    pub mean_a: Option<f64>,
    /// Its mean in B, where it is defined in both.
    pub mean_b: Option<f64>,
    /// The paired differences B - A.
    pub difference: Option<Estimate>,
    /// Share of the values that are exactly equal, of those defined in either.
    pub equal: Option<f64>,
}

/// One machine of one configuration in two datasets, over matched runs.
#[derive(Clone, Debug)]
pub struct Group {
    /// The configuration: a value for each of [`parameters`].
    pub parameters: Vec<Value>,
    /// The machine within the run.
    pub machine: i64,
    /// Its ticks per second.
    pub rate: f64,
    /// Every measure.
    pub measures: Vec<Paired>,
}

/// The parameters that two matched runs share.
pub(super) fn parameters() -> impl Iterator<Item = &'static str> {
    runs::parameters()
        .iter()
        .copied()
        .filter(|name| !OF_THE_ENGINE.contains(name))
}

/// A row a matched run and machine: for each measure its value in A and in B, their difference, and whether they are equal.
pub(super) fn measured(a: &Dataset, b: &Dataset, pairs: &[Pair]) -> Result<DataFrame, Error> {
    let of_a = a.machines_of(&rows(pairs, |pair| &pair.a))?;
    let of_b = b.machines_of(&rows(pairs, |pair| &pair.b))?;
    Ok(side_by_side(of_a, of_b, run_numbers(pairs)?)?)
}

fn run_numbers(pairs: &[Pair]) -> PolarsResult<DataFrame> {
    let a: Vec<i64> = pairs.iter().map(|pair| pair.a.run as i64).collect();
    let b: Vec<i64> = pairs.iter().map(|pair| pair.b.run as i64).collect();
    DataFrame::new(
        pairs.len(),
        vec![
            Series::new("run".into(), a).into(),
            Series::new("run_b".into(), b).into(),
        ],
    )
}

fn side_by_side(a: DataFrame, b: DataFrame, run_numbers: DataFrame) -> PolarsResult<DataFrame> {
    let values = |side: &str| -> Vec<Expr> {
        measures::all()
            .map(|measure| {
                let value = col(measure.name).cast(DataType::Float64);
                value.alias(name(measure, side))
            })
            .collect()
    };
    let of_machine: Vec<Expr> = ["run", "machine", "rate"]
        .into_iter()
        .chain(parameters())
        .map(col)
        .collect();
    let of_b = [col("run").alias("run_b"), col("machine")];
    a.lazy()
        .select([of_machine, values("a")].concat())
        .join(
            run_numbers.lazy(),
            [col("run")],
            [col("run")],
            JoinArgs::new(JoinType::Inner),
        )
        .join(
            b.lazy().select([of_b.to_vec(), values("b")].concat()),
            [col("run_b"), col("machine")],
            [col("run_b"), col("machine")],
            JoinArgs::new(JoinType::Inner),
        )
        .with_columns(measures::all().flat_map(compared).collect::<Vec<_>>())
        .with_columns(
            measures::all()
                .flat_map(defined_in_both)
                .collect::<Vec<_>>(),
        )
        .sort(["run", "machine"], SortMultipleOptions::default())
        .collect()
}

/// Where a measure is undefined on one side it has no difference, and is not equal; where on both, it is nothing at all.
fn compared(measure: &Measure) -> [Expr; 2] {
    let (a, b) = (col(name(measure, "a")), col(name(measure, "b")));
    let undefined = a.clone().is_null().and(b.clone().is_null());
    let equal = a.clone().eq_missing(b.clone()).cast(DataType::Float64);
    let equal = when(undefined).then(lit(NULL)).otherwise(equal);
    [
        (b - a).alias(name(measure, "difference")),
        equal.alias(name(measure, "equal")),
    ]
}

/// Only what has a difference counts in the means of the two sides: so they differ by the mean difference.
fn defined_in_both(measure: &Measure) -> [Expr; 2] {
    let defined = || col(name(measure, "difference")).is_not_null();
    ["a", "b"].map(|side| {
        let value = col(name(measure, side));
        let value = when(defined()).then(value).otherwise(lit(NULL));
        value.alias(name(measure, side))
    })
}

/// Every measure over all matched runs.
pub(super) fn pooled(measured: &DataFrame) -> PolarsResult<Vec<Paired>> {
    let means_of_run = measures::all().flat_map(|measure| {
        ["a", "b", "difference", "equal"].map(|what| col(name(measure, what)).mean())
    });
    let of_runs = measured
        .clone()
        .lazy()
        .group_by([col("run")])
        .agg(means_of_run.collect::<Vec<_>>())
        .sort(["run"], SortMultipleOptions::default())
        .collect()?;
    // The order of the runs is settled first: within one query, Polars takes sorting away before means, whose last digits depend
    // on it.
    let folded = of_runs.lazy().group_by([lit(0)]).agg(statistics());
    of_row(&folded.collect()?, 0)
}

/// Every measure of each configuration and machine, in the order of A's plan.
pub(super) fn groups(measured: &DataFrame) -> PolarsResult<Vec<Group>> {
    let keys = parameters().chain(["machine", "rate"]).map(col);
    let mut aggregates = statistics();
    aggregates.push(col("run").min().alias("first_run"));
    let folded = measured
        .clone()
        .lazy()
        .group_by(keys.collect::<Vec<_>>())
        .agg(aggregates)
        .sort(["first_run", "machine"], SortMultipleOptions::default())
        .collect()?;
    let value = |name: &str, row| Value::from_cell(folded.column(name)?, row);
    let integer = |name: &str, row| {
        Ok::<_, PolarsError>(value(name, row)?.as_number().unwrap_or_default() as i64)
    };
    let group = |row| {
        Ok(Group {
            parameters: parameters()
                .map(|name| value(name, row))
                .collect::<PolarsResult<_>>()?,
            machine: integer("machine", row)?,
            rate: value("rate", row)?.as_number().unwrap_or_default(),
            measures: of_row(&folded, row)?,
        })
    };
    (0..folded.height()).map(group).collect()
}

/// What is told of each measure, over rows of values.
fn statistics() -> Vec<Expr> {
    measures::all()
        .flat_map(|measure| {
            let mean_of = |what: &str| col(name(measure, what)).mean();
            let means = [
                mean_of("a").alias(name(measure, "mean in a")),
                mean_of("b").alias(name(measure, "mean in b")),
                mean_of("equal").alias(name(measure, "share equal")),
            ];
            let differences = name(measure, "difference");
            let of_differences = estimate_expressions(&differences, &differences);
            means.into_iter().chain(of_differences)
        })
        .collect()
}

fn of_row(folded: &DataFrame, row: usize) -> PolarsResult<Vec<Paired>> {
    let number = |measure: &Measure, what: &str| {
        Ok::<_, PolarsError>(
            Value::from_cell(folded.column(&name(measure, what))?, row)?.as_number(),
        )
    };
    measures::all()
        .map(|measure| {
            Ok(Paired {
                measure,
                mean_a: number(measure, "mean in a")?,
                mean_b: number(measure, "mean in b")?,
                difference: read_estimate(folded, &name(measure, "difference"), row)?,
                equal: number(measure, "share equal")?,
            })
        })
        .collect()
}

/// The column that holds `what` of `measure`.
fn name(measure: &Measure, what: &str) -> String {
    format!("{} {what}", measure.name)
}
