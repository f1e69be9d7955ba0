//! The table of the journal's columns. The journal is the file `runs.csv`, with one row for each attempted run. The table says for each
//! column what it means, how a cell is written, and how a cell is read.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use super::journal_row::JournalRow;
use crate::experiment::{PARAMETERS, Parameter, ValueKind};

/// The value of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A whole number.
    Integer(u64),
    /// A number, which need not be whole.
    Number(f64),
    /// A text.
    Text(String),
    /// True or false.
    Boolean(bool),
}

/// The text in the file. A [`Cell::Number`] always has a decimal point or an exponent, also if its value is whole (`1.0`). So other
/// programs recognise the same type in all rows of a column.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Text(value) => f.write_str(value),
            Self::Boolean(value) => value.fmt(f),
        }
    }
}

/// The type of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Whole numbers from 0.
    Integer,
    /// Numbers.
    Number,
    /// Texts; lists are joined by commas.
    Text,
    /// `true` or `false`.
    Boolean,
}

/// The description of one column of `runs.csv`; [`journal_columns`] lists all.
#[derive(Clone, Copy, Debug)]
pub struct JournalColumn {
    /// The name of the column in the header.
    pub name: &'static str,
    /// The type of the cells.
    pub kind: CellKind,
    /// The unit of the cells, such as `model ns` or `wall us` (`wall` means real time); empty if there is none.
    pub unit: &'static str,
    /// The meaning of the cells.
    pub meaning: &'static str,
    access: Access,
}

/// Where the cells of a column come from.
#[derive(Clone, Copy, Debug)]
enum Access {
    /// A field of the row.
    Field {
        /// Returns the field as a cell.
        cell: fn(&JournalRow) -> Cell,
        /// Parses the text of a cell into the field.
        set: fn(&mut JournalRow, &str) -> Result<(), String>,
    },
    /// A parameter of the row's configuration.
    Parameter(&'static Parameter),
    /// A value that is calculated from other cells, such as the number of machines: it follows from the rates.
    Derived(fn(&JournalRow) -> Cell),
}

impl JournalColumn {
    /// Returns the cell of `row` in this column.
    pub fn cell(&self, row: &JournalRow) -> Cell {
        match self.access {
            Access::Field { cell, .. } | Access::Derived(cell) => cell(row),
            Access::Parameter(parameter) => parameter_cell(parameter, row),
        }
    }

    /// Returns the parameter whose value this column holds, if any.
    pub fn parameter(&self) -> Option<&'static Parameter> {
        match self.access {
            Access::Parameter(parameter) => Some(parameter),
            _ => None,
        }
    }

    /// Parses `text`, the cell of this column, and stores the value in `row`. A derived cell is ignored here; `contradiction` checks it after
    /// all cells are read.
    pub(super) fn read(&self, row: &mut JournalRow, text: &str) -> Result<(), String> {
        match self.access {
            Access::Field { set, .. } => set(row, text),
            Access::Parameter(parameter) => parameter
                .set(Arc::make_mut(&mut row.configuration), text)
                .map_err(|error| error.to_string()),
            Access::Derived(_) => Ok(()),
        }
    }

    /// Compares `text`, a derived cell as it was read, with the value that follows from the other cells of the complete row. Returns what is
    /// wrong if they differ. Returns `None` if they are equal, and for a column that is not derived.
    pub(super) fn contradiction(&self, row: &JournalRow, text: &str) -> Option<String> {
        let Access::Derived(cell) = self.access else {
            return None;
        };
        let derived = cell(row).to_string();
        (derived != text)
            .then(|| format!("`{text}`, but by the row's other cells it must be {derived}"))
    }
}

