//! Combines repetitions: one group per configuration and machine, with an estimate of each measure.

use std::sync::Arc;

use polars::prelude::*;
use sim::experiment::Configuration;

use crate::error::Error;
use crate::measures::batches::{MACHINE_KEYS, Stack};
use crate::measures::{self, Measure};
use crate::output::value::Value;
use crate::read::configurations::Configurations;
use crate::read::dataset::Dataset;
use crate::read::runs::{chosen_machine_frame, parameters};
use crate::stats::estimate::Estimate;
use crate::stats::ties::Ties;

/// The column with the index of a row's dataset on the command line.
pub(crate) const DATASET_INDEX: &str = "dataset_index";
/// The column with the number of the configuration in the dataset.
const CONFIGURATION: &str = "configuration";

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
    measures: Arc<[&'static Measure]>,
    /// An estimate of each of `measures`; none if it is undefined in every repetition.
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

    /// The estimate of `measure` over the repetitions; none if it is undefined in every repetition.
    ///
    /// # Panics
    ///
    /// If the measure was not read.
    pub fn estimate(&self, measure: &Measure) -> Option<Estimate> {
        self.estimates[index_of(&self.measures, measure)]
    }
}

/// The index of `measure` among the measures that were read.
///
/// # Panics
///
/// If it was not read.
pub(crate) fn index_of(measures: &[&Measure], measure: &Measure) -> usize {
    let mut read = measures.iter();
    read.position(|other| other.name == measure.name)
        .unwrap_or_else(|| panic!("{} was not read", measure.name))
}

/// The groups of `datasets` with all measures, in the order of the command line, the plan and the machines.
///
/// # Errors
///
/// The errors of [`Dataset::machines`].
pub fn groups(datasets: &[Dataset]) -> Result<Vec<Group>, Error> {
    let measures: Vec<&Measure> = measures::all().collect();
    groups_with(datasets, &measures)
}

