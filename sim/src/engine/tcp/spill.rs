//! A file for events that do not fit into memory. Each event loop (a thread that executes many runs) has at most one such file. The
//! file has no name, so it vanishes when the process ends.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::log::{EventRow, LoggedEvent, RowFormat, parse_rows_in, write_row};

/// The file of an event loop. Pieces of logs are appended to the file. If all earlier [`Piece`]s have been dropped, the next write empties
/// the file first.
#[derive(Debug)]
pub(super) struct Spill {
    file: Arc<File>,
    /// Number of bytes in the file.
    length: u64,
}

/// Consecutive events of one machine in the file. The file stays open as long as a piece exists.
#[derive(Clone, Debug)]
pub struct Piece {
    file: Arc<File>,
    /// Where the piece begins in the file, in bytes.
    offset: u64,
    /// Number of bytes of the piece.
    length: usize,
    format: RowFormat,
}

impl Spill {
    /// Creates a file without a name in `folder`.
    pub(super) fn in_folder(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            file: Arc::new(tempfile::tempfile_in(folder)?),
            length: 0,
        })
    }

    /// Appends `events` to the file, as rows of the event log. `format` says which cells the rows of the run have. The returned
    /// piece keeps `format`, because [`Piece::read`] needs it.
    pub(super) fn write(&mut self, events: &[LoggedEvent], format: RowFormat) -> io::Result<Piece> {
        // Each piece has a reference to the file too. So if there is only one reference, it is that of `self`.
        let is_without_pieces = Arc::strong_count(&self.file) == 1;
        if is_without_pieces {
            self.file.set_len(0)?;
            self.length = 0;
        }
        let mut bytes = Vec::new();
        for logged in events {
            // A row begins with the numbers of run and machine. `Piece::read` ignores these numbers, so any value will do.
            let (run, machine, logged) = (0, 0, logged.clone());
            write_row(
                &mut bytes,
                &EventRow {
                    run,
                    machine,
                    logged,
                },
            );
        }
        write_all_at(&self.file, &bytes, self.length)?;
        let piece = Piece {
            file: Arc::clone(&self.file),
            offset: self.length,
            length: bytes.len(),
            format,
        };
        self.length += bytes.len() as u64;
        Ok(piece)
    }
}

impl Piece {
    /// Reads the events back.
    ///
    /// # Errors
    ///
    /// Returns the system's error, or [`io::ErrorKind::InvalidData`] if the bytes cannot be parsed as rows: then the file was changed
    /// after the write.
    pub fn read(&self) -> io::Result<Vec<LoggedEvent>> {
        let mut bytes = vec![0; self.length];
        read_exact_at(&self.file, &mut bytes, self.offset)?;
        let rows: Result<Vec<EventRow>, _> = parse_rows_in(&bytes, self.format).collect();
        let rows = rows.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(rows.into_iter().map(|row| row.logged).collect())
    }
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
        }
    }
    Ok(())
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                bytes = &mut bytes[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Event, EventKind};

    /// Returns 50 internal events, one at each tick from `from` to `from + 49`.
    fn events(from: u64) -> Vec<LoggedEvent> {
        (from..from + 50)
            .map(|tick| LoggedEvent {
                // As in real logs, the time has 19 digits (nanoseconds since 1970).
                system_time_ns: 1_795_243_947_722_096_853 + tick,
                event: Event {
                    tick,
                    kind: EventKind::Internal,
                    logical_clock: 3 * tick,
                    queue_length: 1,
                    timestamp: None,
                },
            })
            .collect()
    }

    #[test]
    fn pieces_are_read_back_and_the_file_is_reused_when_no_piece_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spill = Spill::in_folder(folder.path()).expect("a file");
        let first = spill
            .write(&events(0), RowFormat::default())
            .expect("written");
        let second = spill
            .write(&events(50), RowFormat::default())
            .expect("written");
        assert_eq!(second.read().expect("read"), events(50));
        assert_eq!(first.read().expect("read"), events(0));
        assert!(second.offset > 0);
        drop((first, second));
        let third = spill
            .write(&events(7), RowFormat::default())
            .expect("written");
        assert_eq!(third.offset, 0);
        assert_eq!(third.read().expect("read"), events(7));
        // The file cannot be seen in its folder.
        assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
    }
}
