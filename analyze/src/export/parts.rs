//! The folder `processed/events/`: the events in parts. A part is a Parquet file with the events of some whole runs. Parts of an earlier
//! export are reused, and only the missing parts are written.
//!
//! The footer of a part has two facts: the [version](MEASURES_VERSION) of the definitions of measures and event columns, and the
//! fingerprints of the part's runs. The fingerprint of a run is the checksum of its row in the journal `runs.csv`. A part is reused if
//!
//! 1. its [checksum](crate::seal) is right,
//! 2. its version is that of this program,
//! 3. all its runs belong to this export too, and their fingerprints have not changed, and
//! 4. it has more than `part_events` / 2 events, where `part_events` is the limit for the events of a part.
//!
//! Without condition 4, a growing dataset would get more and more small parts. Condition 4 is ignored if every run of this export is in a
//! part that meets conditions 1 to 3, because no new part is needed then.
//!
//! The runs that are not in a reused part are written to new parts, in a new folder. The new folder also gets links to the reused parts.
//! Then it replaces the old folder in one step.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use sim::files::Partial;
use sim::log::JournalRow;

use super::file::ParquetFile;
use super::{EVENTS, PartCount, Written, swap};
use crate::error::Error;
use crate::measures::batches::{Measured, RunReader, batch_bounds};
use crate::measures::cache::fingerprint;
use crate::measures::columns::MeasureColumns;
use crate::measures::version::MEASURES_VERSION;
use crate::output::schema::schema;
use crate::read::dataset::Dataset;
use crate::read::events::{EventsBuilder, event_columns};
use crate::seal;
use crate::threads::on_all_cores;

/// The key of the version in a part's footer.
const VERSION_KEY: &str = "measures_version";
/// The key of the runs' fingerprints in a part's footer.
const RUNS_KEY: &str = "runs";

/// The checksum of a part is computed from its bytes and from this text. The files of the cache of measures (folder `.cache`) have such
/// checksums too, but with other texts. So a file of the cache is never taken for a part.
const CHECKSUM_SUBJECT: &str = "a part of the events";

/// The path of the folder `events` in the folder `processed`.
pub(super) fn events_folder(processed: &Path) -> PathBuf {
    processed.join(EVENTS)
}

/// The parts of the events, ready to be published.
pub(super) struct Parts {
    folder: PathBuf,
    /// The new folder, still under its temporary name. `None` if the old folder needs no change.
    new_folder: Option<Partial>,
    /// The paths of all parts: in the new folder, or in the old one if there is no new folder.
    paths: Vec<PathBuf>,
    rows: u64,
    /// Number of parts that this export wrote.
    written: usize,
}

/// The parts of the events, and the measures of the runs that were measured while new parts were written.
pub(super) struct Outcome<'d> {
    pub(super) parts: Parts,
    pub(super) measured: Measured<'d>,
}

/// Writes the missing parts into a new folder. The old folder is not changed before [`Parts::publish`]. The runs of the missing parts are also
/// measured, if `needs_measures` accepts them.
pub(super) fn write<'d>(
    dataset: &'d Dataset,
    processed: &Path,
    needs_measures: impl Fn(&JournalRow) -> bool + Sync,
) -> Result<Outcome<'d>, Error> {
    let folder = events_folder(processed);
    let old_paths = list_parts(&folder).map_err(Error::io(&folder))?;
    let fingerprints: Vec<String> = dataset.finished().iter().map(fingerprint).collect();
    // Without the cache (`--no-cache`) the user does not want to rely on earlier results, so no part is reused.
    let reused = if dataset.caches_measures() {
        reusable_parts(dataset, &fingerprints, &old_paths)
    } else {
        vec![]
    };
    let in_reused: HashSet<&String> = reused.iter().flat_map(|part| &part.runs).collect();
    let missing: Vec<&JournalRow> = std::iter::zip(dataset.finished(), &fingerprints)
        .filter(|(_, fingerprint)| !in_reused.contains(fingerprint))
        .map(|(row, _)| row)
        .collect();
    // A part has at most `part_events` events, unless it is a single run with more.
    let bounds = batch_bounds(missing.iter().map(|row| row.events), dataset.part_events());
    let runs_of_new_parts: Vec<&[&JournalRow]> =
        bounds.iter().map(|range| &missing[range.clone()]).collect();
    let mut measured = Measured::default();
    // A new folder is needed if some old files are not reused, or if some runs are in no reused part.
    let is_changed = reused.len() != old_paths.len() || !missing.is_empty();
    let new_folder = match is_changed {
        true => {
            let new_folder = Partial::create_folder(folder.clone()).map_err(Error::io(&folder))?;
            let path = new_folder.partial();
            for part in &reused {
                link_part(&part.path, path).map_err(Error::io(&part.path))?;
            }
            measured = write_parts(dataset, path, &runs_of_new_parts, &needs_measures)?;
            Some(new_folder)
        }
        false => None,
    };
    let current = new_folder
        .as_ref()
        .map_or(folder.as_path(), Partial::partial);
    let parts = Parts {
        paths: list_parts(current).map_err(Error::io(current))?,
        new_folder,
        rows: dataset.finished().iter().map(|row| row.events).sum(),
        written: runs_of_new_parts.len(),
        folder,
    };
    Ok(Outcome { parts, measured })
}

