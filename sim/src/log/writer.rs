//! The one writer of a dataset: finished runs are appended to segments, and then to the journal.
//!
//! Order is everything: events reach the disk before the journal row that counts them. Both are synced in groups.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use super::dataset::{Dataset, DatasetError, Paths, read_manifest};
use super::events;
use super::journal::{self, JournalRow};
use super::manifest::Manifest;
use crate::experiment::Experiment;

/// A segment that has grown to this many bytes is closed and the next begun.
const SEGMENT_BYTES: u64 = 256 << 20;

/// A run that has ended, ready to be appended.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// Its journal row; where the events lie is filled in by the writer, and so is their checksum if it is empty.
    pub row: JournalRow,
    /// Its rows of the event log, as [`events::write_row`] writes them; empty for a failed run.
    pub events: Vec<u8>,
}

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
    paths: Paths,
    segment: Segment,
    journal: File,
    journal_is_empty: bool,
    unsynced_rows: Vec<u8>,
    attempted: Vec<JournalRow>,
    recovered: Recovered,
    _lock: File,
}

#[derive(Debug)]
struct Segment {
    number: u32,
    file: File,
    bytes: u64,
    unsynced: bool,
}

impl DatasetWriter {
    /// Opens the dataset of `experiment` in folder `root` for writing: makes it, or takes up an earlier sweep where it ended.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the folder is another experiment's or something else's, is being written to, or cannot be written.
    /// Nothing in it is changed then.
    pub fn open(root: &Path, experiment: &Experiment) -> Result<Self, DatasetError> {
        let paths = Paths {
            root: root.to_owned(),
        };
        let manifest = match read_manifest(&paths) {
            Ok(existing) => {
                check_same_experiment(root, &existing, experiment)?;
                None
            }
            Err(DatasetError::NotADataset(_)) => {
                check_free(root)?;
                fs::create_dir_all(root).map_err(DatasetError::io(root))?;
                Some(Manifest::new(experiment))
            }
            Err(error) => return Err(error),
        };
        let lock = lock(&paths)?;
        if let Some(manifest) = manifest {
            write_new(&paths.experiment(), experiment.source().as_bytes())?;
            let path = paths.manifest();
            let text = serde_json::to_string_pretty(&manifest).map_err(|cause| {
                DatasetError::Manifest {
                    path: path.clone(),
                    cause,
                }
            })?;
            write_new(&path, (text + "\n").as_bytes())?;
        }
        Self::resume(paths, lock)
    }

    fn resume(paths: Paths, lock: File) -> Result<Self, DatasetError> {
        let mut recovered = Recovered::default();
        let journal_path = paths.journal();
        let text = match fs::read(&journal_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => vec![],
            read => read.map_err(DatasetError::io(&journal_path))?,
        };
        let whole = journal::whole_rows(&text);
        let attempted = journal::read_rows(whole).map_err(|cause| DatasetError::Journal {
            path: journal_path.clone(),
            cause,
        })?;
        let journal = open_for_append(&journal_path)?;
        recovered.journal_bytes = cut(&journal, &journal_path, whole.len() as u64)?;
        let segment = Segment::resume(&paths, &attempted, &mut recovered)?;
        Ok(Self {
            journal_is_empty: whole.is_empty(),
            paths,
            segment,
            journal,
            unsynced_rows: vec![],
            attempted,
            recovered,
            _lock: lock,
        })
    }

    /// What stands in the journal of the dataset that `experiment` would be written to at `root`: nothing if there is none yet.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if [`DatasetWriter::open`] would refuse the folder. Nothing in it is changed.
    pub fn attempted_in(
        root: &Path,
        experiment: &Experiment,
    ) -> Result<Vec<JournalRow>, DatasetError> {
        match Dataset::open(root) {
            Ok(dataset) => {
                check_same_experiment(root, dataset.manifest(), experiment)?;
                Ok(dataset.attempted().to_vec())
            }
            Err(DatasetError::NotADataset(_)) => check_free(root).map(|()| vec![]),
            Err(error) => Err(error),
        }
    }

    /// What stood in the journal when the dataset was opened.
    pub fn attempted(&self) -> &[JournalRow] {
        &self.attempted
    }

    /// What an earlier writer left unfinished.
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// Appends a run. It counts once [`DatasetWriter::sync`] has returned.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the disk does not take it. What was synced before is whole.
    pub fn append(&mut self, mut run: FinishedRun) -> Result<(), DatasetError> {
        if self.segment.bytes >= SEGMENT_BYTES {
            self.sync()?;
            self.segment = Segment::create(&self.paths, self.segment.number + 1)?;
        }
        run.row.segment = self.segment.number;
        run.row.offset = self.segment.bytes;
        run.row.bytes = run.events.len() as u64;
        if run.row.checksum.is_empty() {
            run.row.checksum = journal::checksum(&run.events);
        }
        self.segment.append(&self.paths, &run.events)?;
        journal::write_row(&mut self.unsynced_rows, &run.row, self.journal_is_empty).map_err(
            |cause| DatasetError::Journal {
                path: self.paths.journal(),
                cause,
            },
        )?;
        self.journal_is_empty = false;
        Ok(())
    }

    /// Brings all that was appended to the disk: the events first, then the journal rows that count them.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the disk does not take it.
    pub fn sync(&mut self) -> Result<(), DatasetError> {
        if self.unsynced_rows.is_empty() {
            return Ok(());
        }
        self.segment.sync(&self.paths)?;
        let path = self.paths.journal();
        self.journal
            .write_all(&self.unsynced_rows)
            .map_err(DatasetError::io(&path))?;
        self.journal.sync_data().map_err(DatasetError::io(&path))?;
        self.unsynced_rows.clear();
        Ok(())
    }
}

