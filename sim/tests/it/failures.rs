//! Tests of failed runs. A failed run gets a row with the reason in the journal (`runs.csv`), and the sweep (all runs
//! that one start of `sim run` makes) continues. It ends early only if as many runs have failed as `--max-failures` says, or if the system
//! cannot start any machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use sim::engine::Control;
use sim::log::{Dataset, Status};
use sim::sweep::{self, Options, Progress, Summary, SweepError};

use crate::support::experiment;

/// Returns the text of an experiment with one configuration of two machines. Each machine has its own process.
fn experiment_text(repetitions: u32) -> String {
    format!(
        "isolation = \"process\"\nduration_s = 1\ntime_scale = 20\nrepetitions = {repetitions}\n[parameters]\nrates = [1, 3]\ninternal = 0.5"
    )
}

/// Runs a sweep whose program for the machines does not exist, so every run fails.
fn failing_sweep(root: &Path, repetitions: u32, options: Options) -> Summary {
    let options = Options {
        program: PathBuf::from("/nowhere/sim"),
        jobs: Some(1),
        ..options
    };
    let (control, mut progress) = (Control::default(), Progress::silent());
    sweep::run(
        &experiment(&experiment_text(repetitions)),
        root,
        &options,
        &control,
        &mut progress,
    )
    .expect("a sweep")
}

#[test]
fn failed_runs_have_a_reason_and_are_repeated_only_on_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = failing_sweep(folder.path(), 6, Options::default());
    assert_eq!(
        (summary.failed, summary.left, summary.gave_up),
        (6, 0, false)
    );
    let status = Status::from_dataset(&Dataset::open(folder.path()).expect("a dataset"));
    // Failed runs are not to be done again (unless an option asks for it), so `to_do` is 0.
    assert_eq!((status.done, status.failed, status.to_do), (0, 6, 0));
    let [reason] = &status.reasons[..] else {
        panic!("{:?}", status.reasons)
    };
    assert_eq!(reason.runs, 6);
    assert!(reason.reason.contains("/nowhere/sim"), "{}", reason.reason);
    // A second sweep makes no run. With the option `retry_failed`, it makes all six again.
    let second = failing_sweep(folder.path(), 6, Options::default());
    assert_eq!(second.failed, 0);
    let retry = Options {
        retry_failed: true,
        ..Options::default()
    };
    assert_eq!(failing_sweep(folder.path(), 6, retry).failed, 6);
}

#[test]
fn too_many_failures_end_the_sweep() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        max_failures: Some(2),
        ..Options::default()
    };
    let summary = failing_sweep(folder.path(), 20_000, options);
    assert!(summary.gave_up);
    // Only the runs that failed before the sweep stopped are recorded. All other runs are still to do.
    assert_eq!((summary.failed, summary.left), (2, 19_998));
    let status = Status::from_dataset(&Dataset::open(folder.path()).expect("a dataset"));
    assert_eq!(
        (status.failed, status.to_do),
        (summary.failed, summary.left)
    );
}

/// For each machine, a script is started in place of `sim`. Three times, the script ends with exit code 71 instead of starting `sim`. This
/// code means that the system has no more threads or files. The runs that could not start are made later, with fewer runs at once.
#[cfg(unix)]
#[test]
fn runs_whose_machines_cannot_start_are_made_later_and_none_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("short-of-processes");
    let refusals = 3;
    // The script tries to create the folders `refused-1` to `refused-3`. If it can create one, it ends with code 71. If all of them exist
    // already, it becomes `sim`. Each folder can be created only once, so there are exactly three refusals.
    let script = format!(
        "#!/bin/sh\nfor i in $(seq {refusals}); do mkdir '{0}'/refused-$i 2> /dev/null && {{ echo no process >&2; exit 71; }}; done\nexec '{1}' \"$@\"\n",
        folder.path().display(),
        env!("CARGO_BIN_EXE_sim")
    );
    write_program(&program, &script);
    let summary = sweep_with_program(&program, &folder.path().join("d"), 8).expect("a sweep");
    assert_eq!((summary.ok, summary.failed, summary.left), (8, 0, 0));
    let was_refused = |i| folder.path().join(format!("refused-{i}")).exists();
    assert!((1..=refusals).all(was_refused));
}

/// If the system cannot start the machines of even one run, the sweep ends with one error. No run is recorded as failed.
#[cfg(unix)]
#[test]
fn the_sweep_ends_with_one_error_if_no_machine_can_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("no-process");
    write_program(&program, "#!/bin/sh\necho no process >&2\nexit 71\n");
    let root = folder.path().join("d");
    let error = sweep_with_program(&program, &root, 8).expect_err("no machine starts");
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

/// Runs a sweep with one run for each repetition, four of them at the same time. `program` is started for each machine.
#[cfg(unix)]
fn sweep_with_program(
    program: &Path,
    root: &Path,
    repetitions: u32,
) -> Result<Summary, SweepError> {
    let options = Options {
        program: program.to_owned(),
        jobs: Some(4),
        ..Options::default()
    };
    let (control, mut progress) = (Control::default(), Progress::silent());
    sweep::run(
        &experiment(&experiment_text(repetitions)),
        root,
        &options,
        &control,
        &mut progress,
    )
}

/// The variable `CLICOLOR_FORCE` asks for colours although the output is a pipe, and `NO_COLOR` asks for a text without colours.
#[test]
fn the_number_of_failed_runs_is_red_in_the_status() {
    let folder = tempfile::tempdir().expect("a folder");
    failing_sweep(folder.path(), 2, Options::default());
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
    let red_two = "\x1b[31m2\x1b[0m";
    assert!(coloured.contains(red_two), "{coloured}");
    let plain = coloured.replace("\x1b[31m", "").replace("\x1b[0m", "");
    assert_eq!(plain, status("NO_COLOR"));
}
