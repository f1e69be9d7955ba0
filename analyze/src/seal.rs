//! A checksum inside a Parquet file, which shows whether any byte of the file has changed.
//!
//! A Parquet file ends with three parts: its footer, the footer's length (four bytes, little-endian), and the letters `PAR1`. Readers find
//! everything else through the footer. The checksum (BLAKE3) is written directly before the footer. Readers do not use the
//! bytes of the checksum, so they can read such a file like any other. The checksum covers all other bytes of the file, and also a text
//! that says what the file contains, such as `a part of the events`. This text is not in the file: `is_unchanged` is
//! called with the text that is expected. So a file that was sealed with another text is detected too.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// The last four bytes of every Parquet file.
const MAGIC: &[u8] = b"PAR1";
/// Number of bytes after the footer: four bytes for the footer's length, and [`MAGIC`].
const TAIL: usize = 4 + MAGIC.len();

/// Writes the checksum into the Parquet file at `path`. `about` says what the file contains. No other process may write the file at
/// the same time.
///
/// # Errors
///
/// If the file cannot be read or written, or is not a Parquet file.
pub(crate) fn seal(path: &Path, about: &str) -> io::Result<()> {
    let bytes = fs::read(path)?;
    let footer_start = find_footer(&bytes).ok_or(io::ErrorKind::InvalidData)?;
    let (data, footer_and_tail) = bytes.split_at(footer_start);
    let checksum = checksum(about, data, footer_and_tail);
    // The checksum is written where the footer began. So everything from the footer on is written again, behind the checksum.
    let mut file = File::options().write(true).open(path)?;
    file.seek(SeekFrom::Start(footer_start as u64))?;
    file.write_all(checksum.as_bytes())?;
    file.write_all(footer_and_tail)
}

/// Tells whether `bytes` are those of a file that was sealed with the same text `about` and has not changed since.
pub(crate) fn is_unchanged(bytes: &[u8], about: &str) -> bool {
    let parts = find_footer(bytes).and_then(|footer_start| {
        let (before, footer_and_tail) = bytes.split_at(footer_start);
        let (data, stored) = before.split_last_chunk::<{ blake3::OUT_LEN }>()?;
        Some((data, stored, footer_and_tail))
    });
    parts.is_some_and(|(data, stored, footer_and_tail)| {
        checksum(about, data, footer_and_tail) == blake3::Hash::from_bytes(*stored)
    })
}

/// The index of the footer's first byte, or `None` if the bytes do not end like a Parquet file.
fn find_footer(bytes: &[u8]) -> Option<usize> {
    let (before, tail) = bytes.split_last_chunk::<TAIL>()?;
    let (length, magic) = tail.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let footer_start = before.len().checked_sub(length)?;
    (magic == MAGIC).then_some(footer_start)
}

/// The checksum of a file that has the bytes `data` before its footer. `footer_and_tail` is everything from the footer's first byte to the
/// end of the file. `about` says what the file contains.
fn checksum(about: &str, data: &[u8], footer_and_tail: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    // The lengths are hashed first. Otherwise `about` "ab" with `data` "c" would have the same checksum as `about` "a" with `data` "bc".
    hasher.update(&(about.len() as u64).to_le_bytes());
    hasher.update(&(data.len() as u64).to_le_bytes());
    hasher.update(about.as_bytes());
    hasher.update(data);
    hasher.update(footer_and_tail);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Bytes that end like a Parquet file with a footer of 6 bytes, but are not a valid Parquet file.
    const PARQUET: &[u8] = b"PAR1data data data\x06\x00\x00\x00PAR1";

    fn sealed(about: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        fs::write(&path, PARQUET).unwrap();
        seal(&path, about).unwrap();
        fs::read(path).unwrap()
    }

    #[test]
    fn a_changed_bit_and_a_missing_end_are_found() {
        let whole = sealed("a");
        assert_eq!(whole.len(), PARQUET.len() + blake3::OUT_LEN);
        assert!(is_unchanged(&whole, "a") && !is_unchanged(&whole, "b"));
        for bit in 0..8 * whole.len() {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_unchanged(&changed, "a"), "bit {bit}");
        }
        for length in 0..whole.len() {
            assert!(!is_unchanged(&whole[..length], "a"), "{length} bytes");
        }
    }

    #[test]
    fn a_file_without_checksum_is_not_accepted() {
        assert!(!is_unchanged(PARQUET, ""));
        assert!(!is_unchanged(b"", ""));
    }

    #[test]
    fn only_parquet_files_are_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        fs::write(&path, "no Parquet file").unwrap();
        assert!(seal(&path, "a").is_err());
    }
}
