//! What the live view of `sim status --watch` knows about a dataset while sweeps (processes `sim run`) write it. All of this comes from
//! the plan (`dataset.json`), from the rows of the journals (`runs.csv`), and from the lock files, which say which sweeps are running.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use crate::experiment::Numbering;
use crate::log::{Change, Follower, JournalRow, Manifest, ResolvedExperiment, Sweep, Tally};
use crate::sweep::progress_line::ProgressState;
use crate::sweep::words::grouped;

/// The upper limits of the classes of lateness, in microseconds. The live view sorts finished runs into these classes, and shows how many
/// runs are in each class. Runs above the last limit are in one more class. The lateness of a run is the 99th percentile of the lateness of
/// its ticks.
pub(super) const LATENESS_LIMITS_US: [f64; 9] = [10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5];
/// Number of failures that are remembered. More would not fit on a screen.
const MAX_FAILURES: usize = 100;

/// What the live view knows about a dataset.
#[derive(Debug)]
pub(super) struct WatchState {
    /// The dataset's folder.
    pub folder: String,
    /// The engine's name: `tcp` or `virtual`.
    pub engine: String,
    pub time_scale: f64,
    /// Number of planned runs.
    pub planned: u64,
    /// Number of shards (parts of the runs, each made by a `sim run` of its own) that have started. It is 0 if the dataset has no shards.
    pub shards: usize,
    /// Number of shards that have not started.
    pub missing_shards: usize,
    experiment: ResolvedExperiment,
    configurations: Vec<ConfigurationRuns>,
    /// The numbers of runs that are done, failed, punctual and so on.
    pub tally: Tally,
    /// Number of finished runs in each class of lateness.
    pub lateness: [u64; LATENESS_LIMITS_US.len() + 1],
    /// Planned runs that have failed and have not finished since then. The run that failed last comes first.
    pub failures: VecDeque<Failure>,
    /// The sweeps that are running. If the file system has no locks, sweeps that were killed can be in this list too.
    pub sweeps: Vec<Sweep>,
}

/// The planned runs of a configuration.
#[derive(Clone, Copy, Debug, Default)]
struct ConfigurationRuns {
    /// Number of planned runs.
    planned: u64,
    /// Number of planned runs that have ended: finished or failed.
    ended: u64,
    /// Number of planned runs whose last attempt failed.
    failed: u64,
    /// Expected number of ticks of each run. It is calculated from the configuration in the journal row of the first run that ends. `None`
    /// until then.
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
    /// Some runs have finished, others have not ended, and none has failed.
    pub under_way: u64,
    /// The last attempt of at least one run has failed.
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

    /// Adds a row of a journal to the counts.
    pub(super) fn take(&mut self, row: &JournalRow) {
        let is_planned = self.experiment.is_planned(row);
        let change = self.tally.take(row, is_planned);
        // Nothing changes if the run had already finished.
        if change == Change::Nothing {
            return;
        }
        self.failures.retain(|failure| failure.run != row.run);
        if row.is_ok() {
            // The index of the run's class: the number of limits below the run's lateness.
            let class = LATENESS_LIMITS_US.partition_point(|limit| *limit < row.lateness_p99_us);
            self.lateness[class] += 1;
        } else if is_planned {
            self.failures.push_front(Failure {
                run: row.run,
                reason: row.reason.clone(),
            });
            self.failures.truncate(MAX_FAILURES);
        }
        let numbering: &Numbering = &self.experiment.numbering;
        // The run's number determines its configuration.
        let index = numbering.run(row.run).map(|(index, _)| index);
        if let Some(runs) = index.and_then(|index| self.configurations.get_mut(index))
            && is_planned
        {
            runs.ticks = runs
                .ticks
                .or_else(|| Some(row.configuration.expected_ticks()));
            match change {
                // The run's first attempt has ended.
                Change::First(_) => {
                    runs.ended += 1;
                    runs.failed += u64::from(!row.is_ok());
                }
                // The run had failed, and is now finished.
                Change::Repaired => runs.failed = runs.failed.saturating_sub(1),
                Change::FailedAgain | Change::Nothing => {}
            }
        }
    }

