//! Writes the folder `processed/` of a dataset: files for notebooks.
//!
//! All files are written under temporary names and renamed when all of them are complete. So an export that stops early, because of
//! a full disk for instance, changes nothing. Event files of an earlier export can be reused. Only one export at a time writes
//! to the folder.
//!
//! # Layout
//!
//! - [`file`]: one Parquet or CSV file
//! - [`aggregates`]: the table of means and intervals over repetitions
//! - [`parts`]: the events, in a folder with several files (parts). Some parts of an earlier export stay, and only the missing parts are
//!   written
//! - [`lock`]: the lock against two exports at the same time
//! - [`swap`]: the replacement of a folder by another one
//! - [`dictionary`]: the data dictionary, which describes every column of every file

pub mod aggregates;
pub mod dictionary;
mod file;
mod lock;
mod parts;
mod swap;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use polars::prelude::*;
use polars_io::parquet::read::ParquetReader;
use sim::files;
use sim::log::JournalRow;

use crate::error::Error;
use crate::output::schema::schema;
use crate::read::dataset::Dataset;
use crate::read::runs;

use file::{CompleteFile, CsvFile, ParquetFile};
use lock::Lock;
use parts::{Outcome, Parts};

/// The tables that are written as one file in each format (Parquet, and also CSV if it is wanted).
const TABLES: [&str; 3] = ["runs", "machines", AGGREGATES];
/// The table of means and intervals, which is written only if it is wanted.
const AGGREGATES: &str = "aggregates";
/// The table that is written as a folder of Parquet files.
const EVENTS: &str = "events";

/// What an export writes in addition to the Parquet files of runs, machines and events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    /// A CSV file of each table.
    pub csv: bool,
    /// The table of means and intervals over repetitions.
    pub aggregates: bool,
}

/// Describes a file that was written, or the folder with the event files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The path of the file or folder.
    pub path: PathBuf,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// How many parts the folder of the events has. `None` for a file.
    pub parts: Option<PartCount>,
}

/// Numbers of parts (files) in the folder of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartCount {
    /// Number of all parts.
    pub all: usize,
    /// Number of parts that this export wrote. The other parts are from earlier exports.
    pub written: usize,
}

/// Writes `processed/` of `dataset`: runs, machines and events as Parquet, and the `additions`. Files of an earlier export that this
/// export does not write are removed, because they may be about other runs.
///
/// A part of an earlier export is reused if it meets the conditions in `parts.rs`. With `--no-cache`, all parts are written again, because
/// a user who gives this option does not want to rely on earlier results.
///
/// # Errors
///
/// [`Error::Exporting`] if another export is writing to the folder, [`Error::Io`] if a file cannot be written, [`Error::Parquet`] if a part
/// of the events cannot be read back, and the errors of [`Dataset::machines`] if the dataset cannot be read.
pub fn export(dataset: &Dataset, additions: Additions) -> Result<Vec<Written>, Error> {
    let folder = dataset.root().join("processed");
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let _lock = Lock::take(dataset.root(), &folder)?;
    // An earlier export may have been stopped while it replaced the folder of the events. Then the old folder may still exist under another
    // name. `recover` gives the old folder its name back, or removes the old folder if the new one is already in its place.
    swap::recover(&parts::events_folder(&folder)).map_err(Error::io(&folder))?;
    remove_leftovers(&folder).map_err(Error::io(&folder))?;

    let runs = runs::run_frame(dataset.name(), dataset.finished())?;
    let cache = dataset.caches_measures().then(|| dataset.open_cache());
    // Events are read only once: runs without cached measures are measured while their events are written.
    let needs_measures = |row: &JournalRow| cache.as_ref().is_none_or(|cache| !cache.has(row));
    let Outcome {
        parts: event_parts,
        measured,
    } = parts::write(dataset, &folder, needs_measures)?;
    let machines = dataset.machines_with(measured)?;

    let aggregates = match additions.aggregates {
        true => Some(aggregates::frame(dataset, &machines)?),
        false => None,
    };
    // The name, the schema and the rows of each table.
    let mut tables = vec![
        ("runs", schema(&runs::run_columns()), runs),
        (
            "machines",
            schema(&dictionary::machine_file_columns()),
            machines,
        ),
    ];
    if let Some(frame) = aggregates {
        let columns = aggregates::columns().into_iter();
        let columns = columns.map(|(name, kind)| Field::new(name.into(), kind.data_type()));
        tables.push((AGGREGATES, columns.collect(), frame));
    }
    let mut complete = vec![];
    for (name, schema, frame) in &tables {
        complete.extend(write_table(&folder, name, schema, frame, additions.csv)?);
    }
    let events_csv = match additions.csv {
        true => Some(write_events_csv(&folder, &event_parts)?),
        false => None,
    };
    let written = publish(complete, event_parts, events_csv)?;
    remove_outdated(&folder, additions)?;
    sim::log::sync_folder(&folder).map_err(Error::io(&folder))?;
    Ok(written)
}

