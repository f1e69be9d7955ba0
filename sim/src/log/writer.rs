//! The writer of a dataset. When a run has ended, the writer appends the run's events to a segment (a file `events-NNNN.csv`), and
//! the run's row to the journal (`runs.csv`). One sweep (a process `sim run`) has one writer.
//!
//! The events of a run are written to the disk before its journal row. So after a crash, no row stands for events that are missing. Events
//! and rows are forced to the disk (`fsync`) for several runs at once, to save time.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::appended::AppendedFile;
use super::attempts::{Attempts, JournalContents};
use super::disk::{Disk, RealDisk};
use super::error::DatasetError;
use super::journal::Header;
use super::lock::{Lock, LockOwner};
use super::manifest::{Manifest, Provenance};
use super::parts::Paths;
use super::reserve::{MAX_WAITING_BYTES, Reserve};
use super::resume_state::{ResumeState, remove_left_behind};
use super::segment::{EndedRun, Segment};
use super::uncounted::Uncounted;
use crate::experiment::{Experiment, Run};
use crate::files::replace;

/// How much unfinished data of an earlier, interrupted writer was cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Number of bytes of an incomplete journal row.
    pub journal_bytes: u64,
    /// Number of bytes of events that have no row in the journal.
    pub event_bytes: u64,
}

impl Recovered {
    /// Returns whether nothing was cut off.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            journal_bytes,
            event_bytes,
        } = self;
        write!(
            f,
            "an earlier `sim run` was interrupted: removed {event_bytes} bytes of events of unfinished runs and {journal_bytes} bytes of incomplete rows of runs.csv"
        )
    }
}

/// Appends runs to a dataset and holds its lock.
#[derive(Debug)]
pub struct DatasetWriter {
    disk: Arc<dyn Disk>,
    paths: Paths,
    experiment: Experiment,
    segment: Segment,
    journal: AppendedFile,
    /// The columns of the journal.
    header: Header,
    /// Space on the disk that is kept for the journal, for the case that events fill the disk.
    reserve: Reserve,
    /// The text of journal rows that are not written yet. They wait until their events are certainly on the disk.
    unsynced_rows: Vec<u8>,
    /// The contents of `dataset.json`, if this writer wrote it.
    manifest: Option<Vec<u8>>,
    /// The runs that had a row in the journal when the dataset was opened, and whether each had finished or failed.
    attempts: Attempts,
    /// The number of planned runs in the manifest that existed when the dataset was opened; 0 for a new dataset.
    planned_before: u64,
    /// The changes of the previous sweep: the values that it used instead of those in the experiment file, such as `internal=0.4` (from
    /// `--set`). `None` for a new dataset.
    changes_before: Option<Vec<String>>,
    recovered: Recovered,
    lock: Lock,
    /// What the lock file says about this writer.
    owner: LockOwner,
}

impl DatasetWriter {
    /// Opens the dataset of `experiment` in folder `root` for writing. If the experiment is one shard, opens the shard's folder in `root`.
    /// Creates the dataset, continues an earlier sweep, or extends the dataset of a smaller experiment.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if the folder belongs to another experiment, has other files, is in use by another writer, or cannot be
    /// written. Then no run in the folder is changed.
    pub fn open(root: &Path, experiment: &Experiment) -> Result<Self, DatasetError> {
        Self::open_on(Arc::new(RealDisk), root, experiment)
    }

