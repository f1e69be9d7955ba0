//! Tests of `analyze export`: the files that it writes to the folder `processed/` of a dataset have the right contents.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use analyze::Dataset;
use analyze::export::{Additions, aggregates, export};
use polars::prelude::*;
use polars_io::parquet::read::ParquetReader;

use crate::command_line::analyze;
use crate::fixture::{self, WITH_CSV};

/// Reads the Parquet file `path`.
pub fn read(path: &Path) -> DataFrame {
    ParquetReader::new(File::open(path).unwrap())
        .finish()
        .unwrap()
}

/// Reads all Parquet files in the folder `path` (the parts of the events) as one data frame.
pub fn read_parts(path: &Path) -> DataFrame {
    let parts = files_in(path).into_iter().map(|part| read(&part));
    parts
        .reduce(|above, below| above.vstack(&below).unwrap())
        .unwrap()
}

/// The paths of all files and folders in the folder `path`, sorted by name.
pub fn files_in(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The number of rows of a CSV file, without its header.
fn count_csv_rows(path: &Path) -> usize {
    csv::Reader::from_path(path)
        .unwrap()
        .records()
        .map(Result::unwrap)
        .count()
}

/// The measures are calculated in batches. A batch is one or more whole runs whose events are in memory at the same time. `limit` is the
/// largest number of events in a batch. A run with more events than `limit` is a batch of its own. The limit does not change the measures.
#[test]
fn the_size_of_batches_changes_no_measure() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    let expected = Dataset::open(folder.path()).unwrap().machines().unwrap();
    let mut dataset = Dataset::open(folder.path()).unwrap();
    let largest = dataset
        .finished()
        .iter()
        .map(|run| run.events)
        .max()
        .unwrap();
    for limit in [1, largest, 2 * largest] {
        dataset.limit_batches(limit);
        assert!(dataset.machines().unwrap().equals_missing(&expected));
        let sizes = dataset
            .batches()
            .map(|batch| batch.events().unwrap().height() as u64);
        let sizes: Vec<u64> = sizes.collect();
        // 6 runs. Each has 200 events: its three machines have 1 + 3 + 6 ticks per second for 20 s, and each tick makes one event.
        assert_eq!(sizes.iter().sum::<u64>(), 1200);
        assert!(sizes.into_iter().all(|size| size <= limit.max(largest)));
    }
}

#[test]
fn exported_files_have_the_computed_values() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    let dataset = Dataset::open(folder.path()).unwrap();
    let written = export(&dataset, WITH_CSV).unwrap();
    let processed = folder.path().join("processed");

    let machines = read(&processed.join("machines.parquet"));
    assert!(machines.equals_missing(&dataset.machines().unwrap()));
    let runs = read(&processed.join("runs.parquet"));
    assert_eq!(runs.height(), dataset.finished().len());
    let events = read_parts(&processed.join("events"));
    // The first batch has the events of all runs, because the dataset is small.
    let batch = dataset.batches().next().unwrap();
    assert!(events.equals_missing(&batch.events().unwrap()));

    for (name, frame) in [("runs", runs), ("machines", machines), ("events", events)] {
        assert_eq!(
            count_csv_rows(&processed.join(name).with_extension("csv")),
            frame.height(),
            "{name}"
        );
        // The list of written files has two entries for each table: Parquet (for the events, a folder of files) and CSV. Both have all
        // rows.
        let rows: Vec<u64> = written
            .iter()
            .filter(|file| file.path.file_stem().unwrap() == name)
            .map(|file| file.rows)
            .collect();
        assert_eq!(rows, [frame.height() as u64; 2], "{name}");
    }
}

/// Every clock starts at 0. So the sum of all jumps of all machines is the sum of the final clocks.
#[test]
fn jumps_sum_to_the_final_clocks() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    let dataset = Dataset::open(folder.path()).unwrap();
    // The first batch has the events of all runs, because the dataset is small.
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

