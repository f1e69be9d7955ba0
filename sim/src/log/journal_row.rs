//! A row of `runs.csv`: what is known of an attempted run.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::experiment::Configuration;

/// Larger than any file of a dataset: 2^48 bytes, 281 TB.
const MOST_BYTES: u64 = 1 << 48;
/// A larger number than any segment has: so many would hold as much.
const MOST_SEGMENT: u32 = 1 << 20;
/// The length of the shortest row of events, such as `0,0,0,send,0,0,0,,,` and a line feed.
const FEWEST_ROW_BYTES: u64 = 20;

/// How an attempted run ended. Its text is `ok` or `failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Every machine did every tick and every message arrived: the run counts.
    Ok,
    /// It did not; the row's reason says why. No events are kept.
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

/// A row of the journal. What its fields mean, and in which units, stands in [`journal_columns`](super::journal_columns).
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
    /// A column for each parameter. Rows that are read share it with those of the same configuration.
    pub configuration: Arc<Configuration>,
    pub started_at_ns: u64,
    /// One for each machine.
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
    /// Filled in by the writer.
    pub row_checksum: String,
    /// Which of the dataset's parts the row stands in. No column.
    pub part: usize,
}

impl JournalRow {
    /// Whether the run counts.
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// Model seconds observed.
    pub fn duration_s(&self) -> f64 {
        self.configuration.duration_s()
    }

    /// Number of machines.
    pub fn machines(&self) -> u32 {
        self.configuration.rates.machines()
    }

    /// What of its numbers cannot be, though each by itself can: the column, and what is wrong. Nobody makes room for anything on the
    /// word of such a row.
    pub(super) fn inconsistency(&self) -> Option<(&'static str, String)> {
        let machines = self.machines();
        let phases = self.phases_ns.len();
        if phases != machines as usize {
            return Some((
                "phases_ns",
                format!("{phases} phases for {machines} machines"),
            ));
        }
        let internal = self.configuration.internal.machines();
        if let Some(probabilities) = internal.filter(|&count| count != machines) {
            return Some((
                "internal",
                format!("{probabilities} probabilities for {machines} machines"),
            ));
        }
        if self.time_scale <= 0.0 {
            return Some(("time_scale", format!("{} is not positive", self.time_scale)));
        }
        for (column, value) in [("run", self.run), ("started_at_ns", self.started_at_ns)] {
            if i64::try_from(value).is_err() {
                return Some((column, format!("{value} exceeds 63 bits")));
            }
        }
        if self.offset > MOST_BYTES || self.bytes > MOST_BYTES || self.segment > MOST_SEGMENT {
            let Self {
                bytes,
                offset,
                segment,
                ..
            } = self;
            return Some((
                "bytes",
                format!(
                    "{bytes} bytes of events from byte {offset} of segment {segment} are more than a dataset holds"
                ),
            ));
        }
        (self.events > self.bytes / FEWEST_ROW_BYTES).then(|| {
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
