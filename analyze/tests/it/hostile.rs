//! Tests with impossible values in datasets whose checksums are right: every number of every row is very small or very large.
//!
//! Every command gives an answer or an error that names the file. It never panics, and never allocates memory in proportion to a
//! number in a row.

use std::path::Path;

use analyze::audit::{self, Audit};
use analyze::compare::{self, Comparison};
use analyze::stats::{contrast, repetitions};
use analyze::{Dataset, theory};
use sim::log::{FinishedRun, seal_journal};

use crate::fixture;

/// Three runs of two seconds.
const TINY: &str = "
name = \"tiny\"
seed = 7
repetitions = 3
duration_s = 2
engine = \"virtual\"
[parameters]
rates = [[1, 2, 4]]
internal = 0.5
";

/// The limits of 32-bit and 64-bit integers, with and without a sign.
const NUMBERS: [u64; 5] = [0, u32::MAX as u64, (1 << 63) - 1, 1 << 63, u64::MAX];
/// Extreme real numbers.
const REALS: [f64; 6] = [0.0, -1.0, 1e-300, 1e19, f64::INFINITY, f64::NAN];

/// Runs all computations on a dataset, also together with an undamaged one. Every error must name the dataset's folder.
fn check_all_commands(root: &Path, whole: &Dataset) -> Result<(), String> {
    let names_it = |error: analyze::Error| {
        let problem = error.to_string();
        let names_it = problem.contains(&root.display().to_string());
        names_it.then_some(()).ok_or(problem)
    };
    match Audit::run(&[root.to_owned()]) {
        Ok(audit) => drop((audit::words(&audit), audit::records(&audit))),
        Err(error) => names_it(error)?,
    }
    let dataset = match Dataset::open(root) {
        Ok(dataset) => dataset,
        Err(error) => return names_it(error),
    };
    match Comparison::new(&dataset, whole) {
        Ok(comparison) => drop((compare::words(&comparison), compare::records(&comparison))),
        Err(error) => names_it(error)?,
    }
    match repetitions::groups(std::slice::from_ref(&dataset)) {
        Ok(groups) => {
            theory::records(&theory::compare(&groups));
            let internal = contrast::Contrast::new("internal", "0.5", "0.7").unwrap();
            drop(internal.pairs(&groups));
        }
        Err(error) => names_it(error)?,
    }
    Ok(())
}

/// Runs all computations on the dataset with an altered second run.
fn altered(alter: impl FnOnce(&mut FinishedRun), whole: &Dataset) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("altered");
    fixture::altered(&root, TINY, |runs| alter(&mut runs[1]));
    check_all_commands(&root, whole)
}

fn whole() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("whole");
    fixture::simulated(&root, TINY);
    let dataset = Dataset::open(&root).unwrap();
    (folder, dataset)
}

/// Runs all computations on the dataset with changed cells in its second row and a new checksum of this row.
fn with_cells(cells: &[(&str, &str)], whole: &Dataset) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("altered");
    fixture::simulated(&root, TINY);
    set_journal_cells(&root, cells);
    check_all_commands(&root, whole)
}

fn set_journal_cells(root: &Path, cells: &[(&str, &str)]) {
    let path = root.join("runs.csv");
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let header = reader.headers().unwrap().clone();
    let mut writer = csv::Writer::from_writer(vec![]);
    writer.write_record(&header).unwrap();
    for (row, record) in reader.records().enumerate() {
        let record = record.unwrap();
        let altered = std::iter::zip(&header, &record).map(|(column, cell)| {
            let mut cells = cells.iter().filter(|_| row == 1);
            let other = cells.find(|(name, _)| *name == column);
            other.map_or(cell, |(_, other)| other)
        });
        writer.write_record(altered).unwrap();
    }
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    std::fs::write(&path, seal_journal(&text).unwrap()).unwrap();
}

#[test]
fn numbers_in_the_journal() {
    let (_folder, whole) = whole();
    for column in [
        "run",
        "repetition",
        "machines",
        "started_at_ns",
        "rejected_connections",
        "events",
        "segment",
        "offset",
        "bytes",
    ] {
        for number in NUMBERS {
            with_cells(&[(column, &number.to_string())], &whole)
                .unwrap_or_else(|problem| panic!("{column} = {number}: {problem}"));
        }
    }
    for column in [
        "time_scale",
        "duration_s",
        "margin_us",
        "lateness_max_us",
        "latency_max_us",
    ] {
        for number in REALS {
            // The values bound other values as in a run over TCP.
            with_cells(
                &[(column, &number.to_string()), ("as_scheduled", "false")],
                &whole,
            )
            .unwrap_or_else(|problem| panic!("{column} = {number}: {problem}"));
        }
    }
}

