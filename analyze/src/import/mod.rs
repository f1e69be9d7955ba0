//! Turns the logs of other implementations into a dataset.
//!
//! A log must have a row per event with the machine, the system time, the kind of event and the logical clock. The length of the
//! queue, recipients, sender, timestamp and tick are read too if the log has them: then more can be measured and audited. Fields
//! that the log does not have stay empty, and the report names them.
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

/// Turns the logs in `sources` into a dataset in folder `root`. All sources that are files make one run, whether each machine has
/// a file or all share one. Each source that is a folder makes one run, or several if the names of its files or folders show
/// several. A `run` column separates further runs.
///
/// # Errors
///
/// [`Error::Import`] names the file and line that cannot be read, and what to do; [`Error::Dataset`] if the dataset cannot be
/// written. After an error there is no dataset.
pub fn import(sources: &[PathBuf], given: &Mapping, root: &Path) -> Result<Report, Error> {
    let mut report = Report::default();
    let Reading {
        mapping,
        files,
        runs: raw_runs,
    } = reading::read(sources, given, &mut report)?;
    let mapping = &mapping;
    let (runs, rules) = parse_runs(&raw_runs, &files, mapping, &mut report)?;
    report.missing_fields = find_missing_fields(&runs);
    report.unmeasured = collect_unmeasured(&runs);
    let setups = configuration::from_runs(&runs, &rules, mapping, &mut report)?;
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

/// Parses the rows of each run, finds the rules that the rows follow, and links the rows of each run.
fn parse_runs(
    raw_runs: &[(String, Vec<Raw>)],
    files: &[ImportedFile],
    mapping: &Mapping,
    report: &mut Report,
) -> Result<(Vec<Run>, Rules), Error> {
    let read = |(name, raw): &(String, Vec<Raw>)| Run::read(name, raw, files, mapping, report);
    let mut runs: Vec<Run> = raw_runs.iter().map(read).collect::<Result<_, _>>()?;
    let rules = rules::find_and_apply(&mut runs, files, mapping)?;
    report.rules = Some(rules);
    runs.iter_mut().for_each(|run| run.link(report));
    Ok((runs, rules))
}

/// The quantities that cannot be measured, with the runs in which they cannot and the reason in the first of these runs.
fn collect_unmeasured(runs: &[Run]) -> Vec<Unmeasured> {
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

/// Reads the logs in `sources` without writing a dataset. Returns a report of how they are read, and the mapping that reads them
/// the same way.
///
/// # Errors
///
/// [`Error::Import`] names the file and line that is not understood; [`Error::Io`] the file that cannot be read.
pub fn understand(sources: &[PathBuf], given: &Mapping) -> Result<(Report, Mapping), Error> {
    let mut report = Report::default();
    let reading = reading::read(sources, given, &mut report)?;
    Ok((report, reading.mapping))
}

/// The fields that are missing in at least one run.
fn find_missing_fields(runs: &[Run]) -> MissingFields {
    runs.iter()
        .fold(MissingFields::default(), |all, run| MissingFields {
            recipients: all.recipients || run.missing_fields.recipients,
            senders: all.senders || run.missing_fields.senders,
            stamps: all.stamps || run.missing_fields.stamps,
            sent_ticks: all.sent_ticks || run.missing_fields.sent_ticks,
            queue_lengths: all.queue_lengths || run.missing_fields.queue_lengths,
        })
}
