//! Conditions in SQL, such as `internal < 0.7 and role = 'slowest'`. Polars parses and evaluates them.

use polars::prelude::*;
use polars::sql::sql_expr;
use sim::log::renamed_column;

use crate::output::value::Value;

/// The largest number of values that a message lists one by one.
const MAX_VALUES: usize = 12;
/// Two names are similar if their Jaro-Winkler similarity (1 for equal texts, 0 for texts without a common letter) is at least this.
const MIN_SIMILARITY: f64 = 0.8;

/// A condition in SQL.
#[derive(Clone, Debug)]
pub struct SqlCondition {
    text: String,
    expression: Expr,
    /// The outdated column names in the text, each with the column's present name: for example, `in_order` with `as_scheduled`.
    renamed: Vec<(String, &'static str)>,
}

/// Why a text is not a condition in SQL, or why it cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSql {
    /// The text is not a condition: for example, it cannot be parsed, names no column, or has one value for all rows together
    /// (`max(rate) > 3`).
    #[error(
        "`{0}` is not a condition; write for example \"internal < 0.7 and role = 'slowest'\", \"internal in (0.4, 0.7)\" or \
         \"rate between 2 and 5\", with text in single quotes"
    )]
    Form(String),
    /// Polars can parse the text, but cannot evaluate it: for example, `role > 3` compares text with a number.
    #[error("`{text}` cannot be used as a condition: {problem}")]
    Unsupported {
        /// The condition.
        text: String,
        /// The message of Polars.
        problem: String,
    },
    /// The condition contains a name that no column has.
    #[error("no column `{name}`{nearest}; the columns are {names}")]
    Name {
        /// The name.
        name: String,
        /// A hint in parentheses, or nothing. It names the most similar column, or says that text values are written in quotes.
        nearest: String,
        /// All columns.
        names: String,
    },
}

impl SqlCondition {
    /// Parses a condition.
    ///
    /// # Errors
    ///
    /// [`NotSql::Form`] if the text is no expression or names no column.
    pub fn parse(text: &str) -> Result<Self, NotSql> {
        let form = || NotSql::Form(text.to_owned());
        let expression = sql_expr(text).map_err(|_| form())?;
        // Polars reads `internal = 0.4 foo` as the expression `internal = 0.4` with the name `foo`. A condition has no name.
        let is_alias = matches!(expression, Expr::Alias(..));
        let names_no_column = expression.clone().meta().root_names().is_empty();
        match is_alias || names_no_column {
            true => Err(form()),
            false => Ok(Self::from_expression(text.trim(), expression)),
        }
    }

    /// Makes a condition. `text` is what the user wrote, and `expression` is the same condition for Polars. If `expression` contains a name
    /// that a column had in an earlier version of the program, the present name replaces it.
    pub(crate) fn from_expression(text: &str, expression: Expr) -> Self {
        let mut renamed = vec![];
        let expression = expression.map_expr(|part| {
            let Expr::Column(name) = &part else {
                return part;
            };
            let Some(present_name) = renamed_column(name) else {
                return part;
            };
            renamed.push((name.to_string(), present_name));
            col(present_name)
        });
        renamed.sort_unstable();
        renamed.dedup();
        Self {
            text: text.to_owned(),
            expression,
            renamed,
        }
    }

    /// The outdated column names in the text, each with the column's present name: for example, `in_order` with `as_scheduled`. A name that
    /// the text repeats comes only once.
    pub fn renamed(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let renamed = self.renamed.iter();
        renamed.map(|(earlier, present)| (&**earlier, *present))
    }

