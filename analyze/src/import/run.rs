//! Parses the rows of one imported run (a run of another program), groups them by machine, and fills in what the logs do not have.

use std::collections::BTreeSet;

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
use super::time::{DAY_NS, TimeFormat};
use super::times::{self, SlackNs};
use super::{messages, queues, restarts, ticks};
use crate::error::Error;

/// The parsed rows of a run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The name of the run in errors.
    pub(super) name: String,
    /// The names of the machines.
    names: Machines,
    /// The events of each machine, in the order of its log.
    pub(super) machines: Vec<Vec<Row>>,
    /// The units of the times in the files. Each element is the length of a unit in nanoseconds. Dates and times of day have no unit.
    pub(super) time_units_ns: BTreeSet<u64>,
    /// The fields that are missing in at least one row. Known after [`Self::link`].
    pub(super) missing_fields: MissingFields,
    /// The parts of the log that are missing or cannot be used, and why. Known after [`Self::link`].
    pub(super) unmeasured: Vec<(UnmeasuredPart, String)>,
}

impl Run {
    /// Parses the rows of `files`, and numbers the ticks of each machine. `imported` is the list of the files of all runs: each row keeps the
    /// index of its file in this list. `mapping` says how the logs are read.
    ///
    /// # Errors
    ///
    /// [`Error::Import`] if the run has a single machine, if a row cannot be parsed, or if the time of a machine's row is earlier
    /// than that of the row before.
    pub(super) fn read(
        name: &str,
        files: &[Raw],
        imported: &[ImportedFile],
        mapping: &Mapping,
        report: &mut Report,
    ) -> Result<Self, Error> {
        let names = machine_names(files)?;
        if names.0.len() < 2 {
            let problem = format!(
                "{name}: the run has a single machine ({}), but a run has two or more. If each machine has its own file, name all of \
                 them; the files need different names. If the rows name their machine, say where: with --columns machine=TITLE for a \
                 table, or with a group (?<machine>...) in a --mapping for lines of text{}",
                names.0.join(", "),
                report.files_left_out()
            );
            return Err(Error::import(&files[0].path, None, problem));
        }
        // Whether the text of events names the peers (the recipients of a send, or the sender of a received message).
        let peers_in_words = words_name_peers(files, &names, mapping, report);
        let mut machines: Vec<Vec<Row>> = vec![vec![]; names.0.len()];
        // For each file, after how many nanoseconds its times start again, if they do.
        let mut periods_ns = BTreeSet::new();
        let mut times_start_again = false;
        let mut time_units_ns = BTreeSet::new();
        for raw in files {
            let first_time = raw.cell(&raw.rows[0], "system_time").unwrap_or_default();
            let path = raw.path.display().to_string();
            // The position is always found, because `imported` has all files that are read.
            let file = imported.iter().position(|file| file.path == path);
            let reader = Reader {
                peers_in_words,
                time_format: TimeFormat::from_first_cell(
                    mapping.time.as_deref(),
                    &plain(&raw.time_title),
                    first_time,
                ),
                file: file.unwrap_or(0) as u32,
                // Used only for rows that do not name a machine.
                machine: names.number(&machine_of_file(raw)),
                machines: &names,
                raw,
                mapping,
            };
            time_units_ns.extend(reader.time_format.unit_ns());
            let period_ns = reader.time_format.period_ns(first_time, raw.decimal_mark);
            periods_ns.insert(period_ns);
            for raw_row in &raw.rows {
                let mut row = reader.read(raw_row)?;
                let log = &mut machines[row.machine as usize];
                if let Some(period_ns) = period_ns {
                    times_start_again |= restarts::add_periods(&mut row, log.last(), period_ns);
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
                // The timestamp of a send is computed if its row has none.
                let is_send = matches!(row.event.kind, EventKind::Send { .. });
                report.assumed.send_stamps |= is_send && raw.cell(raw_row, "stamp").is_none();
                log.push(row);
            }
        }
        if let (Some(Some(period_ns)), 1) = (periods_ns.first(), periods_ns.len()) {
            times_start_again |= restarts::join_machines(&mut machines, *period_ns);
        }
        if times_start_again {
            let sentence = match periods_ns.contains(&Some(DAY_NS)) {
                true => "Times of day start again at 0:00, so the run passes midnight.",
                false => {
                    "Dates without a year start again at 1 January, so the run passes the end of a year."
                }
            };
            report.understood.assume(sentence.to_owned());
        }
        // If a machine's log does not number all its ticks, `number_ticks` numbers them, and `has_new_numbers` is true. Some programs log
        // a send to several machines as several rows. These rows then get the same tick, and `joined` counts such sends.
        let (joined, has_new_numbers) = ticks::number_ticks(&mut machines);
        report.joined.add(joined);
        report.assumed.ticks |= has_new_numbers;
        Ok(Self {
            name: name.to_owned(),
            names,
            machines,
            time_units_ns,
            missing_fields: MissingFields::default(),
            unmeasured: vec![],
        })
    }

    /// Matches receives with sends, fills in missing queue lengths, and checks whether times, sends and receives are consistent.
    /// Call this only after `rules::find_and_apply`: all clocks and queue lengths must be those after the event, and every send must have a
    /// timestamp.
    pub(super) fn link(&mut self, report: &mut Report) {
        report.assumed.sent_ticks |= messages::find_sends(&mut self.machines);
        // Programs do not log a send exactly when the message leaves. So the log can show a receive slightly before its send. This is
        // a contradiction only if the receive is earlier by more than `slack`.
        let slack = SlackNs::measure(&self.machines);
        // Notes why a part of the log is missing or cannot be used. If `reason` is `None`, the part can be used, and nothing is noted.
        let mut note = |part: UnmeasuredPart, reason: Option<String>| {
            self.unmeasured.extend(reason.map(|reason| (part, reason)));
        };
        // The machines have a shared time if times of different machines can be compared.
        let why_not_shared = times::find_time_contradiction(&self.machines, &slack);
        let has_shared_time = why_not_shared.is_none();
        note(UnmeasuredPart::SharedTime, why_not_shared);
        // The age of a message is the time from its send to its receive.
        note(
            UnmeasuredPart::Messages,
            times::find_age_contradiction(&self.machines, &slack),
        );
        // Arrivals: how many messages had been sent to a machine until a given time. Without a shared time, arrivals cannot be checked,
        // because the sends are events of other machines.
        if has_shared_time {
            let reason = times::find_arrival_contradiction(&self.machines, &slack);
            note(UnmeasuredPart::Arrivals, reason);
        }
        // A missing queue length after an idle event (internal or send) is set to 0. A missing queue length after a receive is the number
        // of messages that were sent to the machine until this receive, minus the number of messages that the machine has received.
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
        let is_shared_time =
            |(about, _): &(UnmeasuredPart, String)| *about == UnmeasuredPart::SharedTime;
        !self.unmeasured.iter().any(is_shared_time)
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Row> {
        self.machines.iter().flatten()
    }

    /// Finds the fields that are missing in at least one row. Also counts in the report how many sends have no recipients, and how many
    /// receives have no sender, no stamp or no tick of the send.
    fn find_missing_fields(&self, report: &mut Report) -> MissingFields {
        let mut missing_fields = MissingFields::default();
        for row in self.events() {
            missing_fields.queue_lengths |= row.event.queue_length == UNKNOWN;
            match &row.event.kind {
                EventKind::Internal => {}
                EventKind::Send { recipients, .. } => {
                    let is_missing = *recipients == Recipients::One(UNKNOWN_MACHINE);
                    report.recipients.count(is_missing);
                    missing_fields.recipients |= is_missing;
                }
                EventKind::Receive(message) => {
                    let misses_sender = message.sender == UNKNOWN_MACHINE;
                    let misses_stamp = message.stamp == UNKNOWN;
                    let misses_sent_tick = message.sent_tick == UNKNOWN;
                    report.senders.count(misses_sender);
                    report.stamps.count(misses_stamp);
                    report.sent_ticks.count(misses_sent_tick);
                    missing_fields.senders |= misses_sender;
                    missing_fields.stamps |= misses_stamp;
                    missing_fields.sent_ticks |= misses_sent_tick;
                }
            }
        }
        missing_fields
    }

    /// The time of the first event and the time of the last event, in nanoseconds.
    pub(super) fn span_ns(&self) -> (u64, u64) {
        let times = || self.events().map(|row| row.time_ns);
        (times().min().unwrap_or(0), times().max().unwrap_or(0))
    }

    /// Where the rows come from, as ranges of lines in the imported files. `run` is the run's number in the dataset.
    pub(super) fn sources(&self, run: u64) -> Vec<SourceRange> {
        SourceRange::of_run(run, self.events().map(|row| row.source))
    }

    /// The events as rows of the dataset's event file (CSV). `run` is the run's number in the dataset.
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

/// Finds the names of the machines. They are the names in the rows. If the rows of a file name no machine, the name of the file gives
/// the name of its machine.
///
/// # Errors
///
/// [`Error::Import`] if the name of a file gives its machine a name that another file's name also gives, or that is in the rows of another
/// file.
fn machine_names(files: &[Raw]) -> Result<Machines, Error> {
    let names_in_rows = |raw: &Raw| -> Vec<String> {
        let cells = raw.rows.iter().filter_map(|row| raw.cell(row, "machine"));
        cells.map(str::to_owned).collect()
    };
    let (named, unnamed): (Vec<_>, Vec<_>) = files
        .iter()
        .map(|raw| (raw, names_in_rows(raw)))
        .partition(|(_, in_rows)| !in_rows.is_empty());
    let mut names: Vec<String> = named.into_iter().flat_map(|(_, in_rows)| in_rows).collect();
    for (raw, _) in unnamed {
        let name = machine_of_file(raw);
        if names.contains(&name) {
            let problem = format!(
                "this is a second file for machine {name}; give the files of a run different names, \
                 and put each run into its own folder"
            );
            return Err(Error::import(&raw.path, None, problem));
        }
        names.push(name);
    }
    let machines = Machines::new(names.iter().map(String::as_str));
    Ok(machines)
}

/// Takes the name of a machine from the name of its file. If the mapping has a pattern for file names, the machine's name is the part that
/// the pattern finds. Otherwise the machine's name is the file's name without its extension.
fn machine_of_file(raw: &Raw) -> String {
    let by_pattern = raw.machine.clone();
    by_pattern.unwrap_or_else(|| file_names::stem(&raw.path))
}