/// A crash during an export leaves files and folders with temporary names: `.NAME.RANDOM.partial`, or `NAME.partial` in earlier versions.
/// The next export removes them if NAME is a file or folder that exports write. No export writes a file `notes`, so `notes.partial` stays.
#[test]
fn unfinished_files_of_a_crashed_export_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write_by_hand(folder.path());
    let processed = folder.path().join("processed");
    fs::create_dir(&processed).unwrap();
    let unfinished = [
        "events.parquet.partial",
        ".machines.csv.0123456789abcdef.partial",
    ];
    for file in unfinished {
        fs::write(processed.join(file), "half").unwrap();
    }
    for folder in ["events.partial", ".events.0123456789abcdef.partial"] {
        let folder = processed.join(folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("part-00000.parquet"), "half").unwrap();
    }
    fs::write(processed.join("notes.partial"), "somebody's").unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    export(&dataset, Additions::default()).unwrap();
    // The second export replaces the files of the first one. It must not leave temporary names either.
    export(&dataset, Additions::default()).unwrap();
    let names = [
        ".lock",
        "events",
        "machines.parquet",
        "notes.partial",
        "runs.parquet",
    ];
    assert_eq!(files_in(&processed), names.map(|name| processed.join(name)));
    let events = processed.join("events");
    assert_eq!(files_in(&events), [events.join("part-00000.parquet")]);
}

#[test]
fn a_second_export_at_the_same_time_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("hand");
    fixture::write_by_hand(&root);
    let dataset = Dataset::open(&root).unwrap();
    export(&dataset, WITH_CSV).unwrap();
    let processed = root.join("processed");
    let before: Vec<_> = files_in(&processed);
    let lock = File::open(processed.join(".lock")).unwrap();
    lock.lock().unwrap();
    let (code, out, err) = analyze(&["export", "hand"], folder.path());
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("another export is writing to hand"), "{err}");
    assert_eq!(files_in(&processed), before);
    drop(lock);
    assert_eq!(analyze(&["export", "hand"], folder.path()).0, 0);
}

/// If exports of two selections of runs are made at the same time, all files belong to the same selection in the end.
#[test]
fn simultaneous_exports_do_not_mix_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    fixture::simulated(&root, fixture::SMALL);
    let selections = ["run<2", "run>=2"];
    // With --no-cache, each export writes all its files again.
    let run_export = &|condition| {
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
    // Each selection is exported four times. An export ends with exit code 2 if another export is writing.
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let start = |condition| scope.spawn(move || run_export(condition));
        let exports: Vec<_> = selections.repeat(4).into_iter().map(start).collect();
        let codes = exports.into_iter().map(|export| export.join().unwrap());
        codes.collect()
    });
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 2].contains(code)));
    let processed = root.join("processed");
    // Runs 0 and 1, or runs 2 to 5. Each run has 3 machines and 200 events.
    let runs = count_csv_rows(&processed.join("runs.csv"));
    assert!([2, 4].contains(&runs), "{runs}");
    assert_eq!(read(&processed.join("runs.parquet")).height(), runs);
    let machines = read(&processed.join("machines.parquet")).height();
    assert_eq!(machines, 3 * runs);
    assert_eq!(count_csv_rows(&processed.join("machines.csv")), machines);
    let events = read_parts(&processed.join("events")).height();
    assert_eq!(count_csv_rows(&processed.join("events.csv")), events);
    assert_eq!(events, 200 * runs);
    let is_unfinished = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "partial");
    assert!(!files_in(&processed).iter().any(is_unfinished));
}

