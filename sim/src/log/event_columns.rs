//! The events of one run as columns: one contiguous array for each field of the event log. The number of the run is a single value,
//! because it is the same for all events.
//!
//! The columns have the same values as the rows that [`parse_rows`](super::parse_rows) reads, but need less memory. A row in the usual
//! form (all values are known, there is no list of recipients, and the log has no column `timestamp`) is read by fast code. Any other row
//! is read by the general parser, which also makes the error messages.

mod usual_row;

use std::sync::Arc;

use super::events::{
    EventRow, RowError, TOO_LARGE_MACHINE, UNKNOWN, UNKNOWN_MACHINE, parse_rows_in,
};
use super::timestamp_cell::RowFormat;
use usual_row::{Start, UsualCells};

use crate::clock::CarriedTimestamp;
use crate::machine::{EventKind, MachineIndex, Message, Recipients};

/// The value of [`EventColumns::peer`] for a send to all machines that the sender may send to.
pub const ALL_PEERS: MachineIndex = MachineIndex::MAX - 1;
/// The value of [`EventColumns::peer`] for a send to two or more machines that the log lists, such as `0;2`.
/// [`EventColumns::recipients`] returns these machines.
pub const SEVERAL_PEERS: MachineIndex = MachineIndex::MAX - 2;

/// The kind of an event, without the values of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// An internal event.
    Internal,
    /// A send.
    Send,
    /// A receive.
    Receive,
}

impl Action {
    /// The text in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Send => "send",
            Self::Receive => "receive",
        }
    }
}

/// Events as columns. The values of an event have the same index in all columns. All columns have the same length, except `timestamps`
/// (empty if the log has no timestamps) and `several`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventColumns {
    /// The number of the run.
    run: u64,
    /// The machine within the run.
    pub machine: Vec<MachineIndex>,
    /// The number of the machine's tick.
    pub tick: Vec<u64>,
    /// What happened.
    pub action: Vec<Action>,
    /// Unix time in nanoseconds; in the virtual engine, nanoseconds of model time since the run's start.
    pub system_time_ns: Vec<u64>,
    /// The machine's logical clock after the event.
    pub logical_clock: Vec<u64>,
    /// Number of messages in the queue after the event, or [`UNKNOWN`].
    pub queue_length: Vec<u64>,
    /// For a receive: the sender. For a send: the recipient, [`ALL_PEERS`] or [`SEVERAL_PEERS`]. For an internal event, or if the log
    /// does not tell the sender or recipient: [`UNKNOWN_MACHINE`].
    pub peer: Vec<MachineIndex>,
    /// The Lamport timestamp of the message that is sent or received; [`UNKNOWN`] for internal events, or if it is not in the log.
    pub stamp: Vec<u64>,
    /// For a receive: the number of the sender's tick at which the message was sent. [`UNKNOWN`] for other events, or if the number is not
    /// in the log.
    pub sent_tick: Vec<u64>,
    /// For each send whose `peer` is [`SEVERAL_PEERS`]: the index of the event, and the recipients. The indices are in ascending order.
    several: Vec<(usize, Arc<[MachineIndex]>)>,
    /// In some runs, each machine keeps a second clock beside its Lamport clock, such as a vector clock. Then this column has the second
    /// clock's timestamp for each event. In other runs it is empty.
    timestamps: Vec<Arc<CarriedTimestamp>>,
}

impl EventColumns {
    /// Replaces all events by the events of `run`. The memory of the columns is used again. `bytes` has the rows of the run in the
    /// format of the log (no header, a newline after each row).
    ///
    /// # Errors
    ///
    /// Returns [`RowError`] for the first row that cannot be read or belongs to another run. The columns then have the events of the rows
    /// before it.
    pub fn read(&mut self, run: u64, bytes: &[u8], format: RowFormat) -> Result<(), RowError> {
        self.clear();
        self.run = run;
        self.reserve(bytes.len() / TYPICAL_ROW_BYTES);
        let mut rest = bytes;
        let mut start = Start::default();
        // The fast code does not read the column `timestamp`.
        let may_be_usual = !format.timestamps.has_column();
        while !rest.is_empty() {
            let usual_length = match may_be_usual {
                true => self.append_usual_row(rest, &mut start),
                false => None,
            };
            let length = match usual_length {
                Some(length) => length,
                None => self.append_row(rest, format)?,
            };
            rest = &rest[length..];
        }
        Ok(())
    }

