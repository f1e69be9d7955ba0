//! Opens the datasets that claims need, and reads the values of their runs. Measures depend on the warm-up (the first seconds of every run,
//! which measures leave out). So each dataset is opened once for each warm-up.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use polars::prelude::*;
use sim::console::shell_word;
use sim::log::JournalRow;

use super::estimates::RunValue;
use super::words::LargestPossible;
use super::{Cell, Machines, Quantity};
use crate::audit::{Audit, Audited};
use crate::clocks::figures::{Figure, Values as FigureValues};
use crate::clocks::{ClockSpec, figures_of_runs};
use crate::error::Error;
use crate::output::value::Value;
use crate::read::dataset::Dataset;
use crate::read::filter::Condition;
use crate::read::runs::{has_own_column, parameters, run_frame};

/// Why a test could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEvaluated {
    /// The dataset does not exist.
    #[error("the dataset {} is missing; `{command}` makes it", .path.display())]
    Missing {
        /// The dataset's folder.
        path: PathBuf,
        /// The command that creates the dataset.
        command: String,
    },
    /// The dataset exists but cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// No run meets the conditions.
    #[error("{} has no finished run with {conditions}; `{command}` makes these runs if the experiment has them", .path.display())]
    NoSuchRun {
        /// The dataset's folder.
        path: PathBuf,
        /// The conditions in words.
        conditions: String,
        /// The command that creates such runs, if the experiment has them.
        command: String,
    },
    /// At least one of the runs has no machine with this number.
    #[error("some runs in {} with {conditions} have no machine {machine}", .path.display())]
    NoMachine {
        /// The dataset's folder.
        path: PathBuf,
        /// The conditions in words.
        conditions: String,
        /// The number of the machine.
        machine: usize,
    },
    /// None of the runs has a value.
    #[error("in {}, {measure} is not defined in any run with {conditions}", .path.display())]
    Undefined {
        /// The dataset's folder.
        path: PathBuf,
        /// The conditions in words.
        conditions: String,
        /// The measure.
        measure: &'static str,
    },
    /// Some runs, but not all, are on both sides of a comparison. The value is the number of runs that are on both sides.
    #[error(
        "{0} runs are both in `from` and in `to`, which have different conditions. To compare two machines of the \
         same runs, give both the same conditions and different machines. To compare different runs, choose conditions that no run meets in both"
    )]
    SharedRuns(usize),
    /// Both sides have the same runs, but no run has a value on both sides.
    #[error("no run has a value both in `from` and in `to`")]
    NoSharedRun,
}

/// The datasets that claims need: where they are, and those that were opened so far.
#[derive(Debug)]
pub struct Data {
    /// The folder of the datasets.
    folder: PathBuf,
    /// The two folders in which experiment files are looked for, in this order.
    experiment_folders: [PathBuf; 2],
    opened: RefCell<Cache>,
    /// The datasets that were audited, by folder.
    audited: RefCell<BTreeMap<PathBuf, Vec<Audited>>>,
}

/// The opened datasets, or the reasons why they cannot be used. The key is the name of the dataset and the warm-up. (The warm-up is stored
/// as the bits of the number of seconds, because an `f64` cannot be a key.)
type Cache = HashMap<(String, u64), Result<Rc<OpenDataset>, NotEvaluated>>;

/// Which values are read from the runs of a cell (a cell is some runs of a dataset, and some of their machines).
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueSelection<'w> {
    pub(super) quantity: Quantity,
    pub(super) warm_up_s: f64,
    /// Parameters that are left out of [`RunValue::configuration`]. In a comparison of two cells, these are the parameters for which the
    /// cells have different conditions. When these parameters are ignored, a configuration of one cell can equal a configuration of the other
    /// cell. Each such pair is compared.
    pub(super) ignored_parameters: &'w HashSet<&'static str>,
    /// If true, the value of a run is the largest value of its selected machines. If false, it is their mean.
    pub(super) takes_largest: bool,
}

/// A dataset with its measures.
#[derive(Debug)]
pub(super) struct OpenDataset {
    dataset: Dataset,
    /// The measures: a row for each run and machine, sorted by run and then by machine.
    machines: DataFrame,
    /// The columns of `runs.parquet`: a row for each finished run.
    runs: DataFrame,
    /// For each finished run, the index of its first row in `machines`.
    first_rows: HashMap<u64, usize>,
    /// The columns of `runs.parquet` for the failed runs.
    failed_runs: DataFrame,
    /// For each failed run, the index of its row in `failed_runs`.
    failed_rows: HashMap<u64, usize>,
    /// The figures (such as the mean size of timestamps) of the clocks that were replayed so far. To replay a clock is to calculate its
    /// timestamps for the events of the runs. The outer key is the clock as text, the inner key the number of the run.
    clocks: RefCell<HashMap<String, HashMap<u64, FigureValues>>>,
}

