//! Combines repetitions. Each machine of a configuration has one group, which combines all runs of the configuration. For example, ten
//! runs with three machines give three groups. A group has an estimate of each measure: the mean over the runs, with its interval.

use std::sync::Arc;

use polars::prelude::*;
use sim::experiment::Configuration;
use sim::log::JournalRow;

use crate::error::Error;
use crate::measures::batches::MACHINE_KEYS;
use crate::measures::{self, Measure};
use crate::output::value::Value;
use crate::read::choice_frame::role_column;
use crate::read::configurations::Configurations;
use crate::read::dataset::Dataset;
use crate::read::runs::{machine_frame_with, parameters};
use crate::stats::estimate::Estimate;
use crate::stats::ties::Ties;

/// The column with the index of a row's dataset: 0 for the first dataset on the command line.
pub(crate) const DATASET_INDEX: &str = "dataset_index";

/// One machine of one configuration of one dataset, over its repetitions.
#[derive(Clone, Debug)]
pub struct Group {
    /// The dataset's label.
    pub dataset: String,
    /// The configuration.
    pub configuration: Arc<Configuration>,
    /// The values of the parameters, in the order of their names in [`parameters()`].
    pub parameters: Vec<Value>,
    /// The index of the machine within the run.
    pub machine: i64,
    /// Ticks per second of the machine.
    pub rate: f64,
    /// Model seconds that are left out at the start of every run.
    pub warm_up_s: f64,
    /// Number of repetitions.
    pub n: u64,
    measures: Arc<[&'static Measure]>,
    /// An estimate of each of `measures`; `None` if the measure is undefined in every repetition.
    estimates: Vec<Option<Estimate>>,
}

/// Results for one configuration of one dataset, for example a [`Group`].
pub(crate) trait Configured {
    /// The dataset's label.
    fn dataset(&self) -> &str;

    /// The values of the parameters, in the order of their names in [`parameters()`].
    fn parameters(&self) -> &[Value];

    /// The value of the parameter of this name.
    fn parameter(&self, name: &str) -> Option<&Value> {
        let mut named = std::iter::zip(parameters(), self.parameters());
        let found = named.find(|(other, _)| **other == name);
        found.map(|(_, value)| value)
    }
}

impl Configured for Group {
    fn dataset(&self) -> &str {
        &self.dataset
    }

    fn parameters(&self) -> &[Value] {
        &self.parameters
    }
}

impl Group {
    /// Whether both groups are machines of one configuration of one dataset.
    pub(crate) fn is_of_same_configuration(&self, other: &Self) -> bool {
        self.dataset == other.dataset && self.parameters == other.parameters
    }

    /// The estimate of `measure` over the repetitions; `None` if the measure is undefined in every repetition.
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
/// If the measure was not read.
pub(crate) fn index_of(measures: &[&Measure], measure: &Measure) -> usize {
    let mut names = measures.iter();
    names
        .position(|other| other.name == measure.name)
        .unwrap_or_else(|| panic!("{} was not read", measure.name))
}

/// The groups of `datasets` with all measures, ordered by dataset (as on the command line), configuration (in the order of their first
/// runs) and machine.
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

/// The values of some measures in the runs of some datasets. A *row* is one machine in one run. Only machines that the user chose (with
/// `--where`, for example) have rows.
pub struct Repetitions<'d> {
    datasets: &'d [Dataset],
    /// For each dataset, its configurations.
    configurations: Vec<Configurations<'d>>,
    /// The measures that were read.
    measures: Arc<[&'static Measure]>,
    /// What each group is about. The groups are ordered by dataset (as on the command line), configuration and machine.
    keys: Vec<GroupKey>,
    /// For each row, the index of its group in `keys`. The rows are ordered by dataset, run and machine.
    group_of_row: Vec<u32>,
    /// For each row, the number of its run, counted over all datasets.
    run_of_row: Vec<u32>,
    /// For each of `measures`, its values: one for each row.
    values: Vec<Values>,
}

/// Which machine of which configuration of which dataset a group is about.
#[derive(Clone, Copy)]
struct GroupKey {
    /// The index of the dataset.
    dataset: usize,
    /// The number of the configuration in the dataset.
    configuration: usize,
    /// The index of the machine within the run.
    machine: u32,
}

/// The values of a measure, one for each row. NaN stands for an undefined value. (`Option<f64>` would need twice the memory.)
type Values = Vec<f64>;

impl<'d> Repetitions<'d> {
    /// Reads or computes `measures`.
    ///
    /// # Errors
    ///
    /// The errors of [`Dataset::machines`].
    pub fn read(datasets: &'d [Dataset], measures: &[&'static Measure]) -> Result<Self, Error> {
        let mut repetitions = Self::new(datasets, measures);
        for (index, dataset) in datasets.iter().enumerate() {
            let machines = dataset.measures_of(dataset.finished(), measures)?;
            repetitions.add(index, dataset, &machines)?;
        }
        Ok(repetitions)
    }

