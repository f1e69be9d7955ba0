//! A dataset opened for reading. This works even while a sweep (a `sim run`) is writing the dataset; runs that have not ended yet are
//! not seen.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::difference::Difference;
use super::error::DatasetError;
use super::event_reader::EventReader;
use super::events::MissingFields;
use super::journal_row::JournalRow;
use super::manifest::Manifest;
use super::parts::{Parts, Paths};
use super::timestamp_cell::{RowFormat, TimestampCells};
use crate::experiment::{Experiment, Overrides, Shard};

/// A dataset opened for reading. A dataset can be divided into shards (parts that several processes or computers make). The shards that
/// exist are read together.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The shards, or the whole dataset as one part.
    pub(super) parts: Parts,
    /// The rows of all journals: one for each attempt to make a run.
    rows: Vec<JournalRow>,
}

impl Dataset {
    /// Opens the dataset in folder `root` and reads its journal (`runs.csv`), or the journals of its shards.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if the folder is not a dataset, if this program does not know its schema (version of the format), if its
    /// manifest (`dataset.json`) or journal is damaged, or if its shards are not parts of the same experiment. It is not an error if the
    /// last row of the journal has no newline, because a sweep may be writing this row.
    pub fn open(root: &Path) -> Result<Self, DatasetError> {
        let parts = Parts::open(root)?;
        let mut rows = vec![];
        parts.for_each_row(|row| rows.push(row))?;
        Ok(Self { parts, rows })
    }

    /// Returns the dataset's folder.
    pub fn root(&self) -> &Path {
        &self.parts.root
    }

    /// Returns the manifest. For a dataset in shards, returns the manifest of the shard whose experiment plans the most runs. Other
    /// shards can have older manifests, from before parameter values or repetitions were added to the experiment.
    pub fn manifest(&self) -> &Manifest {
        self.parts.manifest()
    }

