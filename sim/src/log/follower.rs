//! Follows a dataset while sweeps write to it: each look reads only the rows that were appended since the last one.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::error::DatasetError;
use super::journal::{RowParser, open_whole_rows};
use super::journal_row::JournalRow;
use super::manifest::Manifest;
use super::parts::{Parts, Paths, shards_in};
use super::status::Sweep;
use crate::experiment::Shard;

/// How often at most the locks are checked. A check takes a shared lock for some microseconds.
const CHECK_LOCKS_EVERY: Duration = Duration::from_secs(2);

/// Follows a dataset with all its shards. It never writes, and never prevents a sweep from writing.
#[derive(Debug)]
pub struct Follower {
    parts: Parts,
    /// The manifests that existed when the dataset was opened.
    manifests: Vec<ManifestVersion>,
    journals: Vec<FollowedJournal>,
    sweeps: Vec<Sweep>,
    checked: Option<Instant>,
}

/// A manifest's path, and when it was written.
type ManifestVersion = (PathBuf, Option<SystemTime>);

impl Follower {
    /// Opens the dataset in folder `root`. Reads no journal yet.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Dataset::open`](super::Dataset::open), except those of journals.
    pub fn open(root: &Path) -> Result<Self, DatasetError> {
        let manifests = manifests_in(root);
        let parts = Parts::open(root)?;
        let journals = parts
            .iter()
            .map(|part| FollowedJournal::new(part.paths.journal()))
            .collect();
        Ok(Self {
            parts,
            manifests,
            journals,
            sweeps: vec![],
            checked: None,
        })
    }

    /// Returns the manifest, as [`Dataset::manifest`](super::Dataset::manifest) does.
    pub fn manifest(&self) -> &Manifest {
        self.parts.manifest()
    }

    /// Returns the number of planned runs, including those of missing shards.
    pub fn planned(&self) -> u64 {
        self.parts.planned()
    }

    /// Returns the number of parts: shards that have started, or 1.
    pub fn part_count(&self) -> usize {
        self.journals.len()
    }

    /// Returns the shards that have not started.
    pub fn missing_shards(&self) -> &[Shard] {
        &self.parts.missing
    }

    /// Returns the shard, if only one shard is followed and not the whole dataset.
    pub fn only_shard(&self) -> Option<Shard> {
        let is_alone = self.journals.len() + self.parts.missing.len() == 1;
        self.manifest().shard.filter(|_| is_alone)
    }

    /// Returns whether the dataset must be opened and read again from the start: a sweep or a shard has started, or a journal was
    /// replaced.
    pub fn is_outdated(&self) -> bool {
        self.manifests != manifests_in(&self.parts.root)
            || self.journals.iter().any(FollowedJournal::is_shorter)
    }

    /// Passes each row that was appended since the last call to `take`, shard by shard.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if a journal cannot be read or is damaged.
    pub fn read_new(&mut self, mut take: impl FnMut(JournalRow)) -> Result<(), DatasetError> {
        for (part, journal) in self.journals.iter_mut().enumerate() {
            journal.read_new(|row| take(JournalRow { part, ..row }))?;
        }
        Ok(())
    }

    /// Returns the sweeps that write, or may write. They are checked every two seconds; in between, the last result is returned.
    pub fn sweeps(&mut self, now: Instant) -> &[Sweep] {
        let is_due = |last| now.saturating_duration_since(last) >= CHECK_LOCKS_EVERY;
        if self.checked.is_none_or(is_due) {
            self.checked = Some(now);
            let parts = self.parts.iter().zip(&self.journals);
            self.sweeps = parts
                .filter_map(|(part, journal)| Sweep::in_folder(&part.paths.root, journal.rows()))
                .collect();
        }
        &self.sweeps
    }
}

/// Returns the manifest in `root`, or those of its shards.
fn manifests_in(root: &Path) -> Vec<ManifestVersion> {
    let version = |folder: &Path| {
        let path = Paths::new(folder).manifest();
        let written = fs::metadata(&path).and_then(|metadata| metadata.modified());
        (path, written.ok())
    };
    match version(root) {
        (_, None) => shards_in(root)
            .iter()
            .map(|(folder, _)| version(folder))
            .collect(),
        whole => vec![whole],
    }
}

/// A journal that is read again and again while a sweep appends rows to it. Each time, only the new rows are read.
#[derive(Debug)]
struct FollowedJournal {
    path: PathBuf,
    /// Number of bytes and of lines that were read.
    bytes: u64,
    lines: u64,
    parser: RowParser,
}

impl FollowedJournal {
    /// Follows the journal at `path`, which need not exist yet. Nothing is read.
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            bytes: 0,
            lines: 0,
            parser: RowParser::default(),
        }
    }

    /// Returns the number of rows that were read.
    fn rows(&self) -> u64 {
        self.lines.saturating_sub(1)
    }

    /// Returns whether the journal is shorter than what was read of it, so that it is not the same journal any more.
    fn is_shorter(&self) -> bool {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len()) < self.bytes
    }

    /// Passes each complete row that was appended since the last call to `take`.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if the journal cannot be read or is damaged.
    fn read_new(&mut self, mut take: impl FnMut(JournalRow)) -> Result<(), DatasetError> {
        if fs::metadata(&self.path).map_or(0, |metadata| metadata.len()) <= self.bytes {
            return Ok(());
        }
        let Some(whole) = open_whole_rows(&self.path)? else {
            return Ok(());
        };
        let end = whole.limit();
        let mut file = whole.into_inner();
        file.seek(SeekFrom::Start(self.bytes))
            .map_err(DatasetError::io(&self.path))?;
        let new = file.take(end.saturating_sub(self.bytes));
        let mut records = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(new)
            .into_records();
        for record in &mut records {
            let record = record.map_err(DatasetError::journal(&self.path))?;
            self.lines += 1;
            if self.lines == 1 {
                self.parser = RowParser::new(&self.path, &record)?;
            } else {
                take(self.parser.row(&self.path, self.lines, &record)?);
            }
        }
        self.bytes = end.max(self.bytes);
        Ok(())
    }
}
