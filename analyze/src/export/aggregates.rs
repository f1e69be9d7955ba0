//! The table of aggregates: the mean of each measure over the repetitions of each configuration, with its interval.

use polars::prelude::*;

use crate::error::Error;
use crate::measures::{self, Measure};
use crate::output::schema::Kind;
use crate::output::value::{Record, Value};
use crate::read::dataset::Dataset;
use crate::read::runs::{machine_columns, parameters};
use crate::stats::repetitions::Repetitions;
use crate::stats::tables;

/// The columns that each measure has in this table. For each column: its suffix (`jump_mean_sd` is the measure `jump_mean` with the suffix
/// `sd`), its type and its meaning. The suffixes must have the same order as in the records of [`tables::records`], because `frame` takes
/// values from these records by position.
pub const SUFFIXES: [(&str, Kind, &str); 6] = [
    (
        "mean",
        Kind::Number,
        "Mean over the repetitions in which the measure is defined, in the measure's unit.",
    ),
    (
        "sd",
        Kind::Number,
        "Standard deviation of the runs' values (divisor n - 1). Empty for a single run.",
    ),
    (
        "low",
        Kind::Number,
        "Lower end of the 95 % confidence interval of the mean. Empty if there is no interval.",
    ),
    ("high", Kind::Number, "Upper end of this interval."),
    (
        "interval",
        Kind::Text,
        "Kind of the interval: `t` (Student's t), `rough` (there are few different values, so it may miss the true mean in more than 5 of 100 samples), or \
      `all equal` (all values are equal, so there is no interval). Empty for a single run.",
    ),
    (
        "n",
        Kind::Integer,
        "Number of repetitions in which the measure is defined.",
    ),
];

/// The names and types of the columns.
pub fn columns() -> Vec<(String, Kind)> {
    let described = machine_columns();
    // A column that does not belong to a measure, such as `rate`, has the same type as in the table of machines. Only `n`, the number of
    // repetitions, is not in that table. It is an integer.
    let kind = |name: &str| {
        let column = described.iter().find(|column| column.name == name);
        column.map_or(Kind::Integer, |column| column.kind)
    };
    let key_names = std::iter::once("dataset")
        .chain(parameters().iter().copied())
        .chain(["machine", "rate", "n"]);
    let columns_of = |measure: &Measure| {
        let name = measure.name;
        SUFFIXES.map(|(suffix, kind, _)| (format!("{name}_{suffix}"), kind))
    };
    let keys = key_names.map(|name| (name.to_owned(), kind(name)));
    keys.chain(measures::all().flat_map(columns_of)).collect()
}

/// The table for `dataset`: a row for each machine of each configuration. `machines` has the measures of each machine of each run.
pub(super) fn frame(dataset: &Dataset, machines: &DataFrame) -> Result<DataFrame, Error> {
    let measures: Vec<&'static Measure> = measures::all().collect();
    let mut groups = Repetitions::from_machines(dataset, &measures, machines)?.groups()?;
    for group in &mut groups {
        // `group.dataset` is the dataset's label. The label is a path if another dataset has the same name. This table always has the name.
        dataset.name().clone_into(&mut group.dataset);
    }
    let records = tables::records(&measures, &groups);
    let columns = columns().into_iter().enumerate();
    let columns = columns.map(|(index, (name, kind))| column(&records, index, &name, kind));
    Ok(DataFrame::new(records.len(), columns.collect())?)
}

/// The values at `index` in all records, as a column with this name and type. A record is a list of pairs: name and value.
fn column(records: &[Record], index: usize, name: &str, kind: Kind) -> Column {
    let values = || records.iter().map(|record| &record[index].1);
    let name: PlSmallStr = name.into();
    let text = |value: &Value| match value {
        Value::Missing => None,
        value => Some(value.to_string()),
    };
    match kind {
        Kind::Integer => {
            let integer = |value: &Value| match value {
                Value::Integer(value) => Some(*value),
                _ => None,
            };
            Series::new(name, values().map(integer).collect::<Vec<_>>())
        }
        Kind::Number => Series::new(name, values().map(Value::as_number).collect::<Vec<_>>()),
        _ => Series::new(name, values().map(text).collect::<Vec<_>>()),
    }
    .into()
}
