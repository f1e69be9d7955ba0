//! The configurations of a dataset's finished runs. Runs of the same configuration are repetitions.

use std::collections::HashMap;
use std::sync::Arc;

use polars::prelude::PolarsResult;
use sim::experiment::Configuration;
use sim::log::JournalRow;

use crate::output::value::Value;
use crate::read::runs::parameter_frame;

/// The configurations of some runs, numbered from 0 in the order of their first runs.
pub(crate) struct Configurations<'d> {
    /// For each run, the number of its configuration.
    numbers: Vec<u32>,
    /// For each configuration, its first run.
    first_runs: Vec<&'d JournalRow>,
}

impl<'d> Configurations<'d> {
    /// Finds the configurations of `runs`.
    pub(crate) fn of_runs(runs: &'d [JournalRow]) -> Self {
        let mut configurations = Self {
            numbers: Vec::with_capacity(runs.len()),
            first_runs: vec![],
        };
        // Two runs have the same configuration if three fields of their rows are equal: `configuration` (compared as text), `engine`, and
        // `time_scale` (compared by its bits, because an `f64` cannot be a key of a `HashMap`). Several rows can share one `Configuration`
        // in memory. For these rows, the text need not be made again: `by_address` has the configuration's number for the address of the
        // shared `Configuration`.
        let mut by_address: HashMap<(*const Configuration, &str, u64), u32> = HashMap::new();
        let mut by_text: HashMap<(String, &str, u64), u32> = HashMap::new();
        for row in runs {
            let (engine, time_scale) = (&*row.engine, row.time_scale.to_bits());
            let address = (Arc::as_ptr(&row.configuration), engine, time_scale);
            let number = *by_address.entry(address).or_insert_with(|| {
                let text = (row.configuration.to_string(), engine, time_scale);
                *by_text.entry(text).or_insert_with(|| {
                    configurations.first_runs.push(row);
                    configurations.first_runs.len() as u32 - 1
                })
            });
            configurations.numbers.push(number);
        }
        configurations
    }

    /// For each run, the number of its configuration.
    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// For each configuration, its first run.
    pub(crate) fn first_runs(&self) -> &[&'d JournalRow] {
        &self.first_runs
    }

    /// For each configuration, the value of each of [`parameters`](crate::read::runs::parameters).
    pub(crate) fn values(&self) -> PolarsResult<Vec<Vec<Value>>> {
        // The frame has a row for each configuration, and a column for each parameter.
        let frame = parameter_frame(&self.first_runs)?;
        (0..self.first_runs.len())
            .map(|row| {
                let columns = frame.columns().iter();
                columns
                    .map(|column| Value::from_cell(column, row))
                    .collect()
            })
            .collect()
    }
}
