//! The cache of measures: from one reading of a dataset to the next, only new runs are measured.
//!
//! They lie in the folder `.cache` of the dataset, one Parquet file for each length of the warm-up, with a [checksum](crate::seal). A
//! run's measures count if the program that wrote them has the same [version](MEASURES_VERSION), and the run's row in the journal, its events'
//! checksum among it, is the same. Whoever deletes the folder loses nothing but time.
//!
//! The cache is a convenience: a file that is damaged, or cannot be read or written, costs time and a remark, never the answer.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use polars::prelude::*;
use polars_io::parquet::read::ParquetReader;
use polars_io::parquet::write::ParquetWriter;
use sim::files::{self, Partial};
use sim::log::{JournalRow, checksum};

use crate::error::Error;
use crate::export::dictionary::machine_file_columns;
use crate::measures::version::MEASURES_VERSION;
use crate::read::dataset::Dataset;
use crate::remembering::RememberingFile;
use crate::seal;

/// What tells a run's row in the journal from any other.
const FINGERPRINT: &str = "fingerprint";
/// How the names of its files begin, and how they end.
const BEGINNING: &str = "measures-";
const ENDING: &str = ".parquet";

/// Where a dataset's measures are cached.
fn folder(root: &Path) -> PathBuf {
    root.join(".cache")
}

impl Dataset {
    /// Caches its measures in its folder: from the next time on, only new runs are measured.
    ///
    /// # Errors
    ///
    /// [`Error::NotCached`] if the folder cannot be written to; then every run is measured every time.
    pub fn cache_measures(&mut self) -> Result<(), Error> {
        let folder = folder(self.root());
        fs::create_dir_all(&folder).map_err(|cause| Error::NotCached {
            path: folder.clone(),
            cause,
        })?;
        self.set_caches_measures();
        Ok(())
    }
}

/// The measures that are cached for one dataset and one warm-up.
pub(crate) struct MeasureCache {
    path: PathBuf,
    /// Everything that the measures depend on, except the runs. A file with another value is ignored.
    about: String,
    /// A row a run and machine, with the run's fingerprint; none if nothing is cached.
    machines: Option<DataFrame>,
    /// The runs in it.
    runs: Runs,
}

/// By their numbers.
type Runs = HashMap<i64, CachedRun>;

/// A run whose measures are cached.
struct CachedRun {
    fingerprint: String,
    /// How many machines' measures there are.
    machines: u32,
}

impl MeasureCache {
    /// What is cached for `dataset` and its warm-up. A file in which anything is wrong counts as none: it is told to `remark`, and
    /// replaced.
    pub(crate) fn open(dataset: &Dataset, remark: impl FnOnce(String)) -> Self {
        let about = about(dataset);
        // The text can be too long for a file name, so the name has its checksum.
        let name = format!("{}{}{ENDING}", beginning(), checksum(about.as_bytes()));
        let path = folder(dataset.root()).join(name);
        let (machines, runs) = match read(&path, &about) {
            Ok(Some((machines, runs))) => (Some(machines), runs),
            Ok(None) => (None, Runs::new()),
            Err(problem) => {
                let path = path.display();
                remark(format!("measures are computed again: {path}: {problem}"));
                (None, Runs::new())
            }
        };
        Self {
            path,
            about,
            machines,
            runs,
        }
    }

    /// Whether the run's measures are cached, of all its machines.
    pub(crate) fn has(&self, row: &JournalRow) -> bool {
        let kept = self.runs.get(&(row.run as i64));
        kept.is_some_and(|kept| {
            kept.machines == row.machines() && kept.fingerprint == fingerprint(row)
        })
    }

    /// The measures of those of `rows` that are cached; none if none is.
    pub(crate) fn of(&self, rows: &[JournalRow]) -> PolarsResult<Option<DataFrame>> {
        let Some(machines) = &self.machines else {
            return Ok(None);
        };
        let wanted = wanted(rows.iter().filter(|row| self.has(row)))?;
        let on = || [col("run"), col(FINGERPRINT)];
        let kept = machines
            .clone()
            .lazy()
            .join(wanted.lazy(), on(), on(), JoinArgs::new(JoinType::Inner))
            .collect()?
            .drop(FINGERPRINT)?;
        Ok(Some(kept))
    }

    /// Caches the measures of `rows`, all of them, and what was cached of other runs.
    ///
    /// # Errors
    ///
    /// [`Error::NotCached`] if the file cannot be written: then what was there stays.
    pub(crate) fn keep(&self, rows: &[JournalRow], machines: &DataFrame) -> Result<(), Error> {
        let on = || [col("run")];
        let fingerprints = wanted(rows.iter())?.lazy();
        let mut all = machines
            .clone()
            .lazy()
            .join(fingerprints, on(), on(), JoinArgs::new(JoinType::Left))
            .collect()?;
        if let Some(kept) = &self.machines {
            let renewed: Vec<i64> = rows.iter().map(|row| row.run as i64).collect();
            let others = not_of(kept, &renewed)?;
            all.vstack_mut(&others)?;
        }
        self.write(&mut all).map_err(|cause| Error::NotCached {
            path: self.path.clone(),
            cause,
        })
    }

