//! Reads files with a size limit. Users can name a pipe in a command, so [`read_text`] reads pipes too. But a pipe in place of a dataset's
//! file is an error, because opening a pipe that nobody writes to would wait for ever.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Reads a text file of at most `max_bytes` bytes. Pipes and `/dev/stdin` are read like files. Reading stops one byte above the limit. So
/// a file without end, such as `/dev/zero`, gives the same error as any other file that is too long.
///
/// # Errors
///
/// Returns the system's error, [`io::ErrorKind::FileTooLarge`] if the file has more than `max_bytes` bytes, or
/// [`io::ErrorKind::InvalidData`] with the number of the first line that is not UTF-8.
pub fn read_text(path: &Path, max_bytes: u64) -> io::Result<String> {
    read_text_from(File::open(path)?, max_bytes)
}

/// Reads a file of a dataset like [`read_text`], with the additional errors of [`open_stored`].
pub(crate) fn read_stored_text(path: &Path, max_bytes: u64) -> io::Result<String> {
    read_text_from(open_stored(path)?, max_bytes)
}

fn read_text_from(file: File, max_bytes: u64) -> io::Result<String> {
    let mut bytes = vec![];
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("has more than {max_bytes} bytes, which is too long for a file of this kind"),
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("line {line} is not UTF-8 text"),
        )
    })
}

/// Opens a file of a dataset. A pipe or a device in its place is an error, because opening a pipe without a writer waits for ever.
///
/// # Errors
///
/// Returns the system's error, or [`io::ErrorKind::InvalidInput`] for a pipe, a socket or a device.
pub(crate) fn open_stored(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?.file_type();
    // A folder is not refused here: reading it returns the system's error, which says that it is a folder.
    if kind.is_file() || kind.is_dir() {
        return File::open(path);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "is a pipe, a socket or a device, not a file; put the dataset's own file back",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_completely_or_refused() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "five\n").expect("it is written");
        assert_eq!(read_text(file.path(), 5).expect("it fits"), "five\n");
        let error = read_text(file.path(), 4).expect_err("it does not fit");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn the_error_about_bytes_that_are_not_utf_8_has_their_line() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), b"a\nb\xff").expect("it is written");
        let error = read_text(file.path(), 100).expect_err("it is no text");
        assert_eq!(error.to_string(), "line 2 is not UTF-8 text");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_without_end_is_refused() {
        let error = read_text(Path::new("/dev/zero"), 1000).expect_err("it has no end");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
