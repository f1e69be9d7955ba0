//! Runs that fail: each is journalled with its reason, and the sweep goes on unless it is told not to.

use std::path::{Path, PathBuf};

use sim::engine::Control;
use sim::log::{Dataset, Status};
use sim::sweep::{self, Options, Progress, Summary};

use crate::support::experiment;

fn grid(repetitions: u32) -> String {
    format!(
        "isolation = \"process\"\nduration_s = 1\ntime_scale = 20\nrepetitions = {repetitions}\n[parameters]\nrates = [1, 3]\ninternal = 0.5"
    )
}

/// Sweeps with a program for the machines that is none: every run fails.
fn sweep(root: &Path, repetitions: u32, options: Options) -> Summary {
    let options = Options {
        program: PathBuf::from("/nowhere/sim"),
        jobs: Some(1),
        ..options
    };
    let (control, mut progress) = (Control::default(), Progress::silent());
    sweep::run(
        &experiment(&grid(repetitions)),
        root,
        &options,
        &control,
        &mut progress,
    )
    .expect("a sweep")
}

#[test]
fn a_run_that_fails_leaves_the_others_alone_and_its_reason_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = sweep(folder.path(), 6, Options::default());
    assert_eq!(
        (summary.failed, summary.left, summary.gave_up),
        (6, 0, false)
    );
    let status = Status::of(&Dataset::open(folder.path()).expect("a dataset"));
    assert_eq!((status.done, status.failed, status.to_do), (0, 6, 0));
    let [reason] = &status.reasons[..] else {
        panic!("{:?}", status.reasons)
    };
    assert_eq!(reason.runs, 6);
    assert!(reason.reason.contains("/nowhere/sim"), "{}", reason.reason);
    // Failed is done with, unless asked for.
    assert_eq!(sweep(folder.path(), 6, Options::default()).failed, 0);
    let again = Options {
        retry_failed: true,
        ..Options::default()
    };
    assert_eq!(sweep(folder.path(), 6, again).failed, 6);
}

#[test]
fn too_many_failures_end_the_sweep() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        max_failures: Some(2),
        ..Options::default()
    };
    let summary = sweep(folder.path(), 20_000, options);
    assert!(summary.gave_up);
    // What failed before the word was out is left to do.
    assert_eq!((summary.failed, summary.left), (2, 19_998));
    let status = Status::of(&Dataset::open(folder.path()).expect("a dataset"));
    assert_eq!(
        (status.failed, status.to_do),
        (summary.failed, summary.left)
    );
}
