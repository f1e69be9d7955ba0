//! What was imported, and what is not known of it.

use std::collections::BTreeMap;

use sim::log::{Assumed, MissingFields, Unmeasured};

use super::explain::Understood;
use super::findings;
use super::left_out::LeftOut;
use super::machines::Machines;
use super::rates::MeasuredRate;
use super::rules::Rules;
use super::ticks::Joined;
use crate::output::table::Table;
use crate::output::words::counted;

/// So many files that were left out are named.
const MOST_NAMED: usize = 20;

/// What was imported.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Runs.
    pub runs: usize,
    /// Events in all.
    pub events: usize,
    /// What their rows do not say.
    pub missing_fields: MissingFields,
    /// What was taken from the logs.
    pub assumed: Assumed,
    /// What cannot be measured, in which runs and why.
    pub unmeasured: Vec<Unmeasured>,
    /// The machines of the first run by name.
    machines: Vec<String>,
    /// How many runs each configuration has.
    configurations: BTreeMap<String, usize>,
    /// Lines that are no events, and rows whose word says that they are none.
    pub(super) left_out: LeftOut,
    pub(super) ignored: LeftOut,
    /// What was understood of the logs, field by field.
    pub(super) understood: Understood,
    /// Files in the runs' folders that were not taken, and how many hidden ones.
    files_left_out: Vec<String>,
    hidden_files: usize,
    pub(super) joined: Joined,
    pub(super) rules: Option<Rules>,
    /// The rates of each run, if they were measured.
    pub(super) rates: Vec<Vec<MeasuredRate>>,
    /// Queue lengths that were taken for 0, and those that were recounted.
    pub(super) idle_queues: usize,
    pub(super) recounted_queues: usize,
    pub(super) sends: Unknown,
    pub(super) senders: Unknown,
    pub(super) stamps: Unknown,
    pub(super) sent_ticks: Unknown,
}

/// So many of so many unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unknown {
    unknown: usize,
    of: usize,
}

impl Unknown {
    pub(super) fn count(&mut self, unknown: bool) {
        self.unknown += usize::from(unknown);
        self.of += 1;
    }

    fn words(self, events: &str, lack: &str, so: &str) -> Option<String> {
        let Self { unknown, of } = self;
        (unknown > 0).then(|| format!("{unknown} of {of} {events} do not say {lack}: {so}."))
    }
}

impl Report {
    pub(super) fn leave_out_files(&mut self, files: impl Iterator<Item = String>, hidden: usize) {
        self.files_left_out.extend(files);
        self.hidden_files += hidden;
    }

    /// The files that were left out.
    pub(super) fn left_out_paths(&self) -> &[String] {
        &self.files_left_out
    }

    /// What of the runs' folders was not taken, behind another sentence; nothing if all was.
    pub(super) fn files_left_out(&self) -> String {
        let mut files: Vec<String> = self
            .files_left_out
            .iter()
            .take(MOST_NAMED)
            .cloned()
            .collect();
        if let more @ 1.. = self.files_left_out.len().saturating_sub(MOST_NAMED) {
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

    pub(super) fn add_run(&mut self, machines: &Machines, events: usize) {
        if self.runs == 0 {
            self.machines.clone_from(&machines.0);
        }
        self.runs += 1;
        self.events += events;
    }

    pub(super) fn add_configuration(&mut self, words: String) {
        *self.configurations.entry(words).or_default() += 1;
    }

    /// How the logs are read: where each field was found, two of its values, and how many rows have one.
    pub fn table(&self) -> Table {
        self.understood.table()
    }

    /// What there is to say of how the logs are read, a paragraph each: what was assumed, and what was left out.
    pub fn reading(&self) -> Vec<String> {
        let mut words = self.understood.assumptions.clone();
        words.extend(self.lines_left_out());
        words
    }

    /// What there is to say, a paragraph each.
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
        words.extend(self.lines_left_out());
        words.extend(self.understood.assumptions.iter().cloned());
        words.extend(self.assumptions());
        words.extend(findings::words(self));
        words.extend(self.unknown());
        words
    }

    /// What was taken from the logs, in a few words each.
    pub fn brief(&self) -> Vec<String> {
        findings::brief(self)
    }

    /// The lines, rows and files that were left out.
    fn lines_left_out(&self) -> Vec<String> {
        let mut words: Vec<String> = vec![];
        words.extend(
            self.left_out
                .words("line", "no event was recognised in them"),
        );
        words.extend(self.ignored.words("row", "their words stand for no event"));
        if let Some(files) = self.files_left_out().strip_prefix("; left out: ") {
            words.push(format!("Left out of the folders: {files}."));
        }
        words
    }

    fn assumptions(&self) -> impl Iterator<Item = String> {
        [
            (self.assumed.ticks, "Each row is counted as one tick."),
            (self.assumed.internal, "The probability of internal events was measured from the logs and rounded; set it with --internal."),
            (self.assumed.sent_ticks, "Receives were matched with sends by sender and timestamp."),
        ]
        .into_iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, words)| words.to_owned())
    }

    fn unknown(&self) -> impl Iterator<Item = String> {
        [
            self.sends.words(
                "sends",
                "to whom",
                "arrivals, time-weighted backlog and shares of recipients are not measured, and queues not recounted",
            ),
            self.senders.words("receives", "from whom", "they are not matched with sends"),
            self.stamps.words("receives", "which timestamp", "whether they obey max(clock, stamp) + 1 is not checked"),
            self.sent_ticks.words(
                "receives",
                "which send they belong to",
                "ages of messages, concurrency and the Clock Condition between machines need it",
            ),
        ]
        .into_iter()
        .flatten()
    }
}
