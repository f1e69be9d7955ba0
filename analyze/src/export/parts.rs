//! `processed/events/`: the events in parts of whole runs, of which only what is new is written.
//!
//! A part's footer says which definitions its columns follow, and has the fingerprint of each of its runs: nothing beside the parts
//! says what they hold. A part stands if all of its runs are wanted, with the same rows in the journal. Runs that are in none that
//! stands are written, together with those of parts that are at most half full: however often a dataset is exported while it
//! grows, its parts stay few.
//!
//! The folder is replaced as a whole, by one with links to the parts that stand.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use sim::log::JournalRow;

use super::file::{PARTIAL, ParquetFile};
use super::{PartCount, Written, swap};
use crate::error::Error;
use crate::measures::batches::{self, batch_bounds};
use crate::measures::cache::{DEFINITIONS, fingerprint};
use crate::read::dataset::Dataset;
use crate::read::events::event_columns;

/// What the footer of a part calls the definitions that its columns follow.
const OF_DEFINITIONS: &str = "definitions";
/// What it calls the fingerprints of its runs.
const OF_RUNS: &str = "runs";

/// The folder in `processed`.
pub(super) fn folder(processed: &Path) -> PathBuf {
    processed.join("events")
}

/// What the folder consists of.
pub(super) struct Parts {
    pub(super) paths: Vec<PathBuf>,
    pub(super) written: Written,
}

/// Brings the folder in `processed` up to date with the runs of `dataset`.
pub(super) fn write(dataset: &Dataset, processed: &Path) -> Result<Parts, Error> {
    let folder = folder(processed);
    let there = files(&folder).map_err(Error::io(&folder))?;
    let fingerprints: Vec<String> = dataset.finished().iter().map(fingerprint).collect();
    let standing = if dataset.keeps_measures() {
        standing(dataset, &fingerprints, &there)
    } else {
        vec![]
    };
    let in_standing: HashSet<&String> = standing.iter().flat_map(|part| &part.runs).collect();
    let missing: Vec<JournalRow> = std::iter::zip(dataset.finished(), &fingerprints)
        .filter(|(_, fingerprint)| !in_standing.contains(fingerprint))
        .map(|(row, _)| row.clone())
        .collect();
    let bounds = batch_bounds(missing.iter().map(|row| row.events), dataset.part_events());
    if there.len() != standing.len() || !missing.is_empty() {
        let fresh = folder.with_extension(&PARTIAL[1..]);
        fs::create_dir(&fresh).map_err(Error::io(&fresh))?;
        for part in &standing {
            link(&part.path, &fresh).map_err(Error::io(&part.path))?;
        }
        let part = |number: usize| fresh.join(format!("part-{number:05}.parquet"));
        let mut number = 0;
        for range in &bounds {
            while part(number).exists() {
                number += 1;
            }
            write_part(dataset, &missing[range.clone()], part(number))?;
        }
        swap::replace(&fresh, &folder).map_err(Error::io(&folder))?;
    }
    remove_single_file(&folder).map_err(Error::io(&folder))?;
    let counted = |path: &PathBuf| Ok(fs::metadata(path)?.len());
    let paths = files(&folder).map_err(Error::io(&folder))?;
    let bytes: io::Result<Vec<u64>> = paths.iter().map(counted).collect();
    let written = Written {
        rows: dataset.finished().iter().map(|row| row.events).sum(),
        bytes: bytes.map_err(Error::io(&folder))?.iter().sum(),
        parts: Some(PartCount {
            all: paths.len(),
            written: bounds.len(),
        }),
        path: folder,
    };
    Ok(Parts { paths, written })
}

/// A part that is there.
struct Part {
    path: PathBuf,
    /// The fingerprints of its runs.
    runs: Vec<String>,
}

impl Part {
    /// None if it cannot be read or follows other definitions: then it is replaced.
    fn read(path: &Path) -> Option<Self> {
        let mut reader = ParquetReader::new(File::open(path).ok()?);
        let footer = reader.get_metadata().ok()?.key_value_metadata.as_ref()?;
        let of = |key: &str| {
            let entry = footer.iter().find(|entry| entry.key == key);
            entry.and_then(|entry| entry.value.as_deref())
        };
        let runs = of(OF_RUNS)?.split_whitespace().map(str::to_owned);
        (of(OF_DEFINITIONS)? == DEFINITIONS).then(|| Self {
            path: path.to_owned(),
            runs: runs.collect(),
        })
    }
}

/// Those of the parts `there` that stay, for a dataset whose runs have these fingerprints.
fn standing(dataset: &Dataset, fingerprints: &[String], there: &[PathBuf]) -> Vec<Part> {
    let events: HashMap<&String, u64> = std::iter::zip(fingerprints, dataset.finished())
        .map(|(fingerprint, row)| (fingerprint, row.events))
        .collect();
    let parts = there.iter().filter_map(|path| Part::read(path));
    // Whatever somebody has copied there: a run is in one part.
    let mut seen = HashSet::new();
    let mut stands = |run: &String| events.contains_key(run) && seen.insert(run.clone());
    let mut parts: Vec<Part> = parts
        .filter(|part| part.runs.iter().all(&mut stands))
        .collect();
    let runs: usize = parts.iter().map(|part| part.runs.len()).sum();
    if runs < fingerprints.len() {
        let is_fuller_than_half = |part: &Part| {
            let events: u64 = part.runs.iter().map(|run| events[run]).sum();
            2 * events > dataset.part_events()
        };
        parts.retain(is_fuller_than_half);
    }
    parts
}

/// Writes the events of `runs`, a batch at a time.
fn write_part(dataset: &Dataset, runs: &[JournalRow], path: PathBuf) -> Result<(), Error> {
    let fingerprints: Vec<String> = runs.iter().map(fingerprint).collect();
    let about = vec![
        (OF_DEFINITIONS.to_owned(), DEFINITIONS.to_owned()),
        (OF_RUNS.to_owned(), fingerprints.join(" ")),
    ];
    let mut file = ParquetFile::create(path, &event_columns(), about)?;
    for events in batches::events(dataset, runs) {
        file.push(events?)?;
    }
    file.finish()?;
    Ok(())
}

/// Gives a part a name in another folder too.
fn link(part: &Path, folder: &Path) -> io::Result<()> {
    let to = folder.join(part.file_name().unwrap_or_default());
    // Some disks have no links.
    fs::hard_link(part, &to).or_else(|_| fs::copy(part, &to).map(drop))
}

/// The files in a folder that readers would take for parts, by name; none if there is no such folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut paths = vec![];
    for entry in entries {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Earlier versions wrote all events to one file beside the folder: it would go stale.
fn remove_single_file(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.with_extension("parquet")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
