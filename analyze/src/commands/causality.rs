//! `analyze causality`: a table of how far apart the clocks of a run's machines are, of the age of messages, and of concurrent events.

use analyze::stats::tables;
use clap::Args;

use super::Datasets;
use super::output::Output;
use super::rows::{self, Rows};

/// How far apart the clocks of a run are, how old messages are when they are received, and how many pairs of events are concurrent
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze causality data/quickstart")]
pub struct Causality {
    #[command(flatten)]
    datasets: Datasets,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    output: Output,
}

impl Causality {
    pub fn run(&self) -> anyhow::Result<()> {
        rows::print_table_of(&tables::CAUSALITY, &self.datasets, &self.rows, &self.output)
    }
}
