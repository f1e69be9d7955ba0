//! Parses the cells of a log's rows as events.

use sim::log::{SourceLine, UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{Event, EventKind, Message, Recipients};

use super::lines::{Raw, RawRow};
use super::machines::Machines;
use super::mapping::{Kind, Mapping};
use super::numbers::{self, NotANumber};
use super::peers::{self, Named};
use super::time::TimeFormat;
use crate::error::Error;

/// An event of a log.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The number of the machine.
    pub(super) machine: u32,
    /// The system time in nanoseconds. It counts from the Unix epoch, from midnight (if the log has times of day), or from the zero of the
    /// log's own numbers (for example, the start of the program).
    pub(super) time_ns: u64,
    /// The event. Its tick, queue length and stamp (the message's Lamport timestamp) are [`UNKNOWN`] if the log does not have them. A
    /// program can log the clock or the queue length from before the event. [`super::rules`] later changes such a value to the value after
    /// the event.
    pub(super) event: Event,
    /// The line that the event comes from.
    pub(super) source: SourceLine,
}

/// Parses the rows of one file.
pub(super) struct Reader<'a> {
    /// The file's rows, with cells that are not parsed yet.
    pub(super) raw: &'a Raw,
    /// The file's index among all imported files.
    pub(super) file: u32,
    /// The names of the run's machines. A machine's number is its index.
    pub(super) machines: &'a Machines,
    /// How the logs are read: among other things, which words stand for which kind of event.
    pub(super) mapping: &'a Mapping,
    pub(super) time_format: TimeFormat,
    /// The machine that the file's name gives, for rows that do not name a machine themselves. `None` if the file's name gives no machine
    /// of the run.
    pub(super) machine: Option<u32>,
    /// Whether names of peers (recipients and senders) are read from the text of events, such as `Send to 2`, if no column has them.
    pub(super) peers_in_words: bool,
}

