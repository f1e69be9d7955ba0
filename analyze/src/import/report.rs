//! The report of an import: what was imported, what was assumed, and what is unknown.

use std::collections::BTreeMap;

use sim::log::{Assumed, MissingFields, Unmeasured};

use super::explain::HowRead;
use super::findings;
use super::left_out::LeftOut;
use super::machines::Machines;
use super::rates::MeasuredRate;
use super::rules::Rules;
use super::ticks::JoinedRows;
use crate::output::table::Table;
use crate::output::words::counted;

/// Maximum number of left-out files whose names are shown.
const MAX_NAMED: usize = 20;

/// The report of an import.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Number of runs.
    pub runs: usize,
    /// Number of events in all runs.
    pub events: usize,
    /// Fields that are missing in at least one row.
    pub missing_fields: MissingFields,
    /// Which facts were assumed, or estimated from the logs. For example, rates that were not given are estimated.
    pub assumed: Assumed,
    /// The quantities that cannot be measured in one or more runs. Each element has the quantity, these runs, and the reason.
    pub unmeasured: Vec<Unmeasured>,
    /// The names of the machines of the first run.
    machines: Vec<String>,
    /// Number of runs of each configuration. The keys are the configurations in words.
    configurations: BTreeMap<String, usize>,
    /// Lines in which no event was recognised, such as lines before the header.
    pub(super) left_out: LeftOut,
    /// Rows that were left out because their word for the kind of event, such as `shutdown`, stands for no event.
    pub(super) ignored: LeftOut,
    /// How each field of the logs was read.
    pub(super) understood: HowRead,
    /// The paths of the files in the runs' folders that were not read. Hidden files are not in this list.
    left_out_paths: Vec<String>,
    /// Number of hidden files in the runs' folders.
    hidden_files: usize,
    /// How many sends were logged as several rows. The rows of each send were joined to one event.
    pub(super) joined: JoinedRows,
    /// Whether clocks and queue lengths were logged before or after the event, and whether messages carry the sender's clock before or after
    /// the send. None until this is known.
    pub(super) rules: Option<Rules>,
    /// The rates of each run, if they were measured.
    pub(super) rates: Vec<Vec<MeasuredRate>>,
    /// Number of missing queue lengths of internal events and sends. They were set to 0: a machine has such events only if its queue is
    /// empty.
    pub(super) idle_queues: usize,
    /// Number of missing queue lengths of receives. They were counted from sends and receives instead.
    pub(super) recounted_queues: usize,
    /// How many sends do not say who the recipients are.
    pub(super) recipients: MissingCount,
    /// How many receives do not name the sender.
    pub(super) senders: MissingCount,
    /// How many receives have no timestamp.
    pub(super) stamps: MissingCount,
    /// How many receives have no known send. For such a receive, it is not known at which tick of the sender the message was sent.
    pub(super) sent_ticks: MissingCount,
}

/// How many events do not have a field.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MissingCount {
    /// Number of events without the field.
    missing: usize,
    /// Number of all events that can have the field.
    all: usize,
}

impl MissingCount {
    /// Counts an event that can have the field.
    pub(super) fn count(&mut self, is_missing: bool) {
        self.missing += usize::from(is_missing);
        self.all += 1;
    }

    /// A sentence such as "3 of 10 receives do not have a sender: ...". `consequence` is the part after the colon. None if all events
    /// have the field.
    fn sentence(self, events: &str, field: &str, consequence: &str) -> Option<String> {
        let Self { missing, all } = self;
        (missing > 0)
            .then(|| format!("{missing} of {all} {events} do not have {field}: {consequence}."))
    }
}

impl Report {
    /// Adds files that were left out: the paths `files`, and a number of hidden files.
    pub(super) fn leave_out_files(&mut self, files: impl Iterator<Item = String>, hidden: usize) {
        self.left_out_paths.extend(files);
        self.hidden_files += hidden;
    }

    /// The paths of the files that were left out, except hidden files.
    pub(super) fn left_out_paths(&self) -> &[String] {
        &self.left_out_paths
    }

