//! Sorts the rows of `analyze clocks` by columns of its CSV and JSON output. Some of these columns are *figures*: quantities that are
//! measured of a clock, such as the bytes of its timestamps.

use super::estimates::ClockGroup;
use super::figures::{FIGURES, Figure};
use crate::output::value::Value;
use crate::read::runs::parameters;
use crate::read::sql::{NotSql, nearest_in_words};
use crate::stats::row_query::{SortKey, compare_values};

/// Columns besides the parameters and the figures. `replayed_clock` names the clock, for example a vector clock. `n` is the number of
/// repetitions.
const OTHER_COLUMNS: [&str; 4] = ["dataset", "machines", "replayed_clock", "n"];

/// The columns by which rows are sorted, the most important first. For each column: its name in CSV, and whether its largest value comes
/// first.
#[derive(Clone, Debug)]
pub struct ClockOrder(Vec<(&'static str, bool)>);

impl ClockOrder {
    /// The names of all columns by which rows can be sorted. For a figure, rows are sorted by its mean.
    pub fn columns() -> Vec<&'static str> {
        let figures = FIGURES.iter().map(|figure| figure.name);
        OTHER_COLUMNS
            .into_iter()
            .chain(parameters().iter().copied())
            .chain(figures)
            .collect()
    }

    /// The order that the user wrote as `keys`. A key names a column as in CSV. It may also name a figure by its heading in tables. If a
    /// key has no direction, the largest value comes first for a figure, and the smallest value for any other column.
    ///
    /// # Errors
    ///
    /// [`NotSql::Name`] if a name is not a column. (Wrong names in SQL conditions have the same error.)
    pub fn new(keys: &[SortKey]) -> Result<Self, NotSql> {
        let columns = Self::columns();
        let column = |key: &SortKey| {
            let has_this_heading = |figure: &&Figure| figure.heading == key.name;
            let by_heading = FIGURES.iter().find(has_this_heading);
            let by_name = columns.iter().copied().find(|name| *name == key.name);
            let column = by_name.or(by_heading.map(|figure| figure.name));
            let column = column.ok_or_else(|| NotSql::Name {
                name: key.name.clone(),
                nearest: nearest_in_words(&key.name, &columns),
                names: columns.join(", "),
            })?;
            let is_figure = FIGURES.iter().any(|figure| figure.name == column);
            Ok((column, key.descending.unwrap_or(is_figure)))
        };
        keys.iter().map(column).collect::<Result<_, _>>().map(Self)
    }

    /// Sorts rows. Rows that are equal in all columns of this order stay in the order that they had. Rows without a value in a column come
    /// after the rows that have a value there, whether the smallest or the largest value comes first.
    pub fn sort(&self, groups: &mut [ClockGroup]) {
        // The most important column is sorted last. Each sort keeps the order of rows that are equal in its own column.
        for &(column, descending) in self.0.iter().rev() {
            groups.sort_by(|a, b| compare_values(&cell(a, column), &cell(b, column), descending));
        }
    }
}

/// The value of a row in a column. For a figure, it is the mean over the repetitions.
fn cell(group: &ClockGroup, column: &str) -> Value {
    match column {
        "dataset" => Value::Text(group.dataset.clone()),
        "machines" => Value::Integer(group.configuration.rates.machines().into()),
        "replayed_clock" => Value::Text(group.clock.to_string()),
        "n" => Value::Integer(group.n as i64),
        _ => match FIGURES.iter().find(|figure| figure.name == column) {
            Some(figure) => group
                .estimate(figure)
                .map_or(Value::Missing, |estimate| Value::Number(estimate.mean)),
            None => {
                let index = parameters().iter().position(|name| *name == column);
                index.map_or(Value::Missing, |index| group.parameters[index].clone())
            }
        },
    }
}
