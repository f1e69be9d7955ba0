//! Tests that a mesh of 256 machines (each may send to every other) can be analysed with limited memory: a command must not store a number
//! for each pair of a message and a machine.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use polars::prelude::ChunkAgg;

use crate::exported::{read, read_parts};
use crate::fixture;

const MACHINES: usize = 256;
/// Two runs, one for each value of `sends`, with the same 256 random rates. Together they have 126 000 messages. An 8-byte number for each
/// pair of a message and a machine would need 258 megabytes. Together with the memory that a command needs anyway, this is more than
/// [`MAX_KILOBYTES`].
const EXPERIMENT: &str = "
name = \"mesh\"
seed = 7
duration_s = 120
engine = \"virtual\"
[parameters]
rates = { random = 1, machines = 256, from = 1, to = 6 }
internal = 0.1
sends = [\"mix\", \"unicast\"]
";
/// The largest memory that a command may use, in kilobytes. When this limit was chosen, the commands used 60 to 160 megabytes.
const MAX_KILOBYTES: u64 = 300_000;

/// A Python program that runs the command in its arguments and then prints the command's peak memory in kilobytes on stderr.
const WITH_PEAK: &str = "import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)";

/// Runs `analyze` in `folder` and returns its output. Requires that the command succeeds and uses less memory than [`MAX_KILOBYTES`].
fn analyze(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("python3")
        .args(["-c", WITH_PEAK])
        .arg(assert_cmd::cargo::cargo_bin!("analyze"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("python3");
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {err}");
    let kilobytes: u64 = err.lines().last().unwrap().parse().unwrap();
    // Every command needs more than 10 MB. A smaller number would be a mistake in the measurement.
    assert!(
        (10_000..MAX_KILOBYTES).contains(&kilobytes),
        "{arguments:?}: {kilobytes} kB of memory"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The rows that `analyze` prints as JSON.
fn rows(folder: &Path, arguments: &[&str]) -> Vec<serde_json::Value> {
    let arguments = [arguments, &["--format", "json"]].concat();
    serde_json::from_str(&analyze(folder, &arguments)).unwrap()
}

#[test]
fn a_mesh_of_256_machines_is_analysed_with_limited_memory() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("mesh"), EXPERIMENT);
    let rows = |arguments: &[&str]| rows(folder.path(), arguments);
    let machines_of_two_runs = 2 * MACHINES;

    let causality = rows(&["causality", "mesh"]);
    assert_eq!(causality.len(), machines_of_two_runs);
    for row in &causality {
        // The share of concurrent pairs among all pairs of events of different machines.
        let share = row["concurrency_mean"].as_f64().unwrap();
        assert!(share > 0.0 && share < 1.0, "{row}");
    }
    for verb in ["drift", "jumps", "backlog", "theory"] {
        let table = rows(&[verb, "mesh"]);
        assert_eq!(table.len(), machines_of_two_runs, "{verb}");
        let rows_of_last_machine = table.iter().filter(|row| row["machine"] == MACHINES - 1);
        assert_eq!(rows_of_last_machine.count(), 2, "{verb}");
    }
    let contrast = [
        "contrast", "mesh", "--of", "sends", "--from", "mix", "--to", "unicast",
    ];
    // Each of the four default measures has a row for each machine and one for the average over the machines.
    assert_eq!(rows(&contrast).len(), 4 * (MACHINES + 1));
    let audit = analyze(folder.path(), &["audit", "mesh"]);
    assert!(audit.contains("mesh: 2 runs, "), "{audit}");
    assert!(audit.contains("Check passed: "), "{audit}");
    let compared = analyze(folder.path(), &["compare", "mesh", "mesh"]);
    assert!(
        compared.contains("Events: 2 of 2 runs identical, 0 different."),
        "{compared}"
    );

    analyze(folder.path(), &["export", "mesh"]);
    let processed = folder.path().join("mesh/processed");
    assert_eq!(read(&processed.join("runs.parquet")).height(), 2);
    let machines = read(&processed.join("machines.parquet"));
    assert_eq!(machines.height(), machines_of_two_runs);
    // Each tick of these runs has exactly one event.
    let ticks = machines.column("ticks").unwrap().i64().unwrap().sum();
    let events = read_parts(&processed.join("events"));
    assert_eq!(events.height() as i64, ticks.unwrap());
}