/// Renames all files to their final names. All of them must be complete.
fn publish(
    tables: Vec<CompleteFile>,
    events: Parts,
    events_csv: Option<CompleteFile>,
) -> Result<Vec<Written>, Error> {
    let mut written = vec![];
    for table in tables {
        written.push(table.publish()?);
    }
    written.push(events.publish()?);
    if let Some(csv) = events_csv {
        written.push(csv.publish()?);
    }
    Ok(written)
}

/// Removes files that an earlier export wrote and this export did not, such as `runs.csv` if this export wrote no CSV files.
fn remove_outdated(folder: &Path, additions: Additions) -> Result<(), Error> {
    let path = |name: &str, ending: &str| folder.join(name).with_extension(ending);
    let mut outdated = vec![];
    if !additions.csv {
        outdated.extend(
            TABLES
                .into_iter()
                .chain([EVENTS])
                .map(|name| path(name, "csv")),
        );
    }
    if !additions.aggregates {
        outdated.extend(["parquet", "csv"].map(|ending| path(AGGREGATES, ending)));
    }
    for path in outdated {
        files::remove(&path).map_err(Error::io(&path))?;
    }
    Ok(())
}

/// Removes temporary files of exports that did not end normally. Other files stay.
fn remove_leftovers(folder: &Path) -> io::Result<()> {
    // Whether `name` is the final name of a file or folder that an export writes, such as `runs.csv` or `events`. Only temporary files
    // with such a final name are removed.
    let is_export_file = |name: &str| {
        let name = Path::new(name);
        let stem = name.file_stem().unwrap_or_default();
        let is_table = TABLES
            .into_iter()
            .chain([EVENTS])
            .any(|table| stem == table);
        is_table
            && name
                .extension()
                .is_none_or(|ending| ending == "parquet" || ending == "csv")
    };
    files::remove_leftovers(folder, is_export_file)?;
    // Earlier versions called their temporary files events.partial, runs.csv.partial and so on.
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name
            .to_str()
            .and_then(|name| name.strip_suffix(".partial"))
            .is_some_and(is_export_file)
        {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Writes a table as one file in each format.
fn write_table(
    folder: &Path,
    name: &str,
    schema: &Schema,
    frame: &DataFrame,
    with_csv: bool,
) -> Result<Vec<CompleteFile>, Error> {
    let path = folder.join(name);
    // Unlike the parts of the events, the file of a table has no metadata in its footer (`vec![]`) and no checksum (`None`).
    let mut parquet = ParquetFile::create(path.with_extension("parquet"), schema, vec![])?;
    parquet.push(frame.clone())?;
    let mut complete = vec![parquet.finish(None)?];
    if with_csv {
        let mut csv = CsvFile::create(path.with_extension("csv"))?;
        csv.push(frame)?;
        complete.push(csv.finish()?);
    }
    Ok(complete)
}

/// Writes all parts of the events, one after the other, into one CSV file.
fn write_events_csv(folder: &Path, events: &Parts) -> Result<CompleteFile, Error> {
    let mut csv = CsvFile::create(folder.join("events.csv"))?;
    for path in events.paths() {
        let file = File::open(path).map_err(Error::io(path))?;
        let part = ParquetReader::new(file).finish();
        csv.push(&part.map_err(Error::parquet(path))?)?;
    }
    csv.finish()
}
