//! The part of `dataset.json` about logs that another program wrote.

use serde::{Deserialize, Serialize};

use super::events::{MissingFields, is_false};

/// The value of the columns `engine` and `isolation` in the journal (`runs.csv`) for imported runs.
pub const IMPORTED: &str = "imported";

/// The origin of imported logs, and what is known about them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// The files from which the logs were read.
    pub files: Vec<ImportedFile>,
    /// Which columns of the events may have empty cells, because the imported files did not have the values.
    // Older datasets have this field under the name `lacks`.
    #[serde(alias = "lacks")]
    pub missing_fields: MissingFields,
    /// Which facts were not given but estimated from the logs.
    pub assumed: Assumed,
    /// Whether the user gave the rule by which senders choose recipients: the parameter `sends`, such as `broadcast`. If not, the audit
    /// cannot check how often each recipient was chosen.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sends_given: bool,
    /// The parts of the log that are missing or not usable in some of the runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmeasured: Vec<Unmeasured>,
    /// The first 16 hexadecimal digits of the BLAKE3 hash of `sources.csv`, which says from which line each event was read. `None`
    /// if the dataset has no such file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<String>,
}

/// A part of the log that is missing or not usable in some runs, and why. In these runs, the measures that need the part are not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmeasured {
    /// The part.
    pub about: UnmeasuredPart,
    /// The numbers of the runs in which the part is missing or not usable, in ascending order.
    pub runs: Vec<u64>,
    /// The reason, as a part of a sentence.
    pub reason: String,
}

/// A part of a log that some measures need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnmeasuredPart {
    /// Queue lengths after events.
    QueueLengths,
    /// How many messages had been sent to a machine until a given time. This follows from the recipients and times of all sends.
    Arrivals,
    /// Which send belongs to each receive.
    Messages,
    /// Times of events on one scale for all machines. Only such times can be compared between machines.
    SharedTime,
}

/// A file that was imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// The path of the file, as the user gave it.
    pub path: String,
    /// The length of the file in bytes.
    pub bytes: u64,
    /// The first 16 hexadecimal digits of the BLAKE3 hash of its bytes.
    pub checksum: String,
}

/// Which facts were estimated from the logs. A field is true if its fact was estimated. Such a fact was made to
/// agree with the logs, so it would be useless to check the logs against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumed {
    /// The ticks: every row counts as one tick.
    pub ticks: bool,
    /// The rates: measured in the logs, and rounded.
    pub rates: bool,
    /// The probability of an internal event: the share measured in the logs, rounded.
    pub internal: bool,
    /// The timestamps of sent messages: computed from the sender's clock. The parameter `stamp` says whether a message carries the
    /// clock after the send or before it.
    pub send_stamps: bool,
    /// The tick at which a received message was sent: the tick of the send with the same sender and the same timestamp.
    pub sent_ticks: bool,
    /// Queue lengths of internal events and sends: 0, because a machine has such events only while its queue is empty.
    #[serde(default, skip_serializing_if = "is_false")]
    pub idle_queues: bool,
    /// Queue lengths of receives: the number of messages that had been sent to the machine and not received yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recounted_queues: bool,
}

impl Imported {
    /// Returns whether measures that need `part` are known in run number `run`.
    pub fn can_measure(&self, part: UnmeasuredPart, run: u64) -> bool {
        let is_about_part = |unmeasured: &&Unmeasured| unmeasured.about == part;
        let mut entries = self.unmeasured.iter().filter(is_about_part);
        !entries.any(|unmeasured| unmeasured.runs.binary_search(&run).is_ok())
    }
}
