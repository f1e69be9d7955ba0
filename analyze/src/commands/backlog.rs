//! `analyze backlog`: a table of the lengths of the queues, and of how fast the queues grow.

use analyze::stats::tables;
use clap::Args;

use super::Datasets;
use super::output::Output;
use super::rows::{self, Rows};

/// How many messages wait in the queues, and how fast the queues grow
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze backlog data/quickstart --format csv > backlog.csv")]
pub struct Backlog {
    #[command(flatten)]
    datasets: Datasets,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    output: Output,
}

impl Backlog {
    pub fn run(&self) -> anyhow::Result<()> {
        rows::print_table_of(&tables::BACKLOG, &self.datasets, &self.rows, &self.output)
    }
}
