//! A block of the cache of measures: a folder with the measures of some runs, as Parquet files that each contain a checksum.
//!
//! `runs.parquet` says which runs the block has. Each other file has one family of measures (a group of related measures, for example
//! all measures of jumps), with a row for each machine of these runs. The parameter `about` of the functions is a text that names
//! everything that the measures depend on, for example the version of their definitions. The checksums cover this text too.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use polars::prelude::*;
use polars_io::parquet::read::ParquetReader;
use polars_io::parquet::write::{ParquetCompression, ParquetWriter, StatisticsOptions};
use sim::files::Partial;
use sim::log::{JournalRow, checksum};

use crate::measures::batches::MACHINE_KEYS;
use crate::measures::{FAMILIES, Measure};
use crate::remembering::RememberingFile;
use crate::seal;

/// The name of the file with a block's runs.
const RUNS: &str = "runs";

/// A block: where its files are, and which runs it has. The measures themselves are read when they are needed.
pub(super) struct Block {
    /// The folder of the block.
    pub(super) path: PathBuf,
    /// The runs, in the order of their rows in the files.
    pub(super) runs: Vec<CachedRun>,
    /// The hash of the whole file `runs.parquet`, including the checksum in it. The checksums of the block's other files cover this hash
    /// too, so those files are valid only together with this `runs.parquet`.
    pub(super) checksum: String,
}

/// A run whose measures are cached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CachedRun {
    /// The number of the run.
    pub(super) run: i64,
    /// How many machines the run has.
    pub(super) machines: i64,
    /// The checksum of the run's row in the journal (`runs.csv`), as a number.
    pub(super) fingerprint: i64,
}

impl CachedRun {
    /// Makes a cached run from a row of the journal. `None` if the row's checksum is not a hexadecimal number of 64 bits. All checksums
    /// that `sim` writes are such numbers.
    pub(super) fn from_row(row: &JournalRow) -> Option<Self> {
        let fingerprint = u64::from_str_radix(&row.row_checksum, 16).ok()?;
        Some(Self {
            run: row.run as i64,
            machines: row.machines().into(),
            fingerprint: fingerprint as i64,
        })
    }
}

impl Block {
    /// Reads which runs the block at `path` has.
    pub(super) fn open(path: &Path, about: &str) -> Result<Self, String> {
        let file = file_path(path, RUNS);
        let bytes = read_file(&file, &format!("{about} {RUNS}"))?;
        let checksum = checksum(&bytes);
        let runs = parse_runs(bytes).map_err(|error| problem(&file, &error))?;
        Ok(Self {
            path: path.to_owned(),
            runs,
            checksum,
        })
    }

    /// Number of rows of each family's file: one for each machine of each run.
    pub(super) fn rows(&self) -> usize {
        self.runs.iter().map(|run| run.machines as usize).sum()
    }

    /// Reads `measures` of all runs of the block. The first two columns of the result are [`MACHINE_KEYS`]: the number of the run and the
    /// number of the machine. After them comes a column for each measure.
    pub(super) fn read(&self, measures: &[&Measure], about: &str) -> Result<DataFrame, String> {
        let runs = self.runs.iter();
        let run_numbers = runs.flat_map(|run| std::iter::repeat_n(run.run, run.machines as usize));
        let machines = self.runs.iter().flat_map(|run| 0..run.machines);
        let mut columns: Vec<Column> = vec![
            Series::new(MACHINE_KEYS[0].into(), run_numbers.collect::<Vec<i64>>()).into(),
            Series::new(MACHINE_KEYS[1].into(), machines.collect::<Vec<i64>>()).into(),
        ];
        let mut frames: HashMap<&str, DataFrame> = HashMap::new();
        for measure in measures {
            let family = family_of(measure);
            if !frames.contains_key(family) {
                let file = file_path(&self.path, family);
                let bytes = read_file(&file, &self.text_under_checksum(about, family))?;
                let frame = ParquetReader::new(Cursor::new(bytes)).finish();
                frames.insert(family, frame.map_err(|error| problem(&file, &error))?);
            }
            let column = frames[family].column(measure.name);
            let column = column.map_err(|error| problem(&file_path(&self.path, family), &error))?;
            columns.push(column.clone());
        }
        let rows = self.rows();
        DataFrame::new(rows, columns).map_err(|error| problem(&self.path, &error))
    }

    /// Selects from `all_rows` the rows of the runs whose numbers are in `wanted`. `all_rows` has a row for each machine of each run of
    /// the block. Each number in `wanted` must be the number of a run of the block.
    pub(super) fn rows_of(
        &self,
        wanted: &HashSet<i64>,
        all_rows: &DataFrame,
    ) -> PolarsResult<DataFrame> {
        let are_all_wanted = wanted.len() == self.runs.len();
        if are_all_wanted {
            return Ok(all_rows.clone());
        }
        let runs = all_rows.column(MACHINE_KEYS[0])?.i64()?;
        let is_wanted: BooleanChunked = runs
            .no_null_iter()
            .map(|run| wanted.contains(&run))
            .collect();
        all_rows.filter(&is_wanted)
    }

    /// The text that the checksum of a family's file covers, in addition to the file itself. The text contains the name of the family
    /// and the checksum of `runs.parquet`. So a file of another family, or of a block with other runs, is not accepted.
    fn text_under_checksum(&self, about: &str, family: &str) -> String {
        format!("{about} {family} {}", self.checksum)
    }

