//! Combines repetitions: one group per configuration and machine, with an estimate of every measure.

use std::sync::Arc;

use polars::prelude::*;
use sim::experiment::Configuration;

use crate::error::Error;
use crate::measures::batches::Stack;
use crate::measures::{self, Measure};
use crate::output::value::Value;
use crate::read::dataset::Dataset;
use crate::read::runs::parameters;
use crate::stats::estimate::Estimate;
use crate::stats::ties::Ties;

/// The column with the index of a row's dataset on the command line.
pub(crate) const DATASET_INDEX: &str = "dataset_index";
/// The column with the model seconds that are left out at the start of the runs.
const WARM_UP: &str = "warm_up_s";

/// One machine of one configuration of one dataset, over its repetitions.
#[derive(Clone, Debug)]
pub struct Group {
    /// The dataset's label.
    pub dataset: String,
    /// The configuration.
    pub configuration: Arc<Configuration>,
    /// A value for each of [`parameters`].
    pub parameters: Vec<Value>,
    /// The machine within the run.
    pub machine: i64,
    /// Ticks per second of the machine.
    pub rate: f64,
    /// Model seconds that are left out at the start of every run.
    pub warm_up_s: f64,
    /// Number of repetitions.
    pub n: u64,
    /// An estimate of each measure, in the order of [`measures::all`]; none if it is undefined in every repetition.
    estimates: Vec<Option<Estimate>>,
}

impl Group {
    /// The value of the parameter of this name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&Value> {
        let mut named = std::iter::zip(parameters(), &self.parameters);
        named
            .find(|(other, _)| **other == name)
            .map(|(_, value)| value)
    }

    /// The estimate of `measure` over the repetitions.
    pub fn estimate(&self, measure: &Measure) -> Option<Estimate> {
        let index = measures::all().position(|other| other.name == measure.name)?;
        self.estimates[index]
    }
}

/// The groups of `datasets`, in the order of the command line, the plan and the machines.
///
/// # Errors
///
/// The errors of [`Dataset::machines`].
pub fn groups(datasets: &[Dataset]) -> Result<Vec<Group>, Error> {
    Repetitions::read(datasets)?.groups()
}

/// Every measure of every machine of every run of some datasets.
#[derive(Debug)]
pub struct Repetitions<'d> {
    datasets: &'d [Dataset],
    machines: DataFrame,
}

impl<'d> Repetitions<'d> {
    /// Reads or computes the measures.
    ///
    /// # Errors
    ///
    /// The errors of [`Dataset::machines`].
    pub fn read(datasets: &'d [Dataset]) -> Result<Self, Error> {
        Ok(Self {
            datasets,
            machines: stacked(datasets)?,
        })
    }

    /// A group for each configuration and machine, in the order of the command line, the plan and the machines.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] if the estimates cannot be computed.
    pub fn groups(&self) -> Result<Vec<Group>, Error> {
        self.fold(self.machines.clone())
    }

    /// A group for each configuration, in the order of [`Self::groups`]. Each run is one value: the mean over its first
    /// `machines` machines. If one of these machines has no value, the run has no value. The group's machine is 0, and its rate
    /// is the mean rate.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] if the estimates cannot be computed.
    pub fn run_means(&self, machines: u32) -> Result<Vec<Group>, Error> {
        let keys = [DATASET_INDEX, "dataset", WARM_UP, "run"].into_iter();
        let keys: Vec<Expr> = keys.chain(parameters().iter().copied()).map(col).collect();
        let mean = |measure: &Measure| {
            let values = || col(measure.name).cast(DataType::Float64);
            let is_complete = values().null_count().eq(lit(0));
            let mean = when(is_complete).then(values().mean());
            mean.otherwise(lit(NULL)).alias(measure.name)
        };
        let means = measures::all().map(mean).chain([
            lit(0).cast(DataType::Int64).alias("machine"),
            col("rate").mean(),
        ]);
        // The runs are sorted, because the last digits of sums depend on the order.
        let of_runs = self
            .machines
            .clone()
            .lazy()
            .filter(col("machine").lt(lit(machines)))
            .group_by(keys)
            .agg(means.collect::<Vec<_>>())
            .sort([DATASET_INDEX, "run"], SortMultipleOptions::default())
            .collect()?;
        self.fold(of_runs)
    }

    fn fold(&self, values: DataFrame) -> Result<Vec<Group>, Error> {
        let folded = fold(values)?;
        Ok((0..folded.height())
            .map(|row| group(self.datasets, &folded, row))
            .collect::<PolarsResult<_>>()?)
    }
}

