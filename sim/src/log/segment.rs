//! The segment that is being written. A segment is one file `events-NNNN.csv` of a dataset's event log.

use super::appended::AppendedFile;
use super::attempts::JournalContents;
use super::checksum::checksum;
use super::disk::Disk;
use super::error::DatasetError;
use super::events;
use super::journal_row::JournalRow;
use super::parts::Paths;
use super::segment_header::{SEGMENT_BYTES, header_bytes};
use super::uncounted::Uncounted;

/// The rows of a run that has ended, successfully or not. They are ready to be appended to the dataset.
#[derive(Clone, Debug)]
pub struct EndedRun {
    /// Its row of the journal (`runs.csv`). The writer fills in the position of the events. If `row.checksum` is empty, it fills in
    /// the checksum of the events too.
    pub row: JournalRow,
    /// Its rows of the event log in the format of [`events::write_row`]; empty for a failed run.
    pub events: Vec<u8>,
}

/// The last segment of a dataset's event log, open for writing.
#[derive(Debug)]
pub(super) struct Segment {
    number: u32,
    file: AppendedFile,
    /// Whether the log has a column `timestamp`.
    has_timestamps: bool,
    /// Whether bytes were appended that have not been forced to the disk.
    is_unsynced: bool,
}

impl Segment {
    /// Opens the last segment that the journal names (`found.segment`). Removes the events of runs that have no row in the journal: the
    /// bytes of this segment from the position `found.segment_end` on, and all later segments (`uncounted.segments`). Returns the opened
    /// segment, and how many bytes were removed.
    pub(super) fn resume(
        disk: &dyn Disk,
        paths: &Paths,
        found: &JournalContents,
        uncounted: &Uncounted,
        has_timestamps: bool,
    ) -> Result<(Self, u64), DatasetError> {
        let mut dropped = 0;
        for (path, bytes) in &uncounted.segments {
            disk.remove(path).map_err(DatasetError::io(path))?;
            dropped += bytes;
        }
        let path = paths.segment(found.segment);
        // The file keeps its first `end` bytes. If no run of the journal has events, `segment` and `segment_end` are 0, and the file keeps
        // only its header. `header_bytes` returns 0 if the file has no complete header.
        let end = match found.segment_end {
            0 => header_bytes(&path, has_timestamps)?,
            end => end,
        };
        let (file, tail_bytes) = AppendedFile::open(disk, path, end)?;
        let mut segment = Self::new(found.segment, file, has_timestamps);
        // If `end` is 0, the file is empty now and needs a header.
        if end == 0 {
            segment.append_header()?;
        }
        Ok((segment, dropped + tail_bytes))
    }

    /// Creates segment `number`.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::OtherWriter`] if the segment exists and is not empty.
    pub(super) fn create(
        disk: &dyn Disk,
        paths: &Paths,
        number: u32,
        has_timestamps: bool,
    ) -> Result<Self, DatasetError> {
        let file = AppendedFile::create(disk, paths.segment(number))?;
        disk.sync_folder(&paths.root)
            .map_err(DatasetError::io(&paths.root))?;
        let mut segment = Self::new(number, file, has_timestamps);
        segment.append_header()?;
        Ok(segment)
    }

    /// Creates the segment after this one.
    pub(super) fn next(&self, disk: &dyn Disk, paths: &Paths) -> Result<Self, DatasetError> {
        let number = self.number.checked_add(1);
        let number = number.ok_or_else(|| DatasetError::NoMoreSegments(paths.root.clone()))?;
        Self::create(disk, paths, number, self.has_timestamps)
    }

    fn new(number: u32, file: AppendedFile, has_timestamps: bool) -> Self {
        Self {
            number,
            file,
            has_timestamps,
            is_unsynced: false,
        }
    }

    /// Appends the events of `run`. Returns the run's row of the journal, with the position of the events filled in.
    pub(super) fn append_run(&mut self, run: EndedRun) -> Result<JournalRow, DatasetError> {
        let EndedRun { mut row, events } = run;
        row.segment = self.number;
        row.offset = self.file.bytes;
        row.bytes = events.len() as u64;
        if row.checksum.is_empty() {
            row.checksum = checksum(&events);
        }
        self.append(&events)?;
        Ok(row)
    }

    /// Returns whether the next run needs a new segment.
    pub(super) fn is_full(&self) -> bool {
        self.file.bytes >= SEGMENT_BYTES
    }

    fn append_header(&mut self) -> Result<(), DatasetError> {
        let header = events::event_header(self.has_timestamps);
        self.append(header.as_bytes())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        self.file.append(bytes)?;
        self.is_unsynced = true;
        Ok(())
    }

    /// Forces the appended bytes to the disk.
    pub(super) fn sync(&mut self) -> Result<(), DatasetError> {
        if self.is_unsynced {
            self.file.sync()?;
            self.is_unsynced = false;
        }
        Ok(())
    }

    /// Checks that the path still leads to this file: another program may have removed or replaced it.
    pub(super) fn check_is_there(&self, disk: &dyn Disk) -> Result<(), DatasetError> {
        self.file.check_is_there(disk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::RealDisk;

    #[test]
    fn the_next_segment_is_not_created_if_its_file_exists_or_there_is_no_next_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::new(folder.path());
        let first = Segment::create(&RealDisk, &paths, 0, false).expect("a segment");
        // Another program has already written these bytes to the file of the next segment.
        let foreign = "whose?\n";
        std::fs::write(paths.segment(1), foreign).expect("written");
        let refused = first.next(&RealDisk, &paths).expect_err("a file is there");
        assert!(
            matches!(refused, DatasetError::OtherWriter { found, .. } if found == foreign.len() as u64),
            "{refused}"
        );
        let last = Segment::create(&RealDisk, &paths, u32::MAX, false).expect("a segment");
        assert!(last.next(&RealDisk, &paths).is_err());
    }
}
