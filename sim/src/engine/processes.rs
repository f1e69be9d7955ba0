//! Runs in which each machine is a process. This process starts the machines, waits for them, collects their logs and cleans up.
//!
//! The machines connect to each other, agree on the start and exchange messages without this process ([`super::tcp::take_part`]).
//! The stdin of each machine is a pipe from this process. When this process ends, the pipe closes, and the machines end too.
//!
//! # Layout
//!
//! - [`mod@attempt`]: one attempt at a run: starts its processes, waits for them, and ends them
//! - [`child`]: the process of one machine

mod attempt;
mod child;

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};

use self::attempt::{Outcome, attempt};
use super::tcp::{AddressBook, MachineResult, PortRange};
use super::{Control, RawLog, RunOutcome, Samples, count_ticks, join_thread};
use crate::experiment::Run;
use crate::wire::RunToken;

/// The environment variable with the run's secret. Other users cannot see it.
pub const TOKEN_VARIABLE: &str = "SIM_TOKEN";
/// Exit code of a machine whose address is in use. The run can be tried again on other addresses.
pub const CANNOT_LISTEN: u8 = 75;
/// Exit code of a machine for which the system has no more threads or files.
pub const CANNOT_START: u8 = 71;
/// Exit code of a machine whose log cannot be written to the disk.
pub const CANNOT_WRITE: u8 = 74;

/// How often a run is tried, each time on other addresses.
const ATTEMPTS: usize = 3;
/// How long machines wait for each other before the run starts.
const SET_UP_PATIENCE: Duration = Duration::from_secs(30);

/// Settings for starting machines.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program with the command `machine`.
    pub program: PathBuf,
    /// The experiment file.
    pub experiment: PathBuf,
    /// The experiment's seed.
    pub seed: u64,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// Number of runs at once.
    pub width: usize,
    /// The ports on which machines listen.
    pub ports: PortRange,
}

/// The first line that a machine's process prints: the result of the machine without its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    started_at_ns: u64,
    latency_ns: Samples,
    as_scheduled: bool,
    rejected_connections: u32,
}

impl Report {
    /// Creates the report of a machine from its result.
    pub fn from_result(result: &MachineResult) -> Self {
        Self {
            started_at_ns: result.started_at_ns,
            latency_ns: result.latency.clone(),
            as_scheduled: result.as_scheduled,
            rejected_connections: result.rejected_connections,
        }
    }
}

/// Writes a secret as hexadecimal digits.
pub fn token_to_hex(token: &RunToken) -> String {
    token.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a secret from its 32 hexadecimal digits.
pub fn token_from_hex(text: &str) -> Option<RunToken> {
    let number = u128::from_str_radix(text, 16).ok()?;
    (text.len() == 32).then(|| number.to_be_bytes())
}

/// Executes all runs of `runs`, several at a time, and sends each outcome to `ended`. If the system cannot start so many
/// processes, fewer runs are executed at a time.
///
/// # Errors
///
/// Fails if the system cannot start the processes of a single run, if the machines' logs cannot be written to the disk, or if a
/// thread panicked.
pub fn serve(
    settings: &Settings,
    runs: &Receiver<Run>,
    control: &Control,
    ended: &Sender<RunOutcome<RawLog>>,
) -> io::Result<()> {
    let queue = Queue {
        runs,
        state: Mutex::new(QueueState {
            workers: settings.width,
            returned: vec![],
            has_told_user: false,
        }),
    };
    let work = || work(settings, &queue, control, ended).inspect_err(|_| control.stop());
    thread::scope(|scope| {
        let mut others = vec![];
        // The calling thread is a worker too. It does all runs if the system cannot start another thread.
        for started in 1..settings.width {
            match thread::Builder::new().spawn_scoped(scope, work) {
                Ok(worker) => others.push(worker),
                Err(error) => {
                    queue.lock().workers -= settings.width - started;
                    control.remark(format!(
                        "the system has no more threads ({error}): running only {started} runs at once"
                    ));
                    break;
                }
            }
        }
        let mut result = work();
        for worker in others {
            result = result.and(join_thread(worker).and_then(|result| result));
        }
        result
    })
}

/// The runs that are still to do, and the number of workers.
struct Queue<'r> {
    runs: &'r Receiver<Run>,
    state: Mutex<QueueState>,
}

struct QueueState {
    workers: usize,
    /// Runs whose processes could not be started. The remaining workers do them.
    returned: Vec<Run>,
    /// Whether the user has been told that fewer runs than planned run at once.
    has_told_user: bool,
}

