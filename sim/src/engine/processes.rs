//! Runs in which each machine is a process (`isolation = "process"` in the experiment file). The parent process, which runs this
//! code, starts the machines, waits for them, collects their logs and cleans up.
//!
//! The machines connect to each other, agree on the start and exchange messages without the parent
//! ([`super::tcp::take_part`]). The stdin of each machine is a pipe from the parent. When the parent ends, the pipe closes, and the
//! machines end too.
//!
//! # Layout
//!
//! - [`mod@attempt`]: one attempt at a run: starts the run's processes, waits for them, and ends them
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

/// The environment variable with the run's secret (its token), by which the machines of the run recognise each other. An argument of the
/// command would be visible to other users of the computer.
pub const TOKEN_VARIABLE: &str = "SIM_TOKEN";

// The numbers of the exit codes are those of `sysexits.h` for similar failures.
/// Exit code of a machine that cannot listen at its address. The run can be tried again on other addresses.
pub const CANNOT_LISTEN: u8 = 75;
/// Exit code of a machine for which the system has no more threads or files.
pub const CANNOT_START: u8 = 71;
/// Exit code of a machine whose log cannot be written to the disk. A machine prints its log to stdout before it ends. The parent has
/// redirected this stdout to a file, so the machine cannot print if the disk is full.
pub const CANNOT_WRITE: u8 = 74;

/// How often a run is tried if its addresses are in use, each time on other addresses.
const ATTEMPTS: usize = 3;
/// How long machines wait for each other before the run starts.
const SET_UP_PATIENCE: Duration = Duration::from_secs(30);

/// Settings for starting machines.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program `sim`. Its command `machine` is the process of one machine.
    pub program: PathBuf,
    /// The experiment file: the copy in the dataset's folder.
    pub experiment: PathBuf,
    /// The experiment's seed.
    pub seed: u64,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// Maximum number of runs at the same time.
    pub width: usize,
    /// The ports on which machines listen.
    pub ports: PortRange,
}

/// The first line that a machine's process prints: the result of the machine without its events. The events follow as CSV rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Unix time of the run's start.
    started_at_ns: u64,
    /// Latency of each message that the machine received.
    latency_ns: Samples,
    /// Whether all these messages arrived as scheduled.
    as_scheduled: bool,
    /// Number of connections that were refused because they did not come from a machine of the run.
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

/// Writes a run's secret as 32 hexadecimal digits.
pub fn token_to_hex(token: &RunToken) -> String {
    token.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a run's secret from its 32 hexadecimal digits. `None` if `text` is anything else.
pub fn token_from_hex(text: &str) -> Option<RunToken> {
    // `from_str_radix` would also accept a sign.
    let has_only_digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok()?;
    (text.len() == 32 && has_only_digits).then(|| number.to_be_bytes())
}

/// Executes all runs of `runs` and sends the outcome of each run to `outcomes`. At most [`Settings::width`] runs are executed at
/// the same time, and fewer if the system cannot start so many processes.
///
/// # Errors
///
/// Fails if the system cannot start the processes of even a single run, if the machines' logs cannot be written to the disk,
/// or if a thread panicked.
pub fn serve(
    settings: &Settings,
    runs: &Receiver<Run>,
    control: &Control,
    outcomes: &Sender<RunOutcome<RawLog>>,
) -> io::Result<()> {
    let queue = Queue {
        runs,
        state: Mutex::new(QueueState {
            active_workers: settings.width,
            returned: vec![],
            has_told_user: false,
        }),
    };
    // If a worker fails, the sweep (all runs of the command) is stopped.
    let work_or_stop = || work(settings, &queue, control, outcomes).inspect_err(|_| control.stop());
    thread::scope(|scope| {
        let mut others = vec![];
        // The calling thread is the first worker. If the system cannot start all threads, the workers that exist do all runs.
        for worker_count in 1..settings.width {
            match thread::Builder::new().spawn_scoped(scope, work_or_stop) {
                Ok(worker) => others.push(worker),
                Err(error) => {
                    // `active_workers` began at `settings.width`, but only `worker_count` workers exist, including the calling thread.
                    queue.lock().active_workers -= settings.width - worker_count;
                    control.remark(format!(
                        "the system has no more threads ({error}): running only {worker_count} runs at once"
                    ));
                    break;
                }
            }
        }
        let mut result = work_or_stop();
        // Every thread is waited for. If several have failed, `and` keeps the first error.
        for worker in others {
            result = result.and(join_thread(worker).and_then(|result| result));
        }
        result
    })
}

/// The runs that are still to do, and the number of workers (threads that each do one run at a time).
struct Queue<'r> {
    /// All runs are in this channel from the beginning, so if it is empty, there are no more.
    runs: &'r Receiver<Run>,
    state: Mutex<QueueState>,
}

struct QueueState {
    /// Number of workers that have not ended.
    active_workers: usize,
    /// Runs whose processes could not be started. The remaining workers try these runs again.
    returned: Vec<Run>,
    /// Whether the user has been told that fewer runs are executed at once.
    has_told_user: bool,
}

