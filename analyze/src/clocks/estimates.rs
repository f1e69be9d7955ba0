//! Means and intervals for each configuration and clock.

use std::sync::Arc;

use sim::experiment::Configuration;

use super::figures::{FIGURES, Figure, Values, measure};
use super::history::History;
use super::kinds::{CLOCKS, ClockKind, ClockSpec};
use crate::error::Error;
use crate::measures::batches::{RunReader, batch_bounds};
use crate::output::value::Value;
use crate::read::configurations::Configurations;
use crate::read::dataset::Dataset;
use crate::stats::estimate::Estimate;
use crate::stats::repetitions::Configured;
use crate::threads::on_all_cores;

/// One clock in one configuration of one dataset, over its repetitions.
#[derive(Clone, Debug)]
pub struct ClockGroup {
    /// The dataset's label.
    pub dataset: String,
    /// The configuration.
    pub configuration: Arc<Configuration>,
    /// A value for each of [`parameters`](crate::read::runs::parameters).
    pub parameters: Vec<Value>,
    /// The clock.
    pub clock: ClockSpec,
    /// Number of repetitions.
    pub n: u64,
    /// Model seconds that are left out at the start of every run.
    pub warm_up_s: f64,
    /// An estimate of each of [`FIGURES`]; none if it is undefined in every repetition.
    estimates: Vec<Option<Estimate>>,
}

impl ClockGroup {
    /// The estimate of `figure` over the repetitions; none if it is undefined in every repetition.
    pub fn estimate(&self, figure: &Figure) -> Option<Estimate> {
        let index = FIGURES.iter().position(|other| other.name == figure.name)?;
        self.estimates[index]
    }
}

impl Configured for ClockGroup {
    fn dataset(&self) -> &str {
        &self.dataset
    }

    fn parameters(&self) -> &[Value] {
        &self.parameters
    }
}

/// The groups of some datasets.
#[derive(Clone, Debug, Default)]
pub struct ClockGroups {
    /// The groups, in the order of the command line, the plan and the clocks.
    pub groups: Vec<ClockGroup>,
    /// Number of runs that could not be replayed, because a receive in the log has no send.
    pub without_sends: u64,
    /// The kinds of clocks that were left out in runs with too many machines.
    pub left_out: Vec<&'static ClockKind>,
}

/// The clocks of a dataset's runs.
#[derive(Clone, Copy)]
enum Choice<'c> {
    /// Those that the user names.
    Named(&'c [ClockSpec]),
    /// Every kind, except in runs with more machines than [`ClockKind::most_machines`].
    Every(&'c [ClockSpec]),
}

impl<'c> Choice<'c> {
    fn of_machines(self, machines: u32) -> Vec<&'c ClockSpec> {
        match self {
            Self::Named(clocks) => clocks.iter().collect(),
            Self::Every(clocks) => {
                let fits = |clock: &&ClockSpec| machines <= clock.kind.most_machines;
                clocks.iter().filter(fits).collect()
            }
        }
    }
}

/// Replays `clocks`, or every kind of clock, over all finished runs of `datasets`.
///
/// # Errors
///
/// [`Error::Row`], [`Error::Value`], [`Error::Journal`] or [`Error::Dataset`] if events cannot be read; [`Error::Query`] if Polars fails.
pub fn clock_groups(
    datasets: &[Dataset],
    clocks: Option<&[ClockSpec]>,
) -> Result<ClockGroups, Error> {
    let every: Vec<ClockSpec> = CLOCKS.iter().map(ClockKind::with_defaults).collect();
    let choice = clocks.map_or(Choice::Every(&every), Choice::Named);
    let mut groups = ClockGroups::default();
    for dataset in datasets {
        groups.add(dataset, choice)?;
    }
    Ok(groups)
}

