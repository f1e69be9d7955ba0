//! The columns of `runs.csv` (the journal, with a row for each ended run), and finished runs as data frames. There are two data frames: one
//! has a row for each run, the other has a row for each run and machine.

use std::sync::LazyLock;

use polars::prelude::*;
use sim::experiment::{PARAMETERS, Rate};
use sim::log::{Cell, CellKind, IMPORTED, JournalRow, journal_cell, journal_columns};

use crate::output::schema::Kind::{Boolean, Integer, IntegerList, Number, NumberList, Text};
use crate::output::schema::{Column, column};
use crate::output::value::Value;

/// The columns of `runs.csv`, in order.
pub fn journal() -> impl Iterator<Item = Column> {
    journal_columns().iter().map(|from| Column {
        name: from.name,
        kind: match from.kind {
            CellKind::Integer => Integer,
            CellKind::Number => Number,
            CellKind::Text => Text,
            CellKind::Boolean => Boolean,
        },
        unit: from.unit,
        meaning: from.meaning,
    })
}

/// The first column of both data frames.
const DATASET: Column = column(
    "dataset",
    Text,
    "",
    "Name of the dataset's folder. For a single shard, the name of the folder above comes first, such as `overnight/shard-1-of-4`. If datasets in a table have folders of the same name, it is the path as given on the command line.",
);

/// Column `internal` in the data frames: a number, even if the machines have different probabilities.
const INTERNAL: Column = column(
    "internal",
    Number,
    "",
    "Probability of an internal event at an idle tick (a tick at which no message waits). If the machines have different probabilities, their mean.",
);
/// The column after `internal`, with the probability of each machine.
const INTERNAL_EACH: Column = column(
    "internal_each",
    Text,
    "",
    "If the machines have different probabilities of internal events, the probability of each machine, joined by commas. Otherwise empty.",
);

/// The mean of different probabilities is rounded to 12 decimals: to multiples of 1 / `INTERNAL_UNITS`.
const INTERNAL_UNITS: f64 = 1e12;

/// The rates as numbers. Column `rates` has them as text.
const RATES_LIST: Column = column(
    "rates_list",
    NumberList,
    "1/s",
    "Ticks per model second of each machine, as a list in the order of the machines.",
);
/// The rates in ascending order as text. Runs whose machines have the same rates in another order have the same text.
const RATES_SORTED: Column = column(
    "rates_sorted",
    Text,
    "1/s",
    "Ticks per model second of all machines in ascending order, joined by commas. Runs with the same rates in another order have the same value.",
);

/// Columns of `runs.csv` that the data frames do not have: they describe bytes of the log, or are the same for every finished run.
const JOURNAL_ONLY: [&str; 7] = [
    "outcome",
    "reason",
    "segment",
    "offset",
    "bytes",
    "checksum",
    "row_checksum",
];

/// The columns that define a configuration, in order: its parameters, the engine and the time scale. Runs that agree in all of them
/// are repetitions of one configuration.
pub fn parameters() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let of_configuration = PARAMETERS.iter().flat_map(|parameter| {
            let internal_each = (parameter.name == INTERNAL.name).then_some(INTERNAL_EACH.name);
            std::iter::once(parameter.name).chain(internal_each)
        });
        of_configuration.chain(["engine", "time_scale"]).collect()
    });
    &NAMES
}

/// Tells whether a parameter has a column of its own in tables. Only `internal_each` has none: it is a column of data frames, but tables
/// show its values in the column `internal`.
pub(crate) fn has_own_column(name: &str) -> bool {
    name != INTERNAL_EACH.name
}

/// The text that a table shows for `parameter`. `values` has one value for each of [`parameters`]. If the machines have different
/// probabilities of internal events, the text for `internal` has all of them, such as `0.9,0.5,0.2`.
pub(crate) fn shown(values: &[Value], parameter: &str) -> String {
    let each = value_text(values, INTERNAL_EACH.name);
    match parameter {
        "internal" if !each.is_empty() => each,
        _ => value_text(values, parameter),
    }
}

/// The value of `parameter` as text. `values` has one value for each of [`parameters`]. If the machines have different probabilities of
/// internal events, the value of `internal` is their mean.
pub(crate) fn value_text(values: &[Value], parameter: &str) -> String {
    let mut named = std::iter::zip(parameters(), values);
    named
        .find(|(name, _)| **name == parameter)
        .map_or(String::new(), |(_, value)| value.to_string())
}

/// The columns that describe a machine, in the data frame with a row for each run and machine.
#[rustfmt::skip]
const MACHINE_COLUMNS: [Column; 4] = [
    column("machine", Integer, "", "The machine within the run, from 0."),
    column("rate", Number, "1/s", "Ticks per model second of the machine."),
    column("phase_s", Number, "model s", "Time of the machine's first tick after the run's start."),
    column("observed_s", Number, "model s", "Length T of the time over which the measures are taken: the run's duration minus the warm-up. An event exactly at the end of the warm-up counts."),
];

