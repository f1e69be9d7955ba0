//! `processed/`: a dataset as tidy files for notebooks.
//!
//! Every file appears whole or not at all: it is written under a temporary name and renamed when it is complete. So does the
//! folder of the events, in which only what is new is written.
//!
//! # Layout
//!
//! - [`file`]: one Parquet or CSV file
//! - [`parts`]: the folder of the events: which of its parts stay, and which are written
//! - [`swap`]: a folder in another's place
//! - [`dictionary`]: every column of every file

pub mod dictionary;
mod file;
mod parts;
mod swap;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use polars::prelude::*;
use polars_io::parquet::read::ParquetReader;

use crate::error::Error;
use crate::output::schema::Column;
use crate::read::dataset::Dataset;
use crate::read::runs;

use file::{CsvFile, PARTIAL, ParquetFile};
use parts::Parts;

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
/// [`Error::Io`] or [`Error::Parquet`] if a file cannot be written; as [`Dataset::machines`] if the dataset cannot be read.
pub fn export(dataset: &Dataset, with_csv: bool) -> Result<Vec<Written>, Error> {
    let folder = dataset.root().join("processed");
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    swap::recover(&parts::folder(&folder)).map_err(Error::io(&folder))?;
    remove_leftovers(&folder).map_err(Error::io(&folder))?;

    let runs = runs::run_frame(dataset.name(), dataset.finished())?;
    let machines = dataset.machines()?;
    let events = parts::write(dataset, &folder)?;

    let machine_columns = crate::export::dictionary::machine_file_columns();
    let mut written = table(&folder, "runs", &runs::run_columns(), &runs, with_csv)?;
    written.extend(table(
        &folder,
        "machines",
        &machine_columns,
        &machines,
        with_csv,
    )?);
    written.push(events.written.clone());
    if with_csv {
        written.push(events_csv(&folder, &events)?);
    } else {
        remove_csv(&folder)?;
    }
    Ok(written)
}

/// Takes away the CSV files of an earlier export: they may be of fewer runs.
fn remove_csv(folder: &Path) -> Result<(), Error> {
    for name in ["runs.csv", "machines.csv", "events.csv"] {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(&path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a run of the program left that did not come to its end.
fn remove_leftovers(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().ends_with(PARTIAL) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
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
) -> Result<Vec<Written>, Error> {
    let path = folder.join(name);
    let mut parquet = ParquetFile::create(path.with_extension("parquet"), columns, vec![])?;
    parquet.push(frame.clone())?;
    let mut written = vec![parquet.finish()?];
    if with_csv {
        let mut csv = CsvFile::create(path.with_extension("csv"))?;
        csv.push(frame)?;
        written.push(csv.finish()?);
    }
    Ok(written)
}

/// The parts of the events one after the other, as CSV.
fn events_csv(folder: &Path, events: &Parts) -> Result<Written, Error> {
    let mut csv = CsvFile::create(folder.join("events.csv"))?;
    for path in &events.paths {
        let file = File::open(path).map_err(Error::io(path))?;
        let part = ParquetReader::new(file).finish();
        csv.push(&part.map_err(Error::parquet(path))?)?;
    }
    csv.finish()
}
