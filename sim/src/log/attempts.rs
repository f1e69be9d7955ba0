//! Which runs of a plan (the numbered list of an experiment's runs) were attempted. The journal (`runs.csv`) has a row for each attempt,
//! successful or not. A writer that resumes a dataset reads these rows one by one.

use std::collections::HashMap;
use std::path::Path;

use super::error::DatasetError;
use super::journal::{self, Header};
use crate::experiment::Experiment;

/// A map whose keys are the numbers of the attempted runs. The value is `true` if the run has finished, which means that at least one of
/// its attempts was successful.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts(HashMap<u64, bool>);

impl Attempts {
    /// Returns whether run number `run` has finished. `None` if it was not attempted.
    pub fn finished(&self, run: u64) -> Option<bool> {
        self.0.get(&run).copied()
    }

    /// Returns how many runs were attempted.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Returns whether no run was attempted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an attempt. If one attempt of a run was successful, the run stays finished, whatever happens in its other attempts.
    pub fn note(&mut self, run: u64, is_ok: bool) {
        *self.0.entry(run).or_default() |= is_ok;
    }
}

/// What a writer finds in the journal when it opens a dataset.
#[derive(Debug, Default)]
pub(super) struct JournalContents {
    pub(super) attempts: Attempts,
    /// The number of rows.
    pub(super) rows: u64,
    /// The columns of the rows.
    pub(super) header: Header,
    /// The length of the journal up to its last newline, in bytes. Bytes after it are the beginning of a row that a crash has cut off.
    pub(super) bytes_of_complete_rows: u64,
    /// The largest segment number in the rows. A segment is an events file: segment 3 is `events-0003.csv`. 0 if there are no rows.
    pub(super) segment: u32,
    /// The position in this segment, in bytes, up to which all events belong to runs with a row. Events after this position belong to runs
    /// without a row. 0 if there are no rows.
    pub(super) segment_end: u64,
}

impl JournalContents {
    /// Reads the journal of `experiment`'s dataset. If the file does not exist, the result has no rows.
    pub(super) fn read(path: &Path, experiment: &Experiment) -> Result<Self, DatasetError> {
        let Some(whole_rows) = journal::open_whole_rows(path)? else {
            return Ok(Self::default());
        };
        let mut found = Self {
            // The reader `whole_rows` stops after the last newline of the file. The reader's limit is the length up to there.
            bytes_of_complete_rows: whole_rows.limit(),
            ..Self::default()
        };
        let rows = journal::read_rows(path, whole_rows)?;
        found.header = rows.header().clone();
        for row in rows {
            let row = row?;
            // The experiment must have a run with this number, and the row must be about the same run.
            let run_with_this_number = experiment.run(row.run);
            if run_with_this_number
                .is_none_or(|run| run.key() != row.key || run.configuration != row.configuration)
            {
                return Err(DatasetError::ForeignRun {
                    path: path.to_owned(),
                    run: row.run,
                    key: row.key,
                });
            }
            found.rows += 1;
            found.attempts.note(row.run, row.is_ok());
            // Pairs are compared by segment first, then by position.
            let end = (row.segment, row.offset + row.bytes);
            (found.segment, found.segment_end) = end.max((found.segment, found.segment_end));
        }
        Ok(found)
    }
}
