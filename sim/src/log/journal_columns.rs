//! The table of the journal's columns: what each is, how its cell is written, and how it is read back.

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
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// True or false.
    Boolean(bool),
}

/// As it stands in the file. A number always shows a point or an exponent, so that other programs give the column one type.
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

/// A column of `runs.csv`: a row of [`journal_columns`].
#[derive(Clone, Copy, Debug)]
pub struct JournalColumn {
    /// Its name in the header.
    pub name: &'static str,
    /// The type of its cells.
    pub kind: CellKind,
    /// Their unit; empty where there is none.
    pub unit: &'static str,
    /// What they mean.
    pub meaning: &'static str,
    access: Access,
}

#[derive(Clone, Copy, Debug)]
enum Access {
    /// A field of the row.
    Field {
        cell: fn(&JournalRow) -> Cell,
        set: fn(&mut JournalRow, &str) -> Result<(), String>,
    },
    /// A parameter of its configuration.
    Parameter(&'static Parameter),
    /// What other cells say already.
    Derived(fn(&JournalRow) -> Cell),
}

impl JournalColumn {
    /// The cell of `row`.
    pub fn cell(&self, row: &JournalRow) -> Cell {
        match self.access {
            Access::Field { cell, .. } | Access::Derived(cell) => cell(row),
            Access::Parameter(parameter) => parameter_cell(parameter, row),
        }
    }

    /// The parameter that it is a column of.
    pub fn parameter(&self) -> Option<&'static Parameter> {
        match self.access {
            Access::Parameter(parameter) => Some(parameter),
            _ => None,
        }
    }

    /// Puts what `text` says into `row`; what is derived must agree with it, but only once the row is whole.
    pub(super) fn read(&self, row: &mut JournalRow, text: &str) -> Result<(), String> {
        match self.access {
            Access::Field { set, .. } => set(row, text),
            Access::Parameter(parameter) => parameter
                .set(Arc::make_mut(&mut row.configuration), text)
                .map_err(|error| error.to_string()),
            Access::Derived(_) => Ok(()),
        }
    }

    /// What is wrong with `text` as the derived cell of a whole row.
    pub(super) fn contradiction(&self, row: &JournalRow, text: &str) -> Option<String> {
        let Access::Derived(cell) = self.access else {
            return None;
        };
        let derived = cell(row).to_string();
        (derived != text).then(|| format!("`{text}`, but the row's other cells say {derived}"))
    }
}

fn parameter_cell(parameter: &Parameter, row: &JournalRow) -> Cell {
    let text = parameter.cell(&row.configuration);
    match (parameter.kind, text.parse()) {
        (ValueKind::Number | ValueKind::NumberOrList, Ok(number)) => Cell::Number(number),
        _ => Cell::Text(text),
    }
}

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
                row.$name = parsed(text, "a whole number")?;
                Ok(())
            },
        }
    };
    (Number, $name:ident) => {
        Access::Field {
            cell: |row| Cell::Number(row.$name),
            set: |row, text| {
                row.$name = finite(text)?;
                Ok(())
            },
        }
    };
    (Boolean, $name:ident) => {
        Access::Field {
            cell: |row| Cell::Boolean(row.$name),
            set: |row, text| {
                row.$name = parsed(text, "true or false")?;
                Ok(())
            },
        }
    };
}

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

fn parsed<T: FromStr>(text: &str, wanted: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not {wanted}"))
}

fn finite(text: &str) -> Result<f64, String> {
    let number: f64 = parsed(text, "a number")?;
    match number.is_finite() {
        true => Ok(number),
        false => Err(format!("`{text}` is not a finite number")),
    }
}

