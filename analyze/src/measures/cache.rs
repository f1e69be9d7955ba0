//! The cache of measures. Because of it, a command measures only the runs that are new since the command before.
//!
//! The cache is the folder `.cache` of the dataset. It has one Parquet file, with a [checksum](crate::seal), for each length of the
//! warm-up. The measures of a run are valid if they were computed with the same [version](MEASURES_VERSION), and if the run's row
//! in the journal, which has a checksum of the run's events, is the same. The folder can be deleted at any time; then everything is
//! measured again.
//!
//! A file of the cache that is damaged, or that cannot be read or written, costs time and causes a message, but never an error.

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
use crate::measures;
use crate::measures::batches::MACHINE_KEYS;
use crate::measures::version::MEASURES_VERSION;
use crate::read::dataset::Dataset;
use crate::remembering::RememberingFile;
use crate::seal;

/// The column with a run's [fingerprint].
const FINGERPRINT: &str = "fingerprint";
/// The start of the names of the cache's files.
const FILE_NAME_START: &str = "measures-";
const FILE_NAME_END: &str = ".parquet";

/// The folder of a dataset's cache.
fn cache_folder(root: &Path) -> PathBuf {
    root.join(".cache")
}

impl Dataset {
    /// Switches the cache on: from the next command on, only new runs are measured.
    ///
    /// # Errors
    ///
    /// [`Error::NotCached`] if the folder cannot be created.
    pub fn cache_measures(&mut self) -> Result<(), Error> {
        let folder = cache_folder(self.root());
        fs::create_dir_all(&folder).map_err(|cause| Error::NotCached {
            path: folder.clone(),
            cause,
        })?;
        self.set_caches_measures();
        Ok(())
    }
}

/// The cached measures of one dataset and one warm-up.
pub(crate) struct MeasureCache {
    path: PathBuf,
    /// Everything that the measures depend on, except the runs. A file with another value is ignored.
    about: String,
    /// One row per run and machine, with the run's fingerprint. `None` if nothing is cached.
    machines: Option<DataFrame>,
    /// The runs whose measures are cached.
    runs: Runs,
}

/// Cached runs by their numbers.
type Runs = HashMap<i64, CachedRun>;

/// A run whose measures are cached.
struct CachedRun {
    fingerprint: String,
    /// Number of machines whose measures are cached.
    machines: u32,
}

