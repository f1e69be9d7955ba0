//! The tables of measures. Each row of a table is about one group: one machine of one configuration, over its repetitions.

use sim::experiment::Parameter;
use sim::sweep::words::grouped;

use crate::measures::{self, Measure};
use crate::output::table::{Table, decimals_for, keep_together, rounded};
use crate::output::value::{Record, Value};
use crate::read::runs::{has_own_column, parameters, shown};
use crate::stats::estimate::{Estimate, repetitions_to_halve};
use crate::stats::intervals::{estimate_words, notes};
use crate::stats::records::{group_record, push_estimate};
use crate::stats::repetitions::{Configured, Group};

/// With fewer repetitions than this, a caption warns that intervals are unreliable.
const ENOUGH_REPETITIONS: u64 = 5;

/// The description of a table: its title and its measures.
#[derive(Clone, Copy, Debug)]
pub struct TableSpec {
    /// The title of the table.
    pub title: &'static str,
    /// The names of the table's measures.
    measures: &'static [&'static str],
}

/// How fast do the clocks run? How far is each clock ahead of its machine's ticks (`own_drift`), and how far behind the run's largest clock
/// (`lag_final`, `lag_mean`)?
pub const DRIFT: TableSpec = TableSpec {
    title: "Drift",
    measures: &[
        "logical_rate",
        "own_drift",
        "lag_final",
        "lag_mean",
        "lag_slope",
    ],
};

/// How far do clocks advance from event to event?
pub const JUMPS: TableSpec = TableSpec {
    title: "Jumps",
    measures: &[
        "jump_mean",
        "jump_p50",
        "jump_p95",
        "jump_max",
        "jump_share_above_1",
    ],
};

/// How many messages wait?
pub const BACKLOG: TableSpec = TableSpec {
    title: "Backlog",
    measures: &[
        "backlog_mean",
        "backlog_p95",
        "backlog_max",
        "backlog_final",
        "backlog_growth",
        "receive_share",
    ],
};

/// How far is the smallest clock of a run behind the largest (`spread_mean`)? How old are messages when they are received? Take all pairs
/// of events on different machines: what share of them is concurrent (`concurrency`)? Take only the pairs whose clock values differ: what
/// share of them is concurrent (`false_order`)?
pub const CAUSALITY: TableSpec = TableSpec {
    title: "Causality",
    measures: &[
        "spread_mean",
        "message_age_mean_s",
        "concurrency",
        "false_order",
    ],
};

/// The tables of a summary. The records of a summary have the measures of all these tables.
pub const SUMMARY: [TableSpec; 3] = [DRIFT, JUMPS, BACKLOG];

impl TableSpec {
    /// The measures of the table.
    pub fn measures(&self) -> Vec<&'static Measure> {
        self.measures
            .iter()
            .map(|name| measures::named(name))
            .collect()
    }
}

/// Whether a table has a column with the standard deviation of each measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviations {
    /// The table has these columns.
    Shown,
    /// The table does not have these columns.
    Hidden,
}

/// The table of `measures`, with a row for each of `groups`.
pub fn table(
    title: &'static str,
    measures: &[&Measure],
    groups: &[Group],
    deviations: Deviations,
) -> Table {
    let all: Vec<&Group> = groups.iter().collect();
    let varying = Varying::among(&all);
    let mut headings = varying.headings();
    let machine_column = headings.len();
    headings.push("machine".to_owned());
    let of_measures = measures.iter();
    headings.extend(of_measures.flat_map(|measure| measure_headings(measure, deviations)));
    headings.push("n".to_owned());
    let rows =
        groups
            .iter()
            .map(|group| {
                let mut row = varying.cells(group);
                // `keep_together` allows no line break between its words.
                row.push(format!(
                    "{} {}",
                    group.machine,
                    keep_together(&format!("at {}/s", group.rate))
                ));
                row.extend(measures.iter().flat_map(|measure| {
                    cells(group.estimate(measure), group.n, measure, deviations)
                }));
                row.push(grouped(group.n));
                row
            })
            .collect();
    let numeric = (0..headings.len())
        .map(|column| column > machine_column)
        .collect();
    Table {
        short: vec![],
        title,
        // A narrow terminal leaves out columns of measures, beginning with the last one. The first measure and `n` stay.
        optional: (machine_column + 2..headings.len() - 1).rev().collect(),
        headings,
        numeric,
        rows,
        caption: caption(measures, &all, &varying, deviations),
        ..Table::default()
    }
}

