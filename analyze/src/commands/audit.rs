//! `analyze audit`.

use std::path::PathBuf;

use analyze::audit;
use clap::Args;

use super::output::{self, Output};

/// Check whether the logs are executions of machines with Lamport clocks, by replaying every event
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze audit data/quickstart\n\n\
        Every finished run is held against the rules of Lamport's clocks and against its row in runs.csv: ticks and times, clocks \
        and stamps, every receive and its send, queues recounted, shares of what was drawn. Where a run's messages were all queued \
        when the schedule says (as_scheduled), and in virtual time, queues are recounted exactly; elsewhere they are held between \
        bounds. The exit code is 4 if anything is found: also where stamp = before, which breaks the Clock Condition by design.\n\n\
        CSV and JSON have a record a dataset and check: how often it was made (checked) and failed (violations), and of the first \
        failure file, line, run and what is wrong. The words go to stderr then.")]
pub struct Audit {
    /// Folders of datasets, made by `sim run` or `analyze import`, or folders of their shards
    #[arg(value_name = "DATASET", required = true)]
    roots: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Audit {
    pub fn run(&self) -> anyhow::Result<()> {
        let found = audit::Audit::of(&self.roots)?;
        let words = audit::words(&found);
        self.output.say_aside(&words);
        let tables = [audit::table(&found)];
        let printed = self
            .output
            .print(&words, &tables, || audit::records(&found));
        output::checked(audit::exception(&found), printed)
    }
}
