//! Sorts the rows of `analyze clocks` by the columns that they have in CSV and JSON.

use super::estimates::ClockGroup;
use super::figures::FIGURES;
use crate::output::value::Value;
use crate::read::runs::parameters;
use crate::read::sql::{NotSql, nearest_in_words};
use crate::stats::row_query::{SortKey, compare_values};

/// Columns besides the parameters and the figures.
const KEYS: [&str; 4] = ["dataset", "machines", "replayed_clock", "n"];

/// The columns by which rows are sorted, the most important first.
#[derive(Clone, Debug)]
pub struct ClockOrder(Vec<(&'static str, bool)>);

impl ClockOrder {
    /// The names of all columns. The name of a figure stands for its mean.
    pub fn columns() -> Vec<&'static str> {
        let figures = FIGURES.iter().map(|figure| figure.name);
        KEYS.into_iter()
            .chain(parameters().iter().copied())
            .chain(figures)
            .collect()
    }

    /// The order that `keys` say. A column is named as in CSV, and a figure also by its heading. Without a direction, the largest value
    /// of a figure comes first, and the smallest value of any other column.
    ///
    /// # Errors
    ///
    /// [`NotSql::Name`] if a name is not a column.
    pub fn new(keys: &[SortKey]) -> Result<Self, NotSql> {
        let columns = Self::columns();
        let column = |key: &SortKey| {
            let is_headed = |heading: &str| heading == key.name;
            let headed = FIGURES.iter().find(|figure| is_headed(figure.heading));
            let named = columns.iter().copied().find(|name| *name == key.name);
            let column = named.or(headed.map(|figure| figure.name));
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

    /// Sorts rows. Rows that are equal in all columns keep their order. Rows without a value are last.
    pub fn sort(&self, groups: &mut [ClockGroup]) {
        for &(column, descending) in self.0.iter().rev() {
            groups.sort_by(|a, b| compare_values(&cell(a, column), &cell(b, column), descending));
        }
    }
}

/// The value of a row in a column.
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
