//! One row of the journal (`runs.csv`): the facts about one attempted run.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::experiment::Configuration;

/// A limit for positions in files and for lengths, in bytes: 2^48 bytes or 281 TB, more than any dataset has.
const MAX_BYTES: u64 = 1 << 48;
/// The largest number that is accepted for a segment: the `NNNN` of an events file `events-NNNN.csv`. No dataset has so many segments:
/// a full segment has about 256 MiB, so this many full segments have about `MAX_BYTES` bytes together.
const MAX_SEGMENT: u32 = 1 << 20;
/// Length of the shortest possible row of the event log in bytes: `0,0,0,send,0,0,,,0,` and a line feed. `send` is the shortest word for
/// an event. The cells `queue_length` and `peers` before the last 0 are empty in some imported logs. The last cell, `sent_tick`, is empty in
/// every send. A run with `bytes` bytes of rows has at most `bytes / MIN_ROW_BYTES` events.
const MIN_ROW_BYTES: u64 = 20;

/// How an attempted run ended. Its text is `ok` or `failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The run has finished: every machine did every tick, and every message arrived. Tables and measures use only finished runs.
    Ok,
    /// The run failed for the reason in the row. No events are kept. (This is the default, so a new row does not count as finished before
    /// its outcome is set.)
    #[default]
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
        })
    }
}

impl FromStr for Outcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ok" => Ok(Self::Ok),
            "failed" => Ok(Self::Failed),
            _ => Err(format!("`{text}` is neither ok nor failed")),
        }
    }
}

/// A row of the journal. [`journal_columns`](super::journal_columns) describes its fields and their units.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct JournalRow {
    pub run: u64,
    pub key: String,
    pub repetition: u32,
    pub outcome: Outcome,
    pub reason: String,
    pub engine: String,
    pub isolation: String,
    pub time_scale: f64,
    /// The values of all parameters. In the file, each parameter has a column. Rows with the same configuration share one `Configuration`
    /// in memory.
    pub configuration: Arc<Configuration>,
    pub started_at_ns: u64,
    /// For each machine, the time from the run's start to the machine's first tick.
    pub phases_ns: Vec<u64>,
    pub margin_us: f64,
    pub lateness_p50_us: f64,
    pub lateness_p99_us: f64,
    pub lateness_max_us: f64,
    pub latency_p50_us: f64,
    pub latency_p99_us: f64,
    pub latency_max_us: f64,
    pub punctual: bool,
    pub as_scheduled: bool,
    pub rejected_connections: u32,
    pub tool_version: String,
    pub events: u64,
    pub segment: u32,
    pub offset: u64,
    pub bytes: u64,
    pub checksum: String,
    /// The checksum that the journal had for this row when the row was read. Writing a row ignores this field and calculates the
    /// checksum anew.
    pub row_checksum: String,
    /// Which part (shard) of the dataset the row is in: an index from 0. It is not a column.
    pub part: usize,
}

impl JournalRow {
    /// Returns whether the run has finished.
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// Returns the length of the run in model seconds.
    pub fn duration_s(&self) -> f64 {
        self.configuration.duration_s()
    }

    /// Returns the number of machines.
    pub fn machines(&self) -> u32 {
        self.configuration.rates.machines()
    }

    /// Returns the column and the problem if the row's numbers contradict each other or are impossible. With this check, a wrong row is
    /// refused before memory is reserved for its events.
    pub(super) fn inconsistency(&self) -> Option<(&'static str, String)> {
        let machines = self.machines();
        let phases = self.phases_ns.len();
        if phases != machines as usize {
            return Some((
                "phases_ns",
                format!("{phases} phases for {machines} machines"),
            ));
        }
        // The length of the list of probabilities. `None` if there is a single probability for all machines.
        let list_length = self.configuration.internal.list_length();
        if let Some(probabilities) = list_length.filter(|&count| count != machines) {
            return Some((
                "internal",
                format!("{probabilities} probabilities for {machines} machines"),
            ));
        }
        if self.time_scale <= 0.0 {
            return Some(("time_scale", format!("{} is not positive", self.time_scale)));
        }
        // Tables hold these two numbers as `i64`, which has one bit for the sign and 63 bits for the number.
        for (column, value) in [("run", self.run), ("started_at_ns", self.started_at_ns)] {
            if i64::try_from(value).is_err() {
                return Some((column, format!("{value} exceeds 63 bits")));
            }
        }
        if self.offset > MAX_BYTES || self.bytes > MAX_BYTES || self.segment > MAX_SEGMENT {
            let Self {
                bytes,
                offset,
                segment,
                ..
            } = self;
            // Whichever of the three numbers is too large, the message shows all of them.
            return Some((
                "bytes",
                format!(
                    "{bytes} bytes of events from byte {offset} of segment {segment} are more than a dataset holds"
                ),
            ));
        }
        (self.events > self.bytes / MIN_ROW_BYTES).then(|| {
            (
                "events",
                format!(
                    "{} events do not fit into {} bytes",
                    self.events, self.bytes
                ),
            )
        })
    }
}
