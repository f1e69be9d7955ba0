//! Compares every measure of two datasets, A and B, over matched runs. A run of A matches the run of B that has the same repetition and the
//! same parameters, except that the engine and the time scale may differ.
//!
//! The difference B - A of a measure is calculated for each machine of each pair of runs. These differences are summarised in two ways:
//!
//! - for each machine of each configuration, over the configuration's runs;
//! - over all runs. Here the differences of a run's machines are first averaged, because the machines of a run depend on each other. An
//!   interval that counted each machine as an independent value would be too narrow.

use polars::prelude::*;

use super::{Pair, rows};
use crate::error::Error;
use crate::measures::{self, Measure};
use crate::output::value::Value;
use crate::read::dataset::Dataset;
use crate::read::runs;
use crate::stats::estimate::Estimate;
use crate::stats::repetitions::{estimate_expressions, read_estimate};

/// The parameters that can have different values in the two runs of a pair. So runs are not grouped by them.
const ENGINE_COLUMNS: [&str; 2] = ["engine", "time_scale"];

/// The comparison of a measure in two datasets.
#[derive(Clone, Debug)]
pub struct Paired {
    /// The measure.
    pub measure: &'static Measure,
    /// Mean in A, over the runs where the measure is defined in both datasets.
    pub mean_a: Option<f64>,
    /// Mean in B, over the runs where the measure is defined in both datasets.
    pub mean_b: Option<f64>,
    /// Estimate of the mean of the paired differences B - A.
    pub difference: Option<Estimate>,
    /// The share of values that are exactly equal in A and in B. Values that are undefined in both datasets do not count. In the comparison
    /// over all runs, this is the mean of the shares of the single runs.
    pub equal: Option<f64>,
}

/// One machine of one configuration, compared over matched runs.
#[derive(Clone, Debug)]
pub struct Group {
    /// The configuration, as one value for each of [`parameters`].
    pub parameters: Vec<Value>,
    /// The index of the machine within the run.
    pub machine: i64,
    /// Ticks per model second of the machine.
    pub rate: f64,
    /// The comparison of every measure.
    pub measures: Vec<Paired>,
}

/// The parameters that are equal in matched runs.
pub(super) fn parameters() -> impl Iterator<Item = &'static str> {
    runs::parameters()
        .iter()
        .copied()
        .filter(|name| !ENGINE_COLUMNS.contains(name))
}

/// A data frame with one row per matched run and machine. For each measure it has the values in A and B, their difference, and
/// whether they are equal.
pub(super) fn measure_pairs(a: &Dataset, b: &Dataset, pairs: &[Pair]) -> Result<DataFrame, Error> {
    let of_a = a.machines_of(&rows(pairs, |pair| &pair.a))?;
    let of_b = b.machines_of(&rows(pairs, |pair| &pair.b))?;
    Ok(side_by_side(of_a, of_b, run_numbers(pairs)?)?)
}

/// The number of each pair's run in A (column `run`) and in B (column `run_b`).
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

/// Joins each row of A with the row of B for the same machine in the matching run. `run_numbers` says which runs match.
fn side_by_side(a: DataFrame, b: DataFrame, run_numbers: DataFrame) -> PolarsResult<DataFrame> {
    let values = |side: &str| -> Vec<Expr> {
        measures::all()
            .map(|measure| {
                let value = col(measure.name).cast(DataType::Float64);
                value.alias(column_name(measure, side))
            })
            .collect()
    };
    let of_machine: Vec<Expr> = ["run", "machine", "rate"]
        .into_iter()
        .chain(parameters())
        .map(col)
        .collect();
    let keys_of_b = [col("run").alias("run_b"), col("machine")];
    a.lazy()
        .select([of_machine, values("a")].concat())
        .join(
            run_numbers.lazy(),
            [col("run")],
            [col("run")],
            JoinArgs::new(JoinType::Inner),
        )
        .join(
            b.lazy().select([keys_of_b.to_vec(), values("b")].concat()),
            [col("run_b"), col("machine")],
            [col("run_b"), col("machine")],
            JoinArgs::new(JoinType::Inner),
        )
        .with_columns(
            measures::all()
                .flat_map(difference_and_equality)
                .collect::<Vec<_>>(),
        )
        // This is a separate step, because it reads the differences that the previous step has calculated.
        .with_columns(
            measures::all()
                .flat_map(defined_in_both)
                .collect::<Vec<_>>(),
        )
        .sort(["run", "machine"], SortMultipleOptions::default())
        .collect()
}

