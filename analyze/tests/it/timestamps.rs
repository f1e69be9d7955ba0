//! Tests of datasets whose machines keep a vector clock or a hybrid logical clock beside their Lamport clock. The event log then has a
//! column `timestamp`. The audit checks it, exported events contain it, and `analyze show` prints it.

use std::path::Path;

use analyze::Dataset;
use analyze::audit::{Audit, Check};
use polars::prelude::*;
use sim::log::EndedRun;

use crate::command_line::analyze;
use crate::fixture;

/// Run 0 has Lamport clocks only, run 1 vector clocks, run 2 hybrid logical clocks. The three runs have the same events.
const CLOCKS: &str = "
name = \"clocks\"
seed = 262
duration_s = 20
engine = \"virtual\"
[parameters]
rates = [[1, 3, 6]]
internal = 0.4
clock = [\"lamport\", \"vector\", \"hlc\"]
";

/// The position of the column `timestamp` in a row of the event log, from 0.
const TIMESTAMP: usize = 10;

/// Simulates the runs, alters them, and audits the dataset.
fn audited(alter: impl FnOnce(&mut Vec<EndedRun>)) -> Audit {
    let folder = tempfile::tempdir().unwrap();
    fixture::altered(folder.path(), CLOCKS, alter);
    Audit::run(&[folder.path().to_owned()]).unwrap()
}

/// The names of the checks that found a violation.
fn failed(audit: &Audit) -> Vec<&'static str> {
    let checks = Check::ALL.into_iter();
    let failed = checks.filter(|&check| {
        let (_, violations) = audit.counts(check);
        violations > 0
    });
    failed.map(Check::name).collect()
}

/// For each row of the run: its machine, its tick, and its cell at the position `column` (from 0).
fn cells(run: &EndedRun, column: usize) -> Vec<(u32, u64, String)> {
    let text = std::str::from_utf8(&run.events).unwrap();
    let cells = text.lines().map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        (
            cells[1].parse().unwrap(),
            cells[2].parse().unwrap(),
            cells[column].to_owned(),
        )
    });
    cells.collect()
}

#[test]
fn correct_timestamps_pass_the_audit() {
    let audit = audited(|_| {});
    assert_eq!(failed(&audit), Vec::<&str>::new());
    // Two of the three runs have timestamps.
    let events_of_a_run = audit.datasets[0].events / 3;
    let (checked, _) = audit.counts(Check::Timestamp);
    assert_eq!(checked, 2 * events_of_a_run);
}

/// Each number of a timestamp is changed in two ways, one change at a time. Only the check `timestamp` fails, because no other check reads
/// the column `timestamp`.
#[test]
fn only_the_check_of_timestamps_finds_a_wrong_timestamp() {
    let change = |text: &str, index: usize, by: i64| {
        let mut numbers: Vec<i64> = text
            .split(';')
            .map(|number| number.parse().unwrap())
            .collect();
        numbers[index] += by;
        let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
        numbers.join(";")
    };
    // A vector clock of three machines has three numbers, a hybrid logical clock two: milliseconds and a counter.
    for (run, numbers) in [(1, 3), (2, 2)] {
        for index in 0..numbers {
            // Physical clocks may be wrong by up to 50 ms, so the audit accepts small changes of the milliseconds. 200 ms are too many.
            let is_milliseconds = (run, index) == (2, 0);
            let changes = if is_milliseconds {
                [200, -200]
            } else {
                [1, 1_000]
            };
            for by in changes {
                let mut cell = String::new();
                let audit = audited(|runs| {
                    let all = cells(&runs[run], TIMESTAMP);
                    // An event in the middle of the log of machine 1, because the audit compares a timestamp with the machine's timestamps
                    // before and after it.
                    let of_machine_1: Vec<_> = all
                        .into_iter()
                        .filter(|(machine, ..)| *machine == 1)
                        .collect();
                    let (machine, tick, text) = &of_machine_1[of_machine_1.len() / 2];
                    cell = change(text, index, by);
                    fixture::set(&mut runs[run], *machine, *tick, "timestamp", &cell);
                });
                assert_eq!(failed(&audit), ["timestamp"], "run {run}: {cell}");
            }
        }
    }
}