#[test]
fn texts_in_the_journal() {
    let (_folder, whole) = whole();
    let texts: [(&str, &[&str]); 8] = [
        (
            "rates",
            &[
                "",
                "1",
                "1,2,4,8",
                "1,2,0",
                "1,2,-4",
                "1,2,NaN",
                "1,2,1e300",
                "0.000001,0.000001,0.000001",
                "999999999,999999998,999999997",
            ],
        ),
        (
            "phases_ns",
            &[
                "",
                "0",
                "0,0,0,0",
                "0,0,-1",
                "0,0,18446744073709551615",
                "0,0,18446744073709551616",
            ],
        ),
        (
            "delay_s",
            &[
                "1e300",
                "18446744073.709551615",
                "exponential(1e10)",
                "uniform(0,1e300)",
                "-1",
            ],
        ),
        ("topology", &["ring", "star", "time-keeper", "torus"]),
        (
            "sends",
            &[
                "multicast(0)",
                "multicast(4294967295)",
                "unicast",
                "broadcast",
            ],
        ),
        ("receive", &["all", "none"]),
        ("phase", &["aligned", "uniform", "moon"]),
        ("engine", &["tcp", "imported", "steam"]),
    ];
    for (column, values) in texts {
        for value in values {
            with_cells(&[(column, value)], &whole)
                .unwrap_or_else(|problem| panic!("{column} = {value}: {problem}"));
        }
    }
}

/// Changes every column of rows of every kind of event, in runs that are on schedule and in runs that are not.
#[test]
fn numbers_in_the_events() {
    let (_folder, whole) = whole();
    for (kind, columns) in [
        ("internal", &[1, 2, 4, 5, 6][..]),
        ("send", &[1, 2, 4, 5, 6, 7, 8]),
        ("receive", &[1, 2, 4, 5, 6, 7, 8, 9]),
    ] {
        for column in columns {
            for (turn, number) in NUMBERS.into_iter().enumerate() {
                let alter = |run: &mut FinishedRun| {
                    if (turn + column) % 2 == 0 {
                        run.row.engine = "tcp".to_owned();
                        run.row.as_scheduled = false;
                    }
                    set_cell(run, kind, *column, number);
                };
                altered(alter, &whole).unwrap_or_else(|problem| {
                    panic!("column {column} of a {kind} event = {number}: {problem}")
                });
            }
        }
    }
}

/// Changes one cell of the last row of this kind. The cell must not be empty.
fn set_cell(run: &mut FinishedRun, kind: &str, column: usize, number: u64) {
    let text = String::from_utf8(std::mem::take(&mut run.events)).unwrap();
    let mut rows: Vec<Vec<String>> = text
        .lines()
        .map(|row| row.split(',').map(str::to_owned).collect())
        .collect();
    let row = rows.iter_mut().rev().find(|row| row[3] == kind);
    let row = row.unwrap_or_else(|| panic!("no {kind} event"));
    assert_ne!(row[column], "", "column {column} of a {kind} event");
    row[column] = number.to_string();
    let rows: Vec<String> = rows.iter().map(|row| row.join(",") + "\n").collect();
    run.events = rows.concat().into_bytes();
}

/// A row with billions of machines is refused because of its number of rates, before memory is allocated for the machines.
#[test]
fn billions_of_machines_are_refused_with_an_error() {
    let (_folder, whole) = whole();
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), TINY);
    set_journal_cells(folder.path(), &[("machines", "4000000000")]);
    let problem = Dataset::open(folder.path()).unwrap_err().to_string();
    assert!(
        problem.contains(
            "runs.csv: line 3, column machines: `4000000000`, but by the row's other cells it must be 3"
        ),
        "{problem}"
    );
    let audit = Audit::run(&[folder.path().to_owned()]).unwrap();
    assert!(!audit.is_clean());
    check_all_commands(folder.path(), &whole).unwrap();
}
