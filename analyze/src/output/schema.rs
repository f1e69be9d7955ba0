//! Descriptions of columns: name, type, unit and meaning.

use polars::prelude::{DataType, Field, Schema};

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A 64-bit integer.
    Integer,
    /// A floating-point number of double precision.
    Number,
    /// A list of integers, of any length.
    IntegerList,
    /// A list of floating-point numbers, of any length.
    NumberList,
    /// A text.
    Text,
    /// True or false.
    Boolean,
}

impl Kind {
    /// The Polars type of a column of this kind in the Parquet files of the folder `processed`.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Integer => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::IntegerList => DataType::List(Box::new(DataType::Int64)),
            Self::NumberList => DataType::List(Box::new(DataType::Float64)),
            Self::Text => DataType::String,
            Self::Boolean => DataType::Boolean,
        }
    }

    /// The type's name in the data dictionary (`data/README.md`, a description of every column of every file).
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "int64",
            Self::Number => "float64",
            Self::IntegerList => "list of int64",
            Self::NumberList => "list of float64",
            Self::Text => "string",
            Self::Boolean => "bool",
        }
    }
}

/// A column of a file, as described in the data dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name of the column in the header.
    pub name: &'static str,
    /// The type of the values.
    pub kind: Kind,
    /// The unit of the values; empty if they have no unit.
    pub unit: &'static str,
    /// The meaning of the values.
    pub meaning: &'static str,
}

/// Makes a [`Column`].
pub(crate) const fn column(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    meaning: &'static str,
) -> Column {
    Column {
        name,
        kind,
        unit,
        meaning,
    }
}

/// The names and types of `columns` for Polars.
pub(crate) fn schema(columns: &[Column]) -> Schema {
    let columns = columns.iter();
    columns
        .map(|column| Field::new(column.name.into(), column.kind.data_type()))
        .collect()
}
