//! `analyze drift`: a table with the speed, the drift and the lag of the clocks.

use analyze::stats::tables;
use clap::Args;

use super::Datasets;
use super::output::Output;
use super::rows::{self, Rows};

/// How fast the clocks run, by how much they exceed the number of their machines' ticks, and how far they are behind the largest
/// clock of the run
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze drift data/quickstart --format csv > drift.csv")]
pub struct Drift {
    #[command(flatten)]
    datasets: Datasets,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    output: Output,
}

impl Drift {
    pub fn run(&self) -> anyhow::Result<()> {
        rows::print_table_of(&tables::DRIFT, &self.datasets, &self.rows, &self.output)
    }
}