    /// Does the same as [`DatasetWriter::open`], but writes to `disk`, which need not be the real disk.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`DatasetWriter::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        root: &Path,
        experiment: &Experiment,
    ) -> Result<Self, DatasetError> {
        // The folder is inspected twice: here, so that nothing is created in a folder that is refused, and again below, when it is locked
        // and no other process can change it.
        let paths = ResumeState::find(root, experiment)?.paths;
        let folder = &paths.root;
        disk.create_folder(folder)
            .map_err(DatasetError::folder(folder))?;
        let mut lock = Lock::take(&*disk, &paths)?;
        let ResumeState {
            manifest,
            experiment,
            ..
        } = ResumeState::find(root, experiment)?;
        remove_left_behind(folder).map_err(DatasetError::io(folder))?;
        let planned_before = manifest
            .as_ref()
            .map_or(0, |manifest| manifest.experiment.runs);
        let changes_before = manifest.as_ref().map(|manifest| manifest.changes.clone());

        let journal_path = paths.journal();
        let found = JournalContents::read(&journal_path, &experiment)?;
        // Events without a journal row. `Segment::resume` cuts them off below. If there are too many, the dataset is refused here.
        let uncounted = Uncounted::find(&paths, &found, &experiment)?;
        let has_runs_to_do = has_runs_to_do(&experiment, &found.attempts);
        // A sweep without runs to do does not change an existing manifest.
        let manifest = (has_runs_to_do || manifest.is_none())
            .then(|| write_manifest(&*disk, &paths, &experiment, manifest))
            .transpose()?;
        // This cuts off an incomplete last row of the journal. `journal_bytes` is the number of bytes that are cut off.
        let (mut journal, journal_bytes) =
            AppendedFile::open(&*disk, journal_path, found.bytes_of_complete_rows)?;
        if journal.bytes == 0 {
            // The header must be on the disk before any event. Otherwise a crash could leave events and an empty journal. Then the next
            // sweep would refuse the dataset, because the journal's rows seem to be lost: see `Uncounted`.
            journal.append(found.header.line().as_bytes())?;
            journal.sync()?;
        }
        let (segment, event_bytes) = Segment::resume(
            &*disk,
            &paths,
            &found,
            &uncounted,
            experiment.has_timestamps(),
        )?;
        disk.sync_folder(folder).map_err(DatasetError::io(folder))?;
        let reserve = Reserve::new(&*disk, &paths, has_runs_to_do)?;
        let owner = LockOwner::this_process(found.rows, lock.is_held);
        lock.announce(&owner)
            .map_err(DatasetError::io(&paths.lock()))?;
        Ok(Self {
            disk,
            paths,
            experiment,
            segment,
            journal,
            header: found.header,
            reserve,
            unsynced_rows: vec![],
            manifest,
            attempts: found.attempts,
            planned_before,
            changes_before,
            recovered: Recovered {
                journal_bytes,
                event_bytes,
            },
            lock,
            owner,
        })
    }

    /// Inspects the dataset at `root` without creating anything. Returns the experiment and the attempted runs. The runs of the returned
    /// experiment are numbered as in this dataset. (If the dataset was made for a smaller experiment and then extended, a run can have
    /// another number than it would have in a new dataset.)
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if [`DatasetWriter::open`] would refuse the folder.
    pub fn inspect(
        root: &Path,
        experiment: &Experiment,
    ) -> Result<(Experiment, Attempts), DatasetError> {
        let state = ResumeState::find(root, experiment)?;
        let found = JournalContents::read(&state.paths.journal(), &state.experiment)?;
        if state.manifest.is_some() {
            // This call only checks the dataset. Without a manifest there is no dataset to check, and perhaps no folder.
            Uncounted::find(&state.paths, &found, &state.experiment)?;
        }
        Ok((state.experiment, found.attempts))
    }

    /// Returns the folder to which runs are written.
    pub fn folder(&self) -> &Path {
        &self.paths.root
    }

    /// Returns the experiment. Its runs are numbered as in this dataset: see [`DatasetWriter::inspect`].
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// Returns the runs that had a row in the journal when the dataset was opened.
    pub fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Returns how many runs were planned in the dataset before this writer opened it; 0 for a new dataset. If this sweep extends the
    /// dataset, the writer's experiment has more runs.
    pub fn planned_before(&self) -> u64 {
        self.planned_before
    }

    /// Returns the changes of the previous sweep: the values that it used instead of those in the experiment file
    /// ([`Experiment::changes`]). `None` if this sweep has the same changes, or if there was no previous sweep.
    pub fn other_changes_before(&self) -> Option<&[String]> {
        let before = self.changes_before.as_deref()?;
        (before != self.experiment.changes()).then_some(before)
    }

    /// Returns how much unfinished data of an earlier writer was cut off.
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// Writes to the lock file how many runs are to do, and when the sweep will end if it takes `wall_time`. `sim status` reads the lock
    /// file.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::Io`] if the disk cannot be written.
    pub fn announce(&mut self, to_do: u64, wall_time: Duration) -> Result<(), DatasetError> {
        self.owner.to_do = to_do;
        self.owner.planned_end_s = self.owner.since_s + wall_time.as_secs() as i64;
        self.lock
            .announce(&self.owner)
            .map_err(DatasetError::io(&self.paths.lock()))
    }

    /// Returns whether a lock keeps other writers away. False if the file system has no locks.
    pub fn is_locked(&self) -> bool {
        self.lock.is_held
    }

    /// Appends a run. The run is certainly on the disk after [`DatasetWriter::sync`] has returned.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if the disk cannot be written. Before it returns the error, this method tries to write the waiting
    /// journal rows of earlier runs. If events have filled the disk, these rows use the space that is kept for the journal.
    pub fn append(&mut self, run: EndedRun) -> Result<(), DatasetError> {
        self.try_append(run).inspect_err(|_| {
            self.reserve.release(&*self.disk);
            // The first error is reported. If this sync fails too, the waiting rows are missing or incomplete, and the next sweep makes
            // their runs again.
            let _ = self.sync();
        })
    }

    fn try_append(&mut self, run: EndedRun) -> Result<(), DatasetError> {
        if self.segment.is_full() {
            self.sync()?;
            self.segment = self.segment.next(&*self.disk, &self.paths)?;
        }
        let row = self.segment.append_run(run)?;
        self.header
            .write_row(&self.paths.journal(), &mut self.unsynced_rows, &row)?;
        if self.unsynced_rows.len() >= MAX_WAITING_BYTES {
            self.sync()?;
        }
        Ok(())
    }

    /// Forces all appended bytes to the disk: first the events, then their journal rows. After that, even if no rows were waiting, checks
    /// that the events file and the journal are still in the dataset's folder, and writes `dataset.json` again if it was deleted.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if the disk cannot be written, or if the files are gone.
    pub fn sync(&mut self) -> Result<(), DatasetError> {
        // The rows are taken out first. So if this sync fails, no later sync writes these rows. This is intended, because their events may
        // be lost: when the system cannot force events to the disk, it may drop these events, and still report success at the next sync.
        // If this sync writes only a part of the rows, the next writer cuts off the incomplete row.
        let rows = std::mem::take(&mut self.unsynced_rows);
        if !rows.is_empty() {
            self.segment.sync()?;
            self.append_to_journal(&rows)?;
        }
        self.journal.check_is_there(&*self.disk)?;
        self.segment.check_is_there(&*self.disk)?;
        self.restore_manifest()
    }

    /// Writes `dataset.json` again if it was deleted: without it, the dataset cannot be read.
    fn restore_manifest(&self) -> Result<(), DatasetError> {
        let Some(manifest) = &self.manifest else {
            return Ok(());
        };
        let path = self.paths.manifest();
        let restore = || match self.disk.identity(&path)? {
            None => replace(&*self.disk, &path, manifest),
            Some(_) => Ok(()),
        };
        restore().map_err(DatasetError::io(&path))
    }

    /// Appends `rows` to the journal. The events of these rows are already on the disk. If the disk is full, frees the space that
    /// is kept for the journal and tries again. The error about the full disk is returned even if the second attempt was successful, because
    /// the sweep must stop.
    fn append_to_journal(&mut self, rows: &[u8]) -> Result<(), DatasetError> {
        self.journal.check_length()?;
        let written = self.journal.append(rows);
        if written.as_ref().is_err_and(DatasetError::is_full_disk)
            && self.reserve.release(&*self.disk)
        {
            let full_disk = written;
            self.journal.append(rows)?;
            self.journal.sync()?;
            return full_disk;
        }
        written?;
        self.journal.sync()
    }
}

