//! Writes our own logs as other programs would: one file per machine, in a style that leaves out or changes some values.

use std::fs;
use std::path::{Path, PathBuf};

use analyze::Dataset;
use analyze::audit::{Audit, Check};
use analyze::import::{self, Mapping, Report};
use polars::prelude::DataFrame;
use sim::log::EventRow;
use sim::machine::EventKind;

use crate::{fixture, imported};

/// Which queue lengths are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    All,
    /// Lengths of receives only. The classroom exercise asks for no more.
    Receives,
    Nowhere,
    /// All lengths, taken before the event.
    Before,
}

/// The style of the logs.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub queue: Queue,
    /// Whether clocks are logged before the event.
    pub clock_before: bool,
    /// Whether sends have their stamps.
    pub send_stamps: bool,
    /// Whether receives have sender and stamp.
    pub messages: bool,
    /// Whether a send to several machines has a row for each recipient.
    pub row_each: bool,
    pub line_end: &'static str,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            queue: Queue::All,
            clock_before: false,
            send_stamps: true,
            messages: true,
            row_each: false,
            line_end: "\n",
        }
    }
}

pub const HEADER: &str = "time_ns,event,clock,queue,recipients,sender,stamp";

/// The rows of `machine` in the events of a run of three machines.
fn rows(events: &[EventRow], machine: u32, style: Style) -> Vec<[String; 7]> {
    let mut rows = vec![];
    let mut clock_before = 0;
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
            (Queue::Before, _) => (event.queue_length + u64::from(is_receive)).to_string(),
            (Queue::Receives, false) | (Queue::Nowhere, _) => String::new(),
        };
        let clock = match style.clock_before {
            true => std::mem::replace(&mut clock_before, event.logical_clock),
            false => event.logical_clock,
        };
        let [to, stamp, _] = imported::message_cells(row, 3);
        let (recipients, sender) = match event.kind {
            EventKind::Receive(_) if style.messages => (String::new(), to),
            EventKind::Receive(_) => Default::default(),
            _ => (to, String::new()),
        };
        let is_told = match event.kind {
            EventKind::Receive(_) => style.messages,
            _ => style.send_stamps,
        };
        let stamp = if is_told { stamp } else { String::new() };
        let recipients: Vec<String> = match style.row_each {
            true => recipients.split(';').map(str::to_owned).collect(),
            false => vec![recipients],
        };
        for (index, to) in (0..).zip(recipients) {
            rows.push([
                (row.logged.system_time_ns + index * 400_000).to_string(),
                word.to_owned(),
                clock.to_string(),
                length.clone(),
                to,
                sender.clone(),
                stamp.clone(),
            ]);
        }
    }
    rows
}

/// Writes the logs of the dataset `original` to the folder `into`, each run to its own folder. `alter` may change the rows of a
/// machine.
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
        for machine in 0..3 {
            let mut rows = rows(&events, machine, style);
            alter(machine as usize, &mut rows);
            let lines = rows.iter().map(|cells| cells.join(","));
            let lines: Vec<String> = std::iter::once(HEADER.to_owned()).chain(lines).collect();
            let text = lines.join(style.line_end) + style.line_end;
            fs::write(folder.join(format!("vm{}.csv", machine + 1)), text).unwrap();
        }
        folder
    })
    .collect()
}

/// A dataset of an experiment, and its logs imported again.
pub struct Imported {
    pub folder: tempfile::TempDir,
    pub original: PathBuf,
    pub root: PathBuf,
    pub report: Report,
}

impl Imported {
    pub fn new(experiment: &str, style: Style) -> Self {
        Self::altered(experiment, style, &Mapping::default(), |_, _| {})
    }

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

    pub fn words(&self) -> String {
        let words = self.report.words().join("\n");
        words.replace(&self.folder.path().display().to_string(), "")
    }

    pub fn measured(&self) -> DataFrame {
        imported::measured(&self.root)
    }

    /// Requires that the measures in `but_for` are null, and that all other measures equal those of the original.
    pub fn require_measures(&self, but_for: &[&str]) {
        let original = imported::measured(&self.original);
        imported::require_same_measures(&original, &self.measured(), but_for);
    }

    pub fn audit(&self) -> Audit {
        Audit::run(std::slice::from_ref(&self.root)).unwrap()
    }

    /// The checks that fail.
    pub fn failed(&self) -> Vec<Check> {
        let audit = self.audit();
        let failed = Check::ALL.into_iter();
        failed.filter(|&check| audit.counts(check).1 > 0).collect()
    }

    pub fn dataset(&self) -> Dataset {
        Dataset::open(&self.root).unwrap()
    }
}

/// Three machines at 1, 3 and 6 ticks per second for 20 s. They first tick at the start, so that time begins at the first event as in
/// an import.
pub fn experiment(seed: u64, more: &str) -> String {
    format!(
        "name = \"original\"\nseed = {seed}\nrepetitions = 2\nduration_s = 20\nengine = \"virtual\"\n[parameters]\nrates = [[1, 3, 6]]\n\
         internal = [0.7]\nphase = \"aligned\"\n{more}"
    )
}