impl Reader<'_> {
    /// Parses the event of a row.
    ///
    /// # Errors
    ///
    /// [`Error::Import`] names the row's line if a needed cell is empty, or if a cell does not have the expected form.
    pub(super) fn read(&self, row: &RawRow) -> Result<Row, Error> {
        let machine = match self.raw.cell(row, "machine") {
            Some(name) => self.machine_number(row, "machine", name)?,
            None => self
                .machine
                .ok_or_else(|| self.wrong(row, "the row names no machine".to_owned()))?,
        };
        let word = self.needed_cell(row, "event")?;
        let kind = self.mapping.kind(word).ok_or_else(|| {
            let kinds = Kind::NAMES.map(|(name, _)| name).join(", ");
            let shell = sim::console::shell_word(word.as_ref());
            let problem = format!(
                "event `{word}` is not known; say which kind it is ({kinds}), such as --events internal={shell} for an internal event"
            );
            self.wrong(row, problem)
        })?;
        let time = self.needed_cell(row, "system_time")?;
        let time_ns = self
            .time_format
            .parse_ns(time, self.raw.decimal_mark)
            .ok_or_else(|| {
                let problem = format!(
                    "system_time `{time}` is not {}; give the format of times with --time",
                    self.time_format.requirement()
                );
                self.wrong(row, problem)
            })?;
        let logical_clock = self.parse_number(row, "logical_clock")?;
        let logical_clock = logical_clock.ok_or_else(|| self.empty_cell(row, "logical_clock"))?;
        let event = Event {
            tick: self.parse_number(row, "tick")?.unwrap_or(UNKNOWN),
            kind: self.event_kind(row, kind, machine)?,
            logical_clock,
            queue_length: self.parse_number(row, "queue_length")?.unwrap_or(UNKNOWN),
            // This field is for another clock beside the Lamport clock, such as a vector clock. Only Lamport clocks are imported.
            timestamp: None,
        };
        Ok(Row {
            machine,
            time_ns,
            event,
            source: SourceLine {
                file: self.file,
                line: row.line,
            },
        })
    }

    /// The kind of the row's event. For a send, with recipients and stamp; for a receive, with sender, stamp and the tick of the send.
    fn event_kind(&self, row: &RawRow, kind: Kind, machine: u32) -> Result<EventKind, Error> {
        let word = self.raw.cell(row, "event").unwrap_or_default();
        // The names of peers are in `column`, or else in the column `peers`, or else in the text of the event.
        let peers = |column: &str| {
            let cell = self.raw.cell(row, column);
            let in_words = || peers::find_names_in_text(word, kind).filter(|_| self.peers_in_words);
            cell.or_else(|| self.raw.cell(row, "peers"))
                .or_else(in_words)
        };
        match kind {
            Kind::Internal => Ok(EventKind::Internal),
            // Such rows were already left out when the file was read.
            Kind::Ignore => Err(self.wrong(row, format!("`{word}` does not stand for an event"))),
            Kind::Send | Kind::SendAll => {
                // In a list of recipients, `*` means all other machines.
                let to_all = (kind == Kind::SendAll).then_some("*");
                let recipients = peers("recipients").or(to_all);
                Ok(EventKind::Send {
                    recipients: self.recipients(row, recipients, machine)?,
                    stamp: self.parse_number(row, "stamp")?.unwrap_or(UNKNOWN),
                })
            }
            Kind::Receive => Ok(EventKind::Receive(Message {
                sender: match peers("sender") {
                    Some(name) => self.peer(row, "sender", name, machine)?,
                    None => UNKNOWN_MACHINE,
                },
                stamp: self.parse_number(row, "stamp")?.unwrap_or(UNKNOWN),
                sent_tick: self.parse_number(row, "sent_tick")?.unwrap_or(UNKNOWN),
            })),
        }
    }

    /// The recipients that `cell` names. If `cell` is `None`, the result is one unknown recipient. `machine` is the sender.
    fn recipients(
        &self,
        row: &RawRow,
        cell: Option<&str>,
        machine: u32,
    ) -> Result<Recipients, Error> {
        let Some(cell) = cell else {
            return Ok(Recipients::One(UNKNOWN_MACHINE));
        };
        let Named::Names(names) = peers::parse_recipients(cell) else {
            // The cell means all other machines, such as `*` or `everyone`.
            return Ok(Recipients::All);
        };
        let peers = names
            .iter()
            .map(|name| self.machine_number(row, "recipients", name));
        let mut peers: Vec<u32> = peers.collect::<Result<_, _>>()?;
        peers.sort_unstable();
        peers.dedup();
        if peers.len() > 1 {
            // Some programs include the sender in the recipients of a send to all. It is removed.
            peers.retain(|&peer| peer != machine);
        }
        let others = (0..self.machines.0.len() as u32).filter(|&other| other != machine);
        match peers[..] {
            [peer] if peer == machine => Err(self.to_itself(row, "recipients")),
            [peer] => Ok(Recipients::One(peer)),
            _ if others.eq(peers.iter().copied()) => Ok(Recipients::All),
            _ => Ok(Recipients::Several(peers.into())),
        }
    }

    /// The number of the machine `name`, which stands in `column`.
    fn machine_number(&self, row: &RawRow, column: &str, name: &str) -> Result<u32, Error> {
        self.machines.number(name).ok_or_else(|| {
            let names = self.machines.0.join(", ");
            self.wrong(
                row,
                format!(
                    "{column} `{name}` is not a machine of the run; the machines are {names}{}",
                    self.advice_to_skip(column)
                ),
            )
        })
    }

    /// The number of the machine `name`, which must not be `machine` itself.
    fn peer(&self, row: &RawRow, column: &str, name: &str, machine: u32) -> Result<u32, Error> {
        let peer = self.machine_number(row, column, name)?;
        if peer == machine {
            return Err(self.to_itself(row, column));
        }
        Ok(peer)
    }

    /// The error for a machine that sends to itself, or receives from itself.
    fn to_itself(&self, row: &RawRow, column: &str) -> Error {
        let problem = format!(
            "{column} is the machine itself, but a machine sends only to other machines{}",
            self.advice_to_skip(column)
        );
        self.wrong(row, problem)
    }

    /// The end of an error about a name in `column`, such as `; --columns sender=- leaves the column out`. If the file has
    /// the column `peers` (for recipients and senders together) instead of `column`, the advice names `peers`. If the file has neither
    /// column, the name comes from the text of the event, and the result is empty. The result is also empty if the file is no table.
    fn advice_to_skip(&self, column: &str) -> String {
        let column = match self.raw.has(column) {
            true => column,
            false => "peers",
        };
        // Only tables have columns to leave out. Other files are read with the mapping's patterns of lines.
        let is_table = self.mapping.line.is_empty();
        match is_table && self.raw.has(column) {
            true => format!("; --columns {column}=- leaves the column out"),
            false => String::new(),
        }
    }

    /// Parses the cell in `column` as a whole number. None if the cell has no value.
    fn parse_number(&self, row: &RawRow, column: &str) -> Result<Option<u64>, Error> {
        let Some(cell) = self.raw.cell(row, column) else {
            return Ok(None);
        };
        let number = numbers::parse_whole(cell, self.raw.decimal_mark).map_err(|error| {
            let problem = match error {
                _ if column == "logical_clock" && numbers::is_vector(cell) => {
                    "is a vector clock; only Lamport clocks can be imported: log one number, such as the machine's own"
                }
                NotANumber::Form | NotANumber::NotWhole => "is not a whole number",
                NotANumber::TooLarge => "is more than a dataset can hold (63 bits)",
            };
            self.wrong(row, format!("{column} `{cell}` {problem}"))
        })?;
        Ok(Some(number))
    }

    /// The cell in `column`, which must have a value.
    fn needed_cell<'r>(&self, row: &'r RawRow, column: &str) -> Result<&'r str, Error> {
        let cell = self.raw.cell(row, column);
        cell.ok_or_else(|| self.empty_cell(row, column))
    }

    fn empty_cell(&self, row: &RawRow, column: &str) -> Error {
        self.wrong(row, format!("{column} is empty"))
    }

    /// An error about a row.
    fn wrong(&self, row: &RawRow, problem: String) -> Error {
        Error::import(&self.raw.path, Some(row.line), problem)
    }
}
