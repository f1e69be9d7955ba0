//! Tests of what `sim` does if the disk is full, if the file system has no locks, and if a dataset vanishes during a sweep. Most tests
//! use a simulated disk with a given number of free bytes. A `DatasetWriter` first writes the events of a run. At the next sync it forces
//! them to the disk, and writes the run's row to the journal (`runs.csv`).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sim::experiment::Experiment;
use sim::log::{
    Assumed, Dataset, DatasetError, DatasetWriter, Disk, DiskFile, EndedRun, FileIdentity,
    ImportWriter, Imported, LockAttempt, MissingFields, RealDisk, Status,
};
use tempfile::TempDir;

use crate::support::{experiment, finished, run_all};

/// Four configurations with three runs each.
const GRID: &str = "engine = \"virtual\"\nduration_s = 5\nrepetitions = 3\n[parameters]\nrates = [[1, 3], [2, 2]]\ninternal = [0.2, 0.7]";
/// The number of the system's error "No space left on device" (ENOSPC).
const NO_SPACE: i32 = 28;

/// A disk that writes real files as long as it has free bytes.
#[derive(Clone, Debug)]
struct SmallDisk {
    /// Number of free bytes. Removing a file adds its length.
    free: Arc<AtomicI64>,
    /// Whether files on this disk can be locked.
    has_locks: bool,
}

impl SmallDisk {
    fn with_bytes(free: i64) -> Self {
        Self {
            free: Arc::new(AtomicI64::new(free)),
            has_locks: true,
        }
    }

    fn without_locks() -> Self {
        Self {
            has_locks: false,
            ..Self::with_bytes(i64::MAX)
        }
    }

    /// Returns `file` as a file on this disk: writing to it uses the disk's free bytes.
    fn limit(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        let disk = self.clone();
        Box::new(SmallDiskFile { file, disk })
    }
}