/// Returns whether at least one run of the experiment is still to do: it failed, or was not attempted.
fn has_runs_to_do(experiment: &Experiment, attempts: &Attempts) -> bool {
    // `finished` returns `Some(false)` for a failed run, and `None` for a run that was not attempted.
    let is_finished = |run: Run| attempts.finished(run.index) == Some(true);
    !experiment.runs().all(is_finished)
}

/// Other processes see that the writer has ended, because its lock is free. If the file system has no locks, the writer notes in the lock
/// file that it has ended.
impl Drop for DatasetWriter {
    fn drop(&mut self) {
        if !self.lock.is_held {
            self.owner.has_ended = true;
            // If this fails, `sim status` reports that it is not known whether the sweep has ended.
            let _ = self.lock.announce(&self.owner);
        }
    }
}

/// Writes the files that describe the dataset and this sweep: the copy of the experiment file, and then the manifest (`dataset.json`).
/// So if there is a manifest, there is a copy of the experiment file too. Returns the text of the manifest.
fn write_manifest(
    disk: &dyn Disk,
    paths: &Paths,
    experiment: &Experiment,
    existing: Option<Manifest>,
) -> Result<Vec<u8>, DatasetError> {
    let mut sweeps = existing
        .as_ref()
        .map_or(vec![], |existing| existing.sweeps.clone());
    sweeps.push(Provenance::here_and_now());
    let mut manifest = Manifest::new(experiment, sweeps);
    if let Some(existing) = &existing {
        manifest = manifest.continued_from(existing);
    }
    let path = paths.manifest();
    let text =
        serde_json::to_string_pretty(&manifest).map_err(DatasetError::manifest(&path))? + "\n";
    let experiment_path = paths.experiment();
    replace(disk, &experiment_path, experiment.source().as_bytes())
        .map_err(DatasetError::io(&experiment_path))?;
    replace(disk, &path, text.as_bytes()).map_err(DatasetError::io(&path))?;
    Ok(text.into_bytes())
}
