//! Checks whether the logs of a dataset follow the rules of machines with Lamport clocks, and whether they agree with the
//! journal (`runs.csv`, which has a row for each run).
//!
//! The audit has its own code for all rules. It does not use the simulator's machines, clocks, schedules or engines. From the simulator it
//! uses only the code that reads logs, and the types of rows and parameters. Each run is compared with its own row in the journal. Only two
//! rules are about several runs together. The shares of random outcomes (for example the share of internal events) are computed over all
//! runs of a configuration. And no two finished runs may have the same run number or the same key.
//!
//! A queue length is the number of messages that arrived minus the number of messages received. It is not always known when a message
//! arrived, so the audit computes two limits. The queue length must lie between them. The lower limit counts only the messages that must
//! have arrived, and the upper limit counts all messages that can have arrived. How much is known about arrivals depends on the run:
//!
//! - In virtual time, and in runs that were as scheduled (column `as_scheduled`), a message counts as arrived when its configured delay is
//!   over. The delay begins when the tick of the send is due. If the delay is constant, the two limits are equal. If delays are random,
//!   the audit knows only the shortest and the longest possible delay.
//! - In other runs, a message arrived between two times: the logged time of its send, and this time plus the run's largest latency. (The
//!   journal has the largest latency.) If a delay is configured, the message entered the queue only when the delay was over.
//!
//! # Layout
//!
//! - [`checks`]: all checks, with their names and rules
//! - [`tally`]: counts how often each check was made and failed, and keeps the first violation of each check
//! - [`setup`], [`timetable`]: the parameters of a run, and the times at which its ticks are due
//! - [`model`]: what a machine does at an idle tick (a tick without a waiting message), and to which machines it may send
//! - [`margin`]: computes the margin of a run again, to compare it with the journal
//! - [`journal`]: checks of the journal's rows
//! - [`log`]: the events of each machine of a run
//! - [`ticks`]: checks of ticks, their times, and phases (the times of the first ticks)
//! - [`clocks`]: checks of the clocks
//! - [`timestamps`]: checks of the timestamps of vector clocks and hybrid logical clocks
//! - [`in_flight`]: lists the messages that were sent, and when each can have arrived
//! - [`messages`]: checks of receives: whether each fits the send of its message
//! - [`order`]: checks the order in which messages are taken from a queue
//! - [`queues`]: checks of queue lengths
//! - [`event_frequencies`]: checks of the shares of random outcomes
//! - [`runs`]: makes all checks on the runs of a dataset, on all cores
//! - [`lines`]: finds the file and line of a violation
//! - [`pictures`]: makes the command that draws a violation
//! - [`words`]: descriptions of events, for messages
//! - [`report`]: the results as text and tables

mod checks;
mod clocks;
mod event_frequencies;
mod in_flight;
mod journal;
mod lines;
mod log;
mod margin;
mod messages;
mod model;
mod order;
mod pictures;
mod queues;
mod report;
mod runs;
mod setup;
mod tally;
mod ticks;
mod timestamps;
mod timetable;
mod words;

use std::path::{Path, PathBuf};

use sim::experiment::Shard;

pub use checks::Check;
pub use report::{counter_example, describe_failures, not_audited, records, table, words};

use crate::error::Error;
use crate::read::labels::labels;

/// The results of an audit of some datasets.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The results for each dataset, in the order of the command line.
    pub datasets: Vec<Audited>,
}

/// The results of an audit for one dataset.
#[derive(Clone, Debug)]
pub struct Audited {
    /// The dataset's name, or its path if another dataset has the same name.
    pub label: String,
    /// Number of finished runs whose events were audited.
    pub runs: u64,
    /// Number of runs that failed and were not finished by a later attempt. They have no events.
    pub failed: u64,
    /// Number of planned runs that are neither finished nor failed. Runs of missing shards do not count.
    pub to_do: u64,
    /// The shards that have no folder, or a folder without a manifest (`dataset.json`).
    pub missing_shards: Vec<Shard>,
    /// Number of events read.
    pub events: u64,
    /// Number of messages. A send to several machines counts once for each recipient.
    pub messages: u64,
    /// Whether the logs come from another program. A check is not made if it needs values that these logs do not have.
    pub imported: bool,
    /// Why violations cannot be traced to lines of the imported files. `None` if they can, and `None` if the dataset was not imported.
    pub sources_problem: Option<String>,
    /// The result of each check, in the order of [`Check::ALL`].
    pub results: Vec<CheckResult>,
}

/// The result of one check for a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// How often the check was made.
    pub checked: u64,
    /// How often the check failed.
    pub violations: u64,
    /// The violation in the run with the lowest run number. If this run has several violations, the violation that was found first. `None`
    /// if the check never failed.
    pub first: Option<CounterExample>,
}

/// A violation of a rule, in an event or in a row of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct CounterExample {
    /// The file with the violation.
    pub file: PathBuf,
    /// The line in the file (from 1), or `None` if the file cannot be read up to the violation.
    pub line: Option<u64>,
    /// The run, or `None` if the journal cannot be read.
    pub run: Option<u64>,
    /// The file and the line (from 1) of the imported log from which the event was read. `None` if they are not known, or if the
    /// dataset was not imported.
    pub source: Option<(String, u64)>,
    /// A description of the violation.
    pub words: String,
    /// The command that draws the event and marks it. `None` if the violation is not in an event, or if the events of the run cannot be
    /// read. Also `None` if the dataset has a run that is finished twice, because `analyze diagram` refuses such a dataset.
    pub diagram: Option<String>,
}

impl Audit {
    /// Audits the datasets in the folders `roots`.
    ///
    /// # Errors
    ///
    /// [`Error::Dataset`] if a folder is not a dataset, [`Error::NoFinishedRun`] if a dataset has no finished run. Damaged files
    /// and wrong values within a dataset are reported as violations, not as errors.
    pub fn run(roots: &[PathBuf]) -> Result<Self, Error> {
        let mut datasets = roots
            .iter()
            .map(|root| runs::audit(root))
            .collect::<Result<Vec<_>, _>>()?;
        let paths: Vec<&Path> = roots.iter().map(PathBuf::as_path).collect();
        for (dataset, label) in std::iter::zip(&mut datasets, labels(&paths)) {
            dataset.label = label;
        }
        Ok(Self { datasets })
    }

    /// Returns how often `check` was made and how often it failed, summed over all datasets.
    pub fn counts(&self, check: Check) -> (u64, u64) {
        self.results(check)
            .fold((0, 0), |(checked, violations), result| {
                (checked + result.checked, violations + result.violations)
            })
    }

    /// Tells whether there are no violations.
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
