//! Work on all cores, or on as many threads as the system gives.

use std::io;
use std::panic;
use std::sync::RwLock;
use std::thread;

use polars_core::runtime::{ASYNC, RAYON};

/// At most so many threads can be asked for: with a thousand, Polars spends minutes on waking them, even for a small table.
pub const MOST: usize = 256;
/// Polars computes with the threads of three pools, each of so many: its own, rayon's, and one for what waits.
const POOLS: usize = 3;

/// The system gives too few threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a query needs {} threads at once, and the system gives {given}: raise the limit of processes (`ulimit -u`, pids.max) or of memory (`ulimit -v`)",
    needed(1)
)]
pub struct TooFew {
    /// How many it gives.
    given: usize,
}

/// Polars' pool for what waits needs files of its own (a poll, and what wakes it); it panics if it cannot open them.
const FILES: usize = 8;

/// The system lets the program open too few files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a query needs {FILES} open files at once, and the system gives {given}: raise the limit of open files (`ulimit -n`)"
)]
pub struct TooFewFiles {
    /// How many it gives.
    given: usize,
}

/// Whether a query can open the files that it needs: they are opened, and closed.
///
/// # Errors
///
/// [`TooFewFiles`] if the system does not give so many.
pub fn check_open_files() -> Result<(), TooFewFiles> {
    let opened: Vec<_> = (0..FILES / 2).map_while(|_| io::pipe().ok()).collect();
    match 2 * opened.len() {
        FILES => Ok(()),
        given => Err(TooFewFiles { given }),
    }
}

impl TooFew {
    /// How many threads to a pool there can be; at least one.
    pub fn affordable(self) -> Option<usize> {
        Some(self.given / needed(1)).filter(|&threads| threads > 0)
    }
}

/// So many threads must be to be had for pools of `threads`: twice what is started, because the system counts a thread for a while
/// after it has ended.
const fn needed(threads: usize) -> usize {
    2 * POOLS * threads
}

/// What `work` returns on each core, for at most `jobs` cores. Work that shares its jobs out as it goes is all done, even if the
/// system gives no thread beside the caller's.
pub(crate) fn on_all_cores<T: Send>(jobs: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let others: Vec<_> = (1..cores.min(jobs))
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, &work).ok())
            .collect();
        let mut results = vec![work()];
        results.extend(others.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| panic::resume_unwind(panic))
        }));
        results
    })
}

/// Starts the pools that Polars shares among all queries, of so many `threads` each; Polars itself must be told the same
/// (POLARS_MAX_THREADS). Left alone, it starts them at the first query, and panics or waits for ever if it gets fewer.
///
/// # Errors
///
/// [`TooFew`] if the system does not give so many; then none is started.
pub fn start_pools(threads: usize) -> Result<(), TooFew> {
    let given = available(needed(threads));
    if given < needed(threads) {
        return Err(TooFew { given });
    }
    // An error is that somebody has started it already.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global();
    RAYON.current_num_threads();
    ASYNC.block_in_place_on(async {});
    Ok(())
}

/// How many threads the system gives at once, up to `wanted`: they are started, and end.
fn available(wanted: usize) -> usize {
    let gate = RwLock::new(());
    thread::scope(|scope| {
        let closed = gate.write();
        let wait = || drop(gate.read());
        let threads: Vec<_> = (0..wanted)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, wait).ok())
            .collect();
        drop(closed);
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .count()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn all_jobs_are_done_once() {
        for jobs in [0, 1, 2, 100] {
            let next = AtomicUsize::new(0);
            let done = on_all_cores(jobs, || {
                let mut done = vec![];
                while let job = next.fetch_add(1, Ordering::Relaxed)
                    && job < jobs
                {
                    done.push(job);
                }
                done
            });
            let mut done = done.concat();
            done.sort_unstable();
            assert_eq!(done, Vec::from_iter(0..jobs));
        }
    }
}