    /// The condition as the user wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The columns that the condition names, each once.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = vec![];
        for name in self.expression.clone().meta().root_names() {
            if !names.iter().any(|other| *other == *name) {
                names.push(name.to_string());
            }
        }
        names
    }

    /// Checks that all names are among `known`.
    ///
    /// # Errors
    ///
    /// [`NotSql::Name`] for the first name that is not in `known`.
    pub fn check_names(&self, known: &[&str]) -> Result<(), NotSql> {
        let names = self.names();
        let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) else {
            return Ok(());
        };
        let mut nearest = nearest_in_words(unknown, known);
        if nearest.is_empty() {
            // The user may have meant a text value, as in `role = slowest`, and left out the quotes.
            nearest = format!(" (a text needs single quotes: '{unknown}')");
        }
        Err(NotSql::Name {
            name: unknown.clone(),
            nearest,
            names: known.join(", "),
        })
    }

    /// For each row of `frame`, whether the condition holds. If a missing value makes the result unknown, the condition does not hold.
    ///
    /// # Errors
    ///
    /// [`NotSql::Unsupported`] if Polars cannot evaluate the condition. [`NotSql::Form`] if the condition does not have a value for each
    /// row.
    pub fn holds(&self, frame: &DataFrame) -> Result<Vec<bool>, NotSql> {
        let evaluate = |frame: &DataFrame| {
            let condition = self.expression.clone().alias("holds");
            let evaluated = frame.clone().lazy().select([condition]).collect()?;
            let holds: Vec<bool> = evaluated.columns()[0]
                .bool()?
                .iter()
                .map(|holds| holds == Some(true))
                .collect();
            Ok::<_, PolarsError>(holds)
        };
        let unsupported = |problem: PolarsError| self.unsupported(&problem);
        let holds = evaluate(frame).map_err(unsupported)?;
        // A condition such as `max(rate) > 3` has one value for all rows together, so it cannot choose among them. If the frame has only
        // one row, every condition has one value. So the condition is evaluated again, with this row twice: now it must have two values.
        let has_value_for_each_row = match frame.height() {
            1 => {
                let twice = frame.vstack(frame).map_err(unsupported)?;
                evaluate(&twice).map_err(unsupported)?.len() == 2
            }
            height => holds.len() == height,
        };
        match has_value_for_each_row {
            true => Ok(holds),
            false => Err(NotSql::Form(self.text.clone())),
        }
    }

    /// The error for a condition that Polars cannot evaluate. It has the first line of Polars' message.
    fn unsupported(&self, problem: &PolarsError) -> NotSql {
        let problem = problem.to_string();
        let first = problem.lines().next().unwrap_or_default();
        NotSql::Unsupported {
            text: self.text.clone(),
            problem: format!("{first}; text is written in single quotes, numbers without quotes"),
        }
    }

    /// Finds the equalities in the condition that hold in no row of `frame`, and returns the column and the value of each. For example,
    /// `internal = 0.5` gives `internal` and `0.5`.
    pub fn absent_values(&self, frame: &DataFrame) -> Vec<(String, String)> {
        // The iterator visits all parts of the expression.
        let equalities = (&self.expression).into_iter().filter_map(equality);
        let is_absent = |(name, value): &(String, String)| {
            let Ok(column) = frame.column(name) else {
                return false;
            };
            !values(column).iter().any(|found| is_equal(found, value))
        };
        equalities.filter(is_absent).collect()
    }
}

/// The column and the value of an expression such as `internal = 0.4`. `None` for any other expression.
fn equality(expression: &Expr) -> Option<(String, String)> {
    let Expr::BinaryExpr { left, op, right } = expression else {
        return None;
    };
    match (&**left, op, &**right) {
        (Expr::Column(name), Operator::Eq, Expr::Literal(value)) => {
            let value = value.to_any_value()?;
            let text = value.get_str().map(str::to_owned);
            Some((name.to_string(), text.unwrap_or_else(|| value.to_string())))
        }
        _ => None,
    }
}