    /// Takes `measures` from `machines`: a data frame with a row for each machine of each run of `dataset`, chosen or not. The rows are
    /// ordered by run and machine.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] if a measure is missing.
    pub(crate) fn from_machines(
        dataset: &'d Dataset,
        measures: &[&'static Measure],
        machines: &DataFrame,
    ) -> Result<Self, Error> {
        let mut repetitions = Self::new(std::slice::from_ref(dataset), measures);
        repetitions.add(0, dataset, machines)?;
        Ok(repetitions)
    }

    fn new(datasets: &'d [Dataset], measures: &[&'static Measure]) -> Self {
        Self {
            datasets,
            configurations: vec![],
            measures: measures.into(),
            keys: vec![],
            group_of_row: vec![],
            run_of_row: vec![],
            values: vec![vec![]; measures.len()],
        }
    }

    /// Adds `dataset`, which is at `index` on the command line. `measured` has the measures: a row for each machine of each run, ordered by
    /// run and machine.
    fn add(
        &mut self,
        index: usize,
        dataset: &'d Dataset,
        measured: &DataFrame,
    ) -> Result<(), Error> {
        let configurations = Configurations::of_runs(dataset.finished());
        // For each configuration, the index of its first group in `keys`.
        let mut first_groups = vec![];
        for (configuration, run) in configurations.first_runs().iter().enumerate() {
            first_groups.push(self.keys.len() as u32);
            self.keys
                .extend((0..run.machines()).map(|machine| GroupKey {
                    dataset: index,
                    configuration,
                    machine,
                }));
        }
        let mask = dataset.machine_mask();
        // A function: each call says whether the next machine, in the order of runs and machines, was chosen.
        let mut is_next_chosen = chosen_in_turn(mask.as_deref());
        let first_run_index = self.run_of_row.last().map_or(0, |last| last + 1);
        let runs = std::iter::zip(configurations.numbers(), dataset.finished());
        for (run_index, (&configuration, run)) in (first_run_index..).zip(runs) {
            let first = first_groups[configuration as usize];
            for machine in 0..run.machines() {
                if is_next_chosen() {
                    self.group_of_row.push(first + machine);
                    self.run_of_row.push(run_index);
                }
            }
        }
        self.configurations.push(configurations);
        for (measure, values) in std::iter::zip(&*self.measures, &mut self.values) {
            let column = measured.column(measure.name)?.cast(&DataType::Float64)?;
            let mut is_next_chosen = chosen_in_turn(mask.as_deref());
            let chosen = column.f64()?.iter().filter(|_| is_next_chosen());
            values.extend(chosen.map(|value| value.unwrap_or(f64::NAN)));
        }
        Ok(())
    }

    /// A group for each machine of each configuration, ordered by dataset (as on the command line), configuration (in the order of their
    /// first runs) and machine.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] if the parameters cannot be read.
    pub fn groups(&self) -> Result<Vec<Group>, Error> {
        self.make_groups(&self.group_of_row, &self.values, GroupKey::rate)
    }

    /// A group for each configuration, in the order of [`Self::groups`]. First the machines of each run are averaged: the first
    /// `machine_count` machines that the user chose, or all of them if there are fewer. So each run gives one value of each measure. (It
    /// gives none if one of these machines has no value.) Then the runs of a configuration form a group.
    ///
    /// The group's `machine` is the first chosen machine. Its `rate` is the mean rate of the first `machine_count` machines of the
    /// configuration, whether they were chosen or not.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] if the parameters cannot be read.
    pub fn run_means(&self, machine_count: u32) -> Result<Vec<Group>, Error> {
        let mut group_of_run = vec![];
        let mut means: Vec<Values> = vec![vec![]; self.measures.len()];
        // `group_of_run` and the lists in `means` get one element for each run. `keys` has groups of machines, but no groups of whole
        // configurations. So each run is put into the group of its first chosen machine.
        // The rows of a run follow each other, and `first_row` is the first of them.
        let mut first_row = 0;
        while let Some(&group) = self.group_of_row.get(first_row) {
            let run = self.run_of_row[first_row];
            let of_run = self.run_of_row[first_row..]
                .iter()
                .take_while(|&&other| other == run);
            let end = first_row + of_run.count();
            let rows = first_row..end.min(first_row + machine_count as usize);
            group_of_run.push(group);
            for (values, means) in std::iter::zip(&self.values, &mut means) {
                // If a value is undefined (NaN), the sum is NaN too.
                let sum: f64 = values[rows.clone()].iter().sum();
                means.push(sum / rows.len() as f64);
            }
            first_row = end;
        }
        let mean_rate = |_: &GroupKey, first_run: &JournalRow| {
            let rates = first_run.configuration.rates.iter();
            let rates = rates.take(machine_count as usize);
            let rates: Vec<f64> = rates.map(|rate| rate.hertz()).collect();
            rates.iter().sum::<f64>() / rates.len() as f64
        };
        self.make_groups(&group_of_run, &means, mean_rate)
    }

