//! What tells whether bytes are those that were written.

/// The checksum of a run's events, of a journal row, of an experiment: the first 16 hexadecimal digits of BLAKE3.
pub fn checksum(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}
