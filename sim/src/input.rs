//! Reading files that people hand to the programs: bounded, whatever the path leads to.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a text file of at most `most_bytes` bytes. Pipes and `/dev/stdin` are read like files; `/dev/zero`, which has no end, or a
/// file of many gigabytes costs no more memory than `most_bytes`.
///
/// # Errors
///
/// What the system says; [`io::ErrorKind::FileTooLarge`] if there is more; [`io::ErrorKind::InvalidData`] if it is not UTF-8, with
/// the number of the line.
pub fn read_text(path: &Path, most_bytes: u64) -> io::Result<String> {
    let mut bytes = vec![];
    File::open(path)?
        .take(most_bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most_bytes {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("has more than {most_bytes} bytes: not a file of this kind"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_refused() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "five\n").expect("it is written");
        assert_eq!(read_text(file.path(), 5).expect("it fits"), "five\n");
        let error = read_text(file.path(), 4).expect_err("it does not fit");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_is_no_text_is_named_by_its_line() {
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
