//! Helper of the tests of `analyze import`: writes the events of simulated runs as the logs of another program, one CSV file per
//! machine. The [`Style`] says which values the logs leave out or change. Tests compare the imported dataset with the original.

use std::fs;
use std::path::{Path, PathBuf};

use analyze::Dataset;
use analyze::audit::{Audit, Check};
use analyze::import::{self, Mapping, Report};
use polars::prelude::DataFrame;
use sim::log::EventRow;
use sim::machine::EventKind;

use crate::{fixture, imported};

/// The number of machines of a run.
const MACHINES: u32 = 3;

/// Which queue lengths are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// The length after every event.
    All,
    /// Only the lengths after receives. The classroom exercise asks for no more.
    Receives,
    /// No queue length.
    Nowhere,
    /// The length before every event.
    Before,
}

/// Which values the logs contain, and how they are written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Which queue lengths are logged.
    pub queue: Queue,
    /// Whether the logged clock is the value before the event. Otherwise it is the value after the event.
    pub clock_before: bool,
    /// Whether the rows of sends have the message's timestamp (stamp).
    pub send_stamps: bool,
    /// Whether the rows of receives have the message's sender and timestamp.
    pub messages: bool,
    /// Whether a send to several machines has a row for each recipient. Otherwise it has one row with all recipients.
    pub row_per_recipient: bool,
    /// The characters at the end of each line.
    pub line_end: &'static str,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            queue: Queue::All,
            clock_before: false,
            send_stamps: true,
            messages: true,
            row_per_recipient: false,
            line_end: "\n",
        }
    }
}

/// The first line of each log. It names the cells of a row.
pub const HEADER: &str = "time_ns,event,clock,queue,recipients,sender,stamp";

/// The rows of the log of `machine`. `events` are the events of all machines of a run.
fn rows(events: &[EventRow], machine: u32, style: Style) -> Vec<[String; 7]> {
    let mut rows = vec![];
    let mut previous_clock = 0;
    for row in events.iter().filter(|row| row.machine == machine) {
        let event = &row.logged.event;
        let is_receive = matches!(event.kind, EventKind::Receive(_));
        let word = match event.kind {
            EventKind::Internal => "internal",
            EventKind::Send { .. } => "send",
            EventKind::Receive(_) => "receive",
        };
        let length = match (style.queue, is_receive) {
            (Queue::All, _) | (Queue::Receives, true) => event.queue_length.to_string(),
            // A receive takes one message from the queue.
            (Queue::Before, _) => (event.queue_length + u64::from(is_receive)).to_string(),
            (Queue::Receives, false) | (Queue::Nowhere, _) => String::new(),
        };
        // The clock before an event is the clock after the machine's previous event. Before the first event it is 0.
        let clock = match style.clock_before {
            true => std::mem::replace(&mut previous_clock, event.logical_clock),
            false => event.logical_clock,
        };
        // `peers` names the recipients of a send, or the sender of a received message. The last value, the tick of the send, is not in
        // these logs.
        let [peers, stamp, _] = imported::message_cells(row, MACHINES);
        let (recipients, sender) = match event.kind {
            EventKind::Receive(_) if style.messages => (String::new(), peers),
            EventKind::Receive(_) => (String::new(), String::new()),
            _ => (peers, String::new()),
        };
        let has_stamp = match event.kind {
            EventKind::Receive(_) => style.messages,
            _ => style.send_stamps,
        };
        let stamp = if has_stamp { stamp } else { String::new() };
        // An event without recipients has one row too: splitting an empty text gives one empty text.
        let recipients: Vec<String> = match style.row_per_recipient {
            true => recipients.split(';').map(str::to_owned).collect(),
            false => vec![recipients],
        };
        // The rows of the same send are 0.4 ms apart, because a real program writes one row after the other.
        for (index, recipient) in (0..).zip(recipients) {
            rows.push([
                (row.logged.system_time_ns + index * 400_000).to_string(),
                word.to_owned(),
                clock.to_string(),
                length.clone(),
                recipient,
                sender.clone(),
                stamp.clone(),
            ]);
        }
    }
    rows
}

