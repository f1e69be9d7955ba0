//! Tests with a faulty disk: if the disk refuses an operation, the sweep ends with an error, and its finished runs are kept. When the disk
//! works again, a second sweep completes the dataset.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sim::engine::Control;
use sim::experiment::Experiment;
use sim::log::{Disk, DiskFile, FileIdentity, LockAttempt, RealDisk};
use sim::sweep::{self, Options, Progress, Summary, SweepError};

use crate::support::{experiment, files, finished};

/// Twelve runs in virtual time.
const GRID: &str = "engine = \"virtual\"\nduration_s = 5\nrepetitions = 3\n[parameters]\nrates = [[1, 3], [2, 2]]\ninternal = [0.2, 0.7]";

/// Error numbers of Linux. They mean: no space left, an I/O error, too many open files.
const ERRORS: [i32; 3] = [28, 5, 24];
/// Not an error number of the system. A disk whose `error` is this number panics instead of returning an error.
const PANIC: i32 = 0;

/// A disk that allows a number of operations, and then refuses either only the next operation or all further ones. A refused write still
/// writes the first half of its bytes.
#[derive(Clone, Debug)]
struct FaultyDisk {
    /// Number of operations so far, allowed or refused, on all files of the disk together.
    operations: Arc<AtomicU64>,
    /// Number of operations that are allowed. With the value 3, operation 4 is the first that is refused.
    allowed: u64,
    /// Whether all operations after the first refused one are refused too.
    stays_broken: bool,
    /// The system's number of the error, or [`PANIC`].
    error: i32,
}

impl FaultyDisk {
    /// Counts an operation. Fails if the disk refuses it.
    fn attempt(&self) -> io::Result<()> {
        let before = self.operations.fetch_add(1, Ordering::Relaxed);
        if before == self.allowed || (self.stays_broken && before > self.allowed) {
            // If `error` is `PANIC`, the disk panics here.
            assert_ne!(self.error, PANIC, "a fault in the disk's code");
            return Err(io::Error::from_raw_os_error(self.error));
        }
        Ok(())
    }

    /// Returns `file` as a file on this disk. Its operations count as operations of the disk, and may be refused too.
    fn faulty_file(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        let disk = self.clone();
        Box::new(FaultyFile { file, disk })
    }
}

