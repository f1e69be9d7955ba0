//! `analyze export`.

use analyze::export::{self, Written};
use clap::Args;

use super::Datasets;

/// Write runs, machines and events as Parquet into <DATASET>/processed, for notebooks
#[derive(Debug, Args)]
#[command(
    after_help = "Example: analyze export data/quickstart\n\n`analyze dictionary` says what the columns mean."
)]
pub struct Export {
    #[command(flatten)]
    datasets: Datasets,
    /// Write the same as CSV too
    #[arg(long)]
    csv: bool,
}

impl Export {
    pub fn run(&self) -> anyhow::Result<()> {
        for dataset in self.datasets.open()? {
            for Written { path, rows, bytes } in export::export(&dataset, self.csv)? {
                eprintln!("{}: {rows} rows, {}", path.display(), size(bytes));
            }
            let machines = dataset.root().join("processed").join("machines.parquet");
            eprintln!("In Python: pl.read_parquet(\"{}\")", machines.display());
        }
        Ok(())
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