impl Data {
    /// Uses the datasets in `folder` for the claims in the file `claims`. If this file is `experiments/claims.toml`, for example, the
    /// experiment files are in `experiments/claims` or in `experiments`.
    pub fn new(folder: &Path, claims: &Path) -> Self {
        let folder_of_claims = claims.parent().unwrap_or(Path::new("")).to_owned();
        Self {
            folder: folder.to_owned(),
            experiment_folders: [claims.with_extension(""), folder_of_claims],
            opened: RefCell::default(),
            audited: RefCell::default(),
        }
    }

    /// The path of an experiment file. It is the first of the two possible paths at which a file exists. If there is no file at either of
    /// them, it is the first path.
    pub fn experiment_file(&self, experiment: &str) -> PathBuf {
        let file = |folder: &PathBuf| folder.join(format!("{experiment}.toml"));
        let files = self.experiment_folders.each_ref().map(file);
        let existing = files.iter().find(|file| file.exists());
        existing.unwrap_or(&files[0]).clone()
    }

    /// The folder of the experiment's dataset, for example `data/quickstart` for the experiment `quickstart`.
    fn root(&self, experiment: &str) -> PathBuf {
        self.folder.join(experiment)
    }

    /// The command that creates the dataset. The option `--data` is left out if the datasets are in the default folder `data`.
    fn command(&self, experiment: &str) -> String {
        let file = self.experiment_file(experiment);
        let command = format!("cargo sim run {}", shell_word(&file));
        if self.folder == Path::new("data") {
            return command;
        }
        format!("{command} --data {}", shell_word(&self.root(experiment)))
    }

    /// The error for a missing dataset. `None` if the dataset exists.
    fn missing(&self, experiment: &str) -> Option<NotEvaluated> {
        let path = self.root(experiment);
        (!path.exists()).then(|| NotEvaluated::Missing {
            path,
            command: self.command(experiment),
        })
    }

    /// Audits the dataset, as `analyze audit` does.
    pub(super) fn audit(&self, experiment: &str) -> Result<Audit, NotEvaluated> {
        if let Some(missing) = self.missing(experiment) {
            return Err(missing);
        }
        let audit = Audit::run(&[self.root(experiment)]).map_err(unusable)?;
        let mut audited = self.audited.borrow_mut();
        audited.insert(self.root(experiment), audit.datasets.clone());
        Ok(audit)
    }

    /// Calls `report` with every dataset that was audited but not opened, in the order of their paths. (For the opened datasets,
    /// there is [`Data::each_opened`].)
    pub fn each_audited(&self, mut report: impl FnMut(&Audited)) {
        let mut opened = HashSet::new();
        self.each_opened(|dataset| {
            opened.insert(dataset.root().to_owned());
        });
        let audited = self.audited.borrow();
        let only_audited = audited.iter().filter(|(root, _)| !opened.contains(*root));
        only_audited
            .flat_map(|(_, datasets)| datasets)
            .for_each(&mut report);
    }

    /// Calls `report` once with every dataset that was opened, in the order of their paths.
    pub fn each_opened(&self, mut report: impl FnMut(&Dataset)) {
        let opened = self.opened.borrow();
        let mut datasets: Vec<&Dataset> = opened
            .values()
            .filter_map(|opened| Some(&opened.as_ref().ok()?.dataset))
            .collect();
        datasets.sort_by_key(|dataset| dataset.root());
        datasets.dedup_by_key(|dataset| dataset.root());
        datasets.into_iter().for_each(&mut report);
    }

    /// The dataset with measures that leave out the first `warm_up_s` model seconds of every run. The dataset is opened at the first call.
    fn open_once(&self, experiment: &str, warm_up_s: f64) -> Result<Rc<OpenDataset>, NotEvaluated> {
        let mut opened = self.opened.borrow_mut();
        let dataset = opened
            .entry((experiment.to_owned(), warm_up_s.to_bits()))
            .or_insert_with(|| {
                if let Some(missing) = self.missing(experiment) {
                    return Err(missing);
                }
                let opened = OpenDataset::open(&self.root(experiment), warm_up_s);
                opened.map(Rc::new).map_err(unusable)
            });
        dataset.clone()
    }

