//! The conditions of a dataset.

use sim::log::JournalRow;

use super::{Options, PlotError};
use crate::output::value::Value;
use crate::read::configurations::Configurations;
use crate::read::dataset::Dataset;
use crate::read::runs::{has_no_own_column, parameters, shown};
use crate::stats::tables::parameter_heading;

/// Runs with the same values of some parameters.
pub(super) struct Condition<'d> {
    /// The values of [`Conditions::names`], as text.
    pub(super) values: Vec<String>,
    /// The runs.
    pub(super) runs: Vec<&'d JournalRow>,
}

/// The conditions of a dataset, in the order of their first runs.
pub(super) struct Conditions<'d> {
    /// The parameters that tell conditions apart.
    pub(super) names: Vec<&'static str>,
    pub(super) all: Vec<Condition<'d>>,
}

impl<'d> Conditions<'d> {
    pub(super) fn new(dataset: &'d Dataset, options: &Options) -> Result<Self, PlotError> {
        let configurations = Configurations::of_runs(dataset.finished());
        let values = configurations.values()?;
        let names = names(&values, &options.by);
        let mut conditions: Vec<Condition<'_>> = vec![];
        let mut of_configuration = vec![];
        for parameters in &values {
            let values: Vec<String> = names.iter().map(|name| shown(parameters, name)).collect();
            let known = conditions.iter().position(|other| other.values == values);
            of_configuration.push(known.unwrap_or(conditions.len()));
            if known.is_none() {
                let runs = vec![];
                conditions.push(Condition { values, runs });
            }
        }
        for (&number, run) in configurations.numbers().iter().zip(dataset.finished()) {
            conditions[of_configuration[number as usize]].runs.push(run);
        }
        Ok(Self {
            names,
            all: conditions,
        })
    }

    /// At most `most` conditions, evenly spread.
    pub(super) fn spread(&self, most: usize) -> Vec<&Condition<'d>> {
        let chosen = super::spread(self.all.len(), most).into_iter();
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

    /// Number of machines of its runs.
    pub(super) fn machines(&self) -> usize {
        let machines = self.runs.iter().map(|run| run.machines() as usize);
        machines.max().unwrap_or_default()
    }

    /// The name of a machine, with its rate if it is the same in all runs.
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

/// The parameters that tell conditions apart: those of `by`, or else rates, internal, and every other that has several values.
pub(super) fn names(values: &[Vec<Value>], by: &[&'static str]) -> Vec<&'static str> {
    if !by.is_empty() {
        return by.to_vec();
    }
    let differs = |index: usize| {
        values
            .windows(2)
            .any(|pair| pair[0][index] != pair[1][index])
    };
    let names = parameters().iter().copied().enumerate();
    let names = names.filter(|(index, name)| {
        !has_no_own_column(name) && (["rates", "internal"].contains(name) || differs(*index))
    });
    names.map(|(_, name)| name).collect()
}

/// The names of conditions on an axis, such as `1,3,6 · 0.7`, and the name of the axis. A parameter with one value is left out.
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
