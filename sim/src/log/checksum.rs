//! Checksums that show whether bytes have changed since they were written.

/// Returns the first 16 hexadecimal digits of the BLAKE3 hash of `bytes`. The bytes are, for example, the text of a run's events, of a
/// journal row or of an experiment.
pub fn checksum(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}
