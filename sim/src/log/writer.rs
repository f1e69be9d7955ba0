//! The one writer of a dataset: finished runs are appended to segments, and then to the journal.
//!
//! Order is everything: events reach the disk before the journal row that counts them. Both are synced in groups.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::appended::AppendedFile;
use super::attempts::{Attempts, Found};
use super::disk::{Disk, RealDisk};
use super::error::DatasetError;
use super::journal::Header;
use super::lock::{Lock, LockOwner};
use super::manifest::{Manifest, Provenance};
use super::parts::Paths;
use super::reserve::{MOST_WAITING_BYTES, Reserve};
use super::resume_state::{ResumeState, remove_left_behind};
use super::segment::{FinishedRun, Segment};
use super::uncounted::Uncounted;
use crate::experiment::{Experiment, Run};
use crate::files::replace;

/// What an earlier writer left unfinished and this one cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Bytes of a torn journal row.
    pub journal_bytes: u64,
    /// Bytes of events that no journal row counts.
    pub event_bytes: u64,
}

impl Recovered {
    /// Whether anything was cut off.
    pub fn is_nothing(&self) -> bool {
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
            "an earlier sweep was cut short: dropped {event_bytes} bytes of unfinished runs and {journal_bytes} of the journal"
        )
    }
}

/// Appends to a dataset. Holds its lock.
#[derive(Debug)]
pub struct DatasetWriter {
    disk: Arc<dyn Disk>,
    paths: Paths,
    experiment: Experiment,
    segment: Segment,
    journal: AppendedFile,
    header: Header,
    reserve: Reserve,
    unsynced_rows: Vec<u8>,
    /// What stands in `dataset.json`, if this writer wrote it.
    manifest: Option<Vec<u8>>,
    attempts: Attempts,
    kept: u64,
    recovered: Recovered,
    lock: Lock,
    holder: LockOwner,
}

impl DatasetWriter {
    /// Opens the dataset of `experiment` in folder `root`, or in its shard's folder there, for writing: makes it, takes up an
    /// earlier sweep where it ended, extends what a smaller experiment made.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the folder is another experiment's or something else's, is being written to, or cannot be written. No
    /// run in it is changed then.
    pub fn open(root: &Path, experiment: &Experiment) -> Result<Self, DatasetError> {
        Self::open_on(Arc::new(RealDisk), root, experiment)
    }

