//! Turns the logs of other programs into a dataset (command `analyze import`).
//!
//! A log must have a row for each event, with the machine, the system time, the kind of event and the logical clock. It may also
//! have the length of the queue, the recipients, the sender and the timestamp of a message, and the number of the sender's tick at which
//! the message was sent. With these fields, more can be measured and audited. Fields that the log does not have stay empty, and the report
//! names them.
//!
//! # Layout
//!
//! - [`mapping`]: the mapping (a TOML file, or options of the command), which says how to read the files
//! - [`reading`]: reads all files, and splits them into rows of named cells
//! - [`files`]: finds the files of each run, and reads their text up to a limit
//! - [`selection`]: decides which files are logs, by the names and texts of the files
//! - [`names`]: finds runs and machines in the names of files
//! - [`recognise`]: recognises the format of logs if the mapping does not give it
//! - [`header`]: finds the columns by their titles or numbers
//! - [`lines`]: splits a file into rows and cells
//! - [`json`]: splits a JSON file into rows and cells
//! - [`patterns`]: splits a file into rows and cells by regular expressions
//! - [`left_out`]: counts the lines that are not events
//! - [`trials`]: separates the runs (trials) that were logged one after the other in the same files
//! - [`explain`]: reports how each field was read
//! - [`numbers`]: parses numbers, and recognises missing values
//! - [`time`]: parses times
//! - [`formats`]: recognises the formats of times
//! - [`rows`]: parses cells as events
//! - [`kinds`]: kinds of events, and the words for them
//! - [`machines`]: the names of machines, and their numbers
//! - [`peers`]: parses the names of recipients and senders
//! - [`run`]: the rows of each machine of a run
//! - [`ticks`]: finds the rows that belong to one tick
//! - [`rules`]: finds whether a logged clock, stamp (timestamp of a message) or queue length is the value before the event or after it
//! - [`restarts`]: corrects times without a date, or dates without a year, that start again during a run
//! - [`messages`]: matches receives with sends
//! - [`times`]: checks whether the times of a run are consistent
//! - [`queues`]: fills in queue lengths that a log does not have
//! - [`configuration`]: takes the configuration of a run from the mapping, or measures it
//! - [`rates`]: measures the ticks per second of each machine
//! - [`durations`]: measures the duration of a run
//! - [`report`]: collects what was imported, assumed and left out
//! - [`findings`]: the sentences of the report about measured values and rules

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
mod log_text;
mod machines;
mod mapping;
mod messages;
mod names;
mod numbers;
mod patterns;
mod peers;
mod queues;
mod rates;
mod reading;
mod recognise;
mod report;
mod restarts;
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
    EndedRun, ImportWriter, Imported, ImportedFile, MissingFields, Unmeasured, UnmeasuredPart,
};

use crate::error::Error;
use lines::Raw;
use reading::Reading;
use rules::Rules;
use run::Run;

/// Turns the logs in `sources` into a dataset in folder `root`. All sources that are files form one group, and each folder with logs is
/// another group. A group makes one run, or several runs if the names of its files contain the names of runs. In a run, each machine may
/// have its own file, or all machines may share one. If the logs have a `run` column, each of its values makes a run of its own.
///
/// # Errors
///
/// [`Error::Import`] names the file and line that cannot be read, and says what to do; [`Error::Dataset`] if the dataset cannot
/// be written. After an error there is no dataset.
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
    // For each run, its configuration and time scale.
    let setups = configuration::from_runs(&runs, &rules, mapping, &mut report)?;
    let mut writer = ImportWriter::create(root)?;
    // For each configuration, the number of its runs so far.
    let mut repetitions: BTreeMap<String, u32> = BTreeMap::new();
    for (index, (run, setup)) in runs.iter().zip(&setups).enumerate() {
        let repetition = repetitions.entry(setup.key()).or_default();
        let finished = EndedRun {
            // The journal is the file `runs.csv`, with a row for each run.
            row: setup.journal_row(index as u64, *repetition, run),
            events: run.rows(index as u64),
        };
        writer.append(finished, run.sources(index as u64))?;
        *repetition += 1;
    }
    let max_repetitions = repetitions.values().copied().max().unwrap_or(0);
    let imported = Imported {
        files,
        missing_fields: report.missing_fields,
        assumed: report.assumed,
        // `sends` is the rule by which senders choose recipients, such as `broadcast`.
        sends_given: mapping.sends.is_some(),
        unmeasured: report.unmeasured.clone(),
        // `finish` replaces this by the checksum of `sources.csv`.
        sources: None,
    };
    let configurations = repetitions.into_keys().collect();
    writer.finish(
        imported,
        (mapping.time_scale(), max_repetitions),
        configurations,
        &mapping.to_toml()?,
    )?;
    Ok(report)
}

/// Parses the rows of each run, finds the rules that the rows follow (see [`rules`]), and matches receives with sends.
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

/// Collects the parts of the log (such as queue lengths) that are missing or not usable in some runs. For each part, the result has
/// the numbers of these runs, and the reason why the part is missing or not usable in the first of them.
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

/// A key that sorts names as people do: numbers by value (`vm2` before `vm10`), and capitals like small letters.
pub(crate) fn in_natural_order(name: &str) -> impl Ord + use<> {
    machines::natural_order(name)
}

/// Reads the logs in `sources` without writing a dataset. Returns a report on how the logs are read, and the mapping `given` with all
/// recognised values added. With the returned mapping, [`import`] reads the logs in the same way.
///
/// # Errors
///
/// [`Error::Import`] names the file and line that is not understood; [`Error::Io`] names the file that cannot be read.
pub fn understand(sources: &[PathBuf], given: &Mapping) -> Result<(Report, Mapping), Error> {
    let mut report = Report::default();
    let reading = reading::read(sources, given, &mut report)?;
    Ok((report, reading.mapping))
}

/// The fields that are missing in at least one run. A flag of [`MissingFields`] is true if its field is missing.
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
