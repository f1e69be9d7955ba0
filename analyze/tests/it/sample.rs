//! Tests of `data/sample`, the dataset that comes with the project: it can be read, and its processed files (those that `analyze
//! export` writes) are up to date.

use std::fs;
use std::path::{Path, PathBuf};

use analyze::Dataset;
use analyze::export::Additions;

use crate::exported::{read, read_parts};

/// The folder of the dataset.
fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sample")
}

#[test]
fn the_processed_files_of_the_sample_are_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    // The processed files are in a subfolder, and only files are copied. So the copy has no processed files, and `export` below makes them.
    let copied = folder.path().join("sample");
    fs::create_dir(&copied).unwrap();
    for entry in fs::read_dir(sample()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, copied.join(path.file_name().unwrap())).unwrap();
        }
    }
    let dataset = Dataset::open(&copied).unwrap();
    // The sample has two rate sets with three runs each, and none of these runs failed.
    assert_eq!((dataset.finished().len(), dataset.failed()), (6, 0));
    // Without additions, an export has three tables: runs, machines and events.
    let files = analyze::export::export(&dataset, Additions::default()).unwrap();
    assert_eq!(files.len(), 3);
    for written in files {
        let stored = sample()
            .join("processed")
            .join(written.path.file_name().unwrap());
        // Events are a folder of several Parquet files (parts), other tables are one file.
        let read_table = if written.parts.is_some() {
            read_parts
        } else {
            read
        };
        // `equals_missing` counts two missing values as equal; `equals` does not.
        assert!(
            read_table(&stored).equals_missing(&read_table(&written.path)),
            "{} is out of date; run `cargo analyze export data/sample --no-cache`",
            stored.display()
        );
    }
}

/// The sample was made over real TCP in real time, and all its runs were punctual.
#[test]
fn the_sample_was_made_over_tcp_in_real_time() {
    let dataset = Dataset::open(&sample()).unwrap();
    assert_eq!(dataset.finished().len(), 6);
    for run in dataset.finished() {
        assert_eq!(
            (run.engine.as_str(), run.time_scale, run.punctual),
            ("tcp", 1.0, true)
        );
    }
}
