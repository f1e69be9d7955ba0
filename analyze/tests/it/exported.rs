//! Tests that the files in `processed/` have the right contents.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use analyze::Dataset;
use analyze::export::export;
use polars::prelude::*;
use polars_io::parquet::read::ParquetReader;

use crate::command_line::analyze;
use crate::fixture;

pub fn read(path: &Path) -> DataFrame {
    ParquetReader::new(File::open(path).unwrap())
        .finish()
        .unwrap()
}

/// All parts in the folder `path` as one data frame.
pub fn read_parts(path: &Path) -> DataFrame {
    let parts = parts(path).into_iter().map(|part| read(&part));
    parts
        .reduce(|above, below| above.vstack(&below).unwrap())
        .unwrap()
}

/// The files in the folder `path`, sorted by name.
pub fn parts(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap();
    let mut parts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    parts.sort();
    parts
}

fn rows_of_csv(path: &Path) -> usize {
    csv::Reader::from_path(path)
        .unwrap()
        .records()
        .map(Result::unwrap)
        .count()
}

/// With batches of any size, the measures are the same, and no batch has more events than allowed.
#[test]
fn small_batches_change_no_measure() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    let whole = Dataset::open(folder.path()).unwrap().machines().unwrap();
    let mut dataset = Dataset::open(folder.path()).unwrap();
    let largest = dataset
        .finished()
        .iter()
        .map(|run| run.events)
        .max()
        .unwrap();
    for limit in [1, largest, 2 * largest] {
        dataset.limit_batches(limit);
        assert!(dataset.machines().unwrap().equals_missing(&whole));
        let sizes = dataset
            .batches()
            .map(|batch| batch.events().unwrap().height() as u64);
        let sizes: Vec<u64> = sizes.collect();
        assert_eq!(sizes.iter().sum::<u64>(), 1200);
        assert!(sizes.into_iter().all(|size| size <= limit.max(largest)));
    }
}

#[test]
fn files_read_back_as_they_were_computed() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    let dataset = Dataset::open(folder.path()).unwrap();
    let written = export(&dataset, true).unwrap();
    let processed = folder.path().join("processed");

    let machines = read(&processed.join("machines.parquet"));
    assert!(machines.equals_missing(&dataset.machines().unwrap()));
    let runs = read(&processed.join("runs.parquet"));
    assert_eq!(runs.height(), dataset.finished().len());
    let events = read_parts(&processed.join("events"));
    let batch = dataset.batches().next().unwrap();
    assert!(events.equals_missing(&batch.events().unwrap()));

    for (name, frame) in [("runs", runs), ("machines", machines), ("events", events)] {
        assert_eq!(
            rows_of_csv(&processed.join(name).with_extension("csv")),
            frame.height(),
            "{name}"
        );
        let rows: Vec<u64> = written
            .iter()
            .filter(|file| file.path.file_stem().unwrap() == name)
            .map(|file| file.rows)
            .collect();
        assert_eq!(rows, [frame.height() as u64; 2], "{name}");
    }
}

#[test]
fn jumps_sum_to_the_final_clock() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    let dataset = Dataset::open(folder.path()).unwrap();
    let events = dataset.batches().next().unwrap().events().unwrap();
    let jumps: i64 = events
        .column("jump")
        .unwrap()
        .i64()
        .unwrap()
        .into_no_null_iter()
        .sum();
    let machines = dataset.machines().unwrap();
    let clocks: i64 = machines
        .column("clock_final")
        .unwrap()
        .i64()
        .unwrap()
        .into_no_null_iter()
        .sum();
    assert_eq!(jumps, clocks);
}

#[test]
fn unfinished_files_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write_by_hand(folder.path());
    let processed = folder.path().join("processed");
    fs::create_dir(&processed).unwrap();
    let left = [
        "events.parquet.partial",
        ".machines.csv.0123456789abcdef.partial",
    ];
    for file in left {
        fs::write(processed.join(file), "what a crash left").unwrap();
    }
    for folder in ["events.partial", ".events.0123456789abcdef.partial"] {
        let folder = processed.join(folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("part-00000.parquet"), "half").unwrap();
    }
    fs::write(processed.join("notes.partial"), "somebody's").unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    export(&dataset, false).unwrap();
    export(&dataset, false).unwrap();
    let names = [
        ".lock",
        "events",
        "machines.parquet",
        "notes.partial",
        "runs.parquet",
    ];
    assert_eq!(parts(&processed), names.map(|name| processed.join(name)));
    let events = processed.join("events");
    assert_eq!(parts(&events), [events.join("part-00000.parquet")]);
}

#[test]
fn a_second_export_at_the_same_time_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("hand");
    fixture::write_by_hand(&root);
    let dataset = Dataset::open(&root).unwrap();
    export(&dataset, true).unwrap();
    let processed = root.join("processed");
    let before: Vec<_> = parts(&processed);
    let lock = File::open(processed.join(".lock")).unwrap();
    lock.lock().unwrap();
    let (code, out, err) = analyze(&["export", "hand"], folder.path());
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("another export is writing to hand"), "{err}");
    assert_eq!(parts(&processed), before);
    drop(lock);
    assert_eq!(analyze(&["export", "hand"], folder.path()).0, 0);
}

/// If exports of two selections run at the same time, all files belong to the same selection in the end.
#[test]
fn simultaneous_exports_do_not_mix_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let selections = ["run<2", "run>=2"];
    let export = &|condition| {
        let options = [
            "export",
            "small",
            "--csv",
            "--no-cache",
            "--where",
            condition,
        ];
        analyze(&options, folder.path()).0
    };
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let export = |condition| scope.spawn(move || export(condition));
        let exports: Vec<_> = selections.repeat(4).into_iter().map(export).collect();
        let codes = exports.into_iter().map(|export| export.join().unwrap());
        codes.collect()
    });
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 2].contains(code)));
    let processed = root.join("processed");
    let runs = rows_of_csv(&processed.join("runs.csv"));
    assert!([2, 4].contains(&runs), "{runs}");
    assert_eq!(read(&processed.join("runs.parquet")).height(), runs);
    let machines = read(&processed.join("machines.parquet")).height();
    assert_eq!(machines, 3 * runs);
    assert_eq!(rows_of_csv(&processed.join("machines.csv")), machines);
    let events = read_parts(&processed.join("events")).height();
    assert_eq!(rows_of_csv(&processed.join("events.csv")), events);
    assert_eq!(events, 200 * runs);
    let hidden = parts(&processed).into_iter();
    let partial = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "partial");
    assert_eq!(hidden.filter(partial).count(), 0);
}
