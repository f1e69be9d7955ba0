//! Reads the event log of a run into a list of events for each machine.

use std::sync::Arc;

use sim::clock::CarriedTimestamp;
use sim::log::{EventRow, RowFormat, UNKNOWN_MACHINE, parse_rows_in};
use sim::machine::EventKind;

use super::checks::Check;
use super::model::Model;
use super::setup::Setup;
use super::tally::{At, RunFindings};
use super::timetable::Timetable;

/// An event of the log.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The index of the event's row among all rows of the run.
    pub(super) row: u64,
    /// The number of the machine's tick, from 0.
    pub(super) tick: u64,
    /// The system time of the event, in nanoseconds.
    pub(super) time_ns: u64,
    /// The Lamport clock after the event.
    pub(super) clock: u64,
    /// The length of the machine's queue after the event.
    pub(super) queue: u64,
    /// Internal event, send or receive. A send has its recipients, and a receive has its message.
    pub(super) kind: EventKind,
    /// The timestamp of a second clock (a vector clock or a hybrid logical clock), if the run has one.
    pub(super) timestamp: Option<Arc<CarriedTimestamp>>,
}

/// The events of a run. The events of each machine are in the order of the file.
#[derive(Debug)]
pub(super) struct Log {
    /// For each machine, its events.
    pub(super) machines: Vec<Vec<Entry>>,
    /// Number of rows of the run, including damaged rows.
    pub(super) rows: u64,
}

impl Log {
    /// Reads the rows of run `run`. Three kinds of rows are violations and are left out: rows that cannot be read, rows of
    /// another run, and rows with a machine that the run does not have. A row with an impossible sender or recipient is a
    /// violation, but it is not left out.
    pub(super) fn read(
        (bytes, format): (&[u8], RowFormat),
        run: u64,
        setup: &Setup,
        findings: &mut RunFindings<'_>,
    ) -> Self {
        // Memory is reserved for one event at each tick of each machine. The number of ticks comes from runs.csv. If runs.csv is damaged,
        // this number can be far too large. So at most `max_rows` events are reserved, because `bytes` cannot have more rows: a row has at
        // least 16 bytes (commas, numbers, a word).
        let max_rows = bytes.len() as u64 / 16 + 1;
        let reserve =
            |timetable: &Timetable| Vec::with_capacity(timetable.ticks.min(max_rows) as usize);
        let mut log = Self {
            machines: setup.timetables.iter().map(reserve).collect(),
            rows: 0,
        };
        // `parse_rows_in` stops at a damaged row. Then it is called again for the bytes after this row.
        let (mut rest, mut rows) = (bytes, 0);
        while !rest.is_empty() {
            // The number of the damaged row among the rows of `rest`, from 1.
            let mut damaged_row = None;
            for parsed in parse_rows_in(rest, format) {
                match parsed {
                    Ok(event) => log.add_row(rows, (run, &setup.model), event, findings),
                    Err(error) => {
                        damaged_row = Some(error.row);
                        let words = || format!("column {}: {}", error.column, error.problem);
                        findings.violated(Check::Rows, At::Row(rows), words);
                    }
                }
                rows += 1;
            }
            rest = damaged_row.map_or(&[], |row| skip_rows(rest, row));
        }
        findings.checked(Check::Rows, rows);
        log.rows = rows;
        log
    }

    /// Adds a row to the events of its machine, with the checks described at [`Log::read`].
    fn add_row(
        &mut self,
        row: u64,
        (run, model): (u64, &Model),
        event: EventRow,
        findings: &mut RunFindings<'_>,
    ) {
        let EventRow {
            run: run_of_row,
            machine,
            logged,
        } = event;
        let machines = self.machines.len();
        if run_of_row != run {
            let words =
                || format!("it belongs to run {run_of_row}, but it is among the rows of run {run}");
            return findings.violated(Check::Rows, At::Row(row), words);
        }
        let Some(events) = self.machines.get_mut(machine as usize) else {
            let words = || {
                format!("it belongs to machine {machine}, but the run has only {machines} machines")
            };
            return findings.violated(Check::Rows, At::Row(row), words);
        };
        // The sender or the recipients that the row names. A send to all machines names no recipients: for such a send, `among` returns
        // its argument, the empty list.
        let peers = match &logged.event.kind {
            EventKind::Send { recipients, .. } => recipients.among(&[]),
            EventKind::Receive(message) => std::slice::from_ref(&message.sender),
            EventKind::Internal => &[],
        };
        let is_receive = matches!(logged.event.kind, EventKind::Receive(_));
        // Whether the event's message can go from its sender to its recipient. `peer` is the sender if the event is a receive, and a
        // recipient if the event is a send.
        let is_peer = |peer: u32| {
            let (from, to) = if is_receive {
                (peer, machine)
            } else {
                (machine, peer)
            };
            (peer as usize) < machines && model.may_send(from as usize, to as usize)
        };
        // In an imported log, the cell of the sender or recipient can be empty. This is no violation. The row then has `UNKNOWN_MACHINE`.
        let is_impossible_peer = |&&peer: &&u32| peer != UNKNOWN_MACHINE && !is_peer(peer);
        if let Some(peer) = peers.iter().find(is_impossible_peer) {
            let words =
                || format!("machine {machine} cannot exchange messages with machine {peer}");
            findings.violated(Check::Rows, At::Row(row), words);
        }
        events.push(Entry {
            row,
            tick: logged.event.tick,
            time_ns: logged.system_time_ns,
            clock: logged.event.logical_clock,
            queue: logged.event.queue_length,
            kind: logged.event.kind,
            timestamp: logged.event.timestamp,
        });
    }

    /// Number of events.
    pub(super) fn events(&self) -> u64 {
        self.machines.iter().map(|events| events.len() as u64).sum()
    }
}

/// Skips the first `rows` rows (at least 1). Returns the bytes after them.
fn skip_rows(bytes: &[u8], rows: u64) -> &[u8] {
    let newlines = bytes.iter().enumerate().filter(|&(_, &byte)| byte == b'\n');
    let end_of_last = newlines.map(|(index, _)| index).nth(rows as usize - 1);
    end_of_last.map_or(&[], |index| &bytes[index + 1..])
}
