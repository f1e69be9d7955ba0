//! `analyze dictionary`.

use std::io::Write;

use clap::Args;

/// What every column of every file means, as Markdown
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze dictionary > data/README.md")]
pub struct Dictionary {}

impl Dictionary {
    pub fn run(&self) -> anyhow::Result<()> {
        Ok(std::io::stdout().write_all(analyze::export::dictionary::markdown().as_bytes())?)
    }
}
