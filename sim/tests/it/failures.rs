//! Runs that fail: each has a row with its reason, and the sweep continues unless an option limits the failures.

use std::path::{Path, PathBuf};
use std::process::Command;

use sim::engine::Control;
use sim::log::{Dataset, Status};
use sim::sweep::{self, Options, Progress, Summary, SweepError};

use crate::support::experiment;

fn grid(repetitions: u32) -> String {
    format!(
        "isolation = \"process\"\nduration_s = 1\ntime_scale = 20\nrepetitions = {repetitions}\n[parameters]\nrates = [1, 3]\ninternal = 0.5"
    )
}

/// Runs a sweep whose program for the machines does not exist, so every run fails.
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
fn a_failed_run_has_a_reason_and_other_runs_succeed() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = sweep(folder.path(), 6, Options::default());
    assert_eq!(
        (summary.failed, summary.left, summary.gave_up),
        (6, 0, false)
    );
    let status = Status::from_dataset(&Dataset::open(folder.path()).expect("a dataset"));
    assert_eq!((status.done, status.failed, status.to_do), (0, 6, 0));
    let [reason] = &status.reasons[..] else {
        panic!("{:?}", status.reasons)
    };
    assert_eq!(reason.runs, 6);
    assert!(reason.reason.contains("/nowhere/sim"), "{}", reason.reason);
    // A failed run is not repeated, unless an option asks for it.
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
    // Runs that failed before the sweep was told to stop are recorded; the others are still to do.
    assert_eq!((summary.failed, summary.left), (2, 19_998));
    let status = Status::from_dataset(&Dataset::open(folder.path()).expect("a dataset"));
    assert_eq!(
        (status.failed, status.to_do),
        (summary.failed, summary.left)
    );
}

/// The system refuses a number of processes. The runs of these processes are returned, and the remaining workers do them.
#[cfg(unix)]
#[test]
fn if_machines_cannot_start_fewer_runs_are_made_at_once_and_none_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("short-of-processes");
    let refusals = 3;
    let script = format!(
        "#!/bin/sh\nfor i in $(seq {refusals}); do mkdir '{0}'/refused-$i 2> /dev/null && {{ echo no process >&2; exit 71; }}; done\nexec '{1}' \"$@\"\n",
        folder.path().display(),
        env!("CARGO_BIN_EXE_sim")
    );
    write_program(&program, &script);
    let summary = sweep_with(&program, &folder.path().join("d"), 8).expect("a sweep");
    assert_eq!((summary.ok, summary.failed, summary.left), (8, 0, 0));
    let is_refused = |i| folder.path().join(format!("refused-{i}")).exists();
    assert!((1..=refusals).all(is_refused));
}

/// If the machines of even a single run cannot start, there is one error and no failed run.
#[cfg(unix)]
#[test]
fn if_no_machine_can_start_the_sweep_ends_with_one_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("no-process");
    write_program(&program, "#!/bin/sh\necho no process >&2\nexit 71\n");
    let root = folder.path().join("d");
    let error = sweep_with(&program, &root, 8).expect_err("no machine starts");
    let said = std::error::Error::source(&error)
        .expect("a cause")
        .to_string();
    assert!(
        said.contains("no process; the system cannot start the machines of even one run"),
        "{said}"
    );
    let dataset = Dataset::open(&root).expect("a dataset");
    assert!(dataset.attempted().is_empty(), "{:?}", dataset.attempted());
}

#[cfg(unix)]
fn write_program(path: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, script).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("set");
}

/// Runs a sweep of four runs at once, with `program` for the machines.
#[cfg(unix)]
fn sweep_with(program: &Path, root: &Path, repetitions: u32) -> Result<Summary, SweepError> {
    let options = Options {
        program: program.to_owned(),
        jobs: Some(4),
        ..Options::default()
    };
    let (control, mut progress) = (Control::default(), Progress::silent());
    sweep::run(
        &experiment(&grid(repetitions)),
        root,
        &options,
        &control,
        &mut progress,
    )
}

/// Colours are for people. The other tests of `sim status` show that a pipe receives none.
#[test]
fn the_number_of_failed_runs_is_red_in_the_status() {
    let folder = tempfile::tempdir().expect("a folder");
    sweep(folder.path(), 2, Options::default());
    let status = |variable: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_sim"))
            .arg("status")
            .arg(folder.path())
            .env_remove("NO_COLOR")
            .env(variable, "1")
            .output()
            .expect("the status");
        String::from_utf8(output.stdout).expect("a text")
    };
    let coloured = status("CLICOLOR_FORCE");
    assert!(coloured.contains("\x1b[31m2\x1b[0m"), "{coloured}");
    let plain = coloured.replace("\x1b[31m", "").replace("\x1b[0m", "");
    assert_eq!(plain, status("NO_COLOR"));
}
