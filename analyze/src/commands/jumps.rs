//! `analyze jumps`: a table of the jumps of clocks (how far a clock moves from one event to the next).

use analyze::stats::tables;
use clap::Args;

use super::Datasets;
use super::output::Output;
use super::rows::{self, Rows};

/// How far the clocks advance from one event to the next
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze jumps data/quickstart --format csv > jumps.csv")]
pub struct Jumps {
    #[command(flatten)]
    datasets: Datasets,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    output: Output,
}

impl Jumps {
    pub fn run(&self) -> anyhow::Result<()> {
        rows::print_table_of(&tables::JUMPS, &self.datasets, &self.rows, &self.output)
    }
}