/// The file of aggregates (means and intervals over the repetitions) has all columns that `drift`, `jumps`, `backlog` and `causality`
/// print as CSV, with the same values to the last digit.
#[test]
fn aggregates_equal_the_values_of_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let options = ["--warm-up", "1.5"];
    let run = |arguments: &[&str]| analyze(&[arguments, &options].concat(), folder.path());
    let (code, _, err) = run(&["export", "small", "--aggregates", "--csv"]);
    assert_eq!(code, 0, "{err}");
    let processed = folder.path().join("small/processed");
    let frame = read(&processed.join("aggregates.parquet"));
    // Two configurations with three machines each.
    assert_eq!(frame.height(), 6);
    let found: Vec<(String, DataType)> = frame
        .schema()
        .iter()
        .map(|(name, kind)| (name.to_string(), kind.clone()))
        .collect();
    // The names and types that the columns of this file should have.
    let documented = aggregates::columns().into_iter();
    let documented: Vec<_> = documented
        .map(|(name, kind)| (name, kind.data_type()))
        .collect();
    assert_eq!(found, documented);
    let mut compared = 0;
    for verb in ["drift", "jumps", "backlog", "causality"] {
        let (_, csv, _) = run(&[verb, "small", "--format", "csv"]);
        let mut rows = csv::Reader::from_reader(csv.as_bytes());
        let headers = rows.headers().unwrap().clone();
        for (index, row) in rows.records().enumerate() {
            for (name, cell) in std::iter::zip(&headers, &row.unwrap()) {
                assert_eq!(text_of(&frame, name, index), cell, "{verb} {name} {index}");
                compared += 1;
            }
        }
    }
    // The four tables have more than 120 columns together.
    assert!(compared > 6 * 120, "{compared}");
    // The CSV file has the same cells.
    let mut rows = csv::Reader::from_path(processed.join("aggregates.csv")).unwrap();
    let headers = rows.headers().unwrap().clone();
    assert_eq!(headers.len(), frame.width());
    for (index, row) in rows.records().enumerate() {
        for (name, cell) in std::iter::zip(&headers, &row.unwrap()) {
            assert_eq!(text_of(&frame, name, index), cell, "{name} {index}");
        }
    }
}

/// A cell of `frame` as it is written in CSV.
fn text_of(frame: &DataFrame, name: &str, row: usize) -> String {
    match frame.column(name).unwrap().get(row).unwrap() {
        AnyValue::Null => String::new(),
        AnyValue::Int64(value) => value.to_string(),
        AnyValue::Float64(value) if value.fract() == 0.0 => format!("{value}.0"),
        AnyValue::Float64(value) => value.to_string(),
        other => other.get_str().unwrap().to_owned(),
    }
}

/// The aggregates of an earlier export may be about other runs. So an export without aggregates removes them.
#[test]
fn an_export_without_aggregates_removes_those_of_an_earlier_export() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write_by_hand(folder.path());
    let dataset = Dataset::open(folder.path()).unwrap();
    let path = folder.path().join("processed/aggregates.parquet");
    let with_aggregates = Additions {
        aggregates: true,
        ..Additions::default()
    };
    let written = export(&dataset, with_aggregates).unwrap();
    // The aggregates have one row for each of the two machines.
    assert!(
        written
            .iter()
            .any(|file| file.path == path && file.rows == 2)
    );
    assert!(path.exists());
    export(&dataset, Additions::default()).unwrap();
    assert!(!path.exists());
}

/// The column `dataset` has the name of the dataset's folder, not the name in the experiment file. If two of the given folders have the
/// same name, the column has their paths instead. So renamed folders and copies can be told apart.
#[test]
fn the_name_of_a_dataset_is_that_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["renamed", "a/copy", "b/copy"] {
        fixture::simulated(&folder.path().join(path), fixture::SMALL);
    }
    let (code, _, err) = analyze(&["export", "renamed", "--aggregates"], folder.path());
    assert_eq!(code, 0, "{err}");
    for file in ["runs", "machines", "aggregates"] {
        let frame = read(
            &folder
                .path()
                .join(format!("renamed/processed/{file}.parquet")),
        );
        let names = frame.column("dataset").unwrap().unique().unwrap();
        assert_eq!(names.len(), 1);
        assert_eq!(text_of(&frame, "dataset", 0), "renamed", "{file}");
    }
    let datasets = ["renamed", "a/copy", "b/copy"];
    for verb in ["drift", "summary", "audit"] {
        let options = [&[verb], &datasets[..], &["--format", "csv"]].concat();
        let (_, csv, _) = analyze(&options, folder.path());
        let mut rows = csv::Reader::from_reader(csv.as_bytes());
        let index = rows
            .headers()
            .unwrap()
            .iter()
            .position(|name| name == "dataset")
            .unwrap();
        let mut names: Vec<String> = rows
            .records()
            .map(|row| row.unwrap()[index].to_owned())
            .collect();
        names.dedup();
        assert_eq!(names, datasets, "{verb}");
    }
}