/// Writes the logs of the dataset `original` to the folder `into`, each run to its own folder. For each machine of each run, `alter` gets
/// the machine's number and rows, and can change the rows. Returns the folders.
pub fn write_altered(
    original: &Path,
    into: &Path,
    style: Style,
    alter: impl Fn(usize, &mut Vec<[String; 7]>),
) -> Vec<PathBuf> {
    let runs = imported::events(original).into_iter().enumerate();
    runs.map(|(run, events)| {
        let folder = into.join(format!("run{run}"));
        fs::create_dir_all(&folder).unwrap();
        for machine in 0..MACHINES {
            let mut rows = rows(&events, machine, style);
            alter(machine as usize, &mut rows);
            let lines = rows.iter().map(|cells| cells.join(","));
            let lines: Vec<String> = std::iter::once(HEADER.to_owned()).chain(lines).collect();
            let text = lines.join(style.line_end) + style.line_end;
            // Machine 0 is called vm1, as in the cells for recipients and senders.
            fs::write(folder.join(format!("vm{}.csv", machine + 1)), text).unwrap();
        }
        folder
    })
    .collect()
}

/// Two datasets. An experiment made the original dataset. Then its events were written as the logs of another program, and the import of
/// these logs made the second dataset.
pub struct Imported {
    pub folder: tempfile::TempDir,
    /// The folder of the experiment's dataset.
    pub original: PathBuf,
    /// The folder of the imported dataset.
    pub root: PathBuf,
    /// What the import reported.
    pub report: Report,
}

impl Imported {
    pub fn new(experiment: &str, style: Style) -> Self {
        Self::altered(experiment, style, &Mapping::default(), |_, _| {})
    }

    /// Imports with `mapping` after `alter` has changed the rows of each machine.
    pub fn altered(
        experiment: &str,
        style: Style,
        mapping: &Mapping,
        alter: impl Fn(usize, &mut Vec<[String; 7]>),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [original, logs, root] =
            ["original", "logs", "imported"].map(|name| folder.path().join(name));
        fixture::simulated(&original, experiment);
        let sources = write_altered(&original, &logs, style, alter);
        let report = import::import(&sources, mapping, &root).unwrap();
        Self {
            folder,
            original,
            root,
            report,
        }
    }

    /// The sentences of the import's report, without the path of the temporary folder.
    pub fn words(&self) -> String {
        let words = self.report.words().join("\n");
        words.replace(&self.folder.path().display().to_string(), "")
    }

    /// The measures of the imported dataset.
    pub fn measured(&self) -> DataFrame {
        imported::measured(&self.root)
    }

    /// Requires that the measures in `but_for` are null in the imported dataset, and that all other measures are the same as in the original
    /// dataset.
    pub fn require_measures(&self, but_for: &[&str]) {
        let original = imported::measured(&self.original);
        imported::require_same_measures(&original, &self.measured(), but_for);
    }

    /// The audit of the imported dataset.
    pub fn audit(&self) -> Audit {
        Audit::run(std::slice::from_ref(&self.root)).unwrap()
    }

    /// The checks of the audit that fail.
    pub fn failed(&self) -> Vec<Check> {
        let audit = self.audit();
        let has_failed = |check: &Check| {
            let (_, violations) = audit.counts(*check);
            violations > 0
        };
        Check::ALL.into_iter().filter(has_failed).collect()
    }

    pub fn dataset(&self) -> Dataset {
        Dataset::open(&self.root).unwrap()
    }
}

/// Three machines at 1, 3 and 6 ticks per second for 20 s. With `phase = "aligned"`, all of them have their first tick at second 0. An
/// import takes the first event of a run as second 0, so the imported times are the original times. `more` has further lines of the
/// parameters.
pub fn experiment(seed: u64, more: &str) -> String {
    format!(
        "name = \"original\"\nseed = {seed}\nrepetitions = 2\nduration_s = 20\nengine = \"virtual\"\n[parameters]\nrates = [[1, 3, 6]]\n\
         internal = [0.7]\nphase = \"aligned\"\n{more}"
    )
}
