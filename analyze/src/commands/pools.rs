//! Starts the threads of Polars (the library for tables) before the first query. The threads form three pools (groups of threads that share
//! work): Polars' own pool, the global pool of the library rayon, and a pool for asynchronous tasks.
//!
//! Without this module, Polars would start the threads at the first query, and would panic or hang if the system allows too few. This module
//! makes the pools smaller, or returns a clear error.

use std::env;
use std::num::NonZeroUsize;
use std::thread;

use analyze::threads::{self, THREAD_LIMIT, TooFewThreads};
use anyhow::bail;

/// The environment variable with the number of threads of each pool. If it is not set, a pool has one thread for each core. But the pool
/// for asynchronous tasks has at most 32 threads, unless POLARS_ASYNC_THREAD_COUNT gives it another number.
const MAX_THREADS: &str = "POLARS_MAX_THREADS";
/// The environment variable with the number of threads of the pool for asynchronous tasks.
const ASYNC_THREADS: &str = "POLARS_ASYNC_THREAD_COUNT";
/// The environment variables from which Polars takes numbers of threads.
const THREAD_VARIABLES: [&str; 3] = [
    MAX_THREADS,
    ASYNC_THREADS,
    "POLARS_MAX_BLOCKING_THREAD_COUNT",
];

/// Starts the pools. If the system allows fewer threads than they need, restarts the program with pools that are small
/// enough. A restart is needed because Polars reads the number of threads from the environment, and safe Rust cannot change the
/// environment of a running program.
///
/// # Errors
///
/// If an environment variable is not a valid number of threads, or if the system allows fewer threads or open files
/// than a query needs.
pub fn start() -> anyhow::Result<()> {
    // Only checks the variables: an invalid number in any of them is an error.
    for name in THREAD_VARIABLES {
        threads_from_environment(name)?;
    }
    threads::check_open_files()?;
    let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let wanted = threads_from_environment(MAX_THREADS)?.unwrap_or_else(cores);
    let largest =
        threads_from_environment(ASYNC_THREADS)?.map_or(wanted, |threads| threads.max(wanted));
    threads::start_pools(wanted, largest).map_err(|error| match error.threads_per_pool() {
        // The system allows enough threads for pools of `threads` threads each.
        Some(threads) => restart_program(threads.min(wanted).min(THREAD_LIMIT), error),
        // The system does not even allow one thread for each pool.
        None => error.into(),
    })
}

/// The number of threads in the environment variable `name`, or `None` if it is not set.
fn threads_from_environment(name: &str) -> anyhow::Result<Option<usize>> {
    let Some(text) = env::var_os(name) else {
        return Ok(None);
    };
    match text.to_str().and_then(|text| text.trim().parse().ok()) {
        Some(threads @ 1..=THREAD_LIMIT) => Ok(Some(threads)),
        _ => bail!(
            "the environment variable {name} is `{}`, which is not a number of threads from 1 to {THREAD_LIMIT}: unset it",
            text.display()
        ),
    }
}

/// Starts the program from its beginning again in the same process (with `exec`), now with `threads` threads in each pool. If the
/// restart fails, the function returns `error`. Otherwise it does not return.
#[cfg(unix)]
fn restart_program(threads: usize, error: TooFewThreads) -> anyhow::Error {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let Ok(program) = env::current_exe() else {
        return error.into();
    };
    let mut arguments = env::args_os();
    let mut command = Command::new(program);
    // The first argument is the name with which the program was started. The restarted program gets the same name.
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let _ = command
        .args(arguments)
        .env(MAX_THREADS, threads.to_string())
        // This variable would give the pool for asynchronous tasks another number of threads.
        .env_remove(ASYNC_THREADS)
        .exec();
    error.into()
}

#[cfg(not(unix))]
fn restart_program(_: usize, error: TooFewThreads) -> anyhow::Error {
    error.into()
}