    /// The file is there whole or not at all, on the disk when this returns; those of other versions go.
    fn write(&self, machines: &mut DataFrame) -> io::Result<()> {
        let folder = files::folder_of(&self.path);
        files::remove_leftovers(folder, is_ours)?;
        remove_others(folder)?;
        let (partial, file) = Partial::create_file(self.path.clone())?;
        let (file, failure) = RememberingFile::new(file);
        ParquetWriter::new(file)
            .finish(machines)
            .map_err(|error| failure.cause(error))?;
        seal::seal(partial.partial(), &self.about)?;
        partial.publish()
    }
}

/// What the measures of `dataset` depend on beside its runs, and what is written with them.
fn about(dataset: &Dataset) -> String {
    let (name, missing_fields, warm_up_s) = (
        dataset.name(),
        dataset.missing_fields(),
        dataset.warm_up_s(),
    );
    format!("{MEASURES_VERSION} {name:?} {missing_fields:?} {warm_up_s:?}")
}

/// What is cached in the file at `path`; none if it is not there, and what is wrong with it if anything is.
fn read(path: &Path, about: &str) -> Result<Option<(DataFrame, Runs)>, String> {
    // Reading a pipe, or a device without end, would not come back.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err("it is not a file".to_owned());
    }
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(|error| error.to_string())?,
    };
    if !seal::is_whole(&bytes, about) {
        return Err("the file is not what was written (checksum)".to_owned());
    }
    let machines = ParquetReader::new(Cursor::new(bytes)).finish();
    let machines = machines.map_err(|error| error.to_string())?;
    if !has_all_columns(&machines) {
        return Err("the file has other columns".to_owned());
    }
    let runs = runs(&machines).map_err(|error| error.to_string())?;
    Ok(Some((machines, runs)))
}

fn has_all_columns(machines: &DataFrame) -> bool {
    let measured = machine_file_columns()
        .into_iter()
        .map(|column| (column.name, column.kind.data_type()));
    let expected = measured.chain([(FINGERPRINT, DataType::String)]);
    let present = machines.columns().iter();
    present
        .map(|column| (column.name().as_str(), column.dtype().clone()))
        .eq(expected)
}

/// How the names of this version's files begin.
fn beginning() -> String {
    format!("{BEGINNING}v{MEASURES_VERSION}-")
}

/// Whether a file in the folder is one in which measures are cached, of this version or another.
fn is_ours(name: &str) -> bool {
    let Some((version, _)) = name
        .strip_prefix(BEGINNING)
        .and_then(|name| name.split_once('-'))
    else {
        return false;
    };
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    // Before there were versions, a hash stood there.
    let is_hash = version.len() == 16 && version.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hash || version.strip_prefix('v').is_some_and(is_number)
}

/// Removes what other versions have cached: they may have measured something else.
fn remove_others(folder: &Path) -> io::Result<()> {
    let beginning = beginning();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_ours(&name) && !name.starts_with(&beginning) {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// What tells a run from any other, and from itself if it is run again: the checksum of its row in the journal.
pub(crate) fn fingerprint(row: &JournalRow) -> String {
    row.row_checksum.clone()
}

/// The fingerprints of `rows` by run.
fn wanted<'r>(rows: impl Iterator<Item = &'r JournalRow>) -> PolarsResult<DataFrame> {
    let (runs, fingerprints): (Vec<i64>, Vec<String>) =
        rows.map(|row| (row.run as i64, fingerprint(row))).unzip();
    DataFrame::new(
        runs.len(),
        vec![
            Series::new("run".into(), runs).into(),
            Series::new(FINGERPRINT.into(), fingerprints).into(),
        ],
    )
}

/// The runs in a frame of cached measures.
fn runs(machines: &DataFrame) -> PolarsResult<Runs> {
    let numbers = machines.column("run")?.i64()?;
    let fingerprints = machines.column(FINGERPRINT)?.str()?;
    let mut runs = Runs::new();
    for (run, fingerprint) in std::iter::zip(numbers.iter(), fingerprints.iter()) {
        let (Some(run), Some(fingerprint)) = (run, fingerprint) else {
            continue;
        };
        let kept = runs.entry(run).or_insert_with(|| CachedRun {
            fingerprint: fingerprint.to_owned(),
            machines: 0,
        });
        kept.machines += 1;
    }
    Ok(runs)
}

/// The rows of runs that are not among `runs`.
fn not_of(machines: &DataFrame, runs: &[i64]) -> PolarsResult<DataFrame> {
    let runs: HashSet<i64> = runs.iter().copied().collect();
    let others: BooleanChunked = machines
        .column("run")?
        .i64()?
        .iter()
        .map(|run| run.is_some_and(|run| !runs.contains(&run)))
        .collect();
    machines.filter(&others)
}