/// Every measure of every machine of every run of `datasets`, with the dataset's index and label.
pub(crate) fn stacked(datasets: &[Dataset]) -> Result<DataFrame, Error> {
    let mut machines = Stack::default();
    for (index, dataset) in datasets.iter().enumerate() {
        let labelled = dataset.machines()?.lazy().with_columns([
            lit(index as i64).cast(DataType::Int64).alias(DATASET_INDEX),
            lit(dataset.label()).alias("dataset"),
            lit(dataset.warm_up_s()).alias(WARM_UP),
        ]);
        machines.push(&labelled.collect()?)?;
    }
    Ok(machines.into_frame())
}

/// The aggregates for an estimate of each measure over the rows of a group: see [`estimate_expressions`].
pub(crate) fn statistics() -> impl Iterator<Item = Expr> {
    measures::all().flat_map(|measure| estimate_expressions(measure.name, measure.name))
}

/// The estimates in a row of [`statistics`], in the order of the measures.
pub(crate) fn estimates(folded: &DataFrame, row: usize) -> PolarsResult<Vec<Option<Estimate>>> {
    measures::all()
        .map(|measure| read_estimate(folded, measure.name, row))
        .collect()
}

/// Mean, standard deviation and all values that are not null of the column `values`, over the rows of a group. The names of these
/// aggregates begin with `name`.
pub(crate) fn estimate_expressions(values: &str, name: &str) -> [Expr; 3] {
    [
        col(values).mean().alias(format!("{name}_mean")),
        col(values).std(1).alias(format!("{name}_sd")),
        col(values)
            .drop_nulls()
            .cast(DataType::Float64)
            .alias(format!("{name}_values")),
    ]
}

/// The estimate in a row of aggregates made by [`estimate_expressions`]; none if the group has no value.
pub(crate) fn read_estimate(
    folded: &DataFrame,
    name: &str,
    row: usize,
) -> PolarsResult<Option<Estimate>> {
    let number = |what: &str| {
        let column = folded.column(&format!("{name}_{what}"))?;
        Ok::<_, PolarsError>(Value::from_cell(column, row)?.as_number())
    };
    let lists = folded.column(&format!("{name}_values"))?.list()?;
    let values = lists.get_as_series(row);
    let mut values: Vec<f64> = match &values {
        Some(values) => values.f64()?.iter().flatten().collect(),
        None => vec![],
    };
    let (n, sd) = (values.len() as u64, number("sd")?);
    let mean = number("mean")?;
    Ok(mean.map(|mean| Estimate::new(n, mean, sd, Ties::count(&mut values))))
}

fn fold(machines: DataFrame) -> PolarsResult<DataFrame> {
    let keys: Vec<Expr> = [DATASET_INDEX, "dataset"]
        .into_iter()
        .chain(parameters().iter().copied())
        .chain(["machine", "rate", WARM_UP])
        .map(col)
        .collect();
    let repetitions = [
        col("run").len().cast(DataType::Int64).alias("n"),
        col("run").min().alias("first_run"),
    ];
    machines
        .lazy()
        .group_by(keys)
        .agg(
            repetitions
                .into_iter()
                .chain(statistics())
                .collect::<Vec<_>>(),
        )
        .sort(
            [DATASET_INDEX, "first_run", "machine"],
            SortMultipleOptions::default(),
        )
        .collect()
}

/// The configuration of `run`, a finished run of the dataset with this index.
fn configuration(datasets: &[Dataset], dataset_index: usize, run: u64) -> Arc<Configuration> {
    let rows = datasets
        .get(dataset_index)
        .map_or(&[][..], Dataset::finished);
    rows.binary_search_by_key(&run, |row| row.run)
        .map(|found| Arc::clone(&rows[found].configuration))
        .unwrap_or_default()
}

fn group(datasets: &[Dataset], folded: &DataFrame, row: usize) -> PolarsResult<Group> {
    let value = |name: &str| Value::from_cell(folded.column(name)?, row);
    let integer =
        |name: &str| Ok::<_, PolarsError>(value(name)?.as_number().unwrap_or_default() as i64);
    let index = integer(DATASET_INDEX)?;
    Ok(Group {
        dataset: value("dataset")?.to_string(),
        configuration: configuration(datasets, index as usize, integer("first_run")? as u64),
        parameters: parameters()
            .iter()
            .map(|name| value(name))
            .collect::<PolarsResult<_>>()?,
        machine: integer("machine")?,
        rate: value("rate")?.as_number().unwrap_or_default(),
        warm_up_s: value(WARM_UP)?.as_number().unwrap_or_default(),
        n: integer("n")? as u64,
        estimates: estimates(folded, row)?,
    })
}
