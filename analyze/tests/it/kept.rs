//! Measures that are kept: the same as if everything were read again, and only what is new is.

use std::fs;
use std::path::{Path, PathBuf};

use analyze::Dataset;
use polars::prelude::*;
use sim::log::seal_journal;

use crate::command_line::analyze;
use crate::fixture;

fn keeping(root: &Path) -> Dataset {
    let mut dataset = Dataset::open(root).unwrap();
    dataset.cache_measures().unwrap();
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
    let file = fs::read_dir(folder.path().join(".cache")).unwrap().next();
    let file = file.unwrap().unwrap().path();
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let (kept, read) = both(folder.path());
    assert!(kept.equals_missing(&read));
    assert_eq!(fs::read(&file).unwrap().len(), whole.len());
}

/// Each of many flipped bits, spread over the whole file: the table is the same, and the damage is told.
#[test]
fn no_flipped_bit_changes_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fixture::simulated(root, fixture::SMALL);
    let read = Dataset::open(root).unwrap().machines().unwrap();
    keeping(root).machines().unwrap();
    let file = only_file(&root.join(".cache"));
    let whole = fs::read(&file).unwrap();
    // A prime step: every bit of a byte is met, and every region of the file.
    let bits: Vec<usize> = (0..8 * whole.len()).step_by(1999).collect();
    assert!(bits.len() > 50);
    for bit in bits {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, damaged).unwrap();
        let kept = keeping(root).machines().unwrap();
        assert!(kept.equals_missing(&read), "bit {bit}");
        assert_eq!(fs::read(&file).unwrap(), whole, "bit {bit}: written anew");
    }
}

/// The only file in a folder.
fn only_file(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).unwrap();
    let files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// Measures of another warm-up, of another name of the dataset, in the name of those that are asked for.
#[test]
fn a_file_in_anothers_name_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let drift = |options: &[&str]| analyze(&[&["drift", "small"], options].concat(), folder.path());
    let (_, whole, _) = drift(&["--no-cache"]);
    drift(&[]);
    let asked_for = only_file(&root.join(".cache"));
    fs::remove_file(&asked_for).unwrap();
    drift(&["--warm-up", "2"]);
    fs::rename(only_file(&root.join(".cache")), &asked_for).unwrap();
    let (code, out, err) = drift(&[]);
    assert_eq!((code, out), (0, whole));
    let remark = "small: measures are computed again: small/.cache/measures-";
    assert!(err.starts_with(remark) && err.contains("checksum"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert_eq!(drift(&[]).2, "", "it was written anew");
}

#[test]
fn whatever_lies_in_the_folder_the_table_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let kept = root.join(".cache");
    let drift = |options: &[&str]| analyze(&[&["drift", "small"], options].concat(), folder.path());
    let (_, whole, _) = drift(&["--no-cache"]);
    // A stranger's folder and file, what other versions kept, what a crash left.
    fs::create_dir_all(kept.join(".snapshot")).unwrap();
    fs::write(kept.join("notes"), "a stranger's").unwrap();
    fs::write(kept.join("measures-0123456789abcdef-0.parquet"), "old").unwrap();
    fs::write(kept.join("measures-v0-0123456789abcdef.parquet"), "old").unwrap();
    let left = ".measures-0123456789abcdef-1.parquet.0123456789abcdef.partial";
    fs::write(kept.join(left), "half").unwrap();
    assert_eq!(drift(&[]), (0, whole.clone(), String::new()));
    let names = |start: &str| -> Vec<String> {
        let entries = fs::read_dir(&kept).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with(start))
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("measures-"), [".snapshot", "notes"]);
    let file = &names(".")[0];
    assert!(file.starts_with("measures-v"), "{file}");
    // A warm-up whose number is longer than a file's name may be.
    let (code, _, err) = drift(&["--warm-up", "1e-300"]);
    assert_eq!((code, err), (0, String::new()));
    // A folder in the place of the file.
    let file = kept.join(file);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let (code, out, err) = drift(&[]);
    assert_eq!((code, out), (0, whole));
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn on_the_command_line_everything_is_read_again_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let drift = |options: &[&str]| analyze(&[&["drift", "small"], options].concat(), folder.path());
    let (code, first, _) = drift(&["--no-cache"]);
    assert!(code == 0 && !root.join(".cache").exists());
    assert_eq!(drift(&[]), (0, first.clone(), String::new()));
    let whole = damage(&root);
    assert_eq!(drift(&[]), (0, first, String::new()));
    let (code, _, err) = drift(&["--no-cache"]);
    assert!(code == 2 && err.contains("checksum"), "{err}");
    // A file in the folder's place: measures cannot be kept, and are read all the same.
    fs::write(root.join("events-0000.csv"), whole).unwrap();
    fs::remove_dir_all(root.join(".cache")).unwrap();
    fs::write(root.join(".cache"), "in the way").unwrap();
    let (code, _, err) = drift(&[]);
    assert!(
        code == 0 && err.starts_with("the cache is not written: small/.cache: "),
        "{err}"
    );
}

/// Whoever opens a pipe without a writer waits for ever.
#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_what_was_kept_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let (code, wanted, _) = analyze(&["drift", "small"], folder.path());
    assert_eq!(code, 0);
    let kept = fs::read_dir(folder.path().join("small/.cache")).unwrap();
    let path = kept.last().unwrap().unwrap().path();
    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let (code, table, told) = analyze(&["drift", "small"], folder.path());
    assert_eq!((code, table), (0, wanted));
    assert!(
        told.contains("measures are computed again") && told.contains("not a file"),
        "{told}"
    );
    // It was replaced.
    assert!(fs::metadata(&path).unwrap().is_file());
    assert_eq!(analyze(&["drift", "small"], folder.path()).2, "");
}