/// The columns of `processed/runs.parquet`: `dataset`, then those of `frame_columns` without `JOURNAL_ONLY`.
pub fn run_columns() -> Vec<Column> {
    let of_run = frame_columns().filter(|column| !JOURNAL_ONLY.contains(&column.name));
    std::iter::once(DATASET).chain(of_run).collect()
}

/// The columns of `processed/machines.parquet` that describe the run and the machine: all columns except the measures.
pub fn machine_columns() -> Vec<Column> {
    let is_wanted = |name: &str| {
        [
            "run",
            "repetition",
            "machines",
            RATES_LIST.name,
            RATES_SORTED.name,
        ]
        .contains(&name)
            || parameters().contains(&name)
    };
    let of_run = frame_columns().filter(|column| is_wanted(column.name));
    std::iter::once(DATASET)
        .chain(of_run)
        .chain(MACHINE_COLUMNS)
        .collect()
}

/// The columns of `runs.csv`, and the three that data frames add: `rates_list` and `rates_sorted` after `rates`, and `internal_each` after
/// `internal`. Column `internal` has only numbers here; in `runs.csv` it can have lists too.
pub(super) fn frame_columns() -> impl Iterator<Item = Column> {
    journal().flat_map(|column| match column.name {
        "rates" => vec![column, RATES_LIST, RATES_SORTED],
        "internal" => vec![INTERNAL, INTERNAL_EACH],
        _ => vec![column],
    })
}

/// A data frame with one row per run and the columns [`run_columns`].
pub(crate) fn run_frame(dataset: &str, rows: &[JournalRow]) -> PolarsResult<DataFrame> {
    let columns = run_columns();
    frame(
        rows.len(),
        columns
            .iter()
            .map(|column| run_column(column, dataset, rows))
            .collect(),
    )
}

/// A data frame with one row per run and the columns [`parameters`].
pub(crate) fn parameter_frame(rows: &[&JournalRow]) -> PolarsResult<DataFrame> {
    let columns = parameters().iter().filter_map(|name| {
        let column = frame_columns().find(|column| column.name == *name)?;
        // `run_column` needs the dataset's name only for the column `dataset`. That column is not a parameter, so the name is empty here.
        Some(run_column(&column, "", rows.iter().copied()))
    });
    frame(rows.len(), columns.collect())
}

/// A data frame with one row per run and machine, ordered by run and machine, and the columns [`machine_columns`].
pub(crate) fn machine_frame(
    dataset: &str,
    rows: &[JournalRow],
    warm_up_s: f64,
) -> PolarsResult<DataFrame> {
    machine_frame_with(dataset, rows, warm_up_s, |_| true)
}

/// Like [`machine_frame`], but only with the columns whose names `is_wanted` accepts.
pub(crate) fn machine_frame_with(
    dataset: &str,
    rows: &[JournalRow],
    warm_up_s: f64,
    is_wanted: impl Fn(&str) -> bool,
) -> PolarsResult<DataFrame> {
    let mut run_of_each_machine: Vec<&JournalRow> = vec![];
    let (mut machines, mut rates_hz, mut phases_s, mut observed_s) =
        (vec![], vec![], vec![], vec![]);
    for row in rows {
        let rates = row.configuration.rates.iter();
        for (machine, (rate, &phase_ns)) in rates.zip(&row.phases_ns).enumerate() {
            run_of_each_machine.push(row);
            machines.push(machine as i64);
            rates_hz.push(rate.hertz());
            phases_s.push(phase_ns as f64 / 1e9);
            observed_s.push(row.duration_s() - warm_up_s);
        }
    }
    let mut columns: Vec<_> = machine_columns()
        .iter()
        .filter(|column| !MACHINE_COLUMNS.contains(column) && is_wanted(column.name))
        .map(|column| run_column(column, dataset, run_of_each_machine.iter().copied()))
        .collect();
    let about_machines = [
        Series::new("machine".into(), machines),
        Series::new("rate".into(), rates_hz),
        Series::new("phase_s".into(), phases_s),
        Series::new("observed_s".into(), observed_s),
    ];
    let about_machines = about_machines
        .into_iter()
        .filter(|column| is_wanted(column.name()));
    columns.extend(about_machines.map(polars::prelude::Column::from));
    frame(run_of_each_machine.len(), columns)
}

fn frame(height: usize, columns: Vec<polars::prelude::Column>) -> PolarsResult<DataFrame> {
    DataFrame::new(height, columns)
}

