//! Tests with a limit on the number of processes and threads. Because of the limit, a sweep (one start of `sim run`) makes fewer runs at
//! once. If the limit is too low even for one run, the sweep ends with one error.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use tempfile::TempDir;

const EXPERIMENT: &str = "seed = 7\nrepetitions = 12\nduration_s = 10\ntime_scale = 20\nisolation = \"process\"\n[parameters]\nrates = [1, 3, 6]\ninternal = 0.5\n";

/// A separate user for each test, because the kernel counts the processes of a user together.
struct User {
    id: u32,
    folder: TempDir,
}

impl User {
    /// Creates a folder for the user, with the experiment and the program. Each test has its own `number`.
    fn new(number: u32) -> Self {
        let user = Self {
            // No other test has this id, not even in another test process.
            id: 1_000_000 + 10 * std::process::id() + number,
            folder: tempfile::tempdir().expect("a folder"),
        };
        let folder = user.folder.path();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("set");
        fs::write(folder.join("e.toml"), EXPERIMENT).expect("written");
        fs::copy(env!("CARGO_BIN_EXE_sim"), folder.join("sim")).expect("a copy");
        let version = user.run(100, "./sim --version");
        assert!(
            version.status.success(),
            "only root can become another user: {version:?}"
        );
        user
    }

    /// Runs a shell command as this user, who may have at most `processes` processes and threads together. With `exec` in the command, the
    /// program replaces the shell, so the shell does not count.
    fn run(&self, processes: u32, command: &str) -> Output {
        let id = self.id.to_string();
        let command = format!("ulimit -u {processes} && {command}");
        Command::new("setpriv")
            .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
            .args(["bash", "-c", &command])
            .current_dir(self.folder.path())
            .output()
            .expect("setpriv")
    }
}

#[test]
#[ignore = "needs root and setpriv, to become another user"]
fn the_number_of_runs_at_once_respects_the_process_limit() {
    let user = User::new(0);
    let plan = user.run(40, "exec ./sim plan e.toml");
    let planned = String::from_utf8_lossy(&plan.stdout);
    // The plan says how many runs are made at once, and why. An example is `4 (limited by the 38 processes and threads ...)`. In this
    // example, 2 of the 40 are already in use. Of the other 38, 8 stay free for other things. A run needs 7: two for each of the three
    // machines, and one thread of `sim run` itself. (38 - 8) / 7 is rounded down to 4.
    assert!(planned.contains("4 (limited by the 3"), "{planned}");
    let sweep = user.run(40, "exec ./sim run e.toml --data d");
    let said = String::from_utf8_lossy(&sweep.stderr);
    assert_eq!(sweep.status.code(), Some(0), "{said}");
    assert!(said.contains("12 runs ok, 0 failed"), "{said}");
}

#[test]
#[ignore = "needs root and setpriv, to become another user"]
fn limits_that_are_too_low_for_one_run_give_one_error() {
    let user = User::new(1);
    // With `isolation = "process"`, as in the experiment, a run needs 7 processes and threads, and 8 more stay free. So even 10 are too
    // few. With `shared`, a run needs fewer.
    for (processes, options) in [(10, ""), (2, "--isolation shared"), (2, "")] {
        let command = format!("exec ./sim run e.toml --data d{processes} {options}");
        let sweep = user.run(processes, &command);
        let said = String::from_utf8_lossy(&sweep.stderr);
        assert_eq!(sweep.status.code(), Some(2), "{said}");
        assert!(said.contains("ulimit -u"), "{said}");
        assert!(
            !said.contains("panicked") && !said.contains("run 0 failed"),
            "{said}"
        );
    }
}

/// The limit counts all threads of the program: the main thread, the thread that shows progress, the thread of the engine for virtual time,
/// and the worker threads that the engine starts. With a limit of three, the engine cannot start a worker thread, so its own thread makes
/// the runs. With a limit of two, even the engine has no thread, and the sweep ends with one error.
#[test]
#[ignore = "needs root and setpriv, to become another user"]
fn runs_in_virtual_time_need_no_additional_threads() {
    let user = User::new(3);
    let command = "exec ./sim run e.toml --engine virtual --data d";
    let sweep = user.run(3, command);
    let said = String::from_utf8_lossy(&sweep.stderr);
    assert_eq!(sweep.status.code(), Some(0), "{said}");
    assert!(said.contains("12 runs ok, 0 failed"), "{said}");
    // The message `1 runs at once instead of 1` would report no change, so it must not be there.
    assert!(!said.contains("instead of 1"), "{said}");
    let command = "exec ./sim run e.toml --engine virtual --data e";
    let refused = user.run(2, command);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("the engine cannot go on: the system cannot start another thread"),
        "{said}"
    );
}

/// Sixteen processes `sleep` of the same user start directly after the sweep. The sweep did not count them when it decided how many runs
/// to make at once, so the sweep reaches the limit. When the sweep has ended, the shell ends the processes `sleep` and returns the exit
/// code of the sweep.
#[test]
#[ignore = "needs root and setpriv, to become another user"]
fn a_sweep_that_reaches_the_limit_continues_with_fewer_runs_at_once() {
    let user = User::new(2);
    let command = "(./sim run e.toml --data d & sweep=$!; for i in {1..16}; do sleep 60 & others=\"$others $!\"; done; wait $sweep; code=$?; kill $others; exit $code)";
    let sweep = user.run(40, command);
    let said = String::from_utf8_lossy(&sweep.stderr);
    assert_eq!(sweep.status.code(), Some(0), "{said}");
    assert!(said.contains("12 runs ok, 0 failed"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