    /// Returns how many configurations are in which state.
    pub(super) fn configuration_counts(&self) -> ConfigurationCounts {
        let mut counts = ConfigurationCounts::default();
        // If only one shard is watched, configurations without a run in this shard are not counted.
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

    /// Returns the sum of the speeds of all running sweeps, in ended runs per minute. The speed of a sweep is its mean speed since
    /// its start. `None` if no run of these sweeps has ended.
    pub(super) fn runs_per_minute(&self) -> Option<f64> {
        let speeds = self.sweeps.iter().filter_map(|sweep| sweep.runs_per_hour);
        let speeds: Vec<f64> = speeds.collect();
        (!speeds.is_empty()).then(|| speeds.iter().sum::<f64>() / 60.0)
    }

    /// Returns when the last of the running sweeps will end, in Unix seconds. Sweeps whose end is not known are ignored. `None` if no
    /// running sweep has a known end.
    pub(super) fn finishes_at_s(&self) -> Option<i64> {
        let ends = self.sweeps.iter().filter_map(|sweep| sweep.finishes_at_s);
        ends.max()
    }

    /// Returns how far the dataset has come at `now_s` (Unix seconds). A run counts only when it has ended.
    pub(super) fn progress(&self, now_s: i64) -> ProgressState {
        let remaining_s = self.finishes_at_s().map(|at_s| (at_s - now_s).max(0));
        ProgressState {
            share: self.share(),
            // All planned runs that were attempted, failed runs included.
            done: self.tally.attempted,
            to_do: self.planned,
            remaining: remaining_s.map(|seconds| Duration::from_secs(seconds as u64)),
            // The journals do not say how many runs are being made.
            active: None,
            failed: self.tally.failed(),
            // The journals do not say how many ticks were late. With 0, the progress line does not mention late ticks.
            late_share: 0.0,
        }
    }

    /// Returns the ticks of the ended runs divided by the ticks of all planned runs, a share from 0 to 1. If no run of a configuration
    /// has ended, the number of ticks of its runs is not known. Then the mean over the configurations with a known number is used.
    fn share(&self) -> f64 {
        let known_ticks = || self.configurations.iter().filter_map(|runs| runs.ticks);
        let mean = known_ticks().sum::<u64>() as f64 / known_ticks().count().max(1) as f64;
        let (mut done, mut all) = (0.0, 0.0);
        for runs in &self.configurations {
            let ticks = runs.ticks.map_or(mean, |ticks| ticks as f64);
            done += runs.ended as f64 * ticks;
            all += runs.planned as f64 * ticks;
        }
        match all {
            // No number of ticks is known yet.
            0.0 => 0.0,
            _ => done / all,
        }
    }

    /// Describes in words whether sweeps are running.
    pub(super) fn activity(&self) -> String {
        let certain_count = self.sweeps.iter().filter(|sweep| sweep.is_certain).count();
        let left = grouped(self.planned.saturating_sub(self.tally.attempted));
        match (&self.sweeps[..], certain_count) {
            ([], _) if self.is_finished() && self.tally.failed() > 0 => {
                format!("finished; failed runs: {}", grouped(self.tally.failed()))
            }
            ([], _) if self.is_finished() => "finished".to_owned(),
            ([], _) => format!("no sweep is running, and {left} runs are left"),
            ([sweep], 1) => format!("running: process {} on {}", sweep.process, sweep.host),
            // There are sweeps, but each of them may have been killed.
            (_, 0) => {
                "perhaps running: without locks of the file system, a killed sweep looks like a running one".to_owned()
            }
            (sweeps, _) => format!("{} sweeps are running", sweeps.len()),
        }
    }

    /// Describes the state in one line, as it is at `now_s` (Unix seconds).
    pub(super) fn in_a_line(&self, now_s: i64) -> String {
        let activity = self.activity();
        let progress = self.progress(now_s).in_full();
        format!("{}: {activity}; {progress}", self.folder)
    }
}

/// Returns the number of planned runs of each configuration. If only one shard is watched, only the runs of this shard are counted.
/// Otherwise the runs of all shards are counted, including the shards that have not started.
fn planned_runs(manifest: &Manifest, follower: &Follower) -> Vec<ConfigurationRuns> {
    let experiment = &manifest.experiment;
    let shard = follower.only_shard();
    let shard = shard.map(|shard| (shard, manifest.shard_rule()));
    let configurations = experiment.configurations.iter();
    configurations
        .map(|configuration| ConfigurationRuns {
            planned: experiment.planned_of(configuration, shard),
            ..ConfigurationRuns::default()
        })
        .collect()
}

#[cfg(test)]
mod tests;
