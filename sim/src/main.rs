//! The program `sim`: plans and runs many small distributed systems with Lamport clocks.

mod commands;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use sim::negative_numbers::accept_negative_numbers;

/// Exit code if a command cannot do its work, because its arguments, the experiment file or the dataset cannot be used.
const UNUSABLE: u8 = 2;

/// Runs many small distributed systems with Lamport clocks over real TCP or in virtual time. Each combination of parameter values
/// is run once per repetition
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  sim plan experiments/evening.toml
  sim run experiments/quickstart.toml
  sim status data/quickstart

`sim COMMAND --help` shows the options of a command, with examples.

Exit codes: 0 done; 2 the command line, the experiment or the dataset cannot be used; 3 some runs failed; 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Plan(commands::plan::Args),
    Run(commands::run::Args),
    Status(commands::status::Args),
    Machine(commands::machine::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
}

fn main() -> ExitCode {
    // The help lists the commands in groups.
    let program = commands::help::in_groups(accept_negative_numbers(Cli::command()));
    let parsed = program
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let result = match parsed {
        Ok(cli) => run(cli.command),
        // Clap returns an error also for `--help` and `--version`: the error contains the text to print.
        Err(answer) => commands::print_help_or_mistake(&answer),
    };
    result.unwrap_or_else(|error| {
        // With `#`, the causes of the error follow on the same line.
        sim::console::tell(format_args!("error: {error:#}"));
        ExitCode::from(UNUSABLE)
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Plan(args) => commands::plan::run(&args),
        Command::Run(args) => commands::run::run(&args),
        Command::Status(args) => commands::status::run(&args),
        Command::Machine(args) => commands::machine::run(&args),
        Command::Completions(args) => commands::completions::run(&args, Cli::command()),
        Command::Man(args) => commands::man::run(&args, Cli::command()),
    }
}
