//! One attempt at a run whose machines are processes: starts the processes, waits for them, and ends them.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::child::{Failure, MachineProcess, Machines};
use super::{SET_UP_PATIENCE, Settings, token_to_hex};
use crate::engine::Control;
use crate::engine::patience::{Patience, Suspension};
use crate::engine::tcp::{AddressBook, MachineResult, new_token};
use crate::experiment::Run;

/// Time between two checks of the processes. An interrupt is noticed after this time at the latest.
const CHECK_EVERY: Duration = Duration::from_millis(50);
/// Time between two checks after one process has ended: shorter, because the others will end soon.
const CHECK_EVERY_AT_THE_END: Duration = Duration::from_millis(5);
/// A limit for the end of a run. It is used twice: all machines must finish within this time after the planned end of the run, and within
/// this time after the first machine has finished. A machine needs the time to wait up to 10 s for the last messages, and to write its log.
const END_PATIENCE: Duration = Duration::from_secs(30);
/// How long a process may take to end after it was asked to end. A process that takes longer is killed: it hangs, or it was suspended
/// (SIGSTOP).
const GRACE: Duration = Duration::from_secs(3);

/// How an attempt ended.
pub(super) enum Outcome {
    /// Every machine has finished with a result.
    Done(Vec<MachineResult>),
    /// The run failed. If `may_retry` is true, another attempt on other addresses may succeed.
    Failed { reason: String, may_retry: bool },
    /// The system allows no more processes, threads or open files. The text is the error message.
    Shortage(String),
    /// The machines' logs cannot be written to the disk. The text is the error message.
    CannotWrite(String),
    /// The sweep (all runs of the command) was interrupted.
    Interrupted,
}

impl Outcome {
    fn failed(reason: impl ToString) -> Self {
        Self::Failed {
            reason: reason.to_string(),
            may_retry: false,
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::AddressTaken(reason) => Self::Failed {
                reason,
                may_retry: true,
            },
            Failure::Shortage(reason) => Self::Shortage(reason),
            Failure::CannotWrite(reason) => Self::CannotWrite(reason),
            Failure::Killed(reason) | Failure::Failed(reason) => Self::failed(reason),
        }
    }
}

/// Makes one attempt at `run`, on addresses that are free at present.
pub(super) fn attempt(
    settings: &Settings,
    run: &Run,
    addresses: &mut AddressBook,
    control: &Control,
) -> Outcome {
    let addresses = match addresses.reserve(run.configuration.rates.machines()) {
        Ok(addresses) => addresses,
        Err(error) if error.is_shortage() => return Outcome::Shortage(error.to_string()),
        Err(error) => return Outcome::failed(error),
    };
    match Processes::start(settings, run, &addresses) {
        Ok(processes) => processes.wait(control),
        Err(outcome) => outcome,
    }
}

/// The processes of a run. Dropping this value ends all of them.
struct Processes {
    machines: Vec<MachineProcess>,
    /// For each machine, the result of its process. `None` while the process runs.
    results: Vec<Option<Result<MachineResult, Failure>>>,
    /// The machines that failed, in the order in which the failures were noticed.
    failed: Vec<usize>,
    /// When all processes had been started.
    started: Instant,
    /// How long this process, the parent of the machines' processes, was suspended so far: by SIGSTOP, or because the whole computer was
    /// suspended. The deadline is postponed by this time.
    suspension: Suspension,
    /// The deadline of the attempt.
    patience: Patience,
}

impl Processes {
    fn start(settings: &Settings, run: &Run, addresses: &[SocketAddr]) -> Result<Self, Outcome> {
        let token = token_to_hex(&new_token().map_err(Outcome::failed)?);
        let what_to_start = Machines {
            settings,
            run,
            addresses,
            token: &token,
        };
        let wall_s = run.configuration.duration_s() / settings.time_scale;
        let longest = SET_UP_PATIENCE + Duration::from_secs_f64(wall_s) + END_PATIENCE;
        let machines = (0..run.configuration.rates.machines())
            .map(|machine| MachineProcess::start(&what_to_start, machine))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            results: machines.iter().map(|_| None).collect(),
            machines,
            failed: vec![],
            started: Instant::now(),
            suspension: Suspension::default(),
            // The 0 means that there was no suspension so far.
            patience: Patience::until(nanoseconds(longest), 0),
        })
    }

    /// Waits until all processes have ended, the deadline has passed, or the sweep is stopped.
    fn wait(mut self, control: &Control) -> Outcome {
        loop {
            if let Err(error) = self.inspect() {
                return Outcome::failed(format!("a machine's process cannot be watched: {error}"));
            }
            let all_ended = self.results.iter().all(Option::is_some);
            if all_ended || self.patience.is_over(self.now_ns(), &mut self.suspension) {
                return self.outcome();
            }
            if control.is_stopped() {
                return Outcome::Interrupted;
            }
            let one_ended = self.results.iter().any(Option::is_some);
            thread::sleep(if one_ended {
                CHECK_EVERY_AT_THE_END
            } else {
                CHECK_EVERY
            });
        }
    }

    /// Collects the results of processes that have ended since the last call. When a process has ended without a failure, the others
    /// have [`END_PATIENCE`] left. When a process has failed, the others are asked to end and have [`GRACE`] left. The deadline of
    /// the attempt becomes the end of this time, unless the deadline is earlier anyway.
    fn inspect(&mut self) -> io::Result<()> {
        for machine in 0..self.machines.len() {
            let process = &mut self.machines[machine];
            let is_collected = self.results[machine].is_some();
            if is_collected || !process.has_ended()? {
                continue;
            }
            let result = process.result();
            let time_left = if result.is_ok() { END_PATIENCE } else { GRACE };
            if result.is_err() {
                self.failed.push(machine);
                self.machines
                    .iter_mut()
                    .for_each(MachineProcess::ask_to_end);
            }
            self.results[machine] = Some(result);
            let now_ns = self.now_ns();
            // `note_awake` notes that this process is not suspended now, and returns how long it was suspended so far.
            let suspended_ns = self.suspension.note_awake(now_ns);
            let until_ns = now_ns + nanoseconds(time_left);
            // `end_ns` is the deadline so far, postponed by the suspensions.
            if until_ns < self.patience.end_ns(suspended_ns) {
                self.patience = Patience::until(until_ns, suspended_ns);
            }
        }
        Ok(())
    }

    /// Returns how the attempt ended. If several machines failed, the reason is the failure that probably caused the others: a
    /// process that was killed by a signal, otherwise one that hangs, otherwise the failure that was noticed first.
    fn outcome(mut self) -> Outcome {
        let is_killed =
            |&machine: &usize| matches!(self.results[machine], Some(Err(Failure::Killed(_))));
        let killed = self.failed.iter().copied().find(is_killed);
        let hanging = self.results.iter().position(Option::is_none);
        if killed.is_none()
            && let Some(machine) = hanging
        {
            // When this function returns, `self` is dropped. This kills the process.
            return Outcome::failed(format!(
                "machine {machine}'s process did not end in time and was killed: it hung, or it had been suspended (by SIGSTOP, for example)"
            ));
        }
        let cause = killed.or_else(|| self.failed.first().copied());
        if let Some(Err(failure)) = cause.and_then(|machine| self.results[machine].take()) {
            return failure.into();
        }
        // Here every machine has a result, and none is a failure.
        let results = self.results.drain(..);
        let results = results.filter_map(|result| result?.ok()).collect();
        Outcome::Done(results)
    }

    /// Returns the time since all processes were started, by the monotonic clock.
    fn now_ns(&self) -> u64 {
        nanoseconds(self.started.elapsed())
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