impl Disk for SmallDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_folder(path)
    }

    fn open_to_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.limit(RealDisk.open_to_append(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.limit(RealDisk.create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let bytes = fs::metadata(path)?.len();
        RealDisk.remove(path)?;
        self.free.fetch_add(bytes as i64, Ordering::Relaxed);
        Ok(())
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        RealDisk.identity(path)
    }

    fn try_lock(&self, file: &File) -> io::Result<LockAttempt> {
        if self.has_locks {
            RealDisk.try_lock(file)
        } else {
            Ok(LockAttempt::NotSupported)
        }
    }
}

/// A file on a [`SmallDisk`].
#[derive(Debug)]
struct SmallDiskFile {
    file: Box<dyn DiskFile>,
    disk: SmallDisk,
}

impl Write for SmallDiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let free = self.disk.free.load(Ordering::Relaxed).max(0) as usize;
        // If only a part of the bytes fits, this part is written without an error. The next write then fails.
        let written = bytes.len().min(free);
        self.file.write_all(&bytes[..written])?;
        self.disk.free.fetch_sub(written as i64, Ordering::Relaxed);
        if written == 0 && !bytes.is_empty() {
            return Err(io::Error::from_raw_os_error(NO_SPACE));
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for SmallDiskFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        self.file.identity()
    }

    /// Cuts the file. The bytes that were cut off are not added to the free bytes, as if another program had used their space at once.
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.cut(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

/// Finished runs, and a folder in which a writer can make a dataset with them.
struct Trial {
    folder: TempDir,
    experiment: Experiment,
    runs: Vec<EndedRun>,
}

impl Trial {
    /// Makes twelve finished runs, in the dataset `whole`.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let experiment = experiment(GRID);
        let root = folder.path().join("whole");
        sim::sweep::run(
            &experiment,
            &root,
            &sim::sweep::Options::default(),
            &sim::engine::Control::default(),
            &mut sim::sweep::Progress::silent(),
        )
        .expect("a sweep");
        let dataset = Dataset::open(&root).expect("a dataset");
        let run = |row: &sim::log::JournalRow| EndedRun {
            row: row.clone(),
            events: dataset.read_events(row).expect("events"),
        };
        let runs: Vec<EndedRun> = dataset.attempted().iter().map(run).collect();
        // No run of the experiment is missing.
        assert_eq!(runs.len(), run_all(&experiment, experiment.engine).len());
        Self {
            runs,
            folder,
            experiment,
        }
    }

    /// The folder of the dataset that a test writes.
    fn root(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn writer(&self, disk: &SmallDisk) -> DatasetWriter {
        DatasetWriter::open_on(Arc::new(disk.clone()), &self.root(), &self.experiment)
            .expect("a writer")
    }

    fn status(&self) -> Status {
        Status::from_dataset(&Dataset::open(&self.root()).expect("a dataset"))
    }
}

/// A run counts if all its events were written before the disk was full. Its row of the journal still fits, because the writer has
/// reserved space for the journal.
#[test]
fn events_that_fill_the_disk_leave_space_for_the_journal() {
    let trial = Trial::new();
    let event_bytes: Vec<i64> = trial
        .runs
        .iter()
        .map(|run| run.events.len() as i64)
        .collect();
    // The disk has space for the events of `fitting` runs and for `spare` bytes of the next run.
    for fitting in 1..trial.runs.len() {
        for spare in [0, 1, event_bytes[fitting] / 2] {
            let disk = SmallDisk::with_bytes(i64::MAX);
            // The writer reserves space for the journal when it opens. So the free bytes are limited only after that.
            let mut writer = trial.writer(&disk);
            let free = event_bytes[..fitting].iter().sum::<i64>() + spare;
            disk.free.store(free, Ordering::Relaxed);
            let mut runs = trial.runs.iter().cloned();
            let appended = runs
                .by_ref()
                .take(fitting)
                .try_for_each(|run| writer.append(run));
            appended.expect("they fit");
            let full = writer
                .append(runs.next().expect("a run"))
                .expect_err("full");
            assert!(full.to_string().contains("os error 28"), "{full}");
            drop(writer);
            // When `append` failed, it removed the file that reserves the space, and wrote the rows of the earlier runs to the journal.
            assert_eq!(finished(&trial.root()).len(), fitting);
            assert!(!trial.root().join(".reserve").exists());
            fs::remove_dir_all(trial.root()).expect("removed");
        }
    }
}

/// All events fit, and then there is no space for the rows of the journal. The rows are written into the reserved space, and the writer
/// reports that the disk is full.
#[test]
fn journal_rows_that_do_not_fit_use_the_reserved_space() {
    let trial = Trial::new();
    let disk = SmallDisk::with_bytes(i64::MAX);
    let mut writer = trial.writer(&disk);
    for run in trial.runs.iter().cloned() {
        writer.append(run).expect("appended");
    }
    // 100 bytes are too few for the rows of the twelve runs.
    disk.free.store(100, Ordering::Relaxed);
    let full = writer.sync().expect_err("full").to_string();
    assert!(
        full.contains("runs.csv") && full.contains("os error 28"),
        "{full}"
    );
    drop(writer);
    assert_eq!(finished(&trial.root()).len(), trial.runs.len());
}

/// If there is no space for a new dataset, no incomplete file remains.
#[test]
fn on_a_disk_that_is_full_from_the_start_no_partial_file_remains() {
    let trial = Trial::new();
    let disk = SmallDisk::with_bytes(10);
    let full = DatasetWriter::open_on(Arc::new(disk), &trial.root(), &trial.experiment);
    full.expect_err("full");
    let remaining: Vec<_> = fs::read_dir(trial.root())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(remaining, [".lock"]);
}

/// A writer replaces a file such as `dataset.json` in two steps: it writes a temporary file, and then renames the temporary file. After a
/// crash between the two steps, the temporary file is still there. The next writer accepts the folder all the same, and removes the
/// temporary file.
#[test]
fn temporary_files_that_a_crash_has_left_are_recognised_and_removed() {
    let trial = Trial::new();
    let root = trial.root();
    fs::create_dir_all(&root).expect("a folder");
    let temporary_files = [
        ".dataset.json.0123456789abcdef.partial",
        ".experiment.toml.0123456789abcdef.partial",
        // Earlier versions of `sim` gave their temporary file this name.
        "experiment.partial",
    ];
    for name in temporary_files {
        fs::write(root.join(name), "{").expect("written");
    }
    drop(trial.writer(&SmallDisk::with_bytes(i64::MAX)));
    assert!(root.join("dataset.json").exists());
    assert!(temporary_files.iter().all(|name| !root.join(name).exists()));
    // No dataset has a file `thesis.tex`. So a temporary file for it belongs to another program, and the folder is refused.
    fs::remove_dir_all(&root).expect("removed");
    fs::create_dir_all(&root).expect("a folder");
    fs::write(root.join(".thesis.tex.0123456789abcdef.partial"), "all").expect("written");
    let refused = DatasetWriter::open(&root, &trial.experiment).expect_err("somebody's folder");
    assert!(
        matches!(refused, DatasetError::ForeignFolder(_)),
        "{refused}"
    );
}

#[cfg(unix)]
#[test]
fn a_dataset_that_vanishes_is_noticed_at_the_next_sync() {
    let trial = Trial::new();
    let root = trial.root();
    let moved = trial.folder.path().join("moved");
    let delete = || fs::remove_dir_all(&root);
    let move_away = || fs::rename(&root, &moved);
    let replace = || {
        fs::rename(&root, &moved)?;
        fs::create_dir(&root)?;
        fs::write(root.join("runs.csv"), "")
    };
    let lose_events = || fs::remove_file(root.join("events-0000.csv"));
    let damages: [(&dyn Fn() -> io::Result<()>, &str); 4] = [
        (&delete, "runs.csv is gone"),
        (&move_away, "runs.csv is gone"),
        (&replace, "runs.csv is another file than before"),
        (&lose_events, "events-0000.csv is gone"),
    ];
    for (damage, message) in damages {
        for has_unsynced_runs in [false, true] {
            let mut writer = trial.writer(&SmallDisk::with_bytes(i64::MAX));
            let run = trial.runs[0].clone();
            writer.append(run).expect("appended");
            writer.sync().expect("synced");
            damage().expect("damaged");
            if has_unsynced_runs {
                writer.append(trial.runs[1].clone()).expect("appended");
            }
            let gone = writer.sync().expect_err("noticed");
            assert!(matches!(gone, DatasetError::Gone { .. }), "{gone}");
            assert!(gone.to_string().contains(message), "{gone}");
            drop(writer);
            if moved.exists() {
                // The writer still has the moved files open, and writes to them. So the folder to which the dataset was moved has all runs
                // that were appended.
                let appended_runs = if has_unsynced_runs { 2 } else { 1 };
                assert_eq!(finished(&moved).len(), appended_runs);
                fs::remove_dir_all(&moved).expect("removed");
            }
            // After `delete` and `move_away`, the folder does not exist. So an error is ignored.
            let _ = fs::remove_dir_all(&root);
        }
    }
}

/// On a file system without locks, a sweep can write. But the status of the dataset cannot say for certain whether the sweep is still
/// running.
#[test]
fn without_locks_the_status_is_not_certain() {
    let trial = Trial::new();
    let mut writer = trial.writer(&SmallDisk::without_locks());
    assert!(!writer.is_locked());
    let run = trial.runs[0].clone();
    writer.append(run).expect("appended");
    writer.sync().expect("synced");
    let status = trial.status();
    assert_eq!((status.done, status.sweeps.len()), (1, 1));
    assert!(!status.sweeps[0].is_certain);
    // The file `.lock` has a text about the running sweep. Without locks, a sweep changes this text when it ends. A killed sweep cannot do
    // this. To imitate a killed sweep, the test lets the sweep end and then writes the earlier text back.
    let lock_text = fs::read(trial.root().join(".lock")).expect("a text");
    drop(writer);
    assert!(trial.status().sweeps.is_empty());
    fs::write(trial.root().join(".lock"), lock_text).expect("written");
    assert!(!trial.status().sweeps[0].is_certain);
    // On a file system with locks, the status is certain.
    let writer = trial.writer(&SmallDisk::with_bytes(i64::MAX));
    assert!(writer.is_locked() && trial.status().sweeps[0].is_certain);
    drop(writer);
    assert!(trial.status().sweeps.is_empty());
}

/// An import makes a dataset from logs of another program. It writes all files into a partial folder, and renames the folder at the end. If
/// the import fails, or if its writer is dropped before the end, the partial folder is removed. Two imports cannot make the same dataset at
/// the same time.
#[test]
fn an_import_appears_complete_or_not_at_all() {
    let trial = Trial::new();
    let parent = trial.folder.path().join("imports");
    let root = parent.join("imported");
    fs::create_dir(&parent).expect("a folder");
    let entries = || fs::read_dir(&parent).expect("a folder").count();
    // A killed import has left a file in the partial folder. The next import must not use this file.
    let partial = parent.join(".imported.partial");
    fs::create_dir(&partial).expect("a folder");
    fs::write(partial.join("events-0000.csv"), "torn").expect("written");
    let mut writer = ImportWriter::create(&root).expect("a writer");
    let second = ImportWriter::create(&root).expect_err("a second import");
    assert!(matches!(second, DatasetError::BeingImported(_)), "{second}");
    // The second argument of `append` says from which lines of the logs the events were read. In this test it is always empty.
    writer
        .append(trial.runs[0].clone(), vec![])
        .expect("appended");
    drop(writer);
    assert_eq!(entries(), 0);
    let imported = || Imported {
        files: vec![],
        missing_fields: MissingFields::default(),
        assumed: Assumed::default(),
        sends_given: false,
        unmeasured: vec![],
        sources: None,
    };
    // If another program creates a folder at the dataset's path during the import, the import fails and removes its partial folder. Only
    // the folder of the other program remains.
    let mut writer = ImportWriter::create(&root).expect("a writer");
    writer
        .append(trial.runs[0].clone(), vec![])
        .expect("appended");
    fs::create_dir(&root).expect("a folder");
    fs::write(root.join("thesis.tex"), "all of it").expect("written");
    let time_scale_and_repetitions = (1.0, 1);
    // The last two arguments of `finish` are the configurations and a description of how the logs were read. Here both are empty.
    let refused = writer.finish(imported(), time_scale_and_repetitions, vec![], "");
    refused.expect_err("a folder is in the way");
    assert_eq!(entries(), 1);
    fs::remove_dir_all(&root).expect("removed");
    let mut writer = ImportWriter::create(&root).expect("a writer");
    writer
        .append(trial.runs[0].clone(), vec![])
        .expect("appended");
    let import = writer.finish(imported(), time_scale_and_repetitions, vec![], "");
    import.expect("a dataset");
    assert_eq!((entries(), finished(&root).len()), (1, 1));
    assert!(!root.join(".lock").exists());
}

/// At the path of a file (`notes.txt`), an import is refused because something exists there already. At a path below a file
/// (`notes.txt/imported`) nothing can exist, so the import must report the error of the file system instead.
#[test]
fn an_import_below_a_file_reports_the_error_of_the_file_system() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("notes.txt");
    fs::write(&file, "all of it").expect("written");
    let refused = ImportWriter::create(&file).expect_err("a file");
    assert!(matches!(refused, DatasetError::Occupied(_)), "{refused}");
    let refused = ImportWriter::create(&file.join("imported")).expect_err("below a file");
    assert!(matches!(refused, DatasetError::Io { .. }), "{refused}");
}

/// On a real file system of two megabytes, a run counts if all its events were written.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs the right to mount a file system"]
fn a_real_full_disk_keeps_every_run_that_was_written() {
    // Mounts the file system, makes runs on it until it is full, and copies the dataset to the test's folder. `$0` is the program
    // `sim`.
    const SCRIPT: &str = r#"mount -t tmpfs -o size=2m none small && cd small || exit 99
"$0" run ../e.toml --data d --sync-every 3600 --jobs 2 2> ../said; echo $? > ../code; cp -r d .."#;
    let folder = tempfile::tempdir().expect("a folder");
    let experiment = format!("seed = 7\n{GRID}\n").replace("repetitions = 3", "repetitions = 4000");
    fs::write(folder.path().join("e.toml"), experiment).expect("written");
    fs::create_dir(folder.path().join("small")).expect("a folder");
    let script = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", SCRIPT, env!("CARGO_BIN_EXE_sim")])
        .current_dir(folder.path())
        // With this variable, `sim` would call itself `cargo sim` in its messages.
        .env_remove("CARGO")
        .stderr(std::process::Stdio::null())
        .status();
    assert!(
        script.expect("unshare").success(),
        "this user may not mount a file system"
    );
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("text");
    let said = read("said");
    // The exit code of a sweep that cannot continue is 2.
    assert_eq!(read("code"), "2\n", "{said}");
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains("finished runs are not repeated"), "{said}");
    let root = folder.path().join("d");
    let runs = finished(&root);
    // Half a megabyte is reserved for the journal. A run has 20 events of about 35 bytes. So there is space for many more than 100 runs.
    assert!(runs.len() > 100, "{} runs", runs.len());
    // With `--sync-every 3600`, the rows of the last runs were still in memory when the disk became full. Even so, the journal has a row for
    // every run whose events are in the file.
    let dataset = Dataset::open(&root).expect("a dataset");
    let last = dataset.attempted().last().expect("a run");
    let events = fs::metadata(root.join("events-0000.csv")).expect("events");
    assert_eq!(events.len(), last.offset + last.bytes);
    assert!(!root.join(".reserve").exists());
}

/// Opening a pipe for reading waits for ever if nobody writes to it. So the program must not open it.
#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_of_a_dataset_is_an_error() {
    for name in ["dataset.json", "runs.csv", "events-0000.csv"] {
        let trial = Trial::new();
        let root = trial.folder.path().join("whole");
        let path = root.join(name);
        fs::remove_file(&path).expect("a file");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo").success());
        let read = Dataset::open(&root)
            .and_then(|dataset| dataset.read_events(dataset.finished().next().expect("a run")));
        let said = read.expect_err("a pipe").to_string();
        assert!(said.contains(name) && said.contains("not a file"), "{said}");
    }
}