    fn clear(&mut self) {
        let Self {
            run: _,
            machine,
            tick,
            action,
            system_time_ns,
            logical_clock,
            queue_length,
            peer,
            stamp,
            sent_tick,
            several,
            timestamps,
        } = self;
        machine.clear();
        action.clear();
        peer.clear();
        several.clear();
        timestamps.clear();
        for column in [
            tick,
            system_time_ns,
            logical_clock,
            queue_length,
            stamp,
            sent_tick,
        ] {
            column.clear();
        }
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.tick.len()
    }

    /// Returns whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.tick.is_empty()
    }

    /// Returns the recipients of the send at `index` in ascending order. `neighbours` are all machines that the sender may send to. The
    /// result is empty if the recipients are not in the log.
    pub fn recipients<'a>(
        &'a self,
        index: usize,
        neighbours: &'a [MachineIndex],
    ) -> &'a [MachineIndex] {
        match self.peer[index] {
            UNKNOWN_MACHINE => &[],
            ALL_PEERS => neighbours,
            SEVERAL_PEERS => {
                let found = self.several.binary_search_by_key(&index, |(send, _)| *send);
                found.map_or(&[], |found| &self.several[found].1)
            }
            _ => std::slice::from_ref(&self.peer[index]),
        }
    }

    /// Returns the timestamp that a second clock, such as a vector clock, gives the event at `index`. `None` if the machines of the run
    /// keep only Lamport clocks.
    pub fn timestamp(&self, index: usize) -> Option<&Arc<CarriedTimestamp>> {
        self.timestamps.get(index)
    }

    /// Returns the event at `index` as a row.
    pub fn row(&self, index: usize) -> EventRow {
        let kind = match self.action[index] {
            Action::Internal => EventKind::Internal,
            Action::Send => EventKind::Send {
                recipients: match self.peer[index] {
                    ALL_PEERS => Recipients::All,
                    // No neighbours are given, because `recipients` uses them only for ALL_PEERS.
                    SEVERAL_PEERS => Recipients::Several(self.recipients(index, &[]).into()),
                    // `peer` is the recipient, or UNKNOWN_MACHINE if the recipients are not in the log.
                    peer => Recipients::One(peer),
                },
                stamp: self.stamp[index],
            },
            Action::Receive => EventKind::Receive(Message {
                sender: self.peer[index],
                stamp: self.stamp[index],
                sent_tick: self.sent_tick[index],
            }),
        };
        EventRow {
            run: self.run,
            machine: self.machine[index],
            logged: super::events::LoggedEvent {
                system_time_ns: self.system_time_ns[index],
                event: crate::machine::Event {
                    tick: self.tick[index],
                    kind,
                    logical_clock: self.logical_clock[index],
                    queue_length: self.queue_length[index],
                    timestamp: self.timestamp(index).cloned(),
                },
            },
        }
    }

    /// Returns all events as rows.
    pub fn rows(&self) -> impl Iterator<Item = EventRow> + '_ {
        (0..self.len()).map(|index| self.row(index))
    }

    /// Sorts the events by machine and tick. A tick has several events if the machine receives several messages at it (with
    /// `receive = "all"`). These events keep their order.
    pub fn sort_by_machine_and_tick(&mut self) {
        let key = |index: usize| (self.machine[index], self.tick[index]);
        if (1..self.len()).all(|index| key(index - 1) <= key(index)) {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|&index| key(index));
        let mut sorted = Self {
            run: self.run,
            ..Self::default()
        };
        sorted.reserve(self.len());
        order
            .into_iter()
            .for_each(|index| sorted.push(self.row(index)));
        *self = sorted;
    }

    fn reserve(&mut self, events: usize) {
        self.machine.reserve(events);
        self.action.reserve(events);
        self.peer.reserve(events);
        for column in [
            &mut self.tick,
            &mut self.system_time_ns,
            &mut self.logical_clock,
            &mut self.queue_length,
            &mut self.stamp,
            &mut self.sent_tick,
        ] {
            column.reserve(events);
        }
    }

    /// Appends an event of the run.
    fn push(&mut self, row: EventRow) {
        let event = row.logged.event;
        let (action, peer, stamp, sent_tick) = match event.kind {
            EventKind::Internal => (Action::Internal, UNKNOWN_MACHINE, UNKNOWN, UNKNOWN),
            EventKind::Send { recipients, stamp } => {
                let peer = match recipients {
                    Recipients::One(peer) => peer,
                    Recipients::All => ALL_PEERS,
                    Recipients::Several(peers) => {
                        self.several.push((self.tick.len(), peers));
                        SEVERAL_PEERS
                    }
                };
                (Action::Send, peer, stamp, UNKNOWN)
            }
            EventKind::Receive(Message {
                sender,
                stamp,
                sent_tick,
            }) => (Action::Receive, sender, stamp, sent_tick),
        };
        self.machine.push(row.machine);
        self.tick.push(event.tick);
        self.action.push(action);
        self.system_time_ns.push(row.logged.system_time_ns);
        self.logical_clock.push(event.logical_clock);
        self.queue_length.push(event.queue_length);
        self.peer.push(peer);
        self.stamp.push(stamp);
        self.sent_tick.push(sent_tick);
        self.timestamps.extend(event.timestamp);
    }

    /// Parses the first row of `bytes` with the general parser, and returns its length in bytes.
    fn append_row(&mut self, bytes: &[u8], format: RowFormat) -> Result<usize, RowError> {
        let row = self.len() as u64 + 1;
        let wrong = |column: &'static str, problem: &'static str| RowError {
            row,
            column,
            problem,
        };
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let line = &bytes[..end.map_or(bytes.len(), |end| end + 1)];
        let mut parsed = parse_rows_in(line, format);
        let parsed = parsed
            .next()
            .unwrap_or_else(|| unreachable!("a line is never empty"));
        // The parser got a single line, so its errors always name row 1. `wrong` makes an error with the right number of the row.
        let event = parsed.map_err(|error| wrong(error.column, error.problem))?;
        if event.run != self.run {
            return Err(wrong("run", "is the number of another run"));
        }
        // In a column, SEVERAL_PEERS and ALL_PEERS mean several machines, so no single machine may have one of these indices.
        let peer = match &event.logged.event.kind {
            EventKind::Send {
                recipients: Recipients::One(peer),
                ..
            }
            | EventKind::Receive(Message { sender: peer, .. }) => *peer,
            // Other events have no single peer to check. 0 stands in for it, because 0 always passes the check below.
            _ => 0,
        };
        if (SEVERAL_PEERS..=ALL_PEERS).contains(&peer) {
            return Err(wrong("peers", TOO_LARGE_MACHINE));
        }
        self.push(event);
        Ok(line.len())
    }

    /// Parses the first row of `bytes` if it has the usual form, and returns its length in bytes. `None` if the general parser must read
    /// the row; then nothing is appended. `start` keeps the first two cells (run and machine) from one call to the next. Most rows start
    /// like the row before, and then these two cells need not be parsed again.
    #[inline]
    fn append_usual_row(&mut self, bytes: &[u8], start: &mut Start) -> Option<usize> {
        let mut cells = UsualCells {
            bytes,
            position: start.skip(bytes, self.run)?,
        };
        let tick = cells.number(b',')?;
        let action = cells.action()?;
        // `long_number` is a faster `number` for many digits.
        let system_time_ns = cells.long_number(b',')?;
        let logical_clock = cells.number(b',')?;
        let queue_length = cells.number(b',')?;
        let (peer, stamp, sent_tick) = match action {
            Action::Internal => {
                // The last three cells (`peers`, `message_stamp` and `sent_tick`) are empty.
                cells.skip_text(b",,\n")?;
                (UNKNOWN_MACHINE, UNKNOWN, UNKNOWN)
            }
            Action::Send => {
                // In the log, `*` stands for all machines that the sender may send to.
                let peer = match cells.skip_text(b"*,") {
                    Some(()) => ALL_PEERS,
                    None => cells.machine()?,
                };
                let stamp = cells.number(b',')?;
                // The last cell (`sent_tick`) is empty.
                cells.skip_text(b"\n")?;
                (peer, stamp, UNKNOWN)
            }
            Action::Receive => (cells.machine()?, cells.number(b',')?, cells.number(b'\n')?),
        };
        self.machine.push(start.machine);
        self.tick.push(tick);
        self.action.push(action);
        self.system_time_ns.push(system_time_ns);
        self.logical_clock.push(logical_clock);
        self.queue_length.push(queue_length);
        self.peer.push(peer);
        self.stamp.push(stamp);
        self.sent_tick.push(sent_tick);
        Some(cells.position)
    }
}

/// A typical length of a row in bytes, to estimate the number of rows before they are read.
const TYPICAL_ROW_BYTES: usize = 40;

#[cfg(test)]
mod tests;
