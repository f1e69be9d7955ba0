//! Tests of the cache of measures: the results are the same as without it, and only new runs are read.

use std::fs;
use std::path::{Path, PathBuf};

use analyze::Dataset;
use polars::prelude::*;
use sim::log::seal_journal;

use crate::command_line::analyze;
use crate::fixture;

fn open_with_cache(root: &Path) -> Dataset {
    let mut dataset = Dataset::open(root).unwrap();
    dataset.cache_measures().unwrap();
    dataset
}

/// The measures with the cache and without the cache.
fn both(root: &Path) -> (DataFrame, DataFrame) {
    let read = Dataset::open(root).unwrap().machines().unwrap();
    (open_with_cache(root).machines().unwrap(), read)
}

/// Changes the events of all runs, so that reading them fails with a checksum error.
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
    let first = open_with_cache(folder.path()).machines().unwrap();
    damage(folder.path());
    assert!(Dataset::open(folder.path()).unwrap().machines().is_err());
    let second = open_with_cache(folder.path()).machines().unwrap();
    assert!(first.equals_missing(&second));
    // With another warm-up, the measures are computed again.
    let mut dataset = open_with_cache(folder.path());
    dataset.cut_warm_up(1.0).unwrap();
    assert!(dataset.machines().is_err());
}

#[test]
fn only_new_and_changed_runs_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fixture::simulated(root, fixture::SMALL);
    let journal = fs::read_to_string(root.join("runs.csv")).unwrap();
    let rows: Vec<&str> = journal.lines().collect();
    // The first dataset has two runs, the second all runs.
    fs::write(root.join("runs.csv"), rows[..3].join("\n") + "\n").unwrap();
    open_with_cache(root).machines().unwrap();
    fs::write(root.join("runs.csv"), &journal).unwrap();
    let (kept, read) = both(root);
    assert!(kept.equals_missing(&read));
    // The journal row of this run differs from the one whose measures are cached: the run began at another time.
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
fn a_cache_file_that_cannot_be_read_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    open_with_cache(folder.path()).machines().unwrap();
    for file in entries(&only_block(folder.path())) {
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        let (kept, read) = both(folder.path());
        assert!(kept.equals_missing(&read));
        assert_eq!(fs::read(&file).unwrap().len(), whole.len());
    }
}

/// Bits are flipped all over each file. Each time, the table is the same and the file is replaced.
#[test]
fn no_flipped_bit_changes_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fixture::simulated(root, fixture::SMALL);
    let read = Dataset::open(root).unwrap().machines().unwrap();
    open_with_cache(root).machines().unwrap();
    for file in entries(&only_block(root)) {
        let whole = fs::read(&file).unwrap();
        // The step is a prime number, so that all bits of a byte and all regions of the file are hit.
        let bits: Vec<usize> = (0..8 * whole.len()).step_by(1009).collect();
        assert!(bits.len() >= 5, "{}", file.display());
        for bit in bits {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, damaged).unwrap();
            let kept = open_with_cache(root).machines().unwrap();
            assert!(kept.equals_missing(&read), "bit {bit}");
            assert_eq!(fs::read(&file).unwrap(), whole, "bit {bit}: not replaced");
        }
    }
}

/// The paths of everything in a folder, sorted.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The only folder of the cache of the dataset in `root`.
fn only_block(root: &Path) -> PathBuf {
    let blocks = entries(&root.join(".cache"));
    assert_eq!(blocks.len(), 1, "{blocks:?}");
    blocks[0].clone()
}

