//! Tests with extreme and wrong values in datasets whose checksums are right. Each case writes one such value to a cell of the journal
//! (`runs.csv`, a row for each run) or of the events.
//!
//! Every command must give an answer, or an error that names the dataset's folder. It must not panic. If a wrong number says that there
//! are billions of machines or events, the command must not allocate memory for them.

use std::path::Path;

use analyze::audit::{self, Audit};
use analyze::compare::{self, Comparison};
use analyze::stats::{contrast, repetitions};
use analyze::{Dataset, theory};
use sim::log::{EndedRun, seal_journal};

use crate::fixture;

/// Four runs of two seconds: two repetitions for each of two values of `internal`.
const TINY: &str = "
name = \"tiny\"
seed = 7
repetitions = 2
duration_s = 2
engine = \"virtual\"
[parameters]
rates = [[1, 2, 4]]
internal = [0.5, 0.7]
";

/// 0, the largest `u32`, the largest `i64`, one more than that, and the largest `u64`.
const NUMBERS: [u64; 5] = [0, u32::MAX as u64, (1 << 63) - 1, 1 << 63, u64::MAX];
/// Extreme real numbers.
const REALS: [f64; 6] = [0.0, -1.0, 1e-300, 1e19, f64::INFINITY, f64::NAN];

/// Runs all computations on the dataset in `root`, and compares it with an undamaged dataset. A computation may fail, but its
/// error must name the folder `root`. An error that does not name the folder is returned.
fn check_all_commands(root: &Path, undamaged: &Dataset) -> Result<(), String> {
    let require_folder = |error: analyze::Error| {
        let problem = error.to_string();
        if problem.contains(&root.display().to_string()) {
            Ok(())
        } else {
            Err(problem)
        }
    };
    match Audit::run(&[root.to_owned()]) {
        // Making the tables could panic too.
        Ok(audit) => drop((audit::words(&audit), audit::records(&audit))),
        Err(error) => require_folder(error)?,
    }
    let dataset = match Dataset::open(root) {
        Ok(dataset) => dataset,
        Err(error) => return require_folder(error),
    };
    match Comparison::new(&dataset, undamaged) {
        Ok(comparison) => drop((compare::words(&comparison), compare::records(&comparison))),
        Err(error) => require_folder(error)?,
    }
    match repetitions::groups(std::slice::from_ref(&dataset)) {
        Ok(groups) => {
            theory::records(&theory::compare(&groups));
            // `pairs` may return an error, but it must not panic.
            let internal = contrast::Contrast::new("internal", "0.5", "0.7").unwrap();
            drop(internal.pairs(&groups));
        }
        Err(error) => require_folder(error)?,
    }
    Ok(())
}

/// Runs all computations on a dataset whose second run was changed by `alter`.
fn check_with_altered_run(
    alter: impl FnOnce(&mut EndedRun),
    undamaged: &Dataset,
) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("altered");
    fixture::altered(&root, TINY, |runs| alter(&mut runs[1]));
    check_all_commands(&root, undamaged)
}

/// A dataset without wrong values, and the temporary folder that contains it.
fn undamaged() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("undamaged");
    fixture::simulated(&root, TINY);
    let dataset = Dataset::open(&root).unwrap();
    (folder, dataset)
}

/// Runs all computations on a dataset in which some cells of the second row of the journal were replaced. Each element of `cells`
/// is a column and the new value of its cell.
fn check_with_journal_cells(cells: &[(&str, &str)], undamaged: &Dataset) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("altered");
    fixture::simulated(&root, TINY);
    set_journal_cells(&root, cells);
    check_all_commands(&root, undamaged)
}

/// Replaces cells in the second row of the journal, and calculates the checksums anew. Each element of `cells` is a
/// column and the new value of its cell.
fn set_journal_cells(root: &Path, cells: &[(&str, &str)]) {
    let path = root.join("runs.csv");
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let header = reader.headers().unwrap().clone();
    let mut writer = csv::Writer::from_writer(vec![]);
    writer.write_record(&header).unwrap();
    for (row, record) in reader.records().enumerate() {
        let record = record.unwrap();
        let is_second_row = row == 1;
        let altered = std::iter::zip(&header, &record).map(|(column, cell)| {
            if !is_second_row {
                return cell;
            }
            let new = cells.iter().find(|(name, _)| *name == column);
            new.map_or(cell, |(_, value)| value)
        });
        writer.write_record(altered).unwrap();
    }
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    std::fs::write(&path, seal_journal(&text).unwrap()).unwrap();
}

