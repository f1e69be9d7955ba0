//! Sentences about imported logs (logs of other programs): where they come from, what they contain, what the import assumed, and what
//! is missing.

use std::fs;
use std::path::Path;

use sim::experiment::Configuration;
use sim::log::{Assumed, Imported};

use super::{distinct, listed, model, range_in_words};
use crate::output::words::counted;
use crate::read::dataset::Dataset;

/// If there are many files, the sentence of [`origin`] names only this many of them, as in "`a.csv`, `b.csv`, `c.csv` and 2 more".
const NAMED_FILES: usize = 3;

/// The sentences about imported logs of these configurations.
pub(super) fn sentences(
    dataset: &Dataset,
    imported: &Imported,
    configurations: &[&Configuration],
) -> Vec<String> {
    let machines = configurations
        .iter()
        .map(|one| f64::from(one.rates.machines()));
    let durations = configurations.iter().map(|one| one.duration_s());
    let mut sentences = vec![
        origin(dataset, imported),
        format(dataset),
        format!(
            "Each run is a system of {} machines with Lamport clocks {} and lasts {} s.",
            range_in_words(machines),
            super::citations::Citation::lamport().words,
            range_in_words(durations)
        ),
        format!(
            "The machines have these rates: {} ({}). The probability that a tick without a waiting message is an internal event is {} ({}).",
            model::rates(configurations),
            source_in_words(imported.assumed.rates),
            model::internal_values(configurations),
            source_in_words(imported.assumed.internal)
        ),
    ];
    sentences.extend(assumptions(imported.assumed));
    sentences.extend(missing(imported));
    sentences.push("The logs do not tell how late ticks and messages were, so it is not known whether delays changed the order of events.".to_owned());
    sentences
}

/// Where the value of a parameter comes from. The user can give the value at the import. If the user gave no value (`is_assumed`), the
/// import measured the value in the logs and rounded it.
fn source_in_words(is_assumed: bool) -> &'static str {
    match is_assumed {
        true => "measured in the logs and rounded",
        false => "given at the import",
    }
}

/// The sentence about the files, the version of `analyze` that read them, and the day.
fn origin(dataset: &Dataset, imported: &Imported) -> String {
    let paths: Vec<String> = imported
        .files
        .iter()
        .map(|file| format!("`{}`", file.path))
        .collect();
    // If only one more file is left, it is simply named: "and 1 more" would not be shorter.
    let named = match paths.len() > NAMED_FILES + 1 {
        true => format!(
            "{} and {} more",
            paths[..NAMED_FILES].join(", "),
            paths.len() - NAMED_FILES
        ),
        false => listed(&paths),
    };
    // For imported logs, a sweep is one execution of `analyze import`.
    let sweeps = || dataset.manifest().sweeps.iter();
    let versions = distinct(sweeps().map(|sweep| {
        format!(
            "`analyze` {} (commit {})",
            sweep.tool_version, sweep.git_commit
        )
    }));
    let days = distinct(sweeps().filter_map(|sweep| sweep.started_at.split('T').next()));
    format!(
        "The events were logged by another program and imported from {} ({named}) by {} on {}.",
        counted(paths.len(), "file"),
        listed(&versions),
        listed(&days)
    )
}

/// The sentence about the format of the logs. It gives the endings of the files' names, and the mapping: the settings with which the logs
/// were read, such as `time = "ms"`. In an imported dataset, the file `experiment.toml` contains the mapping instead of an experiment.
fn format(dataset: &Dataset) -> String {
    let imported = dataset.manifest().imported.iter();
    let ending = |path: &str| {
        Path::new(path)
            .extension()
            .map(|ending| format!("`.{}`", ending.to_string_lossy()))
    };
    let endings = distinct(
        imported
            .flat_map(|imported| &imported.files)
            .filter_map(|file| ending(&file.path)),
    );
    let of_type = match endings.is_empty() {
        true => String::new(),
        false => format!(" ({})", listed(&endings)),
    };
    let file = dataset.experiment_file();
    let keys = fs::read_to_string(&file)
        .ok()
        .and_then(|text| mapping_keys(&text));
    match keys.as_deref() {
        // The mapping cannot be read.
        None => format!("They are text files{of_type}."),
        // The mapping has no settings, because none was needed to read the logs.
        Some([]) => format!(
            "They are text files{of_type}; the format was recognised, and all columns have standard names."
        ),
        Some(keys) => format!(
            "They are text files{of_type}; the file `experiment.toml` of the dataset says how they were read: {}.",
            listed(keys)
        ),
    }
}

/// The keys of a mapping with their values, each as code between backticks. Empty tables are left out. `None` if `text` is not TOML.
fn mapping_keys(text: &str) -> Option<Vec<String>> {
    let table: toml::Table = text.parse().ok()?;
    let has_value = |value: &toml::Value| value.as_table().is_none_or(|table| !table.is_empty());
    let given = table.iter().filter(|(_, value)| has_value(value));
    Some(
        given
            .map(|(key, value)| format!("`{key} = {value}`"))
            .collect(),
    )
}

/// The sentence that lists what the import assumed, such as "Assumed: each row counts as one tick." The rates and the probability of internal
/// events are not in the list, because another sentence says where they come from. `None` if the list is empty.
fn assumptions(assumed: Assumed) -> Option<String> {
    let Assumed {
        ticks,
        rates: _,
        internal: _,
        send_stamps,
        sent_ticks,
        idle_queues,
        recounted_queues,
    } = assumed;
    let words = [
        (ticks, "each row counts as one tick"),
        (
            send_stamps,
            "timestamps of sends are computed from the sender's clock and the parameter `stamp`",
        ),
        (
            sent_ticks,
            "a received message is matched with the sender's event that has the same timestamp",
        ),
        (
            idle_queues,
            "the queue is empty after each internal event and each send",
        ),
        (
            recounted_queues,
            "queue lengths after receives are calculated from the numbers of sends and receives",
        ),
    ];
    let words: Vec<&str> = words
        .iter()
        .filter(|(is_assumed, _)| *is_assumed)
        .map(|(_, words)| *words)
        .collect();
    (!words.is_empty()).then(|| format!("Assumed: {}.", words.join("; ")))
}

/// The sentences about what is missing: fields that the logs do not have, and measures that are unknown in some runs. The sentence about
/// measures gives the number of these runs and the reason. `None` if nothing is missing.
fn missing(imported: &Imported) -> Option<String> {
    let fields = imported.missing_fields;
    let words = [
        (fields.recipients, "the recipients of sends"),
        (fields.senders, "the senders of received messages"),
        (fields.stamps, "the timestamps of received messages"),
        (
            fields.sent_ticks,
            "the ticks at which received messages were sent",
        ),
        (fields.queue_lengths, "queue lengths"),
    ];
    let words: Vec<&str> = words
        .iter()
        .filter(|(is_missing, _)| *is_missing)
        .map(|(_, words)| *words)
        .collect();
    // Such as "in 2 runs, only 3 of 50 receives match a send".
    let unmeasured: Vec<String> = imported
        .unmeasured
        .iter()
        .map(|part| format!("in {}, {}", counted(part.runs.len(), "run"), part.reason))
        .collect();
    let mut sentences = vec![];
    if !words.is_empty() {
        sentences.push(format!("The logs do not have {}.", listed(&words)));
    }
    if !unmeasured.is_empty() {
        sentences.push(format!(
            "Some measures are missing: {}.",
            unmeasured.join("; ")
        ));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}