    /// The values of all runs of the cell. Runs without a value are left out. It is an error if no run has a value.
    pub(super) fn values(
        &self,
        cell: &Cell,
        selection: ValueSelection<'_>,
    ) -> Result<Vec<RunValue>, NotEvaluated> {
        let quantity = selection.quantity;
        let opened = self.open_once(&cell.experiment, selection.warm_up_s)?;
        let path = || self.root(&cell.experiment);
        let conditions = || {
            if cell.conditions.is_empty() {
                return "any parameters".to_owned();
            }
            // All conditions: those from index 0 on.
            cell.conditions_in_words(0)
        };
        let rows = opened.rows(&cell.conditions, quantity);
        if rows.is_empty() {
            return Err(NotEvaluated::NoSuchRun {
                path: path(),
                conditions: conditions(),
                command: self.command(&cell.experiment),
            });
        }
        if let (Machines::One(machine), Quantity::Machine(_)) = (cell.machines, quantity)
            && rows.iter().any(|row| machine >= row.machines() as usize)
        {
            return Err(NotEvaluated::NoMachine {
                path: path(),
                conditions: conditions(),
                machine,
            });
        }
        let values = opened.values(&rows, cell, selection).map_err(unusable)?;
        if values.is_empty() {
            return Err(NotEvaluated::Undefined {
                path: path(),
                conditions: conditions(),
                measure: quantity.name(),
            });
        }
        Ok(values)
    }
}

fn unusable(error: Error) -> NotEvaluated {
    NotEvaluated::Unusable(error.to_string())
}

impl OpenDataset {
    fn open(root: &Path, warm_up_s: f64) -> Result<Self, Error> {
        let mut dataset = Dataset::open(root)?;
        dataset.cut_warm_up(warm_up_s)?;
        // If the measures cannot be cached, because the dataset is read-only, they are computed every time.
        match dataset.cache_measures() {
            Ok(()) | Err(Error::NotCached { .. }) => {}
            Err(error) => return Err(error),
        }
        let machines = dataset.machines()?;
        let mut first_rows = HashMap::new();
        for (row, run) in machines.column("run")?.i64()?.iter().enumerate() {
            if let Some(run) = run {
                first_rows.entry(run as u64).or_insert(row);
            }
        }
        let failed = dataset.never_finished();
        let failed_rows = failed.iter().map(|row| row.run).zip(0..);
        Ok(Self {
            runs: run_frame(dataset.label(), dataset.finished())?,
            failed_runs: run_frame(dataset.label(), failed)?,
            failed_rows: failed_rows.collect(),
            machines,
            first_rows,
            clocks: RefCell::default(),
            dataset,
        })
    }

    /// The rows of the journal (`runs.csv`) for the finished runs that meet the conditions. If the quantity is `finished` (1 for a finished run,
    /// 0 for a failed one), the failed runs are included.
    fn rows(&self, conditions: &[Condition], quantity: Quantity) -> Vec<JournalRow> {
        let mut rows = self.dataset.finished().to_vec();
        if matches!(quantity, Quantity::Finished) {
            rows.extend_from_slice(self.dataset.never_finished());
        }
        rows.retain(|row| conditions.iter().all(|condition| condition.holds(row)));
        rows
    }

    /// The values of the runs in `rows`. Runs without a value are left out.
    fn values(
        &self,
        rows: &[JournalRow],
        cell: &Cell,
        selection: ValueSelection<'_>,
    ) -> Result<Vec<RunValue>, Error> {
        let quantity = selection.quantity;
        // For a measure of machines: the value of each machine of each run.
        let machine_values = match quantity {
            Quantity::Machine(measure) => Some(numbers(&self.machines, measure.name)?),
            _ => None,
        };
        // If all runs have the same value, there is no spread from which the interval of their mean could be computed. Then the interval
        // is computed from the largest possible value.
        let largest_possible = quantity.largest_possible();
        // For a measure that counts ticks of one kind, such as the ticks that send, the largest possible value is the number of all ticks of
        // the machine.
        let ticks = match largest_possible {
            Some(LargestPossible::Ticks) => Some(numbers(&self.machines, "ticks")?),
            _ => None,
        };
        // For a quantity of runs or of a clock: the value of each run.
        let run_values: HashMap<u64, f64> = match quantity {
            Quantity::Run(name) => {
                let values = numbers(&self.runs, name)?.into_iter();
                let runs = self.dataset.finished().iter().map(|row| row.run);
                runs.zip(values)
                    .filter_map(|(run, value)| Some((run, value?)))
                    .collect()
            }
            Quantity::Clock(figure) => match &cell.clock {
                Some(clock) => self.values_of_figure(clock, figure)?,
                None => HashMap::new(),
            },
            _ => HashMap::new(),
        };
        let mut values = vec![];
        for row in rows {
            // The mean or the largest of the values of this run's selected machines. `column` has the values of all
            // machines of all runs.
            let value_of_selected = |column: &[Option<f64>]| {
                let first = *self.first_rows.get(&row.run)?;
                let of_run = &column[first..first + row.machines() as usize];
                let selected = select_machines(of_run, row, cell.machines);
                mean_or_largest(&selected, selection.takes_largest)
            };
            let value = match (&machine_values, quantity) {
                (Some(values), _) => value_of_selected(values),
                (None, Quantity::Finished) => Some(if row.is_ok() { 1.0 } else { 0.0 }),
                (None, _) => run_values.get(&row.run).copied(),
            };
            if let Some(value) = value {
                values.push(RunValue {
                    run: row.run,
                    configuration: self.parameter_values(row, selection.ignored_parameters)?,
                    value,
                    largest_possible: match &ticks {
                        Some(ticks) => value_of_selected(ticks),
                        // The other quantities that have a largest possible value are shares and truth values. Theirs is 1.
                        None => largest_possible.map(|_| 1.0),
                    },
                });
            }
        }
        Ok(values)
    }

