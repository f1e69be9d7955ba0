//! Chooses the rows of a table by a condition on their columns (option `--having`), and sorts them (option `--sort`).

use std::cmp::Ordering;
use std::str::FromStr;

use polars::prelude::{Column, DataFrame};

use crate::error::Error;
use crate::measures::Measure;
use crate::output::value::Value;
use crate::read::sql::{NotSql, SqlCondition, nearest_in_words, values_in_words};
use crate::stats::pool::Pool;
use crate::stats::repetitions::Group;
use crate::stats::row_columns::RowColumn;
use crate::theory::compare;

/// A column by which rows are sorted, as the user wrote it: the name or the heading of the column, with or without a direction at the end
/// (` asc`, ` desc`, `:asc` or `:desc`). Examples are `jump_mean` and `jump_mean:asc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// The name or the heading of the column.
    pub name: String,
    /// Whether the largest value comes first; `None` if the user does not give a direction.
    pub descending: Option<bool>,
}

impl FromStr for SortKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        let ends = [
            (" asc", false),
            (" desc", true),
            (":asc", false),
            (":desc", true),
        ];
        let end = ends.iter().find(|(end, _)| lower.ends_with(end));
        let (name, descending) = match end {
            Some((end, descending)) => (&text[..text.len() - end.len()], Some(*descending)),
            None => (text, None),
        };
        match name.trim() {
            "" => Err("must be a column, such as jump_mean or \"jump_mean asc\"".to_owned()),
            name => Ok(Self {
                name: name.to_owned(),
                descending,
            }),
        }
    }
}

/// Which rows of a table are shown, and in which order.
#[derive(Clone, Debug, Default)]
pub struct RowQuery {
    /// The conditions that rows must meet. With each condition comes a list of the columns that the condition uses: for each column, its
    /// name in the condition and the column itself.
    having: Vec<(SqlCondition, Vec<(String, RowColumn)>)>,
    /// The columns to sort by, the most important first, and whether the largest value comes first.
    sort: Vec<(RowColumn, bool)>,
}

