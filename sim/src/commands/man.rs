//! `sim man`: writes the manual pages.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Command;

/// Write the manual pages, one for the program and one for each command
#[derive(clap::Args)]
#[command(after_help = "Example:
  sim man ~/.local/share/man/man1 && man sim-run")]
pub struct Args {
    /// The folder for the pages; it is created if it does not exist
    folder: PathBuf,
}

/// Writes the pages.
pub fn run(args: &Args, program: Command) -> Result<ExitCode> {
    fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(program, &args.folder))
        .with_context(|| format!("cannot write manual pages to {}", args.folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
