//! Shares work among all cores, and starts the threads that Polars (the library for tables) needs.

use std::io;
use std::panic;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use polars_core::runtime::{ASYNC, RAYON};

/// A user can choose at most this many threads for each pool (with the environment variable POLARS_MAX_THREADS). With a thousand
/// threads, Polars spends minutes on waking them, even for a small table.
pub const THREAD_LIMIT: usize = 256;
/// Number of thread pools with which Polars computes: Polars' own pool, the global pool of rayon, and a pool for asynchronous tasks.
const POOLS: usize = 3;

/// The system gives fewer threads than the pools need. The error message says how many threads are needed if each pool has only one
/// thread. Such pools are enough for every query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a query needs {} threads at once, and the system gives {given}: raise the limit of processes (`ulimit -u`, pids.max) or of memory (`ulimit -v`)",
    threads_needed(1)
)]
pub struct TooFewThreads {
    /// Number of threads that the system gives. Smaller pools may be possible: see [`TooFewThreads::threads_per_pool`].
    given: usize,
}

/// Number of file descriptors that Polars' pool for asynchronous tasks opens (for polling and waking, not for files on the disk). The pool
/// panics if it cannot open them.
const FILES_NEEDED: usize = 8;

/// The system gives fewer open files than a query needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a query needs {FILES_NEEDED} open files at once, and the system gives {given}: raise the limit of open files (`ulimit -n`)"
)]
pub struct TooFewFiles {
    /// Number of files that the system gives.
    given: usize,
}

/// Checks that a query can open the file descriptors that it needs, by opening and closing the same number of them.
///
/// # Errors
///
/// [`TooFewFiles`] if the system gives fewer.
pub fn check_open_files() -> Result<(), TooFewFiles> {
    // A pipe has two ends, and each of them has a file descriptor.
    let pipes: Vec<_> = (0..FILES_NEEDED / 2)
        .map_while(|_| io::pipe().ok())
        .collect();
    match 2 * pipes.len() {
        FILES_NEEDED => Ok(()),
        given => Err(TooFewFiles { given }),
    }
}

impl TooFewThreads {
    /// How many threads each pool can have if the system gives `given` threads. `None` if not even one.
    pub fn threads_per_pool(self) -> Option<usize> {
        Some(self.given / threads_needed(1)).filter(|&threads| threads > 0)
    }
}

/// Number of threads that the system must give for pools of `threads` threads each. The pools themselves start only half of this number.
/// The other half is a reserve: [`count_available`] starts threads and ends them, and the system still counts these threads for a while
/// after they have ended.
const fn threads_needed(threads: usize) -> usize {
    2 * POOLS * threads
}

/// Calls `work` for each index below `jobs`, on all cores in parallel, and returns the results in the order of the indices. After an
/// error, no further call is started, but the calls that already run go on to their end. If several calls fail, the error of the lowest
/// index is returned. The caller's thread takes part, so all work is done even if the system gives no other thread.
pub(crate) fn on_all_cores<T: Send, E: Send>(
    jobs: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let next_index = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let take_jobs = || {
        let mut done = vec![];
        while !has_failed.load(Ordering::Relaxed)
            && let index = next_index.fetch_add(1, Ordering::Relaxed)
            && index < jobs
        {
            let result = work(index);
            if result.is_err() {
                has_failed.store(true, Ordering::Relaxed);
            }
            done.push((index, result));
        }
        done
    };
    let mut results: Vec<(usize, Result<T, E>)> = on_each_core(jobs, take_jobs)
        .into_iter()
        .flatten()
        .collect();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Calls `work` once in each of several threads, and returns the results of the calls. There is a thread for each core, but there are at
/// most `jobs` threads, and at least one: the caller's thread. If the system gives fewer threads, there are fewer calls, perhaps only the
/// call in the caller's thread. Therefore each call must do one job after another until no job is left.
pub(crate) fn on_each_core<T: Send>(jobs: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
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

/// Starts the pools that all queries of Polars share, with `threads` threads each. The parameter sets only the size of rayon's global pool.
/// Polars takes the sizes of the other two pools from the environment variable POLARS_MAX_THREADS, so the variable must be equal to
/// `threads`, or unset if `threads` is the number of cores. `largest` is the number of threads of the largest pool: the user can give the
/// pool for asynchronous tasks more threads, with POLARS_ASYNC_THREAD_COUNT. Without this call, Polars starts the pools at the first
/// query, and panics or hangs if the system gives too few threads.
///
/// # Errors
///
/// [`TooFewThreads`] if the system gives fewer threads than needed. Then no pool is started.
pub fn start_pools(threads: usize, largest: usize) -> Result<(), TooFewThreads> {
    let needed = threads_needed(largest);
    let given = count_available(needed);
    if given < needed {
        return Err(TooFewThreads { given });
    }
    // This fails only if the pool of rayon has already been started.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global();
    // Each of the other two pools starts when it is first used, so both are used here.
    RAYON.current_num_threads();
    ASYNC.block_in_place_on(async {});
    Ok(())
}

/// Counts how many threads the system gives at once, up to `wanted`, by starting and ending them.
fn count_available(wanted: usize) -> usize {
    let gate = RwLock::new(());
    thread::scope(|scope| {
        // `closed` locks `gate` for writing. The threads try to lock `gate` for reading, so they wait until `closed` is dropped. Until then
        // no thread ends, so all threads exist at the same time.
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
    use super::*;

    #[test]
    fn all_jobs_are_done_once_and_in_order() {
        for jobs in [0, 1, 2, 100] {
            let done = on_all_cores(jobs, Ok::<_, ()>);
            assert_eq!(done, Ok(Vec::from_iter(0..jobs)));
        }
    }

    #[test]
    fn the_error_of_the_lowest_index_is_returned() {
        let fail = |job: usize| if job % 30 == 29 { Err(job) } else { Ok(job) };
        assert_eq!(on_all_cores(100, fail), Err(29));
    }
}
