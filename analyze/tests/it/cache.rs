//! Tests of the cache of measures (the folder `.cache` of a dataset): the results are the same as without the cache, and the events of
//! a run are read only once.
//!
//! Each time that runs are measured, the cache gets a folder for these runs, called a block. A block has one file for each family of
//! measures, such as `drift.parquet`.

use std::fs;
use std::path::{Path, PathBuf};

use analyze::Dataset;
use polars::prelude::*;
use sim::log::seal_journal;

use crate::command_line::analyze;
use crate::fixture;

/// Opens the dataset and switches its cache on.
fn open_with_cache(root: &Path) -> Dataset {
    let mut dataset = Dataset::open(root).unwrap();
    dataset.cache_measures().unwrap();
    dataset
}

/// The measures of the dataset: computed with the cache, and computed without it.
fn with_and_without_cache(root: &Path) -> (DataFrame, DataFrame) {
    let without = Dataset::open(root).unwrap().machines().unwrap();
    (open_with_cache(root).machines().unwrap(), without)
}

/// Overwrites the events of all runs, so that reading them fails with a checksum error. Returns the undamaged bytes.
fn damage(root: &Path) -> Vec<u8> {
    let events = root.join("events-0000.csv");
    let whole = fs::read(&events).unwrap();
    fs::write(&events, vec![b'x'; whole.len()]).unwrap();
    whole
}

#[test]
fn measures_in_the_cache_are_used_without_reading_events() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    let first = open_with_cache(folder.path()).machines().unwrap();
    damage(folder.path());
    assert!(Dataset::open(folder.path()).unwrap().machines().is_err());
    let second = open_with_cache(folder.path()).machines().unwrap();
    // `equals_missing` treats two missing values as equal.
    assert!(first.equals_missing(&second));
    // With another warm-up (a time at the start of runs that is ignored), the measures are computed again. This fails, because the events
    // are damaged.
    let mut dataset = open_with_cache(folder.path());
    dataset.cut_warm_up(1.0).unwrap();
    assert!(dataset.machines().is_err());
}

#[test]
fn new_and_changed_runs_are_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fixture::simulated(root, fixture::SMALL);
    let journal = fs::read_to_string(root.join("runs.csv")).unwrap();
    let rows: Vec<&str> = journal.lines().collect();
    // First the journal (`runs.csv`) has only the header and two runs, then it has all runs.
    fs::write(root.join("runs.csv"), rows[..3].join("\n") + "\n").unwrap();
    open_with_cache(root).machines().unwrap();
    fs::write(root.join("runs.csv"), &journal).unwrap();
    let (with, without) = with_and_without_cache(root);
    assert!(with.equals_missing(&without));
    // The row of the second run gets another time scale. `seal_journal` gives this row a new checksum, and the new checksum tells the cache
    // that the run has changed.
    let mut changed = rows.clone();
    let other = rows[2].replace(",virtual,shared,1.0,", ",virtual,shared,2.0,");
    assert_ne!(other, rows[2]);
    changed[2] = &other;
    let changed = seal_journal(&(changed.join("\n") + "\n")).unwrap();
    fs::write(root.join("runs.csv"), changed).unwrap();
    let (with, without) = with_and_without_cache(root);
    assert!(with.equals_missing(&without));
}

#[test]
fn a_cache_file_that_cannot_be_read_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    open_with_cache(folder.path()).machines().unwrap();
    for file in entries(&only_block(folder.path())) {
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        let (with, without) = with_and_without_cache(folder.path());
        assert!(with.equals_missing(&without));
        assert_eq!(fs::read(&file).unwrap().len(), whole.len());
    }
}

