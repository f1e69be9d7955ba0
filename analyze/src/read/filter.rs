//! Conditions such as `internal>=0.4`, which choose runs by the columns of `runs.csv`.

use std::fmt;
use std::str::FromStr;

use sim::log::{JournalRow, journal_cell, journal_columns, renamed_column};

/// Columns of `runs.csv` that conditions cannot use. Some say how the run ended (such as `outcome`) or where its events are stored (such as
/// `segment`). The others have a different text in nearly every run (such as `key`).
const UNUSABLE_COLUMNS: [&str; 9] = [
    "key",
    "outcome",
    "reason",
    "phases_ns",
    "segment",
    "offset",
    "bytes",
    "checksum",
    "row_checksum",
];

/// The columns of `runs.csv` that a condition can use. All parameters are among them.
pub fn names() -> impl Iterator<Item = &'static str> {
    let names = journal_columns().iter().map(|column| column.name);
    names.filter(|name| !UNUSABLE_COLUMNS.contains(name))
}

/// The signs of the comparisons. `>=` comes before `>`, because the first sign that fits is used.
const SIGNS: [(&str, Comparison); 6] = [
    ("!=", Comparison::Differs),
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("=", Comparison::Equals),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equals,
    Differs,
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// A condition such as `internal>=0.4` or `rates=1,3,6`. Numbers are compared as numbers. Other values can only be equal or
/// different.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The column's present name.
    name: &'static str,
    /// The column's name in earlier versions (such as `in_order`, now `as_scheduled`), if the condition's text uses this name. `None` if
    /// the text uses the present name.
    earlier_name: Option<String>,
    comparison: Comparison,
    value: String,
}

/// Why a text is not a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACondition {
    /// The sign, the name or the value is missing.
    #[error("must have the form NAME=VALUE; instead of = there may be != < <= > >=")]
    Form,
    /// There is no column with this name.
    #[error("no column `{0}`; the columns are {names}", names = names().collect::<Vec<_>>().join(", "))]
    Name(String),
    /// The value is not a number, but the sign (`<`, `<=`, `>` or `>=`) compares numbers.
    #[error("`{0}` is not a number, so only = and != can be used with it")]
    Order(String),
}

impl Condition {
    /// The column's name in earlier versions (such as `in_order`, now `as_scheduled`), if the condition's text uses this name. `None` if
    /// the text uses the present name.
    pub fn earlier_name(&self) -> Option<&str> {
        self.earlier_name.as_deref()
    }

    /// The column's present name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Tells whether the run meets the condition.
    pub fn holds(&self, row: &JournalRow) -> bool {
        // There is always a cell, because `name` is a column of `runs.csv`.
        let cell = journal_cell(row, self.name).map_or(String::new(), |cell| cell.to_string());
        let numbers = (cell.parse::<f64>(), self.value.parse::<f64>());
        let (Ok(in_row), Ok(value)) = numbers else {
            // At least one of the two is not a number, so they are compared as texts.
            return match self.comparison {
                Comparison::Equals => cell == self.value,
                Comparison::Differs => cell != self.value,
                // A cell such as `1,3,6` (column `rates`) is neither above nor below a number.
                _ => false,
            };
        };
        match self.comparison {
            Comparison::Equals => in_row == value,
            Comparison::Differs => in_row != value,
            Comparison::AtLeast => in_row >= value,
            Comparison::AtMost => in_row <= value,
            Comparison::Above => in_row > value,
            Comparison::Below => in_row < value,
        }
    }
}

impl FromStr for Condition {
    type Err = NotACondition;

    fn from_str(text: &str) -> Result<Self, NotACondition> {
        let index = text.find(['=', '!', '<', '>']).ok_or(NotACondition::Form)?;
        let (name, rest) = text.split_at(index);
        let (sign, comparison) = SIGNS
            .into_iter()
            .find(|(sign, _)| rest.starts_with(sign))
            .ok_or(NotACondition::Form)?;
        let (name, value) = (name.trim(), rest[sign.len()..].trim());
        // A value that begins with a sign comes from a wrong comparison such as `=>`.
        if name.is_empty() || value.is_empty() || value.starts_with(['=', '!', '<', '>']) {
            return Err(NotACondition::Form);
        }
        let present_name = renamed_column(name).unwrap_or(name);
        let earlier_name = (present_name != name).then(|| name.to_owned());
        let name = names()
            .find(|known| *known == present_name)
            .ok_or_else(|| NotACondition::Name(name.to_owned()))?;
        let needs_order = !matches!(comparison, Comparison::Equals | Comparison::Differs);
        if needs_order && value.parse::<f64>().is_err() {
            return Err(NotACondition::Order(value.to_owned()));
        }
        Ok(Self {
            name,
            earlier_name,
            comparison,
            value: value.to_owned(),
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every comparison is in SIGNS, so the default `=` is never used.
        let sign = SIGNS
            .iter()
            .find(|(_, comparison)| *comparison == self.comparison)
            .map_or("=", |(sign, _)| sign);
        write!(f, "{}{sign}{}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parsed_condition_is_printed_as_it_was_written() {
        for text in ["internal>=0.4", "rates=1,3,6", "phase!=aligned", "run<7"] {
            let condition: Condition = text.parse().expect("a condition");
            assert_eq!(condition.to_string(), text);
        }
        // Spaces are left out.
        assert_eq!(
            " internal > .4 "
                .parse::<Condition>()
                .map(|c| c.to_string()),
            Ok("internal>.4".to_owned())
        );
    }

    #[test]
    fn wrong_conditions_are_refused_with_a_reason() {
        let refused = |text: &str| {
            text.parse::<Condition>()
                .expect_err("no condition")
                .to_string()
        };
        for text in [
            "",
            "internal",
            "=0.4",
            "internal=",
            "internal!0.4",
            "internal=>0.4",
        ] {
            assert_eq!(refused(text), NotACondition::Form.to_string(), "{text}");
        }
        assert!(refused("intern=0.4").starts_with("no column `intern`; the columns are run, "));
        assert_eq!(
            refused("phase>aligned"),
            "`aligned` is not a number, so only = and != can be used with it"
        );
    }
}
