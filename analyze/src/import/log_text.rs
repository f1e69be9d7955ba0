//! Reads the text of a log, in UTF-8 or UTF-16.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::error::Error;

/// Maximum number of bytes in a line of a log. A file with a longer line is not a log.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Reads the text of a log, which may be in UTF-8 or UTF-16. The file may have at most `max_bytes` bytes.
///
/// # Errors
///
/// - [`Error::Import`] with the number of a line, if this line is not UTF-8, has more than [`MAX_LINE_BYTES`] bytes, or makes the text
///   longer than `max_bytes`. The length of lines is not checked in UTF-16.
/// - [`Error::Import`] without a line, if the file begins like UTF-16 but is not UTF-16.
/// - [`Error::Io`] if the file cannot be read.
pub(super) fn read(path: &Path, max_bytes: u64) -> Result<Log, Error> {
    let log = read_beginning(path, max_bytes)?;
    match log.stopped_at {
        None => Ok(log),
        Some(line) => {
            let problem = "the logs up to here are too long for the memory that is free; import fewer runs at a time";
            Err(Error::import(path, Some(line), problem.to_owned()))
        }
    }
}

/// A log, or the beginning of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Log {
    /// The text.
    pub text: String,
    /// For a file in UTF-16: its bytes. `None` for a file in UTF-8, because `text` has the same bytes.
    utf16: Option<Vec<u8>>,
    /// The number of the line before which the reading stopped. `None` if the whole file was read.
    stopped_at: Option<u64>,
}

impl Log {
    /// The bytes of the file that were read.
    pub fn file_bytes(&self) -> &[u8] {
        self.utf16.as_deref().unwrap_or(self.text.as_bytes())
    }
}

/// Reads a log as [`read`] does, but stops without an error before the text has more than `max_bytes` bytes.
///
/// # Errors
///
/// The same as [`read`], except that a text that is too long is no error.
pub(super) fn read_beginning(path: &Path, max_bytes: u64) -> Result<Log, Error> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    // A file in UTF-16 begins with a byte order mark.
    let is_little_endian = match file.fill_buf().map_err(Error::io(path))? {
        [0xff, 0xfe, ..] => Some(true),
        [0xfe, 0xff, ..] => Some(false),
        _ => None,
    };
    if let Some(is_little_endian) = is_little_endian {
        return read_utf16(path, file, is_little_endian, max_bytes);
    }
    let (mut text, mut line) = (String::new(), vec![]);
    let mut stopped_at = None;
    for number in 1.. {
        let refuse = |problem: String| Error::import(path, Some(number), problem);
        line.clear();
        let length = (&mut file)
            .take(MAX_LINE_BYTES + 1)
            .read_until(b'\n', &mut line)
            .map_err(Error::io(path))? as u64;
        if length == 0 {
            break;
        }
        let is_too_long = length > MAX_LINE_BYTES;
        let line_text = match std::str::from_utf8(&line) {
            // Only the beginning of the line was read, and it ends within a character. So this is no mistake in UTF-8. The line is refused
            // below, because it is too long.
            Err(error) if is_too_long && error.error_len().is_none() => "",
            result => result.map_err(|_| refuse(not_utf8_problem(&line)))?,
        };
        if is_too_long {
            return Err(refuse(format!(
                "the line has more than {MAX_LINE_BYTES} bytes, so this file is not a log; leave it out"
            )));
        }
        if text.len() as u64 + length > max_bytes {
            stopped_at = Some(number);
            break;
        }
        text.push_str(line_text);
    }
    Ok(Log {
        text,
        utf16: None,
        stopped_at,
    })
}