/// Like [`groups`], but with `measures` only.
///
/// # Errors
///
/// The errors of [`Dataset::machines`].
pub fn groups_with(
    datasets: &[Dataset],
    measures: &[&'static Measure],
) -> Result<Vec<Group>, Error> {
    Repetitions::read(datasets, measures)?.groups()
}

/// Some measures of every machine of every run of some datasets.
pub struct Repetitions<'d> {
    datasets: &'d [Dataset],
    /// For each dataset, its configurations.
    configurations: Vec<Configurations<'d>>,
    measures: Arc<[&'static Measure]>,
    machines: DataFrame,
}

impl<'d> Repetitions<'d> {
    /// Reads or computes `measures`.
    ///
    /// # Errors
    ///
    /// The errors of [`Dataset::machines`].
    pub fn read(datasets: &'d [Dataset], measures: &[&'static Measure]) -> Result<Self, Error> {
        let all = datasets.iter();
        let configurations: Vec<_> = all
            .map(|dataset| Configurations::of_runs(dataset.finished()))
            .collect();
        let mut machines = Stack::default();
        for (index, dataset) in datasets.iter().enumerate() {
            let mut measured = measured(dataset, index, &["rate"], measures)?;
            let numbers = configurations[index].numbers().iter();
            let of_machines = std::iter::zip(numbers, dataset.finished())
                .flat_map(|(&number, row)| (0..row.machines()).map(move |_| i64::from(number)));
            let of_machines: Vec<i64> = of_machines.collect();
            measured.with_column(Series::new(CONFIGURATION.into(), of_machines).into())?;
            machines.push(&measured)?;
        }
        Ok(Self {
            datasets,
            configurations,
            measures: measures.into(),
            machines: machines.into_frame(),
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

    /// A group for each configuration, in the order of [`Self::groups`]. Each run is one value, the mean over its first `machines`
    /// machines; a run in which one of these machines has no value has none. The group's machine is 0, and its rate is the mean rate.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] if the estimates cannot be computed.
    pub fn run_means(&self, machines: u32) -> Result<Vec<Group>, Error> {
        let mean = |measure: &&Measure| {
            let values = || col(measure.name).cast(DataType::Float64);
            let is_complete = values().null_count().eq(lit(0));
            let mean = when(is_complete).then(values().mean());
            mean.otherwise(lit(NULL)).alias(measure.name)
        };
        let means = self.measures.iter().map(mean).chain([
            lit(0).cast(DataType::Int64).alias("machine"),
            col("rate").mean(),
        ]);
        // The runs are sorted, since the last digits of sums depend on the order.
        let of_runs = self
            .machines
            .clone()
            .lazy()
            .filter(col("machine").lt(lit(machines)))
            .group_by([DATASET_INDEX, CONFIGURATION, "run"].map(col))
            .agg(means.collect::<Vec<_>>())
            .sort([DATASET_INDEX, "run"], SortMultipleOptions::default())
            .collect()?;
        self.fold(of_runs)
    }

    /// Estimates the measures over the rows with the same dataset, configuration and machine.
    fn fold(&self, values: DataFrame) -> Result<Vec<Group>, Error> {
        let keys = [DATASET_INDEX, CONFIGURATION, "machine", "rate"];
        let n = col("run").len().cast(DataType::Int64).alias("n");
        let folded = values
            .lazy()
            .group_by(keys.map(col))
            .agg(
                std::iter::once(n)
                    .chain(statistics(&self.measures))
                    .collect::<Vec<_>>(),
            )
            .sort(
                [DATASET_INDEX, CONFIGURATION, "machine"],
                SortMultipleOptions::default(),
            )
            .collect()?;
        let parameters = self.configurations.iter().map(Configurations::values);
        let parameters = parameters.collect::<PolarsResult<Vec<_>>>()?;
        let group = |row: usize| self.group(&folded, row, &parameters);
        Ok((0..folded.height())
            .map(group)
            .collect::<PolarsResult<_>>()?)
    }

    /// The group in `row` of `folded`. `parameters` has the values of each dataset's configurations.
    fn group(
        &self,
        folded: &DataFrame,
        row: usize,
        parameters: &[Vec<Vec<Value>>],
    ) -> PolarsResult<Group> {
        let integer = |name: &str| {
            let value = folded.column(name)?.i64()?.get(row);
            Ok::<_, PolarsError>(value.unwrap_or_default())
        };
        let index = integer(DATASET_INDEX)? as usize;
        let configuration = integer(CONFIGURATION)? as usize;
        let dataset = &self.datasets[index];
        let first_run = self.configurations[index].first_runs()[configuration];
        Ok(Group {
            dataset: dataset.label().to_owned(),
            configuration: Arc::clone(&first_run.configuration),
            parameters: parameters[index][configuration].clone(),
            machine: integer("machine")?,
            rate: folded.column("rate")?.f64()?.get(row).unwrap_or_default(),
            warm_up_s: dataset.warm_up_s(),
            n: integer("n")? as u64,
            measures: Arc::clone(&self.measures),
            estimates: estimates(folded, row, &self.measures)?,
        })
    }
}

/// The columns `names` of machines and `measures` of all machines of all runs of a dataset, with the columns [`MACHINE_KEYS`] and the
/// index of the dataset.
pub(crate) fn measured(
    dataset: &Dataset,
    index: usize,
    names: &[&str],
    measures: &[&Measure],
) -> Result<DataFrame, Error> {
    let mut machines = dataset.measures_of(dataset.finished(), measures)?;
    let is_wanted = |name: &str| names.contains(&name) && !MACHINE_KEYS.contains(&name);
    let described = chosen_machine_frame(
        dataset.label(),
        dataset.finished(),
        dataset.warm_up_s(),
        is_wanted,
    )?;
    machines.hstack_mut(described.columns())?;
    let index = Column::new_scalar(
        DATASET_INDEX.into(),
        Scalar::from(index as i64),
        machines.height(),
    );
    machines.with_column(index)?;
    Ok(machines)
}

/// The aggregates for an estimate of each of `measures` over the rows of a group: see [`estimate_expressions`].
pub(crate) fn statistics(measures: &[&'static Measure]) -> impl Iterator<Item = Expr> {
    let measures = measures.iter();
    measures.flat_map(|measure| estimate_expressions(measure.name, measure.name))
}

/// The estimates of `measures` in a row of [`statistics`].
pub(crate) fn estimates(
    folded: &DataFrame,
    row: usize,
    measures: &[&Measure],
) -> PolarsResult<Vec<Option<Estimate>>> {
    measures
        .iter()
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
