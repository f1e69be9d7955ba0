//! One row of the event log (the files `events-NNNN.csv`): its columns, and how to write and read it.
//!
//! The format is fixed and has only integers and plain words, never a quote. So this code writes and reads it without a general CSV
//! library, several times faster.

use serde::{Deserialize, Serialize};

use super::timestamp_cell::{RowFormat, TIMESTAMP_COLUMN, TimestampCells, write_cell};
use crate::machine::{Event, EventKind, MachineIndex, Message, Recipients};

/// The columns of `events-NNNN.csv`, in order. `message_stamp` is the Lamport timestamp in a message. Some datasets have the column
/// [`TIMESTAMP_COLUMN`] after these columns: it is the event's timestamp of another clock (a vector clock or a hybrid logical clock).
pub const EVENT_COLUMNS: [&str; 10] = [
    "run",
    "machine",
    "tick",
    "event",
    "system_time_ns",
    "logical_clock",
    "queue_length",
    "peers",
    "message_stamp",
    "sent_tick",
];

/// Stands for the sender or the recipients of a message if they are not in the log.
pub const UNKNOWN_MACHINE: MachineIndex = MachineIndex::MAX;
/// Stands for a number that is not in the log.
pub const UNKNOWN: u64 = u64::MAX;

/// Which cells of a log may be empty, because their values are not known. Only imported logs have such cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingFields {
    /// The recipients of a send, in the column `peers`.
    pub recipients: bool,
    /// The sender of a received message, in the column `peers`.
    pub senders: bool,
    /// The Lamport timestamp that a received message carries, in the column `message_stamp`.
    pub stamps: bool,
    /// The number of the sender's tick at which the received message was sent, in the column `sent_tick`.
    pub sent_ticks: bool,
    /// The number of messages in the queue after the event, in the column `queue_length`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub queue_lengths: bool,
}

/// Returns whether `value` is false. A field with `skip_serializing_if = "is_false"` is left out of `dataset.json` if it is false. So the
/// field does not change the checksum (`identity`) of datasets that were made before the field existed.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(super) fn is_false(value: &bool) -> bool {
    !*value
}

/// Every number with at most this many decimal digits fits into 64 bits. A number with one more digit may not fit.
pub(super) const SURE_DIGITS: usize = 19;
/// The error message about a number that is too large for the index of a machine.
pub(super) const TOO_LARGE_MACHINE: &str = "too large for a machine's index";
/// The separator between the recipients in a cell of the column `peers`.
const PEER_SEPARATOR: u8 = b';';
/// The cell of the column `peers` that stands for all machines to which the sender can send.
const ALL_PEERS: &[u8] = b"*";

/// An event and when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Unix time in nanoseconds; in the virtual engine, nanoseconds of model time since the run's start.
    pub system_time_ns: u64,
    /// What happened.
    pub event: Event,
}

/// A row of the event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// The number of the run.
    pub run: u64,
    /// The index of the machine in the run.
    pub machine: MachineIndex,
    /// What happened, and when.
    pub logged: LoggedEvent,
}

/// Why a line of the log cannot be read as a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}, column {column}: {problem}")]
pub struct RowError {
    /// The number of the row. The first row that was parsed has number 1.
    pub row: u64,
    /// Name of the column.
    pub column: &'static str,
    /// What is wrong.
    pub problem: &'static str,
}

/// Returns the header line with its newline. `has_timestamps` says whether there is a column `timestamp`.
pub fn event_header(has_timestamps: bool) -> String {
    let mut columns = EVENT_COLUMNS.to_vec();
    columns.extend(has_timestamps.then_some(TIMESTAMP_COLUMN));
    columns.join(",") + "\n"
}

/// Appends one row to `buffer`. A value that is not known ([`UNKNOWN`] or [`UNKNOWN_MACHINE`]) becomes an empty cell. If the event has a
/// timestamp in addition to its Lamport clock, the row ends with a cell for this timestamp.
pub fn write_row(buffer: &mut Vec<u8>, row: &EventRow) {
    write_machine_rows(
        buffer,
        row.run,
        row.machine,
        std::slice::from_ref(&row.logged),
        row.logged.event.timestamp.is_some(),
    );
}