/// Writes new parts into `folder`, one for each element of `runs_of_parts`. All cores work in parallel, each on one part at a time. The
/// name of a part has a number, as in `part-00003.parquet`. The new parts get the lowest numbers that no reused part in `folder` has.
/// Returns the measures of the runs that `needs_measures` accepts.
fn write_parts<'d>(
    dataset: &'d Dataset,
    folder: &Path,
    runs_of_parts: &[&[&'d JournalRow]],
    needs_measures: &(impl Fn(&JournalRow) -> bool + Sync),
) -> Result<Measured<'d>, Error> {
    let names = (0..).map(|number| folder.join(format!("part-{number:05}.parquet")));
    let paths: Vec<PathBuf> = names
        .filter(|path| !path.exists())
        .take(runs_of_parts.len())
        .collect();
    let write = |index: usize| {
        let (path, runs) = (paths[index].clone(), runs_of_parts[index]);
        write_part(dataset, runs, path, needs_measures)
    };
    let measures_of_parts = on_all_cores(runs_of_parts.len(), write)?;
    let mut measured = Measured::default();
    for (runs, measures) in std::iter::zip(runs_of_parts, measures_of_parts) {
        let runs = runs.iter().filter(|row| needs_measures(row));
        measured.add(runs.copied(), &measures)?;
    }
    Ok(measured)
}

impl Parts {
    /// The paths of all parts. They can be read until [`Parts::publish`] is called.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Puts the new folder, if there is one, in the place of the old folder.
    pub(super) fn publish(self) -> Result<Written, Error> {
        // The lengths are read now, because the paths in the new folder change when it is renamed.
        let lengths = self.paths.iter().map(|path| Ok(fs::metadata(path)?.len()));
        let bytes = lengths.sum::<io::Result<u64>>();
        let bytes = bytes.map_err(Error::io(&self.folder))?;
        if let Some(new_folder) = &self.new_folder {
            swap::replace(new_folder.partial(), &self.folder).map_err(Error::io(&self.folder))?;
        }
        remove_single_file(&self.folder).map_err(Error::io(&self.folder))?;
        Ok(Written {
            rows: self.rows,
            bytes,
            parts: Some(PartCount {
                all: self.paths.len(),
                written: self.written,
            }),
            path: self.folder,
        })
    }
}

/// A part in the old folder.
struct Part {
    path: PathBuf,
    /// The fingerprints of the part's runs.
    runs: Vec<String>,
}

impl Part {
    /// Reads a part's footer. `None` if the file cannot be read, was changed, or has another version. In these cases the part is not reused.
    fn read(path: &Path) -> Option<Self> {
        let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let bytes = is_file.then(|| fs::read(path))?.ok()?;
        if !seal::is_unchanged(&bytes, CHECKSUM_SUBJECT) {
            return None;
        }
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let footer = reader.get_metadata().ok()?.key_value_metadata.as_ref()?;
        let value = |key: &str| {
            let entry = footer.iter().find(|entry| entry.key == key);
            entry.and_then(|entry| entry.value.as_deref())
        };
        let runs = value(RUNS_KEY)?.split_whitespace().map(str::to_owned);
        (value(VERSION_KEY)? == MEASURES_VERSION.to_string()).then(|| Self {
            path: path.to_owned(),
            runs: runs.collect(),
        })
    }
}

