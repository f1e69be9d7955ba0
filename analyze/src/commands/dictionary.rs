//! `analyze dictionary`: prints what every column means. The file `data/README.md` is a copy of this output.

use clap::Args;

use super::output::write_stdout;

/// Print the data dictionary as Markdown: what every column of every file means
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze dictionary > data/README.md")]
pub struct Dictionary {}

impl Dictionary {
    pub fn run(&self) -> anyhow::Result<()> {
        Ok(write_stdout(
            analyze::export::dictionary::markdown().as_bytes(),
        )?)
    }
}
