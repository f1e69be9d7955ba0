//! `sim status`: how far a dataset has come, and how punctual its runs were.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use comfy_table::{Table, presets};
use sim::log::{Dataset, Status};
use sim::sweep::words::grouped;

/// Reasons of failure that are shown; `runs.csv` has them all.
const REASONS: usize = 5;

/// Show how far a dataset has come: runs done, failed and to do, punctuality
#[derive(clap::Args)]
#[command(after_help = "Example:\n  sim status data/overnight")]
pub struct Args {
    /// The dataset's folder
    dataset: PathBuf,
}

/// Prints the status as a table. Reading is allowed while a sweep is writing.
pub fn run(args: &Args) -> Result<ExitCode> {
    let dataset = Dataset::open(&args.dataset)?;
    println!("{}", table(&dataset, &Status::of(&dataset)));
    Ok(ExitCode::SUCCESS)
}

fn table(dataset: &Dataset, status: &Status) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    let experiment = &dataset.manifest().experiment;
    row("dataset", dataset.root().display().to_string());
    row("started", dataset.manifest().provenance.started_at.clone());
    row("engine", experiment.engine.clone());
    row("runs planned", grouped(status.planned));
    row("done", with_share(status.ok, status.planned));
    row("failed", grouped(status.failed));
    row("to do", grouped(status.to_do));
    if experiment.engine == "tcp" && status.ok > 0 {
        row("in order", with_share(status.in_order, status.ok));
        row("punctual", with_share(status.punctual, status.ok));
        row(
            "lateness",
            format!(
                "p99 {:.0} us in the median run, {:.1} ms at worst",
                status.lateness_p99_us,
                status.lateness_max_us / 1000.0
            ),
        );
        row("strangers", grouped(status.strangers));
    }
    for (reason, count) in status.reasons.iter().take(REASONS) {
        row("failures", format!("{} x {reason}", grouped(*count)));
    }
    table
}

fn with_share(part: u64, whole: u64) -> String {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    format!("{} ({percent:.1} %)", grouped(part))
}
