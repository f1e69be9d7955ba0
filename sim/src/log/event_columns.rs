//! The events of one run as columns: one contiguous array for each field of the event log, except the number of the run.
//!
//! The columns have the same values as the rows that [`parse_rows`](super::parse_rows) reads, but need less memory. A row in the usual
//! form is read by fast code. Any other row is read by the general parser, which also makes the error messages.

use std::sync::Arc;

use super::events::{
    EventRow, MissingFields, RowError, SURE_DIGITS, TOO_LARGE_MACHINE, UNKNOWN, UNKNOWN_MACHINE,
    parse_rows_with_missing,
};
use crate::machine::{EventKind, MachineIndex, Message, Recipients};

/// The peer of a send that goes to all machines that the sender may send to.
pub const ALL_PEERS: MachineIndex = MachineIndex::MAX - 1;
/// The peer of a send that goes to two or more machines; [`EventColumns::recipients`] returns them.
pub const SEVERAL_PEERS: MachineIndex = MachineIndex::MAX - 2;

/// What happened in an event, without its values.
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

/// Events as columns of the same length. An index is the index of an event in all of them.
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
    /// The logical clock after the event.
    pub logical_clock: Vec<u64>,
    /// Number of messages in the queue after the event, or [`UNKNOWN`].
    pub queue_length: Vec<u64>,
    /// For a receive: the sender. For a send: the recipient, [`ALL_PEERS`] or [`SEVERAL_PEERS`]. For an internal event, and if the
    /// machine is not in the log: [`UNKNOWN_MACHINE`].
    pub peer: Vec<MachineIndex>,
    /// The timestamp of the message that is sent or received; [`UNKNOWN`] for internal events, or if it is not in the log.
    pub stamp: Vec<u64>,
    /// For a receive: the number of the sender's tick at which the message was sent. Otherwise, and if it is not in the log:
    /// [`UNKNOWN`].
    pub sent_tick: Vec<u64>,
    /// The recipients of each send to several machines, with the index of the send, in the order of the indices.
    several: Vec<(usize, Arc<[MachineIndex]>)>,
}

impl EventColumns {
    /// Replaces all events by those of `run`, and keeps the memory. `bytes` has its rows in the format of the log (no header, a newline
    /// after each row).
    ///
    /// # Errors
    ///
    /// [`RowError`] for the first row that cannot be read or belongs to another run. The rows before it can be read.
    pub fn read(
        &mut self,
        run: u64,
        bytes: &[u8],
        missing_fields: MissingFields,
    ) -> Result<(), RowError> {
        self.clear();
        self.run = run;
        self.reserve(bytes.len() / TYPICAL_ROW_BYTES);
        let mut rest = bytes;
        let mut start = Start::default();
        while !rest.is_empty() {
            let length = match self.append_usual_row(rest, &mut start) {
                Some(length) => length,
                None => self.append_row(rest, missing_fields)?,
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
        } = self;
        machine.clear();
        action.clear();
        peer.clear();
        several.clear();
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

    /// Returns the recipients of the send at `index` in ascending order, if the sender has these `neighbours`. Empty if the log does
    /// not tell them.
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

    /// Returns the event at `index` as a row.
    pub fn row(&self, index: usize) -> EventRow {
        let kind = match self.action[index] {
            Action::Internal => EventKind::Internal,
            Action::Send => EventKind::Send {
                recipients: match self.peer[index] {
                    ALL_PEERS => Recipients::All,
                    SEVERAL_PEERS => Recipients::Several(self.recipients(index, &[]).into()),
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
                },
            },
        }
    }

    /// Returns all events as rows.
    pub fn rows(&self) -> impl Iterator<Item = EventRow> + '_ {
        (0..self.len()).map(|index| self.row(index))
    }

    /// Sorts the events by machine and tick. Events of the same tick keep their order.
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
    }

    /// Parses the first row of `bytes` with the general parser, and returns its length.
    fn append_row(
        &mut self,
        bytes: &[u8],
        missing_fields: MissingFields,
    ) -> Result<usize, RowError> {
        let row = self.len() as u64 + 1;
        let wrong = |column: &'static str, problem: &'static str| RowError {
            row,
            column,
            problem,
        };
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let line = &bytes[..end.map_or(bytes.len(), |end| end + 1)];
        let mut parsed = parse_rows_with_missing(line, missing_fields);
        let parsed = parsed
            .next()
            .unwrap_or_else(|| unreachable!("a line is never empty"));
        let event = parsed.map_err(|error| wrong(error.column, error.problem))?;
        if event.run != self.run {
            return Err(wrong("run", "is the number of another run"));
        }
        let peer = match &event.logged.event.kind {
            EventKind::Send {
                recipients: Recipients::One(peer),
                ..
            }
            | EventKind::Receive(Message { sender: peer, .. }) => *peer,
            _ => 0,
        };
        if (SEVERAL_PEERS..=ALL_PEERS).contains(&peer) {
            return Err(wrong("peers", TOO_LARGE_MACHINE));
        }
        self.push(event);
        Ok(line.len())
    }

