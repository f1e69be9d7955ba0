//! A checksum within a Parquet file: whether its bytes are those that were written.
//!
//! A Parquet file ends with its footer, the length of the footer (four bytes, the lowest first) and `PAR1`. Readers find everything
//! else by the footer. The checksum, BLAKE3, stands right before the footer, where no reader looks: a sealed file is a Parquet file
//! like any other. It covers every other byte of the file, and a text on what the file is about: a file that was given another's
//! name is not taken for it.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// What ends a Parquet file.
const MAGIC: &[u8] = b"PAR1";
/// Bytes behind the footer: its length, and [`MAGIC`].
const TAIL: usize = 4 + MAGIC.len();

/// Writes the checksum into the Parquet file at `path`, which nobody else writes.
///
/// # Errors
///
/// If it cannot be read or written, or is no Parquet file.
pub(crate) fn seal(path: &Path, about: &str) -> io::Result<()> {
    let bytes = fs::read(path)?;
    let footer = footer_at(&bytes).ok_or(io::ErrorKind::InvalidData)?;
    let (data, footer_bytes) = bytes.split_at(footer);
    let checksum = checksum(about, data, footer_bytes);
    let mut file = File::options().write(true).open(path)?;
    file.seek(SeekFrom::Start(footer as u64))?;
    file.write_all(checksum.as_bytes())?;
    file.write_all(footer_bytes)
}

/// Whether `bytes` are those of a file that was sealed to be about `about`.
pub(crate) fn is_whole(bytes: &[u8], about: &str) -> bool {
    let parts = footer_at(bytes).and_then(|footer| {
        let (before, footer) = bytes.split_at(footer);
        let (data, told) = before.split_last_chunk::<{ blake3::OUT_LEN }>()?;
        Some((data, told, footer))
    });
    parts.is_some_and(|(data, told, footer)| {
        checksum(about, data, footer) == blake3::Hash::from_bytes(*told)
    })
}

/// Where the footer begins; none if the bytes do not end as a Parquet file does.
fn footer_at(bytes: &[u8]) -> Option<usize> {
    let (before, tail) = bytes.split_last_chunk::<TAIL>()?;
    let (length, magic) = tail.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let footer = before.len().checked_sub(length)?;
    (magic == MAGIC).then_some(footer)
}

fn checksum(about: &str, data: &[u8], footer: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    // The lengths first: no byte can move from one part to the next.
    hasher.update(&(about.len() as u64).to_le_bytes());
    hasher.update(&(data.len() as u64).to_le_bytes());
    hasher.update(about.as_bytes());
    hasher.update(data);
    hasher.update(footer);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// No reader of Parquet could do anything with it, but it ends as such a file does.
    const PARQUET: &[u8] = b"PAR1data data data\x06\x00\x00\x00PAR1";

    fn sealed(about: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        fs::write(&path, PARQUET).unwrap();
        seal(&path, about).unwrap();
        fs::read(path).unwrap()
    }

    #[test]
    fn no_bit_can_change() {
        let whole = sealed("a");
        assert_eq!(whole.len(), PARQUET.len() + blake3::OUT_LEN);
        assert!(is_whole(&whole, "a") && !is_whole(&whole, "b"));
        for bit in 0..8 * whole.len() {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_whole(&changed, "a"), "bit {bit}");
        }
        for length in 0..whole.len() {
            assert!(!is_whole(&whole[..length], "a"), "{length} bytes");
        }
    }

    #[test]
    fn what_was_never_sealed_is_not_whole() {
        assert!(!is_whole(PARQUET, ""));
        assert!(!is_whole(b"", ""));
    }

    #[test]
    fn only_parquet_files_are_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        fs::write(&path, "no Parquet file").unwrap();
        assert!(seal(&path, "a").is_err());
    }
}
