//! `analyze completions`: prints a script with which a shell completes commands and options.

use clap::{Args, Command};
use clap_complete::Shell;

use super::output::write_stdout;

/// Print a script that lets a shell complete commands and options
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze completions bash > ~/.local/share/bash-completion/completions/analyze
  analyze completions zsh > ~/.zfunc/_analyze")]
pub struct Completions {
    /// The shell that the script is for
    shell: Shell,
}

impl Completions {
    pub fn run(&self, mut program: Command) -> anyhow::Result<()> {
        let name = program.get_name().to_owned();
        let mut script = vec![];
        clap_complete::generate(self.shell, &mut program, name, &mut script);
        Ok(write_stdout(&script)?)
    }
}
