//! Which measures are unknown in imported logs (logs of other programs), because a part of the logs is missing. These measures are
//! null, and a note below each table gives the reason.

use sim::log::{Imported, MissingFields, UNKNOWN, UnmeasuredPart};

use super::Measure;
use crate::output::words::counted;
use crate::read::dataset::Dataset;
use crate::read::run_log::Run;

/// For each part that a log can lack (queue lengths, for example, or times that can be compared between machines): the names of the
/// measures that are unknown without it.
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

/// The names of the measures that are unknown if a log does not say to whom messages are sent.
const NEED_RECIPIENTS: [&str; 4] = [
    "broadcast_share",
    "backlog_mean",
    "arrivals",
    "offered_load",
];

/// The names of the measures that are unknown if a log does not say which send a receive belongs to. [`is_measurable`] does not need this
/// list: concurrency and false order have no value if a receive has no send, and ages are means over the receives that have one.
const NEED_SENDS: [&str; 4] = [
    "message_age_mean_s",
    "message_age_mean_ticks",
    "concurrency",
    "false_order",
];

/// For each of [`all`](super::all) measures, whether it can be computed from the log of `run`. `imported` is `None` if the dataset was
/// not imported; then all measures can be computed.
pub(super) fn is_measurable(run: &Run<'_>, imported: Option<&Imported>) -> Vec<bool> {
    let Some(imported) = imported else {
        return super::all().map(|_| true).collect();
    };
    let lacks_queue_lengths = run.events().queue_length.contains(&UNKNOWN);
    let is_missing = |part| {
        let is_not_logged = part == UnmeasuredPart::QueueLengths && lacks_queue_lengths;
        is_not_logged || !imported.can_measure(part, run.row().run)
    };
    let missing_parts = PARTS.iter().filter(|(part, _)| is_missing(*part));
    let mut unknown: Vec<&str> = missing_parts
        .flat_map(|(_, measures)| measures.iter().copied())
        .collect();
    if imported.missing_fields.recipients {
        unknown.extend(NEED_RECIPIENTS);
    }
    super::all()
        .map(|measure| !unknown.contains(&measure.name))
        .collect()
}

/// A sentence for each reason why some of `measures` are unknown in one of `datasets`.
pub fn notes(datasets: &[Dataset], measures: &[&Measure]) -> Vec<String> {
    datasets
        .iter()
        .flat_map(|dataset| notes_of(dataset, measures))
        .collect()
}

/// The sentences about one dataset.
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
    // For each field: whether it is missing, the names of the measures that need it, and the reason as a clause.
    let missing_fields = [
        (recipients, &NEED_RECIPIENTS[..], "sends do not say to whom"),
        (
            sent_ticks,
            &NEED_SENDS[..],
            "some receives do not say which send they belong to",
        ),
    ];
    let missing_fields = missing_fields
        .into_iter()
        .filter(|(is_missing, ..)| *is_missing);
    // The next two lists have the same form: labels of measures, the runs in which these measures are unknown, and why.
    let in_all_runs = missing_fields
        .map(|(_, names, reason)| (labels(names), "all runs".to_owned(), reason.to_owned()));
    let in_some_runs = imported.unmeasured.iter().filter_map(|unmeasured| {
        let (_, names) = PARTS.iter().find(|(part, _)| *part == unmeasured.about)?;
        let runs = match unmeasured.runs[..] {
            [run] => format!("run {run}"),
            _ => counted(unmeasured.runs.len(), "run"),
        };
        Some((labels(names), runs, unmeasured.reason.clone()))
    });
    in_all_runs
        .chain(in_some_runs)
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
