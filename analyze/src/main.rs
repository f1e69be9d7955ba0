//! The `analyze` command: parses the command line, runs the subcommand, prints errors and sets the exit code.

mod commands;

use std::process::ExitCode;
#[cfg(unix)]
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches};
use sim::negative_numbers::accept_negative_numbers;

/// Exit code of every error except a failed check. Most often, the command line or a dataset cannot be used.
const UNUSABLE: u8 = 2;
/// Exit code if the program worked, but what it checked is wrong: for example, a log breaks the rules of Lamport clocks.
const CHECK_FAILED: u8 = 4;

/// The program often allocates and frees data frames of several megabytes. The standard allocator returns this memory to the
/// operating system each time, which is slow. The allocator mimalloc keeps the memory for the next data frame.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Makes a write beyond the file size limit (`ulimit -f`) an ordinary write error. Otherwise such a write causes the signal SIGXFSZ, which
/// kills the program.
#[cfg(unix)]
fn survive_file_size_limit() {
    // As soon as the signal has a handler, the write returns an error, whatever the handler does. This handler sets a flag that nobody
    // reads. If the handler cannot be registered, the signal still kills the program. But no file is damaged then, because files are written
    // under temporary names.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
}

fn main() -> ExitCode {
    #[cfg(unix)]
    survive_file_size_limit();
    let program = accept_negative_numbers(commands::Cli::command());
    let parsed = program
        .try_get_matches()
        .and_then(|matches| commands::Cli::from_arg_matches(&matches));
    let result = match parsed {
        Ok(cli) => cli.run(),
        // clap returns an error for --help and --version too. Only an error that belongs on stderr is a mistake in the command line.
        Err(mistake) if mistake.use_stderr() => {
            // If stderr is closed, the exit code still reports the mistake.
            let _ = mistake.print();
            return ExitCode::from(UNUSABLE);
        }
        // This error has the text that --help or --version prints.
        Err(help_or_version) => commands::print_help_or_version(&help_or_version),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output, such as `head`, has closed the pipe because it needs no more.
        Err(error) if commands::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if error.is::<commands::CheckFailed>() => {
            sim::console::tell(&error);
            ExitCode::from(CHECK_FAILED)
        }
        Err(error) => {
            sim::console::tell(format_args!("error: {error:#}"));
            ExitCode::from(UNUSABLE)
        }
    }
}
