//! How far a dataset has come, from its journal alone.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::lock::Holder;
use super::{Dataset, JournalRow};

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
    pub in_order: u64,
    /// Median over the finished runs of their 99th percentile of lateness, in wall microseconds.
    pub lateness_p99_us: f64,
    /// The greatest lateness of any tick of a finished run, in wall microseconds.
    pub lateness_max_us: f64,
    /// Connections turned away in all attempts.
    pub strangers: u64,
    /// Ticks of the finished runs.
    pub events: u64,
    /// Bytes on disk, processed data too.
    pub bytes: u64,
    /// Shards that have not begun, such as `2/4`.
    pub missing_shards: Vec<String>,
    /// The sweeps that are writing.
    pub sweeps: Vec<Sweep>,
    /// When the last of them will have ended, Unix seconds; unknown while none is running or nothing has ended yet.
    pub finishes_at_s: Option<i64>,
    /// When the last run ended, Unix seconds.
    pub last_run_at_s: Option<i64>,
    /// Why runs failed, the most frequent reason first.
    pub reasons: Vec<Reason>,
}

/// A sweep that is writing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sweep {
    /// Its folder.
    pub folder: String,
    /// Its process.
    pub process: u32,
    /// That process's host.
    pub host: String,
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
    /// The status of `dataset`.
    pub fn of(dataset: &Dataset) -> Self {
        // Of a run attempted more than once, the attempt that finished, or else the last.
        let mut runs: BTreeMap<u64, &JournalRow> = BTreeMap::new();
        for row in dataset.attempted() {
            let kept = runs.entry(row.run).or_insert(row);
            if !kept.is_ok() {
                *kept = row;
            }
        }
        let (ok, failed): (Vec<&JournalRow>, Vec<&JournalRow>) =
            runs.values().partition(|row| row.is_ok());
        let repetitions = dataset.manifest().experiment.repetitions;
        let is_planned = |row: &&&JournalRow| row.repetition < repetitions;
        let failed: Vec<&JournalRow> = failed.iter().filter(is_planned).copied().collect();
        let done = ok.iter().filter(is_planned).count() as u64;
        let mut lateness_p99_us: Vec<f64> = ok.iter().map(|row| row.lateness_p99_us).collect();
        lateness_p99_us.sort_by(f64::total_cmp);
        let manifest = dataset.manifest();
        let sweeps: Vec<Sweep> = dataset
            .parts()
            .filter_map(|(folder, rows)| Sweep::in_folder(folder, rows))
            .collect();
        Self {
            name: manifest.name.clone(),
            started_at: manifest
                .sweeps
                .first()
                .map_or(String::new(), |first| first.started_at.clone()),
            engine: manifest.experiment.engine.clone(),
            planned: dataset.planned(),
            done,
            no_longer_planned: ok.len() as u64 - done,
            failed: failed.len() as u64,
            to_do: dataset.to_do(),
            punctual: ok.iter().filter(|row| row.punctual).count() as u64,
            in_order: ok.iter().filter(|row| row.in_order).count() as u64,
            lateness_p99_us: lateness_p99_us
                .get(lateness_p99_us.len() / 2)
                .copied()
                .unwrap_or(0.0),
            lateness_max_us: ok.iter().map(|row| row.lateness_max_us).fold(0.0, f64::max),
            strangers: dataset
                .attempted()
                .iter()
                .map(|row| u64::from(row.strangers))
                .sum(),
            events: ok.iter().map(|row| row.events).sum(),
            bytes: bytes_in(dataset.root()),
            missing_shards: dataset
                .missing_shards()
                .iter()
                .map(|shard| shard.to_string())
                .collect(),
            finishes_at_s: sweeps.iter().filter_map(|sweep| sweep.finishes_at_s).max(),
            sweeps,
            last_run_at_s: dataset
                .parts()
                .filter(|&(_, rows)| rows > 0)
                .filter_map(|(folder, _)| Some(journal_written_at_s(folder)? as i64))
                .max(),
            reasons: most_frequent(failed.iter().map(|row| row.reason.as_str())),
        }
    }
}

impl Sweep {
    /// The sweep that is writing to the dataset in `folder`, whose journal has `rows` rows by now.
    fn in_folder(folder: &Path, rows: u64) -> Option<Self> {
        let (holder, true) = Holder::last(folder)? else {
            return None;
        };
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

fn most_frequent<'a>(reasons: impl Iterator<Item = &'a str>) -> Vec<Reason> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    reasons.for_each(|reason| *counts.entry(reason).or_default() += 1);
    let mut counts: Vec<Reason> = counts
        .into_iter()
        .map(|(reason, runs)| Reason {
            reason: reason.to_owned(),
            runs,
        })
        .collect();
    counts.sort_by(|a, b| b.runs.cmp(&a.runs).then_with(|| a.reason.cmp(&b.reason)));
    counts
}
