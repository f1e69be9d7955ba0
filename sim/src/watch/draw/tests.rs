//! Tests of the view of `sim status --watch`: what it shows in windows of several sizes and for datasets in several states.

use std::path::Path;
use std::sync::Arc;

use ratatui_core::backend::TestBackend;
use ratatui_core::terminal::Terminal;

use super::*;
use crate::experiment::{Experiment, Overrides, Shard};
use crate::log::{DatasetWriter, Follower, JournalRow, Outcome, Sweep};

/// Each of the three machines can have each rate from 1 to 6. These 6 · 6 · 6 = 216 sets of rates and 2 values of `internal` are 432
/// configurations. With 50 repetitions each, 21,600 runs are planned.
const EXPERIMENT: &str = "name = \"night\"\nseed = 262\nrepetitions = 50\ntime_scale = 10\nengine = \"ENGINE\"\n[parameters]\nrates = { every = \"ordered\", machines = 3, from = 1, to = 6 }\ninternal = [0.4, 0.7]\n";

/// The current time in all views, in Unix seconds: 2026-09-21 14:13:20 UTC.
const NOW_S: i64 = 1_790_000_000;

/// The state of a dataset in which the first `finished` runs have finished and the next `failed` runs have failed.
fn state(engine: &str, finished: u64, failed: u64) -> WatchState {
    let folder = tempfile::tempdir().expect("a folder");
    let text = EXPERIMENT.replace("ENGINE", engine);
    let experiment = Experiment::parse(&text, Path::new("e.toml"), Overrides::default());
    let experiment = experiment.expect("an experiment");
    drop(DatasetWriter::open(folder.path(), &experiment).expect("a dataset"));
    let follower = Follower::open(folder.path()).expect("a dataset");
    let mut state = WatchState::new(Path::new("data/night"), &follower);
    for (number, run) in (0..finished + failed).zip(experiment.runs()) {
        let outcome = match number < finished {
            true => Outcome::Ok,
            false => Outcome::Failed,
        };
        state.take(&JournalRow {
            run: number,
            key: run.key(),
            repetition: run.repetition,
            configuration: Arc::clone(&run.configuration),
            outcome,
            reason: format!(
                "machine 2 could not connect to machine {}: timed out",
                number % 3
            ),
            margin_us: 1000.0,
            punctual: number % 10 != 0,
            as_scheduled: number % 50 != 0,
            // Thirteen values from 4 µs to 2.3 ms. So several of the view's classes of lateness (such as `≤ 300 µs`) have runs.
            lateness_p99_us: 4.0 * 1.7_f64.powi((number % 13) as i32),
            ..JournalRow::default()
        });
    }
    state
}

/// A sweep that will end in 7500 seconds. `is_certain` is false if it is not certain that the sweep is still running: on a file system
/// without locks, a sweep that was killed looks like one that is running.
fn sweep(folder: &str, runs_per_hour: Option<f64>, is_certain: bool) -> Sweep {
    Sweep {
        folder: folder.to_owned(),
        process: 4711,
        host: "node-1".to_owned(),
        is_certain,
        since_s: NOW_S - 3600,
        runs_per_hour,
        finishes_at_s: Some(NOW_S + 7500),
    }
}

/// What a window of `width` columns and `height` rows shows.
fn shown(state: &WatchState, width: u16, height: u16) -> String {
    let view = View {
        state,
        dataset_index: 0,
        dataset_count: 1,
        now_s: NOW_S,
        zone: &TimeZone::UTC,
    };
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let drawn = terminal.draw(|frame| frame.render_widget(&view, frame.area()));
    drawn.expect("it is drawn");
    let text = terminal.backend().to_string();
    // The backend quotes each row.
    let rows = text.lines().map(|row| row.trim_matches('"').trim_end());
    let rows: Vec<&str> = rows.collect();
    assert_eq!(rows.len(), usize::from(height));
    // The last row shows what keys do, unless the window is too small.
    let last_row = rows[rows.len() - 1];
    let (_, min_height) = MIN_SIZE;
    assert!(!last_row.is_empty() || height < min_height);
    rows.join("\n")
}

/// The state of a dataset while a sweep is running: 9,000 runs have finished, and 7 have failed.
fn running() -> WatchState {
    let mut state = state("tcp", 9_000, 7);
    state.sweeps = vec![sweep("data/night", Some(8_950.0), true)];
    state
}

#[test]
fn usual_window() {
    insta::assert_snapshot!(shown(&running(), 80, 24));
}

#[test]
fn small_window() {
    insta::assert_snapshot!(shown(&running(), 60, 20));
}