impl Segment {
    /// The last segment that a journal row names, cut behind the last run that counts.
    fn resume(
        paths: &Paths,
        attempted: &[JournalRow],
        recovered: &mut Recovered,
    ) -> Result<Self, DatasetError> {
        let number = attempted.iter().map(|row| row.segment).max().unwrap_or(0);
        let end = attempted
            .iter()
            .filter(|row| row.segment == number)
            .map(|row| row.offset + row.bytes)
            .max()
            .unwrap_or(0);
        let unfinished = paths.segment(number + 1);
        if let Ok(metadata) = fs::metadata(&unfinished) {
            fs::remove_file(&unfinished).map_err(DatasetError::io(&unfinished))?;
            recovered.event_bytes += metadata.len();
        }
        let path = paths.segment(number);
        let file = open_for_append(&path)?;
        recovered.event_bytes += cut(&file, &path, end)?;
        let mut segment = Self {
            number,
            file,
            bytes: end,
            unsynced: false,
        };
        if end == 0 {
            segment.append(paths, events::header().as_bytes())?;
        }
        Ok(segment)
    }

    fn create(paths: &Paths, number: u32) -> Result<Self, DatasetError> {
        let mut segment = Self {
            number,
            file: open_for_append(&paths.segment(number))?,
            bytes: 0,
            unsynced: false,
        };
        segment.append(paths, events::header().as_bytes())?;
        Ok(segment)
    }

    fn append(&mut self, paths: &Paths, bytes: &[u8]) -> Result<(), DatasetError> {
        self.file
            .write_all(bytes)
            .map_err(DatasetError::io(&paths.segment(self.number)))?;
        self.bytes += bytes.len() as u64;
        self.unsynced = true;
        Ok(())
    }

    fn sync(&mut self, paths: &Paths) -> Result<(), DatasetError> {
        if self.unsynced {
            self.file
                .sync_data()
                .map_err(DatasetError::io(&paths.segment(self.number)))?;
            self.unsynced = false;
        }
        Ok(())
    }
}

fn open_for_append(path: &Path) -> Result<File, DatasetError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(DatasetError::io(path))
}

/// Cuts a file down to `length`; returns how many bytes that dropped.
fn cut(file: &File, path: &Path, length: u64) -> Result<u64, DatasetError> {
    let found = file.metadata().map_err(DatasetError::io(path))?.len();
    if found < length {
        let problem = format!(
            "the file ends at byte {found}, but the journal counts {length}; restore it from a copy"
        );
        return Err(DatasetError::Io {
            path: path.to_owned(),
            cause: io::Error::new(io::ErrorKind::UnexpectedEof, problem),
        });
    }
    if found > length {
        file.set_len(length).map_err(DatasetError::io(path))?;
    }
    Ok(found - length)
}

/// Writes a file that appears whole or not at all.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), DatasetError> {
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial).map_err(DatasetError::io(&partial))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(DatasetError::io(&partial))?;
    fs::rename(&partial, path).map_err(DatasetError::io(path))
}

fn check_free(root: &Path) -> Result<(), DatasetError> {
    match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(DatasetError::io(root)(error)),
        Ok(mut entries) => {
            match entries.find(|entry| !entry.as_ref().is_ok_and(|entry| is_ours(&entry.path()))) {
                Some(_) => Err(DatasetError::ForeignFolder(root.to_owned())),
                None => Ok(()),
            }
        }
    }
}

/// What a writer that died before its manifest was whole may have left.
fn is_ours(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.is_some_and(|name| {
        [
            ".lock",
            "experiment.toml",
            "experiment.partial",
            "dataset.partial",
        ]
        .contains(&name.as_str())
    })
}

fn lock(paths: &Paths) -> Result<File, DatasetError> {
    let path = paths.lock();
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(DatasetError::io(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&path)
                .ok()
                .filter(|text| !text.trim().is_empty());
            let holder = holder.map_or(String::new(), |text| format!(" ({})", text.trim()));
            return Err(DatasetError::Locked {
                path: paths.root.clone(),
                holder,
            });
        }
        Err(TryLockError::Error(error)) => return Err(DatasetError::io(&path)(error)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "process {}", std::process::id()))
        .map_err(DatasetError::io(&path))?;
    Ok(file)
}

fn check_same_experiment(
    root: &Path,
    existing: &Manifest,
    experiment: &Experiment,
) -> Result<(), DatasetError> {
    if existing.identity == experiment.identity() {
        return Ok(());
    }
    let wanted = Manifest::new(experiment).experiment;
    let made = &existing.experiment;
    let mut differences = Vec::new();
    let mut compare = |what: &str, made: String, wanted: String| {
        if made != wanted {
            differences.push(format!("{what} {made} there, {wanted} here"));
        }
    };
    compare("seed", made.seed.to_string(), wanted.seed.to_string());
    compare("engine", made.engine.clone(), wanted.engine.clone());
    compare(
        "isolation",
        made.isolation.clone(),
        wanted.isolation.clone(),
    );
    compare(
        "time_scale",
        made.time_scale.to_string(),
        wanted.time_scale.to_string(),
    );
    compare(
        "repetitions",
        made.repetitions.to_string(),
        wanted.repetitions.to_string(),
    );
    if made.configurations != wanted.configurations {
        let differing = wanted
            .configurations
            .iter()
            .zip(&made.configurations)
            .find(|(wanted, made)| wanted != made);
        differences.push(match differing {
            Some((wanted, made)) => format!("configuration ({made}) there, ({wanted}) here"),
            None => format!(
                "{} configurations there, {} here",
                made.configurations.len(),
                wanted.configurations.len()
            ),
        });
    }
    let difference = differences.join("; ");
    Err(DatasetError::OtherExperiment {
        path: root.to_owned(),
        difference,
    })
}
