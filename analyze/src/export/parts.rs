//! `processed/events/`: the events in parts of whole runs, of which only what is new is written.
//!
//! A part's footer says which [version](MEASURES_VERSION) of the program wrote it, and has the fingerprint of each of its runs: nothing beside the parts
//! says what they hold. A part stands if its bytes are those that were written, by its [checksum](crate::seal), and all of its runs
//! are wanted, with the same rows in the journal. Runs that are in none that stands are written, together with those of parts that are at most half full: however often a dataset is exported while it
//! grows, its parts stay few.
//!
//! The folder is replaced as a whole, by one with links to the parts that stand.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use sim::files::Partial;
use sim::log::JournalRow;

use super::file::ParquetFile;
use super::{EVENTS, PartCount, Written, swap};
use crate::error::Error;
use crate::measures::batches::{self, batch_bounds};
use crate::measures::cache::fingerprint;
use crate::measures::version::MEASURES_VERSION;
use crate::read::dataset::Dataset;
use crate::read::events::event_columns;
use crate::seal;

/// What the footer of a part calls the version that its columns follow.
const OF_VERSION: &str = "measures_version";
/// What it calls the fingerprints of its runs.
const OF_RUNS: &str = "runs";

/// What its checksum says that it is about.
const SEALED_AS: &str = "a part of the events";

/// The folder in `processed`.
pub(super) fn folder(processed: &Path) -> PathBuf {
    processed.join(EVENTS)
}

/// What the folder is to consist of.
pub(super) struct Parts {
    folder: PathBuf,
    /// The new folder, to take the old one's place; none if that has all that is wanted, and nothing else.
    fresh: Option<Partial>,
    /// The parts, where they are now.
    paths: Vec<PathBuf>,
    rows: u64,
    /// How many parts are new.
    new: usize,
}

/// Writes what is missing of the events of `dataset`: nothing changes in the folder of `processed` until it is published.
pub(super) fn write(dataset: &Dataset, processed: &Path) -> Result<Parts, Error> {
    let folder = folder(processed);
    let there = files(&folder).map_err(Error::io(&folder))?;
    let fingerprints: Vec<String> = dataset.finished().iter().map(fingerprint).collect();
    let standing = if dataset.caches_measures() {
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
    let batches: Vec<&[JournalRow]> = bounds.iter().map(|range| &missing[range.clone()]).collect();
    let fresh = match there.len() != standing.len() || !missing.is_empty() {
        true => Some(fresh_folder(dataset, &folder, &standing, &batches)?),
        false => None,
    };
    let now = fresh.as_ref().map_or(folder.as_path(), Partial::partial);
    Ok(Parts {
        paths: files(now).map_err(Error::io(now))?,
        fresh,
        rows: dataset.finished().iter().map(|row| row.events).sum(),
        new: batches.len(),
        folder,
    })
}

/// A folder with the parts that stand, and a new one for each batch of runs.
fn fresh_folder(
    dataset: &Dataset,
    folder: &Path,
    standing: &[Part],
    batches: &[&[JournalRow]],
) -> Result<Partial, Error> {
    let fresh = Partial::create_folder(folder.to_owned()).map_err(Error::io(folder))?;
    for part in standing {
        link(&part.path, fresh.partial()).map_err(Error::io(&part.path))?;
    }
    let part = |number: usize| fresh.partial().join(format!("part-{number:05}.parquet"));
    let mut number = 0;
    for runs in batches {
        while part(number).exists() {
            number += 1;
        }
        write_part(dataset, runs, part(number))?;
    }
    Ok(fresh)
}

impl Parts {
    /// Where they are now.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Brings the folder up to date.
    pub(super) fn publish(self) -> Result<Written, Error> {
        let lengths = self.paths.iter().map(|path| Ok(fs::metadata(path)?.len()));
        let bytes = lengths.sum::<io::Result<u64>>();
        let bytes = bytes.map_err(Error::io(&self.folder))?;
        if let Some(fresh) = &self.fresh {
            swap::replace(fresh.partial(), &self.folder).map_err(Error::io(&self.folder))?;
        }
        remove_single_file(&self.folder).map_err(Error::io(&self.folder))?;
        Ok(Written {
            rows: self.rows,
            bytes,
            parts: Some(PartCount {
                all: self.paths.len(),
                written: self.new,
            }),
            path: self.folder,
        })
    }
}

/// A part that is there.
struct Part {
    path: PathBuf,
    /// The fingerprints of its runs.
    runs: Vec<String>,
}

impl Part {
    /// None if it cannot be read, is not what was written, or is of another version: then it is replaced.
    fn read(path: &Path) -> Option<Self> {
        let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let bytes = is_file.then(|| fs::read(path))?.ok()?;
        if !seal::is_whole(&bytes, SEALED_AS) {
            return None;
        }
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let footer = reader.get_metadata().ok()?.key_value_metadata.as_ref()?;
        let of = |key: &str| {
            let entry = footer.iter().find(|entry| entry.key == key);
            entry.and_then(|entry| entry.value.as_deref())
        };
        let runs = of(OF_RUNS)?.split_whitespace().map(str::to_owned);
        (of(OF_VERSION)? == MEASURES_VERSION.to_string()).then(|| Self {
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
        (OF_VERSION.to_owned(), MEASURES_VERSION.to_string()),
        (OF_RUNS.to_owned(), fingerprints.join(" ")),
    ];
    let mut file = ParquetFile::create(path, &event_columns(), about)?;
    for events in batches::events(dataset, runs) {
        file.push(events?)?;
    }
    file.finish(Some(SEALED_AS))?.publish()?;
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
    sim::files::remove(&folder.with_extension("parquet"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Whole in every other respect, a part that another version wrote is written anew.
    #[test]
    fn a_part_of_another_version_does_not_stand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part-00000.parquet");
        let is_read = |version: u32| {
            let about = [
                (OF_VERSION, version.to_string()),
                (OF_RUNS, "a b".to_owned()),
            ];
            let about = about.map(|(key, value)| (key.to_owned(), value)).to_vec();
            let file = ParquetFile::create(path.clone(), &event_columns(), about).unwrap();
            file.finish(Some(SEALED_AS)).unwrap().publish().unwrap();
            Part::read(&path).map(|part| part.runs)
        };
        let runs = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(is_read(MEASURES_VERSION), Some(runs));
        assert_eq!(is_read(MEASURES_VERSION + 1), None);
    }
}