#[test]
fn large_window() {
    insta::assert_snapshot!(shown(&running(), 120, 40));
}

#[test]
fn the_smallest_window_and_one_that_is_too_small() {
    insta::assert_snapshot!(shown(&running(), 40, 12));
    assert_eq!(
        shown(&running(), 39, 5),
        "window too small:\n39 x 5\nneeds 40 x 12\nq: leave\n"
    );
    // Windows of other sizes are drawn without a panic.
    for (width, height) in [(1, 1), (200, 12), (40, 100), (20, 3), (300, 13), (41, 14)] {
        shown(&running(), width, height);
    }
}

#[test]
fn before_the_first_run() {
    let mut state = state("tcp", 0, 0);
    state.sweeps = vec![sweep("data/night", None, true)];
    insta::assert_snapshot!(shown(&state, 80, 24));
}

#[test]
fn in_virtual_time_no_tick_is_late() {
    insta::assert_snapshot!(shown(&state("virtual", 21_600, 0), 80, 24));
}

#[test]
fn the_activity_says_whether_sweeps_are_running() {
    let mut state = state("tcp", 21_599, 1);
    assert_eq!(state.activity(), "finished; failed runs: 1");
    let one_sweep = |is_certain| sweep("data/night", None, is_certain);
    state.sweeps = vec![one_sweep(true)];
    assert_eq!(state.activity(), "running: process 4711 on node-1");
    state.sweeps = vec![one_sweep(true), one_sweep(false)];
    assert_eq!(state.activity(), "2 sweeps are running");
    state.sweeps = vec![one_sweep(false)];
    assert!(state.activity().starts_with("perhaps running: "));
    let state = self::state("tcp", 20_000, 0);
    assert_eq!(
        state.in_a_line(NOW_S),
        "data/night: no sweep is running, and 1,600 runs are left; 92.5 %, 20,000/21,600 runs"
    );
}

#[test]
fn speeds_of_sweeps_are_added_and_the_latest_end_is_shown() {
    let mut state = state("tcp", 2, 0);
    let mut second = sweep("shard-2-of-2", Some(60.0), true);
    second.finishes_at_s = Some(NOW_S + 60);
    state.sweeps = vec![sweep("shard-1-of-2", Some(120.0), true), second];
    // Together, 120 and 60 runs an hour are 3 runs a minute. The first sweep ends later than the second: 7500 seconds after 14:13.
    assert_eq!(state.runs_per_minute(), Some(3.0));
    let view = shown(&state, 80, 24);
    assert!(
        view.contains("runs a minute  3.0, ends Monday 2026-09-21 16:18"),
        "{view}"
    );
}

#[test]
fn control_characters_are_not_drawn() {
    let mut state = state("tcp", 1, 1);
    state.folder = "data/\u{1b}[2J\u{7}".to_owned();
    state.failures[0].reason = "bad\u{1b}]0;title\u{7}".to_owned();
    let view = shown(&state, 80, 24);
    assert!(!view.contains(['\u{1b}', '\u{7}']), "{view}");
    assert!(view.contains("data/\\u{1b}[2J"), "{view}");
}

/// Each shard has a folder of its own in the dataset. If only this folder is watched, only the runs of the shard count as planned.
#[test]
fn the_view_of_a_shard_counts_only_its_own_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = EXPERIMENT.replace("ENGINE", "virtual");
    let experiment = Experiment::parse(&text, Path::new("e.toml"), Overrides::default());
    let mut experiment = experiment.expect("an experiment");
    experiment.keep_shard(Shard { number: 2, of: 3 });
    drop(DatasetWriter::open(folder.path(), &experiment).expect("a dataset"));
    let shard = folder.path().join("shard-2-of-3");
    let follower = Follower::open(&shard).expect("a dataset");
    let mut state = WatchState::new(&shard, &follower);
    assert_eq!(state.planned, experiment.run_count());
    for run in experiment.runs() {
        state.take(&JournalRow {
            run: run.index,
            key: run.key(),
            repetition: run.repetition,
            configuration: Arc::clone(&run.configuration),
            outcome: Outcome::Ok,
            ..JournalRow::default()
        });
    }
    // Each of the 432 configurations has runs in this shard, and all of these runs have finished.
    assert_eq!(state.configuration_counts().done, 432);
    assert_eq!(state.progress(NOW_S).share, 1.0);
    // If the folder of the whole dataset is watched, the runs of the two missing shards count as planned too.
    let follower = Follower::open(folder.path()).expect("a dataset");
    let whole = WatchState::new(folder.path(), &follower);
    assert_eq!((whole.planned, whole.missing_shards), (21_600, 2));
}
