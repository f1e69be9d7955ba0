//! The value of one cell of a data frame.

use polars::prelude::*;

/// The value of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// There is no value.
    Missing,
    /// A whole number.
    Integer(i64),
    /// A real number.
    Number(f64),
    /// A text.
    Text(String),
    /// True or false.
    Boolean(bool),
}

/// A row of a table: the name and the value of each column. All rows of a table have the same names, in the same order.
pub type Record = Vec<(String, Value)>;

impl Value {
    /// Reads the cell of `column` in row `row`. An infinite number or NaN becomes [`Value::Missing`], and a list becomes a text such as
    /// `1;3;6`.
    ///
    /// # Errors
    ///
    /// If there is no such row, or if the cell has a value of a type for which there is no [`Value`], such as a date.
    pub(crate) fn from_cell(column: &Column, row: usize) -> PolarsResult<Self> {
        Ok(match column.get(row)? {
            AnyValue::Null => Self::Missing,
            AnyValue::Boolean(value) => Self::Boolean(value),
            AnyValue::Float64(value) if value.is_finite() => Self::Number(value),
            AnyValue::Float64(_) => Self::Missing,
            AnyValue::Int64(value) => Self::Integer(value),
            AnyValue::UInt32(value) => Self::Integer(value.into()),
            AnyValue::List(numbers) => {
                let cells = (0..numbers.len()).map(|index| numbers.get(index));
                let texts: Vec<String> = cells
                    .map(|cell| Ok(cell?.to_string()))
                    .collect::<PolarsResult<_>>()?;
                Self::Text(texts.join(";"))
            }
            other => match other.get_str() {
                Some(text) => Self::Text(text.to_owned()),
                None => {
                    polars_bail!(InvalidOperation: "a column of type {} cannot be written as text", other.dtype())
                }
            },
        })
    }

    /// The value in full precision, for programs to read. A finite real number always has a decimal point (`1.0`), so that programs
    /// do not take the number for a whole number. A missing value is an empty text.
    pub(crate) fn as_cell(&self) -> String {
        let text = self.to_string();
        let has_only_digits = |text: &str| {
            text.bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_digit())
        };
        match self {
            Self::Number(_) if has_only_digits(&text) => text + ".0",
            _ => text,
        }
    }

    /// The value as a number. `None` if it is a text, a Boolean or missing.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Integer(value) => Some(*value as f64),
            _ => None,
        }
    }
}

impl From<Option<f64>> for Value {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Missing, Self::Number)
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Missing, Self::Text)
    }
}

/// The value in full precision, for people to read: the real number 1.0 is shown as `1`. A missing value is an empty text.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => Ok(()),
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Boolean(value) => value.fmt(f),
        }
    }
}

impl From<Value> for serde_json::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Missing => Self::Null,
            Value::Integer(value) => value.into(),
            Value::Number(value) => value.into(),
            Value::Text(value) => value.into(),
            Value::Boolean(value) => value.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn real_numbers_have_a_decimal_point_and_whole_numbers_have_none() {
        for (number, cell) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (-3.0, "-3.0"),
            (0.25, "0.25"),
            (1e-7, "0.0000001"),
            (1e16, "10000000000000000.0"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(Value::Number(number).as_cell(), cell);
        }
        assert_eq!(Value::Integer(-1).as_cell(), "-1");
        assert_eq!(Value::Text("1".to_owned()).as_cell(), "1");
        assert_eq!(Value::Missing.as_cell(), "");
        assert_eq!(Value::Number(1.0).to_string(), "1");
    }
}
