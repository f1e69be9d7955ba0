//! Tests with *uncounted* events: events of runs that have no row in the journal (`runs.csv`). When a sweep is killed, it leaves a few
//! uncounted events, and the next sweep removes them. If there are many uncounted events, the journal was probably lost. Then the next sweep
//! is refused, and the events are kept.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sim::engine::Control;
use sim::experiment::Experiment;
use sim::log::{Dataset, DatasetError, DatasetWriter, EndedRun, RealDisk};
use sim::sweep::{self, Options, Progress, Summary, SweepError};
use tempfile::TempDir;

use crate::support::{experiment, files, finished};

const GRID: &str = "engine = \"virtual\"\nduration_s = 5\nrepetitions = 3\n[parameters]\nrates = [[1, 3], [2, 2]]\ninternal = [0.2, 0.7]";
/// 2 rate sets * 2 values of `internal` * 3 repetitions.
const RUNS: u64 = 12;
/// 3 GiB. A killed sweep leaves uncounted events in only one file, and that file has about 256 MiB at most.
const TOO_MANY_BYTES: u64 = 3 << 30;

/// A dataset with twelve finished runs, which a test then damages.
struct Trial {
    folder: TempDir,
    experiment: Experiment,
    /// The journal before the damage.
    whole_journal: Vec<u8>,
    /// The events before the damage.
    whole_events: Vec<u8>,
}

impl Trial {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let trial = Self {
            experiment: experiment(GRID),
            whole_journal: vec![],
            whole_events: vec![],
            folder,
        };
        trial.sweep().expect("a sweep");
        let [whole_journal, whole_events] = files(&trial.root());
        Self {
            whole_journal,
            whole_events,
            ..trial
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn journal(&self) -> PathBuf {
        self.root().join("runs.csv")
    }

    /// Makes the runs that are still to do.
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
        let text = String::from_utf8(self.whole_journal.clone()).expect("text");
        let lines: Vec<&str> = text.split_inclusive('\n').take(rows + 1).collect();
        fs::write(self.journal(), lines.concat()).expect("written");
    }

    /// Checks that a sweep is refused and does not change the journal. Returns the error message, and the shell commands in it that delete
    /// the uncounted events.
    fn check_refused(&self) -> (String, String) {
        let before = fs::read(self.journal()).ok();
        let inspected = DatasetWriter::inspect(&self.root(), &self.experiment);
        inspected.expect_err("refused before anything is written");
        let error = self.sweep().expect_err("refused");
        assert_eq!(fs::read(self.journal()).ok(), before);
        let said = error.to_string();
        match error {
            SweepError::Dataset(DatasetError::UncountedEvents { discard, .. }) => (said, discard),
            other => panic!("{other:?}"),
        }
    }

    /// Checks that a sweep makes `missing_runs` runs, and that the dataset then has the same bytes as before the damage.
    fn check_sweep_restores_all_bytes(&self, missing_runs: u64) {
        let summary = self.sweep().expect("a sweep");
        assert_eq!(summary.ok, missing_runs);
        self.check_bytes();
    }

    /// Checks that the dataset has the same bytes as before the damage.
    fn check_bytes(&self) {
        let [journal, events] = files(&self.root());
        assert!(journal == self.whole_journal, "another journal");
        assert!(events == self.whole_events, "other events");
    }
}

/// Cuts a file to this length, or makes it longer with bytes that are 0 and use no disk space. Creates the file if it does not exist.
fn set_length(path: &Path, bytes: u64) {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    file.and_then(|file| file.set_len(bytes)).expect("a file");
}

/// A segment is one of the files with events, such as `events-0000.csv`. If no row of the journal is about the events of a segment,
/// the sweep removes the segment.
#[test]
fn segments_of_uncounted_events_are_removed() {
    let trial = Trial::new();
    let events = &trial.whole_events;
    trial.restore_rows(4);
    let uncounted = ["events-0001.csv", "events-0002.csv", "events-0007.csv"];
    for name in uncounted {
        // Each of the three segments has a copy of all events.
        fs::write(trial.root().join(name), events).expect("written");
    }
    // The number in the name of a segment has four digits, so this file belongs to another program.
    let other = trial.root().join("events-3.csv");
    fs::write(&other, "mine").expect("written");
    let kept = finished(&trial.root());
    assert_eq!(kept.len(), 4);
    let summary = trial.sweep().expect("a sweep");
    assert_eq!(summary.ok, RUNS - 4);
    // `event_bytes` counts the bytes that were removed: the three files, and the end of `events-0000.csv`.
    assert!(summary.recovered.event_bytes > 3 * events.len() as u64);
    trial.check_bytes();
    let runs = finished(&trial.root());
    assert_eq!(runs.len() as u64, RUNS);
    assert!(
        kept.iter()
            .all(|(run, events)| runs.get(run) == Some(events))
    );
    let is_removed = |name: &&str| !trial.root().join(name).exists();
    assert!(uncounted.iter().all(is_removed));
    assert!(other.exists());
}

