//! Pools runs by some parameters: all runs that have the same values of these parameters form a pool. For each pool, the mean of each
//! measure over the pool's runs is estimated.
//!
//! If several machines of a run are in the same pool, their mean counts as one value, the value of the run. If each machine
//! counted as a value of its own, the interval would be too narrow, because the machines of a run depend on each other.
//!
//! The runs of a pool can have different configurations. Then the standard deviation over these runs includes the differences between
//! the configurations.

use sim::sweep::words::grouped;

use std::sync::Arc;

use polars::prelude::*;

use crate::error::Error;
use crate::measures::Measure;
use crate::measures::batches::Stack;
use crate::output::table::Table;
use crate::output::value::{Record, Value};
use crate::read::dataset::Dataset;
use crate::read::runs::parameters;
use crate::stats::estimate::Estimate;
use crate::stats::intervals::notes;
use crate::stats::records::push_estimate;
use crate::stats::repetitions::{self, DATASET_INDEX, index_of, read_measured_machines};
use crate::stats::tables::{
    Deviations, cells, described, few_warning, means_in_words, measure_headings, parameter_heading,
};

/// Runs can be pooled by parameters, and also by these columns: the number of the run's machines, three columns about one machine (its
/// index, its rate, and its role, such as `slowest`), and the dataset. A pool never has runs of several datasets, even if the user does not
/// name `dataset`. The table has a column with the dataset if the user names `dataset`, or if the pools come from several datasets.
pub const OTHERS: [&str; 5] = ["machines", "machine", "rate", "role", "dataset"];

/// All runs that have the same values of some parameters, and the estimates of measures over them.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The dataset's label.
    pub dataset: String,
    /// The values of the parameters by which the runs are pooled.
    pub values: Vec<Value>,
    /// Number of runs.
    pub n: u64,
    /// The measures that were given to [`pools`].
    measures: Arc<[&'static Measure]>,
    /// An estimate of each of `measures`; `None` if the measure is undefined in every run.
    estimates: Vec<Option<Estimate>>,
}

impl Pool {
    /// The estimate of `measure` over the runs; `None` if the measure is undefined in every run.
    ///
    /// # Panics
    ///
    /// If `measure` is not one of the measures that were given to [`pools`].
    pub fn estimate(&self, measure: &Measure) -> Option<Estimate> {
        self.estimates[index_of(&self.measures, measure)]
    }
}

/// Finds the column `name` by which runs can be pooled: one of [`parameters`] and [`OTHERS`].
pub fn known(name: &str) -> Option<&'static str> {
    let mut names = parameters().iter().copied().chain(OTHERS);
    names.find(|known| *known == name)
}