impl ClockGroups {
    fn add(&mut self, dataset: &Dataset, choice: Choice<'_>) -> Result<(), Error> {
        let runs = dataset.finished();
        let configurations = Configurations::of_runs(runs);
        let clocks: Vec<Vec<&ClockSpec>> = configurations
            .first_runs()
            .iter()
            .map(|run| choice.of_machines(run.machines()))
            .collect();
        let measured = measure_runs(dataset, |index: usize| {
            &clocks[configurations.numbers()[index] as usize]
        })?;
        let parameters = configurations.values()?;
        let mut by_configuration: Vec<Vec<&[Values]>> = vec![vec![]; clocks.len()];
        for (number, values) in std::iter::zip(configurations.numbers(), &measured) {
            match values {
                Some(values) => by_configuration[*number as usize].push(values),
                None => self.without_sends += 1,
            }
        }
        for (number, first_run) in configurations.first_runs().iter().enumerate() {
            let of_runs = &by_configuration[number];
            for (index, clock) in clocks[number].iter().enumerate() {
                if of_runs.is_empty() {
                    continue;
                }
                self.groups.push(ClockGroup {
                    dataset: dataset.label().to_owned(),
                    configuration: Arc::clone(&first_run.configuration),
                    parameters: parameters[number].clone(),
                    clock: (*clock).clone(),
                    n: of_runs.len() as u64,
                    warm_up_s: dataset.warm_up_s(),
                    estimates: estimates(of_runs.iter().map(|values| &values[index])),
                });
            }
            self.note_left_out(choice, first_run.machines());
        }
        Ok(())
    }

    fn note_left_out(&mut self, choice: Choice<'_>, machines: u32) {
        if let Choice::Every(clocks) = choice {
            for kind in clocks.iter().map(|clock| clock.kind) {
                let is_noted = self.left_out.iter().any(|other| other.name == kind.name);
                if machines > kind.most_machines && !is_noted {
                    self.left_out.push(kind);
                }
            }
        }
    }
}

/// The figures of one clock in each finished run of a dataset; none for runs that cannot be replayed.
///
/// # Errors
///
/// The errors of [`clock_groups`].
pub(crate) fn figures_of_runs(
    dataset: &Dataset,
    clock: &ClockSpec,
) -> Result<Vec<Option<Values>>, Error> {
    let clocks = [clock];
    let measured = measure_runs(dataset, |_| &clocks)?;
    let only = |values: Vec<Values>| values.into_iter().next();
    Ok(measured
        .into_iter()
        .map(|values| values.and_then(only))
        .collect())
}

/// An estimate of each figure over the values of some runs.
fn estimates<'v>(of_runs: impl Iterator<Item = &'v Values> + Clone) -> Vec<Option<Estimate>> {
    let of_figure = |index: usize| {
        let values: Vec<f64> = of_runs.clone().filter_map(|values| values[index]).collect();
        (!values.is_empty()).then(|| Estimate::from_values(&values))
    };
    (0..FIGURES.len()).map(of_figure).collect()
}

/// The values of the clocks that `clocks_of` gives for the index of each finished run; none if the run cannot be replayed. All cores work
/// in parallel, each on some runs at a time.
fn measure_runs<'c>(
    dataset: &Dataset,
    clocks_of: impl Fn(usize) -> &'c [&'c ClockSpec] + Sync,
) -> Result<Vec<Option<Vec<Values>>>, Error> {
    let runs = dataset.finished();
    let seed = dataset.manifest().experiment.seed;
    let batches = batch_bounds(runs.iter().map(|row| row.events), dataset.batch_events());
    let measure_batch = |batch: usize| {
        let range = batches[batch].clone();
        let mut index = range.start;
        let mut measured = vec![];
        RunReader::new(dataset).read_each(&runs[range], |run| {
            let history = History::new(run, seed);
            measured.push(history.map(|history| measure(&history, clocks_of(index), seed)));
            index += 1;
        })?;
        Ok::<_, Error>(measured)
    };
    let measured = on_all_cores(batches.len(), measure_batch)?;
    Ok(measured.into_iter().flatten().collect())
}