    /// The values of a figure of a clock, for each run. The clock is replayed at the first call.
    fn values_of_figure(
        &self,
        clock: &ClockSpec,
        figure: &Figure,
    ) -> Result<HashMap<u64, f64>, Error> {
        let mut clocks = self.clocks.borrow_mut();
        let name = clock.to_string();
        if !clocks.contains_key(&name) {
            let values = figures_of_runs(&self.dataset, clock)?;
            let runs = self.dataset.finished().iter().map(|row| row.run);
            let known = runs
                .zip(values)
                .filter_map(|(run, values)| Some((run, values?)));
            clocks.insert(name.clone(), known.collect());
        }
        let values = clocks[&name].iter();
        let of_figure = values.filter_map(|(run, values)| Some((*run, figure.value_in(values)?)));
        Ok(of_figure.collect())
    }

    /// The values of a run's parameters as text, without the parameters in `ignored`. They are read from the run's first row of measures. A
    /// failed run has no measures; its parameters are read from its row of the journal.
    fn parameter_values(
        &self,
        row: &JournalRow,
        ignored: &HashSet<&str>,
    ) -> PolarsResult<Vec<String>> {
        let measured = self.first_rows.get(&row.run);
        let (frame, first) = match (measured, self.failed_rows.get(&row.run)) {
            (Some(&first), _) => (&self.machines, first),
            (None, Some(&first)) => (&self.failed_runs, first),
            (None, None) => return Ok(vec![]),
        };
        // The parameter `internal_each` (the probability of internal events for each machine) depends on `internal`. So if `internal` is
        // ignored, `internal_each` is ignored too. (`has_own_column` is false only for `internal_each`: it has a column in `machines`,
        // but none in printed tables.)
        let is_ignored = |name: &str| {
            ignored.contains(name) || (!has_own_column(name) && ignored.contains("internal"))
        };
        parameters()
            .iter()
            .copied()
            .filter(|name| !is_ignored(name))
            .map(|name| Ok(Value::from_cell(frame.column(name)?, first)?.to_string()))
            .collect()
    }
}

/// A column as numbers. Truth values become 0 and 1. `None` stands for a missing value and for one that is not finite.
fn numbers(frame: &DataFrame, name: &str) -> PolarsResult<Vec<Option<f64>>> {
    let column = frame.column(name)?.cast(&DataType::Float64)?;
    let numbers = column.f64()?.iter();
    Ok(numbers
        .map(|number| number.filter(|number| number.is_finite()))
        .collect())
}

/// The values of the selected machines of a run. Machines without a value are left out.
fn select_machines(of_run: &[Option<f64>], row: &JournalRow, machines: Machines) -> Vec<f64> {
    let rates: Vec<f64> = row
        .configuration
        .rates
        .iter()
        .map(|rate| rate.hertz())
        .collect();
    let lowest_rate = rates.iter().copied().reduce(f64::min);
    let highest_rate = rates.iter().copied().reduce(f64::max);
    let is_selected = |machine: usize| match machines {
        Machines::One(number) => machine == number,
        Machines::Slowest => rates.get(machine).copied() == lowest_rate,
        Machines::Fastest => rates.get(machine).copied() == highest_rate,
        Machines::All => true,
    };
    let selected = of_run
        .iter()
        .enumerate()
        .filter(|(machine, _)| is_selected(*machine));
    selected.filter_map(|(_, value)| *value).collect()
}

/// The largest of the values if `takes_largest` is true, otherwise their mean. `None` if there are no values.
fn mean_or_largest(values: &[f64], takes_largest: bool) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    Some(if takes_largest {
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    } else {
        values.iter().sum::<f64>() / values.len() as f64
    })
}
