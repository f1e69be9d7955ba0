//! The rows of a run, machine by machine.

use sim::log::{EventRow, LoggedEvent, MissingFields, UNKNOWN, UNKNOWN_MACHINE, write_row};
use sim::machine::{EventKind, Recipients};

use super::header::plain;
use super::lines::Raw;
use super::machines::Machines;
use super::mapping::Mapping;
use super::messages;
use super::names as file_names;
use super::reading::words_name_peers;
use super::report::Report;
use super::rows::{Reader, Row};
use super::time::Clock;
use crate::error::Error;

/// A run that was read.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// What errors call it.
    pub(super) name: String,
    /// The events of each machine, in the order of its log.
    pub(super) machines: Vec<Vec<Row>>,
    pub(super) missing_fields: MissingFields,
}

impl Run {
    /// Of the rows in `files`.
    pub(super) fn of(
        name: &str,
        files: &[Raw],
        mapping: &Mapping,
        report: &mut Report,
    ) -> Result<Self, Error> {
        let names = names(files)?;
        if names.0.len() < 2 {
            let problem = format!(
                "{name}: a single machine ({}); a run has two or more: name all its files, or the column that tells machines apart (--columns machine=NAME){}",
                names.0.join(", "),
                report.files_left_out()
            );
            return Err(Error::import(&files[0].path, None, problem));
        }
        let peers_in_words = words_name_peers(files, &names, mapping, report);
        let mut machines: Vec<Vec<Row>> = vec![vec![]; names.0.len()];
        for raw in files {
            let first = raw.cell(&raw.rows[0], "system_time").unwrap_or_default();
            let reader = Reader {
                peers_in_words,
                clock: Clock::from_first_cell(
                    mapping.time.as_deref(),
                    &plain(&raw.time_title),
                    first,
                ),
                machine: names.number(&file_name(raw)),
                machines: &names,
                raw,
                mapping,
            };
            for raw_row in &raw.rows {
                let row = reader.read(raw_row)?;
                let log = &mut machines[row.machine as usize];
                if log
                    .last()
                    .is_some_and(|before| before.time_ns > row.time_ns)
                {
                    let problem = "its time is earlier than that of the machine's previous row; keep a machine's rows in one file, in order of time (a time of day may start again at midnight), and each run in a folder of its own";
                    return Err(Error::import(
                        &raw.path,
                        Some(raw_row.line),
                        problem.to_owned(),
                    ));
                }
                let is_send = matches!(row.event.kind, EventKind::Send { .. });
                report.assumed.send_stamps |= is_send && raw.cell(raw_row, "stamp").is_none();
                log.push(row);
            }
        }
        let mut run = Self {
            name: name.to_owned(),
            machines,
            missing_fields: MissingFields::default(),
        };
        report.assumed.ticks |= run.number_ticks();
        report.assumed.sent_ticks |= messages::find_sends(&mut run.machines);
        run.missing_fields = run.lacking(report);
        report.add_run(&names, run.events().count());
        Ok(run)
    }

    /// Where the log has no ticks, every row is one. Returns whether that is so anywhere.
    fn number_ticks(&mut self) -> bool {
        let mut is_numbered = false;
        for rows in &mut self.machines {
            if rows.iter().any(|row| row.event.tick == UNKNOWN) {
                is_numbered = true;
                for (tick, row) in rows.iter_mut().enumerate() {
                    row.event.tick = tick as u64;
                }
            }
        }
        is_numbered
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Row> {
        self.machines.iter().flatten()
    }

    fn lacking(&self, report: &mut Report) -> MissingFields {
        let mut missing_fields = MissingFields::default();
        for row in self.events() {
            match &row.event.kind {
                EventKind::Internal => {}
                EventKind::Send { recipients, .. } => {
                    let unknown = *recipients == Recipients::One(UNKNOWN_MACHINE);
                    report.sends.count(unknown);
                    missing_fields.recipients |= unknown;
                }
                EventKind::Receive(message) => {
                    let (sender, stamp, sent) = (
                        message.sender == UNKNOWN_MACHINE,
                        message.stamp == UNKNOWN,
                        message.sent_tick == UNKNOWN,
                    );
                    report.senders.count(sender);
                    report.stamps.count(stamp);
                    report.sent_ticks.count(sent);
                    missing_fields.senders |= sender;
                    missing_fields.stamps |= stamp;
                    missing_fields.sent_ticks |= sent;
                }
            }
        }
        missing_fields
    }

    /// The time of the first event and of the last.
    pub(super) fn span_ns(&self) -> (u64, u64) {
        let times = || self.events().map(|row| row.time_ns);
        (times().min().unwrap_or(0), times().max().unwrap_or(0))
    }

    /// The rows of the event log of run `run`.
    pub(super) fn rows(&self, run: u64) -> Vec<u8> {
        let mut text = vec![];
        for row in self.events() {
            let logged = LoggedEvent {
                system_time_ns: row.time_ns,
                event: row.event.clone(),
            };
            let row = EventRow {
                run,
                machine: row.machine,
                logged,
            };
            write_row(&mut text, &row);
        }
        text
    }
}

/// The machines that rows name, or else one for each file.
fn names(files: &[Raw]) -> Result<Machines, Error> {
    let of_rows = |raw: &Raw| -> Vec<String> {
        let cells = raw.rows.iter().filter_map(|row| raw.cell(row, "machine"));
        cells.map(str::to_owned).collect()
    };
    let mut names: Vec<String> = vec![];
    for raw in files {
        match of_rows(raw) {
            named if named.is_empty() => {
                let name = file_name(raw);
                if names.contains(&name) {
                    let problem = format!(
                        "a second file of a machine {name}; a run's files have different names, and each run a folder of its own"
                    );
                    return Err(Error::import(&raw.path, None, problem));
                }
                names.push(name);
            }
            named => names.extend(named),
        }
    }
    let machines = Machines::new(names.iter().map(String::as_str));
    Ok(machines)
}

/// What a file calls its machine: by the pattern of names, or its name without its extension.
fn file_name(raw: &Raw) -> String {
    let named = raw.machine.clone();
    named.unwrap_or_else(|| file_names::stem(&raw.path))
}
