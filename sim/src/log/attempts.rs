//! What a journal says of the runs of a plan, read row by row when a writer takes up a dataset.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::error::DatasetError;
use super::journal::{self, Header};
use crate::experiment::Experiment;

/// How much is read at once when looking for the last newline.
const BLOCK_BYTES: u64 = 4096;

/// Which runs have been attempted, and which of them count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts(HashMap<u64, bool>);

impl Attempts {
    /// Whether the run at place `run` has finished; nothing if it was not attempted.
    pub fn finished(&self, run: u64) -> Option<bool> {
        self.0.get(&run).copied()
    }

    /// How many runs were attempted.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an attempt. A run that finished once has finished.
    pub fn note(&mut self, run: u64, is_ok: bool) {
        *self.0.entry(run).or_default() |= is_ok;
    }
}

/// A journal as a writer finds it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) attempts: Attempts,
    pub(super) rows: u64,
    /// The columns of its rows.
    pub(super) header: Header,
    /// Length of the whole rows. What lies behind is torn.
    pub(super) whole_bytes: u64,
    /// The last segment that a row names, and where in it the last run's events end.
    pub(super) segment: u32,
    pub(super) segment_end: u64,
}

impl Found {
    /// Reads the journal of `experiment`'s dataset; one that is not there is empty.
    pub(super) fn read(path: &Path, experiment: &Experiment) -> Result<Self, DatasetError> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            opened => opened.map_err(DatasetError::io(path))?,
        };
        let mut found = Self {
            whole_bytes: whole_bytes(&mut file).map_err(DatasetError::io(path))?,
            ..Self::default()
        };
        file.rewind().map_err(DatasetError::io(path))?;
        let whole = BufReader::new(file.take(found.whole_bytes));
        let rows = journal::read_rows(path, whole)?;
        found.header = rows.header().clone();
        for row in rows {
            let row = row?;
            if experiment
                .run(row.run)
                .is_none_or(|run| run.key() != row.key)
            {
                return Err(DatasetError::ForeignRun {
                    path: path.to_owned(),
                    run: row.run,
                    key: row.key,
                });
            }
            found.rows += 1;
            found.attempts.note(row.run, row.is_ok());
            let end = (row.segment, row.offset + row.bytes);
            (found.segment, found.segment_end) = end.max((found.segment, found.segment_end));
        }
        Ok(found)
    }
}

/// The length up to the last newline.
fn whole_bytes(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = [0; BLOCK_BYTES as usize];
    while end > 0 {
        let start = end.saturating_sub(BLOCK_BYTES);
        let block = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        if let Some(newline) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn whole_rows_end_with_the_last_newline() {
        for (text, whole) in [("", 0), ("torn", 0), ("a\n", 2), ("a\nb\nto", 4), ("\n", 1)] {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(text.as_bytes()).expect("written");
            assert_eq!(whole_bytes(&mut file).expect("read"), whole, "{text:?}");
        }
        let mut file = tempfile::tempfile().expect("a file");
        let torn = "x".repeat(3 * BLOCK_BYTES as usize + 7);
        file.write_all(format!("row\n{torn}").as_bytes())
            .expect("written");
        assert_eq!(whole_bytes(&mut file).expect("read"), 4);
    }
}
