//! A dataset opened for reading. Reading is allowed while a sweep is writing: only finished runs are seen.

use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::checksum::checksum;
use super::error::DatasetError;
use super::events::MissingFields;
use super::journal_row::JournalRow;
use super::manifest::Manifest;
use super::parts::{Parts, Paths};
use crate::experiment::Shard;
use crate::input::open_stored;

/// A dataset opened for reading: all shards of it that are there.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub(super) parts: Parts,
    runs: Vec<JournalRow>,
}

impl Dataset {
    /// Opens the dataset in folder `root` and reads its journal, or its shards' journals.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the folder is no dataset, has another schema, its manifest or journal is damaged, or its shards do not
    /// fit together. A last journal row without its newline is no damage: a sweep may be writing it.
    pub fn open(root: &Path) -> Result<Self, DatasetError> {
        let parts = Parts::open(root)?;
        let mut runs = vec![];
        parts.for_each_row(|row| runs.push(row))?;
        Ok(Self { parts, runs })
    }

    /// The dataset's folder.
    pub fn root(&self) -> &Path {
        &self.parts.root
    }

    /// What made it. Of several shards, the manifest of the one that was extended furthest.
    pub fn manifest(&self) -> &Manifest {
        self.parts.manifest()
    }

    /// What the rows of its log need not say.
    pub fn missing_fields(&self) -> MissingFields {
        let imported = self.manifest().imported.as_ref();
        imported.map_or_else(MissingFields::default, |imported| imported.missing_fields)
    }

    /// The shards that are not there.
    pub fn missing_shards(&self) -> &[Shard] {
        &self.parts.missing
    }

    /// Runs planned, those of missing shards too.
    pub fn planned(&self) -> u64 {
        self.parts.planned()
    }

    /// Runs planned that have not been attempted, those of missing shards too.
    pub fn to_do(&self) -> u64 {
        let repetitions = self.manifest().experiment.repetitions;
        let planned = self.runs.iter().filter(|row| row.repetition < repetitions);
        let attempted: HashSet<u64> = planned.map(|row| row.run).collect();
        self.planned().saturating_sub(attempted.len() as u64)
    }

    /// Every attempted run, in the order in which they ended, shard by shard.
    pub fn attempted(&self) -> &[JournalRow] {
        &self.runs
    }

    /// The runs that count, in the order in which they ended, shard by shard.
    pub fn finished(&self) -> impl Iterator<Item = &JournalRow> {
        self.runs.iter().filter(|run| run.is_ok())
    }

    /// The journal that `run` stands in.
    pub fn journal_of(&self, run: &JournalRow) -> PathBuf {
        self.parts.paths_of(run).journal()
    }

    /// The file that holds the events of `run`.
    pub fn segment_of(&self, run: &JournalRow) -> PathBuf {
        self.parts.paths_of(run).segment(run.segment)
    }

    /// The file that says where imported events stand.
    pub(super) fn sources(&self) -> PathBuf {
        Paths::new(self.root()).sources()
    }

    /// The rows of the event log that belong to `run`, without a header, checked against the journal's length and checksum.
    ///
    /// # Errors
    ///
    /// [`DatasetError::Events`] if they are not all there or not what was written.
    pub fn read_events(&self, run: &JournalRow) -> Result<Vec<u8>, DatasetError> {
        let path = self.segment_of(run);
        let wrong = |problem: String| DatasetError::Events {
            path: path.clone(),
            run: run.run,
            problem,
        };
        let mut file = open_stored(&path).map_err(DatasetError::io(&path))?;
        let length = file.metadata().map_err(DatasetError::io(&path))?.len();
        if run
            .offset
            .checked_add(run.bytes)
            .is_none_or(|end| end > length)
        {
            return Err(wrong(format!(
                "the file ends at byte {length}, before them; restore it, or delete the run's row from runs.csv and run again"
            )));
        }
        file.seek(SeekFrom::Start(run.offset))
            .map_err(DatasetError::io(&path))?;
        let mut bytes = vec![0; run.bytes as usize];
        file.read_exact(&mut bytes)
            .map_err(DatasetError::io(&path))?;
        if checksum(&bytes) != run.checksum {
            if bytes.windows(2).any(|pair| pair == b"\r\n") {
                return Err(DatasetError::CrlfLineEnds(path));
            }
            return Err(wrong("they are not what was written (checksum); restore the file, or delete the run's row from runs.csv and run again".to_owned()));
        }
        Ok(bytes)
    }
}