/// Two results: the difference of a measure's values in A and B; and 1 if the two values are equal, 0 if not. If only one value is
/// undefined, the difference is null and the second result is 0. If both values are undefined, both results are null.
fn difference_and_equality(measure: &Measure) -> [Expr; 2] {
    let (a, b) = (
        col(column_name(measure, "a")),
        col(column_name(measure, "b")),
    );
    let both_undefined = a.clone().is_null().and(b.clone().is_null());
    // If only one value is null, `eq_missing` is false, whereas `eq` would be null.
    let equal = a.clone().eq_missing(b.clone()).cast(DataType::Float64);
    let equal = when(both_undefined).then(lit(NULL)).otherwise(equal);
    [
        (b - a).alias(column_name(measure, "difference")),
        equal.alias(column_name(measure, "equal")),
    ]
}

/// The values of a measure in A and B. If one of the two values is missing, both become null. So the means of A and of B are over the
/// same runs, and mean(B) - mean(A) equals mean(B - A).
fn defined_in_both(measure: &Measure) -> [Expr; 2] {
    let defined = || col(column_name(measure, "difference")).is_not_null();
    ["a", "b"].map(|side| {
        let value = col(column_name(measure, side));
        let value = when(defined()).then(value).otherwise(lit(NULL));
        value.alias(column_name(measure, side))
    })
}

/// Compares every measure over all matched runs. `measured` is the result of [`measure_pairs`].
pub(super) fn compare_over_all(measured: &DataFrame) -> PolarsResult<Vec<Paired>> {
    let means_of_run = measures::all().flat_map(|measure| {
        ["a", "b", "difference", "equal"].map(|what| col(column_name(measure, what)).mean())
    });
    // The runs are sorted, because their order changes the last digits of the means over all runs. If these means were calculated in the
    // same query, Polars would leave out the sort. So `collect` ends the query here.
    let of_runs = measured
        .clone()
        .lazy()
        .group_by([col("run")])
        .agg(means_of_run.collect::<Vec<_>>())
        .sort(["run"], SortMultipleOptions::default())
        .collect()?;
    // Grouping by a constant makes a single group of all runs.
    let all_runs = of_runs.lazy().group_by([lit(0)]).agg(statistics());
    read_row(&all_runs.collect()?, 0)
}

/// Compares every measure for each configuration and machine. `measured` is the result of [`measure_pairs`]. Configurations are in the
/// order of their first runs in A.
pub(super) fn compare_groups(measured: &DataFrame) -> PolarsResult<Vec<Group>> {
    let keys = parameters().chain(["machine", "rate"]).map(col);
    let mut aggregates = statistics();
    aggregates.push(col("run").min().alias("first_run"));
    let groups = measured
        .clone()
        .lazy()
        .group_by(keys.collect::<Vec<_>>())
        .agg(aggregates)
        .sort(["first_run", "machine"], SortMultipleOptions::default())
        .collect()?;
    let value = |name: &str, row| Value::from_cell(groups.column(name)?, row);
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
            measures: read_row(&groups, row)?,
        })
    };
    (0..groups.height()).map(group).collect()
}

/// For every measure, the expressions that calculate the fields of [`Paired`].
fn statistics() -> Vec<Expr> {
    measures::all()
        .flat_map(|measure| {
            let mean_of = |what: &str| col(column_name(measure, what)).mean();
            let means = [
                mean_of("a").alias(column_name(measure, "mean in a")),
                mean_of("b").alias(column_name(measure, "mean in b")),
                mean_of("equal").alias(column_name(measure, "share equal")),
            ];
            // The first argument names the column with the differences. The second is the start of the names of the three aggregates, which
            // end in `_mean`, `_sd` and `_values`.
            let differences = column_name(measure, "difference");
            let of_differences = estimate_expressions(&differences, &differences);
            means.into_iter().chain(of_differences)
        })
        .collect()
}

/// Reads the results of [`statistics`] from a row.
fn read_row(statistics: &DataFrame, row: usize) -> PolarsResult<Vec<Paired>> {
    let number = |measure: &Measure, what: &str| {
        Ok::<_, PolarsError>(
            Value::from_cell(statistics.column(&column_name(measure, what))?, row)?.as_number(),
        )
    };
    measures::all()
        .map(|measure| {
            Ok(Paired {
                measure,
                mean_a: number(measure, "mean in a")?,
                mean_b: number(measure, "mean in b")?,
                difference: read_estimate(statistics, &column_name(measure, "difference"), row)?,
                equal: number(measure, "share equal")?,
            })
        })
        .collect()
}

/// The name of a column of `measure`. `what` says what the column contains, such as "difference".
fn column_name(measure: &Measure, what: &str) -> String {
    format!("{} {what}", measure.name)
}
