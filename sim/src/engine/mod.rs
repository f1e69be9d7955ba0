//! Two engines that run the same machines: over TCP, or in virtual time.
//!
//! # Layout
//!
//! - [`virtual_time`]: simulated time; the same seed gives the same log, byte by byte
//! - [`tcp`]: real sockets and real time; there is one event loop for each core, and each loop makes many runs at once
//! - [`processes`]: runs over TCP in which each machine is a process
//! - [`control`]: a stop switch, and counters of ticks and of runs under way
//! - [`patience`]: deadlines that are postponed while this process is suspended
//! - [`shortage`]: errors of the system that may go away later, such as too many open files
//! - [`punctuality`]: how late the ticks and messages of a run were, and whether the lateness could have changed its events
//!
//! Both engines take planned runs and return the logs of the runs' machines. `tests/it/conformance.rs` checks that both engines behave the
//! same.

mod control;
mod patience;
pub mod processes;
mod punctuality;
mod shortage;
pub mod tcp;
pub mod virtual_time;

pub use control::{Control, LATE};
pub use punctuality::{Punctuality, Quantiles, Samples};

use std::io;
use std::thread::ScopedJoinHandle;

use tcp::Piece;

use crate::clock::CarriedClock;
use crate::experiment::{Run, Schedule};
use crate::log::LoggedEvent;
use crate::machine::Machine;
use crate::random;

/// The logs of a run's machines.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLog {
    /// Unix time of the run's start, in nanoseconds; 0 in the virtual engine.
    pub started_at_ns: u64,
    /// When each machine ticks first, in model nanoseconds after the start.
    pub phases_ns: Vec<u64>,
    /// Every machine's events, in the order of its ticks.
    pub machines: Vec<Vec<LoggedEvent>>,
    /// How late the ticks and messages of the run were.
    pub punctuality: Punctuality,
}

/// A run that has ended, as an engine reports it.
#[derive(Clone, Debug)]
pub struct RunOutcome<L = RunLog> {
    /// The run.
    pub run: Run,
    /// The run's log, or the reason why the run failed.
    pub result: Result<L, String>,
    /// Number of connections that were refused because they did not come from a machine of the run.
    pub rejected_connections: u32,
}

/// An unfinished log, as the tcp engine collects it. [`RunOutcome::finalize`] completes the log in another thread, so that no
/// tick has to wait.
#[derive(Clone, Debug)]
pub struct RawLog {
    /// Unix time of the run's start, in nanoseconds.
    started_at_ns: u64,
    /// For each machine, the newest events, which are still in memory.
    machines: Vec<Vec<LoggedEvent>>,
    /// Where to find the older events of long logs. These events were moved from memory to a file, piece by piece. Each entry
    /// is for one piece: the index of the piece's machine, and where the piece is in the file. The oldest piece comes first.
    spilled: Vec<(usize, Piece)>,
    /// How long each message travelled.
    latency: Samples,
    /// Whether all messages arrived as in the schedule: each between the same two ticks of its recipient, and all in the same order.
    as_scheduled: bool,
}

impl RunOutcome<RawLog> {
    /// Joins the pieces of the log and calculates the run's punctuality (how late its ticks and messages were). If older events cannot
    /// be read back from their file, the run has failed.
    pub fn finalize(self, seed: u64, time_scale: f64) -> RunOutcome {
        let Self {
            run,
            result,
            rejected_connections,
        } = self;
        let result = result.and_then(|raw| {
            raw.finalize(&run.schedule(seed), time_scale)
                .map_err(|error| format!("its log could not be read back: {error}"))
        });
        RunOutcome {
            run,
            result,
            rejected_connections,
        }
    }
}

/// The margin of a run with `schedule`, in nanoseconds of real time. [`Schedule::margin_ns`] gives it in model time, which passes
/// `time_scale` times as fast as real time.
pub fn wall_margin_ns(schedule: &Schedule, time_scale: f64) -> u64 {
    (schedule.margin_ns() as f64 / time_scale) as u64
}

/// Counts the ticks in a machine's events. A tick can have several receive events.
pub(crate) fn count_ticks(events: &[LoggedEvent]) -> u64 {
    let ticks = events.chunk_by(|a, b| a.event.tick == b.event.tick);
    ticks.count() as u64
}

impl RawLog {
    fn finalize(self, schedule: &Schedule, time_scale: f64) -> io::Result<RunLog> {
        let mut machines = vec![vec![]; self.machines.len()];
        for (machine, piece) in &self.spilled {
            machines[*machine].append(&mut piece.read()?);
        }
        for (events, mut newest) in machines.iter_mut().zip(self.machines) {
            events.append(&mut newest);
        }
        let mut lateness = Samples::default();
        for (machine, events) in machines.iter().enumerate() {
            // The lateness of a tick is the lateness of its first event.
            for tick in events.chunk_by(|a, b| a.event.tick == b.event.tick) {
                let logged = &tick[0];
                let due_after_start_ns =
                    schedule.due_ns(machine, logged.event.tick) as f64 / time_scale;
                let due_at_ns = self.started_at_ns + due_after_start_ns as u64;
                lateness.push(logged.system_time_ns.saturating_sub(due_at_ns));
            }
        }
        Ok(RunLog {
            started_at_ns: self.started_at_ns,
            phases_ns: schedule.phases_ns().collect(),
            machines,
            punctuality: Punctuality {
                margin_ns: wall_margin_ns(schedule, time_scale),
                lateness: lateness.quantiles(),
                latency: self.latency.quantiles(),
                as_scheduled: self.as_scheduled,
            },
        })
    }
}

/// Creates the run's machines, each with its own random stream.
fn create_machines(run: &Run, seed: u64) -> Vec<Machine> {
    let key = run.stream_key();
    (0..run.configuration.rates.machines())
        .map(|index| {
            let random = random::machine_stream(seed, &key, index);
            let mut machine = Machine::new(index, &run.configuration, random);
            // The vector or hybrid clock that the machine keeps beside its Lamport clock, if the configuration has one.
            machine.keep(CarriedClock::new(run, seed, index));
            machine
        })
        .collect()
}

/// Waits for a thread to end. Returns its result, or an error if the thread panicked.
pub(crate) fn join_thread<T>(thread: ScopedJoinHandle<'_, T>) -> io::Result<T> {
    thread.join().map_err(|panic| {
        // The message of a panic is a `&str` if it is a literal, otherwise a `String`.
        let literal = panic.downcast_ref::<&str>().copied();
        let message = literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        io::Error::other(format!(
            "a thread panicked ({}): this is a bug of sim",
            message.unwrap_or("no reason given")
        ))
    })
}
