//! The table that `analyze clocks` prints, and the same results as records for CSV and JSON.
//!
//! `analyze clocks` replays clocks, such as a vector clock, over the events of logs. A *figure* is a quantity that is measured of a
//! replayed clock, such as the bytes of its timestamps. A *group* has the figures of one clock in one configuration.

use sim::sweep::words::grouped;

use super::estimates::{ClockGroup, ClockGroups};
use super::figures::{FIGURES, Figure};
use crate::output::table::{Table, keep_together};
use crate::output::value::{Record, Value};
use crate::output::words::counted;
use crate::read::runs::parameters;
use crate::stats::estimate::Estimate;
use crate::stats::intervals::{estimate_words, notes};
use crate::stats::records::push_estimate_of;
use crate::stats::tables::{Varying, few_warning};

/// The figures whose columns a narrow terminal leaves out, in the order in which they are left out. The column `n` (the number of
/// repetitions) is left out after them.
const LEAST_IMPORTANT: [&str; 12] = [
    "precision",
    "message_numbers",
    "false_positive_rate",
    "comparison_words",
    "message_bytes_max",
    "counter_max",
    "ahead_max_s",
    "reversed",
    "events_to_limit",
    "message_bytes_growth",
    "missed",
    "ordered_rightly",
];

/// The table of all groups. Columns without any value are left out.
pub fn table(all: &ClockGroups) -> Table {
    let groups = &all.groups[..];
    let all_groups: Vec<&ClockGroup> = groups.iter().collect();
    let varying = Varying::among(&all_groups);
    let has_value = |figure: &&Figure| groups.iter().any(|group| group.estimate(figure).is_some());
    let figures: Vec<&Figure> = FIGURES.iter().filter(has_value).collect();
    let mut headings = varying.headings();
    // The columns that say what a row is about: the parameters that vary, and the clock.
    let key_columns = headings.len() + 1;
    headings.push("replayed clock".to_owned());
    headings.extend(figures.iter().map(|figure| figure.heading.to_owned()));
    headings.push("n".to_owned());
    let row = |group: &ClockGroup| {
        let mut row = varying.cells(group);
        row.push(group.clock.to_string());
        row.extend(
            figures
                .iter()
                .map(|figure| estimate_text(group.estimate(figure), group.n, figure)),
        );
        row.push(grouped(group.n));
        row
    };
    let index_of = |name: &&str| figures.iter().position(|figure| figure.name == *name);
    Table {
        title: "Clocks",
        numeric: (0..headings.len())
            .map(|column| column >= key_columns)
            .collect(),
        optional: LEAST_IMPORTANT
            .iter()
            .filter_map(index_of)
            .map(|index| key_columns + index)
            .chain([headings.len() - 1])
            .collect(),
        headings,
        rows: groups.iter().map(row).collect(),
        caption: caption(all, &figures),
        ..Table::default()
    }
}

/// The text of a cell with an estimate. If the figure is defined in only 7 of 10 `repetitions`, the text ends with `(n 7)`.
fn estimate_text(estimate: Option<Estimate>, repetitions: u64, figure: &Figure) -> String {
    let Some(estimate) = estimate else {
        return String::new();
    };
    let mut words = estimate_words(&estimate, figure.digits());
    if estimate.n != repetitions {
        words.push(format!("(n {})", grouped(estimate.n)));
    }
    keep_together(&words.join(" "))
}

fn caption(all: &ClockGroups, figures: &[&Figure]) -> Vec<String> {
    let groups = &all.groups[..];
    let mut caption = vec![
        "Every clock is replayed over the same events. Mean over n repetitions ± half the width of its 95 % interval (Student's t)."
            .to_owned(),
    ];
    let interval_kinds = groups.iter().flat_map(|group| {
        let estimates = figures.iter().filter_map(|figure| group.estimate(figure));
        estimates.map(|estimate| estimate.interval_kind)
    });
    caption.extend(notes(interval_kinds));
    // `few_warning` warns that few repetitions give unreliable intervals. Groups with one repetition have no interval and do not count.
    let repetitions = groups.iter().map(|group| group.n).filter(|&n| n > 1);
    caption.extend(few_warning(repetitions.min()));
    // All groups have the same warm-up: the one that the user gave. If there are no groups, `warm_up_s` is 0.
    let warm_up_s = groups
        .iter()
        .map(|group| group.warm_up_s)
        .fold(0.0, f64::max);
    if warm_up_s > 0.0 {
        caption.push(format!("The first {warm_up_s} s of every run are ignored."));
    }
    caption.extend(describe_not_replayed(all));
    // A kind of clock can occur in many groups, but is described once.
    let mut described: Vec<&str> = vec![];
    for kind in groups.iter().map(|group| group.clock.kind) {
        if !described.contains(&kind.name) {
            described.push(kind.name);
            caption.push(format!(
                "- {}: {} ({}).",
                kind.name, kind.brief, kind.source
            ));
        }
    }
    let briefs = figures
        .iter()
        .map(|figure| format!("- {}: {}.", figure.heading, figure.brief));
    caption.extend(briefs);
    caption
}

/// Sentences about what was not replayed.
fn describe_not_replayed(all: &ClockGroups) -> impl Iterator<Item = String> {
    let without_sends = (all.without_sends > 0).then(|| {
        format!(
            "{} could not be replayed, because a receive in the log has no send, or because no order of the events has every receive after its send.",
            counted(all.without_sends as usize, "run")
        )
    });
    let left_out = all.left_out.iter().map(|kind| {
        let (name, max_machines) = (kind.name, kind.default_max_machines);
        format!(
            "{name} is left out in runs with more than {max_machines} machines; --clock {name} replays it."
        )
    });
    without_sends.into_iter().chain(left_out)
}

/// The groups as records in full precision: every parameter, the clock, and mean, sd, low, high and n of each figure.
pub fn records(groups: &[ClockGroup]) -> Vec<Record> {
    let record = |group: &ClockGroup| {
        let text = |name: &str, text: String| (name.to_owned(), Value::Text(text));
        let mut record = vec![text("dataset", group.dataset.clone())];
        let values = std::iter::zip(parameters(), &group.parameters);
        record.extend(values.map(|(name, value)| ((*name).to_owned(), value.clone())));
        let machines = group.configuration.rates.machines();
        record.push(("machines".to_owned(), Value::Integer(machines.into())));
        record.push(text("replayed_clock", group.clock.to_string()));
        record.push(("n".to_owned(), Value::Integer(group.n as i64)));
        for figure in &FIGURES {
            push_estimate_of(&mut record, figure.name, group.estimate(figure));
        }
        record
    };
    groups.iter().map(record).collect()
}
