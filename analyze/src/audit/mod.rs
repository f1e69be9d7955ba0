//! Are a dataset's logs an execution of machines with Lamport clocks, and of the machines that the journal says?
//!
//! The logs are replayed by the rules alone: nothing here calls the simulator's machines, clocks, schedules or engines, only its
//! types for rows and parameters. Every run is held against its row of the journal, by itself; only shares are pooled, over the
//! runs of a configuration.
//!
//! What a run must be depends on what its row claims. In virtual time, and wherever every message was queued when the schedule
//! says (`as_scheduled`), the instant at which a message can be seen is known, and queues are recounted exactly. Of other runs the
//! journal has the greatest latency, and each queue is held between what was sent and what must have arrived.
//!
//! # Layout
//!
//! - [`checks`]: every check, its name and what it says
//! - [`tally`]: how often each was made and failed, and where first
//! - [`setup`], [`timetable`]: what a run was set up to be, and when its ticks are due
//! - [`model`]: what idle machines do, and to whom they may send
//! - [`journal`]: rows of the journal against themselves and their events
//! - [`log`]: the rows of a run, machine by machine
//! - [`ticks`]: ticks, times and phases
//! - [`clocks`]: the rules of the clock
//! - [`in_flight`], [`messages`], [`order`]: what was sent to whom, what was received, and in which order
//! - [`queues`]: queues recounted
//! - [`event_frequencies`]: shares of what was drawn
//! - [`runs`]: all of these over the runs of a dataset, on all cores
//! - [`lines`]: where in which file something stands
//! - [`words`], [`report`]: how that is told

mod checks;
mod clocks;
mod event_frequencies;
mod in_flight;
mod journal;
mod lines;
mod log;
mod messages;
mod model;
mod order;
mod queues;
mod report;
mod runs;
mod setup;
mod tally;
mod ticks;
mod timetable;
mod words;

use std::path::PathBuf;

use sim::experiment::Shard;

pub use checks::Check;
pub use report::{counter_example, exception, not_audited, records, table, words};

use crate::error::Error;

/// What an audit found in some datasets.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The datasets, as they were named.
    pub datasets: Vec<Audited>,
}

/// What an audit found in a dataset.
#[derive(Clone, Debug)]
pub struct Audited {
    /// What it is called: its name, or its path if another has the same name.
    pub label: String,
    /// Finished runs whose events were audited.
    pub runs: u64,
    /// Runs that failed and were not finished by a later attempt: they have no events.
    pub failed: u64,
    /// Planned runs that have not been attempted, or are not to be seen any more.
    pub to_do: u64,
    /// The shards of the experiment that are not there.
    pub missing_shards: Vec<Shard>,
    /// Events read.
    pub events: u64,
    /// Messages sent: a broadcast is one to each peer.
    pub messages: u64,
    /// Whether the logs are another implementation's: then what their columns do not tell is not checked.
    pub imported: bool,
    /// Why the lines of the imported files are not known, if they should be.
    pub sources_problem: Option<String>,
    /// What became of each check, in the order of [`Check::ALL`].
    pub results: Vec<CheckResult>,
}

/// What became of a check in a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// How often it was made.
    pub checked: u64,
    /// How often it failed.
    pub violations: u64,
    /// Where first.
    pub first: Option<CounterExample>,
}

/// An event, or a row of the journal, that cannot be.
#[derive(Clone, Debug, PartialEq)]
pub struct CounterExample {
    /// The file that it stands in.
    pub file: PathBuf,
    /// The line of that file, counted from 1; none if the file cannot be read that far.
    pub line: Option<u64>,
    /// The run; none if the journal cannot be read.
    pub run: Option<u64>,
    /// Where the event stands in the log that was imported, if it was: the file and the line, counted from 1.
    pub source: Option<(String, u64)>,
    /// What is wrong.
    pub words: String,
}

impl Audit {
    /// Audits the datasets in folders `roots`.
    ///
    /// # Errors
    ///
    /// [`Error::Dataset`] for a folder that is no dataset, [`Error::NoFinishedRun`]. What is wrong within a dataset is a finding.
    pub fn run(roots: &[PathBuf]) -> Result<Self, Error> {
        let mut datasets = roots
            .iter()
            .map(|root| runs::audit(root))
            .collect::<Result<Vec<_>, _>>()?;
        let names: Vec<String> = datasets
            .iter()
            .map(|dataset| dataset.label.clone())
            .collect();
        for (dataset, root) in datasets.iter_mut().zip(roots) {
            let namesakes = names.iter().filter(|name| **name == dataset.label).count();
            if namesakes > 1 {
                dataset.label = root.display().to_string();
            }
        }
        Ok(Self { datasets })
    }

    /// How often `check` was made, and how often it failed, in all datasets.
    pub fn counts(&self, check: Check) -> (u64, u64) {
        self.results(check)
            .fold((0, 0), |(checked, violations), result| {
                (checked + result.checked, violations + result.violations)
            })
    }

    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        Check::ALL.iter().all(|&check| self.counts(check).1 == 0)
    }

    fn results(&self, check: Check) -> impl Iterator<Item = &CheckResult> {
        self.datasets
            .iter()
            .map(move |dataset| &dataset.results[check as usize])
    }

    /// The first violation of `check` in any dataset.
    pub fn first(&self, check: Check) -> Option<&CounterExample> {
        self.results(check).find_map(|result| result.first.as_ref())
    }
}
