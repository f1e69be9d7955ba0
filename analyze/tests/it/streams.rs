//! Tests with a stdout or stderr that accepts no output: the other output and the exit codes are still right.

#![cfg(target_os = "linux")]

use std::fs::{File, OpenOptions};
use std::io::{PipeWriter, pipe};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::fixture;

/// A file that is always full.
fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// The writing end of a pipe whose reader is closed.
fn pipe_without_reader() -> PipeWriter {
    pipe().unwrap().1
}

fn analyze(arguments: &[&str], folder: &Path, stdout: Stdio, stderr: Stdio) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin!("analyze"))
        .args(arguments)
        .current_dir(folder)
        .stdout(stdout)
        .stderr(stderr)
        .output()
        .unwrap()
}

/// A folder with a log to import, a file of claims, and the datasets `small`, `part` (most of its runs are missing) and `wrong`
/// (the audit fails).
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let experiment = fixture::experiment(fixture::SMALL);
    let run = experiment.runs().next().unwrap();
    let log = sim::engine::virtual_time::run(&run, experiment.seed);
    let runs = vec![fixture::finished(&experiment, &run, &log.machines)];
    fixture::write(&folder.path().join("part"), &experiment, runs);
    fixture::altered(&folder.path().join("wrong"), fixture::BY_HAND, |runs| {
        fixture::set(&mut runs[0], 0, 1, "logical_clock", "1000");
    });
    let log = "machine,time,event,clock,queue\na,0,internal,1,0\nb,0,internal,1,0\na,1,internal,2,0\nb,1,internal,2,0\n";
    std::fs::write(folder.path().join("log.csv"), log).unwrap();
    let claims = include_str!("../../../experiments/claims.toml");
    std::fs::write(folder.path().join("claims.toml"), claims).unwrap();
    folder
}

#[test]
fn if_a_message_cannot_be_printed_the_table_still_is() {
    let folder = folder();
    let told = analyze(
        &["drift", "part"],
        folder.path(),
        Stdio::piped(),
        Stdio::piped(),
    );
    assert_eq!(
        String::from_utf8(told.stderr).unwrap(),
        "part: 5 planned runs are not done yet\n"
    );
    for stderr in [full().into(), Stdio::from(pipe_without_reader())] {
        let output = analyze(&["drift", "part"], folder.path(), Stdio::piped(), stderr);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(output.stdout, told.stdout);
    }
}

#[test]
fn an_error_that_cannot_be_printed_still_sets_the_exit_code() {
    let folder = folder();
    for (arguments, code) in [
        (&["drift", "nowhere"][..], 2),
        (&["no-such-verb"], 2),
        (&["audit", "wrong"], 4),
    ] {
        for stderr in [full().into(), Stdio::from(pipe_without_reader())] {
            let output = analyze(arguments, folder.path(), Stdio::piped(), stderr);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        }
    }
}

/// Commands that print to stdout, each with its exit code if stdout accepts no output.
const PRINTING: [(&[&str], i32); 17] = [
    (&["summary", "small"], 2),
    (&["drift", "small", "--format", "csv"], 2),
    (&["drift", "small", "--by", "rates"], 2),
    (&["jumps", "small", "--format", "json"], 2),
    (&["backlog", "small", "--format", "markdown"], 2),
    (&["order", "small", "--format", "csv"], 2),
    (
        &[
            "contrast", "small", "--of", "internal", "--from", "0.4", "--to", "0.7",
        ],
        2,
    ),
    (&["theory", "small", "--format", "json"], 2),
    (&["claims", "claims.toml"], 2),
    (&["compare", "small", "part"], 2),
    (&["audit", "small"], 2),
    (&["audit", "wrong"], 4),
    (&["dictionary"], 2),
    (&["completions", "bash"], 2),
    (&["import", "log.csv", "--into", "imported"], 2),
    (&["--help"], 2),
    (&["--version"], 2),
];

#[test]
fn a_full_stdout_is_an_error() {
    let folder = folder();
    for (arguments, code) in PRINTING {
        let output = analyze(arguments, folder.path(), full().into(), Stdio::piped());
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(
            told.contains("error: stdout: No space left on device"),
            "{arguments:?}: {told}"
        );
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let folder = folder();
    for (arguments, _) in PRINTING {
        let code = match arguments {
            // A failed check is still reported by the exit code.
            ["audit", "wrong"] => 4,
            ["claims", ..] => 2,
            _ => 0,
        };
        let stdout = pipe_without_reader().into();
        let output = analyze(arguments, folder.path(), stdout, Stdio::piped());
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(!told.contains("stdout"), "{arguments:?}: {told}");
    }
}

/// Standard streams are closed. Nothing may be written into files that are opened under the same numbers.
#[test]
fn closed_standard_streams_do_no_harm() {
    let folder = folder();
    for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        let output = Command::new("sh")
            .args(["-c", &format!("\"$0\" drift part {closed}")])
            .arg(assert_cmd::cargo::cargo_bin!("analyze"))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{closed}");
    }
    let audit = analyze(
        &["audit", "part"],
        folder.path(),
        Stdio::piped(),
        Stdio::piped(),
    );
    assert_eq!(audit.status.code(), Some(0));
}
