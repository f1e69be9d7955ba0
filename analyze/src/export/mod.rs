//! `processed/`: a dataset as tidy files for notebooks.
//!
//! Every file appears whole or not at all: all are written under temporary names, and renamed once all are complete. So is the
//! folder of the events, in which only what is new is written. Whatever ends an export before that, a full disk for instance,
//! leaves what was there before. One export at a time writes to the folder.
//!
//! # Layout
//!
//! - [`file`]: one Parquet or CSV file
//! - [`parts`]: the folder of the events: which of its parts stay, and which are written
//! - [`lock`]: what makes an export the only one
//! - [`swap`]: a folder in another's place
//! - [`dictionary`]: every column of every file

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

use crate::error::Error;
use crate::output::schema::Column;
use crate::read::dataset::Dataset;
use crate::read::runs;

use file::{Complete, CsvFile, ParquetFile};
use lock::Lock;
use parts::Parts;

/// The tables that are one file in each format.
const TABLES: [&str; 2] = ["runs", "machines"];
/// The table that is a folder of Parquet files.
const EVENTS: &str = "events";

/// A file that was written, or the folder of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// If it is a folder.
    pub parts: Option<PartCount>,
}

/// The files that a folder consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartCount {
    /// How many there are.
    pub all: usize,
    /// How many of them were written now; the others stay as they were.
    pub written: usize,
}

/// Writes `processed/` of `dataset`: runs, machines and events as Parquet, and as CSV too if `with_csv`.
///
/// If the dataset keeps its measures, parts of the events stay as they are if all of their runs do; otherwise all is written.
///
/// # Errors
///
/// [`Error::Exporting`] if another export is writing there; [`Error::Io`] or [`Error::Parquet`] if a file cannot be written; as [`Dataset::machines`] if the dataset cannot be read.
pub fn export(dataset: &Dataset, with_csv: bool) -> Result<Vec<Written>, Error> {
    let folder = dataset.root().join("processed");
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let _lock = Lock::take(dataset.root(), &folder)?;
    swap::recover(&parts::folder(&folder)).map_err(Error::io(&folder))?;
    remove_leftovers(&folder).map_err(Error::io(&folder))?;

    let runs = runs::run_frame(dataset.name(), dataset.finished())?;
    let machines = dataset.machines()?;
    let events = parts::write(dataset, &folder)?;

    let columns = [runs::run_columns(), dictionary::machine_file_columns()];
    let mut complete = vec![];
    for ((name, columns), frame) in TABLES.iter().zip(&columns).zip([&runs, &machines]) {
        complete.extend(table(&folder, name, columns, frame, with_csv)?);
    }
    let events_csv = match with_csv {
        true => Some(events_csv(&folder, &events)?),
        false => None,
    };
    let written = publish(complete, events, events_csv)?;
    if !with_csv {
        remove_csv(&folder)?;
    }
    sim::log::sync_folder(&folder).map_err(Error::io(&folder))?;
    Ok(written)
}

/// Gives everything its name: all of it is complete.
fn publish(
    tables: Vec<Complete>,
    events: Parts,
    events_csv: Option<Complete>,
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

/// Takes away the CSV files of an earlier export: they may be of fewer runs.
fn remove_csv(folder: &Path) -> Result<(), Error> {
    for name in TABLES.into_iter().chain([EVENTS]) {
        let path = folder.join(name).with_extension("csv");
        files::remove(&path).map_err(Error::io(&path))?;
    }
    Ok(())
}

/// Removes what exports left that did not come to their end, and nothing else.
fn remove_leftovers(folder: &Path) -> io::Result<()> {
    let is_ours = |name: &str| {
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
    files::remove_leftovers(folder, is_ours)?;
    // Earlier versions called them events.partial, runs.csv.partial and so on.
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name
            .to_str()
            .and_then(|name| name.strip_suffix(".partial"))
            .is_some_and(is_ours)
        {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// A table that is one file in each format.
fn table(
    folder: &Path,
    name: &str,
    columns: &[Column],
    frame: &DataFrame,
    with_csv: bool,
) -> Result<Vec<Complete>, Error> {
    let path = folder.join(name);
    let mut parquet = ParquetFile::create(path.with_extension("parquet"), columns, vec![])?;
    parquet.push(frame.clone())?;
    let mut complete = vec![parquet.finish(None)?];
    if with_csv {
        let mut csv = CsvFile::create(path.with_extension("csv"))?;
        csv.push(frame)?;
        complete.push(csv.finish()?);
    }
    Ok(complete)
}

/// The parts of the events one after the other, as CSV.
fn events_csv(folder: &Path, events: &Parts) -> Result<Complete, Error> {
    let mut csv = CsvFile::create(folder.join("events.csv"))?;
    for path in events.paths() {
        let file = File::open(path).map_err(Error::io(path))?;
        let part = ParquetReader::new(file).finish();
        csv.push(&part.map_err(Error::parquet(path))?)?;
    }
    csv.finish()
}
