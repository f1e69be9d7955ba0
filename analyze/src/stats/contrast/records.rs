//! Contrasts as records (rows of CSV or JSON): the differences of measures between two values of a parameter, called `a` and `b`.
//!
//! A pair is the same machine in two configurations that differ only in this parameter: one has the value `a`, the other the value `b`.

use super::averages::dataset_averages;
use super::{AVERAGE, AllRuns, Contrast, Pair};
use crate::error::Error;
use crate::measures::Measure;
use crate::output::value::{Record, Value};
use crate::read::runs::parameters;
use crate::stats::difference::Difference;
use crate::stats::repetitions::Group;

/// A record for each pair and measure, in full precision. After the records of the pairs come the records of averages: for each dataset with
/// several pairs, and for each measure, the average of the differences of the dataset's pairs. In a record of an average, all columns
/// about a single pair are empty. Column `row` is `pair` or `average`. The interval of an average needs the values of all single
/// runs. Without them (`all_runs` is `None`), the averages have no intervals.
///
/// # Errors
///
/// [`Error::Query`] if the measures cannot be computed.
pub fn records(
    contrast: &Contrast,
    pairs: &[Pair<'_>],
    measures: &[&Measure],
    all_runs: Option<AllRuns<'_>>,
) -> Result<Vec<Record>, Error> {
    let of_pair = |pair| {
        let measures = measures.iter();
        measures.map(move |measure| record(contrast, pair, measure))
    };
    let mut records: Vec<Record> = pairs.iter().flat_map(of_pair).collect();
    for average in dataset_averages(contrast, pairs, measures, all_runs)? {
        let differences = std::iter::zip(measures, &average.differences);
        records.extend(differences.map(|(measure, difference)| {
            average_record(contrast, average.dataset, measure, *difference)
        }));
    }
    Ok(records)
}

/// The record of the average difference over the pairs of `dataset`.
fn average_record(
    contrast: &Contrast,
    dataset: &str,
    measure: &Measure,
    difference: Option<Difference>,
) -> Record {
    let mut record = vec![("dataset".to_owned(), Value::Text(dataset.to_owned()))];
    let others = parameters().iter();
    let others = others.filter(|name| **name != contrast.parameter);
    record.extend(others.map(|name| ((*name).to_owned(), Value::Missing)));
    record.push(("machine".to_owned(), Value::Missing));
    record.extend(compared(contrast, measure));
    let about_a_and_b = ["n_a", "n_b", "mean_a", "mean_b"];
    record.extend(about_a_and_b.map(|name| (name.to_owned(), Value::Missing)));
    record.extend(difference_columns(difference));
    record.push(("row".to_owned(), Value::Text(AVERAGE.to_owned())));
    record
}

/// The columns that say what is compared.
fn compared(contrast: &Contrast, measure: &Measure) -> [(String, Value); 4] {
    [
        ("parameter", contrast.parameter),
        ("a", &contrast.a),
        ("b", &contrast.b),
        ("measure", measure.name),
    ]
    .map(|(name, value)| (name.to_owned(), Value::Text(value.to_owned())))
}

/// The columns of a difference, `b` minus `a`. The column `interval` has the kind of the interval, such as `rough`.
fn difference_columns(difference: Option<Difference>) -> [(String, Value); 4] {
    let interval = difference.and_then(|difference| difference.interval());
    let kind = difference.and_then(|difference| difference.interval_kind.name());
    [
        (
            "difference",
            difference.map(|difference| difference.mean).into(),
        ),
        ("low", interval.map(|(low, _)| low).into()),
        ("high", interval.map(|(_, high)| high).into()),
        ("interval", kind.map(str::to_owned).into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// The record of a pair.
fn record(contrast: &Contrast, pair: &Pair<'_>, measure: &Measure) -> Record {
    let mut record = vec![("dataset".to_owned(), Value::Text(pair.a.dataset.clone()))];
    let others = std::iter::zip(parameters(), &pair.a.parameters)
        .filter(|(name, _)| **name != contrast.parameter);
    record.extend(others.map(|(name, value)| ((*name).to_owned(), value.clone())));
    let difference = pair.difference(measure);
    let mean = |group: &Group| group.estimate(measure).map(|estimate| estimate.mean);
    let value_count = |group: &Group| {
        let estimate = group.estimate(measure);
        Value::Integer(estimate.map_or(0, |estimate| estimate.n as i64))
    };
    record.push(("machine".to_owned(), Value::Integer(pair.a.machine)));
    record.extend(compared(contrast, measure));
    record.extend([
        ("n_a".to_owned(), value_count(pair.a)),
        ("n_b".to_owned(), value_count(pair.b)),
        ("mean_a".to_owned(), mean(pair.a).into()),
        ("mean_b".to_owned(), mean(pair.b).into()),
    ]);
    record.extend(difference_columns(difference));
    record.push(("row".to_owned(), Value::Text("pair".to_owned())));
    record
}