/// Bits of each file of the cache are flipped, one at a time. Each time, the table is the same and the file is replaced.
#[test]
fn no_flipped_bit_changes_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fixture::simulated(root, fixture::SMALL);
    let without = Dataset::open(root).unwrap().machines().unwrap();
    open_with_cache(root).machines().unwrap();
    for file in entries(&only_block(root)) {
        let whole = fs::read(&file).unwrap();
        // 1009 = 126 * 8 + 1: each step goes 126 bytes and one bit further. So the next flipped bit has another position in its byte.
        let bits: Vec<usize> = (0..8 * whole.len()).step_by(1009).collect();
        assert!(bits.len() >= 5, "{}", file.display());
        for bit in bits {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, damaged).unwrap();
            let with = open_with_cache(root).machines().unwrap();
            assert!(with.equals_missing(&without), "bit {bit}");
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

/// The only block in the cache of the dataset in `root`.
fn only_block(root: &Path) -> PathBuf {
    let blocks = entries(&root.join(".cache"));
    assert_eq!(blocks.len(), 1, "{blocks:?}");
    blocks[0].clone()
}

/// The test makes a block with the measures for a warm-up of 2 s (a time at the start of runs that is ignored), and gives the block the
/// name that the block without a warm-up had. `analyze drift` does not use the renamed block. It says so in a message and replaces the
/// block.
#[test]
fn a_renamed_block_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let drift = |options: &[&str]| analyze(&[&["drift", "small"], options].concat(), folder.path());
    let (_, table, _) = drift(&["--no-cache"]);
    // This makes a block without a warm-up. Only its path is needed.
    drift(&[]);
    let block_without_warm_up = only_block(&root);
    fs::remove_dir_all(&block_without_warm_up).unwrap();
    drift(&["--warm-up", "2"]);
    fs::rename(only_block(&root), &block_without_warm_up).unwrap();
    let (code, out, err) = drift(&[]);
    assert_eq!((code, out), (0, table));
    let remark = "small: measures are computed again: small/.cache/measures-";
    assert!(err.starts_with(remark) && err.contains("checksum"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert_eq!(drift(&[]).2, "", "the block was not replaced");
}

#[test]
fn foreign_files_in_the_cache_folder_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let cache = root.join(".cache");
    let drift = |options: &[&str]| analyze(&[&["drift", "small"], options].concat(), folder.path());
    let (_, table, _) = drift(&["--no-cache"]);
    // A foreign folder and a foreign file.
    fs::create_dir_all(cache.join(".snapshot")).unwrap();
    fs::write(cache.join("notes"), "a stranger's").unwrap();
    // Two cache files of earlier versions of the program, and a temporary file of a crashed program.
    fs::write(cache.join("measures-0123456789abcdef-0.parquet"), "old").unwrap();
    fs::write(cache.join("measures-v0-0123456789abcdef.parquet"), "old").unwrap();
    let partial = ".measures-0123456789abcdef-1.parquet.0123456789abcdef.partial";
    fs::write(cache.join(partial), "half").unwrap();
    assert_eq!(drift(&[]), (0, table.clone(), String::new()));
    // The names of the files and folders in the cache that do not begin with `start`.
    let names_not_starting_with = |start: &str| -> Vec<String> {
        let entries = fs::read_dir(&cache).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with(start))
            .collect();
        names.sort();
        names
    };
    // The foreign folder and file are still there, and the temporary file was removed.
    assert_eq!(names_not_starting_with("measures-"), [".snapshot", "notes"]);
    // The files of earlier versions were removed too. So only two names without a dot at the start are left, in alphabetical order: the
    // name of the new block (`measures-v...`) and `notes`.
    let block = &names_not_starting_with(".")[0];
    assert!(block.starts_with("measures-v"), "{block}");
    // A warm-up can be too long for a file name: as a decimal number, 1e-300 has 300 digits after the point. So the name of a block
    // contains a checksum, not the warm-up itself.
    let (code, _, err) = drift(&["--warm-up", "1e-300"]);
    assert_eq!((code, err), (0, String::new()));
    // Replace a file of the block by a folder with the same name.
    let file = cache.join(block).join("runs.parquet");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let (code, out, err) = drift(&[]);
    assert_eq!((code, out), (0, table));
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
    fs::write(root.join("events-0000.csv"), whole).unwrap();
    // Replace the cache folder by a file with the same name. Then measures cannot be cached, but they are computed.
    fs::remove_dir_all(root.join(".cache")).unwrap();
    fs::write(root.join(".cache"), "not a folder").unwrap();
    let (code, _, err) = drift(&[]);
    assert!(
        code == 0 && err.starts_with("the cache is not written: small/.cache: "),
        "{err}"
    );
}

/// The file `jumps.parquet` of one block is overwritten with the file `jumps.parquet` of another block. The copy is not used, and all runs
/// are measured again.
#[test]
fn a_file_of_another_block_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fixture::simulated(root, fixture::SMALL);
    let journal = fs::read_to_string(root.join("runs.csv")).unwrap();
    let rows: Vec<&str> = journal.lines().collect();
    // First the journal has only the header and one run, then it has all runs.
    for lines in [2, rows.len()] {
        fs::write(root.join("runs.csv"), rows[..lines].join("\n") + "\n").unwrap();
        open_with_cache(root).machines().unwrap();
    }
    let blocks = entries(&root.join(".cache"));
    assert_eq!(blocks.len(), 2);
    fs::copy(
        blocks[0].join("jumps.parquet"),
        blocks[1].join("jumps.parquet"),
    )
    .unwrap();
    let (with, without) = with_and_without_cache(root);
    assert!(with.equals_missing(&without));
    // If one block is wrong, the cache trusts no block: both were removed, and all runs are in a new block.
    assert_eq!(entries(&root.join(".cache")).len(), 1);
}

/// A dataset is measured again and again while it grows. Each time, a small block is added to the cache. More than eight small blocks are
/// combined into one.
#[test]
fn many_small_blocks_are_combined() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    // `repetitions = 3` becomes `repetitions = 13`.
    let many = fixture::SMALL.replace("repetitions = ", "repetitions = 1");
    fixture::simulated(root, &many);
    let journal = fs::read_to_string(root.join("runs.csv")).unwrap();
    let rows: Vec<&str> = journal.lines().collect();
    // The header and the runs: 13 repetitions of 2 configurations.
    assert_eq!(rows.len(), 1 + 13 * 2);
    let mut largest_count = 0;
    // The first line of the journal is the header. Then one run after the other is added.
    for lines in 2..=rows.len() {
        fs::write(root.join("runs.csv"), rows[..lines].join("\n") + "\n").unwrap();
        let (with, without) = with_and_without_cache(root);
        assert!(with.equals_missing(&without));
        largest_count = largest_count.max(entries(&root.join(".cache")).len());
    }
    assert_eq!(largest_count, 8);
    // All runs are in the cache: their events are not read.
    damage(root);
    assert!(open_with_cache(root).machines().is_ok());
}

/// `analyze drift` needs only the measures of drift. It works although the files of four other families are missing, and the events cannot
/// be read.
#[test]
fn a_command_reads_only_the_families_of_measures_that_it_needs() {
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

/// A named pipe without a writer must not be opened, because the program would wait forever.
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
    let (code, table, err) = analyze(&["drift", "small"], folder.path());
    assert_eq!((code, table), (0, wanted));
    assert!(
        err.contains("measures are computed again") && err.contains("not a file"),
        "{err}"
    );
    // The pipe was replaced by a file.
    assert!(fs::metadata(&path).unwrap().is_file());
    assert_eq!(analyze(&["drift", "small"], folder.path()).2, "");
}
