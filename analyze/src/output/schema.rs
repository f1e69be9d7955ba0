//! What a column holds: the unit of the data dictionary, and of the frames' types.

use polars::prelude::DataType;

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number, 64 bits.
    Integer,
    /// A real number, double precision.
    Number,
    /// Whole numbers, any number of them.
    IntegerList,
    /// Real numbers, any number of them.
    NumberList,
    /// A text.
    Text,
    /// True or false.
    Boolean,
}

impl Kind {
    /// The Polars type of the column in the processed files.
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

    /// What the dictionary calls it: the name that Polars and Arrow share.
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

/// A column of a file, as the data dictionary tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// Their unit; empty where there is none.
    pub unit: &'static str,
    /// What they mean.
    pub meaning: &'static str,
}

/// Shorthand for the tables of columns.
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
