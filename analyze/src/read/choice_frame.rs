//! The columns that conditions of `--where` can name, as a data frame with a row for each run and machine.

use polars::prelude::*;
use sim::log::JournalRow;

use crate::output::schema::Kind;
use crate::read::filter;
use crate::read::roles::roles;
use crate::read::runs::{column_of_runs, frame_columns};

/// The columns that describe a machine. All other columns describe its run.
const OF_MACHINES: [&str; 3] = ["machine", "rate", "role"];
/// These columns describe runs, but `runs.csv` does not have them. They are made from the columns `internal` and `rates` of `runs.csv`.
const DERIVED: [&str; 2] = ["internal_each", "rates_sorted"];

/// The names that conditions can use.
pub fn names() -> impl Iterator<Item = &'static str> {
    // The names of columns of `runs.csv`.
    let in_journal = filter::names();
    in_journal
        .chain(std::iter::once("dataset"))
        .chain(DERIVED)
        .chain(OF_MACHINES)
}

/// Whether a column describes machines.
pub(crate) fn is_of_machines(name: &str) -> bool {
    OF_MACHINES.contains(&name)
}

/// Whether the values of a column are texts.
pub(crate) fn is_text(name: &str) -> bool {
    let column = frame_columns().find(|column| column.name == name);
    // `role` and `dataset` are texts too, but `frame_columns` does not have them.
    name == "role" || name == "dataset" || column.is_some_and(|column| column.kind == Kind::Text)
}

/// The columns `wanted`, with a row for each machine of each run of `rows`. `label` is the value of column `dataset`.
pub(crate) fn frame(
    label: &str,
    rows: &[JournalRow],
    wanted: &[String],
) -> PolarsResult<DataFrame> {
    let run_of_each_machine: Vec<&JournalRow> = rows
        .iter()
        .flat_map(|row| (0..row.machines()).map(move |_| row))
        .collect();
    let mut columns: Vec<Column> = vec![];
    for name in names().filter(|name| wanted.iter().any(|other| other == name)) {
        columns.push(match name {
            "machine" => {
                let machines = rows.iter().flat_map(|row| 0..i64::from(row.machines()));
                Column::new(name.into(), machines.collect::<Vec<i64>>())
            }
            "rate" => {
                let rates = rows.iter().flat_map(rates);
                Column::new(name.into(), rates.collect::<Vec<f64>>())
            }
            "role" => role_column(rows),
            _ => column_of_runs(name, label, run_of_each_machine.iter().copied()),
        });
    }
    DataFrame::new(run_of_each_machine.len(), columns)
}

/// Column `role`, with a cell for each machine of each run of `rows`: `slowest`, `between` or `fastest`, or `equal` if all machines of the
/// run have the same rate.
pub(crate) fn role_column(rows: &[JournalRow]) -> Column {
    let all_roles = rows
        .iter()
        .flat_map(|row| roles(&rates(row)).collect::<Vec<_>>());
    Column::new("role".into(), all_roles.collect::<Vec<&str>>())
}

/// The rate of each machine of a run, in ticks per model second.
fn rates(row: &JournalRow) -> Vec<f64> {
    row.configuration
        .rates
        .iter()
        .map(|rate| rate.hertz())
        .collect()
}
