//! The segment that is being written: one `events-NNNN.csv`.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::checksum::checksum;
use super::dataset::Paths;
use super::disk::{Disk, DiskFile};
use super::error::DatasetError;
use super::events;
use super::journal::JournalRow;

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

/// The end of a dataset's event log, open for writing.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u32,
    /// Its length.
    pub(super) bytes: u64,
    file: Box<dyn DiskFile>,
    unsynced: bool,
}

impl Segment {
    /// Takes up segment `number`, whose last run ends at byte `end`; returns it and how many bytes of unfinished runs that dropped.
    pub(super) fn resume(
        disk: &dyn Disk,
        paths: &Paths,
        number: u32,
        end: u64,
    ) -> Result<(Self, u64), DatasetError> {
        let mut dropped = 0;
        let unfinished = paths.segment(number + 1);
        if let Ok(metadata) = fs::metadata(&unfinished) {
            disk.remove(&unfinished)
                .map_err(DatasetError::io(&unfinished))?;
            dropped += metadata.len();
        }
        let path = paths.segment(number);
        let end = if end == 0 { header_bytes(&path) } else { end };
        let mut segment = Self::open(disk, paths, number, end)?;
        dropped += cut(&mut *segment.file, &path, end)?;
        if end == 0 {
            segment.append(paths, events::header().as_bytes())?;
        }
        Ok((segment, dropped))
    }

    /// Begins segment `number`.
    pub(super) fn create(
        disk: &dyn Disk,
        paths: &Paths,
        number: u32,
    ) -> Result<Self, DatasetError> {
        let mut segment = Self::open(disk, paths, number, 0)?;
        disk.sync_folder(&paths.root)
            .map_err(DatasetError::io(&paths.root))?;
        segment.append(paths, events::header().as_bytes())?;
        Ok(segment)
    }

    fn open(disk: &dyn Disk, paths: &Paths, number: u32, bytes: u64) -> Result<Self, DatasetError> {
        let path = paths.segment(number);
        Ok(Self {
            number,
            bytes,
            file: disk
                .open_to_append(&path)
                .map_err(DatasetError::io(&path))?,
            unsynced: false,
        })
    }

    /// Appends the events of `run`; returns its row of the journal, which says where they lie.
    pub(super) fn take(
        &mut self,
        paths: &Paths,
        run: FinishedRun,
    ) -> Result<JournalRow, DatasetError> {
        let FinishedRun { mut row, events } = run;
        row.segment = self.number;
        row.offset = self.bytes;
        row.bytes = events.len() as u64;
        if row.checksum.is_empty() {
            row.checksum = checksum(&events);
        }
        self.append(paths, &events)?;
        Ok(row)
    }

    /// Whether the next run belongs into a segment of its own.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= SEGMENT_BYTES
    }

    pub(super) fn append(&mut self, paths: &Paths, bytes: &[u8]) -> Result<(), DatasetError> {
        self.file
            .write_all(bytes)
            .map_err(DatasetError::io(&paths.segment(self.number)))?;
        self.bytes += bytes.len() as u64;
        self.unsynced = true;
        Ok(())
    }

    pub(super) fn sync(&mut self, paths: &Paths) -> Result<(), DatasetError> {
        if self.unsynced {
            self.file
                .sync()
                .map_err(DatasetError::io(&paths.segment(self.number)))?;
            self.unsynced = false;
        }
        Ok(())
    }
}

/// Length of the header with which a segment starts that has no runs yet; 0 if it is not there or not whole.
fn header_bytes(path: &Path) -> u64 {
    let header = events::header();
    let mut start = vec![0; header.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    match read {
        Ok(()) if start == header.as_bytes() => header.len() as u64,
        _ => 0,
    }
}

/// Cuts a file down to `length`; returns how many bytes that dropped.
pub(super) fn cut(file: &mut dyn DiskFile, path: &Path, length: u64) -> Result<u64, DatasetError> {
    let found = file.length().map_err(DatasetError::io(path))?;
    if found < length {
        return Err(DatasetError::TooShort {
            path: path.to_owned(),
            found,
            counted: length,
        });
    }
    if found > length {
        file.cut(length).map_err(DatasetError::io(path))?;
    }
    Ok(found - length)
}