    /// Makes the groups that have at least one row. (For [`Self::run_means`], a row is a whole run.) `group_of_row` has, for each row, the
    /// index of its group in `keys`. `values` has a list for each measure, with a value for each row. `rate` computes the rate of a group
    /// from the group's key and the first run of its configuration.
    fn make_groups(
        &self,
        group_of_row: &[u32],
        values: &[Values],
        rate: impl Fn(&GroupKey, &JournalRow) -> f64,
    ) -> Result<Vec<Group>, Error> {
        let parameters = self.configurations.iter().map(Configurations::values);
        let parameters = parameters.collect::<PolarsResult<Vec<_>>>()?;
        let rows = RowsByGroup::new(group_of_row, self.keys.len());
        let mut estimates: Vec<Vec<Option<Estimate>>> = vec![vec![]; self.keys.len()];
        for values_of_measure in values {
            let values_of_groups = rows.values_by_group(values_of_measure);
            for (of_group, values) in std::iter::zip(&mut estimates, values_of_groups) {
                let is_known = !values.is_empty();
                of_group.push(is_known.then(|| Estimate::from_values(&values)));
            }
        }
        let keys_and_estimates = self.keys.iter().zip(estimates).enumerate();
        let group = |(index, (key, estimates)): (usize, (&GroupKey, _))| {
            let dataset = &self.datasets[key.dataset];
            let first_run = self.configurations[key.dataset].first_runs()[key.configuration];
            Group {
                dataset: dataset.label().to_owned(),
                configuration: Arc::clone(&first_run.configuration),
                parameters: parameters[key.dataset][key.configuration].clone(),
                machine: key.machine.into(),
                rate: rate(key, first_run),
                warm_up_s: dataset.warm_up_s(),
                n: rows.count(index) as u64,
                measures: Arc::clone(&self.measures),
                estimates,
            }
        };
        Ok(keys_and_estimates
            .map(group)
            .filter(|group| group.n > 0)
            .collect())
    }
}

/// Makes a function to be called once for each machine of each run, in the order of the runs. The function returns whether the user chose
/// the machine: the first call returns the first element of `mask`, the second call the second element, and so on. Without a mask, the
/// user chose every machine.
fn chosen_in_turn(mask: Option<&[bool]>) -> impl FnMut() -> bool + '_ {
    let mut mask = mask.map(|mask| mask.iter());
    move || match &mut mask {
        Some(mask) => mask.next() == Some(&true),
        None => true,
    }
}

impl GroupKey {
    /// Ticks per second of the machine.
    fn rate(&self, first_run: &JournalRow) -> f64 {
        let mut rates = first_run.configuration.rates.iter();
        rates
            .nth(self.machine as usize)
            .map_or(0.0, |rate| rate.hertz())
    }
}

/// The rows of each group.
struct RowsByGroup {
    /// The indices of all rows: first those of the first group in ascending order, then those of the second group, and so on.
    rows: Vec<u32>,
    /// For each group, where its rows begin in `rows`. One more element at the end is the number of all rows, where the last group ends.
    bounds: Vec<usize>,
}

impl RowsByGroup {
    /// Sorts the rows by their groups, with a counting sort. There are `count` groups.
    fn new(group_of_row: &[u32], count: usize) -> Self {
        // First `bounds[g + 1]` is the number of rows of group g. Then these counts are added up, so that group g begins at `bounds[g]`.
        let mut bounds = vec![0; count + 1];
        for &group in group_of_row {
            bounds[group as usize + 1] += 1;
        }
        for group in 0..count {
            bounds[group + 1] += bounds[group];
        }
        // For each group, where its next row goes.
        let mut next = bounds.clone();
        let mut rows = vec![0; group_of_row.len()];
        for (row, &group) in (0..).zip(group_of_row) {
            rows[next[group as usize]] = row;
            next[group as usize] += 1;
        }
        Self { rows, bounds }
    }