impl Queue<'_> {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next run. If there is none, the calling worker must end, and it is not counted as active any more.
    fn take(&self) -> Option<Run> {
        let mut state = self.lock();
        let run = state.returned.pop().or_else(|| self.runs.try_recv().ok());
        if run.is_none() {
            state.active_workers -= 1;
        }
        run
    }

    /// Takes back a run whose processes could not be started because of `reason`. Returns whether the calling worker is the last one.
    /// The last worker must continue: it tries the run again while no other run is active. Every other worker must end, so that fewer runs
    /// are executed at once.
    fn take_back(&self, run: Run, reason: &str, control: &Control) -> bool {
        let mut state = self.lock();
        state.returned.push(run);
        if state.active_workers == 1 {
            return true;
        }
        state.active_workers -= 1;
        let had_told_user = std::mem::replace(&mut state.has_told_user, true);
        if !had_told_user {
            control.remark(format!("{reason}: running fewer runs at once from now on"));
        }
        false
    }
}

/// The work of one worker: does one run after the other until there are no more runs, or the sweep is stopped, or the worker must end
/// because the system cannot start so many processes.
fn work(
    settings: &Settings,
    queue: &Queue<'_>,
    control: &Control,
    outcomes: &Sender<RunOutcome<RawLog>>,
) -> io::Result<()> {
    let mut addresses = AddressBook::new(settings.ports.clone());
    // True if this worker could not start a run and tries it again, after all other workers have ended. No other run is active then. So if
    // the run still cannot be started, the sweep ends with an error.
    let mut is_last_try = false;
    while !control.is_stopped()
        && let Some(run) = queue.take()
    {
        control.begin();
        // The ticks of a run are counted only when its processes have ended. Until then, the display estimates the progress of the run from
        // the time at which the run began. `begin_timed` notes this time.
        let timed = control.begin_timed();
        let result = run_in_processes(settings, &run, &mut addresses, control);
        drop(timed);
        control.end();
        let (result, rejected_connections) = match result {
            FinalOutcome::Ended(result, rejected_connections) => (result, rejected_connections),
            FinalOutcome::Interrupted => return Ok(()),
            FinalOutcome::CannotWrite(reason) => return Err(disk_error(&reason)),
            FinalOutcome::Shortage(reason) if is_last_try => return Err(shortage_error(&reason)),
            FinalOutcome::Shortage(reason) => {
                is_last_try = queue.take_back(run, &reason, control);
                if is_last_try {
                    continue;
                }
                return Ok(());
            }
        };
        is_last_try = false;
        let outcome = RunOutcome {
            run,
            result,
            rejected_connections,
        };
        if outcomes.send(outcome).is_err() {
            // Nobody receives outcomes any more.
            return Ok(());
        }
    }
    Ok(())
}

fn disk_error(reason: &str) -> io::Error {
    io::Error::other(format!(
        "{reason}; the runs in runs.csv are complete: when the disk can be written again, run the same command again"
    ))
}

fn shortage_error(reason: &str) -> io::Error {
    io::Error::other(format!(
        "{reason}; the system cannot start the machines of even one run: raise the limits of processes (ulimit -u, the cgroup's pids.max) and files (ulimit -n), or use --isolation shared"
    ))
}

/// How a run in processes ended, after all attempts.
enum FinalOutcome {
    /// The run has ended: its log or the reason for its failure, and the number of rejected connections.
    Ended(Result<RawLog, String>, u32),
    /// The sweep was stopped.
    Interrupted,
    /// The system has no more processes, threads or files, for this reason.
    Shortage(String),
    /// The machines' logs cannot be written to the disk, for this reason.
    CannotWrite(String),
}

/// Does one run from its start to its end. If its addresses are in use, tries it again, up to [`ATTEMPTS`] times in all.
fn run_in_processes(
    settings: &Settings,
    run: &Run,
    addresses: &mut AddressBook,
    control: &Control,
) -> FinalOutcome {
    let mut last_failure = String::new();
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
                return FinalOutcome::Ended(Ok(join_results(results)), rejected_connections);
            }
            Outcome::Interrupted => return FinalOutcome::Interrupted,
            Outcome::Shortage(reason) => return FinalOutcome::Shortage(reason),
            Outcome::CannotWrite(reason) => return FinalOutcome::CannotWrite(reason),
            Outcome::Failed { reason, may_retry } => {
                last_failure = reason;
                if !may_retry {
                    break;
                }
            }
        }
    }
    FinalOutcome::Ended(Err(last_failure), 0)
}

/// Joins the results of a run's machines. The run started when its first machine started. It went as scheduled if all messages of
/// all machines arrived as scheduled.
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
        // No events were moved to files during the run: each machine's process keeps its whole log in memory until the end.
        spilled: vec![],
        latency,
        as_scheduled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_hexadecimal_digits_are_a_secret() {
        let text = "00ff".repeat(8);
        let token = token_from_hex(&text).expect("32 digits");
        assert_eq!(token_to_hex(&token), text);
        for wrong in [&text[1..], &format!("+{}", &text[1..]), &"g".repeat(32), ""] {
            assert_eq!(token_from_hex(wrong), None, "{wrong}");
        }
    }
}
