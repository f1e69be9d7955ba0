//! Events that no journal row counts: those of a killed sweep are removed, and those of a lost journal are kept.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sim::engine::Control;
use sim::experiment::Experiment;
use sim::log::{Dataset, DatasetError, DatasetWriter, FinishedRun, RealDisk};
use sim::sweep::{self, Options, Progress, Summary, SweepError};
use tempfile::TempDir;

use crate::support::{experiment, files, finished};

const GRID: &str = "engine = \"virtual\"\nduration_s = 5\nrepetitions = 3\n[parameters]\nrates = [[1, 3], [2, 2]]\ninternal = [0.2, 0.7]";
const RUNS: u64 = 12;
const GIGABYTES: u64 = 3 << 30;

struct Trial {
    folder: TempDir,
    experiment: Experiment,
    whole: [Vec<u8>; 2],
}

impl Trial {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let trial = Self {
            experiment: experiment(GRID),
            whole: [vec![], vec![]],
            folder,
        };
        trial.sweep().expect("a sweep");
        let whole = files(&trial.root());
        Self { whole, ..trial }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn journal(&self) -> PathBuf {
        self.root().join("runs.csv")
    }

    fn sweep(&self) -> Result<Summary, SweepError> {
        let options = Options {
            sync_every: Duration::ZERO,
            disk: Arc::new(RealDisk),
            ..Options::default()
        };
        let (control, mut progress) = (Control::default(), Progress::silent());
        sweep::run(
            &self.experiment,
            &self.root(),
            &options,
            &control,
            &mut progress,
        )
    }

    /// Replaces the journal by an older copy: the header and `rows` rows.
    fn restore_rows(&self, rows: usize) {
        let text = String::from_utf8(self.whole[0].clone()).expect("text");
        let lines: Vec<&str> = text.split_inclusive('\n').take(rows + 1).collect();
        fs::write(self.journal(), lines.concat()).expect("written");
    }

    /// Checks that the sweep and its plan are refused and change nothing. Returns both messages.
    fn refused(&self) -> (String, String) {
        let before = fs::read(self.journal()).ok();
        let looked = DatasetWriter::inspect(&self.root(), &self.experiment);
        looked.expect_err("refused before anything is begun");
        let error = self.sweep().expect_err("refused");
        assert_eq!(fs::read(self.journal()).ok(), before);
        let said = error.to_string();
        match error {
            SweepError::Dataset(DatasetError::UncountedEvents { discard, .. }) => (said, discard),
            other => panic!("{other:?}"),
        }
    }

    fn check_resumes_to_the_same_bytes(&self, left: u64) {
        let summary = self.sweep().expect("a sweep");
        assert_eq!(summary.ok, left);
        assert!(files(&self.root()) == self.whole, "other bytes");
    }
}

fn write_sparse_file(path: &Path, bytes: u64) {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    file.and_then(|file| file.set_len(bytes)).expect("a file");
}

#[test]
fn segments_after_an_older_journal_are_removed() {
    let trial = Trial::new();
    let events = &trial.whole[1];
    trial.restore_rows(4);
    let stale = ["events-0001.csv", "events-0002.csv", "events-0007.csv"];
    for name in stale {
        fs::write(trial.root().join(name), events).expect("written");
    }
    // This is not the name of a segment, so the file belongs to another program.
    let other = trial.root().join("events-3.csv");
    fs::write(&other, "mine").expect("written");
    let kept = finished(&trial.root());
    assert_eq!(kept.len(), 4);
    let summary = trial.sweep().expect("a sweep");
    assert_eq!(summary.ok, RUNS - 4);
    assert!(summary.recovered.event_bytes > 3 * events.len() as u64);
    assert!(files(&trial.root()) == trial.whole, "other bytes");
    let left = finished(&trial.root());
    assert_eq!(left.len() as u64, RUNS);
    assert!(
        kept.iter()
            .all(|(run, events)| left.get(run) == Some(events))
    );
    assert!(stale.iter().all(|name| !trial.root().join(name).exists()));
    assert!(other.exists());
}

