//! Checksums that show whether bytes have changed since they were written.

/// Returns the checksum of `bytes`, such as the text of a run's events, of a journal row or of an experiment: the first 16 hexadecimal
/// digits of their BLAKE3 hash.
pub fn checksum(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}
