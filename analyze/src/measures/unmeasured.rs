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
        // How many messages had been sent to a machine until a given time.
        UnmeasuredPart::Arrivals,
        &["backlog_mean", "arrivals", "offered_load"],
    ),
    (
        // The ages of messages (the times from send to receive).
        UnmeasuredPart::Messages,
        &["message_age_mean_s", "message_age_mean_ticks"],
    ),
    (
        // Times that can be compared between machines.
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

// The next two lists are used only for the notes. `is_measurable` does not need them: the code that computes these measures already
// gives no value if the sends are not known.

/// The names of the measures that have no value in a run if at least one of its receives has no known send.
const NEED_ALL_SENDS: [&str; 2] = ["concurrency", "false_order"];

/// The names of the measures that are means over the receives with a known send. A machine without such receives has no value.
const NEED_A_SEND: [&str; 2] = ["message_age_mean_s", "message_age_mean_ticks"];

/// For each measure in [`all`](super::all), whether the log of `run` has the parts and the recipients that the measure needs. If the
/// dataset was not imported, `imported` is `None`, and the log has all parts and recipients.
pub(super) fn is_measurable(run: &Run<'_>, imported: Option<&Imported>) -> Vec<bool> {
    let Some(imported) = imported else {
        return super::all().map(|_| true).collect();
    };
    // Queue lengths count as missing if `imported` says so, or if the log lacks at least one queue length.
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

/// A sentence for each reason why some of `measures` are unknown in one of `datasets`. For example, for the dataset `trial`: "trial:
/// concurrency unknown in runs with a receive that does not say which send it belongs to."
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
        let mut labels: Vec<&str> = named.map(|measure| measure.label).collect();
        // The message age in seconds and that in ticks have the same label.
        labels.dedup();
        labels
    };
    let MissingFields {
        recipients,
        sent_ticks,
        ..
    } = imported.missing_fields;
    // Each entry: whether a field is missing, the names of the measures that need the field, and where or why these measures are unknown.
    // `sent_ticks` is true if at least one receive does not say at which tick of the sender the message was sent. Without this tick, it is
    // not known which send belongs to the receive.
    let missing_fields = [
        (
            recipients,
            &NEED_RECIPIENTS[..],
            "in all runs: sends do not name their recipients",
        ),
        (
            sent_ticks,
            &NEED_ALL_SENDS[..],
            "in runs with a receive that does not say which send it belongs to",
        ),
        (
            sent_ticks,
            &NEED_A_SEND[..],
            "for machines whose receives do not say which sends they belong to",
        ),
    ];
    // Each entry of the next two lists has the labels of some measures, and where and why these measures are unknown.
    let because_of_fields = missing_fields
        .into_iter()
        .filter(|(is_missing, ..)| *is_missing)
        .map(|(_, names, reason)| (labels(names), reason.to_owned()));
    let in_some_runs = imported.unmeasured.iter().filter_map(|unmeasured| {
        let (_, names) = PARTS.iter().find(|(part, _)| *part == unmeasured.about)?;
        // `run 7`, or `3 runs`.
        let runs = match unmeasured.runs[..] {
            [run] => format!("run {run}"),
            _ => counted(unmeasured.runs.len(), "run"),
        };
        Some((labels(names), format!("in {runs}: {}", unmeasured.reason)))
    });
    because_of_fields
        .chain(in_some_runs)
        .filter(|(labels, _)| !labels.is_empty())
        .map(|(labels, reason)| {
            format!(
                "{}: {} unknown {reason}.",
                dataset.label(),
                labels.join(", ")
            )
        })
        .collect()
}