#[cfg(unix)]
#[test]
fn a_lost_journal_is_not_taken_for_an_unfinished_sweep() {
    for (lose, state) in [
        (None, "runs.csv is missing"),
        (Some(0), "runs.csv is empty"),
        (Some(40), "runs.csv has no whole line"),
    ] {
        let trial = Trial::new();
        match lose {
            None => fs::remove_file(trial.journal()).expect("removed"),
            Some(bytes) => write_sparse_file(&trial.journal(), bytes),
        }
        let (said, discard) = trial.refused();
        assert!(said.contains(state), "{said}");
        assert!(said.contains("Restore "), "{said}");
        assert!(said.ends_with(&discard), "{said}");
        assert!(files_of_events(&trial) == trial.whole[1], "events changed");
        // Both kinds of advice work.
        fs::write(trial.journal(), &trial.whole[0]).expect("restored");
        trial.check_resumes_to_the_same_bytes(0);
        fs::remove_file(trial.journal()).expect("removed");
        run_in_a_shell(&discard);
        trial.check_resumes_to_the_same_bytes(RUNS);
    }
}

fn files_of_events(trial: &Trial) -> Vec<u8> {
    fs::read(trial.root().join("events-0000.csv")).expect("events")
}

#[cfg(unix)]
#[test]
fn more_events_than_a_killed_sweep_leaves_are_not_removed() {
    for (rows, name) in [
        (2, "events-0000.csv"),
        (2, "events-0003.csv"),
        (0, "events-0000.csv"),
    ] {
        let trial = Trial::new();
        trial.restore_rows(rows);
        let large = trial.root().join(name);
        write_sparse_file(&large, GIGABYTES);
        let (said, discard) = trial.refused();
        assert!(
            said.contains(&format!("runs.csv has {rows} rows")),
            "{said}"
        );
        assert_eq!(fs::metadata(&large).expect("there").len(), GIGABYTES);
        run_in_a_shell(&discard);
        assert_eq!(finished(&trial.root()).len(), rows);
        trial.check_resumes_to_the_same_bytes(RUNS - rows as u64);
    }
}

#[cfg(unix)]
fn run_in_a_shell(commands: &str) {
    let status = std::process::Command::new("sh")
        .args(["-c", commands])
        .status();
    assert!(status.expect("a shell").success(), "{commands}");
}

/// A sweep that was killed before its first sync leaves events and a journal without rows.
#[test]
fn a_sweep_killed_before_its_first_sync_is_resumed() {
    let trial = Trial::new();
    trial.restore_rows(0);
    trial.check_resumes_to_the_same_bytes(RUNS);
    // A sweep that was killed before its first event is resumed too, with any part of the journal.
    for journal in ["", "run,key,rep"] {
        fs::write(trial.journal(), journal).expect("written");
        fs::write(trial.root().join("events-0000.csv"), "run,mach").expect("written");
        let refused = trial.sweep();
        assert!(refused.is_err(), "a torn header of events, and no journal");
        fs::remove_file(trial.root().join("events-0000.csv")).expect("removed");
        trial.check_resumes_to_the_same_bytes(RUNS);
    }
}

/// Missing events that the journal counts are reported, and no new file replaces them.
#[test]
fn a_missing_segment_is_not_created_again() {
    let trial = Trial::new();
    let segment = trial.root().join("events-0000.csv");
    fs::remove_file(&segment).expect("removed");
    let refused = trial.sweep().expect_err("refused").to_string();
    assert!(refused.contains("the file has 0 bytes"), "{refused}");
    assert!(!segment.exists());
}

/// Without locks, the bytes of a second writer are noticed before a row counts events at a wrong position.
#[test]
fn bytes_of_another_writer_are_noticed() {
    let trial = Trial::new();
    let dataset = Dataset::open(&trial.root()).expect("a dataset");
    let row = dataset.attempted()[0].clone();
    let events = dataset.read_events(&row).expect("events");
    for name in ["events-0000.csv", "runs.csv"] {
        let root = trial.folder.path().join(name);
        let mut writer = DatasetWriter::open(&root, &trial.experiment).expect("a writer");
        let file = File::options().append(true).open(root.join(name));
        let mut file = file.expect("a file");
        std::io::Write::write_all(&mut file, b"0,0,0\n").expect("written");
        let (row, events) = (row.clone(), events.clone());
        writer
            .append(FinishedRun { row, events })
            .expect("appended");
        let refused = writer.sync().expect_err("another writer");
        assert!(
            matches!(refused, DatasetError::OtherWriter { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains(name), "{refused}");
    }
}
