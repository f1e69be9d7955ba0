//! The part of `dataset.json` about logs that another program wrote.

use serde::{Deserialize, Serialize};

use super::events::{MissingFields, is_false};

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
    /// Whether somebody said how recipients are drawn; otherwise the shares of recipients prove nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sends_given: bool,
    /// What cannot be measured in some of the runs, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmeasured: Vec<Unmeasured>,
    /// BLAKE3 of `sources.csv`, which says where each event stands in the files: the first 16 hexadecimal digits. None in datasets
    /// that have no such file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<String>,
}

/// What cannot be measured in some runs, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmeasured {
    /// What.
    pub about: UnmeasuredPart,
    /// In which runs.
    pub runs: Vec<u64>,
    /// Why not, as a clause.
    pub reason: String,
}

/// A part of a log that measures need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnmeasuredPart {
    /// Queue lengths after events.
    QueueLengths,
    /// Which messages were sent to whom, and when.
    Arrivals,
    /// Which send a receive belongs to.
    Messages,
    /// Times of different machines on one scale.
    SharedTime,
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
    /// Queue lengths of internal events and sends: 0, because an idle tick finds an empty queue.
    #[serde(default, skip_serializing_if = "is_false")]
    pub idle_queues: bool,
    /// Queue lengths of receives: what had been sent to the machine and was not received yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recounted_queues: bool,
}

impl Imported {
    /// Whether `part` is known of `run`.
    pub fn measures(&self, part: UnmeasuredPart, run: u64) -> bool {
        let is_it = |unmeasured: &&Unmeasured| unmeasured.about == part;
        let mut reasons = self.unmeasured.iter().filter(is_it);
        !reasons.any(|unmeasured| unmeasured.runs.binary_search(&run).is_ok())
    }
}
