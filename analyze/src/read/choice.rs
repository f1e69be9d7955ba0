//! Conditions of option `--where`, which choose runs and machines. A condition compares a cell of `runs.csv` with a value
//! (`rates=1,3,6`), or is written in SQL (`internal < 0.7 and role = 'slowest'`).

use std::fmt;
use std::str::FromStr;

use polars::prelude::{DataFrame, Expr, col, lit};
use sim::log::JournalRow;

use crate::read::choice_frame::{self, frame, is_of_machines, is_text};
use crate::read::filter::{Condition, NotACondition};
use crate::read::sql::{NotSql, SqlCondition};

/// A condition with one of these words is in SQL.
const KEYWORDS: [&str; 7] = ["and", "or", "not", "in", "between", "is", "like"];

/// A condition on runs, or on single machines of runs.
#[derive(Clone, Debug)]
pub enum Choice {
    /// A condition on a cell of `runs.csv`, such as `rates=1,3,6`.
    Cell(Condition),
    /// A condition in SQL.
    Sql(SqlCondition),
}

/// Why a text is not a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAChoice {
    /// The text is not a condition on a cell.
    #[error(transparent)]
    Cell(#[from] NotACondition),
    /// The text is not a condition in SQL.
    #[error(transparent)]
    Sql(#[from] NotSql),
}

impl FromStr for Choice {
    type Err = NotAChoice;

    fn from_str(text: &str) -> Result<Self, NotAChoice> {
        if !is_sql(text) {
            return match text.parse::<Condition>() {
                Ok(condition) => Ok(Self::Cell(condition)),
                // `runs.csv` has no such column, but conditions can also name some other columns, such as `role`.
                Err(NotACondition::Name(name)) => comparison_to_sql(text, &name),
                Err(problem) => Err(problem.into()),
            };
        }
        let condition = SqlCondition::parse(text)?;
        let known: Vec<&str> = choice_frame::names().collect();
        condition.check_names(&known)?;
        Ok(Self::Sql(condition))
    }
}

/// Whether a text is read as SQL: if it has signs or words that only SQL has, or if it has none of the signs `=`, `<` and `>`. A text
/// without these signs can only be the name of a column that is true or false, such as `punctual`.
fn is_sql(text: &str) -> bool {
    let is_keyword = |word: &str| {
        let mut keywords = KEYWORDS.iter();
        keywords.any(|keyword| word.eq_ignore_ascii_case(keyword))
    };
    // Only spaces and brackets separate words. So `role=between` is a single word, and not the keyword `between`.
    let mut words = text.split(|letter: char| letter.is_whitespace() || "()".contains(letter));
    text.contains(['\'', '"'])
        || text.contains("==")
        || text.contains("<>")
        || text.trim_start().starts_with('(')
        || words.any(is_keyword)
        || !text.contains(['=', '<', '>'])
}

/// Turns `text`, a comparison such as `role=slowest` or `rate>2`, into a condition in SQL. `name` is the column in `text`, such as `role`.
/// `runs.csv` has no such column. But conditions in SQL are evaluated on a data frame, which can have more columns than `runs.csv`.
fn comparison_to_sql(text: &str, name: &str) -> Result<Choice, NotAChoice> {
    let known: Vec<&str> = choice_frame::names().collect();
    let sign_characters = ['=', '!', '<', '>'];
    let (_, sign_and_value) = text.split_at(text.find(sign_characters).unwrap_or(text.len()));
    let after_sign = sign_and_value.trim_start_matches(sign_characters);
    let sign = &sign_and_value[..sign_and_value.len() - after_sign.len()];
    let value_text = after_sign.trim();
    if !known.contains(&name) {
        // `check_names` fails here, with the error that names the most similar column.
        let unknown = SqlCondition::from_expression(text, col(name));
        unknown.check_names(&known)?;
    }
    let value: Expr = match (is_text(name), value_text.parse::<f64>()) {
        (true, _) => lit(value_text),
        (false, Ok(number)) => lit(number),
        (false, Err(_)) => return Err(NotSql::Form(text.to_owned()).into()),
    };
    // Texts have no order, so `role>slowest` is an error.
    if is_text(name) && !matches!(sign, "=" | "!=") {
        return Err(NotACondition::Order(value_text.to_owned()).into());
    }
    let column = col(name);
    let expression = match sign {
        "=" => column.eq(value),
        "!=" => column.neq(value),
        ">=" => column.gt_eq(value),
        "<=" => column.lt_eq(value),
        ">" => column.gt(value),
        "<" => column.lt(value),
        _ => return Err(NotSql::Form(text.to_owned()).into()),
    };
    Ok(Choice::Sql(SqlCondition::from_expression(text, expression)))
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cell(condition) => condition.fmt(f),
            Self::Sql(condition) => f.write_str(condition.text()),
        }
    }
}

impl Choice {
    /// The columns that the condition calls by an earlier name, such as `in_order`, which is now `as_scheduled`. Returns the earlier and the
    /// present name of each column.
    pub fn renamed(&self) -> Vec<(&str, &'static str)> {
        match self {
            Self::Cell(condition) => {
                let earlier = condition.earlier_name().into_iter();
                earlier.map(|earlier| (earlier, condition.name())).collect()
            }
            Self::Sql(condition) => condition.renamed().collect(),
        }
    }

    /// The columns that the condition names.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Cell(condition) => vec![condition.name().to_owned()],
            Self::Sql(condition) => condition.names(),
        }
    }

    /// Whether the condition chooses single machines of runs. Otherwise it chooses whole runs.
    pub fn chooses_machines(&self) -> bool {
        self.names().iter().any(|name| is_of_machines(name))
    }
}

/// The result of [`choose`].
pub(crate) struct Chosen {
    /// For each machine of each run, in the order of the rows: whether all conditions hold.
    pub(crate) machines: Vec<bool>,
    /// The columns that the conditions name, with a row for each machine of each run.
    pub(crate) frame: DataFrame,
    /// The equalities in SQL conditions that hold in no row. For example, if a condition contains `internal = 0.5` and no run has this
    /// value, the list has the column `internal` and the value `0.5`. The user is told about these equalities.
    pub(crate) absent: Vec<(String, String)>,
}

/// Evaluates `choices` on `rows`, the rows of `runs.csv` for the runs to choose from. `label` is the name of the dataset.
///
/// # Errors
///
/// [`NotSql`] if a condition cannot be evaluated.
pub(crate) fn choose(
    label: &str,
    rows: &[JournalRow],
    choices: &[Choice],
) -> Result<Chosen, NotSql> {
    let wanted: Vec<String> = choices.iter().flat_map(Choice::names).collect();
    let frame = frame(label, rows, &wanted).map_err(|problem| NotSql::Unsupported {
        text: wanted.join(", "),
        problem: problem.to_string(),
    })?;
    let mut machines = vec![];
    for row in rows {
        let holds = choices.iter().all(|choice| match choice {
            Choice::Cell(condition) => condition.holds(row),
            // Evaluated below, for all machines at once.
            Choice::Sql(_) => true,
        });
        machines.extend((0..row.machines()).map(|_| holds));
    }
    let mut absent = vec![];
    for choice in choices {
        if let Choice::Sql(condition) = choice {
            for (chosen, holds) in std::iter::zip(&mut machines, condition.holds(&frame)?) {
                *chosen &= holds;
            }
            absent.extend(condition.absent_values(&frame));
        }
    }
    Ok(Chosen {
        machines,
        frame,
        absent,
    })
}