impl MeasureCache {
    /// Reads the cache of `dataset` for its warm-up. A file with a mistake is ignored and later replaced; the mistake is passed to
    /// `remark`.
    pub(crate) fn open(dataset: &Dataset, remark: impl FnOnce(String)) -> Self {
        let about = describe_dependencies(dataset);
        // The text can be too long for a file name, so its checksum is used as the name.
        let name = format!(
            "{}{}{FILE_NAME_END}",
            file_name_start(),
            checksum(about.as_bytes())
        );
        let path = cache_folder(dataset.root()).join(name);
        let (machines, runs) = match read_cache(&path, &about) {
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

    /// Tells whether the measures of all machines of the run are cached.
    pub(crate) fn has(&self, row: &JournalRow) -> bool {
        let cached = self.runs.get(&(row.run as i64));
        cached.is_some_and(|cached| {
            cached.machines == row.machines() && cached.fingerprint == fingerprint(row)
        })
    }

    /// The measures of those runs of `rows` that are cached. `None` if nothing is cached.
    pub(crate) fn get(&self, rows: &[JournalRow]) -> PolarsResult<Option<DataFrame>> {
        let Some(machines) = &self.machines else {
            return Ok(None);
        };
        let wanted = fingerprints_by_run(rows.iter().filter(|row| self.has(row)))?;
        let on = || [col("run"), col(FINGERPRINT)];
        let cached = machines
            .clone()
            .lazy()
            .join(wanted.lazy(), on(), on(), JoinArgs::new(JoinType::Inner))
            .collect()?
            .drop(FINGERPRINT)?;
        Ok(Some(cached))
    }

    /// Adds the measures of the runs `rows` to the cache.
    ///
    /// # Errors
    ///
    /// [`Error::NotCached`] if the file cannot be written. Then the earlier file stays.
    pub(crate) fn add(&self, rows: &[JournalRow], machines: &DataFrame) -> Result<(), Error> {
        let on = || [col("run")];
        let fingerprints = fingerprints_by_run(rows.iter())?.lazy();
        let mut all = machines
            .clone()
            .lazy()
            .join(fingerprints, on(), on(), JoinArgs::new(JoinType::Left))
            .collect()?;
        if let Some(cached) = &self.machines {
            let renewed: Vec<i64> = rows.iter().map(|row| row.run as i64).collect();
            let others = without_runs(cached, &renewed)?;
            all.vstack_mut(&others)?;
        }
        self.write(&mut all).map_err(|cause| Error::NotCached {
            path: self.path.clone(),
            cause,
        })
    }

    /// Writes the file under a temporary name and renames it when it is on the disk. Removes the files of other versions.
    fn write(&self, machines: &mut DataFrame) -> io::Result<()> {
        let folder = files::folder_of(&self.path);
        files::remove_leftovers(folder, is_cache_file)?;
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

/// A text of everything that the measures of `dataset` depend on, except its runs.
fn describe_dependencies(dataset: &Dataset) -> String {
    let (name, missing_fields, warm_up_s) = (
        dataset.name(),
        dataset.missing_fields(),
        dataset.warm_up_s(),
    );
    format!("{MEASURES_VERSION} {name:?} {missing_fields:?} {warm_up_s:?}")
}

/// Reads the file at `path`. `None` if there is no file; an error with the problem if the file cannot be used.
fn read_cache(path: &Path, about: &str) -> Result<Option<(DataFrame, Runs)>, String> {
    // Reading a pipe or an endless device would never return.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err("it is not a file".to_owned());
    }
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(|error| error.to_string())?,
    };
    if !seal::is_unchanged(&bytes, about) {
        return Err("the checksum is wrong, so the file was damaged".to_owned());
    }
    let machines = ParquetReader::new(Cursor::new(bytes)).finish();
    let machines = machines.map_err(|error| error.to_string())?;
    if !has_all_columns(&machines) {
        return Err("the file has wrong columns".to_owned());
    }
    let runs = cached_runs(&machines).map_err(|error| error.to_string())?;
    Ok(Some((machines, runs)))
}

fn has_all_columns(machines: &DataFrame) -> bool {
    let keys = MACHINE_KEYS.map(|key| (key, DataType::Int64));
    let measured = measures::all().map(|measure| (measure.name, measure.kind().data_type()));
    let expected = keys
        .into_iter()
        .chain(measured)
        .chain([(FINGERPRINT, DataType::String)]);
    let present = machines.columns().iter();
    present
        .map(|column| (column.name().as_str(), column.dtype().clone()))
        .eq(expected)
}

/// The start of the names of this version's files.
fn file_name_start() -> String {
    format!("{FILE_NAME_START}v{MEASURES_VERSION}-")
}

/// Tells whether a file with this name belongs to the cache, of this or another version.
fn is_cache_file(name: &str) -> bool {
    let Some((version, _)) = name
        .strip_prefix(FILE_NAME_START)
        .and_then(|name| name.split_once('-'))
    else {
        return false;
    };
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    // The oldest files have a hash in place of the version.
    let is_hash = version.len() == 16 && version.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hash || version.strip_prefix('v').is_some_and(is_number)
}

/// Removes the cache files of other versions, whose measures may have other definitions.
fn remove_others(folder: &Path) -> io::Result<()> {
    let start = file_name_start();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_cache_file(&name) && !name.starts_with(&start) {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// The run's fingerprint: the checksum of its row in the journal. It changes if the run is repeated.
pub(crate) fn fingerprint(row: &JournalRow) -> String {
    row.row_checksum.clone()
}

/// A data frame with the number and the fingerprint of each run.
fn fingerprints_by_run<'r>(rows: impl Iterator<Item = &'r JournalRow>) -> PolarsResult<DataFrame> {
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
fn cached_runs(machines: &DataFrame) -> PolarsResult<Runs> {
    let numbers = machines.column("run")?.i64()?;
    let fingerprints = machines.column(FINGERPRINT)?.str()?;
    let mut runs = Runs::new();
    for (run, fingerprint) in std::iter::zip(numbers.iter(), fingerprints.iter()) {
        let (Some(run), Some(fingerprint)) = (run, fingerprint) else {
            continue;
        };
        let cached = runs.entry(run).or_insert_with(|| CachedRun {
            fingerprint: fingerprint.to_owned(),
            machines: 0,
        });
        cached.machines += 1;
    }
    Ok(runs)
}

/// The rows of `machines` whose runs are not among `runs`.
fn without_runs(machines: &DataFrame, runs: &[i64]) -> PolarsResult<DataFrame> {
    let runs: HashSet<i64> = runs.iter().copied().collect();
    let others: BooleanChunked = machines
        .column("run")?
        .i64()?
        .iter()
        .map(|run| run.is_some_and(|run| !runs.contains(&run)))
        .collect();
    machines.filter(&others)
}