    /// Parses the first row of `bytes` if it is written as usual, and returns its length. `None` if the general parser must read it.
    #[inline]
    fn append_usual_row(&mut self, bytes: &[u8], start: &mut Start) -> Option<usize> {
        let mut cells = UsualCells {
            bytes,
            at: start.skip(bytes, self.run)?,
        };
        let tick = cells.number(b',')?;
        let action = cells.action()?;
        let system_time_ns = cells.long_number(b',')?;
        let logical_clock = cells.number(b',')?;
        let queue_length = cells.number(b',')?;
        let (peer, stamp, sent_tick) = match action {
            Action::Internal => {
                cells.text(b",,\n")?;
                (UNKNOWN_MACHINE, UNKNOWN, UNKNOWN)
            }
            Action::Send => {
                let peer = match cells.text(b"*,") {
                    Some(()) => ALL_PEERS,
                    None => cells.machine()?,
                };
                let stamp = cells.number(b',')?;
                cells.text(b"\n")?;
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
        Some(cells.at)
    }
}

/// A typical length of a row in bytes. The number of rows is guessed from it.
const TYPICAL_ROW_BYTES: usize = 40;

/// The first two cells of the row before, with their commas. Most rows start with the same cells.
#[derive(Default)]
struct Start {
    /// The cells' bytes, as the lowest bytes of a number; and ones in these bytes. Both are 0 if the cells are longer.
    text: u64,
    mask: u64,
    length: usize,
    machine: MachineIndex,
}

impl Start {
    /// Reads the first two cells of `bytes` and returns their length. `None` if the first is not the number of `run`.
    #[inline]
    fn skip(&mut self, bytes: &[u8], run: u64) -> Option<usize> {
        let word = u64::from_le_bytes(*bytes.first_chunk::<8>()?);
        if self.mask != 0 && word & self.mask == self.text {
            return Some(self.length);
        }
        let mut cells = UsualCells { bytes, at: 0 };
        if cells.number(b',')? != run {
            return None;
        }
        self.machine = cells.machine()?;
        self.length = cells.at;
        self.mask = match self.length {
            length @ 1..=8 => u64::MAX >> (64 - 8 * length),
            _ => 0,
        };
        self.text = word & self.mask;
        Some(cells.at)
    }
}

/// The cells from `at` on of rows that are written as usual. A method returns `None` if a cell is not.
struct UsualCells<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl UsualCells<'_> {
    #[inline(always)]
    fn text(&mut self, text: &[u8]) -> Option<()> {
        let end = self.at + text.len();
        (self.bytes.get(self.at..end)? == text).then(|| self.at = end)
    }

    #[inline(always)]
    fn action(&mut self) -> Option<Action> {
        match self.bytes.get(self.at)? {
            b'i' => self.text(b"internal,").map(|()| Action::Internal),
            b's' => self.text(b"send,").map(|()| Action::Send),
            b'r' => self.text(b"receive,").map(|()| Action::Receive),
            _ => None,
        }
    }

    #[inline(always)]
    fn machine(&mut self) -> Option<MachineIndex> {
        let machine = MachineIndex::try_from(self.number(b',')?).ok()?;
        (machine < SEVERAL_PEERS).then_some(machine)
    }

    /// A number that ends with `end`.
    #[inline(always)]
    fn number(&mut self, end: u8) -> Option<u64> {
        self.digits(0, 0, end)
    }

    /// A number with many digits, read eight at a time.
    #[inline(always)]
    fn long_number(&mut self, end: u8) -> Option<u64> {
        let (mut value, mut count) = (0, 0);
        while count <= 8
            && let Some(eight) = self.eight_digits()
        {
            value = value * 100_000_000 + eight;
            count += 8;
        }
        self.digits(value, count, end)
    }

    /// Reads further digits of a number whose first `count` digits are `value`.
    #[inline(always)]
    fn digits(&mut self, mut value: u64, mut count: usize, end: u8) -> Option<u64> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return (byte == end && count > 0).then_some(value);
            }
            count += 1;
            if count > SURE_DIGITS {
                return None;
            }
            value = value * 10 + u64::from(digit);
        }
    }

    /// The next eight bytes as a number, if all are digits. The digits are combined in pairs, then fours, then all eight, each step
    /// for all of them at once (Lemire 2018, "Quickly parsing eight digits").
    #[inline(always)]
    fn eight_digits(&mut self) -> Option<u64> {
        let eight = self.bytes.get(self.at..self.at + 8)?.first_chunk::<8>()?;
        let word = u64::from_le_bytes(*eight);
        let digits = word.wrapping_sub(0x3030_3030_3030_3030);
        let above_nine = word.wrapping_add(0x4646_4646_4646_4646);
        if (digits | above_nine) & 0x8080_8080_8080_8080 != 0 {
            return None;
        }
        self.at += 8;
        let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
        let fours = |shift: u32, high: u64, low: u64| {
            ((pairs >> shift) & 0x0000_00ff_0000_00ff).wrapping_mul((high << 32) + low)
        };
        let value = fours(0, 1_000_000, 100).wrapping_add(fours(16, 10_000, 1));
        Some(value >> 32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::events::write_row;
    use super::*;
    use crate::log::LoggedEvent;
    use crate::machine::Event;

    const RUN: u64 = 1_234_567;

    fn rows() -> impl Strategy<Value = Vec<EventRow>> {
        let peer = 0u32..300;
        let number = || prop_oneof![0u64..3, 0u64..100_000, 0u64..u64::MAX];
        let recipients = prop_oneof![
            peer.clone().prop_map(Recipients::One),
            Just(Recipients::One(UNKNOWN_MACHINE)),
            Just(Recipients::All),
            prop::collection::btree_set(peer.clone(), 2..5)
                .prop_map(|peers| Recipients::Several(peers.into_iter().collect())),
        ];
        let unknown = || prop_oneof![number(), Just(UNKNOWN)];
        let kind = prop_oneof![
            Just(EventKind::Internal),
            (recipients, number())
                .prop_map(|(recipients, stamp)| EventKind::Send { recipients, stamp }),
            (
                prop_oneof![peer, Just(UNKNOWN_MACHINE)],
                unknown(),
                unknown()
            )
                .prop_map(|(sender, stamp, sent_tick)| EventKind::Receive(Message {
                    sender,
                    stamp,
                    sent_tick
                })),
        ];
        let row = (0u32..3, number(), number(), number(), unknown(), kind);
        let row = row.prop_map(
            |(machine, tick, system_time_ns, logical_clock, queue_length, kind)| EventRow {
                run: RUN,
                machine,
                logged: LoggedEvent {
                    system_time_ns,
                    event: Event {
                        tick,
                        kind,
                        logical_clock,
                        queue_length,
                    },
                },
            },
        );
        prop::collection::vec(row, 0..20)
    }

    const ALL_MISSING: MissingFields = MissingFields {
        recipients: true,
        senders: true,
        stamps: true,
        sent_ticks: true,
        queue_lengths: true,
    };

    proptest! {
        /// What is written is read back, row by row and after sorting.
        #[test]
        fn columns_hold_what_was_written(rows in rows()) {
            let mut text = vec![];
            rows.iter().for_each(|row| write_row(&mut text, row));
            let mut columns = EventColumns::default();
            columns.read(RUN, &text, ALL_MISSING)?;
            let read: Vec<EventRow> = columns.rows().collect();
            prop_assert_eq!(&read, &rows);
            columns.sort_by_machine_and_tick();
            let mut sorted = rows;
            sorted.sort_by_key(|row| (row.machine, row.logged.event.tick));
            let read: Vec<EventRow> = columns.rows().collect();
            prop_assert_eq!(read, sorted);
            columns.read(RUN, b"", ALL_MISSING)?;
            prop_assert!(columns.is_empty());
        }

        /// A log with a damaged byte gives the same rows and the same error as the parser of single rows.
        #[test]
        fn damage_is_reported_as_by_the_parser_of_rows(
            rows in rows(),
            at in any::<prop::sample::Index>(),
            byte in prop_oneof![Just(b','), Just(b'\n'), Just(b';'), Just(b'*'), b'0'..=b'9', any::<u8>()],
            may_be_empty in any::<bool>(),
        ) {
            let missing = if may_be_empty { ALL_MISSING } else { MissingFields::default() };
            let mut text = vec![];
            rows.iter().for_each(|row| write_row(&mut text, row));
            if !text.is_empty() {
                let at = at.index(text.len());
                text[at] = byte;
            }
            let mut columns = EventColumns::default();
            let appended = columns.read(RUN, &text, missing);
            let of_run = |(index, row): (usize, Result<EventRow, RowError>)| match row {
                Ok(row) if row.run != RUN => Err(RowError {
                    row: index as u64 + 1,
                    column: "run",
                    problem: "is the number of another run",
                }),
                row => row,
            };
            let parsed = parse_rows_with_missing(&text, missing).enumerate();
            let expected: Result<Vec<EventRow>, RowError> = parsed.map(of_run).collect();
            match expected {
                Ok(rows) => {
                    prop_assert_eq!(appended, Ok(()));
                    let read: Vec<EventRow> = columns.rows().collect();
                    prop_assert_eq!(read, rows);
                }
                Err(error) => prop_assert_eq!(appended, Err(error)),
            }
        }
    }

    #[test]
    fn a_peer_that_is_no_machine_is_refused() {
        let mut columns = EventColumns::default();
        let text = b"0,0,0,internal,0,1,0,,,\n0,0,1,send,1,2,0,4294967294,2,\n";
        let error = columns.read(0, text, MissingFields::default());
        assert_eq!(
            error,
            Err(RowError {
                row: 2,
                column: "peers",
                problem: "too large for a machine's index",
            })
        );
    }
}
