//! Datasets whose checksums are right and whose contents cannot be: each number of each row as large and as small as it can be.
//!
//! Every verb gives an answer or an error that names the file: never a panic, and no memory on the word of a row.

use std::path::Path;

use analyze::audit::{self, Audit};
use analyze::compare::{self, Comparison};
use analyze::{Dataset, contrasts, repetitions, theory};
use sim::log::{FinishedRun, JournalRow};

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

/// Where bits run out: of 32 and 64, with sign and without.
const NUMBERS: [u64; 5] = [0, u32::MAX as u64, (1 << 63) - 1, 1 << 63, u64::MAX];
/// Of real numbers.
const REALS: [f64; 6] = [0.0, -1.0, 1e-300, 1e19, f64::INFINITY, f64::NAN];

/// Every way to look at a dataset, beside a whole one: whatever fails must name the dataset's folder.
fn look_at(root: &Path, whole: &Dataset) -> Result<(), String> {
    let names_it = |error: analyze::Error| {
        let said = error.to_string();
        let names_it = said.contains(&root.display().to_string());
        names_it.then_some(()).ok_or(said)
    };
    match Audit::of(&[root.to_owned()]) {
        Ok(audit) => drop((audit::words(&audit), audit::records(&audit))),
        Err(error) => names_it(error)?,
    }
    let dataset = match Dataset::open(root) {
        Ok(dataset) => dataset,
        Err(error) => return names_it(error),
    };
    match Comparison::of(&dataset, whole) {
        Ok(comparison) => drop((compare::words(&comparison), compare::records(&comparison))),
        Err(error) => names_it(error)?,
    }
    match repetitions::groups(std::slice::from_ref(&dataset)) {
        Ok(groups) => {
            theory::records(&theory::beside(&groups));
            let internal = contrasts::Contrast::new("internal", "0.5", "0.7").unwrap();
            drop(internal.pairs(&groups));
        }
        Err(error) => names_it(error)?,
    }
    Ok(())
}

/// Looks at the dataset with its second run altered.
fn altered(alter: impl FnOnce(&mut FinishedRun), whole: &Dataset) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("altered");
    fixture::altered(&root, TINY, |runs| alter(&mut runs[1]));
    look_at(&root, whole)
}

fn whole() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("whole");
    fixture::simulated(&root, TINY);
    let dataset = Dataset::open(&root).unwrap();
    (folder, dataset)
}

#[test]
fn numbers_in_the_journal() {
    let (_folder, whole) = whole();
    type Set = fn(&mut JournalRow, u64);
    let whole_numbers: [(&str, Set); 6] = [
        ("run", |row, number| row.run = number),
        ("repetition", |row, number| row.repetition = number as u32),
        ("machines", |row, number| row.machines = number as u32),
        ("started_at_ns", |row, number| row.started_at_ns = number),
        ("strangers", |row, number| row.strangers = number as u32),
        ("events", |row, number| row.events = number),
    ];
    for (column, set) in whole_numbers {
        for number in NUMBERS {
            altered(|run| set(&mut run.row, number), &whole)
                .unwrap_or_else(|said| panic!("{column} = {number}: {said}"));
        }
    }
    type SetReal = fn(&mut JournalRow, f64);
    let real_numbers: [(&str, SetReal); 5] = [
        ("time_scale", |row, number| row.time_scale = number),
        ("duration_s", |row, number| row.duration_s = number),
        ("margin_us", |row, number| row.margin_us = number),
        ("lateness_max_us", |row, number| {
            row.lateness_max_us = number;
        }),
        ("latency_max_us", |row, number| row.latency_max_us = number),
    ];
    for (column, set) in real_numbers {
        for number in REALS {
            let alter = |run: &mut FinishedRun| {
                set(&mut run.row, number);
                // As over TCP, where these bound what can have been.
                run.row.in_order = false;
            };
            altered(alter, &whole).unwrap_or_else(|said| panic!("{column} = {number}: {said}"));
        }
    }
}

#[test]
fn texts_in_the_journal() {
    let (_folder, whole) = whole();
    type Set = fn(&mut JournalRow, &str);
    let texts: [(&str, Set, &[&str]); 8] = [
        (
            "rates",
            |row, text| row.rates = text.to_owned(),
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
            |row, text| row.phases_ns = text.to_owned(),
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
            |row, text| row.delay_s = text.to_owned(),
            &[
                "1e300",
                "18446744073.709551615",
                "exponential(1e10)",
                "uniform(0,1e300)",
                "-1",
            ],
        ),
        (
            "topology",
            |row, text| row.topology = text.to_owned(),
            &["ring", "star", "time-keeper", "torus"],
        ),
        (
            "sends",
            |row, text| row.sends = text.to_owned(),
            &[
                "multicast(0)",
                "multicast(4294967295)",
                "unicast",
                "broadcast",
            ],
        ),
        (
            "receive",
            |row, text| row.receive = text.to_owned(),
            &["all", "none"],
        ),
        (
            "phase",
            |row, text| row.phase = text.to_owned(),
            &["aligned", "uniform", "moon"],
        ),
        (
            "engine",
            |row, text| row.engine = text.to_owned(),
            &["tcp", "imported", "steam"],
        ),
    ];
    for (column, set, values) in texts {
        for value in values {
            altered(|run| set(&mut run.row, value), &whole)
                .unwrap_or_else(|said| panic!("{column} = {value}: {said}"));
        }
    }
}

/// In every column of rows of every kind of event; in a run on schedule, and in one that is not, by turns.
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
                        run.row.in_order = false;
                    }
                    set_cell(run, kind, *column, number);
                };
                altered(alter, &whole).unwrap_or_else(|said| {
                    panic!("column {column} of a {kind} event = {number}: {said}")
                });
            }
        }
    }
}

/// Changes one cell of the last row of that kind, which must have one there.
fn set_cell(run: &mut FinishedRun, kind: &str, column: usize, number: u64) {
    let text = String::from_utf8(std::mem::take(&mut run.events)).unwrap();
    let mut rows: Vec<Vec<String>> = text
        .lines()
        .map(|row| row.split(',').map(str::to_owned).collect())
        .collect();
    let row = rows.iter_mut().rev().find(|row| row[3] == kind);
    if let Some(row) = row.filter(|row| !row[column].is_empty()) {
        row[column] = number.to_string();
    }
    let rows: Vec<String> = rows.iter().map(|row| row.join(",") + "\n").collect();
    run.events = rows.concat().into_bytes();
}

/// A row that promises billions of machines is refused by its number of rates, before anything is made for each.
#[test]
fn billions_of_machines_are_refused_in_words() {
    let (_folder, whole) = whole();
    let folder = tempfile::tempdir().unwrap();
    fixture::altered(folder.path(), TINY, |runs| {
        runs[1].row.machines = 4_000_000_000;
    });
    let said = Dataset::open(folder.path()).unwrap_err().to_string();
    assert!(
        said.ends_with(
            "runs.csv: run 1: machines is 4000000000, but there are 3 rates and 3 phases; delete the row and run again"
        ),
        "{said}"
    );
    let audit = Audit::of(&[folder.path().to_owned()]).unwrap();
    assert!(!audit.is_clean());
    look_at(folder.path(), &whole).unwrap();
}