/// The groups as records in full precision: every parameter and, for each measure, mean, sd, low, high and n.
pub fn records(measures: &[&Measure], groups: &[Group]) -> Vec<Record> {
    groups.iter().map(|group| record(measures, group)).collect()
}

fn record(measures: &[&Measure], group: &Group) -> Record {
    let mut record = group_record(group);
    for measure in measures {
        push_estimate(&mut record, measure, group.estimate(measure));
    }
    record
}

/// The columns that tell the groups of a table apart: parameters and the dataset, but not the machine.
pub(crate) struct Varying {
    /// Whether there is a column with the dataset, because the groups are from several datasets.
    has_dataset: bool,
    /// The parameters with a column: always `rates` and `internal`, others if the groups have more than one value of them.
    parameters: Vec<&'static str>,
}

impl Varying {
    /// The columns for a table with these `groups`.
    pub(crate) fn among<R: Configured>(groups: &[&R]) -> Self {
        let differs = |name: &str| {
            groups
                .windows(2)
                .any(|pair| pair[0].parameter(name) != pair[1].parameter(name))
        };
        // `internal_each` has no column of its own: its values are in the column of `internal`.
        let parameters = parameters().iter().copied().filter(|name| {
            has_own_column(name) && (["rates", "internal"].contains(name) || differs(name))
        });
        let parameters = parameters.collect();
        Self {
            has_dataset: groups
                .windows(2)
                .any(|pair| pair[0].dataset() != pair[1].dataset()),
            parameters,
        }
    }

    pub(crate) fn headings(&self) -> Vec<String> {
        let dataset = self.has_dataset.then(|| "dataset".to_owned());
        dataset
            .into_iter()
            .chain(
                self.parameters
                    .iter()
                    .map(|name| parameter_heading(name).to_owned()),
            )
            .collect()
    }

    pub(crate) fn cells(&self, group: &impl Configured) -> Vec<String> {
        let dataset = self.has_dataset.then(|| group.dataset().to_owned());
        dataset
            .into_iter()
            .chain(
                self.parameters
                    .iter()
                    .map(|name| shown(group.parameters(), name)),
            )
            .collect()
    }

    /// A sentence with the parameters that have no column, and their values. Parameters that choose a variant of the model, such as
    /// `topology`, are listed only if their value is not the default.
    pub(crate) fn constant(&self, groups: &[&Group]) -> Option<String> {
        let group = groups.first()?;
        let words: Vec<String> = parameters()
            .iter()
            .filter(|name| !self.parameters.contains(name) && has_own_column(name))
            .map(|&name| (name, parameter_text(group, name)))
            .filter(|(name, value)| !value.is_empty() && !is_left_out(name, value))
            .map(|(name, value)| in_words(name, &value))
            .collect();
        (!words.is_empty()).then(|| format!("Every run: {}.", words.join(", ")))
    }
}

/// The value of a parameter as text; empty if the group has no value of it.
fn parameter_text(group: &Group, name: &str) -> String {
    group
        .parameter(name)
        .map_or(String::new(), Value::to_string)
}

/// Whether [`Varying::constant`] leaves out the parameter `name`. This is so if the parameter chooses a variant of the model, and `value` is
/// its default.
fn is_left_out(name: &str, value: &str) -> bool {
    Parameter::named(name).is_some_and(|parameter| parameter.cell_can_be_left_out(value))
}

