//! Measures kept from one reading of a dataset to the next: only runs that are new are read again.
//!
//! They lie in the folder `.kept` of the dataset, one Parquet file for each length of the warm-up. A run's measures count if the
//! program that kept them has the same definitions, and the run's row in the journal, its events' checksum among it, is the same.
//! Whoever deletes the folder loses nothing but time.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use polars::prelude::*;
use polars_io::parquet::read::ParquetReader;
use polars_io::parquet::write::ParquetWriter;
use sim::log::JournalRow;

use crate::error::Error;

/// What tells a run's row in the journal from any other.
const FINGERPRINT: &str = "fingerprint";
/// Which build's definitions the measures follow.
pub(crate) const DEFINITIONS: &str = env!("DEFINITIONS");

/// Where a dataset's measures are kept.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join(".kept")
}

/// The measures that are kept for one dataset and one warm-up.
pub(crate) struct Kept {
    path: PathBuf,
    /// A row a run and machine, with the run's fingerprint; none if nothing is kept.
    machines: Option<DataFrame>,
    /// The fingerprint of each run in it.
    fingerprints: HashMap<i64, String>,
}

impl Kept {
    /// What is kept for the dataset in `root`. A file that cannot be read, or is another program's, counts as none: it is replaced.
    pub(crate) fn open(root: &Path, warm_up_s: f64) -> PolarsResult<Self> {
        let file = format!("measures-{DEFINITIONS}-{warm_up_s}.parquet");
        let path = folder(root).join(file);
        let machines = File::open(&path)
            .ok()
            .and_then(|file| ParquetReader::new(file).finish().ok());
        let fingerprints = match &machines {
            Some(machines) => fingerprints(machines)?,
            None => HashMap::new(),
        };
        Ok(Self {
            path,
            machines,
            fingerprints,
        })
    }

    /// Whether the run's measures are kept.
    pub(crate) fn has(&self, row: &JournalRow) -> bool {
        let kept = self.fingerprints.get(&(row.run as i64));
        kept.is_some_and(|kept| *kept == fingerprint(row))
    }

    /// The measures of those of `rows` that are kept; none if none is.
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

    /// Keeps the measures of `rows`, all of them, and what was kept of other runs.
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
        self.write(&mut all)
    }

    /// The file is there whole or not at all; those of other builds go.
    fn write(&self, machines: &mut DataFrame) -> Result<(), Error> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause: io::Error| Error::NotKept { path, cause }
        };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        for entry in fs::read_dir(folder).map_err(failed(folder))?.flatten() {
            if !entry.file_name().to_string_lossy().contains(DEFINITIONS) {
                fs::remove_file(entry.path()).map_err(failed(&entry.path()))?;
            }
        }
        let partial = self.path.with_extension(std::process::id().to_string());
        let file = File::create(&partial).map_err(failed(&partial))?;
        ParquetWriter::new(file)
            .finish(machines)
            .map_err(|cause| Error::Parquet {
                path: partial.clone(),
                cause,
            })?;
        fs::rename(&partial, &self.path).map_err(failed(&self.path))
    }
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

fn fingerprints(machines: &DataFrame) -> PolarsResult<HashMap<i64, String>> {
    let runs = machines.column("run")?.i64()?;
    let fingerprints = machines.column(FINGERPRINT)?.str()?;
    let pairs = std::iter::zip(runs.iter(), fingerprints.iter());
    Ok(pairs
        .filter_map(|(run, fingerprint)| Some((run?, fingerprint?.to_owned())))
        .collect())
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