impl RowQuery {
    /// A query for rows that meet all conditions `having`, sorted by `sort`. `shown` are the measures of the table. Several measures can have
    /// the same heading. If the user sorts by such a heading, the rows are sorted by the measure that is in `shown`.
    ///
    /// # Errors
    ///
    /// [`NotSql::Name`] if a name is not a column.
    pub fn new(
        having: &[SqlCondition],
        sort: &[SortKey],
        shown: &[&'static Measure],
    ) -> Result<Self, NotSql> {
        let known: Vec<&str> = RowColumn::names().collect();
        let unknown = |name: &str| NotSql::Name {
            name: name.to_owned(),
            nearest: nearest_in_words(name, &known),
            names: known.join(", "),
        };
        let with_its_columns = |condition: &SqlCondition| {
            let names = condition.names().into_iter();
            let columns = names.map(|name| match RowColumn::named(&name) {
                Some(column) => Ok((name, column)),
                None => Err(unknown(&name)),
            });
            Ok((condition.clone(), columns.collect::<Result<_, _>>()?))
        };
        let sort = sort.iter().map(|key| {
            let column = RowColumn::find_by_name_or_heading(&key.name, shown);
            let column = column.ok_or_else(|| unknown(&key.name))?;
            Ok((
                column,
                key.descending.unwrap_or(column.is_descending_by_default()),
            ))
        });
        Ok(Self {
            having: having
                .iter()
                .map(with_its_columns)
                .collect::<Result<_, NotSql>>()?,
            sort: sort.collect::<Result<_, NotSql>>()?,
        })
    }

    /// The columns that the query needs.
    fn columns(&self) -> impl Iterator<Item = RowColumn> {
        let having = self.having.iter().flat_map(|(_, columns)| columns);
        let sort = self.sort.iter().map(|(column, _)| *column);
        having.map(|(_, column)| *column).chain(sort)
    }

    /// The measures `shown` in a table, and then those that the query needs in addition.
    pub fn with_measures(&self, shown: &[&'static Measure]) -> Vec<&'static Measure> {
        let mut measures = shown.to_vec();
        for measure in self.columns().filter_map(RowColumn::measure) {
            if measures.iter().all(|other| other.name != measure.name) {
                measures.push(measure);
            }
        }
        measures
    }

    /// The headings of the measures that the query needs. On a narrow terminal, a table leaves out some columns, but not the columns with
    /// these headings.
    pub fn headings(&self) -> Vec<String> {
        let measures = self.columns().filter_map(RowColumn::measure);
        measures.map(Measure::heading).collect()
    }

    /// The rows that the query chooses, sorted. Each of `groups` is a row: one machine of one configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Condition`] if a condition cannot be evaluated; [`Error::NoSuchRow`] if no row meets the conditions.
    pub fn choose_groups(&self, groups: Vec<Group>) -> Result<Vec<Group>, Error> {
        let needs_predictions = self.columns().any(RowColumn::is_prediction_or_regime);
        let chosen = {
            // An entry for each group; no entries if the query needs no predictions.
            let predicted = if needs_predictions {
                compare(&groups)
            } else {
                vec![]
            };
            self.choose(groups.len(), |row, column| {
                let prediction = predicted
                    .get(row)
                    .and_then(|machine| machine.prediction.as_ref());
                column.of_group(&groups[row], prediction)
            })?
        };
        Ok(pick(groups, &chosen))
    }

    /// The rows of `pools` that the query chooses, sorted. A pool has all runs with the same values of the columns `names`.
    ///
    /// # Errors
    ///
    /// [`Error::NotPooled`] if the query needs a column that pools do not have, for example a prediction; [`Error::Condition`] if a
    /// condition cannot be evaluated; [`Error::NoSuchRow`] if no row meets the conditions.
    pub fn choose_pools(&self, names: &[&str], pools: Vec<Pool>) -> Result<Vec<Pool>, Error> {
        // All pools have the same columns, so the first one is enough.
        let is_missing = |column: &RowColumn| {
            pools
                .first()
                .is_some_and(|pool| column.of_pool(pool, names).is_none())
        };
        if let Some(column) = self.columns().find(is_missing) {
            return Err(Error::NotPooled {
                column: match column {
                    RowColumn::Key(name) => Some(name),
                    // `None` stands for predictions and regimes.
                    _ => None,
                },
            });
        }
        let chosen = self.choose(pools.len(), |row, column| {
            column.of_pool(&pools[row], names).unwrap_or(Value::Missing)
        })?;
        Ok(pick(pools, &chosen))
    }

    /// Chooses among `count` rows, and returns the indices of the chosen rows, sorted. `value` gives the value of a column in a row.
    ///
    /// # Errors
    ///
    /// [`Error::Condition`] if a condition cannot be evaluated; [`Error::NoSuchRow`] if no row meets the conditions.
    pub fn choose(
        &self,
        count: usize,
        value: impl Fn(usize, RowColumn) -> Value,
    ) -> Result<Vec<usize>, Error> {
        // The rows that meet all conditions so far.
        let mut rows: Vec<usize> = (0..count).collect();
        for (index, (condition, columns)) in self.having.iter().enumerate() {
            let columns = columns.iter().map(|(name, column)| {
                column_of(name, rows.iter().map(|&row| value(row, *column)).collect())
            });
            let frame = DataFrame::new(rows.len(), columns.collect())?;
            let mut holds = condition.holds(&frame)?.into_iter();
            rows.retain(|_| holds.next() == Some(true));
            if rows.is_empty() {
                let conditions = self.having[..=index].iter();
                let conditions: Vec<&str> = conditions.map(|(one, _)| one.text()).collect();
                return Err(no_such_row(conditions.join(" and "), &frame));
            }
        }
        // Each sort keeps the order of rows with equal values. So the rows are sorted by the least important column first, and by the most
        // important column last.
        for (column, descending) in self.sort.iter().rev() {
            let values: Vec<Value> = (0..count).map(|row| value(row, *column)).collect();
            rows.sort_by(|&a, &b| compare_values(&values[a], &values[b], *descending));
        }
        Ok(rows)
    }
}

/// The error if a condition leaves no row. `conditions` is the text of this condition and of those before it. `frame` has the rows that
/// were left before this condition, with the columns that the condition names. The error lists the values in `frame`.
fn no_such_row(conditions: String, frame: &DataFrame) -> Error {
    let names = frame.get_column_names_owned();
    let values = names.iter().filter_map(|name| {
        let values = values_in_words(frame, name)?;
        Some(format!("; {name} is {values}"))
    });
    Error::NoSuchRow {
        condition: conditions,
        values: values.collect(),
    }
}

/// The order of two values. Missing values are last in both directions.
pub(crate) fn compare_values(a: &Value, b: &Value, descending: bool) -> Ordering {
    let ascending = match (a, b) {
        (Value::Missing, Value::Missing) => return Ordering::Equal,
        (Value::Missing, _) => return Ordering::Greater,
        (_, Value::Missing) => return Ordering::Less,
        (a, b) => match (a.as_number(), b.as_number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => a.to_string().cmp(&b.to_string()),
        },
    };
    if descending {
        ascending.reverse()
    } else {
        ascending
    }
}

/// A column of `values`: numbers if all values are numbers or missing, otherwise texts.
fn column_of(name: &str, values: Vec<Value>) -> Column {
    let is_text = |value: &Value| matches!(value, Value::Text(_) | Value::Boolean(_));
    if values.iter().any(is_text) {
        let texts = values.iter().map(|value| match value {
            Value::Missing => None,
            value => Some(value.to_string()),
        });
        return Column::new(name.into(), texts.collect::<Vec<_>>());
    }
    let numbers: Vec<Option<f64>> = values.iter().map(Value::as_number).collect();
    Column::new(name.into(), numbers)
}

/// The items at `indices`, in the order of `indices`.
fn pick<T>(items: Vec<T>, indices: &[usize]) -> Vec<T> {
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    indices
        .iter()
        .filter_map(|&index| items[index].take())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sort_keys_have_a_name_and_a_direction() {
        let key = |text: &str| {
            let SortKey { name, descending } = text.parse().expect("a key");
            (name, descending)
        };
        assert_eq!(key("jump_mean"), ("jump_mean".to_owned(), None));
        assert_eq!(
            key("growth (1/s) ASC"),
            ("growth (1/s)".to_owned(), Some(false))
        );
        assert_eq!(key("rates:desc"), ("rates".to_owned(), Some(true)));
        assert!(":desc".parse::<SortKey>().is_err());
    }

    #[test]
    fn missing_values_are_last_in_both_directions() {
        let values = [Value::Number(1.0), Value::Missing, Value::Integer(3)];
        for (descending, expected) in [(false, [0, 2, 1]), (true, [2, 0, 1])] {
            // The closure below returns the same values for every column, so any column can be given here.
            let query = RowQuery {
                having: vec![],
                sort: vec![(RowColumn::Regime, descending)],
            };
            let chosen = query.choose(3, |row, _| values[row].clone()).expect("rows");
            assert_eq!(chosen, expected);
        }
    }
}
