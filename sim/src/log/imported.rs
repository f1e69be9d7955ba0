//! What `dataset.json` says of logs that another implementation wrote.

use serde::{Deserialize, Serialize};

use super::events::MissingFields;

/// What such a dataset's journal has for its engine.
pub const IMPORTED: &str = "imported";

/// Where imported logs come from, and what is known of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// The files.
    pub files: Vec<ImportedFile>,
    /// What their rows do not say.
    #[serde(alias = "lacks")]
    pub missing_fields: MissingFields,
    /// What nobody said, and was taken from the logs.
    pub assumed: Assumed,
}

/// A file that was imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// Its path, as it was given.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of its bytes: the first 16 hexadecimal digits.
    pub checksum: String,
}

/// What was taken from the logs themselves, so that they cannot be checked against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumed {
    /// Ticks: every row is one.
    pub ticks: bool,
    /// Rates: those measured, rounded.
    pub rates: bool,
    /// The probability of an internal event: the share measured, rounded.
    pub internal: bool,
    /// What messages carry: as the stamp rule has it.
    pub send_stamps: bool,
    /// Which send a receive belongs to: the sender's with that stamp.
    pub sent_ticks: bool,
}