impl Queue<'_> {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next run. If there is none, the calling worker does not count as active any more.
    fn take(&self) -> Option<Run> {
        let mut state = self.lock();
        let run = state.returned.pop().or_else(|| self.runs.try_recv().ok());
        if run.is_none() {
            state.workers -= 1;
        }
        run
    }

    /// Takes back a run whose processes could not be started because of `reason`. Returns whether the calling worker must continue
    /// because it is the last one.
    fn take_back(&self, run: Run, reason: &str, control: &Control) -> bool {
        let mut state = self.lock();
        state.returned.push(run);
        if state.workers == 1 {
            return true;
        }
        state.workers -= 1;
        if !std::mem::replace(&mut state.has_told_user, true) {
            control.remark(format!("{reason}: running fewer runs at once from now on"));
        }
        false
    }
}

fn work(
    settings: &Settings,
    queue: &Queue<'_>,
    control: &Control,
    ended: &Sender<RunOutcome<RawLog>>,
) -> io::Result<()> {
    let mut addresses = AddressBook::new(settings.ports.clone());
    let mut was_alone = false;
    while !control.is_stopped()
        && let Some(run) = queue.take()
    {
        control.begin();
        let timed = control.begin_timed();
        let result = run_in_processes(settings, &run, &mut addresses, control);
        drop(timed);
        control.end();
        let (result, rejected_connections) = match result {
            ProcessOutcome::Ended(result, rejected_connections) => (result, rejected_connections),
            ProcessOutcome::Interrupted => return Ok(()),
            ProcessOutcome::NoDisk(reason) => return Err(no_disk(&reason)),
            ProcessOutcome::NoRoom(reason) if was_alone => return Err(shortage_error(&reason)),
            ProcessOutcome::NoRoom(reason) => {
                was_alone = queue.take_back(run, &reason, control);
                if was_alone {
                    continue;
                }
                return Ok(());
            }
        };
        was_alone = false;
        let run = RunOutcome {
            run,
            result,
            rejected_connections,
        };
        if ended.send(run).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn no_disk(reason: &str) -> io::Error {
    io::Error::other(format!(
        "{reason}; the runs in runs.csv are complete: when the disk can be written again, run the same command again"
    ))
}

fn shortage_error(reason: &str) -> io::Error {
    io::Error::other(format!(
        "{reason}; the system cannot start the machines of even one run: raise the limits of processes (ulimit -u, the cgroup's pids.max) and files (ulimit -n), or use --isolation shared"
    ))
}

/// How a run in processes ended.
enum ProcessOutcome {
    /// The run has ended. It has a log or the reason for its failure, and a number of rejected connections.
    Ended(Result<RawLog, String>, u32),
    Interrupted,
    NoRoom(String),
    NoDisk(String),
}

/// Does one run from its start to its end.
fn run_in_processes(
    settings: &Settings,
    run: &Run,
    addresses: &mut AddressBook,
    control: &Control,
) -> ProcessOutcome {
    let mut failure = String::new();
    for _ in 0..ATTEMPTS {
        match attempt(settings, run, addresses, control) {
            Outcome::Done(results) => {
                control.ticked(
                    results
                        .iter()
                        .map(|result| count_ticks(&result.events))
                        .sum(),
                );
                let rejected_connections = results
                    .iter()
                    .map(|result| result.rejected_connections)
                    .sum();
                return ProcessOutcome::Ended(Ok(join_results(results)), rejected_connections);
            }
            Outcome::Interrupted => return ProcessOutcome::Interrupted,
            Outcome::NoRoom(reason) => return ProcessOutcome::NoRoom(reason),
            Outcome::NoDisk(reason) => return ProcessOutcome::NoDisk(reason),
            Outcome::Failed { reason, again } => {
                failure = reason;
                if !again {
                    break;
                }
            }
        }
    }
    ProcessOutcome::Ended(Err(failure), 0)
}

fn join_results(results: Vec<MachineResult>) -> RawLog {
    let mut latency = Samples::default();
    let (mut started_at_ns, mut machines, mut as_scheduled) = (u64::MAX, vec![], true);
    for result in results {
        as_scheduled &= result.as_scheduled;
        latency.append(result.latency);
        started_at_ns = started_at_ns.min(result.started_at_ns);
        machines.push(result.events);
    }
    RawLog {
        started_at_ns,
        machines,
        spilled: vec![],
        latency,
        as_scheduled,
    }
}