/// Appends a row for each of `events`, which all belong to one machine of one run. `has_timestamps` says whether the log has a column
/// `timestamp`.
pub fn write_machine_rows(
    buffer: &mut Vec<u8>,
    run: u64,
    machine: MachineIndex,
    events: &[LoggedEvent],
    has_timestamps: bool,
) {
    let start = format!("{run},{machine},");
    for logged in events {
        buffer.extend_from_slice(start.as_bytes());
        write_cells(buffer, logged);
        if has_timestamps {
            // The newline at the end becomes a comma, because one more cell follows.
            if let Some(last) = buffer.last_mut() {
                *last = b',';
            }
            write_cell(buffer, logged.event.timestamp.as_deref());
            buffer.push(b'\n');
        }
    }
}

/// Appends the cells of a row that follow the cells `run` and `machine`, and a newline. The cell `timestamp` is not written.
fn write_cells(buffer: &mut Vec<u8>, logged: &LoggedEvent) {
    let mut digits = itoa::Buffer::new();
    let mut number = |buffer: &mut Vec<u8>, value: u64, end: u8| {
        buffer.extend_from_slice(digits.format(value).as_bytes());
        buffer.push(end);
    };
    let Event {
        tick,
        ref kind,
        logical_clock,
        queue_length,
        timestamp: _,
    } = logged.event;
    number(buffer, tick, b',');
    let name: &[u8] = match kind {
        EventKind::Internal => b"internal,",
        EventKind::Send { .. } => b"send,",
        EventKind::Receive(_) => b"receive,",
    };
    buffer.extend_from_slice(name);
    number(buffer, logged.system_time_ns, b',');
    number(buffer, logical_clock, b',');
    match queue_length {
        UNKNOWN => buffer.push(b','),
        known => number(buffer, known, b','),
    }
    match kind {
        // The cells `peers`, `message_stamp` and `sent_tick` are empty.
        EventKind::Internal => buffer.extend_from_slice(b",,\n"),
        EventKind::Send { recipients, stamp } => {
            match recipients {
                Recipients::One(UNKNOWN_MACHINE) => buffer.push(b','),
                Recipients::One(peer) => number(buffer, u64::from(*peer), b','),
                Recipients::Several(peers) => {
                    for &peer in &peers[..] {
                        number(buffer, u64::from(peer), PEER_SEPARATOR);
                    }
                    // The cell ends with a comma in place of the last separator.
                    if let Some(last) = buffer.last_mut() {
                        *last = b',';
                    }
                }
                Recipients::All => {
                    buffer.extend_from_slice(ALL_PEERS);
                    buffer.push(b',');
                }
            }
            number(buffer, *stamp, b',');
            // The cell `sent_tick` is empty.
            buffer.push(b'\n');
        }
        &EventKind::Receive(Message {
            sender,
            stamp,
            sent_tick,
        }) => {
            let mut number_or_empty = |is_known: bool, value: u64, end: u8| {
                if is_known {
                    number(buffer, value, end);
                } else {
                    buffer.push(end);
                }
            };
            number_or_empty(sender != UNKNOWN_MACHINE, u64::from(sender), b',');
            number_or_empty(stamp != UNKNOWN, stamp, b',');
            number_or_empty(sent_tick != UNKNOWN, sent_tick, b'\n');
        }
    }
}

/// Parses rows in the format of [`write_row`]: no header, and a newline after each row.
///
/// Yields a [`RowError`] for the first damaged row, and nothing after it.
pub fn parse_rows(bytes: &[u8]) -> impl Iterator<Item = Result<EventRow, RowError>> + '_ {
    parse_rows_in(bytes, RowFormat::default())
}

