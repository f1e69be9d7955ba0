//! Tests of what the live view (`sim status --watch`) counts after each row of a journal.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::experiment::{Experiment, Overrides, Run};
use crate::log::{DatasetWriter, Outcome};

/// Two configurations with two runs each. A run of the first one has 20 ticks, a run of the second one 60.
const EXPERIMENT: &str = "name = \"e\"\nseed = 1\nduration_s = 10\nrepetitions = 2\n[parameters]\nrates = [[1, 1], [3, 3]]\ninternal = 0.5\n";

/// Returns the state of a new dataset without finished runs, and all runs of the experiment. The dataset's folder is deleted at the end of
/// this function. Nothing reads the folder later: the tests themselves pass the journal's rows to the state.
fn state() -> (WatchState, Vec<Run>) {
    let folder = tempfile::tempdir().expect("a folder");
    let experiment = Experiment::parse(EXPERIMENT, Path::new("e.toml"), Overrides::default());
    let experiment = experiment.expect("an experiment");
    drop(DatasetWriter::open(folder.path(), &experiment).expect("a dataset"));
    let follower = Follower::open(folder.path()).expect("a dataset");
    let state = WatchState::new(folder.path(), &follower);
    (state, experiment.runs().collect())
}

/// Returns the journal's row of an ended run. `reason` says why a run failed.
fn row(run: &Run, outcome: Outcome, reason: &str) -> JournalRow {
    JournalRow {
        run: run.index,
        key: run.key(),
        repetition: run.repetition,
        configuration: Arc::clone(&run.configuration),
        outcome,
        reason: reason.to_owned(),
        lateness_p99_us: 300.0,
        ..JournalRow::default()
    }
}

/// Returns the expected numbers of configurations in the four states.
fn counts(done: u64, under_way: u64, failed: u64, not_begun: u64) -> ConfigurationCounts {
    ConfigurationCounts {
        done,
        under_way,
        failed,
        not_begun,
    }
}

#[test]
fn configurations_are_first_not_begun_then_under_way_then_done() {
    let (mut state, runs) = state();
    assert_eq!(state.configuration_counts(), counts(0, 0, 0, 2));
    // The argument of `progress` is the current time. The share does not depend on it.
    assert_eq!(state.progress(0).share, 0.0);
    // The order of the runs is: repetition 0 of both configurations, then repetition 1. So runs 0 and 2 have 20 ticks, 1 and 3 have 60.
    state.take(&row(&runs[0], Outcome::Ok, ""));
    assert_eq!(state.configuration_counts(), counts(0, 1, 0, 1));
    // No run of the second configuration has ended, so the state does not know that its runs have 60 ticks. All four runs count as
    // 20 ticks each, like the runs of the first configuration: 20 of 80 ticks are done.
    assert_eq!(state.progress(0).share, 0.25);
    state.take(&row(&runs[1], Outcome::Ok, ""));
    // Now the state knows the ticks of both configurations: 20 + 60 of 2 * (20 + 60) ticks are done.
    assert_eq!(state.progress(0).share, 0.5);
    state.take(&row(&runs[3], Outcome::Ok, ""));
    assert_eq!(state.configuration_counts(), counts(1, 1, 0, 0));
    assert_eq!(state.progress(0).share, 140.0 / 160.0);
    assert!(!state.is_finished());
    state.take(&row(&runs[2], Outcome::Ok, ""));
    assert_eq!(state.configuration_counts(), counts(2, 0, 0, 0));
    assert!(state.is_finished());
    // `lateness[3]` is the number of runs with a lateness above 100 µs, up to and including 300 µs. All four runs have exactly 300 µs.
    assert_eq!(state.lateness[3], 4);
}

#[test]
fn a_failed_run_is_shown_until_a_later_attempt_succeeds() {
    let (mut state, runs) = state();
    state.take(&row(&runs[0], Outcome::Failed, "first"));
    state.take(&row(&runs[1], Outcome::Failed, "second"));
    assert_eq!(state.configuration_counts(), counts(0, 0, 2, 0));
    let reasons = |state: &WatchState| -> Vec<String> {
        let reasons = state.failures.iter().map(|failure| failure.reason.clone());
        reasons.collect()
    };
    // The newest failure comes first.
    assert_eq!(reasons(&state), ["second", "first"]);
    state.take(&row(&runs[0], Outcome::Failed, "third"));
    assert_eq!(reasons(&state), ["third", "second"]);
    state.take(&row(&runs[1], Outcome::Ok, ""));
    assert_eq!(reasons(&state), ["third"]);
    assert_eq!(state.configuration_counts(), counts(0, 1, 1, 0));
    // `attempted` counts runs, not attempts: both runs were attempted twice.
    assert_eq!((state.tally.attempted, state.tally.failed()), (2, 1));
    // `lateness` counts only finished runs. Only run 1 has finished.
    assert_eq!(state.lateness.iter().sum::<u64>(), 1);
    // A run that has finished stays finished, even if a later attempt fails.
    state.take(&row(&runs[1], Outcome::Failed, "fourth"));
    assert_eq!(reasons(&state), ["third"]);
    // Of each configuration, one of two runs has ended: run 0 has failed, run 1 has finished. Both count as done, so the share is one half.
    assert_eq!(state.progress(0).share, 0.5);
}

/// The experiment had three repetitions when the run failed, and now has two.
#[test]
fn a_failed_run_that_is_no_longer_planned_is_not_shown() {
    let (mut state, _) = state();
    let larger = EXPERIMENT.replace("repetitions = 2", "repetitions = 3");
    let larger = Experiment::parse(&larger, Path::new("e.toml"), Overrides::default());
    let larger = larger.expect("an experiment");
    let third = larger.runs().find(|run| run.repetition == 2);
    state.take(&row(&third.expect("a run"), Outcome::Failed, "first"));
    assert_eq!((state.tally.failed(), state.failures.len()), (0, 0));
}
