//! A row of the event log: its columns, written and read back.
//!
//! The format is fixed and holds only integers and plain words, never a quote, so both directions are written by hand and run
//! several times faster than a general CSV library.

use serde::{Deserialize, Serialize};

use crate::machine::{Event, EventKind, MachineIndex, Message, Recipients};

/// The columns of `events-NNNN.csv`, in order.
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

/// Stands for a machine that the log does not name.
pub const UNKNOWN_MACHINE: MachineIndex = MachineIndex::MAX;
/// Stands for a number that the log does not have.
pub const UNKNOWN: u64 = u64::MAX;

/// What the rows of a log need not say: the cells that may be empty. Nothing, unless the log was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingFields {
    /// To whom a send goes: its peers.
    pub recipients: bool,
    /// Whose message a receive takes: its peer.
    pub senders: bool,
    /// The timestamp that a received message carries.
    pub stamps: bool,
    /// The number of the sender's tick at which the received message was sent.
    pub sent_ticks: bool,
    /// How many messages wait after the event.
    #[serde(default, skip_serializing_if = "is_false")]
    pub queue_lengths: bool,
}

/// Fields that not every dataset has are left out where they say nothing: the identity of datasets made before stays.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(super) fn is_false(value: &bool) -> bool {
    !*value
}

/// A number of so many digits fits into 64 bits.
const SURE_DIGITS: usize = 19;
/// Separates the peers of one cell.
const PEER_SEPARATOR: u8 = b';';
/// Stands for all neighbours of the sender.
const ALL_PEERS: &[u8] = b"*";

/// An event and when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Unix time in nanoseconds; virtual nanoseconds since the epoch in the virtual engine.
    pub system_time_ns: u64,
    /// What happened.
    pub event: Event,
}

/// A row of the event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// The run's place in the plan.
    pub run: u64,
    /// The machine within the run.
    pub machine: MachineIndex,
    /// What happened, and when.
    pub logged: LoggedEvent,
}

/// A row that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}, column {column}: {problem}")]
pub struct RowError {
    /// Place among the rows that were parsed, from 1.
    pub row: u64,
    /// Name of the column.
    pub column: &'static str,
    /// What is wrong.
    pub problem: &'static str,
}

/// The header line, with its newline.
pub(super) fn header() -> String {
    EVENT_COLUMNS.join(",") + "\n"
}

/// Appends one row to `buffer`; what is unknown of a message, and an unknown queue length, is empty.
pub fn write_row(buffer: &mut Vec<u8>, row: &EventRow) {
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
    } = row.logged.event;
    number(buffer, row.run, b',');
    number(buffer, u64::from(row.machine), b',');
    number(buffer, tick, b',');
    let name: &[u8] = match kind {
        EventKind::Internal => b"internal,",
        EventKind::Send { .. } => b"send,",
        EventKind::Receive(_) => b"receive,",
    };
    buffer.extend_from_slice(name);
    number(buffer, row.logged.system_time_ns, b',');
    number(buffer, logical_clock, b',');
    match queue_length {
        UNKNOWN => buffer.push(b','),
        known => number(buffer, known, b','),
    }
    match kind {
        EventKind::Internal => buffer.extend_from_slice(b",,\n"),
        EventKind::Send { recipients, stamp } => {
            match recipients {
                Recipients::One(UNKNOWN_MACHINE) => buffer.push(b','),
                Recipients::One(peer) => number(buffer, u64::from(*peer), b','),
                Recipients::Several(peers) => {
                    for &peer in &peers[..] {
                        number(buffer, u64::from(peer), PEER_SEPARATOR);
                    }
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
            buffer.push(b'\n');
        }
        &EventKind::Receive(Message {
            sender,
            stamp,
            sent_tick,
        }) => {
            let mut known = |known: bool, value: u64, end: u8| {
                if known {
                    number(buffer, value, end);
                } else {
                    buffer.push(end);
                }
            };
            known(sender != UNKNOWN_MACHINE, u64::from(sender), b',');
            known(stamp != UNKNOWN, stamp, b',');
            known(sent_tick != UNKNOWN, sent_tick, b'\n');
        }
    }
}

/// Reads rows as [`write_row`] writes them: no header, each ended by a newline.
///
/// Yields a [`RowError`] for the first row that is damaged, and nothing after it.
pub fn parse_rows(bytes: &[u8]) -> impl Iterator<Item = Result<EventRow, RowError>> + '_ {
    parse_rows_with_missing(bytes, MissingFields::default())
}

/// The same of a log whose rows need not say all: what they do not is [`UNKNOWN`] or [`UNKNOWN_MACHINE`].
pub fn parse_rows_with_missing(
    bytes: &[u8],
    missing_fields: MissingFields,
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
            missing_fields,
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

type CellError = (&'static str, &'static str);

/// The cells ahead of the reader.
struct Cells<'a> {
    rest: &'a [u8],
    missing_fields: MissingFields,
}

