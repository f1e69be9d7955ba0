//! Tests in which another program deletes or changes a file of a dataset, while a sweep (`sim run`) writes or before a sweep is resumed. The
//! file is the manifest (`dataset.json`) or the journal (`runs.csv`).

use std::fs;
use std::path::PathBuf;

use sim::engine::Control;
use sim::experiment::Experiment;
use sim::log::{Dataset, DatasetError, DatasetWriter, EndedRun};
use sim::sweep::{self, Options, Progress};
use tempfile::TempDir;

use crate::support::{experiment, finished};

/// Two configurations (`internal` has two values) with three repetitions each.
const GRID: &str = "engine = \"virtual\"\nduration_s = 5\nrepetitions = 3\n[parameters]\nrates = [1, 3]\ninternal = [0.2, 0.7]";

/// Finished runs, and a folder in which a writer can make a dataset with them.
struct Trial {
    folder: TempDir,
    experiment: Experiment,
    runs: Vec<EndedRun>,
}

impl Trial {
    /// Makes six finished runs. A sweep writes them to the dataset `made`, and `new` reads them from there.
    fn new() -> Self {
        let (folder, experiment) = (tempfile::tempdir().expect("a folder"), experiment(GRID));
        let root = folder.path().join("made");
        let (options, control) = (Options::default(), Control::default());
        let mut progress = Progress::silent();
        sweep::run(&experiment, &root, &options, &control, &mut progress).expect("a sweep");
        let dataset = Dataset::open(&root).expect("a dataset");
        let run = |row| EndedRun {
            events: dataset.read_events(row).expect("its events"),
            row: row.clone(),
        };
        Self {
            runs: dataset.finished().map(run).collect(),
            experiment,
            folder,
        }
    }

    /// The dataset that a test writes. At first it does not exist.
    fn root(&self) -> PathBuf {
        self.folder.path().join("d")
    }

    fn writer(&self) -> DatasetWriter {
        DatasetWriter::open(&self.root(), &self.experiment).expect("a writer")
    }
}

/// Without its manifest, a dataset cannot be read. So the writer restores the manifest.
#[test]
fn a_manifest_that_is_deleted_while_a_sweep_is_writing_is_written_again() {
    let trial = Trial::new();
    let manifest = trial.root().join("dataset.json");
    let mut writer = trial.writer();
    let before = fs::read(&manifest).expect("a manifest");
    for run in &trial.runs {
        fs::remove_file(&manifest).expect("removed");
        writer.append(run.clone()).expect("appended");
        writer.sync().expect("synced");
        assert_eq!(fs::read(&manifest).expect("a manifest"), before);
    }
    assert_eq!(finished(&trial.root()).len(), trial.runs.len());
}

#[test]
fn a_journal_without_a_manifest_is_reported() {
    let trial = Trial::new();
    // The writer makes a manifest, and a journal with only a header.
    drop(trial.writer());
    fs::remove_file(trial.root().join("dataset.json")).expect("removed");
    let refused = DatasetWriter::open(&trial.root(), &trial.experiment).expect_err("no manifest");
    assert!(matches!(refused, DatasetError::NoManifest(_)), "{refused}");
    assert!(
        refused.to_string().contains("restore dataset.json"),
        "{refused}"
    );
}

/// An emptied journal has no header. A row that was appended to it would be the first line and would be read as the header. So the whole
/// journal would be useless.
#[test]
fn a_journal_that_is_emptied_while_a_sweep_is_writing_gets_no_rows() {
    let trial = Trial::new();
    let journal = trial.root().join("runs.csv");
    let mut writer = trial.writer();
    writer.append(trial.runs[0].clone()).expect("appended");
    writer.sync().expect("synced");
    let copy = fs::read(&journal).expect("a journal");
    fs::write(&journal, "").expect("emptied");
    // The row of this run waits in memory until `sync` writes it.
    writer.append(trial.runs[1].clone()).expect("appended");
    let refused = writer.sync().expect_err("noticed");
    // The journal is shorter now than after the writer's first row. So the writer reports that another program writes to the journal.
    assert!(
        matches!(refused, DatasetError::OtherWriter { .. }),
        "{refused}"
    );
    drop(writer);
    assert_eq!(fs::read(&journal).expect("a journal"), b"");
    // The error advises to restore the file from a copy.
    let refused = DatasetWriter::open(&trial.root(), &trial.experiment).expect_err("empty journal");
    assert!(refused.to_string().contains("from a copy"), "{refused}");
    fs::write(&journal, copy).expect("restored");
    // The restored journal has the row of the first run.
    assert_eq!(trial.writer().attempts().len(), 1);
}

#[test]
fn a_line_of_the_journal_that_is_not_a_row_is_reported_with_advice() {
    let trial = Trial::new();
    // The writer makes a journal with only a header.
    drop(trial.writer());
    let journal = trial.root().join("runs.csv");
    let header = fs::read_to_string(&journal).expect("a journal");
    fs::write(&journal, header + "hello\n").expect("written");
    let refused = DatasetWriter::open(&trial.root(), &trial.experiment).expect_err("no row");
    let said = refused.to_string();
    assert!(
        said.contains("line: 2") && said.contains("delete this line"),
        "{said}"
    );
}