/// The parts among `old_paths` that are reused for `dataset`. `fingerprints` are those of its finished runs.
fn reusable_parts(dataset: &Dataset, fingerprints: &[String], old_paths: &[PathBuf]) -> Vec<Part> {
    let events: HashMap<&String, u64> = std::iter::zip(fingerprints, dataset.finished())
        .map(|(fingerprint, row)| (fingerprint, row.events))
        .collect();
    let parts = old_paths.iter().filter_map(|path| Part::read(path));
    // If a user copies a part, its runs are in two files. A run must be in one part only, so the second part is not reused.
    let mut seen = HashSet::new();
    // `insert` returns false if an earlier part has the run.
    let mut is_reusable = |run: &String| events.contains_key(run) && seen.insert(run.clone());
    let mut parts: Vec<Part> = parts
        .filter(|part| part.runs.iter().all(&mut is_reusable))
        .collect();
    let runs: usize = parts.iter().map(|part| part.runs.len()).sum();
    let needs_new_parts = runs < fingerprints.len();
    if needs_new_parts {
        let is_fuller_than_half = |part: &Part| {
            let events: u64 = part.runs.iter().map(|run| events[run]).sum();
            2 * events > dataset.part_events()
        };
        parts.retain(is_fuller_than_half);
    }
    parts
}

/// Writes the events of `runs` into one part. Only a batch of a few runs is in memory at a time. Returns the measures of the runs that
/// `needs_measures` accepts.
fn write_part(
    dataset: &Dataset,
    runs: &[&JournalRow],
    path: PathBuf,
    needs_measures: impl Fn(&JournalRow) -> bool,
) -> Result<DataFrame, Error> {
    let fingerprints: Vec<String> = runs.iter().map(|row| fingerprint(row)).collect();
    let footer = vec![
        (VERSION_KEY.to_owned(), MEASURES_VERSION.to_string()),
        (RUNS_KEY.to_owned(), fingerprints.join(" ")),
    ];
    let mut file = ParquetFile::create(
        path,
        &schema(&event_columns(dataset.has_timestamps())),
        footer,
    )?;
    let mut reader = RunReader::new(dataset);
    let mut columns = MeasureColumns::default();
    for range in batch_bounds(runs.iter().map(|row| row.events), dataset.batch_events()) {
        let mut events = EventsBuilder::new(dataset);
        reader.read_each(runs[range].iter().copied(), |run| {
            events.push(run);
            if needs_measures(run.row()) {
                // For logs of another program, the second argument says what they do not contain.
                columns.push(run, dataset.manifest().imported.as_ref());
            }
        })?;
        file.push(events.finish()?)?;
    }
    // The part gets its final name, but in a folder that still has a temporary name.
    file.finish(Some(CHECKSUM_SUBJECT))?.publish()?;
    Ok(columns.finish()?)
}

/// In `folder`, makes a link to the file `part`. The link gets the name of the file.
fn link_part(part: &Path, folder: &Path) -> io::Result<()> {
    let to = folder.join(part.file_name().unwrap_or_default());
    // Some file systems have no links; then the part is copied.
    fs::hard_link(part, &to).or_else(|_| fs::copy(part, &to).map(drop))
}

/// The files in a folder, sorted by name. Files whose names begin with `.` or `_` are left out, because programs that read a folder of
/// Parquet files ignore such files. Empty if there is no such folder.
fn list_parts(folder: &Path) -> io::Result<Vec<PathBuf>> {
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

/// Removes the file `events.parquet` beside `folder`. Earlier versions of this program wrote all events into this file. It would now be out
/// of date.
fn remove_single_file(folder: &Path) -> io::Result<()> {
    sim::files::remove(&folder.with_extension("parquet"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The checksum and the runs of the part are right, so the version is the only reason not to reuse it.
    #[test]
    fn a_part_of_another_version_is_not_reused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part-00000.parquet");
        let runs_of_part_with = |version: u32| {
            let footer = [
                (VERSION_KEY, version.to_string()),
                (RUNS_KEY, "a b".to_owned()),
            ];
            let footer = footer.map(|(key, value)| (key.to_owned(), value)).to_vec();
            let file =
                ParquetFile::create(path.clone(), &schema(&event_columns(false)), footer).unwrap();
            file.finish(Some(CHECKSUM_SUBJECT))
                .unwrap()
                .publish()
                .unwrap();
            Part::read(&path).map(|part| part.runs)
        };
        let runs = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(runs_of_part_with(MEASURES_VERSION), Some(runs));
        assert_eq!(runs_of_part_with(MEASURES_VERSION + 1), None);
    }
}