/// The heading of the column of a parameter.
pub(crate) fn parameter_heading(name: &'static str) -> &'static str {
    match (Parameter::named(name), name) {
        (Some(parameter), _) => parameter.heading,
        // The engine and the time scale have columns like parameters, but are no `Parameter`.
        (None, "time_scale") => "time scale",
        (None, name) => name,
    }
}

/// A parameter and its value as text, such as `delay 0.1 s`: a unit in the heading, such as `delay (s)`, is moved behind the value.
fn in_words(name: &'static str, value: &str) -> String {
    let heading = parameter_heading(name);
    keep_together(&match heading.strip_suffix(" (s)") {
        Some(name) => format!("{name} {value} s"),
        None => format!("{heading} {value}"),
    })
}

fn caption(
    measures: &[&Measure],
    groups: &[&Group],
    varying: &Varying,
    deviations: Deviations,
) -> Vec<String> {
    let mut caption = vec![means_in_words("n repetitions", deviations)];
    if groups.iter().any(|group| group.n == 1) {
        caption.push("If n is 1, there is no interval.".to_owned());
    }
    let kinds = groups.iter().flat_map(|group| {
        let estimates = measures
            .iter()
            .filter_map(|measure| group.estimate(measure));
        estimates.map(|estimate| estimate.interval_kind)
    });
    caption.extend(notes(kinds));
    caption.extend(precision(groups));
    caption.extend(varying.constant(groups));
    caption.extend(warm_up(groups));
    caption.extend(
        measures
            .iter()
            .map(|measure| format!("- {}: {}.", measure.label, described(measure))),
    );
    caption
}

/// A sentence that says how many repetitions would make the intervals half as wide. If a row has few repetitions, a warning stands
/// before this sentence. `None` if every row has a single repetition.
fn precision(groups: &[&Group]) -> Option<String> {
    let fewest = groups
        .iter()
        .map(|group| group.n)
        .filter(|&n| n > 1)
        .min()?;
    let halved = repetitions_to_halve(fewest)?;
    let few = few_warning(Some(fewest)).map_or(String::new(), |warning| warning + " ");
    Some(format!(
        "{few}With {halved} instead of {fewest} repetitions the intervals would be about half as wide."
    ))
}

/// A warning if `fewest`, the smallest number of repetitions of a row, is below [`ENOUGH_REPETITIONS`]: intervals are unreliable then. A
/// single repetition has no interval, so it needs no warning.
pub(crate) fn few_warning(fewest: Option<u64>) -> Option<String> {
    fewest.is_some_and(|fewest| (2..ENOUGH_REPETITIONS).contains(&fewest)).then(|| {
        "With fewer than 5 repetitions the intervals are unreliable: they assume a normal distribution, and rare values can be missing in so few runs."
            .to_owned()
    })
}

/// A sentence about the part of every run that is left out.
fn warm_up(groups: &[&Group]) -> Option<String> {
    let warm_up_s = groups
        .iter()
        .map(|group| group.warm_up_s)
        .fold(0.0, f64::max);
    (warm_up_s > 0.0).then(|| format!("The first {warm_up_s} s of every run are ignored."))
}

/// The description of a measure, with its unit.
pub(crate) fn described(measure: &Measure) -> String {
    match measure.unit {
        "" => measure.brief.to_owned(),
        unit => format!("{}, in {unit}", measure.brief),
    }
}

/// An estimate in words. If some of the row's `repetitions` have no value of the measure, the number of values is added: `(n 9)` if one
/// of ten has none.
pub(crate) fn cell(estimate: Option<Estimate>, repetitions: u64, measure: &Measure) -> String {
    let Some(estimate) = estimate else {
        return "none".to_owned();
    };
    let mut words = estimate_words(&estimate, measure.digits());
    if estimate.n != repetitions {
        words.push(keep_together(&format!("(n {})", grouped(estimate.n))));
    }
    keep_together(&words.join(" "))
}

/// The cells of a measure: its mean with the interval and, if `deviations` are shown, its standard deviation.
pub(crate) fn cells(
    estimate: Option<Estimate>,
    repetitions: u64,
    measure: &Measure,
    deviations: Deviations,
) -> impl Iterator<Item = String> {
    let sd = || {
        let sd = estimate.and_then(|estimate| estimate.sd);
        sd.map_or(String::new(), |sd| {
            // The text has as many decimals as the measure, or more if the first significant digit needs more. For a measure with one
            // decimal, 0.0123 becomes 0.01, not 0.0.
            keep_together(&rounded(sd, decimals_for(sd, 1, measure.decimals)))
        })
    };
    let sd = (deviations == Deviations::Shown).then(sd);
    std::iter::once(cell(estimate, repetitions, measure)).chain(sd)
}

/// The headings of the columns of a measure.
pub(crate) fn measure_headings(
    measure: &Measure,
    deviations: Deviations,
) -> impl Iterator<Item = String> {
    let sd = (deviations == Deviations::Shown).then(|| "sd".to_owned());
    std::iter::once(measure.heading()).chain(sd)
}

/// The sentence of the caption about means and intervals. `over` says what the means are taken over, such as "n repetitions".
pub(crate) fn means_in_words(over: &str, deviations: Deviations) -> String {
    let sd = match deviations {
        Deviations::Shown => ", and standard deviation of the runs' values (sd)",
        Deviations::Hidden => "",
    };
    format!("Mean over {over} ± half the width of its 95 % interval (Student's t){sd}.")
}
