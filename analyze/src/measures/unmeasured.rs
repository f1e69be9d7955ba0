//! What cannot be measured in imported logs, and why: those measures are null, and tables say so.

use sim::log::{Imported, MissingFields, UNKNOWN, UnmeasuredPart};

use super::Measure;
use crate::output::words::counted;
use crate::read::dataset::Dataset;
use crate::read::run_log::Run;

/// Every part of a log that measures need, with those measures.
const PARTS: [(UnmeasuredPart, &[&str]); 4] = [
    (
        UnmeasuredPart::QueueLengths,
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
        &["backlog_mean", "arrivals", "offered_load"],
    ),
    (
        UnmeasuredPart::Messages,
        &["message_age_mean_s", "message_age_mean_ticks"],
    ),
    (
        UnmeasuredPart::SharedTime,
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
const NEED_RECIPIENTS: [&str; 4] = [
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

/// For each of [`all`](super::all) measures, whether the log of `run` tells it. `imported` is what is known of the run's dataset if
/// that was imported.
pub(super) fn is_known(run: &Run<'_>, imported: Option<&Imported>) -> Vec<bool> {
    let Some(imported) = imported else {
        return super::all().map(|_| true).collect();
    };
    let is_logged = |part| {
        part != UnmeasuredPart::QueueLengths || !run.events().queue_length.contains(&UNKNOWN)
    };
    let is_known = |part| is_logged(part) && imported.measures(part, run.row().run);
    let unknown: Vec<&str> = PARTS
        .iter()
        .filter(|(part, _)| !is_known(*part))
        .flat_map(|(_, measures)| measures.iter().copied())
        .chain(
            imported
                .missing_fields
                .recipients
                .then_some(NEED_RECIPIENTS)
                .into_iter()
                .flatten(),
        )
        .collect();
    super::all()
        .map(|measure| !unknown.contains(&measure.name))
        .collect()
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
        let (_, names) = PARTS.iter().find(|(part, _)| *part == unmeasured.about)?;
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
