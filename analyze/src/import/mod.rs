//! Logs of other implementations, made into a dataset.
//!
//! The least that a log must have is a row an event with the machine, the system time, the kind of event, the logical clock and
//! the queue's length. What it has beyond that - to whom, from whom, which timestamp, which tick - is taken too, and lets more be
//! measured and audited. What it does not have stays empty, and whoever asks for it is told.
//!
//! # Layout
//!
//! - [`mapping`]: how the files are to be read, from a TOML file and the command line
//! - [`reading`]: all files read, from sources to rows of named cells
//! - [`files`]: which files are a run's, read within bounds
//! - [`selection`]: which files are logs, as their content tells
//! - [`names`]: runs and machines as the names of files tell them
//! - [`recognise`]: how logs are written, where nobody said it
//! - [`header`]: which column is which
//! - [`lines`]: a file cut into cells
//! - [`json`]: the same for JSON
//! - [`patterns`]: the same by regular expressions
//! - [`left_out`]: lines that are no events
//! - [`trials`]: several trials in the same files
//! - [`explain`]: what was understood
//! - [`numbers`]: numbers, and cells without one, as other programs write them
//! - [`time`]: times read
//! - [`formats`]: formats of times that are recognised
//! - [`rows`]: cells read as events
//! - [`kinds`]: kinds of events, and the words for them
//! - [`machines`]: names of machines
//! - [`peers`]: names of peers in cells
//! - [`run`]: the rows of a run, machine by machine
//! - [`ticks`]: which rows are one tick
//! - [`rules`]: whether clocks, stamps and queue lengths are of before or after an event
//! - [`midnight`]: times of day in runs that pass midnight
//! - [`messages`]: which send a receive belongs to
//! - [`times`]: which times fit together
//! - [`queues`]: queue lengths that a log does not have
//! - [`configuration`]: what a run's configuration was, said or measured
//! - [`rates`], [`durations`]: ticks per second, and how long a run was observed
//! - [`report`], [`findings`]: how all that is told

mod configuration;
mod durations;
mod explain;
mod files;
mod findings;
mod formats;
mod header;
mod json;
mod kinds;
mod left_out;
mod lines;
mod machines;
mod mapping;
mod messages;
mod midnight;
mod names;
mod numbers;
mod patterns;
mod peers;
mod queues;
mod rates;
mod reading;
mod recognise;
mod report;
mod rows;
mod rules;
mod run;
mod selection;
mod ticks;
mod time;
mod times;
mod trials;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use mapping::{Kind, Mapping, When};
pub use report::Report;

use sim::log::{
    FinishedRun, ImportWriter, Imported, ImportedFile, MissingFields, Unmeasured, UnmeasuredPart,
};

use crate::error::Error;
use lines::Raw;
use reading::Reading;
use rules::Rules;
use run::Run;

/// Makes the logs in `sources` into a dataset in folder `root`. The files among the sources are one run, a machine's file each or
/// one file for all, and every folder among them is a run of its own, unless names of files or folders within tell of several; a
/// `run` column splits further.
///
/// # Errors
///
/// [`Error::Import`] names the file and line that cannot be read, and what to do; [`Error::Dataset`] if the dataset cannot be
/// written. Then none is made.
pub fn import(sources: &[PathBuf], said: &Mapping, root: &Path) -> Result<Report, Error> {
    let mut report = Report::default();
    let Reading {
        mapping,
        files,
        runs: raw_runs,
    } = reading::read(sources, said, &mut report)?;
    let mapping = &mapping;
    let (runs, rules) = understood(&raw_runs, &files, mapping, &mut report)?;
    report.missing_fields = lacks_of(&runs);
    report.unmeasured = unmeasured(&runs);
    let setups = configuration::of(&runs, &rules, mapping, &mut report)?;
    let mut writer = ImportWriter::create(root)?;
    let mut repetitions: BTreeMap<String, u32> = BTreeMap::new();
    for (index, (run, setup)) in runs.iter().zip(&setups).enumerate() {
        let repetition = repetitions.entry(setup.key()).or_default();
        let finished = FinishedRun {
            row: setup.journal_row(index as u64, *repetition, run),
            events: run.rows(index as u64),
        };
        writer.append(finished, run.sources(index as u64))?;
        *repetition += 1;
    }
    let most = repetitions.values().copied().max().unwrap_or(0);
    let imported = Imported {
        files,
        missing_fields: report.missing_fields,
        assumed: report.assumed,
        sends_given: mapping.sends.is_some(),
        unmeasured: report.unmeasured.clone(),
        sources: None,
    };
    let names = repetitions.into_keys().collect();
    writer.finish(
        imported,
        (mapping.time_scale(), most),
        names,
        &mapping.to_toml()?,
    )?;
    Ok(report)
}

/// The runs with the rules that their rows follow, as far as they go together.
fn understood(
    raw_runs: &[(String, Vec<Raw>)],
    files: &[ImportedFile],
    mapping: &Mapping,
    report: &mut Report,
) -> Result<(Vec<Run>, Rules), Error> {
    let read = |(name, raw): &(String, Vec<Raw>)| Run::read(name, raw, files, mapping, report);
    let mut runs: Vec<Run> = raw_runs.iter().map(read).collect::<Result<_, _>>()?;
    let rules = rules::settle(&mut runs, files, mapping)?;
    report.rules = Some(rules);
    runs.iter_mut().for_each(|run| run.link(report));
    Ok((runs, rules))
}

/// What cannot be measured, by what it is, with the reason of the first run in which it cannot.
fn unmeasured(runs: &[Run]) -> Vec<Unmeasured> {
    let mut unmeasured: BTreeMap<UnmeasuredPart, Unmeasured> = BTreeMap::new();
    for (index, run) in (0..).zip(runs) {
        for (about, reason) in &run.unmeasured {
            let first = || Unmeasured {
                about: *about,
                runs: vec![],
                reason: reason.clone(),
            };
            unmeasured
                .entry(*about)
                .or_insert_with(first)
                .runs
                .push(index);
        }
    }
    unmeasured.into_values().collect()
}

/// Orders names as people do: numbers in them by value, capitals like small letters.
pub(crate) fn in_natural_order(name: &str) -> impl Ord + use<> {
    machines::natural(name)
}

/// Reads the logs in `sources` and makes nothing of them: what was understood, and the mapping that says the same.
///
/// # Errors
///
/// [`Error::Import`] names the file and line that is not understood; [`Error::Io`] the file that cannot be read.
pub fn understand(sources: &[PathBuf], said: &Mapping) -> Result<(Report, Mapping), Error> {
    let mut report = Report::default();
    let reading = reading::read(sources, said, &mut report)?;
    Ok((report, reading.mapping))
}

/// What is lacking in any run.
fn lacks_of(runs: &[Run]) -> MissingFields {
    runs.iter()
        .fold(MissingFields::default(), |all, run| MissingFields {
            recipients: all.recipients || run.missing_fields.recipients,
            senders: all.senders || run.missing_fields.senders,
            stamps: all.stamps || run.missing_fields.stamps,
            sent_ticks: all.sent_ticks || run.missing_fields.sent_ticks,
            queue_lengths: all.queue_lengths || run.missing_fields.queue_lengths,
        })
}