impl<'a> Cells<'a> {
    fn row(&mut self) -> Result<EventRow, CellError> {
        let run = self.number("run", b',')?;
        let machine = self.index("machine")?;
        let tick = self.number("tick", b',')?;
        let name = self.cell("event", b',')?;
        let system_time_ns = self.number("system_time_ns", b',')?;
        let logical_clock = self.number("logical_clock", b',')?;
        let queue_length =
            self.number_or_unknown("queue_length", b',', self.missing_fields.queue_lengths)?;
        let kind = match name {
            b"internal" => {
                self.empty("peers", b',')?;
                self.empty("message_stamp", b',')?;
                self.empty("sent_tick", b'\n')?;
                EventKind::Internal
            }
            b"send" => {
                let recipients = self.recipients()?;
                let stamp = self.number("message_stamp", b',')?;
                self.empty("sent_tick", b'\n')?;
                EventKind::Send { recipients, stamp }
            }
            b"receive" => {
                let sender = self.sender()?;
                let stamp =
                    self.number_or_unknown("message_stamp", b',', self.missing_fields.stamps)?;
                let sent_tick =
                    self.number_or_unknown("sent_tick", b'\n', self.missing_fields.sent_ticks)?;
                EventKind::Receive(Message {
                    sender,
                    stamp,
                    sent_tick,
                })
            }
            _ => return Err(("event", "none of internal, send, receive")),
        };
        let event = Event {
            tick,
            kind,
            logical_clock,
            queue_length,
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

    fn recipients(&mut self) -> Result<Recipients, CellError> {
        let cell = self.cell("peers", b',')?;
        if cell == ALL_PEERS {
            return Ok(Recipients::All);
        }
        if cell.is_empty() && self.missing_fields.recipients {
            return Ok(Recipients::One(UNKNOWN_MACHINE));
        }
        let peer = |digits_of: &[u8]| -> Result<MachineIndex, CellError> {
            digits("peers", digits_of).and_then(|peer| machine_index("peers", peer))
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
            return Err(("peers", "recipients that are not in ascending order"));
        }
        Ok(Recipients::Several(peers.into()))
    }

    fn sender(&mut self) -> Result<MachineIndex, CellError> {
        match self.number_or_unknown("peers", b',', self.missing_fields.senders)? {
            UNKNOWN => Ok(UNKNOWN_MACHINE),
            number => machine_index("peers", number),
        }
    }

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

    fn index(&mut self, column: &'static str) -> Result<MachineIndex, CellError> {
        let number = self.number(column, b',')?;
        machine_index(column, number)
    }

    fn number(&mut self, column: &'static str, end: u8) -> Result<u64, CellError> {
        // Nearly every cell is a few digits and its end: read in one go. For what else there is, the long way has the words.
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

    fn empty(&mut self, column: &'static str, end: u8) -> Result<(), CellError> {
        if self.rest.first() == Some(&end) {
            self.rest = &self.rest[1..];
            return Ok(());
        }
        match self.cell(column, end)? {
            [] => Ok(()),
            _ => Err((column, "not empty, as it must be for this event")),
        }
    }

    /// The cell up to `end`; the row's last cell ends with a newline, every other with a comma.
    fn cell(&mut self, column: &'static str, end: u8) -> Result<&'a [u8], CellError> {
        let Some(length) = self
            .rest
            .iter()
            .position(|&byte| byte == b',' || byte == b'\n')
        else {
            return Err((column, "the row breaks off"));
        };
        let (cell, rest) = self.rest.split_at(length);
        if rest[0] != end {
            let problem = if end == b'\n' {
                "more cells follow than there are columns"
            } else {
                "the row ends too early"
            };
            return Err((column, problem));
        }
        self.rest = &rest[1..];
        Ok(cell)
    }
}

fn machine_index(column: &'static str, number: u64) -> Result<MachineIndex, CellError> {
    MachineIndex::try_from(number).map_err(|_| (column, "too large for a machine"))
}

fn digits(column: &'static str, cell: &[u8]) -> Result<u64, CellError> {
    if cell.is_empty() {
        return Err((column, "empty, where a number is wanted"));
    }
    cell.iter().try_fold(0u64, |value, &byte| {
        let digit = match byte {
            b'0'..=b'9' => u64::from(byte - b'0'),
            _ => return Err((column, "not a whole number")),
        };
        value
            .checked_mul(10)
            .and_then(|value| value.checked_add(digit))
            .ok_or((column, "a number too large"))
    })
}

#[cfg(test)]
mod tests;