/// Returns the cell of a parameter. Some parameters, such as `internal`, can be a number or a list. Their columns have the kind
/// [`CellKind::Text`]. Still, the cell is a [`Cell::Number`] in rows with a number (`0.7`). It is a [`Cell::Text`] only in rows with a list
/// (`0.9,0.5,0.2`).
fn parameter_cell(parameter: &Parameter, row: &JournalRow) -> Cell {
    let text = parameter.cell(&row.configuration);
    match (parameter.kind, text.parse::<f64>()) {
        (ValueKind::Number | ValueKind::NumberOrList, Ok(number)) => Cell::Number(number),
        _ => Cell::Text(text),
    }
}

/// Makes the [`Access::Field`] with which a column reads and writes the field `$name` of a row. The first argument is the column's
/// [`CellKind`].
macro_rules! field {
    (Text, $name:ident) => {
        Access::Field {
            cell: |row| Cell::Text(row.$name.to_string()),
            set: |row, text| {
                row.$name = text.parse().map_err(|error| format!("{error}"))?;
                Ok(())
            },
        }
    };
    (Integer, $name:ident) => {
        Access::Field {
            cell: |row| Cell::Integer(row.$name.into()),
            set: |row, text| {
                row.$name = parse_cell(text, "a whole number")?;
                Ok(())
            },
        }
    };
    (Number, $name:ident) => {
        Access::Field {
            cell: |row| Cell::Number(row.$name),
            set: |row, text| {
                row.$name = parse_finite(text)?;
                Ok(())
            },
        }
    };
    (Boolean, $name:ident) => {
        Access::Field {
            cell: |row| Cell::Boolean(row.$name),
            set: |row, text| {
                row.$name = parse_cell(text, "true or false")?;
                Ok(())
            },
        }
    };
}

/// Makes the column for the field `$name` of a row. The column has the same name.
macro_rules! column {
    ($name:ident, $kind:ident, $unit:literal, $meaning:literal) => {
        JournalColumn {
            name: stringify!($name),
            kind: CellKind::$kind,
            unit: $unit,
            meaning: $meaning,
            access: field!($kind, $name),
        }
    };
}

fn parse_cell<T: FromStr>(text: &str, expected: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not {expected}"))
}

fn parse_finite(text: &str) -> Result<f64, String> {
    let number: f64 = parse_cell(text, "a number")?;
    match number.is_finite() {
        true => Ok(number),
        false => Err(format!("`{text}` is not a finite number")),
    }
}