#[test]
fn a_damaged_timestamp_is_reported_with_row_and_column() {
    let folder = tempfile::tempdir().unwrap();
    fixture::altered(&folder.path().join("clocks"), CLOCKS, |runs| {
        // Two numbers instead of three, at tick 3 of machine 0. The rows of machine 0 come first, and its ticks count from 0. So this is row
        // 4 of the run, counted from 1.
        fixture::set(&mut runs[1], 0, 3, "timestamp", "1;2");
    });
    let (code, out, _) = analyze(&["audit", "clocks"], folder.path());
    let problem = "column timestamp: must have one number for each machine";
    // The output is broken into lines, some of them indented. The replacements join them again.
    assert!(
        code != 0 && out.replace('\n', " ").replace("  ", " ").contains(problem),
        "{out}"
    );
    let (code, _, err) = analyze(&["show", "clocks", "--run", "1"], folder.path());
    assert_eq!(code, 2, "{err}");
    let err = err.replace('\n', " ");
    assert!(
        err.contains("row 4") && err.contains("must have one number for each machine"),
        "{err}"
    );
}

/// Simulates the experiment, and returns its events as a data frame with the same columns as in exported files. The function also runs
/// `analyze export` and checks that it succeeds, but does not read the exported files.
fn exported(root: &Path, text: &str) -> DataFrame {
    fixture::simulated(root, text);
    let dataset = Dataset::open(root).unwrap();
    let batch = dataset.batches().next().unwrap();
    let events = batch.events().unwrap();
    let (code, _, err) = analyze(&["export", "."], root);
    assert_eq!(code, 0, "{err}");
    events
}

#[test]
fn exported_events_have_timestamps_as_lists() {
    let folder = tempfile::tempdir().unwrap();
    let events = exported(folder.path(), CLOCKS);
    let lists = events.column("timestamp").unwrap().list().unwrap();
    let log = std::fs::read_to_string(folder.path().join("events-0000.csv")).unwrap();
    assert_eq!(lists.len(), log.lines().count() - 1);
    for (index, line) in log.lines().skip(1).enumerate() {
        // The last column of the log has the numbers of the timestamp, joined by `;`. If a run has no clocks except Lamport clocks, its
        // cells there are empty, and the exported events have nulls.
        let list = lists.get_as_series(index);
        let cell = line.rsplit(',').next().unwrap();
        let numbers = list.map(|list| {
            let numbers: Vec<String> = list
                .i64()
                .unwrap()
                .into_no_null_iter()
                .map(|n| n.to_string())
                .collect();
            numbers.join(";")
        });
        assert_eq!(numbers.unwrap_or_default(), cell);
    }
    // All runs of `SMALL` have Lamport clocks only, so the events have no column `timestamp`.
    let other = tempfile::tempdir().unwrap();
    let events = exported(other.path(), fixture::SMALL);
    assert!(events.column("timestamp").is_err());
}

#[test]
fn the_table_of_a_run_shows_timestamps() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("clocks"), CLOCKS);
    let log = std::fs::read_to_string(folder.path().join("clocks/events-0000.csv")).unwrap();
    for (run, has_column) in [(0, false), (1, true), (2, true)] {
        let number = run.to_string();
        let (code, out, err) = analyze(
            &["show", "clocks", "--run", &number, "--format", "csv"],
            folder.path(),
        );
        assert_eq!(code, 0, "{err}");
        let header = out.lines().next().unwrap();
        assert_eq!(header.ends_with(",timestamp"), has_column, "{header}");
        let (_, table, _) = analyze(&["show", "clocks", "--run", &number], folder.path());
        assert_eq!(table.contains("timestamp"), has_column, "{table}");
        // Rows of the log begin with the number of the run and end with the timestamp.
        let start = format!("{run},");
        let last_cell = |line: &str| line.rsplit(',').next().unwrap().to_owned();
        let mut logged: Vec<String> = log
            .lines()
            .filter(|line| line.starts_with(&start))
            .map(last_cell)
            .collect();
        if has_column {
            let mut shown: Vec<String> = out.lines().skip(1).map(last_cell).collect();
            // `show` has the events in another order than the log.
            logged.sort();
            shown.sort();
            assert_eq!(shown, logged);
        }
    }
}
