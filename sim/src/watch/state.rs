//! What is known of a dataset while sweeps write it. It depends only on the plan, on the rows of the journals and on the locks.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use crate::experiment::Numbering;
use crate::log::{Change, Follower, JournalRow, Manifest, ResolvedExperiment, Sweep, Tally};
use crate::sweep::progress_line::ProgressState;
use crate::sweep::words::grouped;

/// Upper limits of the classes of lateness, in microseconds. Later runs are in one more class.
pub(super) const LATENESS_LIMITS_US: [f64; 9] = [10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5];
/// Number of failures that are remembered. More do not fit a screen.
const MAX_FAILURES: usize = 100;

/// What is known of a dataset.
#[derive(Debug)]
pub(super) struct WatchState {
    /// The dataset's folder.
    pub folder: String,
    pub engine: String,
    pub time_scale: f64,
    /// Number of planned runs.
    pub planned: u64,
    /// Number of shards that have started; 0 if the dataset has no shards.
    pub shards: usize,
    /// Number of shards that have not started.
    pub missing_shards: usize,
    experiment: ResolvedExperiment,
    configurations: Vec<ConfigurationRuns>,
    pub tally: Tally,
    /// Number of finished runs in each class of lateness.
    pub lateness: [u64; LATENESS_LIMITS_US.len() + 1],
    /// The last failures of runs that have not finished since, the last one first.
    pub failures: VecDeque<Failure>,
    /// The sweeps that write, or may write.
    pub sweeps: Vec<Sweep>,
}

/// The planned runs of a configuration.
#[derive(Clone, Copy, Debug, Default)]
struct ConfigurationRuns {
    planned: u64,
    ended: u64,
    failed: u64,
    /// Number of ticks of a run. It is known when a run has ended.
    ticks: Option<u64>,
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub run: u64,
    pub reason: String,
}

/// How many configurations are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ConfigurationCounts {
    /// All runs have finished.
    pub done: u64,
    /// Some runs have finished, and none has failed.
    pub under_way: u64,
    /// At least one run has failed.
    pub failed: u64,
    /// No run has ended.
    pub not_begun: u64,
}

impl WatchState {
    /// Returns the state of the dataset in `folder` before its journals are read.
    pub(super) fn new(folder: &Path, follower: &Follower) -> Self {
        let manifest = follower.manifest();
        Self {
            folder: folder.display().to_string(),
            engine: manifest.experiment.engine.clone(),
            time_scale: manifest.experiment.time_scale,
            planned: follower.planned(),
            shards: match manifest.shard {
                Some(_) => follower.part_count(),
                None => 0,
            },
            missing_shards: follower.missing_shards().len(),
            configurations: planned_runs(manifest, follower),
            experiment: manifest.experiment.clone(),
            tally: Tally::default(),
            lateness: Default::default(),
            failures: VecDeque::new(),
            sweeps: vec![],
        }
    }

    /// Adds a row of a journal.
    pub(super) fn take(&mut self, row: &JournalRow) {
        let is_planned = self.experiment.plans(row);
        let change = self.tally.take(row, is_planned);
        if change == Change::Nothing {
            return;
        }
        self.failures.retain(|failure| failure.run != row.run);
        if row.is_ok() {
            let class = LATENESS_LIMITS_US.partition_point(|limit| *limit < row.lateness_p99_us);
            self.lateness[class] += 1;
        } else {
            self.failures.push_front(Failure {
                run: row.run,
                reason: row.reason.clone(),
            });
            self.failures.truncate(MAX_FAILURES);
        }
        let numbering: &Numbering = &self.experiment.numbering;
        let index = numbering.run(row.run).map(|(index, _)| index);
        if let Some(runs) = index.and_then(|index| self.configurations.get_mut(index))
            && is_planned
        {
            runs.ticks = runs
                .ticks
                .or_else(|| Some(row.configuration.expected_ticks()));
            match change {
                Change::First(_) => {
                    runs.ended += 1;
                    runs.failed += u64::from(!row.is_ok());
                }
                Change::Repaired => runs.failed = runs.failed.saturating_sub(1),
                Change::FailedAgain | Change::Nothing => {}
            }
        }
    }

    /// Returns how many configurations are in which state.
    pub(super) fn configurations(&self) -> ConfigurationCounts {
        let mut counts = ConfigurationCounts::default();
        for runs in self.configurations.iter().filter(|runs| runs.planned > 0) {
            let count = if runs.failed > 0 {
                &mut counts.failed
            } else if runs.ended >= runs.planned {
                &mut counts.done
            } else if runs.ended > 0 {
                &mut counts.under_way
            } else {
                &mut counts.not_begun
            };
            *count += 1;
        }
        counts
    }