#[test]
fn no_number_in_the_journal_makes_a_command_panic() {
    let (_folder, undamaged) = undamaged();
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
            check_with_journal_cells(&[(column, &number.to_string())], &undamaged)
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
            // The row also pretends that the run was over TCP and not as scheduled. When the audit checks such a run, it assumes that
            // each message arrives at most `latency_max_us` microseconds after its send.
            let number = number.to_string();
            let cells = [
                (column, &*number),
                ("engine", "tcp"),
                ("as_scheduled", "false"),
            ];
            check_with_journal_cells(&cells, &undamaged)
                .unwrap_or_else(|problem| panic!("{column} = {number}: {problem}"));
        }
    }
}

#[test]
fn no_text_in_the_journal_makes_a_command_panic() {
    let (_folder, undamaged) = undamaged();
    // Some texts are wrong by themselves, such as `moon`. Others are valid, but contradict the run, which has three machines in a mesh.
    // 4294967295 is the largest `u32`, 18446744073709551615 the largest `u64`.
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
            check_with_journal_cells(&[(column, value)], &undamaged)
                .unwrap_or_else(|problem| panic!("{column} = {value}: {problem}"));
        }
    }
}

/// Takes one row of each kind of event, and replaces one of its numbers by one of [`NUMBERS`], in all combinations. About half of the cases
/// pretend that the run was over TCP and not as scheduled, because the audit checks such runs in other ways. A column is given by its index
/// in [`sim::log::EVENT_COLUMNS`].
#[test]
fn no_number_in_the_events_makes_a_command_panic() {
    let (_folder, undamaged) = undamaged();
    // 1 is the machine, 2 the tick, 4 the time, 5 the clock, 6 the queue length, 7 the recipient or sender of the message, 8 its timestamp,
    // and 9 the tick at which it was sent. 3 is the kind of the event, which is not a number.
    for (kind, columns) in [
        ("internal", &[1, 2, 4, 5, 6][..]),
        ("send", &[1, 2, 4, 5, 6, 7, 8]),
        ("receive", &[1, 2, 4, 5, 6, 7, 8, 9]),
    ] {
        for column in columns {
            for (index, number) in NUMBERS.into_iter().enumerate() {
                let alter = |run: &mut EndedRun| {
                    let is_over_tcp = (index + column) % 2 == 0;
                    if is_over_tcp {
                        run.row.engine = "tcp".to_owned();
                        run.row.as_scheduled = false;
                    }
                    set_cell(run, kind, *column, number);
                };
                check_with_altered_run(alter, &undamaged).unwrap_or_else(|problem| {
                    panic!("column {column} of a {kind} event = {number}: {problem}")
                });
            }
        }
    }
}

/// Sets one cell of the last event of this kind to `number`. The cell must not be empty.
fn set_cell(run: &mut EndedRun, kind: &str, column: usize, number: u64) {
    let text = String::from_utf8(std::mem::take(&mut run.events)).unwrap();
    let mut rows: Vec<Vec<String>> = text
        .lines()
        .map(|row| row.split(',').map(str::to_owned).collect())
        .collect();
    // The column with index 3 is `event`.
    let row = rows.iter_mut().rev().find(|row| row[3] == kind);
    let row = row.unwrap_or_else(|| panic!("no {kind} event"));
    assert_ne!(row[column], "", "column {column} of a {kind} event");
    row[column] = number.to_string();
    let rows: Vec<String> = rows.iter().map(|row| row.join(",") + "\n").collect();
    run.events = rows.concat().into_bytes();
}

/// A row with billions of machines is refused, because it has only three rates. No memory is allocated for the machines before the row is
/// refused.
#[test]
fn billions_of_machines_are_refused_with_an_error() {
    let (_folder, undamaged) = undamaged();
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
    check_all_commands(folder.path(), &undamaged).unwrap();
}
