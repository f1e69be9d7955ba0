//! Finds the place of a violation in a dataset: the file, and the line in this file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sim::log::{Dataset, JournalRow};

use super::tally::At;

/// Number of bytes that are read at once.
const BLOCK_BYTES: usize = 1 << 20;

/// Finds lines in the files of a dataset.
pub(super) struct Lines<'d> {
    dataset: &'d Dataset,
}

impl<'d> Lines<'d> {
    /// Prepares the search in the files of `dataset`. No file is read yet.
    pub(super) fn new(dataset: &'d Dataset) -> Self {
        Self { dataset }
    }

    /// Finds the file and the line (from 1) of a violation. `at` says where the violation is in the data of the run. `run` must be an
    /// element of [`Dataset::attempted`], not a copy of it. If the violation is in the events, and the file with these events cannot be
    /// read, the line is `None`.
    pub(super) fn find(&self, run: &JournalRow, at: At) -> (PathBuf, Option<u64>) {
        match at {
            At::Journal => (self.dataset.journal_of(run), Some(self.journal_line(run))),
            At::Row(row) => {
                let event_file = self.dataset.segment_of(run);
                // The file has the rows of several runs. The rows of this run begin at the byte `run.offset`. `row` is 0 for the
                // first of these rows.
                let lines_before = count_newlines(&event_file, run.offset).ok();
                (event_file, lines_before.map(|before| before + row + 1))
            }
        }
    }

    /// The line of a run in the journal, from 1. The journal has a header, and then one line for each row.
    fn journal_line(&self, run: &JournalRow) -> u64 {
        let rows = self.dataset.attempted().iter();
        // Each shard (part) of a dataset has its own journal.
        let rows = rows.filter(|row| row.part == run.part);
        // A run that was repeated after a failure has several rows. So the row is found by its address in memory, not by the run's number.
        let rows_before = rows.take_while(|row| !std::ptr::eq(*row, run)).count();
        // Lines are numbered from 1, and the header is line 1. So the first row is line 2.
        rows_before as u64 + 2
    }
}

/// Counts the lines that end within the first `bytes` bytes of a file.
fn count_newlines(path: &Path, bytes: u64) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(BLOCK_BYTES, File::open(path)?.take(bytes));
    let mut newlines = 0;
    loop {
        let block = reader.fill_buf()?;
        if block.is_empty() {
            return Ok(newlines);
        }
        newlines += block.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let length = block.len();
        reader.consume(length);
    }
}
