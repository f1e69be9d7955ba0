//! Columns that several kinds of records have. A record is a row of CSV or JSON. Most records are about a *group*: one machine of one
//! configuration, over its repetitions.

use crate::measures::Measure;
use crate::output::value::{Record, Value};
use crate::read::runs::parameters;
use crate::stats::estimate::Estimate;
use crate::stats::repetitions::Group;

/// The first columns of a record about a group: dataset, parameters, machine, rate and `n`, the number of repetitions.
pub(crate) fn group_record(group: &Group) -> Record {
    let mut record = vec![("dataset".to_owned(), Value::Text(group.dataset.clone()))];
    record.extend(
        parameters()
            .iter()
            .zip(&group.parameters)
            .map(|(name, value)| ((*name).to_owned(), value.clone())),
    );
    record.push(("machine".to_owned(), Value::Integer(group.machine)));
    record.push(("rate".to_owned(), Value::Number(group.rate)));
    record.push(("n".to_owned(), Value::Integer(group.n as i64)));
    record
}

/// Adds the columns of `measure` to a record: the mean, the standard deviation, the two ends of the confidence interval, the kind of the
/// interval (such as `rough`), and how many of the repetitions have a value of the measure. The name of each column begins with the name of
/// the measure. For example, the mean of the measure `jump_mean` is in the column `jump_mean_mean`.
pub(crate) fn push_estimate(record: &mut Record, measure: &Measure, estimate: Option<Estimate>) {
    push_estimate_of(record, measure.name, estimate);
}

/// Does the same as [`push_estimate`], for any quantity. The names of the columns begin with `name`.
pub(crate) fn push_estimate_of(record: &mut Record, name: &str, estimate: Option<Estimate>) {
    let interval = estimate.and_then(|estimate| estimate.interval());
    let mut push = |part: &str, value: Value| record.push((format!("{name}_{part}"), value));
    push("mean", estimate.map(|estimate| estimate.mean).into());
    push("sd", estimate.and_then(|estimate| estimate.sd).into());
    push("low", interval.map(|(low, _)| low).into());
    push("high", interval.map(|(_, high)| high).into());
    let kind = estimate.and_then(|estimate| estimate.interval_kind.name());
    push("interval", kind.map(str::to_owned).into());
    push(
        "n",
        Value::Integer(estimate.map_or(0, |estimate| estimate.n as i64)),
    );
}
