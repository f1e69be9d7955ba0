//! Measures that are kept: the same as if everything were read again, and only what is new is.

use std::fs;
use std::path::Path;

use analyze::Dataset;
use polars::prelude::*;
use sim::log::seal_journal;

use crate::command_line::analyze;
use crate::fixture;

fn keeping(root: &Path) -> Dataset {
    let mut dataset = Dataset::open(root).unwrap();
    dataset.keep_measures().unwrap();
    dataset
}

/// What was kept, and what is read without looking there.
fn both(root: &Path) -> (DataFrame, DataFrame) {
    let read = Dataset::open(root).unwrap().machines().unwrap();
    (keeping(root).machines().unwrap(), read)
}

/// Overwrites the events of all runs: whoever reads them now finds that they are not what was written.
fn damage(root: &Path) -> Vec<u8> {
    let events = root.join("events-0000.csv");
    let whole = fs::read(&events).unwrap();
    fs::write(&events, vec![b'x'; whole.len()]).unwrap();
    whole
}

#[test]
fn the_second_time_no_event_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    let first = keeping(folder.path()).machines().unwrap();
    damage(folder.path());
    assert!(Dataset::open(folder.path()).unwrap().machines().is_err());
    let second = keeping(folder.path()).machines().unwrap();
    assert!(first.equals_missing(&second));
    // Another warm-up is another measurement.
    let mut dataset = keeping(folder.path());
    dataset.cut_warm_up(1.0).unwrap();
    assert!(dataset.machines().is_err());
}

#[test]
fn only_what_is_new_or_another_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fixture::simulated(root, fixture::SMALL);
    let journal = fs::read_to_string(root.join("runs.csv")).unwrap();
    let rows: Vec<&str> = journal.lines().collect();
    // At first two runs are there, then all.
    fs::write(root.join("runs.csv"), rows[..3].join("\n") + "\n").unwrap();
    keeping(root).machines().unwrap();
    fs::write(root.join("runs.csv"), &journal).unwrap();
    let (kept, read) = both(root);
    assert!(kept.equals_missing(&read));
    // A run that is not the one whose measures are kept: here it began otherwise.
    let mut changed = rows.clone();
    let other = rows[2].replace(",virtual,shared,1.0,", ",virtual,shared,2.0,");
    assert_ne!(other, rows[2]);
    changed[2] = &other;
    let changed = seal_journal(&(changed.join("\n") + "\n")).unwrap();
    fs::write(root.join("runs.csv"), changed).unwrap();
    let (kept, read) = both(root);
    assert!(kept.equals_missing(&read));
}

#[test]
fn what_cannot_be_read_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    keeping(folder.path()).machines().unwrap();
    let file = fs::read_dir(folder.path().join(".kept")).unwrap().next();
    let file = file.unwrap().unwrap().path();
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let (kept, read) = both(folder.path());
    assert!(kept.equals_missing(&read));
    assert_eq!(fs::read(&file).unwrap().len(), whole.len());
}

#[test]
fn on_the_command_line_everything_is_read_again_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let drift = |options: &[&str]| analyze(&[&["drift", "small"], options].concat(), folder.path());
    let (code, first, _) = drift(&["--reread"]);
    assert!(code == 0 && !root.join(".kept").exists());
    assert_eq!(drift(&[]), (0, first.clone(), String::new()));
    let whole = damage(&root);
    assert_eq!(drift(&[]), (0, first, String::new()));
    let (code, _, err) = drift(&["--reread"]);
    assert!(code == 2 && err.contains("checksum"), "{err}");
    // A file in the folder's place: measures cannot be kept, and are read all the same.
    fs::write(root.join("events-0000.csv"), whole).unwrap();
    fs::remove_dir_all(root.join(".kept")).unwrap();
    fs::write(root.join(".kept"), "in the way").unwrap();
    let (code, _, err) = drift(&[]);
    assert!(
        code == 0 && err.starts_with("measures are not kept: small/.kept: "),
        "{err}"
    );
}
