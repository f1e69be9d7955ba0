//! `analyze export`.

use analyze::export::{self, PartCount, Written};
use analyze::output::words::counted;
use clap::Args;
use sim::console::tell;

use super::Datasets;

/// Write runs, machines and events as Parquet into <DATASET>/processed, for notebooks; of the events only what is new
#[derive(Debug, Args)]
#[command(
    after_help = "Example: analyze export data/quickstart\n\n`analyze dictionary` says what the columns mean."
)]
pub struct Export {
    #[command(flatten)]
    datasets: Datasets,
    /// Write the same as CSV too, each table as one file
    #[arg(long)]
    csv: bool,
}

impl Export {
    pub fn run(&self) -> anyhow::Result<()> {
        for dataset in self.datasets.open()? {
            for written in export::export(&dataset, self.csv)? {
                tell(line(&written));
            }
            let machines = dataset.root().join("processed").join("machines.parquet");
            tell(format_args!(
                "In Python: pl.read_parquet(\"{}\")",
                machines.display()
            ));
        }
        Ok(())
    }
}

fn line(written: &Written) -> String {
    let Written { rows, bytes, .. } = written;
    let line = format!("{}: {rows} rows, {}", written.path.display(), size(*bytes));
    match written.parts {
        None => line,
        Some(PartCount { all, written }) => {
            format!("{line} in {}, {written} of them new", counted(all, "part"))
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
