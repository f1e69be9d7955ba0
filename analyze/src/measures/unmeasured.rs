//! What cannot be measured in imported logs, and why: those measures are null, and tables say so.

use sim::log::{Imported, MissingFields, UNKNOWN, UnmeasuredPart};

use super::Measure;
use crate::output::words::counted;
use crate::read::dataset::Dataset;
use crate::read::run_log::Run;

/// Every part of a log that measures need, with the column of [`RunAggregates`](super::run_aggregates::RunAggregates) that says whether
/// it is known, and those measures.
pub(crate) const PARTS: [(UnmeasuredPart, &str, &[&str]); 4] = [
    (
        UnmeasuredPart::QueueLengths,
        "knows_queue_lengths",
        &[
            "backlog_tick_mean",
            "backlog_p95",
            "backlog_max",
            "backlog_share_above_1",
            "backlog_final",
            "backlog_growth",
        ],
    ),
    (
        UnmeasuredPart::Arrivals,
        "knows_arrivals",
        &["backlog_mean", "arrivals", "offered_load"],
    ),
    (
        UnmeasuredPart::Messages,
        "knows_messages",
        &["message_age_mean_s", "message_age_mean_ticks"],
    ),
    (
        UnmeasuredPart::SharedTime,
        "knows_shared_time",
        &[
            "backlog_mean",
            "lag_mean",
            "lag_slope",
            "message_age_mean_s",
            "message_age_mean_ticks",
            "spread_mean",
            "spread_max",
        ],
    ),
];

/// Measures that are unknown where a log does not say to whom messages are sent.
pub(super) const NEED_RECIPIENTS: [&str; 4] = [
    "broadcast_share",
    "backlog_mean",
    "arrivals",
    "offered_load",
];

/// Measures that are unknown where a log does not say which send a receive belongs to.
const NEED_SENDS: [&str; 4] = [
    "message_age_mean_s",
    "message_age_mean_ticks",
    "concurrency",
    "false_order",
];

/// The columns that `measure` needs.
pub(super) fn needs(measure: &Measure) -> impl Iterator<Item = &'static str> {
    let parts = PARTS.iter();
    let of_measure = parts.filter(|(_, _, measures)| measures.contains(&measure.name));
    of_measure.map(|(_, column, _)| *column)
}

/// Whether each of [`PARTS`] is known of `run`.
pub(crate) fn known(run: &Run<'_>, imported: Option<&Imported>) -> [bool; PARTS.len()] {
    let Some(imported) = imported else {
        return [true; PARTS.len()];
    };
    PARTS.map(|(part, _, _)| {
        let is_logged = part != UnmeasuredPart::QueueLengths
            || run
                .events()
                .iter()
                .all(|event| event.logged.event.queue_length != UNKNOWN);
        is_logged && imported.measures(part, run.row().run)
    })
}

/// A sentence for each reason for which some of `measures` are not known in some of `datasets`.
pub fn notes(datasets: &[Dataset], measures: &[&Measure]) -> Vec<String> {
    datasets
        .iter()
        .flat_map(|dataset| notes_of(dataset, measures))
        .collect()
}

fn notes_of(dataset: &Dataset, measures: &[&Measure]) -> Vec<String> {
    let Some(imported) = &dataset.manifest().imported else {
        return vec![];
    };
    let labels = |names: &[&str]| -> Vec<&str> {
        let named = measures
            .iter()
            .filter(|measure| names.contains(&measure.name));
        named.map(|measure| measure.label).collect()
    };
    let MissingFields {
        recipients,
        sent_ticks,
        ..
    } = imported.missing_fields;
    let everywhere = [
        (recipients, &NEED_RECIPIENTS[..], "sends do not say to whom"),
        (
            sent_ticks,
            &NEED_SENDS[..],
            "some receives do not say which send they belong to",
        ),
    ];
    let everywhere = everywhere.into_iter().filter(|(is_so, ..)| *is_so);
    let of_all = everywhere
        .map(|(_, names, reason)| (labels(names), "all runs".to_owned(), reason.to_owned()));
    let of_some = imported.unmeasured.iter().filter_map(|unmeasured| {
        let (_, _, names) = PARTS.iter().find(|(part, ..)| *part == unmeasured.about)?;
        let runs = match unmeasured.runs[..] {
            [run] => format!("run {run}"),
            _ => counted(unmeasured.runs.len(), "run"),
        };
        Some((labels(names), runs, unmeasured.reason.clone()))
    });
    of_all
        .chain(of_some)
        .filter(|(labels, ..)| !labels.is_empty())
        .map(|(labels, runs, reason)| {
            format!(
                "{}: {} unknown in {runs}: {reason}.",
                dataset.label(),
                labels.join(", ")
            )
        })
        .collect()
}
