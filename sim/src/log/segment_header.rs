//! How a segment of the event log begins, and how large it gets.

use std::io::{self, Read};
use std::path::Path;

use super::error::DatasetError;
use super::events;
use crate::input::open_stored;

/// A segment that has grown to this many bytes is closed and the next begun.
pub(super) const SEGMENT_BYTES: u64 = 256 << 20;

/// Length of the header with which a segment starts that has no runs yet; 0 if the file is not there or its header not whole.
///
/// # Errors
///
/// [`DatasetError::CrlfLineEnds`] if the header's line ends are not those that were written.
pub(super) fn header_bytes(path: &Path) -> Result<u64, DatasetError> {
    let header = events::header();
    let start = start_of(path, header.len()).map_err(DatasetError::io(path))?;
    if start.last() == Some(&b'\r')
        && start[..start.len() - 1] == header.as_bytes()[..header.len() - 1]
    {
        return Err(DatasetError::CrlfLineEnds(path.to_owned()));
    }
    Ok(if start == header.as_bytes() {
        header.len() as u64
    } else {
        0
    })
}

/// The first bytes of a file, at most so many; none if it is not there.
fn start_of(path: &Path, most_bytes: usize) -> io::Result<Vec<u8>> {
    let mut start = vec![];
    match open_stored(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        file => {
            file?.take(most_bytes as u64).read_to_end(&mut start)?;
        }
    }
    Ok(start)
}
