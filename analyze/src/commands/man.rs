//! `analyze man`: writes the manual pages.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command};

/// Write manual pages, one for the program and one for each command
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze man ~/.local/share/man/man1 && man analyze-summary")]
pub struct Man {
    /// The folder for the manual pages; it is created if it does not exist
    folder: PathBuf,
}

impl Man {
    /// Makes the pages from `program`, the definition of the command line.
    pub fn run(&self, program: Command) -> anyhow::Result<()> {
        fs::create_dir_all(&self.folder)
            .and_then(|()| clap_mangen::generate_to(program, &self.folder))
            .with_context(|| format!("cannot write manual pages to {}", self.folder.display()))
    }
}
