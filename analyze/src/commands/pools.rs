//! Polars' threads, started before they are needed: as many as it is told to have, or as the system gives.

use std::env;
use std::num::NonZeroUsize;
use std::thread;

use analyze::threads::{self, MOST, TooFew};
use anyhow::bail;

/// How many threads Polars has for its queries; otherwise one a core.
const MAX_THREADS: &str = "POLARS_MAX_THREADS";
/// Numbers of threads that Polars takes from the environment.
const NUMBERS: [&str; 3] = [
    MAX_THREADS,
    "POLARS_ASYNC_THREAD_COUNT",
    "POLARS_MAX_BLOCKING_THREAD_COUNT",
];

/// Starts them. If the system does not give so many, the program starts anew with as many as it gives.
///
/// # Errors
///
/// If the environment says a number of threads that is none, or the system gives too few threads or files for any query.
pub fn start() -> anyhow::Result<()> {
    for name in NUMBERS {
        threads_said(name)?;
    }
    threads::check_open_files()?;
    let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let wanted = threads_said(MAX_THREADS)?.unwrap_or_else(cores);
    threads::start_pools(wanted.min(MOST)).map_err(|error| match error.affordable() {
        Some(threads) => start_anew(threads, error),
        None => error.into(),
    })
}

/// The number of threads that the variable `name` says, if it is set.
fn threads_said(name: &str) -> anyhow::Result<Option<usize>> {
    let Some(said) = env::var_os(name) else {
        return Ok(None);
    };
    match said.to_str().and_then(|said| said.trim().parse().ok()) {
        Some(threads @ 1..=MOST) => Ok(Some(threads)),
        _ => bail!(
            "the environment variable {name} is `{}`, which is no number of threads from 1 to {MOST}: unset it",
            said.display()
        ),
    }
}

/// Replaces this process by one whose environment tells Polars to have so many threads. Returns only if that is not possible: what
/// went wrong before.
#[cfg(unix)]
fn start_anew(threads: usize, error: TooFew) -> anyhow::Error {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let Ok(program) = env::current_exe() else {
        return error.into();
    };
    let mut arguments = env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let _ = command
        .args(arguments)
        .env(MAX_THREADS, threads.to_string())
        .env_remove("POLARS_ASYNC_THREAD_COUNT")
        .exec();
    error.into()
}

#[cfg(not(unix))]
fn start_anew(_: usize, error: TooFew) -> anyhow::Error {
    error.into()
}
