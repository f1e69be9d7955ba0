//! `processed/`: what is written reads back.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use analyze::Dataset;
use analyze::export::export;
use polars::prelude::*;
use polars_io::parquet::read::ParquetReader;

use crate::fixture;

pub fn read(path: &Path) -> DataFrame {
    ParquetReader::new(File::open(path).unwrap())
        .finish()
        .unwrap()
}

/// The parts in the folder `path`, one below the other.
pub fn read_parts(path: &Path) -> DataFrame {
    let parts = parts(path).into_iter().map(|part| read(&part));
    parts
        .reduce(|above, below| above.vstack(&below).unwrap())
        .unwrap()
}

/// The files in the folder `path`, by name.
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

/// However small the batches, and so the memory: the same measures, and no batch larger than it may be.
#[test]
fn batches_bound_the_memory_and_change_nothing() {
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
fn nothing_half_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write_by_hand(folder.path());
    let processed = folder.path().join("processed");
    fs::create_dir(&processed).unwrap();
    for file in ["events.parquet.partial", "machines.parquet.partial"] {
        fs::write(processed.join(file), "what a crash left").unwrap();
    }
    fs::create_dir(processed.join("events.partial")).unwrap();
    fs::write(processed.join("events.partial/part-00000.parquet"), "half").unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    export(&dataset, false).unwrap();
    export(&dataset, false).unwrap();
    let names = ["events", "machines.parquet", "runs.parquet"];
    assert_eq!(parts(&processed), names.map(|name| processed.join(name)));
    let events = processed.join("events");
    assert_eq!(parts(&events), [events.join("part-00000.parquet")]);
}
