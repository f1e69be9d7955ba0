//! The part of `dataset.json` about logs that another program wrote.

use serde::{Deserialize, Serialize};

use super::events::MissingFields;

/// The engine in the journal of imported runs.
pub const IMPORTED: &str = "imported";

/// Origin of imported logs, and what is known of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// The files.
    pub files: Vec<ImportedFile>,
    /// Which cells of their rows may be empty.
    #[serde(alias = "lacks")]
    pub missing_fields: MissingFields,
    /// Which facts were not given but estimated from the logs.
    pub assumed: Assumed,
}

/// A file that was imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// Its path, as the user gave it.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The first 16 hexadecimal digits of the BLAKE3 hash of its bytes.
    pub checksum: String,
}

/// Facts that were estimated from the logs, so the logs cannot be checked against them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumed {
    /// The ticks: every row counts as one.
    pub ticks: bool,
    /// The rates: the measured ones, rounded.
    pub rates: bool,
    /// The probability of an internal event: the measured share, rounded.
    pub internal: bool,
    /// The timestamp that a message carries: as the stamp rule says.
    pub send_stamps: bool,
    /// The send of a received message: the sender's event with the same timestamp.
    pub sent_ticks: bool,
}
