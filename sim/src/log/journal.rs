//! A row of `runs.csv`, the journal.

use std::io::Read;
use std::path::Path;

use csv::{QuoteStyle, StringRecord};
use serde::{Deserialize, Serialize};

use super::checksum::checksum;
use super::error::DatasetError;
use crate::experiment::Internal;

/// How an attempted run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every machine did every tick and every message arrived: the run counts.
    Ok,
    /// It did not; the row's reason says why. No events are kept.
    Failed,
}

/// A row of the journal, in the order of its columns. Lists stand in one cell, joined by commas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalRow {
    /// The run's place in the plan, from 0.
    pub run: u64,
    /// The run's key: a canonical text of its configuration and repetition.
    pub key: String,
    /// Which repetition of its configuration, from 0.
    pub repetition: u32,
    /// `ok` or `failed`.
    pub outcome: Outcome,
    /// Why it failed; empty if it did not.
    pub reason: String,
    /// `tcp` or `virtual`.
    pub engine: String,
    /// `shared` (many runs in one process) or `process` (each machine in its own).
    pub isolation: String,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// Model seconds observed.
    pub duration_s: f64,
    /// Number of machines.
    pub machines: u32,
    /// Ticks per second of each machine.
    pub rates: String,
    /// Probability that an idle tick is an internal event: a number, or one for each machine joined by commas.
    pub internal: Internal,
    /// `after` or `before`.
    pub stamp: String,
    /// `spread`, `uniform` or `aligned`.
    pub phase: String,
    /// How long messages are under way, in model seconds: a number or a law such as `exponential(0.05)`.
    pub delay_s: String,
    /// What a tick takes from the message queue: `one` message or `all`.
    pub receive: String,
    /// Who may send to whom: `mesh`, `ring`, `star` or `time-keeper`.
    pub topology: String,
    /// To whom a send goes: `mix`, `unicast`, `broadcast` or `multicast(2)`.
    pub sends: String,
    /// Which connections messages take over TCP: `persistent` or `per-message`.
    pub connection: String,
    /// Unix time of the run's start; 0 in the virtual engine.
    pub started_at_ns: u64,
    /// Each machine's first tick, model nanoseconds after the start.
    pub phases_ns: String,
    /// Wall microseconds between the closest ticks of two machines: what lateness and latency must stay below.
    pub margin_us: f64,
    /// Median lateness: when an event happened - when its tick was due, wall microseconds.
    pub lateness_p50_us: f64,
    /// Its 99th percentile.
    pub lateness_p99_us: f64,
    /// Its maximum.
    pub lateness_max_us: f64,
    /// Median latency: when a message was queued - when the event that sent it happened, wall microseconds.
    pub latency_p50_us: f64,
    /// Its 99th percentile.
    pub latency_p99_us: f64,
    /// Its maximum.
    pub latency_max_us: f64,
    /// Whether maximum lateness and maximum latency together stayed below the margin.
    pub punctual: bool,
    /// Whether every message was queued between the ticks, and in the order, that the schedule says: then every event is the one
    /// that the seed says.
    pub in_order: bool,
    /// Connections turned away because they were none of the run's.
    pub strangers: u32,
    /// Version of the simulator that ran it.
    pub tool_version: String,
    /// Rows in the event log.
    pub events: u64,
    /// Number of the segment that holds them.
    pub segment: u32,
    /// Byte in the segment at which they start.
    pub offset: u64,
    /// Their length in bytes.
    pub bytes: u64,
    /// BLAKE3 of those bytes: the first 16 hexadecimal digits.
    pub checksum: String,
    /// The same of this row's other cells, joined by line feeds. Filled in by the writer.
    pub row_checksum: String,
    /// Which of the dataset's parts the row stands in. No column.
    #[serde(skip)]
    pub part: usize,
}

impl JournalRow {
    /// Whether the run counts.
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }
}