/// Like [`parse_rows`], for rows in the given `format`. The format says which cells may be empty. If such a cell is empty, its value is
/// [`UNKNOWN`], or [`UNKNOWN_MACHINE`] in the column `peers`.
pub fn parse_rows_in(
    bytes: &[u8],
    format: RowFormat,
) -> impl Iterator<Item = Result<EventRow, RowError>> + '_ {
    let mut rest = bytes;
    let mut row = 0;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        row += 1;
        let mut cells = Cells {
            rest,
            missing_fields: format.missing_fields,
            timestamps: format.timestamps,
        };
        let parsed = cells.row().map_err(|(column, problem)| RowError {
            row,
            column,
            problem,
        });
        rest = if parsed.is_ok() { cells.rest } else { &[] };
        Some(parsed)
    })
}

/// The column of a damaged cell, and what is wrong.
pub(super) type CellError = (&'static str, &'static str);

/// Reads rows cell by cell. Most methods have two parameters in common: the name of the column, for error messages, and the byte that must
/// follow the cell.
struct Cells<'a> {
    /// The bytes that are not read yet.
    rest: &'a [u8],
    missing_fields: MissingFields,
    timestamps: TimestampCells,
}

impl<'a> Cells<'a> {
    /// Reads all cells of a row.
    fn row(&mut self) -> Result<EventRow, CellError> {
        let run = self.number("run", b',')?;
        let machine = self.index("machine")?;
        let tick = self.number("tick", b',')?;
        let name = self.cell("event", b',')?;
        let system_time_ns = self.number("system_time_ns", b',')?;
        let logical_clock = self.number("logical_clock", b',')?;
        let queue_length =
            self.number_or_unknown("queue_length", b',', self.missing_fields.queue_lengths)?;
        // The byte after the cell `sent_tick`. This cell is the last one of the row, unless there is a column `timestamp`.
        let end_of_sent_tick = match self.timestamps.has_column() {
            true => b',',
            false => b'\n',
        };
        let kind = match name {
            b"internal" => {
                self.empty("peers", b',')?;
                self.empty("message_stamp", b',')?;
                self.empty("sent_tick", end_of_sent_tick)?;
                EventKind::Internal
            }
            b"send" => {
                let recipients = self.recipients()?;
                let stamp = self.number("message_stamp", b',')?;
                self.empty("sent_tick", end_of_sent_tick)?;
                EventKind::Send { recipients, stamp }
            }
            b"receive" => {
                let sender = self.sender()?;
                let stamp =
                    self.number_or_unknown("message_stamp", b',', self.missing_fields.stamps)?;
                let sent_tick = self.number_or_unknown(
                    "sent_tick",
                    end_of_sent_tick,
                    self.missing_fields.sent_ticks,
                )?;
                EventKind::Receive(Message {
                    sender,
                    stamp,
                    sent_tick,
                })
            }
            _ => return Err(("event", "must be internal, send or receive")),
        };
        let timestamp = match self.timestamps.has_column() {
            true => {
                let cell = self.cell(TIMESTAMP_COLUMN, b'\n')?;
                self.timestamps.parse(cell)?
            }
            false => None,
        };
        let event = Event {
            tick,
            kind,
            logical_clock,
            queue_length,
            timestamp,
        };
        Ok(EventRow {
            run,
            machine,
            logged: LoggedEvent {
                system_time_ns,
                event,
            },
        })
    }

    /// Reads the cell `peers` of a send.
    fn recipients(&mut self) -> Result<Recipients, CellError> {
        let cell = self.cell("peers", b',')?;
        if cell == ALL_PEERS {
            return Ok(Recipients::All);
        }
        if cell.is_empty() && self.missing_fields.recipients {
            return Ok(Recipients::One(UNKNOWN_MACHINE));
        }
        let peer = |text: &[u8]| -> Result<MachineIndex, CellError> {
            digits("peers", text).and_then(|number| machine_index("peers", number))
        };
        if !cell.contains(&PEER_SEPARATOR) {
            return peer(cell).map(Recipients::One);
        }
        let peers: Result<Vec<_>, _> = cell
            .split(|&byte| byte == PEER_SEPARATOR)
            .map(peer)
            .collect();
        let peers = peers?;
        if !peers.is_sorted_by(|a, b| a < b) {
            return Err(("peers", "recipients must be in ascending order"));
        }
        Ok(Recipients::Several(peers.into()))
    }