/// The folder has measures of another warm-up, under the name that is read.
#[test]
fn a_renamed_folder_of_the_cache_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let drift = |options: &[&str]| analyze(&[&["drift", "small"], options].concat(), folder.path());
    let (_, whole, _) = drift(&["--no-cache"]);
    drift(&[]);
    let asked_for = only_block(&root);
    fs::remove_dir_all(&asked_for).unwrap();
    drift(&["--warm-up", "2"]);
    fs::rename(only_block(&root), &asked_for).unwrap();
    let (code, out, err) = drift(&[]);
    assert_eq!((code, out), (0, whole));
    let remark = "small: measures are computed again: small/.cache/measures-";
    assert!(err.starts_with(remark) && err.contains("checksum"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert_eq!(drift(&[]).2, "", "the file was replaced");
}

#[test]
fn foreign_files_in_the_cache_folder_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let kept = root.join(".cache");
    let drift = |options: &[&str]| analyze(&[&["drift", "small"], options].concat(), folder.path());
    let (_, whole, _) = drift(&["--no-cache"]);
    // The folder contains a foreign folder and file, cache files of other versions, and a temporary file of a crashed program.
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
    // The number of seconds of this warm-up is longer than a file name may be.
    let (code, _, err) = drift(&["--warm-up", "1e-300"]);
    assert_eq!((code, err), (0, String::new()));
    // A folder has the name of a file of the cache.
    let file = kept.join(file).join("runs.parquet");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let (code, out, err) = drift(&[]);
    assert_eq!((code, out), (0, whole));
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn no_cache_reads_everything_again() {
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
    // A file has the name of the cache folder, so measures cannot be cached. They are still computed.
    fs::write(root.join("events-0000.csv"), whole).unwrap();
    fs::remove_dir_all(root.join(".cache")).unwrap();
    fs::write(root.join(".cache"), "in the way").unwrap();
    let (code, _, err) = drift(&[]);
    assert!(
        code == 0 && err.starts_with("the cache is not written: small/.cache: "),
        "{err}"
    );
}

/// Files of a block belong together: a file of another block with the same runs is not used.
#[test]
fn a_file_of_another_block_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fixture::simulated(root, fixture::SMALL);
    let journal = fs::read_to_string(root.join("runs.csv")).unwrap();
    let rows: Vec<&str> = journal.lines().collect();
    for runs in [2, rows.len()] {
        fs::write(root.join("runs.csv"), rows[..runs].join("\n") + "\n").unwrap();
        open_with_cache(root).machines().unwrap();
    }
    let blocks = entries(&root.join(".cache"));
    assert_eq!(blocks.len(), 2);
    fs::copy(
        blocks[0].join("jumps.parquet"),
        blocks[1].join("jumps.parquet"),
    )
    .unwrap();
    let (kept, read) = both(root);
    assert!(kept.equals_missing(&read));
    assert_eq!(entries(&root.join(".cache")).len(), 1);
}

/// A dataset that is looked at again and again while it grows does not get more and more folders.
#[test]
fn many_small_blocks_are_combined() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let many = fixture::SMALL.replace("repetitions = ", "repetitions = 1");
    fixture::simulated(root, &many);
    let journal = fs::read_to_string(root.join("runs.csv")).unwrap();
    let rows: Vec<&str> = journal.lines().collect();
    assert!(rows.len() > 12);
    let mut most = 0;
    for runs in 2..=rows.len() {
        fs::write(root.join("runs.csv"), rows[..runs].join("\n") + "\n").unwrap();
        let (kept, read) = both(root);
        assert!(kept.equals_missing(&read));
        most = most.max(entries(&root.join(".cache")).len());
    }
    assert_eq!(most, 8);
    damage(root);
    assert!(open_with_cache(root).machines().is_ok());
}

/// A command reads only the families of measures that it needs.
#[test]
fn other_families_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let (_, wanted, _) = analyze(&["drift", "small"], folder.path());
    let block = only_block(&root);
    for family in ["events", "jumps", "backlog", "concurrency"] {
        fs::remove_file(block.join(family).with_extension("parquet")).unwrap();
    }
    damage(&root);
    assert_eq!(
        analyze(&["drift", "small"], folder.path()),
        (0, wanted, String::new())
    );
}

/// Opening a pipe that has no writer would never return.
#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_the_cache_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let (code, wanted, _) = analyze(&["drift", "small"], folder.path());
    assert_eq!(code, 0);
    let path = only_block(&folder.path().join("small")).join("drift.parquet");
    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let (code, table, told) = analyze(&["drift", "small"], folder.path());
    assert_eq!((code, table), (0, wanted));
    assert!(
        told.contains("measures are computed again") && told.contains("not a file"),
        "{told}"
    );
    // The pipe was replaced by a file.
    assert!(fs::metadata(&path).unwrap().is_file());
    assert_eq!(analyze(&["drift", "small"], folder.path()).2, "");
}