    /// Number of rows of a group.
    fn count(&self, group: usize) -> usize {
        self.bounds[group + 1] - self.bounds[group]
    }

    /// For each group, the defined values of its rows. `values` has a value for each row.
    fn values_by_group<'v>(&'v self, values: &'v [f64]) -> impl Iterator<Item = Vec<f64>> + 'v {
        let groups = self.bounds.windows(2);
        groups.map(|bounds| {
            let rows = self.rows[bounds[0]..bounds[1]].iter();
            let of_group = rows.map(|&row| values[row as usize]);
            of_group.filter(|value| !value.is_nan()).collect()
        })
    }
}

/// A data frame with a row for each chosen machine of each run of `dataset`. It has these columns:
///
/// - the run and the machine ([`MACHINE_KEYS`])
/// - `measures`
/// - the columns `names`, for example `rates` or `role`
/// - [`DATASET_INDEX`], which is `index` in every row
pub(crate) fn read_measured_machines(
    dataset: &Dataset,
    index: usize,
    names: &[&str],
    measures: &[&Measure],
) -> Result<DataFrame, Error> {
    let mut machines = dataset.measures_of(dataset.finished(), measures)?;
    let is_wanted = |name: &str| names.contains(&name) && !MACHINE_KEYS.contains(&name);
    let named_columns = machine_frame_with(
        dataset.label(),
        dataset.finished(),
        dataset.warm_up_s(),
        is_wanted,
    )?;
    machines.hstack_mut(named_columns.columns())?;
    if names.contains(&"role") {
        machines.with_column(role_column(dataset.finished()))?;
    }
    let index = Column::new_scalar(
        DATASET_INDEX.into(),
        Scalar::from(index as i64),
        machines.height(),
    );
    machines.with_column(index)?;
    // Up to here, the frame has a row for every machine, chosen or not.
    match dataset.machine_mask() {
        Some(mask) => {
            let mask: BooleanChunked = mask.into_iter().collect();
            Ok(machines.filter(&mask)?)
        }
        None => Ok(machines),
    }
}

/// The expressions of Polars that calculate the aggregates of each group in a `group_by`: three for each of `measures` (see
/// [`estimate_expressions`]). [`estimates`] makes estimates from their results.
pub(crate) fn aggregate_expressions(measures: &[&'static Measure]) -> impl Iterator<Item = Expr> {
    let measures = measures.iter();
    measures.flat_map(|measure| estimate_expressions(measure.name, measure.name))
}

/// The estimates of `measures` for one group. `aggregates` is a data frame with a row for each group and the columns of [`aggregate_expressions`];
/// `row` is the row of the group.
pub(crate) fn estimates(
    aggregates: &DataFrame,
    row: usize,
    measures: &[&Measure],
) -> PolarsResult<Vec<Option<Estimate>>> {
    measures
        .iter()
        .map(|measure| read_estimate(aggregates, measure.name, row))
        .collect()
}

/// Three aggregates of the column `values` over the rows of a group: mean, standard deviation, and a list of all values that are not null.
/// The names of these aggregates begin with `name`.
pub(crate) fn estimate_expressions(values: &str, name: &str) -> [Expr; 3] {
    [
        col(values).mean().alias(format!("{name}_mean")),
        // The argument 1 means: divide by n - 1, not by n.
        col(values).std(1).alias(format!("{name}_sd")),
        col(values)
            .drop_nulls()
            .cast(DataType::Float64)
            .alias(format!("{name}_values")),
    ]
}

/// The estimate in a row of aggregates made by [`estimate_expressions`]; `None` if the group has no value.
pub(crate) fn read_estimate(
    aggregates: &DataFrame,
    name: &str,
    row: usize,
) -> PolarsResult<Option<Estimate>> {
    let number = |part: &str| {
        let column = aggregates.column(&format!("{name}_{part}"))?;
        Ok::<_, PolarsError>(Value::from_cell(column, row)?.as_number())
    };
    let lists = aggregates.column(&format!("{name}_values"))?.list()?;
    let values = lists.get_as_series(row);
    let mut values: Vec<f64> = match &values {
        Some(values) => values.f64()?.iter().flatten().collect(),
        None => vec![],
    };
    let (n, sd) = (values.len() as u64, number("sd")?);
    let mean = number("mean")?;
    // Ties are equal values. With too many of them, the interval is marked as rough.
    Ok(mean.map(|mean| Estimate::new(n, mean, sd, Ties::count(&mut values))))
}
