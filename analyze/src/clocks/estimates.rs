//! Replays clocks (such as a vector clock) over the logs of runs, and measures figures of each clock, such as the bytes of a timestamp.
//! Estimates each figure for each configuration and clock: the mean and the 95 % interval over the repetitions.

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

/// The figures of one clock in one configuration of one dataset, over the configuration's repetitions.
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
    /// Number of repetitions that could be replayed.
    pub n: u64,
    /// Model seconds that are left out at the start of every run.
    pub warm_up_s: f64,
    /// An estimate of each of [`FIGURES`]. `None` if the figure is undefined in every repetition, such as a mean over all sends if nothing
    /// was sent.
    estimates: Vec<Option<Estimate>>,
}

impl ClockGroup {
    /// The estimate of `figure` over the repetitions; `None` if the figure is undefined in every repetition.
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

/// The groups of some datasets, and what could not be replayed.
#[derive(Clone, Debug, Default)]
pub struct ClockGroups {
    /// The groups, ordered by dataset, then by configuration, then by clock. Datasets have the order of the command line, and configurations
    /// the order of their first runs.
    pub groups: Vec<ClockGroup>,
    /// Number of runs that could not be replayed, for example because the log has a receive, but not the send of the received message.
    pub without_sends: u64,
    /// The kinds of clocks that were left out in runs with too many machines.
    pub left_out: Vec<&'static ClockKind>,
}

/// Which clocks are replayed.
#[derive(Clone, Copy)]
enum Choice<'c> {
    /// The clocks that the user names. They are replayed over every run.
    Named(&'c [ClockSpec]),
    /// Every kind of clock, with its default parameters. A kind is left out in runs with more machines than its
    /// [`ClockKind::default_max_machines`].
    Every(&'c [ClockSpec]),
}

impl<'c> Choice<'c> {
    /// The clocks that are replayed over a run with this number of machines.
    fn for_machines(self, machines: u32) -> Vec<&'c ClockSpec> {
        match self {
            Self::Named(clocks) => clocks.iter().collect(),
            Self::Every(clocks) => {
                let fits = |clock: &&ClockSpec| machines <= clock.kind.default_max_machines;
                clocks.iter().filter(fits).collect()
            }
        }
    }
}

/// Replays `clocks` over all finished runs of `datasets`. If `clocks` is `None`, every kind of clock is replayed, but a kind is left out in
/// runs with more machines than its [`ClockKind::default_max_machines`].
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
    /// Adds a group for each configuration of `dataset` and each clock that is replayed over its runs.
    fn add(&mut self, dataset: &Dataset, choice: Choice<'_>) -> Result<(), Error> {
        let runs = dataset.finished();
        let configurations = Configurations::of_runs(runs);
        // For each configuration, the clocks that are replayed over its runs.
        let clocks: Vec<Vec<&ClockSpec>> = configurations
            .first_runs()
            .iter()
            .map(|run| choice.for_machines(run.machines()))
            .collect();
        // `numbers` has, for each run, the number of its configuration.
        let measured = measure_runs(dataset, |run_index: usize| {
            &clocks[configurations.numbers()[run_index] as usize]
        })?;
        let parameters = configurations.values()?;
        // `by_configuration[c]` has an item for each run of configuration c that could be replayed. Each item has the values of all
        // figures for each clock of the configuration.
        let mut by_configuration: Vec<Vec<&[Values]>> = vec![vec![]; clocks.len()];
        for (number, values) in std::iter::zip(configurations.numbers(), &measured) {
            match values {
                Some(values) => by_configuration[*number as usize].push(values),
                None => self.without_sends += 1,
            }
        }
        for (number, first_run) in configurations.first_runs().iter().enumerate() {
            let values_of_runs = &by_configuration[number];
            for (clock_index, clock) in clocks[number].iter().enumerate() {
                // If none of the configuration's runs could be replayed, there is nothing to estimate.
                if values_of_runs.is_empty() {
                    continue;
                }
                self.groups.push(ClockGroup {
                    dataset: dataset.label().to_owned(),
                    configuration: Arc::clone(&first_run.configuration),
                    parameters: parameters[number].clone(),
                    clock: (*clock).clone(),
                    n: values_of_runs.len() as u64,
                    warm_up_s: dataset.warm_up_s(),
                    estimates: estimates(values_of_runs.iter().map(|values| &values[clock_index])),
                });
            }
            self.note_left_out(choice, first_run.machines());
        }
        Ok(())
    }

    /// Notes the kinds of clocks that are left out in runs with this number of machines.
    fn note_left_out(&mut self, choice: Choice<'_>, machines: u32) {
        if let Choice::Every(clocks) = choice {
            for kind in clocks.iter().map(|clock| clock.kind) {
                let is_noted = self.left_out.iter().any(|other| other.name == kind.name);
                if machines > kind.default_max_machines && !is_noted {
                    self.left_out.push(kind);
                }
            }
        }
    }
}

/// The figures of one clock in each finished run of a dataset; `None` for a run that cannot be replayed.
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
    let of_the_only_clock = |values: Vec<Values>| values.into_iter().next();
    Ok(measured
        .into_iter()
        .map(|values| values.and_then(of_the_only_clock))
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

/// Replays clocks over each finished run. `clocks_of` returns the clocks of a run; its parameter is the run's index among the finished runs.
/// The result has an item for each run: the values of each of its clocks, or `None` if the run cannot be replayed. All cores work in
/// parallel, each on one batch of runs at a time.
fn measure_runs<'c>(
    dataset: &Dataset,
    clocks_of: impl Fn(usize) -> &'c [&'c ClockSpec] + Sync,
) -> Result<Vec<Option<Vec<Values>>>, Error> {
    let runs = dataset.finished();
    // Three things are drawn from the seed: when ticks are due, the errors of physical clocks, and the pairs of events whose timestamps are
    // compared.
    let seed = dataset.manifest().experiment.seed;
    let batches = batch_bounds(runs.iter().map(|row| row.events), dataset.batch_events());
    let measure_batch = |batch: usize| {
        let range = batches[batch].clone();
        let mut run_index = range.start;
        let mut measured = vec![];
        RunReader::new(dataset).read_each(&runs[range], |run| {
            let history = History::new(run, seed);
            measured.push(history.map(|history| measure(&history, clocks_of(run_index), seed)));
            run_index += 1;
        })?;
        Ok::<_, Error>(measured)
    };
    let measured = on_all_cores(batches.len(), measure_batch)?;
    Ok(measured.into_iter().flatten().collect())
}