    /// The same on another disk than the system's.
    ///
    /// # Errors
    ///
    /// As [`DatasetWriter::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        root: &Path,
        experiment: &Experiment,
    ) -> Result<Self, DatasetError> {
        // Looked at before anything is made, and again once nobody else can change it.
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
        let kept = manifest
            .as_ref()
            .map_or(0, |manifest| manifest.experiment.runs);

        let journal_path = paths.journal();
        let found = Found::read(&journal_path, &experiment)?;
        let uncounted = Uncounted::find(&paths, &found, &experiment)?;
        let has_to_do = has_to_do(&experiment, &found.attempts);
        let manifest = (has_to_do || manifest.is_none())
            .then(|| write_manifest(&*disk, &paths, &experiment, manifest))
            .transpose()?;
        let (mut journal, journal_bytes) =
            AppendedFile::open(&*disk, journal_path, found.whole_bytes)?;
        if journal.bytes == 0 {
            // On the disk before any event is: see `Uncounted`.
            journal.append(found.header.line().as_bytes())?;
            journal.sync()?;
        }
        let (segment, event_bytes) = Segment::resume(&*disk, &paths, &found, &uncounted)?;
        disk.sync_folder(folder).map_err(DatasetError::io(folder))?;
        let reserve = Reserve::new(&*disk, &paths, has_to_do)?;
        let holder = LockOwner::this_process(found.rows, lock.is_held);
        lock.announce(&holder)
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
            kept,
            recovered: Recovered {
                journal_bytes,
                event_bytes,
            },
            lock,
            holder,
        })
    }

    /// The experiment, its runs at the places that they have in this dataset, and what has been attempted of it, if it were to be
    /// written to `root`. Makes nothing.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if [`DatasetWriter::open`] would refuse the folder.
    pub fn inspect(
        root: &Path,
        experiment: &Experiment,
    ) -> Result<(Experiment, Attempts), DatasetError> {
        let earlier = ResumeState::find(root, experiment)?;
        let found = Found::read(&earlier.paths.journal(), &earlier.experiment)?;
        if earlier.manifest.is_some() {
            Uncounted::find(&earlier.paths, &found, &earlier.experiment)?;
        }
        Ok((earlier.experiment, found.attempts))
    }

    /// The folder that is written to.
    pub fn folder(&self) -> &Path {
        &self.paths.root
    }

    /// The experiment, its runs at the places that they have in this dataset.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// What stood in the journal when the dataset was opened.
    pub fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// How many runs were planned before the experiment was extended: as many as now, if it was not; 0 for a new dataset.
    pub fn planned_before(&self) -> u64 {
        self.kept
    }

    /// What an earlier writer left unfinished.
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// Tells whoever asks for the dataset's status how many runs there are to do, and how long they take.
    ///
    /// # Errors
    ///
    /// [`DatasetError::Io`] if the disk does not take it.
    pub fn announce(&mut self, to_do: u64, wall_time: Duration) -> Result<(), DatasetError> {
        self.holder.to_do = to_do;
        self.holder.planned_end_s = self.holder.since_s + wall_time.as_secs() as i64;
        self.lock
            .announce(&self.holder)
            .map_err(DatasetError::io(&self.paths.lock()))
    }

    /// Whether other writers are kept away: not where the file system has no locks.
    pub fn is_locked(&self) -> bool {
        self.lock.is_held
    }

    /// Appends a run. It counts once [`DatasetWriter::sync`] has returned.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the disk does not take it. What was appended before is whole, and counts if the disk lets it: there is
    /// room for the journal even where events have taken the rest.
    pub fn append(&mut self, run: FinishedRun) -> Result<(), DatasetError> {
        self.try_append(run).inspect_err(|_| {
            self.reserve.release(&*self.disk);
            // The error at hand is the one to report. Should the disk refuse this as well, the rows are torn, or not there, and
            // their runs are done again.
            let _ = self.sync();
        })
    }

    fn try_append(&mut self, run: FinishedRun) -> Result<(), DatasetError> {
        if self.segment.is_full() {
            self.sync()?;
            self.segment = self.segment.next(&*self.disk, &self.paths)?;
        }
        let row = self.segment.take(run)?;
        self.header
            .write_row(&self.paths.journal(), &mut self.unsynced_rows, &row)?;
        if self.unsynced_rows.len() >= MOST_WAITING_BYTES {
            self.sync()?;
        }
        Ok(())
    }

    /// Brings all that was appended to the disk: the events first, then the journal rows that count them. Whether or not there is
    /// something to bring, checks that the files are still where the dataset is to be.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the disk does not take it, or the files are gone.
    pub fn sync(&mut self) -> Result<(), DatasetError> {
        // Tried once, whatever comes of it: a second sync may succeed without the data that the first one lost, and what of the
        // rows is torn is cut off by the next writer.
        let rows = std::mem::take(&mut self.unsynced_rows);
        if !rows.is_empty() {
            self.segment.sync()?;
            self.append_to_journal(&rows)?;
        }
        self.journal.check_is_there(&*self.disk)?;
        self.segment.check_is_there(&*self.disk)?;
        self.restore_manifest()
    }

    /// Writes `dataset.json` again if it was deleted: without it, nobody could read the dataset.
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

    /// Writes rows whose events are on the disk. If the disk is full, they take the room that is kept for them; the error is
    /// returned all the same.
    fn append_to_journal(&mut self, rows: &[u8]) -> Result<(), DatasetError> {
        self.journal.check_length()?;
        let written = self.journal.append(rows);
        if written.as_ref().is_err_and(DatasetError::is_full_disk)
            && self.reserve.release(&*self.disk)
        {
            let full = written;
            self.journal.append(rows)?;
            self.journal.sync()?;
            return full;
        }
        written?;
        self.journal.sync()
    }
}

/// Whether a run of the experiment has not finished.
fn has_to_do(experiment: &Experiment, attempts: &Attempts) -> bool {
    let is_finished = |run: Run| attempts.finished(run.index) == Some(true);
    !experiment.runs().all(is_finished)
}

/// Where no lock tells that it has ended, the writer says so.
impl Drop for DatasetWriter {
    fn drop(&mut self) {
        if !self.lock.is_held {
            self.holder.has_ended = true;
            // Should the disk refuse, the status does not know whether the sweep has ended, and says that.
            let _ = self.lock.announce(&self.holder);
        }
    }
}

/// Writes down what the dataset is, and that a sweep adds to it. The experiment file comes first: a manifest means that all is there.
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
