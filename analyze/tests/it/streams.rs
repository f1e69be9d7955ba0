//! Tests in which stdout or stderr is a full file, a pipe without a reader, or closed from the start. The exit code must still be right. If
//! the other of the two streams works, its output must be right too.

#![cfg(target_os = "linux")]

use std::fs::{File, OpenOptions};
use std::io::{PipeWriter, pipe};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::fixture;

/// A file that is always full: writing to it fails with "No space left on device".
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

/// A folder with a log to import, a file of claims, and three datasets: `small`; `part`, which has only one of six planned runs; and
/// `wrong`, which fails the audit because of a changed clock.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let experiment = fixture::experiment(fixture::SMALL);
    let run = experiment.runs().next().unwrap();
    let log = sim::engine::virtual_time::run(&run, experiment.seed);
    let runs = vec![fixture::finished(&experiment, &run, &log.machines)];
    fixture::write(&folder.path().join("part"), &experiment, runs);
    fixture::altered(&folder.path().join("wrong"), fixture::BY_HAND, |runs| {
        let (machine, tick) = (0, 1);
        fixture::set(&mut runs[0], machine, tick, "logical_clock", "1000");
    });
    let log = "machine,time,event,clock,queue\na,0,internal,1,0\nb,0,internal,1,0\na,1,internal,2,0\nb,1,internal,2,0\n";
    std::fs::write(folder.path().join("log.csv"), log).unwrap();
    let claims = include_str!("../../../experiments/claims.toml");
    std::fs::write(folder.path().join("claims.toml"), claims).unwrap();
    folder
}

#[test]
fn the_table_is_printed_even_if_messages_cannot_be_printed() {
    let folder = folder();
    let printed = analyze(
        &["drift", "part"],
        folder.path(),
        Stdio::piped(),
        Stdio::piped(),
    );
    assert_eq!(
        String::from_utf8(printed.stderr).unwrap(),
        "part: 5 planned runs are not done yet\n"
    );
    for stderr in [full().into(), Stdio::from(pipe_without_reader())] {
        let output = analyze(&["drift", "part"], folder.path(), Stdio::piped(), stderr);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(output.stdout, printed.stdout);
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

/// Commands that print to stdout, each with its exit code if stdout is a full file: 2, or 4 if the audit also finds a failure.
const PRINTING: [(&[&str], i32); 17] = [
    (&["summary", "small"], 2),
    (&["drift", "small", "--format", "csv"], 2),
    (&["drift", "small", "--by", "rates"], 2),
    (&["jumps", "small", "--format", "json"], 2),
    (&["backlog", "small", "--format", "markdown"], 2),
    (&["causality", "small", "--format", "csv"], 2),
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
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        assert!(
            err.contains("error: stdout: No space left on device"),
            "{arguments:?}: {err}"
        );
    }
}

#[test]
fn a_pipe_without_reader_is_not_an_error() {
    let folder = folder();
    for (arguments, _) in PRINTING {
        let code = match arguments {
            // These two commands fail even if somebody reads their output: `audit wrong` finds the changed clock, and `claims` does not
            // find the datasets of the claims.
            ["audit", "wrong"] => 4,
            ["claims", ..] => 2,
            _ => 0,
        };
        let stdout = pipe_without_reader().into();
        let output = analyze(arguments, folder.path(), stdout, Stdio::piped());
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        assert!(!err.contains("stdout"), "{arguments:?}: {err}");
    }
}

/// If the shell closes stdout, its number (file descriptor 1) is free. The next file that the program opens could get this number, and
/// output for stdout would be written into that file. This must not happen: the dataset still passes the audit afterwards.
#[test]
fn with_closed_standard_streams_no_dataset_is_damaged() {
    let folder = folder();
    for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        let output = Command::new("sh")
            // `$0` is the next argument: the path of `analyze`.
            .args(["-c", &format!("\"$0\" drift part {closed}")])
            .arg(assert_cmd::cargo::cargo_bin!("analyze"))
            .current_dir(folder.path())
            .output()
            .unwrap();
        // At its start, a Rust program opens `/dev/null` for each closed standard stream. So printing does not fail.
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