    /// The files that were left out, as a clause for the end of an error: "; left out: notes.txt, 2 hidden files". Empty if no file was
    /// left out.
    pub(super) fn files_left_out(&self) -> String {
        let mut files: Vec<String> = self
            .left_out_paths
            .iter()
            .take(MAX_NAMED)
            .cloned()
            .collect();
        // Files beyond the maximum are only counted.
        if let more @ 1.. = self.left_out_paths.len().saturating_sub(MAX_NAMED) {
            files.push(format!("{more} more"));
        }
        if self.hidden_files > 0 {
            files.push(counted(self.hidden_files, "hidden file"));
        }
        match files.is_empty() {
            true => String::new(),
            false => format!("; left out: {}", files.join(", ")),
        }
    }

    /// Counts a run and its events. The names of the machines of the first run are kept for the report.
    pub(super) fn add_run(&mut self, machines: &Machines, events: usize) {
        if self.runs == 0 {
            self.machines.clone_from(&machines.0);
        }
        self.runs += 1;
        self.events += events;
    }

    /// Counts a run with this configuration, given in words.
    pub(super) fn add_configuration(&mut self, configuration: String) {
        *self.configurations.entry(configuration).or_default() += 1;
    }

    /// How the logs are read: where each field was found, two of its values, and how many rows have a value.
    pub fn table(&self) -> Table {
        self.understood.table()
    }

    /// Sentences on how the logs are read: what was assumed, and which lines, rows and files were left out.
    pub fn reading(&self) -> Vec<String> {
        let mut words = self.understood.assumptions.clone();
        words.extend(self.left_out_sentences());
        words
    }

    /// The whole report, as sentences.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![format!(
            "{}, {}.",
            counted(self.runs, "run"),
            counted(self.events, "event")
        )];
        let machines = self.machines.iter().enumerate();
        let machines: Vec<String> = machines
            .map(|(number, name)| format!("{number} is {name}"))
            .collect();
        words.push(format!("Machines: {}.", machines.join(", ")));
        for (configuration, runs) in &self.configurations {
            words.push(format!("{}: {configuration}.", counted(*runs, "run")));
        }
        words.extend(self.left_out_sentences());
        words.extend(self.understood.assumptions.iter().cloned());
        words.extend(self.assumptions());
        words.extend(findings::words(self));
        words.extend(self.missing());
        words
    }

    /// A few words for each thing that was derived from the logs, such as the rates.
    pub fn brief(&self) -> Vec<String> {
        findings::brief(self)
    }

    /// Sentences about the lines, rows and files that were left out.
    fn left_out_sentences(&self) -> Vec<String> {
        let mut words: Vec<String> = vec![];
        words.extend(self.left_out.words("line", "no event was recognised"));
        words.extend(
            self.ignored
                .words("row", "their words do not stand for an event"),
        );
        // For errors, the list of files begins with "; left out: ". Here the list becomes a sentence with another beginning.
        if let Some(files) = self.files_left_out().strip_prefix("; left out: ") {
            words.push(format!("Left out of the folders: {files}."));
        }
        words
    }

    /// Sentences about the assumptions in `assumed`. (Those in `understood` are sentences already.)
    fn assumptions(&self) -> impl Iterator<Item = String> {
        [
            (self.assumed.ticks, "Each row is counted as one tick."),
            (self.assumed.internal, "The probability of internal events was measured from the logs and rounded; set it with --internal."),
            (self.assumed.sent_ticks, "Receives were matched with sends that have the same sender and timestamp."),
        ]
        .into_iter()
        .filter(|(is_assumed, _)| *is_assumed)
        .map(|(_, words)| words.to_owned())
    }

    /// Sentences about missing fields, and what cannot be measured or checked without them.
    fn missing(&self) -> impl Iterator<Item = String> {
        [
            self.recipients.sentence(
                "sends",
                "recipients",
                "arrivals, the mean backlog and the shares of the recipients are not measured, and queue lengths that are missing in the logs are not calculated from the messages",
            ),
            self.senders.sentence("receives", "a sender", "they are not matched with sends"),
            self.stamps.sentence("receives", "a timestamp", "the rule max(clock, stamp) + 1 is not checked for them"),
            self.sent_ticks.sentence(
                "receives",
                "a known send",
                "ages of messages, concurrency and the Clock Condition between machines are not measured or checked",
            ),
        ]
        .into_iter()
        .flatten()
    }
}
