//! Checks that each row of the journal (`runs.csv`, a row for each run) agrees with `dataset.json` and with the run's events, and that
//! the columns of the row agree with each other.

use std::collections::HashSet;

use sim::log::{JournalRow, ResolvedExperiment, SCHEMA_OF_TRUE_MARGINS};

use super::margin;
use super::setup::{ROUNDING_NS, Setup, ns_from_us};

/// The experiment in `dataset.json`, to which all runs must belong.
pub(super) struct Planned<'d> {
    experiment: &'d ResolvedExperiment,
    /// The texts of all configurations of the experiment.
    configurations: HashSet<&'d str>,
}

impl<'d> Planned<'d> {
    /// Uses the experiment in `dataset.json`.
    pub(super) fn new(experiment: &'d ResolvedExperiment) -> Self {
        let configurations = experiment.configurations.iter().map(String::as_str);
        Self {
            experiment,
            configurations: configurations.collect(),
        }
    }

    /// Checks the columns of `row` against each other and against the experiment. Adds each contradiction to `problems`.
    pub(super) fn check(&self, row: &JournalRow, problems: &mut Vec<String>) {
        let planned = self.experiment;
        let configuration = row.configuration.to_string();
        let key = format!("{configuration} repetition={}", row.repetition);
        // If the key contradicts the columns, it is not known which of them is damaged. Then the configuration is not looked up.
        if row.key != key {
            problems.push(format!(
                "its key is `{}`, but according to its columns it should be `{key}`",
                row.key
            ));
        } else if !self.configurations.contains(configuration.as_str()) {
            problems.push(format!(
                "the configuration `{configuration}` is not in dataset.json"
            ));
        }
        for (column, value, planned_value) in [
            ("engine", &row.engine, &planned.engine),
            ("isolation", &row.isolation, &planned.isolation),
        ] {
            if value != planned_value {
                problems.push(format!(
                    "{column} is {value}, but it is {planned_value} in dataset.json"
                ));
            }
        }
        if row.time_scale != planned.time_scale {
            problems.push(format!(
                "time_scale is {}, but it is {} in dataset.json",
                row.time_scale, planned.time_scale
            ));
        }
        // Virtual time starts at 0, and in it all messages arrive as in the schedule.
        if row.engine == "virtual" && (row.started_at_ns != 0 || !row.as_scheduled) {
            problems.push(
                "a run in virtual time must have started_at_ns = 0 and as_scheduled = true"
                    .to_owned(),
            );
        }
    }
}

/// Checks four columns of `row`, and adds each contradiction to `problems`:
///
/// - `events` must be `log_rows`, the number of rows of the run's log.
/// - `margin_us` must be the margin: the shortest time between two ticks of different machines that interact. Two machines interact if one
///   may send to the other, or if both may send to the same third machine.
/// - `lateness_max_us` must be `largest_lateness_ns`, the largest lateness of an event in the log, in nanoseconds.
/// - `punctual` must be true in virtual time. In other runs it must say whether the largest lateness plus the largest latency is less than
///   the margin.
///
/// In an imported log, only `events` is checked, because the others need the times at which ticks were due.
///
/// `schema` is the version of the dataset's format in which the row was written.
pub(super) fn check_measured(
    row: &JournalRow,
    setup: &Setup,
    log_rows: u64,
    largest_lateness_ns: u64,
    schema: u32,
    problems: &mut Vec<String>,
) {
    if row.events != log_rows {
        problems.push(format!(
            "the row counts {} events, but the log has {log_rows}",
            row.events
        ));
    }
    if !setup.known.timetable {
        return;
    }
    // `check_margin` makes a list of all ticks that the run should have according to `row`. With a damaged row, this list could be too long
    // for the memory. So the margin is checked only if the log has at least as many rows as the list has ticks. Otherwise ticks are missing
    // in the log, and another check reports them.
    if setup.ticks() <= log_rows {
        check_margin(row, setup, schema, problems);
    }
    if ns_from_us(row.lateness_max_us).abs_diff(largest_lateness_ns) > ROUNDING_NS {
        problems.push(format!(
            "lateness_max_us is {}, but the largest lateness of an event in the log is {} µs",
            row.lateness_max_us,
            largest_lateness_ns as f64 / 1e3
        ));
    }
    let delays_ns = ns_from_us(row.lateness_max_us).saturating_add(ns_from_us(row.latency_max_us));
    let is_punctual = setup.is_virtual || delays_ns < ns_from_us(row.margin_us);
    if !row.punctual && setup.is_virtual {
        problems.push("punctual is false, but a run in virtual time is always punctual".to_owned());
    } else if row.punctual != is_punctual {
        problems.push(format!(
            "punctual is {}, but lateness and latency add up to {} µs, and the margin is {} µs",
            row.punctual,
            delays_ns as f64 / 1e3,
            row.margin_us
        ));
    }
}

/// Checks column `margin_us`. In datasets with a `schema` below [`SCHEMA_OF_TRUE_MARGINS`], this column can have a lower limit of the
/// margin instead of the margin. In these datasets the lower limit is accepted too, because it is never greater than the margin: a run
/// whose delays are less than the lower limit is really punctual.
fn check_margin(row: &JournalRow, setup: &Setup, schema: u32, problems: &mut Vec<String>) {
    // The values may differ by one nanosecond because of rounding.
    let is_in_row = |margin_ns: u64| ns_from_us(row.margin_us).abs_diff(margin_ns) <= 1;
    let margin_ns = margin::margin_ns(setup);
    let has_lower_limit =
        schema < SCHEMA_OF_TRUE_MARGINS && is_in_row(margin::lower_limit_ns(setup));
    if !is_in_row(margin_ns) && !has_lower_limit {
        problems.push(format!(
            "margin_us is {}, but first ticks, rates and topology give {}",
            row.margin_us,
            margin_ns as f64 / 1e3
        ));
    }
}
