//! The rows of each machine of a run.

use sim::log::{
    EventRow, ImportedFile, LoggedEvent, MissingFields, SourceRange, UNKNOWN, UNKNOWN_MACHINE,
    UnmeasuredPart, write_row,
};
use sim::machine::{EventKind, Recipients};

use super::header::plain;
use super::lines::Raw;
use super::machines::Machines;
use super::mapping::Mapping;
use super::names as file_names;
use super::reading::words_name_peers;
use super::report::Report;
use super::rows::{Reader, Row};
use super::time::TimeFormat;
use super::times::{self, SlackNs};
use super::{messages, midnight, queues, ticks};
use crate::error::Error;

/// The parsed rows of a run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The name of the run in errors.
    pub(super) name: String,
    names: Machines,
    /// The events of each machine, in the order of its log.
    pub(super) machines: Vec<Vec<Row>>,
    pub(super) missing_fields: MissingFields,
    /// The quantities that cannot be measured, and why.
    pub(super) unmeasured: Vec<(UnmeasuredPart, String)>,
}

impl Run {
    /// Parses the rows of `files`. These files are a part of `imported`, the files of all runs.
    pub(super) fn read(
        name: &str,
        files: &[Raw],
        imported: &[ImportedFile],
        mapping: &Mapping,
        report: &mut Report,
    ) -> Result<Self, Error> {
        let names = names(files)?;
        if names.0.len() < 2 {
            let problem = format!(
                "{name}: the run has a single machine ({}), but a run has two or more; name all files of the \
                 run, or the column with the machine (--columns machine=TITLE){}",
                names.0.join(", "),
                report.files_left_out()
            );
            return Err(Error::import(&files[0].path, None, problem));
        }
        let peers_in_words = words_name_peers(files, &names, mapping, report);
        let mut machines: Vec<Vec<Row>> = vec![vec![]; names.0.len()];
        let mut passes_midnight = false;
        for raw in files {
            let first = raw.cell(&raw.rows[0], "system_time").unwrap_or_default();
            let path = raw.path.display().to_string();
            let file = imported.iter().position(|file| file.path == path);
            let reader = Reader {
                peers_in_words,
                time_format: TimeFormat::from_first_cell(
                    mapping.time.as_deref(),
                    &plain(&raw.time_title),
                    first,
                ),
                file: file.unwrap_or(0) as u32,
                machine: names.number(&file_name(raw)),
                machines: &names,
                raw,
                mapping,
            };
            let has_days = !reader.time_format.is_time_of_day(first, raw.mark);
            for raw_row in &raw.rows {
                let mut row = reader.read(raw_row)?;
                let log = &mut machines[row.machine as usize];
                if !has_days {
                    passes_midnight |= midnight::add_days(&mut row, log.last());
                }
                if log
                    .last()
                    .is_some_and(|before| before.time_ns > row.time_ns)
                {
                    let problem = "its time is earlier than the time of the machine's previous row; put the \
                        rows of a machine into one file, in the order of time, and each run into its own \
                        folder";
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
        if passes_midnight {
            midnight::join_machines(&mut machines);
            report
                .understood
                .assume("Times of day fall once, so the run passes midnight.".to_owned());
        }
        let (joined, is_numbered) = ticks::number_ticks(&mut machines);
        report.joined.add(joined);
        report.assumed.ticks |= is_numbered;
        Ok(Self {
            name: name.to_owned(),
            names,
            machines,
            missing_fields: MissingFields::default(),
            unmeasured: vec![],
        })
    }

    /// Matches receives with sends, fills in missing queue lengths, and checks whether times, sends and receives are consistent.
    /// Clocks, stamps and queue lengths must be those after each event.
    pub(super) fn link(&mut self, report: &mut Report) {
        report.assumed.sent_ticks |= messages::find_sends(&mut self.machines);
        let slack = SlackNs::measure(&self.machines);
        let mut note = |about: UnmeasuredPart, reason: Option<String>| {
            self.unmeasured.extend(reason.map(|reason| (about, reason)));
        };
        let not_shared = times::find_time_contradiction(&self.machines, &slack);
        let has_shared_time = not_shared.is_none();
        note(UnmeasuredPart::SharedTime, not_shared);
        note(
            UnmeasuredPart::Messages,
            times::find_age_contradiction(&self.machines, &slack),
        );
        if has_shared_time {
            let reason = times::find_arrival_contradiction(&self.machines, &slack);
            note(UnmeasuredPart::Arrivals, reason);
        }
        let filled = queues::fill(&mut self.machines, slack, has_shared_time);
        report.assumed.idle_queues |= filled.idle > 0;
        report.assumed.recounted_queues |= filled.recounted > 0;
        report.idle_queues += filled.idle;
        report.recounted_queues += filled.recounted;
        note(UnmeasuredPart::QueueLengths, filled.why_missing);
        self.missing_fields = self.find_missing_fields(report);
        report.add_run(&self.names, self.events().count());
    }

    /// Whether times of different machines can be compared.
    pub(super) fn has_shared_time(&self) -> bool {
        let is_it = |(about, _): &(UnmeasuredPart, String)| *about == UnmeasuredPart::SharedTime;
        !self.unmeasured.iter().any(is_it)
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Row> {
        self.machines.iter().flatten()
    }

    fn find_missing_fields(&self, report: &mut Report) -> MissingFields {
        let mut missing_fields = MissingFields::default();
        for row in self.events() {
            missing_fields.queue_lengths |= row.event.queue_length == UNKNOWN;
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

    /// The lines of the imported files that the rows come from.
    pub(super) fn sources(&self, run: u64) -> Vec<SourceRange> {
        SourceRange::of_run(run, self.events().map(|row| row.source))
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

/// The names of the machines: those in the rows, and one machine for each file whose rows do not name a machine.
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
                        "this is a second file for machine {name}; give the files of a run different names, \
                         and put each run into its own folder"
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

/// The machine that a file's name gives: the part that the pattern of file names finds, or the name without its extension.
fn file_name(raw: &Raw) -> String {
    let named = raw.machine.clone();
    named.unwrap_or_else(|| file_names::stem(&raw.path))
}