    /// Writes a block into a folder with a temporary name, and renames the folder to `path` when the block is complete. Nothing is
    /// forced to the disk (no fsync): if a power cut damages a file, its next reader notices a wrong checksum. `None` if `path` exists
    /// already.
    pub(super) fn write(
        path: PathBuf,
        runs: Vec<CachedRun>,
        measured: &DataFrame,
        about: &str,
    ) -> io::Result<Option<Self>> {
        let folder = Partial::create_folder(path.clone())?;
        // Until this function ends, the lock shows other programs that this folder is being written, and was not left by a crash. A failure
        // to lock is no error: it only means that another program could remove the folder too early.
        let lock = fs::File::open(folder.partial());
        let _ = lock.as_ref().map(sim::log::try_lock);
        let column = |name: &str, value: fn(&CachedRun) -> i64| {
            Series::new(name.into(), runs.iter().map(value).collect::<Vec<i64>>()).into()
        };
        let columns = vec![
            column("run", |run| run.run),
            column("machines", |run| run.machines),
            column("fingerprint", |run| run.fingerprint),
        ];
        let frame = DataFrame::new(runs.len(), columns).map_err(io::Error::other)?;
        let file = file_path(folder.partial(), RUNS);
        write_file(&file, frame, &format!("{about} {RUNS}"))?;
        let block = Self {
            path,
            checksum: checksum(&fs::read(&file)?),
            runs,
        };
        for (family, measures) in FAMILIES {
            let names = measures.iter().map(|measure| measure.name);
            let frame = measured.select(names).map_err(io::Error::other)?;
            let file = file_path(folder.partial(), family);
            write_file(&file, frame, &block.text_under_checksum(about, family))?;
        }
        match fs::rename(folder.partial(), &block.path) {
            Ok(()) => Ok(Some(block)),
            Err(error) => match error.kind() {
                // Another program was faster. When `folder` is dropped, the folder with the temporary name is removed.
                io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => Ok(None),
                _ => Err(error),
            },
        }
    }
}

/// The name of the family to which `measure` belongs.
fn family_of(measure: &Measure) -> &'static str {
    let has = |measures: &[Measure]| measures.iter().any(|other| other.name == measure.name);
    let family = FAMILIES.into_iter().find(|(_, measures)| has(measures));
    // Every measure is in a family, so the empty name is never used.
    family.map_or("", |(name, _)| name)
}

fn file_path(block: &Path, name: &str) -> PathBuf {
    block.join(name).with_extension("parquet")
}

/// A message about the file or folder at `path`.
fn problem(path: &Path, cause: &dyn std::fmt::Display) -> String {
    format!("{}: {cause}", path.display())
}

/// Reads the file at `path` and checks its checksum, which also covers `text_under_checksum`.
///
/// # Errors
///
/// A message if the file cannot be read, or was changed.
fn read_file(path: &Path, text_under_checksum: &str) -> Result<Vec<u8>, String> {
    // Reading a pipe or an endless device would never return.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(problem(path, &"it is not a file"));
    }
    let bytes = fs::read(path).map_err(|error| problem(path, &error))?;
    match seal::is_unchanged(&bytes, text_under_checksum) {
        true => Ok(bytes),
        false => Err(problem(
            path,
            &"the checksum is wrong, so the file was damaged",
        )),
    }
}

fn parse_runs(bytes: Vec<u8>) -> PolarsResult<Vec<CachedRun>> {
    let frame = ParquetReader::new(Cursor::new(bytes)).finish()?;
    let column = |name: &str| frame.column(name)?.i64().cloned();
    let (runs, machines, fingerprints) =
        (column("run")?, column("machines")?, column("fingerprint")?);
    let rows = runs
        .no_null_iter()
        .zip(machines.no_null_iter())
        .zip(fingerprints.no_null_iter());
    Ok(rows
        .map(|((run, machines), fingerprint)| CachedRun {
            run,
            machines,
            fingerprint,
        })
        .collect())
}

/// Writes a file with a checksum, which also covers `text_under_checksum`. The file is not compressed, because it is read more often than
/// written.
fn write_file(path: &Path, mut frame: DataFrame, text_under_checksum: &str) -> io::Result<()> {
    // `failure` keeps the system's error if writing fails, because Polars returns another error instead.
    let (file, failure) = RememberingFile::new(fs::File::create_new(path)?);
    ParquetWriter::new(file)
        .with_compression(ParquetCompression::Uncompressed)
        .with_statistics(StatisticsOptions::empty())
        .finish(&mut frame)
        .map_err(|error| failure.cause(error))?;
    seal::seal(path, text_under_checksum)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::measures::columns::MeasureColumns;

    /// It can happen that two programs write a block under the same name at the same time.
    #[test]
    fn the_first_of_two_writers_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measures-v2-0-0");
        let measured = MeasureColumns::default().finish().unwrap();
        let write = || Block::write(path.clone(), vec![], &measured, "about").unwrap();
        assert!(write().is_some());
        assert!(write().is_none());
        assert!(Block::open(&path, "about").is_ok());
        // Here `about` is not the text with which the block was written.
        assert!(Block::open(&path, "another").is_err());
        // Only the block is left. The second writer's folder, which had a temporary name, has been removed.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
