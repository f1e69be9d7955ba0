//! Tests that a command writes the same bytes each time it reads the same data: with any number of threads, and with or without
//! cached measures.

use std::collections::BTreeSet;
use std::path::Path;

use assert_cmd::Command;

use crate::fixture;

/// An experiment with many different runs: if another number of threads changed the order in which floating-point numbers are added,
/// the last digits of some sums would differ.
const VARIED: &str = "
name = \"varied\"
seed = 5
repetitions = 3
duration_s = 20
engine = \"virtual\"
[parameters]
rates = [[1, 3, 6], [2, 3, 4]]
internal = [0.7, 0.4]
receive = [\"one\", \"all\"]
sends = [\"mix\", { multicast = 2 }]
";

/// Runs a command of `analyze` with this number of threads. Returns its stdout.
fn stdout(arguments: &[&str], threads: &str, folder: &Path) -> String {
    let output = Command::cargo_bin("analyze")
        .unwrap()
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", "120")
        .env("POLARS_MAX_THREADS", threads)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_writes_the_same_bytes_every_time() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("a"), VARIED);
    let other_seed = VARIED.replace("seed = 5", "seed = 6");
    fixture::simulated(&folder.path().join("b"), &other_seed);
    let commands: [&[&str]; 12] = [
        &["summary", "a"],
        &["drift", "a", "b"],
        &["jumps", "a", "--by", "internal"],
        &["backlog", "a", "b", "--by", "rates,receive"],
        &["causality", "a", "--by", "machine"],
        // `machine` is the number of a machine, `machines` is how many machines a run has.
        &["drift", "a", "--by", "machines", "--warm-up", "3"],
        &["jumps", "a", "--sort", "jump_mean", "--top", "5"],
        &[
            "contrast", "a", "--of", "internal", "--from", "0.4", "--to", "0.7",
        ],
        &["theory", "a"],
        &["compare", "a", "b"],
        // Datasets with different seeds are compared by their measures only, datasets with the same seed also event by event.
        &["compare", "a", "a", "--where", "internal=0.7"],
        &["audit", "a", "b"],
    ];
    for command in commands {
        let command = [command, &["--format", "csv"]].concat();
        // The set of all outputs. At the end it must have only one element: all outputs were equal.
        let mut written = BTreeSet::new();
        for threads in ["1", "5"] {
            written.insert(stdout(&command, threads, folder.path()));
            // The audit has no cache, so it has no option `--no-cache`.
            if command[0] != "audit" {
                let without_cache = [command.as_slice(), &["--no-cache"]].concat();
                written.insert(stdout(&without_cache, threads, folder.path()));
            }
        }
        assert_eq!(written.len(), 1, "{command:?}: {written:?}");
    }
}

#[test]
fn exports_are_the_same_bytes_every_time() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("a"), VARIED);
    // With `--csv`, `export` writes each table as a CSV file and as a Parquet file.
    let files = ["runs", "machines", "events"].map(|name| format!("a/processed/{name}.csv"));
    let parquet = [
        "runs.parquet",
        "machines.parquet",
        "events/part-00000.parquet",
    ];
    let files = files
        .into_iter()
        .chain(parquet.map(|name| format!("a/processed/{name}")));
    let files: Vec<_> = files.map(|file| folder.path().join(file)).collect();
    // The set of all exports. An export is the list of the contents of all files. At the end the set must have only one element.
    let mut written = BTreeSet::new();
    for threads in ["1", "5"] {
        for options in [&["--csv"][..], &["--csv", "--no-cache"]] {
            stdout(
                &[&["export", "a"], options].concat(),
                threads,
                folder.path(),
            );
            let bytes = files.iter().map(|file| std::fs::read(file).unwrap());
            written.insert(bytes.collect::<Vec<_>>());
        }
    }
    assert_eq!(written.len(), 1);
}
