//! `analyze audit`: checks whether the logs of runs follow Lamport's rules.

use std::path::PathBuf;

use analyze::audit;
use clap::Args;

use super::output::{self, Output};

/// Check whether the logs follow the rules of machines with Lamport clocks, by replaying every event
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze audit data/quickstart\n\n\
        The audit checks every finished run against the rules that its machines follow: ticks and times, clocks and timestamps, every \
        receive and its send, and the queues. It also compares the run with its row in runs.csv. Over all runs of a configuration, \
        internal events must be about as frequent as their probability says, and each recipient must be chosen about as often as its \
        probability says. If the log shows when each message entered its queue, the logged queue lengths must be those that the audit calculates. \
        Otherwise they must be between the smallest and the largest length that is possible. For each check that failed, the first violation is described, with the `analyze \
        diagram` command that shows it as a picture. If any check fails, the exit code is 4. In runs with stamp = before, a message \
        carries the value that the sender's clock had before the send. This breaks Lamport's Clock Condition (if event a happened before \
        event b, then a has the smaller clock), so these runs fail a check, as they should.\n\n\
        CSV and JSON have one record for each dataset and check: how often the check was made (checked), how often it failed \
        (violations), and file, line, run and description of the first failure, with the command that shows it as a picture (diagram). \
        With --format table, a summary in words stands above the table. With CSV and JSON, it is printed to stderr.")]
pub struct Audit {
    /// Dataset folders, made by `sim run` or `analyze import`. If a dataset was made in parts (shards, with `sim run --shard`), give its
    /// folder, or the folders of some of its shards
    #[arg(value_name = "DATASET", required = true)]
    roots: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Audit {
    pub fn run(&self) -> anyhow::Result<()> {
        let audit = audit::Audit::run(&self.roots)?;
        let words = audit::words(&audit);
        // With CSV and JSON, `print` below leaves out the sentences above the table (`words`). So this line prints them to stderr.
        self.output.print_words_to_stderr_with_csv_or_json(&words);
        let tables = [audit::table(&audit)];
        let print_result = self
            .output
            .print(&words, &tables, || audit::records(&audit));
        output::report_check(audit::describe_failures(&audit), print_result)
    }
}
