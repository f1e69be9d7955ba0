//! The header of a segment, and the size at which a segment is full. A segment is one file `events-NNNN.csv` of the event log.

use std::io::{self, Read};
use std::path::Path;

use super::error::DatasetError;
use super::events;
use crate::input::open_stored;

/// A segment that has this many bytes (256 MiB) or more gets no more runs: the next run goes into a new segment.
pub(super) const SEGMENT_BYTES: u64 = 256 << 20;

/// Returns the length of the header at the start of a segment. Returns 0 if the file does not exist or does not begin with the whole
/// header, for example because a sweep was interrupted while it wrote the header. `has_timestamps` says whether the log has a
/// column `timestamp`.
///
/// # Errors
///
/// Returns [`DatasetError::CrlfLineEnds`] if the header ends with `\r\n` instead of `\n`.
pub(super) fn header_bytes(path: &Path, has_timestamps: bool) -> Result<u64, DatasetError> {
    let header = events::event_header(has_timestamps);
    let start = read_start(path, header.len()).map_err(DatasetError::io(path))?;
    // The header is one line and ends with `\n`. Another program may have changed this line end to `\r\n`. Then the header is one
    // byte longer. `start` is read only to the usual length, so it contains the `\r` but not the `\n`.
    let header_with_cr = header.replace('\n', "\r");
    if start == header_with_cr.as_bytes() {
        return Err(DatasetError::CrlfLineEnds(path.to_owned()));
    }
    Ok(if start == header.as_bytes() {
        header.len() as u64
    } else {
        0
    })
}

/// Returns the first bytes of a file, at most `max_bytes`. Returns no bytes if the file does not exist.
fn read_start(path: &Path, max_bytes: usize) -> io::Result<Vec<u8>> {
    let mut start = vec![];
    match open_stored(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => {
            opened?.take(max_bytes as u64).read_to_end(&mut start)?;
        }
    }
    Ok(start)
}
