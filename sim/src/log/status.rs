//! The status of a dataset: how many of its runs are done, failed or still to do, and which sweeps (processes `sim run`) are running.
//! The status is calculated from the journals (`runs.csv`, one row for each attempt to make a run), the manifests (`dataset.json`) and the
//! lock files. Events are not read.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::dataset::Dataset;
use super::error::DatasetError;
use super::lock::{Activity, LockOwner};
use super::parts::{Part, Parts};
use super::tally::Tally;
use crate::console::{command_line, remove_option};
use crate::experiment::Shard;

/// The status of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The experiment's name.
    pub name: String,
    /// When the first sweep started, RFC 3339.
    pub started_at: String,
    /// `tcp` or `virtual`.
    pub engine: String,
    /// Number of planned runs, in all shards.
    pub planned: u64,
    /// Number of planned runs that have finished. Tables and measures use these runs.
    pub done: u64,
    /// Number of finished runs that are not planned any more, because the experiment file was changed and has fewer runs now. Tables and
    /// measures use these runs too.
    pub no_longer_planned: u64,
    /// Number of planned runs that failed in every attempt so far.
    pub failed: u64,
    /// Number of planned runs that were not attempted yet.
    pub to_do: u64,
    /// Number of finished runs that were punctual.
    pub punctual: u64,
    /// Number of finished runs whose margin is not 0. The margin is 0 if two ticks are due at the same time and their order matters for the
    /// run's events. A run with margin 0 tolerates no delay, so it is never punctual over TCP.
    pub with_margin: u64,
    /// Model seconds per wall second (a second of real time).
    pub time_scale: f64,
    /// The commands that resume the dataset: one for each part (shard) that has runs to do. Empty if there are
    /// no runs left to do. Also empty while a sweep is running.
    pub resume: Vec<String>,
    /// Number of finished runs that were as scheduled: all messages arrived as in the schedule. Such a run has the same events as its
    /// twin, the virtual run with the same seed.
    pub as_scheduled: u64,
    /// Each finished run has a 99th percentile of its events' lateness. The field is the median of these percentiles over the runs, in wall
    /// microseconds.
    pub lateness_p99_us: f64,
    /// The greatest lateness of any tick of a finished run, in wall microseconds.
    pub lateness_max_us: f64,
    /// Number of connections, in all attempts to make runs, that were rejected because they did not come from a machine of the run.
    pub rejected_connections: u64,
    /// Number of events of the finished runs.
    pub events: u64,
    /// Bytes on the disk of all files in the dataset's folder, including the files that `analyze` wrote there.
    pub bytes: u64,
    /// Shards that have not started, such as `2/4`.
    pub missing_shards: Vec<String>,
    /// The sweeps that certainly or possibly write to the dataset (see [`Sweep::is_certain`]).
    pub sweeps: Vec<Sweep>,
    /// The latest [`Sweep::finishes_at_s`] of the sweeps in `sweeps`, in Unix seconds. `None` if no sweep has such a time.
    pub finishes_at_s: Option<i64>,
    /// When the last run ended, in Unix seconds.
    pub last_run_at_s: Option<i64>,
    /// Reasons why runs failed, the most frequent one first.
    pub reasons: Vec<Reason>,
}

/// A sweep that certainly or possibly writes to a dataset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sweep {
    /// The folder to which the sweep writes.
    pub folder: String,
    /// The id of the sweep's process.
    pub process: u32,
    /// The name of the computer on which the process runs.
    pub host: String,
    /// Whether it is certain that the sweep still writes. It is not certain if the file system has no locks: without a lock, a sweep that
    /// was killed looks like one that still writes.
    pub is_certain: bool,
    /// When the sweep started, in Unix seconds.
    pub since_s: i64,
    /// Number of runs that ended per hour since the start of the sweep. `None` if no run has ended.
    pub runs_per_hour: Option<f64>,
    /// When the sweep will end, in Unix seconds: the planned end, as long as it has not passed. After that, the time is calculated from
    /// `runs_per_hour`. `None` if the planned end has passed and no run has ended.
    pub finishes_at_s: Option<i64>,
}

/// A reason why runs failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// The reason in words.
    pub reason: String,
    /// Number of planned runs whose last attempt failed for this reason.
    pub runs: u64,
}

impl Status {
    /// Reads the status of the dataset in folder `root`. Reading needs only a few bytes of memory for each run.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Dataset::open`].
    pub fn read(root: &Path) -> Result<Self, DatasetError> {
        let parts = Parts::open(root)?;
        let experiment = &parts.manifest().experiment;
        let mut tally = Tally::default();
        parts.for_each_row(|row| {
            tally.take(&row, experiment.is_planned(&row));
        })?;
        Ok(Self::new(&parts, tally))
    }

    /// Returns the status of a dataset whose journals have been read.
    pub fn from_dataset(dataset: &Dataset) -> Self {
        let experiment = &dataset.manifest().experiment;
        let mut tally = Tally::default();
        for row in dataset.attempted() {
            tally.take(row, experiment.is_planned(row));
        }
        Self::new(&dataset.parts, tally)
    }

    fn new(parts: &Parts, mut tally: Tally) -> Self {
        let manifest = parts.manifest();
        let folders = parts.iter().map(|part| &*part.paths.root);
        let rows = (0..).map(|part| tally.rows_of(part));
        // For each part: its folder, and the number of rows in its journal.
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
            to_do: parts.planned().saturating_sub(tally.attempted),
            punctual: tally.punctual,
            with_margin: tally.with_margin,
            time_scale: manifest.experiment.time_scale,
            resume: match sweeps[..] {
                [] => commands_to_resume(parts, &tally)
                    .into_iter()
                    .map(|command| with_folder(command, dataset_folder(parts), &manifest.name))
                    .collect(),
                _ => vec![],
            },
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
            reasons: sorted_by_frequency(tally.reasons()),
        }
    }
}

