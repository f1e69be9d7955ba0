//! Runs whose machines are processes of their own: this one only starts them, waits, gathers and cleans up.
//!
//! The machines find each other, agree on the start and exchange messages by themselves ([`super::tcp::take_part`]). Each holds
//! the reading end of a pipe whose writing end is here: whatever becomes of this process, they end.
//!
//! # Layout
//!
//! - [`mod@attempt`]: one attempt at a run: its processes are started, waited for with patience, and ended
//! - [`child`]: one machine's process

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
use super::tcp::{AddressBook, Part, PortRange};
use super::{Control, RawLog, RunOutcome, Samples, joined, ticks_in};
use crate::experiment::Run;
use crate::wire::RunToken;

/// The environment variable that tells a machine the run's secret, out of sight of other users.
pub const TOKEN_VARIABLE: &str = "SIM_TOKEN";
/// Exit code of a machine that found its address taken: the run can be tried again on others.
pub const CANNOT_LISTEN: u8 = 75;
/// Exit code of a machine for which the system has no thread or file: there are too many processes.
pub const CANNOT_START: u8 = 71;
/// Exit code of a machine whose log the disk does not take.
pub const CANNOT_WRITE: u8 = 74;

/// How often a run is tried on other addresses.
const ATTEMPTS: usize = 3;
/// How long machines wait for each other before a run starts.
const SET_UP_PATIENCE: Duration = Duration::from_secs(30);

/// How machines are to be started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program that has the verb `machine`.
    pub program: PathBuf,
    /// The experiment file.
    pub experiment: PathBuf,
    /// The experiment's seed.
    pub seed: u64,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// Runs at once.
    pub width: usize,
    /// Where machines listen.
    pub ports: PortRange,
}

/// What a machine's process says first, before its rows: all but its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    started_at_ns: u64,
    latency_ns: Samples,
    as_scheduled: bool,
    rejected_connections: u32,
}

impl Report {
    /// The report of a machine that did `part`.
    pub fn from_part(part: &Part) -> Self {
        Self {
            started_at_ns: part.started_at_ns,
            latency_ns: part.latency.clone(),
            as_scheduled: part.as_scheduled,
            rejected_connections: part.rejected_connections,
        }
    }
}

/// A secret as hexadecimal digits.
pub fn token_to_hex(token: &RunToken) -> String {
    token.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A secret from its 32 hexadecimal digits.
pub fn token_from_hex(text: &str) -> Option<RunToken> {
    let number = u128::from_str_radix(text, 16).ok()?;
    (text.len() == 32).then(|| number.to_be_bytes())
}

/// Runs what comes from `runs` until there are no more, a few at a time, and sends each to `ended`. Where the system has no room
/// for so many processes, fewer at a time.
///
/// # Errors
///
/// The system has no room for the processes of a single run, the disk does not take the machines' logs, or a thread panicked.
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
            has_told: false,
        }),
    };
    let work = || work(settings, &queue, control, ended).inspect_err(|_| control.stop());
    thread::scope(|scope| {
        let mut others = vec![];
        // The calling thread is a worker too: where no other can be started, it does all the runs.
        for started in 1..settings.width {
            match thread::Builder::new().spawn_scoped(scope, work) {
                Ok(worker) => others.push(worker),
                Err(error) => {
                    queue.lock().workers -= settings.width - started;
                    control.remark(format!(
                        "the system has no more threads ({error}): no more than {started} runs at once"
                    ));
                    break;
                }
            }
        }
        let mut result = work();
        for worker in others {
            result = result.and(joined(worker).and_then(|result| result));
        }
        result
    })
}

/// The runs to do, and who is at work on them.
struct Queue<'r> {
    runs: &'r Receiver<Run>,
    state: Mutex<QueueState>,
}

struct QueueState {
    workers: usize,
    /// Runs for which a worker found no room. They are done by those that are left.
    returned: Vec<Run>,
    /// Whether it has been said that there is less room than planned.
    has_told: bool,
}

impl Queue<'_> {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next run. If there is none, the worker that asks is counted no more.
    fn take(&self) -> Option<Run> {
        let mut state = self.lock();
        let run = state.returned.pop().or_else(|| self.runs.try_recv().ok());
        if run.is_none() {
            state.workers -= 1;
        }
        run
    }

    /// Takes back a run for which there was no room, says `reason`. Returns whether the worker that found this out is to go on, as
    /// the last one.
    fn take_back(&self, run: Run, reason: &str, control: &Control) -> bool {
        let mut state = self.lock();
        state.returned.push(run);
        if state.workers == 1 {
            return true;
        }
        state.workers -= 1;
        if !std::mem::replace(&mut state.has_told, true) {
            control.remark(format!("{reason}: fewer runs at once from here on"));
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
        let result = run_apart(settings, &run, &mut addresses, control);
        control.end();
        let (result, rejected_connections) = match result {
            Apart::RunOutcome(result, rejected_connections) => (result, rejected_connections),
            Apart::Interrupted => return Ok(()),
            Apart::NoDisk(reason) => return Err(no_disk(&reason)),
            Apart::NoRoom(reason) if was_alone => return Err(no_room(&reason)),
            Apart::NoRoom(reason) => {
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
        "{reason}; the runs in runs.csv are whole: once the disk takes more, run the same command again"
    ))
}

fn no_room(reason: &str) -> io::Error {
    io::Error::other(format!(
        "{reason}; not even the machines of one run fit beside what else is running: raise the limits of processes (ulimit -u, the cgroup's pids.max) and files (ulimit -n), or take --isolation shared"
    ))
}

/// How a run in processes ended.
enum Apart {
    /// With its log, or the reason for which it failed, and so many strangers turned away.
    RunOutcome(Result<RawLog, String>, u32),
    Interrupted,
    NoRoom(String),
    NoDisk(String),
}

/// A run from its start to its end.
fn run_apart(
    settings: &Settings,
    run: &Run,
    addresses: &mut AddressBook,
    control: &Control,
) -> Apart {
    let mut failure = String::new();
    for _ in 0..ATTEMPTS {
        match attempt(settings, run, addresses, control) {
            Outcome::Done(parts) => {
                control.ticked(parts.iter().map(|part| ticks_in(&part.events)).sum());
                let rejected_connections = parts.iter().map(|part| part.rejected_connections).sum();
                return Apart::RunOutcome(Ok(log_of(parts)), rejected_connections);
            }
            Outcome::Interrupted => return Apart::Interrupted,
            Outcome::NoRoom(reason) => return Apart::NoRoom(reason),
            Outcome::NoDisk(reason) => return Apart::NoDisk(reason),
            Outcome::Failed { reason, again } => {
                failure = reason;
                if !again {
                    break;
                }
            }
        }
    }
    Apart::RunOutcome(Err(failure), 0)
}

fn log_of(parts: Vec<Part>) -> RawLog {
    let mut latency = Samples::default();
    let (mut started_at_ns, mut machines, mut as_scheduled) = (u64::MAX, vec![], true);
    for part in parts {
        as_scheduled &= part.as_scheduled;
        latency.append(part.latency);
        started_at_ns = started_at_ns.min(part.started_at_ns);
        machines.push(part.events);
    }
    RawLog {
        started_at_ns,
        machines,
        spilled: vec![],
        latency,
        as_scheduled,
    }
}
