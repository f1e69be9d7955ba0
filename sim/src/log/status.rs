//! How far a dataset has come, from its journal alone.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::dataset::Dataset;
use super::error::DatasetError;
use super::lock::{Activity, LockOwner};
use super::parts::Parts;
use super::tally::Tally;

/// Where the runs of a plan stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The experiment's name.
    pub name: String,
    /// When the first sweep started, RFC 3339.
    pub started_at: String,
    /// `tcp` or `virtual`.
    pub engine: String,
    /// Runs planned, in all shards.
    pub planned: u64,
    /// Runs planned and finished: they count.
    pub done: u64,
    /// Runs finished that an earlier, larger plan had: they count too.
    pub no_longer_planned: u64,
    /// Runs planned that failed in every attempt so far.
    pub failed: u64,
    /// Runs planned and not attempted yet.
    pub to_do: u64,
    /// Of the finished ones, punctual.
    pub punctual: u64,
    /// Of the finished ones, in order: event for event those of their seed.
    pub as_scheduled: u64,
    /// Median over the finished runs of their 99th percentile of lateness, in wall microseconds.
    pub lateness_p99_us: f64,
    /// The greatest lateness of any tick of a finished run, in wall microseconds.
    pub lateness_max_us: f64,
    /// Connections turned away in all attempts.
    pub rejected_connections: u64,
    /// Ticks of the finished runs.
    pub events: u64,
    /// Bytes on disk, processed data too.
    pub bytes: u64,
    /// Shards that have not begun, such as `2/4`.
    pub missing_shards: Vec<String>,
    /// The sweeps that are writing, or may be.
    pub sweeps: Vec<Sweep>,
    /// When the last of them will have ended, Unix seconds; unknown while none is running or nothing has ended yet.
    pub finishes_at_s: Option<i64>,
    /// When the last run ended, Unix seconds.
    pub last_run_at_s: Option<i64>,
    /// Why runs failed, the most frequent reason first.
    pub reasons: Vec<Reason>,
}

/// A sweep that is writing, or may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sweep {
    /// Its folder.
    pub folder: String,
    /// Its process.
    pub process: u32,
    /// That process's host.
    pub host: String,
    /// Whether it is certain that it is writing. It is not where the file system has no locks: it may have been killed.
    pub is_certain: bool,
    /// When it started, Unix seconds.
    pub since_s: i64,
    /// Runs ended an hour since then; unknown while none has.
    pub runs_per_hour: Option<f64>,
    /// When it will have ended, Unix seconds: as planned, and once that has passed, as runs have been ending.
    pub finishes_at_s: Option<i64>,
}

/// Why runs failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// In words.
    pub reason: String,
    /// How many runs.
    pub runs: u64,
}

impl Status {
    /// The status of the dataset in folder `root`. Takes a few bytes of memory for each run.
    ///
    /// # Errors
    ///
    /// As [`Dataset::open`].
    pub fn read(root: &Path) -> Result<Self, DatasetError> {
        let parts = Parts::open(root)?;
        let repetitions = parts.manifest().experiment.repetitions;
        let mut tally = Tally::default();
        parts.for_each_row(|row| tally.take(&row, repetitions))?;
        Ok(Self::new(&parts, tally))
    }

    /// The status of a dataset whose journals have been read.
    pub fn from_dataset(dataset: &Dataset) -> Self {
        let repetitions = dataset.manifest().experiment.repetitions;
        let mut tally = Tally::default();
        for row in dataset.attempted() {
            tally.take(row, repetitions);
        }
        Self::new(&dataset.parts, tally)
    }

    fn new(parts: &Parts, mut tally: Tally) -> Self {
        let manifest = parts.manifest();
        let folders = parts.iter().map(|part| &*part.paths.root);
        let rows = (0..).map(|part| tally.rows_of(part));
        let journals: Vec<(&Path, u64)> = folders.zip(rows).collect();
        let sweeps: Vec<Sweep> = journals
            .iter()
            .filter_map(|&(folder, rows)| Sweep::in_folder(folder, rows))
            .collect();
        Self {
            name: manifest.name.clone(),
            started_at: manifest
                .sweeps
                .first()
                .map_or(String::new(), |first| first.started_at.clone()),
            engine: manifest.experiment.engine.clone(),
            planned: parts.planned(),
            done: tally.done,
            no_longer_planned: tally.no_longer_planned,
            failed: tally.failed(),
            to_do: parts.planned().saturating_sub(tally.planned),
            punctual: tally.punctual,
            as_scheduled: tally.as_scheduled,
            lateness_p99_us: tally.median_lateness_p99_us(),
            lateness_max_us: tally.lateness_max_us,
            rejected_connections: tally.rejected_connections,
            events: tally.events,
            bytes: bytes_in(&parts.root),
            missing_shards: parts
                .missing
                .iter()
                .map(|shard| shard.to_string())
                .collect(),
            finishes_at_s: sweeps.iter().filter_map(|sweep| sweep.finishes_at_s).max(),
            sweeps,
            last_run_at_s: journals
                .iter()
                .filter(|&(_, rows)| *rows > 0)
                .filter_map(|(folder, _)| Some(journal_written_at_s(folder)? as i64))
                .max(),
            reasons: most_frequent(tally.reasons()),
        }
    }
}

impl Sweep {
    /// The sweep that is writing to the dataset in `folder`, whose journal has `rows` rows by now.
    fn in_folder(folder: &Path, rows: u64) -> Option<Self> {
        let (holder, activity) = LockOwner::last(folder)?;
        if activity == Activity::RunOutcome {
            return None;
        }
        let now_s = unix_s(SystemTime::now())?;
        let ended = rows.saturating_sub(holder.rows_before);
        let elapsed_s = journal_written_at_s(folder).unwrap_or(now_s) - holder.since_s as f64;
        let runs_per_s = (ended > 0 && elapsed_s > 0.0).then(|| ended as f64 / elapsed_s);
        let to_do = holder.to_do.saturating_sub(ended);
        let finishes_at_s = if holder.planned_end_s as f64 > now_s {
            Some(holder.planned_end_s)
        } else {
            runs_per_s.map(|rate| (now_s + to_do as f64 / rate) as i64)
        };
        Some(Self {
            folder: folder.display().to_string(),
            process: holder.process,
            host: holder.host,
            is_certain: activity == Activity::Writing,
            since_s: holder.since_s,
            runs_per_hour: runs_per_s.map(|rate| rate * 3600.0),
            finishes_at_s,
        })
    }
}

/// When a run's row was last added, Unix seconds.
fn journal_written_at_s(folder: &Path) -> Option<f64> {
    let metadata = fs::metadata(folder.join("runs.csv")).ok()?;
    unix_s(metadata.modified().ok()?)
}

fn unix_s(time: SystemTime) -> Option<f64> {
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}

/// Bytes of all files in a folder and those below it, as far as they can be seen.
fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn most_frequent<'a>(reasons: impl Iterator<Item = (&'a str, u64)>) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = reasons
        .map(|(reason, runs)| Reason {
            reason: reason.to_owned(),
            runs,
        })
        .collect();
    reasons.sort_by(|a, b| b.runs.cmp(&a.runs).then_with(|| a.reason.cmp(&b.reason)));
    reasons
}
