//! Uncounted events: events of runs that have no row in the journal (`runs.csv`). A run with a row is *counted*, and so are its events. An
//! interrupted sweep leaves at most as many uncounted events as fit into one events file. If there are more, rows of the journal were
//! probably lost.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::attempts::JournalContents;
use super::error::DatasetError;
use super::parts::Paths;
use super::segment_header::{SEGMENT_BYTES, header_bytes};
use super::timestamp_cell::longest_cell_bytes;
use crate::console::shell_word;
use crate::experiment::Experiment;

/// Approximate length of the longest row of the event log, in bytes. The cell `timestamp` is not included.
const MAX_ROW_BYTES: u64 = 256;

/// The uncounted events of a dataset.
#[derive(Debug, Default)]
pub(super) struct Uncounted {
    /// Number of bytes after the last counted run, in the segment (events file) that contains this run. If no run is counted, the number
    /// of bytes after the header of the first segment.
    tail_bytes: u64,
    /// The segments after the segment with the last counted run, with the length of each in bytes.
    pub(super) segments: Vec<(PathBuf, u64)>,
}

impl Uncounted {
    /// Finds the uncounted events. `found` says where the counted events end: in which segment, and at which byte of it. Changes no files.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError::TooShort`] if counted events are missing at the end of the last segment that the journal names. Returns
    /// [`DatasetError::UncountedEvents`] if there are more uncounted events than an interrupted sweep of `experiment` leaves behind.
    pub(super) fn find(
        paths: &Paths,
        found: &JournalContents,
        experiment: &Experiment,
    ) -> Result<Self, DatasetError> {
        let mut uncounted = Self::default();
        let entries = fs::read_dir(&paths.root).map_err(DatasetError::io(&paths.root))?;
        // The length of the last segment that the journal names.
        let mut segment_length = 0;
        for entry in entries {
            let entry = entry.map_err(DatasetError::io(&paths.root))?;
            let number = entry.file_name().to_str().and_then(Paths::segment_number);
            let Some(number) = number.filter(|&number| number >= found.segment) else {
                continue;
            };
            let path = entry.path();
            let bytes = fs::metadata(&path).map_err(DatasetError::io(&path))?.len();
            if number == found.segment {
                segment_length = bytes;
            } else {
                uncounted.segments.push((path, bytes));
            }
        }
        uncounted.segments.sort();
        let path = paths.segment(found.segment);
        if segment_length < found.segment_end {
            return Err(DatasetError::TooShort {
                path,
                found: segment_length,
                counted: found.segment_end,
            });
        }
        let header = header_bytes(&path, experiment.has_timestamps())?;
        // If `segment_end` is 0, no events in this segment are counted. Then the uncounted bytes begin directly after the header.
        let counted_bytes = match found.segment_end {
            0 => header,
            end => end,
        };
        uncounted.tail_bytes = segment_length - counted_bytes;
        uncounted.check(paths, found, experiment)?;
        Ok(uncounted)
    }

    /// Refuses uncounted events that an interrupted sweep cannot have left. There are two such cases:
    ///
    /// - There are events, but the journal has no header. A sweep writes the journal's header before any event.
    /// - There are more uncounted events than one segment can hold. When a sweep creates a segment, all runs in the earlier segments already
    ///   have their rows in the journal. So an interrupted sweep leaves uncounted events only in the newest segment.
    fn check(
        &self,
        paths: &Paths,
        found: &JournalContents,
        experiment: &Experiment,
    ) -> Result<(), DatasetError> {
        let lengths = self.segments.iter().map(|(_, bytes)| bytes);
        let bytes = self.tail_bytes + lengths.sum::<u64>();
        let largest_run_bytes = experiment
            .configurations()
            .iter()
            .map(|configuration| {
                let row_bytes = MAX_ROW_BYTES + longest_cell_bytes(configuration);
                configuration.expected_rows().saturating_mul(row_bytes)
            })
            .max()
            .unwrap_or(0);
        // `bytes_of_complete_rows` is the length of the journal's whole lines. The first of these lines is the header.
        let has_journal_header = found.bytes_of_complete_rows > 0;
        // A segment gets another run only while it is shorter than `SEGMENT_BYTES`. So its length exceeds `SEGMENT_BYTES` by less than the
        // length of the largest run.
        let max_segment_bytes = SEGMENT_BYTES.saturating_add(largest_run_bytes);
        if bytes == 0 || (has_journal_header && bytes <= max_segment_bytes) {
            return Ok(());
        }
        let journal = paths.journal();
        let state = match fs::metadata(&journal) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => "is missing".to_owned(),
            Ok(metadata) if metadata.len() == 0 => "is empty".to_owned(),
            _ if !has_journal_header => "has no whole line".to_owned(),
            _ => format!("has {} rows", found.rows),
        };
        Err(DatasetError::UncountedEvents {
            path: journal,
            state,
            bytes,
            discard: self.removing_commands(paths, found),
        })
    }

    /// Returns the shell commands that remove exactly the uncounted events.
    fn removing_commands(&self, paths: &Paths, found: &JournalContents) -> String {
        let mut commands = vec![];
        let last_segment = paths.segment(found.segment);
        // The files that have no counted events at all.
        let mut whole_files: Vec<String> = vec![];
        // The last segment that the journal names keeps its counted events. If it has none (`segment_end` is 0), the whole file is removed.
        if found.segment_end > 0 && self.tail_bytes > 0 {
            let end = found.segment_end;
            let file = shell_word(&last_segment);
            commands.push(format!("truncate -s {end} {file}"));
        } else if self.tail_bytes > 0 {
            whole_files.push(shell_word(&last_segment));
        }
        whole_files.extend(self.segments.iter().map(|(path, _)| shell_word(path)));
        if !whole_files.is_empty() {
            commands.push(format!("rm {}", whole_files.join(" ")));
        }
        commands.join(" && ")
    }
}
