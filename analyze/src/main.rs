//! The `analyze` command: parse, run, print what went wrong, exit.

mod commands;

use std::process::ExitCode;
#[cfg(unix)]
use std::sync::Arc;

use clap::Parser;

/// The command line or a dataset is unusable. (0: done.)
const UNUSABLE: u8 = 2;
/// A check failed.
const CHECK_FAILED: u8 = 4;

/// Data frames come and go by the megabyte: the system's allocator gives their pages back each time, only to ask for them again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A file that may not grow any more (`ulimit -f`) is the disk's error then, and does not kill.
#[cfg(unix)]
fn survive_full_files() {
    // Without it, the signal kills the program: what it writes is under a temporary name even then.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
}

fn main() -> ExitCode {
    #[cfg(unix)]
    survive_full_files();
    let done = match commands::Cli::try_parse() {
        Ok(cli) => cli.run(),
        Err(answer) if answer.use_stderr() => {
            // A mistake stays one, even if nobody can be told.
            let _ = answer.print();
            return ExitCode::from(UNUSABLE);
        }
        Err(answer) => commands::print_answer(&answer),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
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