impl Sweep {
    /// Returns the sweep that certainly or possibly writes to the dataset in `folder`. `None` if there is no such sweep. `rows` is the
    /// number of rows in the dataset's journal so far.
    pub(super) fn in_folder(folder: &Path, rows: u64) -> Option<Self> {
        let (owner, activity) = LockOwner::last(folder)?;
        if activity == Activity::Ended {
            return None;
        }
        let now_s = unix_s(SystemTime::now())?;
        let ended = rows.saturating_sub(owner.rows_before);
        // The time from the start of the sweep to the end of its last run. A run adds a row to the journal when it ends.
        let elapsed_s = journal_written_at_s(folder).unwrap_or(now_s) - owner.since_s as f64;
        let runs_per_s = (ended > 0 && elapsed_s > 0.0).then(|| ended as f64 / elapsed_s);
        let to_do = owner.to_do.saturating_sub(ended);
        let finishes_at_s = if owner.planned_end_s as f64 > now_s {
            Some(owner.planned_end_s)
        } else {
            runs_per_s.map(|rate| (now_s + to_do as f64 / rate) as i64)
        };
        Some(Self {
            folder: folder.display().to_string(),
            process: owner.process,
            host: owner.host,
            is_certain: activity == Activity::Writing,
            since_s: owner.since_s,
            runs_per_hour: runs_per_s.map(|rate| rate * 3600.0),
            finishes_at_s,
        })
    }
}

/// Returns the commands that resume the parts with runs to do. If the dataset has several shards, each of them gets the last command of the
/// shard that knows all runs, for example with `--shard 2/4` instead of `--shard 1/4`: other shards have not started yet, or were not
/// continued since the experiment was extended.
fn commands_to_resume(parts: &Parts, tally: &Tally) -> Vec<String> {
    if parts.planned() <= tally.attempted {
        return vec![];
    }
    let newest = parts.manifest();
    let Some(newest_shard) = newest.shard else {
        return newest.last_command().into_iter().collect();
    };
    let is_unfinished = |(index, part): (usize, &Part)| {
        let shard = part.manifest.shard?;
        let planned = newest
            .experiment
            .planned_in_shard(shard, newest.shard_rule());
        (tally.attempted_in(index) < planned).then_some(shard)
    };
    let unfinished = parts.iter().enumerate().filter_map(is_unfinished);
    let command = |shard: Shard| {
        let command = newest.last_command()?;
        match shard == newest_shard {
            true => Some(command),
            false => with_another_shard(&command, newest_shard, shard),
        }
    };
    let shards = unfinished.chain(parts.missing.iter().copied());
    shards.filter_map(command).collect()
}

/// Returns `command` with the shard `to` instead of the shard `from`. `None` if the command has no option for the shard `from`.
fn with_another_shard(command: &str, from: Shard, to: Shard) -> Option<String> {
    let mut words = shell_words::split(command).ok()?;
    let from = from.to_string();
    let is_removed = remove_option(&mut words, "--shard", |value| value == from);
    if !is_removed {
        return None;
    }
    words.extend(["--shard".to_owned(), to.to_string()]);
    Some(command_line(words))
}

/// Returns the folder of the dataset, also if only the folder of one shard is open.
fn dataset_folder(parts: &Parts) -> &Path {
    let name = parts.root.file_name().and_then(|name| name.to_str());
    match (name.and_then(Shard::from_folder), parts.root.parent()) {
        (Some(_), Some(folder)) => folder,
        _ => &parts.root,
    }
}

/// Returns `command`, the `sim run` that made a dataset, with the option `--data` for `folder`, the present folder of the dataset: it can
/// have been renamed or copied. `name` is the name of the experiment. If the command writes to a folder with this path, or a path that ends
/// in the same way, it is not changed.
fn with_folder(command: String, folder: &Path, name: &str) -> String {
    let Ok(mut words) = shell_words::split(&command) else {
        return command;
    };
    let data = (0..words.len()).find_map(|index| {
        let next = words.get(index + 1).filter(|_| words[index] == "--data");
        let in_word = words[index].strip_prefix("--data=");
        in_word.or(next.map(String::as_str)).map(str::to_owned)
    });
    // Without `--data`, `sim run` writes to `data/NAME`.
    let written = data.unwrap_or(format!("data/{name}"));
    let folder = folder.canonicalize().unwrap_or(folder.to_owned());
    let written = Path::new(&written);
    if folder.ends_with(written)
        || written
            .canonicalize()
            .is_ok_and(|written| written == folder)
    {
        return command;
    }
    remove_option(&mut words, "--data", |_| true);
    words.extend(["--data".to_owned(), folder.display().to_string()]);
    command_line(words)
}

/// Returns when a row was last added to the journal, in Unix seconds.
fn journal_written_at_s(folder: &Path) -> Option<f64> {
    let metadata = fs::metadata(folder.join("runs.csv")).ok()?;
    unix_s(metadata.modified().ok()?)
}

fn unix_s(time: SystemTime) -> Option<f64> {
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}

/// Returns the size of all files in a folder and its subfolders. Files that cannot be read do not count.
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

/// Returns the reasons with their numbers of runs, the most frequent one first.
fn sorted_by_frequency<'a>(reasons: impl Iterator<Item = (&'a str, u64)>) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = reasons
        .map(|(reason, runs)| Reason {
            reason: reason.to_owned(),
            runs,
        })
        .collect();
    reasons.sort_by(|a, b| b.runs.cmp(&a.runs).then_with(|| a.reason.cmp(&b.reason)));
    reasons
}