/// Makes one column of a data frame from `rows`.
fn run_column<'a>(
    column: &Column,
    dataset: &str,
    rows: impl IntoIterator<Item = &'a JournalRow>,
) -> polars::prelude::Column {
    let rows = rows.into_iter();
    let name: PlSmallStr = column.name.into();
    if column.name == DATASET.name {
        let labels: Vec<&str> = rows.map(|_| dataset).collect();
        return Series::new(name, labels).into();
    }
    if column.name == INTERNAL.name {
        return Series::new(name, rows.map(mean_internal).collect::<Vec<f64>>()).into();
    }
    if column.name == INTERNAL_EACH.name {
        return Series::new(name, rows.map(internal_each).collect::<Vec<String>>()).into();
    }
    if column.name == RATES_LIST.name {
        return rates_list(name, rows).into();
    }
    if column.name == RATES_SORTED.name {
        return Series::new(name, rows.map(rates_sorted).collect::<Vec<String>>()).into();
    }
    // All other columns have the cells of `runs.csv`.
    let cells = rows.map(|row| known_cell(row, column.name));
    match column.kind {
        Integer => Series::new(name, cells.map(integer).collect::<Vec<Option<i64>>>()),
        Number => Series::new(name, cells.map(number).collect::<Vec<Option<f64>>>()),
        Boolean => Series::new(name, cells.map(boolean).collect::<Vec<Option<bool>>>()),
        // The two list types do not occur here, because no column of `runs.csv` is a list.
        Text | IntegerList | NumberList => {
            Series::new(name, cells.map(text).collect::<Vec<Option<String>>>())
        }
    }
    .into()
}

/// The column `name` of the data frames, one cell for each of `rows`.
///
/// # Panics
///
/// If there is no such column.
pub(super) fn column_of_runs<'a>(
    name: &str,
    dataset: &str,
    rows: impl IntoIterator<Item = &'a JournalRow>,
) -> polars::prelude::Column {
    let mut columns = std::iter::once(DATASET).chain(frame_columns());
    let column = columns.find(|column| column.name == name);
    let column = column.unwrap_or_else(|| panic!("no column {name}"));
    run_column(&column, dataset, rows)
}

fn rates_list<'a>(name: PlSmallStr, rows: impl Iterator<Item = &'a JournalRow>) -> Series {
    let mut list: ListPrimitiveChunkedBuilder<Float64Type> =
        ListPrimitiveChunkedBuilder::new(name, 0, 0, DataType::Float64);
    for row in rows {
        let rates = row.configuration.rates.iter();
        list.append_slice(&rates.map(|rate| rate.hertz()).collect::<Vec<f64>>());
    }
    list.finish().into_series()
}

fn rates_sorted(row: &JournalRow) -> String {
    let mut rates: Vec<Rate> = row.configuration.rates.iter().collect();
    rates.sort_unstable();
    let rates: Vec<String> = rates.iter().map(Rate::to_string).collect();
    rates.join(",")
}

/// The value of a column of `runs.csv`. `None` for lateness, latency and margin of runs that were imported from logs of other
/// programs, because these logs do not tell them.
fn known_cell(row: &JournalRow, name: &str) -> Option<Cell> {
    let is_unknown_if_imported = ["margin_", "lateness_", "latency_"]
        .iter()
        .any(|start| name.starts_with(start));
    if row.engine == IMPORTED && is_unknown_if_imported {
        return None;
    }
    journal_cell(row, name)
}

/// An integer. Data frames have signed integers, so every value above [`i64::MAX`] becomes `i64::MAX`. Unix times in nanoseconds
/// reach `i64::MAX` only in the year 2262.
fn integer(cell: Option<Cell>) -> Option<i64> {
    match cell? {
        Cell::Integer(value) => Some(i64::try_from(value).unwrap_or(i64::MAX)),
        _ => None,
    }
}

fn number(cell: Option<Cell>) -> Option<f64> {
    match cell? {
        Cell::Number(value) => Some(value),
        _ => None,
    }
}

fn boolean(cell: Option<Cell>) -> Option<bool> {
    match cell? {
        Cell::Boolean(value) => Some(value),
        _ => None,
    }
}

fn text(cell: Option<Cell>) -> Option<String> {
    cell.map(|cell| cell.to_string())
}

/// The probability of an internal event, or the mean if the machines have different probabilities.
fn mean_internal(row: &JournalRow) -> f64 {
    let internal = &row.configuration.internal;
    match internal.same() {
        Some(same) => same.value(),
        None => {
            let machines = row.machines() as usize;
            let each = (0..machines).map(|machine| internal.at(machine).value());
            let mean = each.sum::<f64>() / machines as f64;
            // Sums of decimal fractions have rounding errors (0.6 + 0.7 + 0.8 is not exactly 2.1), so the mean is rounded.
            (mean * INTERNAL_UNITS).round() / INTERNAL_UNITS
        }
    }
}

/// The probability of each machine, or an empty text if all machines have the same.
fn internal_each(row: &JournalRow) -> String {
    let internal = &row.configuration.internal;
    match internal.same() {
        Some(_) => String::new(),
        None => internal.to_string(),
    }
}