/// Reads the text of a file in UTF-16, at most `max_bytes` bytes of the file. Each character has one or two units of two bytes. The first
/// two bytes of the file (the byte order mark) give the order of the bytes in each unit. Returns the same as [`read_beginning`].
fn read_utf16(
    path: &Path,
    file: impl Read,
    is_little_endian: bool,
    max_bytes: u64,
) -> Result<Log, Error> {
    let mut bytes = vec![];
    // One byte more than `max_bytes` is read, to see whether the file is longer than `max_bytes`.
    let mut file = file.take(max_bytes.saturating_add(1));
    file.read_to_end(&mut bytes).map_err(Error::io(path))?;
    let is_complete = bytes.len() as u64 <= max_bytes;
    if !is_complete {
        // Only whole pairs of bytes are kept.
        bytes.truncate(max_bytes as usize / 2 * 2);
    }
    // The first pair is the byte order mark.
    let units = bytes.chunks_exact(2).skip(1).map(|pair| {
        let pair = [pair[0], pair[1]];
        match is_little_endian {
            true => u16::from_le_bytes(pair),
            false => u16::from_be_bytes(pair),
        }
    });
    let mut units: Vec<u16> = units.collect();
    if !is_complete {
        // If the last unit is the first of a character's two units (0xd800 to 0xdbff), it is removed: the second unit was not read.
        units.pop_if(|unit| (0xd800..0xdc00).contains(unit));
    }
    let text = String::from_utf16(&units);
    let has_whole_pairs = bytes.len() % 2 == 0;
    let text = text.ok().filter(|_| has_whole_pairs).ok_or_else(|| {
        let problem = "the text is neither UTF-8 nor UTF-16; convert the file to UTF-8, for example with iconv";
        Error::import(path, None, problem.to_owned())
    })?;
    let stopped_at = (!is_complete).then(|| text.matches('\n').count() as u64 + 1);
    Ok(Log {
        text,
        utf16: Some(bytes),
        stopped_at,
    })
}

/// Describes the problem with a line that is not UTF-8.
fn not_utf8_problem(line: &[u8]) -> String {
    // The first bytes of packed files.
    let packed = [
        (&[0x1f, 0x8b][..], "gzip"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"PK\x03\x04", "zip"),
    ];
    match packed.iter().find(|(magic, _)| line.starts_with(magic)) {
        Some((_, name)) => format!("the file is packed by {name}; unpack it first"),
        None => {
            "the text is not UTF-8; convert the file to UTF-8, for example with iconv".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The dataset records the length and the checksum of the file, and not those of its text in UTF-8.
    #[test]
    fn the_bytes_of_a_log_are_those_of_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vm.log");
        let utf16 = "\u{feff}tick 1\n".encode_utf16();
        let utf16: Vec<u8> = utf16.flat_map(u16::to_be_bytes).collect();
        for bytes in [&utf16[..], b"tick 1\n"] {
            fs::write(&path, bytes).expect("written");
            let log = read(&path, u64::MAX).expect("a log");
            assert_eq!((log.text.as_str(), log.file_bytes()), ("tick 1\n", bytes));
        }
    }

    /// The text is `a`, a line feed and a clock face. In UTF-16 the clock face has two units of two bytes, and the file has 10 bytes (the
    /// first two are the byte order mark). With a limit of 9 bytes, only one unit of the clock face is whole, so the clock face is left out.
    ///
    /// In UTF-8 the text is written with a line feed at its end. This file has 7 bytes: 2 in the first line and 5 in the second. A limit of
    /// 5 bytes leaves out the second line.
    #[test]
    fn the_beginning_of_a_file_has_whole_characters() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vm.log");
        let units = "\u{feff}a\n\u{1f552}".encode_utf16();
        fs::write(&path, units.flat_map(u16::to_le_bytes).collect::<Vec<_>>()).expect("written");
        let beginning = |max_bytes| {
            let log = read_beginning(&path, max_bytes).expect("a text");
            (log.text, log.stopped_at)
        };
        assert_eq!(beginning(9), ("a\n".to_owned(), Some(2)));
        assert_eq!(beginning(10), ("a\n\u{1f552}".to_owned(), None));
        // The line has `MAX_LINE_BYTES + 4` bytes, four in each character. Only `MAX_LINE_BYTES + 1` bytes are read, so only one byte of
        // the last character. The error must say that the line is too long, not that the text is not UTF-8.
        fs::write(&path, "\u{1f552}".repeat(MAX_LINE_BYTES as usize / 4 + 1)).expect("written");
        let error = read_beginning(&path, u64::MAX).expect_err("a long line");
        assert!(
            error.to_string().contains("the line has more than"),
            "{error}"
        );
        fs::write(&path, "a\n\u{1f552}\n").expect("written");
        assert_eq!(beginning(5), ("a\n".to_owned(), Some(2)));
        assert_eq!(beginning(7), ("a\n\u{1f552}\n".to_owned(), None));
    }
}
