//! `analyze order`.

use analyze::stats::tables;
use clap::Args;

use super::Datasets;
use super::output::{self, Output, Rows};

/// How far apart the clocks of a run are, how old the news is, and how much of the order is real
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze order data/quickstart")]
pub struct Order {
    #[command(flatten)]
    datasets: Datasets,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    output: Output,
}

impl Order {
    pub fn run(&self) -> anyhow::Result<()> {
        output::answer(&tables::ORDER, &self.datasets, &self.rows, &self.output)
    }
}