/// The pools of `datasets` by the parameters `names`, with an estimate of each of `measures`. The pools are ordered by dataset (as
/// on the command line), then by the values of the parameters.
///
/// # Errors
///
/// The errors of [`Dataset::machines`].
pub fn pools(
    datasets: &[Dataset],
    names: &[&'static str],
    measures: &[&'static Measure],
) -> Result<Vec<Pool>, Error> {
    // A row for each machine of each run, for one dataset after the other.
    let mut machines = Stack::default();
    for (index, dataset) in datasets.iter().enumerate() {
        machines.push(&read_measured_machines(dataset, index, names, measures)?)?;
    }
    let machines = machines.into_frame();
    let keys = || -> Vec<Expr> {
        let names = std::iter::once(DATASET_INDEX).chain(names.iter().copied());
        names.map(col).collect()
    };
    let means_over_machines: Vec<Expr> = measures
        .iter()
        .map(|measure| col(measure.name).cast(DataType::Float64).mean())
        .collect();
    let mut statistics = vec![col("run").len().cast(DataType::Int64).alias("n")];
    statistics.extend(repetitions::aggregate_expressions(measures));
    let order: Vec<&str> = std::iter::once(DATASET_INDEX)
        .chain(names.iter().copied())
        .collect();
    // First the value of each run: the mean over its machines in the pool. Then the statistics of each pool over these values. Sums of
    // floating-point numbers depend on their order, so the values are sorted between the two steps. `collect` is needed after the sort,
    // because within one query Polars leaves out a sort before a mean.
    let run_values = machines
        .lazy()
        .group_by([keys(), vec![col("run")]].concat())
        .agg(means_over_machines)
        .sort(
            [DATASET_INDEX, "run"]
                .into_iter()
                .chain(names.iter().copied())
                .collect::<Vec<_>>(),
            SortMultipleOptions::default(),
        )
        .collect()?;
    let aggregates = run_values
        .lazy()
        .group_by(keys())
        .agg(statistics)
        .sort(order, SortMultipleOptions::default())
        .collect()?;
    let measures: Arc<[&Measure]> = measures.into();
    let pools =
        (0..aggregates.height()).map(|row| pool(datasets, &aggregates, names, &measures, row));
    Ok(pools.collect::<PolarsResult<_>>()?)
}

/// The pool in a row of `aggregates`.
fn pool(
    datasets: &[Dataset],
    aggregates: &DataFrame,
    names: &[&'static str],
    measures: &Arc<[&'static Measure]>,
    row: usize,
) -> PolarsResult<Pool> {
    let value = |name: &str| Value::from_cell(aggregates.column(name)?, row);
    let index = value(DATASET_INDEX)?.as_number().unwrap_or_default() as usize;
    Ok(Pool {
        dataset: datasets[index].label().to_owned(),
        values: names
            .iter()
            .map(|name| value(name))
            .collect::<PolarsResult<_>>()?,
        n: value("n")?.as_number().unwrap_or_default() as u64,
        measures: Arc::clone(measures),
        estimates: repetitions::estimates(aggregates, row, measures)?,
    })
}

/// The table of `measures`, with a row for each of `pools`. The runs were pooled by the columns `names`.
pub fn table(
    title: &'static str,
    names: &[&'static str],
    measures: &[&Measure],
    pools: &[Pool],
    deviations: Deviations,
) -> Table {
    let has_datasets = !names.contains(&"dataset")
        && pools
            .windows(2)
            .any(|pair| pair[0].dataset != pair[1].dataset);
    let mut headings: Vec<String> = has_datasets
        .then(|| "dataset".to_owned())
        .into_iter()
        .collect();
    headings.extend(names.iter().map(|name| match *name {
        "rate" => "rate (1/s)".to_owned(),
        name => parameter_heading(name).to_owned(),
    }));
    let key_columns = headings.len();
    let of_measures = measures.iter();
    headings.extend(of_measures.flat_map(|measure| measure_headings(measure, deviations)));
    headings.push("runs".to_owned());
    let row = |pool: &Pool| -> Vec<String> {
        let dataset = has_datasets.then(|| pool.dataset.clone()).into_iter();
        let values = pool.values.iter().map(Value::to_string);
        let cells = measures
            .iter()
            .flat_map(|measure| cells(pool.estimate(measure), pool.n, measure, deviations));
        let runs = std::iter::once(grouped(pool.n));
        dataset.chain(values).chain(cells).chain(runs).collect()
    };
    let mut caption = vec![format!(
        "{} If a row combines several configurations, the interval includes the differences between them, and so does the \
         standard deviation of the runs' values. If several machines of a run belong to one row, the value of the run is their mean.",
        means_in_words(
            &format!("all runs with the same {}", names.join(", ")),
            deviations
        )
    )];
    let kinds = pools.iter().flat_map(|pool| {
        let estimates = measures.iter().filter_map(|measure| pool.estimate(measure));
        estimates.map(|estimate| estimate.interval_kind)
    });
    caption.extend(notes(kinds));
    caption.extend(few_warning(pools.iter().map(|pool| pool.n).min()));
    caption.extend(
        measures
            .iter()
            .map(|measure| format!("- {}: {}.", measure.label, described(measure))),
    );
    Table {
        short: vec![],
        title,
        numeric: (0..headings.len())
            .map(|column| column >= key_columns)
            .collect(),
        // On narrow terminals, columns of measures are left out from right to left, but the leftmost of them is always shown. The number
        // of runs (the last column of the table) is always shown too.
        optional: (key_columns + 1..headings.len() - 1).rev().collect(),
        headings,
        rows: pools.iter().map(row).collect(),
        caption,
        ..Table::default()
    }
}

/// The pools as records, in full precision.
pub fn records(names: &[&'static str], measures: &[&Measure], pools: &[Pool]) -> Vec<Record> {
    let record = |pool: &Pool| {
        let mut record = vec![("dataset".to_owned(), Value::Text(pool.dataset.clone()))];
        let values = names.iter().zip(&pool.values);
        // Each record begins with the dataset anyway.
        let values = values.filter(|(name, _)| **name != "dataset");
        record.extend(values.map(|(name, value)| ((*name).to_owned(), value.clone())));
        record.push(("n".to_owned(), Value::Integer(pool.n as i64)));
        for measure in measures {
            push_estimate(&mut record, measure, pool.estimate(measure));
        }
        record
    };
    pools.iter().map(record).collect()
}