/// The part of a journal's text that is whole: up to its last newline. The rest is a row that a crash tore.
pub(super) fn whole_rows(text: &[u8]) -> &[u8] {
    let length = text
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |last| last + 1);
    &text[..length]
}

/// Stands in no cell.
const BETWEEN_CELLS: u8 = 0x1f;
/// Bytes of a row, about.
const ROW_BYTES: usize = 1024;

/// The columns of `runs.csv`, in order: the fields of [`JournalRow`].
#[rustfmt::skip]
const COLUMNS: [&str; 38] = [
    "run", "key", "repetition", "outcome", "reason", "engine", "isolation", "time_scale", "duration_s", "machines",
    "rates", "internal", "stamp", "phase", "delay_s", "receive", "topology", "sends", "connection", "started_at_ns",
    "phases_ns", "margin_us", "lateness_p50_us", "lateness_p99_us", "lateness_max_us", "latency_p50_us",
    "latency_p99_us", "latency_max_us", "punctual", "in_order", "strangers", "tool_version", "events", "segment",
    "offset", "bytes", "checksum", "row_checksum",
];

/// The header line, with its newline. It is on the disk before any event is: a journal without it was lost, not cut short.
pub(super) fn header() -> String {
    COLUMNS.join(",") + "\n"
}

/// Appends a row to `buffer`.
pub(super) fn write_row(buffer: &mut Vec<u8>, row: &JournalRow) -> csv::Result<()> {
    let mut plain = vec![];
    csv::WriterBuilder::new()
        .has_headers(false)
        .quote_style(QuoteStyle::Never)
        .delimiter(BETWEEN_CELLS)
        .buffer_capacity(ROW_BYTES)
        .from_writer(&mut plain)
        .serialize(row)?;
    let plain = String::from_utf8_lossy(&plain);
    let cells: StringRecord = plain
        .strip_suffix('\n')
        .unwrap_or(&plain)
        .split(char::from(BETWEEN_CELLS))
        .collect();
    let mut writer = csv::WriterBuilder::new()
        .buffer_capacity(ROW_BYTES)
        .from_writer(buffer);
    writer.write_record(&sealed(&cells))?;
    writer.flush()?;
    Ok(())
}

/// A row with the checksum that it should have in its last cell.
fn sealed(record: &StringRecord) -> StringRecord {
    let cells: Vec<&str> = record.iter().take(record.len().saturating_sub(1)).collect();
    let seal = checksum(cells.join("\n").as_bytes());
    cells.into_iter().chain([seal.as_str()]).collect()
}

/// The text of a journal whose rows were edited, each with the checksum that it should have: for tools that mend journals.
///
/// # Errors
///
/// What is wrong with the text as CSV.
pub fn seal_journal(text: &str) -> csv::Result<String> {
    let mut records = csv::Reader::from_reader(text.as_bytes());
    let mut buffer = vec![];
    let mut writer = csv::Writer::from_writer(&mut buffer);
    writer.write_record(records.headers()?)?;
    for record in records.records() {
        writer.write_record(&sealed(&record?))?;
    }
    writer.flush()?;
    drop(writer);
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}

/// Reads whole rows, header first, from the text of the journal at `path`.
pub(super) fn read_rows(
    path: &Path,
    text: impl Read,
) -> Result<impl Iterator<Item = Result<JournalRow, DatasetError>>, DatasetError> {
    let damaged = |cause| DatasetError::Journal {
        path: path.to_owned(),
        cause,
    };
    let mut reader = csv::Reader::from_reader(text);
    let headers = reader.headers().map_err(damaged)?.clone();
    Ok(reader.into_records().map(move |record| {
        let record = record.map_err(damaged)?;
        let row = record.deserialize(Some(&headers)).map_err(damaged)?;
        if record != sealed(&record) {
            return Err(DatasetError::ChangedRow {
                path: path.to_owned(),
                line: record.position().map_or(0, csv::Position::line),
            });
        }
        Ok(row)
    }))
}