#[cfg(unix)]
#[test]
fn if_the_journal_is_lost_the_sweep_is_refused_and_the_events_are_kept() {
    // How many bytes of the journal remain (`None`: the file is deleted), and what the message says about the journal. The first line of
    // the journal, the header, is longer than 40 bytes.
    for (remaining_bytes, state) in [
        (None, "runs.csv is missing"),
        (Some(0), "runs.csv is empty"),
        (Some(40), "runs.csv has no whole line"),
    ] {
        let trial = Trial::new();
        match remaining_bytes {
            None => fs::remove_file(trial.journal()).expect("removed"),
            Some(bytes) => set_length(&trial.journal(), bytes),
        }
        let (said, discard) = trial.check_refused();
        assert!(said.contains(state), "{said}");
        assert!(said.contains("Restore "), "{said}");
        assert!(said.ends_with(&discard), "{said}");
        let events = fs::read(trial.root().join("events-0000.csv")).expect("events");
        assert!(events == trial.whole_events, "events changed");
        // The message advises to restore the journal from a copy, or to delete the events. Both work.
        fs::write(trial.journal(), &trial.whole_journal).expect("restored");
        trial.check_sweep_restores_all_bytes(0);
        fs::remove_file(trial.journal()).expect("removed");
        run_in_a_shell(&discard);
        trial.check_sweep_restores_all_bytes(RUNS);
    }
}

#[cfg(unix)]
#[test]
fn more_events_than_a_killed_sweep_leaves_are_not_removed() {
    // How many rows the journal has, and which file of events is made too long.
    for (rows, name) in [
        (2, "events-0000.csv"),
        (2, "events-0003.csv"),
        (0, "events-0000.csv"),
    ] {
        let trial = Trial::new();
        trial.restore_rows(rows);
        let large = trial.root().join(name);
        set_length(&large, TOO_MANY_BYTES);
        let (said, discard) = trial.check_refused();
        assert!(
            said.contains(&format!("runs.csv has {rows} rows")),
            "{said}"
        );
        assert_eq!(fs::metadata(&large).expect("there").len(), TOO_MANY_BYTES);
        run_in_a_shell(&discard);
        assert_eq!(finished(&trial.root()).len(), rows);
        trial.check_sweep_restores_all_bytes(RUNS - rows as u64);
    }
}

#[cfg(unix)]
fn run_in_a_shell(commands: &str) {
    let status = std::process::Command::new("sh")
        .args(["-c", commands])
        .status();
    assert!(status.expect("a shell").success(), "{commands}");
}

/// Rows are written to the journal at a sync (when data are forced to the disk). So a sweep that was killed before its first sync leaves
/// events and a journal without rows.
#[test]
fn a_sweep_killed_before_its_first_sync_is_resumed() {
    let trial = Trial::new();
    trial.restore_rows(0);
    trial.check_sweep_restores_all_bytes(RUNS);
    // Now the journal has no whole header. A sweep writes the header before it creates a file of events. So if there is a file of events,
    // the journal must have been damaged, and the next sweep is refused. If there is no file of events, the last sweep may have been killed
    // before it had written the header. Then the next sweep makes all runs.
    for journal in ["", "run,key,rep"] {
        fs::write(trial.journal(), journal).expect("written");
        fs::write(trial.root().join("events-0000.csv"), "run,mach").expect("written");
        let refused = trial.sweep();
        assert!(
            refused.is_err(),
            "not refused: a file of events, and a journal without a whole line"
        );
        fs::remove_file(trial.root().join("events-0000.csv")).expect("removed");
        trial.check_sweep_restores_all_bytes(RUNS);
    }
}

/// If a file of events is missing, but the journal has rows about its events, the sweep is refused and does not create the file again. In
/// the error message, a missing file has 0 bytes.
#[test]
fn a_missing_file_of_events_is_reported_and_not_created_again() {
    let trial = Trial::new();
    let events = trial.root().join("events-0000.csv");
    fs::remove_file(&events).expect("removed");
    let refused = trial.sweep().expect_err("refused").to_string();
    assert!(refused.contains("the file has 0 bytes"), "{refused}");
    assert!(!events.exists());
}

/// On a file system without locks, a second program could append bytes to the files of a dataset. Each row of the journal says at which
/// byte of a file of events the events of its run begin. If the second program appended bytes to the file of events, the rows of later runs
/// would say a wrong byte. So before the writer writes a row, it checks that nobody else has appended bytes to the file of events or to the
/// journal.
#[test]
fn bytes_of_another_writer_are_noticed() {
    let trial = Trial::new();
    let dataset = Dataset::open(&trial.root()).expect("a dataset");
    let row = dataset.attempted()[0].clone();
    let events = dataset.read_events(&row).expect("events");
    for name in ["events-0000.csv", "runs.csv"] {
        // A new dataset for each of the two files. The folder of the dataset is named after the file.
        let root = trial.folder.path().join(name);
        let mut writer = DatasetWriter::open(&root, &trial.experiment).expect("a writer");
        let file = File::options().append(true).open(root.join(name));
        let mut file = file.expect("a file");
        std::io::Write::write_all(&mut file, b"0,0,0\n").expect("written");
        let (row, events) = (row.clone(), events.clone());
        writer.append(EndedRun { row, events }).expect("appended");
        let refused = writer.sync().expect_err("another writer");
        assert!(
            matches!(refused, DatasetError::OtherWriter { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains(name), "{refused}");
    }
}
