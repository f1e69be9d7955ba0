//! A row of `runs.csv`, the journal.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::path::Path;

use csv::{QuoteStyle, StringRecord};
use serde::{Deserialize, Serialize};

use super::checksum::checksum;
use super::error::DatasetError;
use crate::experiment::{Internal, Rates};

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

    /// What no run can be, and would make a reader ask for memory or files without bounds; nothing for a row that a writer wrote.
    fn problem(&self) -> Option<String> {
        let Self {
            machines,
            events,
            segment,
            offset,
            bytes,
            ..
        } = *self;
        if machines == 0 || machines as usize > Rates::MAX_MACHINES {
            let most = Rates::MAX_MACHINES;
            return Some(format!(
                "a run has from 1 to {most} machines, and not {machines}"
            ));
        }
        if offset > MOST_BYTES || bytes > MOST_BYTES || segment > MOST_SEGMENT {
            return Some(format!(
                "{bytes} bytes of events from byte {offset} of segment {segment} are more than a dataset holds"
            ));
        }
        (events > bytes / FEWEST_ROW_BYTES)
            .then(|| format!("{events} events do not fit into {bytes} bytes"))
    }
}

/// Opens the journal at `path` as far as it is whole: up to its last newline. The rest is a row that a crash tore, or that is being
/// written. Nothing if there is no journal.
pub(super) fn open_whole_rows(path: &Path) -> Result<Option<Take<File>>, DatasetError> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(DatasetError::io(path))?,
    };
    let whole_bytes = whole_bytes(&mut file).map_err(DatasetError::io(path))?;
    file.rewind().map_err(DatasetError::io(path))?;
    Ok(Some(file.take(whole_bytes)))
}

/// The length up to the last newline.
fn whole_bytes(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = [0; BLOCK_BYTES as usize];
    while end > 0 {
        let start = end.saturating_sub(BLOCK_BYTES);
        let block = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        if let Some(newline) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// How much is read at once when looking for the last newline.
const BLOCK_BYTES: u64 = 4096;
/// Larger than any file of a dataset: 2^48 bytes, 281 TB.
const MOST_BYTES: u64 = 1 << 48;
/// A larger number than any segment has: so many would hold as much.
const MOST_SEGMENT: u32 = 1 << 20;
/// The length of the shortest row of events, such as `0,0,0,send,0,0,0,,,` and a line feed.
const FEWEST_ROW_BYTES: u64 = 20;
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
        let row: JournalRow = record.deserialize(Some(&headers)).map_err(damaged)?;
        let line = record.position().map_or(0, csv::Position::line);
        let path = || path.to_owned();
        if record != sealed(&record) {
            return Err(DatasetError::ChangedRow { path: path(), line });
        }
        match row.problem() {
            Some(problem) => Err(DatasetError::InconsistentRow {
                path: path(),
                line,
                problem,
            }),
            None => Ok(row),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn whole_rows_end_with_the_last_newline() {
        for (text, whole) in [("", 0), ("torn", 0), ("a\n", 2), ("a\nb\nto", 4), ("\n", 1)] {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(text.as_bytes()).expect("written");
            assert_eq!(whole_bytes(&mut file).expect("read"), whole, "{text:?}");
        }
        let mut file = tempfile::tempfile().expect("a file");
        let torn = "x".repeat(3 * BLOCK_BYTES as usize + 7);
        file.write_all(format!("row\n{torn}").as_bytes())
            .expect("written");
        assert_eq!(whole_bytes(&mut file).expect("read"), 4);
    }
}
