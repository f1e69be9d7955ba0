//! The conditions of a dataset, and their names. Without the option `--by`, a condition is a configuration. With `--by`, a condition is
//! all configurations that have the same values of the given parameters. Plots treat all runs of a condition as its repetitions.

use sim::log::JournalRow;

use super::{Options, PlotError};
use crate::output::value::Value;
use crate::read::configurations::Configurations;
use crate::read::dataset::Dataset;
use crate::read::runs::{has_own_column, parameters, shown, value_text};
use crate::stats::tables::parameter_heading;

/// A condition: the runs that have the same values of the parameters [`Conditions::names`].
pub(super) struct Condition<'d> {
    /// The values of the parameters [`Conditions::names`], as text, in the order of the names.
    pub(super) values: Vec<String>,
    /// The runs.
    pub(super) runs: Vec<&'d JournalRow>,
}

/// The conditions of a dataset, in the order of their first runs.
pub(super) struct Conditions<'d> {
    /// The names of the parameters whose values tell conditions apart, such as `rates` and `internal`.
    pub(super) names: Vec<&'static str>,
    pub(super) all: Vec<Condition<'d>>,
}

impl<'d> Conditions<'d> {
    /// Sorts the finished runs of `dataset` into conditions: one for each configuration or, if [`Options::by`] names parameters, one
    /// for each combination of their values.
    pub(super) fn new(dataset: &'d Dataset, options: &Options) -> Result<Self, PlotError> {
        let configurations = Configurations::of_runs(dataset.finished());
        // For each configuration, the values of all parameters.
        let configuration_values = configurations.values()?;
        let names = names(&configuration_values, &options.by);
        let mut conditions: Vec<Condition<'_>> = vec![];
        // For each configuration, the index of its condition.
        let mut condition_indices = vec![];
        for all_values in &configuration_values {
            // With `--by internal`, configurations with the same mean probability are one condition, as in the tables.
            let text = |name: &&'static str| match options.by.is_empty() {
                true => shown(all_values, name),
                false => value_text(all_values, name),
            };
            let values: Vec<String> = names.iter().map(text).collect();
            let known = conditions.iter().position(|other| other.values == values);
            // A new condition gets the next index.
            condition_indices.push(known.unwrap_or(conditions.len()));
            if known.is_none() {
                let runs = vec![];
                conditions.push(Condition { values, runs });
            }
        }
        // `numbers` has, for each run, the number of its configuration.
        for (&configuration, run) in configurations.numbers().iter().zip(dataset.finished()) {
            let index = condition_indices[configuration as usize];
            conditions[index].runs.push(run);
        }
        Ok(Self {
            names,
            all: conditions,
        })
    }

    /// Chooses at most `max` conditions, evenly spread from the first to the last.
    pub(super) fn choose_evenly(&self, max: usize) -> Vec<&Condition<'d>> {
        let chosen = super::choose_evenly(self.all.len(), max).into_iter();
        chosen.map(|index| &self.all[index]).collect()
    }
}

impl Condition<'_> {
    /// The title of a panel of this condition, such as `rates 1,3,6 · internal 0.7`.
    pub(super) fn title(&self, names: &[&'static str]) -> String {
        let words = names.iter().zip(&self.values);
        let words = words.map(|(name, value)| format!("{} {value}", parameter_heading(name)));
        words.collect::<Vec<_>>().join(" · ")
    }

    /// Number of machines of the runs. If the runs have different numbers of machines, the largest number.
    pub(super) fn machines(&self) -> usize {
        let machines = self.runs.iter().map(|run| run.machines() as usize);
        machines.max().unwrap_or_default()
    }

    /// The name of a machine. It contains the machine's rate if this machine has the same rate in all runs of the condition.
    pub(super) fn machine_name(&self, machine: usize) -> String {
        let mut rates = self
            .runs
            .iter()
            .map(|run| run.configuration.rates.iter().nth(machine));
        let first = rates.next().flatten();
        match first {
            Some(rate) if rates.all(|other| other == Some(rate)) => {
                format!("machine {machine}, {rate}/s")
            }
            _ => super::machine_name(machine),
        }
    }
}

/// The parameters whose values tell conditions apart. These are the parameters in `by`. If `by` is empty, they are `rates`, `internal` and
/// every other parameter that has several values. Then `internal_each` is never among them, because its values are shown as values of
/// `internal`. `values` has a list for each configuration, with the values of all parameters.
pub(super) fn names(values: &[Vec<Value>], by: &[&'static str]) -> Vec<&'static str> {
    if !by.is_empty() {
        return by.to_vec();
    }
    // Tells whether the parameter with this index has several values. It is enough to compare neighbouring configurations: if no two
    // neighbours differ, all values are equal.
    let differs = |index: usize| {
        values
            .windows(2)
            .any(|pair| pair[0][index] != pair[1][index])
    };
    let names = parameters().iter().copied().enumerate();
    let names = names.filter(|(index, name)| {
        has_own_column(name) && (["rates", "internal"].contains(name) || differs(*index))
    });
    names.map(|(_, name)| name).collect()
}

/// The title of an axis along which the conditions are drawn, such as `rates · internal`, and the names of the conditions on it, such as
/// `1,3,6 · 0.7`. `names` has the parameters, and `values` their values for each condition. A parameter with only one value is left out,
/// unless all parameters have only one value.
pub(super) fn axis_names(names: &[&'static str], values: &[Vec<String>]) -> (String, Vec<String>) {
    let differs = |index: usize| {
        values
            .windows(2)
            .any(|pair| pair[0][index] != pair[1][index])
    };
    let mut kept: Vec<usize> = (0..names.len()).filter(|&index| differs(index)).collect();
    if kept.is_empty() {
        kept = (0..names.len()).collect();
    }
    let join = |texts: Vec<&str>| texts.join(" · ");
    let axis = join(
        kept.iter()
            .map(|&index| parameter_heading(names[index]))
            .collect(),
    );
    let of_condition =
        |values: &Vec<String>| join(kept.iter().map(|&index| values[index].as_str()).collect());
    (axis, values.iter().map(of_condition).collect())
}