    /// Reads the cell `peers` of a receive.
    fn sender(&mut self) -> Result<MachineIndex, CellError> {
        if self.missing_fields.senders && self.rest.first() == Some(&b',') {
            self.rest = &self.rest[1..];
            return Ok(UNKNOWN_MACHINE);
        }
        self.index("peers")
    }

    /// Reads the cell of `column` as a number. An empty cell is [`UNKNOWN`] if it `may_be_empty`.
    fn number_or_unknown(
        &mut self,
        column: &'static str,
        end: u8,
        may_be_empty: bool,
    ) -> Result<u64, CellError> {
        if may_be_empty && self.rest.first() == Some(&end) {
            self.rest = &self.rest[1..];
            return Ok(UNKNOWN);
        }
        self.number(column, end)
    }

    /// Reads the cell of `column` as the index of a machine.
    fn index(&mut self, column: &'static str) -> Result<MachineIndex, CellError> {
        let number = self.number(column, b',')?;
        machine_index(column, number)
    }

    /// Reads the cell of `column`, which ends before the byte `end`, as a number.
    fn number(&mut self, column: &'static str, end: u8) -> Result<u64, CellError> {
        // Nearly every cell has from 1 to `SURE_DIGITS` digits and is read by this loop. (The `+ 1` is for the byte `end` after the digits.)
        // All other cells go through the slow path below, which also makes the error messages.
        let mut value = 0;
        for (length, &byte) in self.rest.iter().enumerate().take(SURE_DIGITS + 1) {
            match byte {
                b'0'..=b'9' if length < SURE_DIGITS => value = value * 10 + u64::from(byte - b'0'),
                _ if byte == end && length > 0 => {
                    self.rest = &self.rest[length + 1..];
                    return Ok(value);
                }
                _ => break,
            }
        }
        let cell = self.cell(column, end)?;
        digits(column, cell)
    }

    /// Skips the cell of `column`. It is an error if the cell is not empty.
    fn empty(&mut self, column: &'static str, end: u8) -> Result<(), CellError> {
        if self.rest.first() == Some(&end) {
            self.rest = &self.rest[1..];
            return Ok(());
        }
        match self.cell(column, end)? {
            [] => Ok(()),
            _ => Err((column, "must be empty for this event, but is not")),
        }
    }

    /// Returns the bytes of the cell of `column`, and skips the byte `end` after the cell: a newline after the last cell of a row, a comma
    /// after every other cell.
    fn cell(&mut self, column: &'static str, end: u8) -> Result<&'a [u8], CellError> {
        let Some(length) = self
            .rest
            .iter()
            .position(|&byte| byte == b',' || byte == b'\n')
        else {
            return Err((column, "the row ends in this cell"));
        };
        let (cell, rest) = self.rest.split_at(length);
        if rest[0] != end {
            let problem = if end == b'\n' {
                "the row has too many cells"
            } else {
                "the row ends too early"
            };
            return Err((column, problem));
        }
        self.rest = &rest[1..];
        Ok(cell)
    }
}

/// Converts the number in a cell of `column` to the index of a machine.
fn machine_index(column: &'static str, number: u64) -> Result<MachineIndex, CellError> {
    // The number `UNKNOWN_MACHINE` is not allowed in a cell: only an empty cell stands for an unknown machine.
    match MachineIndex::try_from(number) {
        Ok(index) if index != UNKNOWN_MACHINE => Ok(index),
        _ => Err((column, TOO_LARGE_MACHINE)),
    }
}

/// Converts the digits in a cell of `column` to a number.
pub(super) fn digits(column: &'static str, cell: &[u8]) -> Result<u64, CellError> {
    if cell.is_empty() {
        return Err((column, "must be a number, but is empty"));
    }
    cell.iter().try_fold(0u64, |value, &byte| {
        let digit = match byte {
            b'0'..=b'9' => u64::from(byte - b'0'),
            _ => return Err((column, "not a whole number")),
        };
        value
            .checked_mul(10)
            .and_then(|value| value.checked_add(digit))
            .ok_or((column, "the number is too large"))
    })
}

#[cfg(test)]
mod tests;
