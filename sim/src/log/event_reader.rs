//! Reads the events of many runs from a dataset's segments (events files).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::checksum::checksum;
use super::dataset::Dataset;
use super::error::DatasetError;
use super::journal_row::JournalRow;
use crate::input::open_stored;

/// How many bytes are read at once. If short runs follow each other in a file, one read is enough for many of them.
const BLOCK_BYTES: u64 = 1 << 20;

/// Reads the events of runs of one dataset. Reading is fast if the runs are read in the order in which they are in the files.
#[derive(Debug)]
pub struct EventReader<'d> {
    dataset: &'d Dataset,
    /// The segment that is open.
    file: Option<OpenFile>,
    /// The bytes of the open segment that were read last. Empty if nothing was read since the segment was opened.
    block: Vec<u8>,
    /// The position in the segment at which `block` starts, in bytes.
    start: u64,
    /// At least this many bytes are read at once, if the file has them. With 0, only the events of the requested run are read.
    block_bytes: u64,
}

/// A segment that is open.
#[derive(Debug)]
struct OpenFile {
    /// The index of the dataset's part (a shard, or the whole dataset) to which the segment belongs.
    part: usize,
    /// The number of the segment.
    segment: u32,
    path: PathBuf,
    file: File,
    /// The length in bytes when the file was opened.
    length: u64,
}

impl<'d> EventReader<'d> {
    /// Creates a reader that has no file open.
    pub fn new(dataset: &'d Dataset) -> Self {
        Self::with_blocks(dataset, BLOCK_BYTES)
    }

    /// Creates a reader that reads only the bytes of the requested run, and no bytes after them. Use this reader for runs that do not follow
    /// each other in a file.
    pub(super) fn of_single_runs(dataset: &'d Dataset) -> Self {
        Self::with_blocks(dataset, 0)
    }

    /// Creates a reader that reads at least `block_bytes` bytes at once, if the file has so many.
    fn with_blocks(dataset: &'d Dataset, block_bytes: u64) -> Self {
        Self {
            dataset,
            file: None,
            block: vec![],
            start: 0,
            block_bytes,
        }
    }

    /// Returns the rows of the event log of `run`, without header. Checks them against the length and the checksum in the journal.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::Events`] if rows are missing or changed, [`DatasetError::CrlfLineEnds`] if they have the line ends of
    /// Windows, and [`DatasetError::Io`] if the segment cannot be read.
    pub fn read(&mut self, run: &JournalRow) -> Result<&[u8], DatasetError> {
        self.open(run)?;
        // In the message of this error, `problem` follows the words "the events of run 7:".
        let wrong = |problem: String| DatasetError::Events {
            path: self.dataset.segment_of(run),
            run: run.run,
            problem,
        };
        // After `open`, a file is always open, so the 0 is never used.
        let length = self.file.as_ref().map_or(0, |file| file.length);
        let end = run
            .offset
            .checked_add(run.bytes)
            .filter(|&end| end <= length);
        let Some(end) = end else {
            return Err(wrong(format!(
                "the file has only {length} bytes, so it ends before these events end; restore it, or delete the run's row from runs.csv and run again"
            )));
        };
        if run.offset < self.start || end > self.start + self.block.len() as u64 {
            self.fill(run.offset, run.bytes)?;
        }
        let from = (run.offset - self.start) as usize;
        let bytes = &self.block[from..from + run.bytes as usize];
        if checksum(bytes) != run.checksum {
            // If there are line ends of Windows, a program has copied the file as text. This cause has an error of its own.
            if bytes.windows(2).any(|pair| pair == b"\r\n") {
                return Err(DatasetError::CrlfLineEnds(self.dataset.segment_of(run)));
            }
            return Err(wrong("they have changed since they were written (checksum); restore the file, or delete the run's row from runs.csv and run again".to_owned()));
        }
        Ok(bytes)
    }

    /// Opens the segment with the events of `run`. Does nothing if the segment is already open, and was long enough for
    /// these events when it was opened.
    fn open(&mut self, run: &JournalRow) -> Result<(), DatasetError> {
        let is_same_segment =
            |file: &OpenFile| (file.part, file.segment) == (run.part, run.segment);
        // If a `sim run` appended these events after this reader opened the file, `length` is too small, and the file is opened again.
        let is_long_enough = |file: &OpenFile| run.offset.saturating_add(run.bytes) <= file.length;
        if self
            .file
            .as_ref()
            .is_some_and(|file| is_same_segment(file) && is_long_enough(file))
        {
            return Ok(());
        }
        let path = self.dataset.segment_of(run);
        let file = open_stored(&path).map_err(DatasetError::io(&path))?;
        let length = file.metadata().map_err(DatasetError::io(&path))?.len();
        self.file = Some(OpenFile {
            part: run.part,
            segment: run.segment,
            path,
            file,
            length,
        });
        self.block.clear();
        Ok(())
    }

    /// Reads a block of the open segment. The block starts at position `offset` and has at least `bytes` bytes. Does nothing if no segment
    /// is open.
    fn fill(&mut self, offset: u64, bytes: u64) -> Result<(), DatasetError> {
        let Some(OpenFile {
            path, file, length, ..
        }) = &mut self.file
        else {
            return Ok(());
        };
        let path: &Path = path;
        let size = bytes.max(self.block_bytes).min(*length - offset);
        file.seek(SeekFrom::Start(offset))
            .map_err(DatasetError::io(path))?;
        self.block.resize(size as usize, 0);
        self.start = offset;
        if let Err(error) = file.read_exact(&mut self.block) {
            self.block.clear();
            return Err(DatasetError::io(path)(error));
        }
        Ok(())
    }
}