    /// Returns the manifest of each shard that exists, or the only manifest of a dataset without shards.
    pub fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.parts.iter().map(|part| &part.manifest)
    }

    /// Returns the path of the experiment file that belongs to [`Self::manifest`].
    pub fn experiment_file(&self) -> PathBuf {
        self.parts.newest().paths.experiment()
    }

    /// Reads the experiment that made the dataset. It is the experiment in `experiment.toml`, but with the dataset's engine, time scale and
    /// isolation (whether each machine has its own process). Even if the folder has only some of the shards, the experiment has the
    /// runs of all shards. `None` if the logs were imported.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::Experiment`] if the file cannot be read, and [`DatasetError::OtherExperiment`] if the file is not the one
    /// that made the dataset.
    pub fn experiment(&self) -> Result<Option<Experiment>, DatasetError> {
        let (manifest, paths) = (self.manifest(), self.parts.newest_paths());
        let made = &manifest.experiment;
        if manifest.imported.is_some() {
            return Ok(None);
        }
        // `experiment.toml` contains the changes that `sim run` got by `--set`, so `changes` is empty. It does not contain the values that
        // `sim run` got by `--engine`, `--time-scale` and `--isolation`. The manifest has these values.
        let overrides = Overrides {
            engine: made.engine.parse().ok(),
            time_scale: Some(made.time_scale),
            isolation: made.isolation.parse().ok(),
            changes: vec![],
        };
        let mut experiment = Experiment::read(&paths.experiment(), overrides)?;
        // If the file gives no name, `read` uses the file's own name, `experiment`. The manifest has the real name.
        experiment.name.clone_from(&manifest.name);
        // `Manifest::new` makes a manifest of which only the field `experiment` is used. So this manifest needs no list of sweeps.
        let no_sweeps = vec![];
        let read_now = Manifest::new(&experiment, no_sweeps).experiment;
        let difference = Difference::between(made, &read_now);
        if !difference.is_empty() {
            return Err(DatasetError::OtherExperiment {
                path: paths.root.clone(),
                difference,
            });
        }
        Ok(Some(experiment))
    }

    /// Returns the commands that made the dataset: the last `sim run` of each shard that exists, or of the whole dataset. Options `--only`,
    /// which restrict a command to some runs, are left out. So the commands make all runs.
    pub fn commands(&self) -> Vec<String> {
        let commands = self.parts.iter().map(|part| part.manifest.last_command());
        commands.flatten().collect()
    }

    /// Returns the schema (version of the format) of the shard that contains `run`, or of the whole dataset. Shards that were
    /// started by different versions of `sim` can have different schemas.
    pub fn schema_of(&self, run: &JournalRow) -> u32 {
        self.parts.schema_of(run)
    }

    /// Returns which cells of the event log may be empty, because an imported log did not have their values.
    pub fn missing_fields(&self) -> MissingFields {
        let imported = self.manifest().imported.as_ref();
        imported.map_or_else(MissingFields::default, |imported| imported.missing_fields)
    }

    /// Returns whether the event log has a column `timestamp`.
    pub fn has_timestamps(&self) -> bool {
        self.manifest().experiment.timestamps
    }

    /// Returns the format of the rows of `run` in the log.
    pub fn row_format(&self, run: &JournalRow) -> RowFormat {
        RowFormat {
            missing_fields: self.missing_fields(),
            timestamps: TimestampCells::new(self.has_timestamps(), &run.configuration),
        }
    }

    /// Returns the shards that the dataset lacks. If its folder contains only shards 1 and 3 of 3, the result is shard 2.
    pub fn missing_shards(&self) -> &[Shard] {
        &self.parts.missing
    }

    /// Returns the number of planned runs, including those of missing shards.
    pub fn planned(&self) -> u64 {
        self.parts.planned()
    }

    /// Returns the number of planned runs that were not attempted, including those of missing shards.
    pub fn to_do(&self) -> u64 {
        let experiment = &self.manifest().experiment;
        // If the number of repetitions was reduced after a sweep, some attempted runs are not planned any more.
        let attempted_and_planned = self.rows.iter().filter(|row| experiment.is_planned(row));
        let attempted: HashSet<u64> = attempted_and_planned.map(|row| row.run).collect();
        self.planned().saturating_sub(attempted.len() as u64)
    }

    /// Returns the rows of all journals, shard by shard: one for each attempt to make a run. So a run that was repeated after a failure has
    /// several rows. The rows of a shard are in the order in which the attempts ended.
    pub fn attempted(&self) -> &[JournalRow] {
        &self.rows
    }

    /// Returns the same rows as [`Self::attempted`], but moves them out of the dataset, so that they need not be copied. After this, the
    /// dataset has no rows.
    pub fn take_attempted(&mut self) -> Vec<JournalRow> {
        std::mem::take(&mut self.rows)
    }

    /// Returns the journal row of every finished run, shard by shard. The rows of a shard are in the order in which the runs ended.
    pub fn finished(&self) -> impl Iterator<Item = &JournalRow> {
        self.rows.iter().filter(|row| row.is_ok())
    }

    /// Returns the path of the journal that contains the row `run`.
    pub fn journal_of(&self, run: &JournalRow) -> PathBuf {
        self.parts.paths_of(run).journal()
    }

    /// Returns the path of the file with the events of `run`.
    pub fn segment_of(&self, run: &JournalRow) -> PathBuf {
        self.parts.paths_of(run).segment(run.segment)
    }

    /// Returns the path of `sources.csv`, which says from which file and line each imported event was read.
    pub(super) fn sources(&self) -> PathBuf {
        Paths::new(self.root()).sources()
    }

    /// Returns the rows of the event log of `run`, without header. Checks them against the length and the checksum in the journal.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`EventReader::read`].
    pub fn read_events(&self, run: &JournalRow) -> Result<Vec<u8>, DatasetError> {
        let mut reader = EventReader::of_single_runs(self);
        reader.read(run).map(<[u8]>::to_vec)
    }
}