    /// Returns whether every planned run was attempted and no sweep is running.
    pub(super) fn is_finished(&self) -> bool {
        self.sweeps.is_empty() && self.tally.attempted >= self.planned
    }

    /// Returns how many runs end in a minute, on average since the running sweeps started. `None` if none has ended.
    pub(super) fn runs_per_minute(&self) -> Option<f64> {
        let rates = self.sweeps.iter().filter_map(|sweep| sweep.runs_per_hour);
        let rates: Vec<f64> = rates.collect();
        (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / 60.0)
    }

    /// Returns when the last running sweep ends, in Unix seconds.
    pub(super) fn finishes_at_s(&self) -> Option<i64> {
        let ends = self.sweeps.iter().filter_map(|sweep| sweep.finishes_at_s);
        ends.max()
    }

    /// Returns how far the dataset is at `now_s` (Unix seconds). A run counts when it has ended.
    pub(super) fn progress(&self, now_s: i64) -> ProgressState {
        let remaining_s = self.finishes_at_s().map(|at_s| (at_s - now_s).max(0));
        ProgressState {
            share: self.share(),
            done: self.tally.attempted,
            to_do: self.planned,
            remaining: remaining_s.map(|seconds| Duration::from_secs(seconds as u64)),
            active: None,
            failed: self.tally.failed(),
            late: 0.0,
        }
    }

    /// Returns the share of the run time of all planned runs that is done, from 0 to 1. Run time is measured in ticks. A configuration
    /// of which no run has ended counts with the mean number of ticks of the others.
    fn share(&self) -> f64 {
        let known = || self.configurations.iter().filter_map(|runs| runs.ticks);
        let mean = known().sum::<u64>() as f64 / known().count().max(1) as f64;
        let (mut done, mut all) = (0.0, 0.0);
        for runs in &self.configurations {
            let ticks = runs.ticks.map_or(mean, |ticks| ticks as f64);
            done += runs.ended as f64 * ticks;
            all += runs.planned as f64 * ticks;
        }
        match all {
            0.0 => 0.0,
            _ => done / all,
        }
    }

    /// Describes in words whether sweeps are running.
    pub(super) fn activity(&self) -> String {
        let certain = self.sweeps.iter().filter(|sweep| sweep.is_certain).count();
        let left = grouped(self.planned.saturating_sub(self.tally.attempted));
        match (&self.sweeps[..], certain) {
            ([], _) if self.is_finished() && self.tally.failed() > 0 => {
                format!("finished; {} runs failed", grouped(self.tally.failed()))
            }
            ([], _) if self.is_finished() => "finished".to_owned(),
            ([], _) => format!("no sweep is running, and {left} runs are left"),
            ([one], 1) => format!("running: process {} on {}", one.process, one.host),
            (_, 0) => {
                "perhaps running: this file system has no locks, so this is not known".to_owned()
            }
            (all, _) => format!("{} sweeps are running", all.len()),
        }
    }

    /// Describes the state in one line, as it is at `now_s` (Unix seconds).
    pub(super) fn in_a_line(&self, now_s: i64) -> String {
        let activity = self.activity();
        let progress = self.progress(now_s).in_full();
        format!("{}: {activity}; {progress}", self.folder)
    }
}

/// Returns the number of planned runs of each configuration, in the followed shards and those that have not started.
fn planned_runs(manifest: &Manifest, follower: &Follower) -> Vec<ConfigurationRuns> {
    let experiment = &manifest.experiment;
    let runs_of = |configuration: &String| {
        let more = experiment.more_repetitions.get(configuration).copied();
        let repetitions = 0..experiment.repetitions.max(more.unwrap_or(0));
        match follower.only_shard() {
            None => repetitions.len() as u64,
            Some(shard) => {
                let rule = manifest.shard_rule();
                let is_in =
                    |&repetition: &u32| shard.has_repetition(configuration, repetition, rule);
                repetitions.filter(is_in).count() as u64
            }
        }
    };
    let configurations = experiment.configurations.iter();
    configurations
        .map(|configuration| ConfigurationRuns {
            planned: runs_of(configuration),
            ..ConfigurationRuns::default()
        })
        .collect()
}

#[cfg(test)]
mod tests;
