//! The configurations of the tests: small enough to run them often, large enough to show every bug.

use std::path::Path;

use analyze::audit::{Audit, Check};
use sim::log::{FinishedRun, LoggedEvent};

use super::buggy;
use super::bugs::{Bug, Law};
use crate::fixture;

/// A configuration.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub rates: &'static str,
    pub phase: &'static str,
    pub delay_s: &'static str,
    pub law: Law,
}

/// Two, three and five machines. In each setup one machine receives more messages than it can take.
pub const SETUPS: [Setup; 5] = [
    Setup {
        rates: "[1, 6]",
        phase: "spread",
        delay_s: "0",
        law: Law::Constant(0),
    },
    Setup {
        rates: "[1, 3, 6]",
        phase: "uniform",
        delay_s: "0",
        law: Law::Constant(0),
    },
    Setup {
        rates: "[1, 6, 3]",
        phase: "aligned",
        delay_s: "0",
        law: Law::Constant(0),
    },
    Setup {
        rates: "[2, 7, 3, 5, 1]",
        phase: "spread",
        delay_s: "0.15",
        law: Law::Constant(150_000_000),
    },
    Setup {
        rates: "[1, 3, 6]",
        phase: "spread",
        delay_s: "{ exponential = 0.3 }",
        law: Law::Exponential(0.3e9),
    },
];

/// The kind of dataset that is written from a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// A run of the virtual engine. All times are known.
    Virtual,
    /// A run over TCP that is as scheduled. Every event is [`LATE_NS`] late.
    AsScheduled,
    /// A run over TCP that is not as scheduled. Only lower and upper limits of queue lengths are known.
    Late,
}

pub const WORLDS: [World; 3] = [World::Virtual, World::AsScheduled, World::Late];

/// The lateness of all events over TCP.
pub const LATE_NS: u64 = 300_000;
/// The start of all runs over TCP.
pub const START_NS: u64 = 1_700_000_000_000_000_000;

impl Setup {
    pub fn machines(&self) -> usize {
        self.rates.split(',').count()
    }

    /// The text of the experiment file.
    pub fn text(&self, world: World) -> String {
        let Self {
            rates,
            phase,
            delay_s,
            ..
        } = self;
        let engine = match world {
            World::Virtual => "virtual",
            World::AsScheduled | World::Late => "tcp",
        };
        format!(
            "name = \"audited\"\nseed = 7\nrepetitions = 4\nduration_s = 60\nengine = \"{engine}\"\n[parameters]\n\
             rates = [{rates}]\ninternal = 0.7\nphase = \"{phase}\"\ndelay_s = {delay_s}"
        )
    }

    /// Audits four runs of a program with `bug`.
    pub fn audit(&self, world: World, bug: Bug) -> Audit {
        self.audit_altered(world, bug, |_| {})
    }

    /// Audits four runs of a program with `bug`. The runs are altered before they are written.
    pub fn audit_altered(&self, world: World, bug: Bug, alter: impl Fn(&mut FinishedRun)) -> Audit {
        let folder = tempfile::tempdir().unwrap();
        fixture::altered(folder.path(), &self.text(world), |runs| {
            for run in runs {
                let logs = buggy::logs(run, self.law, bug);
                log(run, &logs);
                if world != World::Virtual {
                    over_tcp(run, world);
                }
                alter(run);
            }
        });
        audit(folder.path())
    }
}

pub fn audit(root: &Path) -> Audit {
    Audit::run(&[root.to_owned()]).unwrap()
}

/// The names of the checks that failed.
pub fn failed(audit: &Audit) -> Vec<&'static str> {
    let checks = Check::ALL.into_iter();
    checks
        .filter(|&check| audit.counts(check).1 > 0)
        .map(Check::name)
        .collect()
}

/// Replaces the logs of a run.
fn log(run: &mut FinishedRun, logs: &[Vec<LoggedEvent>]) {
    run.events.clear();
    run.row.events = 0;
    for (machine, events) in (0..).zip(logs) {
        for logged in events.iter().cloned() {
            let run_index = run.row.run;
            let row = sim::log::EventRow {
                run: run_index,
                machine,
                logged,
            };
            sim::log::write_row(&mut run.events, &row);
            run.row.events += 1;
        }
    }
}

/// Turns a run in virtual time into a run over TCP in which every event is late.
pub fn over_tcp(run: &mut FinishedRun, world: World) {
    let text = String::from_utf8(std::mem::take(&mut run.events)).unwrap();
    let rows = text.lines().map(|row| {
        let mut cells: Vec<String> = row.split(',').map(str::to_owned).collect();
        let due_ns: u64 = cells[4].parse().unwrap();
        cells[4] = (START_NS + due_ns + LATE_NS).to_string();
        cells.join(",") + "\n"
    });
    run.events = rows.collect::<String>().into_bytes();
    run.row.started_at_ns = START_NS;
    run.row.lateness_max_us = LATE_NS as f64 / 1e3;
    run.row.punctual = run.row.lateness_max_us < run.row.margin_us;
    run.row.as_scheduled = world == World::AsScheduled;
}
