//! The configurations of the systems that are simulated with a [`Bug`]. The audit must find the bug in the logs of these systems. The
//! systems are small, so that the tests are fast, and large enough to show every bug.

use std::path::Path;

use analyze::audit::{Audit, Check};
use sim::log::{EndedRun, LoggedEvent};

use super::buggy;
use super::bugs::{Bug, DelayDistribution};
use crate::fixture;

/// A configuration of simulated machines. The strings are written into the experiment file as they are.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub rates: &'static str,
    pub phase: &'static str,
    pub delay_s: &'static str,
    /// The same delays as in `delay_s`, but in nanoseconds. The simulator with bugs takes them from here, and not from the experiment file.
    pub delays: DelayDistribution,
}

// Indices of cells in a row of the event log, as in `sim::log::EVENT_COLUMNS`.
pub const MACHINE: usize = 1;
pub const TICK: usize = 2;
pub const EVENT: usize = 3;
pub const TIME: usize = 4;
pub const CLOCK: usize = 5;
pub const QUEUE_LENGTH: usize = 6;
/// The recipients of a send, or the sender of a received message.
pub const PEERS: usize = 7;
pub const MESSAGE_STAMP: usize = 8;
pub const SENT_TICK: usize = 9;

/// Setups with two, three and five machines. In each setup, more messages arrive at one of the machines than it has ticks.
pub const SETUPS: [Setup; 5] = [
    Setup {
        rates: "[1, 6]",
        phase: "spread",
        delay_s: "0",
        delays: DelayDistribution::Constant(0),
    },
    Setup {
        rates: "[1, 3, 6]",
        phase: "uniform",
        delay_s: "0",
        delays: DelayDistribution::Constant(0),
    },
    Setup {
        rates: "[1, 6, 3]",
        phase: "aligned",
        delay_s: "0",
        delays: DelayDistribution::Constant(0),
    },
    Setup {
        rates: "[2, 7, 3, 5, 1]",
        phase: "spread",
        delay_s: "0.15",
        delays: DelayDistribution::Constant(150_000_000),
    },
    Setup {
        rates: "[1, 3, 6]",
        phase: "spread",
        delay_s: "{ exponential = 0.3 }",
        delays: DelayDistribution::Exponential(0.3e9),
    },
];

/// The kind of run that is written to the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    /// A run in virtual time: the audit knows exactly when each event is due.
    Virtual,
    /// A run over TCP that is as scheduled. Every event is [`LATE_NS`] late.
    AsScheduled,
    /// A run over TCP with the same events and the same lateness as in [`RunKind::AsScheduled`]. But the journal says that the run is not
    /// as scheduled. So the audit does not know exactly when messages arrived, and only has lower and upper limits of queue lengths.
    NotAsScheduled,
}

pub const RUN_KINDS: [RunKind; 3] = [
    RunKind::Virtual,
    RunKind::AsScheduled,
    RunKind::NotAsScheduled,
];

/// How late each event over TCP is.
pub const LATE_NS: u64 = 300_000;
/// The start of all runs over TCP.
pub const START_NS: u64 = 1_700_000_000_000_000_000;

impl Setup {
    pub fn machines(&self) -> usize {
        self.rates.split(',').count()
    }

    /// The text of the experiment file.
    pub fn text(&self, kind: RunKind) -> String {
        let Self {
            rates,
            phase,
            delay_s,
            ..
        } = self;
        let engine = match kind {
            RunKind::Virtual => "virtual",
            RunKind::AsScheduled | RunKind::NotAsScheduled => "tcp",
        };
        format!(
            "name = \"audited\"\nseed = 7\nrepetitions = 4\nduration_s = 60\nengine = \"{engine}\"\n[parameters]\n\
             rates = [{rates}]\ninternal = 0.7\nphase = \"{phase}\"\ndelay_s = {delay_s}"
        )
    }

    /// Audits four runs of a program with `bug`.
    pub fn audit(&self, kind: RunKind, bug: Bug) -> Audit {
        self.audit_altered(kind, bug, |_| {})
    }

    /// Audits four runs of a program with `bug`. The runs are altered before they are written.
    pub fn audit_altered(&self, kind: RunKind, bug: Bug, alter: impl Fn(&mut EndedRun)) -> Audit {
        let folder = tempfile::tempdir().unwrap();
        fixture::altered(folder.path(), &self.text(kind), |runs| {
            for run in runs {
                let logs = buggy::logs(run, self.delays, bug);
                replace_events(run, &logs);
                if kind != RunKind::Virtual {
                    over_tcp(run, kind);
                }
                alter(run);
            }
        });
        audit(folder.path())
    }
}

/// Audits the dataset in the folder `root`.
pub fn audit(root: &Path) -> Audit {
    Audit::run(&[root.to_owned()]).unwrap()
}

/// The names of the checks that failed.
pub fn failed(audit: &Audit) -> Vec<&'static str> {
    let checks = Check::ALL.into_iter();
    checks
        .filter(|&check| {
            let (_, violations) = audit.counts(check);
            violations > 0
        })
        .map(Check::name)
        .collect()
}

/// Replaces the events of a run by `logs`, which has one log for each machine.
fn replace_events(run: &mut EndedRun, logs: &[Vec<LoggedEvent>]) {
    run.events.clear();
    run.row.events = 0;
    for (machine, events) in (0..).zip(logs) {
        for logged in events.iter().cloned() {
            let row = sim::log::EventRow {
                run: run.row.run,
                machine,
                logged,
            };
            sim::log::write_row(&mut run.events, &row);
            run.row.events += 1;
        }
    }
}

/// Turns a run in virtual time into a run over TCP in which every event is [`LATE_NS`] late. `kind` says whether the run over
/// TCP is as scheduled.
pub fn over_tcp(run: &mut EndedRun, kind: RunKind) {
    let text = String::from_utf8(std::mem::take(&mut run.events)).unwrap();
    let rows = text.lines().map(|row| {
        let mut cells: Vec<String> = row.split(',').map(str::to_owned).collect();
        let due_ns: u64 = cells[TIME].parse().unwrap();
        cells[TIME] = (START_NS + due_ns + LATE_NS).to_string();
        cells.join(",") + "\n"
    });
    run.events = rows.collect::<String>().into_bytes();
    run.row.started_at_ns = START_NS;
    run.row.lateness_max_us = LATE_NS as f64 / 1e3;
    // A run is punctual if its largest lateness plus its largest latency is less than the margin. Here the latency is 0.
    run.row.punctual = run.row.lateness_max_us < run.row.margin_us;
    run.row.as_scheduled = kind == RunKind::AsScheduled;
}
