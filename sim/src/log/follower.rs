//! Follows a dataset while sweeps (processes `sim run`) write to it, for the live view of `sim status --watch`. Each read returns only
//! the rows that were appended to the journals since the previous read. A journal is a file `runs.csv`, with one row for each attempted
//! run.
//!
//! A dataset can be divided into shards: each shard has some of the runs, and its own folder with its own manifest (`dataset.json`),
//! journal and lock. In this file, a *part* is a shard that has started. A dataset without shards is a single part.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::error::DatasetError;
use super::journal::{RowParser, open_whole_rows};
use super::journal_row::JournalRow;
use super::manifest::Manifest;
use super::parts::{Parts, Paths, shards_in};
use super::status::Sweep;
use crate::experiment::Shard;

/// The shortest time between two checks of the locks. The locks show whether sweeps are running. A check should be rare, because it holds
/// each lock for some microseconds, and a sweep that starts at this moment must try again.
const CHECK_LOCKS_EVERY: Duration = Duration::from_secs(2);

/// Follows a dataset with all its shards. It never writes, and a sweep that has started never waits for it. Only a sweep that starts
/// during a check of the locks must try again, after some milliseconds.
#[derive(Debug)]
pub struct Follower {
    parts: Parts,
    /// The manifests that the dataset had when it was opened, each with the time at which it was written.
    manifests: Vec<ManifestVersion>,
    /// The journal of each part, in the order of `parts`.
    journals: Vec<FollowedJournal>,
    /// The sweeps that the last check of the locks found.
    sweeps: Vec<Sweep>,
    /// When the locks were last checked.
    locks_checked_at: Option<Instant>,
}

/// A manifest's path, and the time when the manifest was written. The time is `None` if there is no manifest at this path.
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
            locks_checked_at: None,
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

    /// Returns the number of parts: the number of shards that have started, or 1 for a dataset without shards.
    pub fn part_count(&self) -> usize {
        self.journals.len()
    }

    /// Returns the shards that have not started.
    pub fn missing_shards(&self) -> &[Shard] {
        &self.parts.missing
    }

    /// Returns the shard if there is only one, for example because the folder of one shard was opened. `None` for a dataset without
    /// shards, or with several.
    pub fn only_shard(&self) -> Option<Shard> {
        let (started, missing) = (self.part_count(), self.parts.missing.len());
        if started + missing == 1 {
            // In a dataset without shards, this is `None`.
            self.manifest().shard
        } else {
            None
        }
    }

    /// Returns whether the dataset must be opened and read again from the start. This is so in two cases: a manifest was written, because
    /// a sweep has started; or a journal has become shorter, so it was replaced.
    pub fn is_outdated(&self) -> bool {
        self.manifests != manifests_in(&self.parts.root)
            || self.journals.iter().any(FollowedJournal::is_shorter)
    }

    /// Calls `take` with each row that was appended since the previous `read_new`, shard by shard.
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

    /// Returns the sweeps that write to the dataset. If the file system has no locks, a sweep that was killed is returned too, because
    /// it looks like a sweep that still runs. The locks are checked at most every two seconds. Between two checks, the last result is
    /// returned.
    pub fn sweeps(&mut self, now: Instant) -> &[Sweep] {
        let is_due = |last| now.saturating_duration_since(last) >= CHECK_LOCKS_EVERY;
        if self.locks_checked_at.is_none_or(is_due) {
            self.locks_checked_at = Some(now);
            let parts = self.parts.iter().zip(&self.journals);
            self.sweeps = parts
                // From the number of rows, `in_folder` calculates how many runs per hour the sweep makes.
                .filter_map(|(part, journal)| Sweep::in_folder(&part.paths.root, journal.rows))
                .collect();
        }
        &self.sweeps
    }
}

/// Returns the version of the manifest in `root`. If `root` has no manifest, returns the versions of the manifests of its shards.
fn manifests_in(root: &Path) -> Vec<ManifestVersion> {
    let version = |folder: &Path| {
        let path = Paths::new(folder).manifest();
        let written_at = fs::metadata(&path).and_then(|metadata| metadata.modified());
        (path, written_at.ok())
    };
    match version(root) {
        (_, None) => shards_in(root)
            .iter()
            .map(|(folder, _)| version(folder))
            .collect(),
        of_whole_dataset => vec![of_whole_dataset],
    }
}

/// A journal that is read again and again while a sweep appends rows to it. Each time, only the new rows are read.
#[derive(Debug)]
struct FollowedJournal {
    path: PathBuf,
    /// The position after the last row that was read. Before the header was read, it is the start of the file.
    position: csv::Position,
    /// Number of rows that were read, without the header.
    rows: u64,
    parser: RowParser,
}

impl FollowedJournal {
    /// Follows the journal at `path`, which need not exist yet. Nothing is read.
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            position: csv::Position::new(),
            rows: 0,
            parser: RowParser::default(),
        }
    }

    /// Returns whether the journal has fewer bytes than were read from it. Then it is not the same journal any more.
    fn is_shorter(&self) -> bool {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len()) < self.position.byte()
    }

    /// Calls `take` with each complete row that was appended since the previous `read_new`.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if the journal cannot be read or is damaged. The next call starts again with the damaged row.
    fn read_new(&mut self, mut take: impl FnMut(JournalRow)) -> Result<(), DatasetError> {
        if fs::metadata(&self.path).map_or(0, |metadata| metadata.len()) <= self.position.byte() {
            return Ok(());
        }
        let Some(whole_rows) = open_whole_rows(&self.path)? else {
            // The journal was removed after its length was read.
            return Ok(());
        };
        // `limit` is the length of all complete rows, in bytes. If it is at most `position`, no new row is complete, or the journal has
        // become shorter since the comparison above. `is_shorter` notices the second case at its next call.
        if whole_rows.limit() <= self.position.byte() {
            return Ok(());
        }
        let mut reader = csv::Reader::from_reader(whole_rows);
        // `wrong()` makes the function that turns an error of the CSV reader into a `DatasetError`.
        let wrong = || DatasetError::journal(&self.path);
        if self.position.byte() == 0 {
            self.parser = RowParser::new(&self.path, reader.headers().map_err(wrong())?)?;
            self.position = reader.position().clone();
        }
        reader.seek(self.position.clone()).map_err(wrong())?;
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(wrong())? {
            let line = record.position().map_or(0, csv::Position::line);
            take(self.parser.parse_row(&self.path, line, &record)?);
            self.position = reader.position().clone();
            self.rows += 1;
        }
        Ok(())
    }
}