fn join(numbers: &[u64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    numbers.join(",")
}

/// The columns of `runs.csv` that come before those of the parameters.
#[rustfmt::skip]
const COLUMNS_BEFORE_PARAMETERS: [JournalColumn; 9] = [
    column!(run, Integer, "", "The run's number in the plan, from 0."),
    column!(key, Text, "", "Canonical text of the run's configuration and repetition."),
    column!(repetition, Integer, "", "The number of the repetition of this configuration, from 0."),
    column!(outcome, Text, "", "`ok` or `failed`. Tables and measures use only runs with `ok`."),
    column!(reason, Text, "", "Why the run failed; empty if it did not fail."),
    column!(engine, Text, "", "`tcp` (real sockets, real time), `virtual` (simulated time), or `imported`. In imported runs, margin, lateness and latency are not known; they are null in `processed/`."),
    column!(isolation, Text, "", "`shared` (many runs in one process), `process` (each machine is a process), or `imported`."),
    column!(time_scale, Number, "model s / wall s", "Model seconds that pass in a wall second; 1 in the virtual engine, which has no wall clock."),
    JournalColumn {
        name: "machines",
        kind: CellKind::Integer,
        unit: "",
        meaning: "Number of machines, N.",
        access: Access::Derived(|row| Cell::Integer(row.machines().into())),
    },
];

/// The columns of `runs.csv` that come after those of the parameters.
#[rustfmt::skip]
const COLUMNS_AFTER_PARAMETERS: [JournalColumn; 19] = [
    column!(started_at_ns, Integer, "ns", "Unix time of the run's start; 0 in the virtual engine."),
    JournalColumn {
        name: "phases_ns",
        kind: CellKind::Text,
        unit: "model ns",
        meaning: "For each machine, the time from the run's start to its first tick; joined by commas.",
        access: Access::Field {
            cell: |row| Cell::Text(join(&row.phases_ns)),
            set: |row, text| {
                let numbers = text.split(',').map(|number| parse_cell(number, "a whole number"));
                row.phases_ns = numbers.collect::<Result<_, _>>()?;
                Ok(())
            },
        },
    },
    column!(margin_us, Number, "wall us", "The run's margin: the shortest time between two ticks whose order matters. The order of two ticks matters if one of their machines may send to the other, or if both machines may send to the same third machine. The margin is 0 if two such ticks are due at the same time, as with `aligned` phases. It is the run's duration if there are no such ticks. Datasets with a `schema` below 5 in `dataset.json` do not have the exact margin: for `spread` phases, they have a value that is not greater, and for other phase rules 0."),
    column!(lateness_p50_us, Number, "wall us", "Median lateness: the time of an event minus the time at which its tick was due."),
    column!(lateness_p99_us, Number, "wall us", "99th percentile of the lateness."),
    column!(lateness_max_us, Number, "wall us", "Greatest lateness."),
    column!(latency_p50_us, Number, "wall us", "Median latency: the time at which a message was queued minus the time of the event that sent it."),
    column!(latency_p99_us, Number, "wall us", "99th percentile of the latency."),
    column!(latency_max_us, Number, "wall us", "Greatest latency."),
    column!(punctual, Boolean, "", "Whether the maximum lateness plus the maximum latency is less than the margin. Then the events are those of the virtual run with the same seed. Over TCP it is never true if the margin is 0. In the virtual engine it is true for every finished run."),
    column!(as_scheduled, Boolean, "", "Whether every message was queued in the scheduled order, and between the same two ticks of its recipient as in the schedule. Then the events are those of the virtual run with the same seed, even if ticks were late."),
    column!(rejected_connections, Integer, "", "Number of accepted connections that were closed before it was known from which machine of the run they came."),
    column!(tool_version, Text, "", "Version of the simulator that made the run."),
    column!(events, Integer, "", "Number of the run's rows in the event log."),
    column!(segment, Integer, "", "Number of the events file that has the run's rows: 0 for `events-0000.csv`."),
    column!(offset, Integer, "byte", "Position in the events file at which the run's rows start."),
    column!(bytes, Integer, "byte", "Length of the run's rows in the events file."),
    column!(checksum, Text, "", "The first 16 hexadecimal digits of the BLAKE3 hash of the run's rows in the events file."),
    column!(row_checksum, Text, "", "The first 16 hexadecimal digits of the BLAKE3 hash of this row's other cells, joined by line feeds."),
];

const fn from_parameter(parameter: &'static Parameter) -> JournalColumn {
    JournalColumn {
        name: parameter.name,
        kind: match parameter.kind {
            ValueKind::Number => CellKind::Number,
            // In the column of a `NumberOrList`, some rows can have a number (`0.7`) and others a list (`0.9,0.5`). The column needs a single
            // kind, and a text can hold both.
            ValueKind::NumberOrList | ValueKind::Text => CellKind::Text,
        },
        unit: parameter.unit,
        meaning: parameter.meaning,
        access: Access::Parameter(parameter),
    }
}

/// Returns the columns of `runs.csv`, in order. The columns of the parameters are between `machines` and `started_at_ns`.
pub fn journal_columns() -> &'static [JournalColumn] {
    static COLUMNS: LazyLock<Vec<JournalColumn>> = LazyLock::new(|| {
        let parameters = PARAMETERS.iter().map(from_parameter);
        let columns = COLUMNS_BEFORE_PARAMETERS.into_iter().chain(parameters);
        columns.chain(COLUMNS_AFTER_PARAMETERS).collect()
    });
    &COLUMNS
}