fn joined(numbers: &[u64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    numbers.join(",")
}

/// What stands before the parameters of a row's configuration.
#[rustfmt::skip]
const WHICH_RUN: [JournalColumn; 9] = [
    column!(run, Integer, "", "The run's number: its place in the plan, from 0."),
    column!(key, Text, "", "Canonical text of the run's configuration and repetition."),
    column!(repetition, Integer, "", "Which repetition of its configuration, from 0."),
    column!(outcome, Text, "", "`ok` or `failed`. Only `ok` counts."),
    column!(reason, Text, "", "Why it failed; empty if it did not."),
    column!(engine, Text, "", "`tcp` (real sockets, wall clock), `virtual` (discrete events, virtual clock), or `imported`: then margin, lateness and latency are not known, and null in `processed/`."),
    column!(isolation, Text, "", "`shared` (many runs in one process), `process` (each machine in a process of its own), or `imported`."),
    column!(time_scale, Number, "model s / wall s", "Model seconds that pass in a wall second; 1 in the virtual engine, which has no wall clock."),
    JournalColumn {
        name: "machines",
        kind: CellKind::Integer,
        unit: "",
        meaning: "Number of machines, N.",
        access: Access::Derived(|row| Cell::Integer(row.machines().into())),
    },
];

/// And behind them.
#[rustfmt::skip]
const WHAT_BECAME_OF_IT: [JournalColumn; 19] = [
    column!(started_at_ns, Integer, "ns", "Unix time of the run's start; 0 in the virtual engine."),
    JournalColumn {
        name: "phases_ns",
        kind: CellKind::Text,
        unit: "model ns",
        meaning: "Each machine's first tick after the run's start, joined by commas.",
        access: Access::Field {
            cell: |row| Cell::Text(joined(&row.phases_ns)),
            set: |row, text| {
                let numbers = text.split(',').map(|number| parsed(number, "a whole number"));
                row.phases_ns = numbers.collect::<Result<_, _>>()?;
                Ok(())
            },
        },
    },
    column!(margin_us, Number, "wall us", "The run's margin: the shortest time between two ticks whose order matters, which lateness and latency together must stay below. The order matters for ticks of two machines of which one may send to the other, or which may both send to a third. 0 if two such ticks are due at the same time, as with `aligned` phases; the run's duration if there are no two. In datasets begun before schema 5: what `spread` phases guarantee, and 0 under other phase rules."),
    column!(lateness_p50_us, Number, "wall us", "Median lateness: the time of an event minus the time at which its tick was due."),
    column!(lateness_p99_us, Number, "wall us", "99th percentile of the lateness."),
    column!(lateness_max_us, Number, "wall us", "Greatest lateness."),
    column!(latency_p50_us, Number, "wall us", "Median latency: the time at which a message was queued minus the time of the event that sent it."),
    column!(latency_p99_us, Number, "wall us", "99th percentile of the latency."),
    column!(latency_max_us, Number, "wall us", "Greatest latency."),
    column!(punctual, Boolean, "", "Whether maximum lateness and maximum latency together stayed below the margin: then the events are those of the virtual run with the same seed. Never with a margin of 0; always in the virtual engine."),
    column!(as_scheduled, Boolean, "", "Whether every message was queued in the scheduled order, and between the same ticks as in the schedule. Then the events are those of the virtual run with the same seed, even if they were late."),
    column!(rejected_connections, Integer, "", "Connections turned away because they were none of the run's."),
    column!(tool_version, Text, "", "Version of the simulator that ran it."),
    column!(events, Integer, "", "Rows of the event log."),
    column!(segment, Integer, "", "Number of the events file that holds them."),
    column!(offset, Integer, "byte", "Where in that file they start."),
    column!(bytes, Integer, "byte", "Their length."),
    column!(checksum, Text, "", "The first 16 hexadecimal digits of the BLAKE3 hash of those bytes."),
    column!(row_checksum, Text, "", "The same of the row's other cells, joined by line feeds."),
];

const fn of_parameter(parameter: &'static Parameter) -> JournalColumn {
    JournalColumn {
        name: parameter.name,
        kind: match parameter.kind {
            ValueKind::Number => CellKind::Number,
            ValueKind::NumberOrList | ValueKind::Text => CellKind::Text,
        },
        unit: parameter.unit,
        meaning: parameter.meaning,
        access: Access::Parameter(parameter),
    }
}

/// The columns of `runs.csv`, in order. Every parameter of a configuration is one of them.
pub fn journal_columns() -> &'static [JournalColumn] {
    static COLUMNS: LazyLock<Vec<JournalColumn>> = LazyLock::new(|| {
        let parameters = PARAMETERS.iter().map(of_parameter);
        let columns = WHICH_RUN.into_iter().chain(parameters);
        columns.chain(WHAT_BECAME_OF_IT).collect()
    });
    &COLUMNS
}