impl Disk for FaultyDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.attempt()?;
        RealDisk.create_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.attempt()?;
        RealDisk.sync_folder(path)
    }

    fn open_to_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.attempt()?;
        Ok(self.faulty_file(RealDisk.open_to_append(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.attempt()?;
        Ok(self.faulty_file(RealDisk.create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.attempt()?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.attempt()?;
        RealDisk.remove(path)
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        self.attempt()?;
        RealDisk.identity(path)
    }

    fn try_lock(&self, file: &File) -> io::Result<LockAttempt> {
        self.attempt()?;
        RealDisk.try_lock(file)
    }
}

/// A file on a [`FaultyDisk`].
#[derive(Debug)]
struct FaultyFile {
    file: Box<dyn DiskFile>,
    disk: FaultyDisk,
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.disk.attempt() {
            self.file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        self.disk.attempt()?;
        self.file.length()
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        self.disk.attempt()?;
        self.file.identity()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.disk.attempt()?;
        self.file.cut(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.attempt()?;
        self.file.sync()
    }
}

/// Runs a sweep that forces each run to the disk as soon as this run has ended.
fn sweep(experiment: &Experiment, root: &Path, disk: Arc<dyn Disk>) -> Result<Summary, SweepError> {
    let options = Options {
        sync_every: Duration::ZERO,
        disk,
        ..Options::default()
    };
    let (control, mut progress) = (Control::default(), Progress::silent());
    sweep::run(experiment, root, &options, &control, &mut progress)
}

/// An experiment, and what a sweep of it writes to a disk without faults.
struct Trial {
    folder: tempfile::TempDir,
    experiment: Experiment,
    /// The bytes of the journal (`runs.csv`) and of the file of events.
    whole: [Vec<u8>; 2],
    /// The events of each run, by its number.
    wanted: BTreeMap<u64, Vec<u8>>,
}

impl Trial {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let experiment = experiment(GRID);
        let root = folder.path().join("whole");
        sweep(&experiment, &root, Arc::new(RealDisk)).expect("a sweep");
        Self {
            whole: files(&root),
            wanted: finished(&root),
            folder,
            experiment,
        }
    }

    /// Runs a sweep on the new `disk` in the folder `root`, and then a sweep without faults that resumes it. Returns whether `disk` refused
    /// an operation.
    ///
    /// Checks that a sweep with a refused operation ends with an error that names the folder and the system's error, and that finished
    /// runs are kept. Checks that the resumed sweep makes only the runs that are not finished, gives the same bytes as a sweep without
    /// faults, and leaves no temporary files (`.partial`).
    fn check_fault(&self, disk: &FaultyDisk, root: PathBuf) -> bool {
        let before = finished(&root);
        let result = sweep(&self.experiment, &root, Arc::new(disk.clone()));
        let refused = disk.operations.load(Ordering::Relaxed) > disk.allowed;
        assert_eq!(result.is_err(), refused, "{result:?}");
        if let Err(error) = result {
            let said = error.to_string();
            assert!(said.contains(&root.display().to_string()), "{said}");
            assert!(said.contains(&format!("os error {}", disk.error)), "{said}");
        }
        let after = finished(&root);
        // Runs that were finished before are kept, and no finished run has wrong events.
        assert!(
            before
                .iter()
                .all(|(run, events)| after.get(run) == Some(events))
        );
        assert!(
            after
                .iter()
                .all(|(run, events)| self.wanted.get(run) == Some(events))
        );
        let resumed = sweep(&self.experiment, &root, Arc::new(RealDisk)).expect("a sweep");
        assert_eq!(resumed.ok, (self.wanted.len() - after.len()) as u64);
        assert_eq!(files(&root), self.whole);
        let names = fs::read_dir(&root).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let is_partial = |name: &OsString| name.to_string_lossy().ends_with(".partial");
        assert_eq!(names.filter(is_partial).count(), 0, "{}", root.display());
        refused
    }
}

#[test]
fn a_new_sweep_can_be_resumed_after_any_operation_was_refused() {
    let trial = Trial::new();
    for error in ERRORS {
        for stays_broken in [false, true] {
            // Round 1 refuses operation 1, round 2 refuses operation 2, and so on. The last round is the one in which the sweep ends before
            // any operation is refused.
            let mut allowed = 0;
            loop {
                let disk = FaultyDisk {
                    operations: Arc::default(),
                    allowed,
                    stays_broken,
                    error,
                };
                let name = format!("{error}-{stays_broken}-{allowed}");
                if !trial.check_fault(&disk, trial.folder.path().join(name)) {
                    break;
                }
                allowed += 1;
            }
            // Each of the twelve runs needs four operations: its events are written and forced to the disk, and so is its row.
            assert!(allowed > 12 * 4, "{allowed} operations");
        }
    }
}

/// The code that writes runs to the disk (the writer) panics. Ended runs wait for the writer in a queue, and this sweep has more runs than
/// fit into the queue. So the engine would wait forever for space if it did not notice that the writer has ended.
#[test]
fn a_panic_while_writing_ends_the_sweep_and_written_runs_are_kept() {
    const RUNS: u64 = 2000;
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "engine = \"virtual\"\nduration_s = 1\nrepetitions = {RUNS}\n[parameters]\nrates = [1, 3]\ninternal = 0.5"
    );
    let (experiment, root) = (experiment(&text), folder.path().join("d"));
    let disk = FaultyDisk {
        operations: Arc::default(),
        // Enough to write some of the runs.
        allowed: 60,
        stays_broken: false,
        error: PANIC,
    };
    let swept = panic::catch_unwind(AssertUnwindSafe(|| {
        sweep(&experiment, &root, Arc::new(disk))
    }));
    assert!(swept.is_err(), "{swept:?}");
    let written = finished(&root).len() as u64;
    assert!((1..RUNS).contains(&written), "{written} runs");
    let (options, control) = (Options::default(), Control::default());
    let resumed = sweep::run(
        &experiment,
        &root,
        &options,
        &control,
        &mut Progress::silent(),
    );
    assert_eq!(resumed.expect("a sweep").ok, RUNS - written);
}

/// Like the test of a new sweep, but the faulty sweep resumes a dataset whose journal ends within a row and whose events end within a
/// run.
#[test]
fn a_resumed_sweep_can_be_resumed_again_after_any_operation_was_refused() {
    let trial = Trial::new();
    let cut_short = |root: &Path| {
        fs::create_dir(root).expect("a folder");
        for name in ["dataset.json", "experiment.toml"] {
            fs::copy(
                trial.folder.path().join("whole").join(name),
                root.join(name),
            )
            .expect("a copy");
        }
        let [journal, events] = &trial.whole;
        // A larger part of the events is kept, so that all runs in the cut journal have their events.
        fs::write(root.join("runs.csv"), &journal[..journal.len() / 2]).expect("cut");
        fs::write(
            root.join("events-0000.csv"),
            &events[..events.len() * 3 / 4],
        )
        .expect("cut");
    };
    let mut allowed = 0;
    loop {
        let disk = FaultyDisk {
            operations: Arc::default(),
            allowed,
            stays_broken: true,
            error: ERRORS[0],
        };
        let root = trial.folder.path().join(allowed.to_string());
        cut_short(&root);
        assert!(!finished(&root).is_empty());
        if !trial.check_fault(&disk, root) {
            break;
        }
        allowed += 1;
    }
    // About half of the twelve runs are made again, with four operations each.
    assert!(allowed > 6 * 4, "{allowed} operations");
}
