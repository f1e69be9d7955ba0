//! Logs of other implementations, made into a dataset.
//!
//! The least that a log must have is a row an event with the machine, the system time, the kind of event, the logical clock and
//! the queue's length. What it has beyond that - to whom, from whom, which timestamp, which tick - is taken too, and lets more be
//! measured and audited. What it does not have stays empty, and whoever asks for it is told.
//!
//! # Layout
//!
//! - [`mapping`]: how the files are to be read, from a TOML file and the command line
//! - [`header`]: which column is which
//! - [`lines`]: a file cut into cells
//! - [`time`]: times read
//! - [`rows`]: cells read as events
//! - [`machines`]: names of machines
//! - [`messages`]: which send a receive belongs to
//! - [`run`]: the rows of a run, machine by machine
//! - [`configuration`]: what a run's configuration was, said or measured
//! - [`report`]: how all that is told

mod configuration;
mod header;
mod lines;
mod machines;
mod mapping;
mod messages;
mod report;
mod rows;
mod run;
mod time;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

pub use mapping::{Kind, Mapping, QueueRule};
pub use report::Report;

use sim::log::{FinishedRun, ImportWriter, Imported, ImportedFile, Lacks, checksum};

use crate::error::Error;
use lines::Raw;
use run::Run;

/// Files of these names are taken from a folder.
const EXTENSIONS: [&str; 4] = ["csv", "tsv", "txt", "log"];

/// Makes the logs in `sources` into a dataset in folder `root`. The files among the sources are one run, a machine's file each or
/// one file for all; every folder among them is a run of its own; a `run` column splits further.
///
/// # Errors
///
/// [`Error::Import`] names the file and line that cannot be read, and what to do; [`Error::Dataset`] if the dataset cannot be
/// written. Then none is made.
pub fn import(sources: &[PathBuf], mapping: &Mapping, root: &Path) -> Result<Report, Error> {
    let mut report = Report::default();
    let mut files = vec![];
    let mut raw_runs: Vec<(String, Vec<Raw>)> = vec![];
    for (name, paths) in runs_of(sources)? {
        let mut read = vec![];
        for path in &paths {
            let bytes = fs::read(path).map_err(Error::io(path))?;
            files.push(ImportedFile {
                path: path.display().to_string(),
                bytes: bytes.len() as u64,
                checksum: checksum(&bytes),
            });
            read.push(lines::read(path, &bytes, mapping, &mut report)?);
        }
        raw_runs.extend(split_by_run(name, read));
    }
    let mut runs = vec![];
    for (name, files) in &raw_runs {
        runs.push(Run::of(name, files, mapping, &mut report)?);
    }
    let lacks = lacks_of(&runs);
    report.lacks = lacks;
    let setups = configuration::of(&runs, mapping, &mut report)?;
    let mut writer = ImportWriter::create(root)?;
    let mut repetitions: BTreeMap<String, u32> = BTreeMap::new();
    for (place, (run, setup)) in runs.iter().zip(&setups).enumerate() {
        let repetition = repetitions.entry(setup.key()).or_default();
        writer.append(FinishedRun {
            row: setup.journal_row(place as u64, *repetition, run),
            events: run.rows(place as u64),
        })?;
        *repetition += 1;
    }
    let most = repetitions.values().copied().max().unwrap_or(0);
    let imported = Imported {
        files,
        lacks,
        assumed: report.assumed,
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

/// The files of each run, with a name for it.
fn runs_of(sources: &[PathBuf]) -> Result<Vec<(String, Vec<PathBuf>)>, Error> {
    let (folders, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        sources.iter().partition(|path| path.is_dir());
    let mut seen = HashSet::new();
    for source in sources {
        let path = fs::canonicalize(source).map_err(Error::io(source))?;
        if !seen.insert(path) {
            let problem = "is given twice; it would count twice".to_owned();
            return Err(Error::import(source, None, problem));
        }
    }
    let mut runs = vec![];
    if !files.is_empty() {
        runs.push(("the files".to_owned(), files.into_iter().cloned().collect()));
    }
    for folder in folders {
        let entries = fs::read_dir(folder).map_err(Error::io(folder))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(Error::io(folder))?;
        paths.retain(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
        });
        if paths.is_empty() {
            let problem = format!(
                "no log in it: files that end with .{}",
                EXTENSIONS.join(", .")
            );
            return Err(Error::import(folder, None, problem));
        }
        paths.sort_by_key(|path| machines::natural(&path.display().to_string()));
        runs.push((folder.display().to_string(), paths));
    }
    Ok(runs)
}

/// Parts rows that have a run of their own; the others stay together.
fn split_by_run(name: String, files: Vec<Raw>) -> Vec<(String, Vec<Raw>)> {
    let mut of_run: BTreeMap<(Vec<machines::Piece>, String), Vec<Raw>> = BTreeMap::new();
    for file in files {
        for (run, part) in file.by_run() {
            of_run
                .entry((machines::natural(&run), run))
                .or_default()
                .push(part);
        }
    }
    of_run
        .into_iter()
        .map(|((_, run), files)| match run.as_str() {
            "" => (name.clone(), files),
            run => (format!("{name}, run {run}"), files),
        })
        .collect()
}

/// What is lacking in any run.
fn lacks_of(runs: &[Run]) -> Lacks {
    runs.iter().fold(Lacks::default(), |all, run| Lacks {
        recipients: all.recipients || run.lacks.recipients,
        senders: all.senders || run.lacks.senders,
        stamps: all.stamps || run.lacks.stamps,
        sent_ticks: all.sent_ticks || run.lacks.sent_ticks,
    })
}