/// Whether two texts are equal. If both are numbers, their values are compared: `0.70` equals `0.7`.
fn is_equal(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// The different values of a column in ascending order, as text. Missing values are left out.
fn values(column: &Column) -> Vec<String> {
    let sorted = column
        .unique()
        .and_then(|unique| unique.sort(SortOptions::default()));
    let Ok(sorted) = sorted else {
        return vec![];
    };
    (0..sorted.len())
        .filter_map(|row| Value::from_cell(&sorted, row).ok())
        .filter(|value| *value != Value::Missing)
        .map(|value| value.to_string())
        .collect()
}

/// The values of a column in words: `0.4 | 0.7 | 0.9`, or for many values `60 values from 1 to 75`. `None` if the frame has no such
/// column, or the column has no value.
pub(crate) fn values_in_words(frame: &DataFrame, name: &str) -> Option<String> {
    let values = values(frame.column(name).ok()?);
    match values.len() {
        0 => None,
        1..=MAX_VALUES => Some(values.join(" | ")),
        count => {
            let (first, last) = (&values[0], &values[count - 1]);
            Some(format!("{count} values from {first} to {last}"))
        }
    }
}

/// A hint for a message about the unknown name `name`: the most similar name in `known`, in the form `` (did you mean `rate`?)`` with a
/// space before it. Empty if no name is similar.
pub fn nearest_in_words(name: &str, known: &[&str]) -> String {
    let similarity = |other: &str| strsim::jaro_winkler(name, other);
    let nearest = known
        .iter()
        .max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    match nearest {
        Some(nearest) if similarity(nearest) >= MIN_SIMILARITY => {
            format!(" (did you mean `{nearest}`?)")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> DataFrame {
        df!(
            "internal" => [0.4, 0.7, 0.9],
            "role" => ["slowest", "between", "fastest"],
            "rate" => [1.0, 3.0, 6.0],
            "late" => [None, Some(true), Some(false)],
        )
        .expect("a frame")
    }

    #[test]
    fn sql_conditions_hold_in_the_expected_rows() {
        for (text, expected) in [
            ("internal < 0.7 and role = 'slowest'", [true, false, false]),
            ("internal == 0.7", [false, true, false]),
            ("internal = 0.4 OR rate >= 6", [true, false, true]),
            ("not (internal = 0.4)", [false, true, true]),
            ("internal in (0.4, 0.9)", [true, false, true]),
            ("role not in ('slowest', 'fastest')", [false, true, false]),
            ("rate between 2 and 5", [false, true, false]),
            ("rate * 2 > 11", [false, false, true]),
            ("role <> 'between'", [true, false, true]),
            ("role like 's%'", [true, false, false]),
            ("late", [false, true, false]),
            ("late is null", [true, false, false]),
        ] {
            let condition = SqlCondition::parse(text).expect(text);
            assert_eq!(condition.holds(&frame()).expect(text), expected, "{text}");
            let in_first_row = condition.holds(&frame().slice(0, 1)).expect(text);
            assert_eq!(in_first_row, expected[..1], "{text}");
        }
    }

    #[test]
    fn missing_values_are_not_listed() {
        let words = |name: &str| values_in_words(&frame(), name);
        assert_eq!(words("late").as_deref(), Some("false | true"));
        assert_eq!(words("internal").as_deref(), Some("0.4 | 0.7 | 0.9"));
        let only_missing = df!("z" => [None::<f64>, None]).expect("a frame");
        assert_eq!(values_in_words(&only_missing, "z"), None);
    }

    #[test]
    fn texts_that_are_no_conditions_are_refused() {
        for text in [
            "",
            "internal <",
            "internal = 0.4 foo",
            "1 = 1",
            "select 1",
            "a = 1; b = 2",
        ] {
            let refused = SqlCondition::parse(text).map(|condition| condition.expression);
            assert!(
                matches!(refused, Err(NotSql::Form(_))),
                "{text}: {refused:?}"
            );
        }
        // These are parsed, but they do not give a truth value for each row.
        for text in ["role > 3", "rate", "max(rate) > 3"] {
            let condition = SqlCondition::parse(text).expect(text);
            condition.holds(&frame()).expect_err(text);
            condition.holds(&frame().slice(0, 1)).expect_err(text);
        }
    }

    #[test]
    fn names_of_columns_in_earlier_versions_are_replaced() {
        let condition = SqlCondition::parse("not in_order or strangers > 0 and in_order");
        let condition = condition.expect("a condition");
        assert_eq!(condition.names(), ["as_scheduled", "rejected_connections"]);
        let renamed: Vec<_> = condition.renamed().collect();
        let wanted = [
            ("in_order", "as_scheduled"),
            ("strangers", "rejected_connections"),
        ];
        assert_eq!(renamed, wanted);
        let frame = df!("as_scheduled" => [true, false], "rejected_connections" => [0, 0]);
        let holds = condition.holds(&frame.expect("a frame"));
        assert_eq!(holds, Ok(vec![false, true]));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_most_similar_one() {
        let condition = SqlCondition::parse("intrenal = 0.4").expect("a condition");
        let refused = condition
            .check_names(&["rate", "internal"])
            .expect_err("no such column");
        assert_eq!(
            refused.to_string(),
            "no column `intrenal` (did you mean `internal`?); the columns are rate, internal"
        );
    }

    #[test]
    fn equalities_that_hold_in_no_row_are_found() {
        let condition = SqlCondition::parse("internal = 0.5 or (internal = 0.70 and role = 'x')");
        let absent = condition.expect("a condition").absent_values(&frame());
        let absent: Vec<(&str, &str)> = absent.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(absent, [("internal", "0.5"), ("role", "x")]);
        assert_eq!(
            values_in_words(&frame(), "internal").as_deref(),
            Some("0.4 | 0.7 | 0.9")
        );
    }
}
