//! A disk with faults: the sweep ends with a message, finished runs are kept, and the sweep can be resumed when the disk works
//! again.

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

const GRID: &str = "engine = \"virtual\"\nduration_s = 5\nrepetitions = 3\n[parameters]\nrates = [[1, 3], [2, 2]]\ninternal = [0.2, 0.7]";

/// The error numbers on Linux of: no space left, an I/O error, too many open files.
const ERRORS: [i32; 3] = [28, 5, 24];
/// Not an error number: with this value, the code of the disk panics.
const PANIC: i32 = 0;

/// Allows a number of operations, and then refuses the next operation or all further ones. A refused write writes half of its
/// bytes.
#[derive(Clone, Debug)]
struct FaultyDisk {
    done: Arc<AtomicU64>,
    fails_at: u64,
    stays_broken: bool,
    error: i32,
}

impl FaultyDisk {
    fn attempt(&self) -> io::Result<()> {
        let done = self.done.fetch_add(1, Ordering::Relaxed);
        if done == self.fails_at || (self.stays_broken && done > self.fails_at) {
            assert_ne!(self.error, PANIC, "a fault in the disk's code");
            return Err(io::Error::from_raw_os_error(self.error));
        }
        Ok(())
    }

    fn file(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
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
        Ok(self.file(RealDisk.open_to_append(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.attempt()?;
        Ok(self.file(RealDisk.create(path)?))
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

/// Runs a sweep that forces every run to the disk when it ends.
fn sweep(experiment: &Experiment, root: &Path, disk: Arc<dyn Disk>) -> Result<Summary, SweepError> {
    let options = Options {
        sync_every: Duration::ZERO,
        disk,
        ..Options::default()
    };
    let (control, mut progress) = (Control::default(), Progress::silent());
    sweep::run(experiment, root, &options, &control, &mut progress)
}

struct Trial {
    folder: tempfile::TempDir,
    experiment: Experiment,
    /// The files of a sweep on a disk without faults.
    whole: [Vec<u8>; 2],
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

    /// Returns whether `disk` refused an operation. If it did, checks that the sweep named the file and the error and kept its
    /// finished runs. In any case checks that the sweep can be resumed to the same bytes.
    fn check_fault(&self, disk: &FaultyDisk, root: PathBuf) -> bool {
        let kept = finished(&root);
        let before = disk.done.load(Ordering::Relaxed);
        let result = sweep(&self.experiment, &root, Arc::new(disk.clone()));
        let refused = disk.done.load(Ordering::Relaxed) > disk.fails_at && before <= disk.fails_at;
        assert_eq!(result.is_err(), refused, "{result:?}");
        if let Err(error) = result {
            let said = error.to_string();
            assert!(said.contains(&root.display().to_string()), "{said}");
            assert!(said.contains(&format!("os error {}", disk.error)), "{said}");
        }
        let left = finished(&root);
        assert!(
            kept.iter()
                .all(|(run, events)| left.get(run) == Some(events))
        );
        assert!(
            left.iter()
                .all(|(run, events)| self.wanted.get(run) == Some(events))
        );
        let resumed = sweep(&self.experiment, &root, Arc::new(RealDisk)).expect("a sweep");
        assert_eq!(resumed.ok, (self.wanted.len() - left.len()) as u64);
        assert_eq!(files(&root), self.whole);
        let names = fs::read_dir(&root).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let is_left = |name: &OsString| name.to_string_lossy().ends_with(".partial");
        assert_eq!(names.filter(is_left).count(), 0, "{}", root.display());
        refused
    }
}

#[test]
fn every_operation_of_a_new_sweep_may_be_refused() {
    let trial = Trial::new();
    for error in ERRORS {
        for stays_broken in [false, true] {
            let mut fails_at = 0;
            loop {
                let disk = FaultyDisk {
                    done: Arc::default(),
                    fails_at,
                    stays_broken,
                    error,
                };
                let name = format!("{error}-{stays_broken}-{fails_at}");
                if !trial.check_fault(&disk, trial.folder.path().join(name)) {
                    break;
                }
                fails_at += 1;
            }
            // The events and rows of twelve runs are written and forced to the disk one by one.
            assert!(fails_at > 12 * 4, "{fails_at} operations");
        }
    }
}

/// There are more runs than may wait for the writer, and the engine must not wait for a writer that has ended.
#[test]
fn a_panic_while_writing_ends_the_sweep_and_written_runs_count() {
    const RUNS: u64 = 2000;
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "engine = \"virtual\"\nduration_s = 1\nrepetitions = {RUNS}\n[parameters]\nrates = [1, 3]\ninternal = 0.5"
    );
    let (experiment, root) = (experiment(&text), folder.path().join("d"));
    let disk = FaultyDisk {
        done: Arc::default(),
        fails_at: 60,
        stays_broken: false,
        error: PANIC,
    };
    let swept = panic::catch_unwind(AssertUnwindSafe(|| {
        sweep(&experiment, &root, Arc::new(disk))
    }));
    assert!(swept.is_err(), "{swept:?}");
    let left = finished(&root).len() as u64;
    assert!((1..RUNS).contains(&left), "{left} runs");
    let (options, control) = (Options::default(), Control::default());
    let resumed = sweep::run(
        &experiment,
        &root,
        &options,
        &control,
        &mut Progress::silent(),
    );
    assert_eq!(resumed.expect("a sweep").ok, RUNS - left);
}

/// The same for a sweep that resumes one that was interrupted in the middle of a row and of a run's events.
#[test]
fn every_operation_of_a_resumed_sweep_may_be_refused() {
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
        fs::write(root.join("runs.csv"), &journal[..journal.len() / 2]).expect("cut");
        fs::write(
            root.join("events-0000.csv"),
            &events[..events.len() * 3 / 4],
        )
        .expect("cut");
    };
    let mut fails_at = 0;
    loop {
        let disk = FaultyDisk {
            done: Arc::default(),
            fails_at,
            stays_broken: true,
            error: ERRORS[0],
        };
        let root = trial.folder.path().join(fails_at.to_string());
        cut_short(&root);
        assert!(!finished(&root).is_empty());
        if !trial.check_fault(&disk, root) {
            break;
        }
        fails_at += 1;
    }
    assert!(fails_at > 6 * 4, "{fails_at} operations");
}
