//! `sim completions`: prints a script with which a shell completes commands and options.

use std::process::ExitCode;

use anyhow::Result;
use clap::Command;
use clap_complete::Shell;

use super::print;

/// Print a script that lets a shell complete commands and options
#[derive(clap::Args)]
#[command(after_help = "Examples:
  sim completions bash > ~/.local/share/bash-completion/completions/sim
  sim completions zsh > ~/.zfunc/_sim")]
pub struct Args {
    /// The shell that the script is for
    shell: Shell,
}

/// Prints the script for the shell in `args`. `program` describes the commands and options of `sim`.
pub fn run(args: &Args, mut program: Command) -> Result<ExitCode> {
    let name = program.get_name().to_owned();
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut program, name, &mut script);
    // `print` adds a line break at the end.
    print(&String::from_utf8(script)?.trim_end())
}
