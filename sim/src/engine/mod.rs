//! Two interpreters of the same machine.
//!
//! # Layout
//!
//! - [`virtual_time`]: discrete events on a virtual clock, deterministic to the byte
//! - [`tcp`]: real sockets and the wall clock, an event loop a core hosting many whole runs
//! - [`processes`]: runs over TCP whose machines are processes of their own
//! - [`control`]: stopping, and counting what is under way
//! - [`patience`]: waiting that does not count the time in which this process sleeps
//! - [`shortage`]: refusals of the system that pass
//! - [`punctuality`]: how far a run was from its schedule, and whether that could have mattered
//!
//! Both take runs as they are planned and return what their machines logged. `tests/it/conformance.rs` holds them to the same
//! behaviour.

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

use crate::experiment::{Run, Schedule};
use crate::log::LoggedEvent;
use crate::machine::Machine;
use crate::random;

/// What a run's machines logged.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLog {
    /// Unix time of the run's start, in nanoseconds; 0 in the virtual engine.
    pub started_at_ns: u64,
    /// Every machine's events, in the order of its ticks.
    pub machines: Vec<Vec<LoggedEvent>>,
    /// How far the run was from its schedule.
    pub punctuality: Punctuality,
}

/// A run that an engine is done with.
#[derive(Clone, Debug)]
pub struct RunOutcome<L = RunLog> {
    /// The run.
    pub run: Run,
    /// Its log, or why it failed.
    pub result: Result<L, String>,
    /// Connections turned away because they were none of the run's.
    pub rejected_connections: u32,
}

/// A log as the tcp engine leaves it: what remains to be done is done off every tick's way, by [`RunOutcome::finalize`].
#[derive(Clone, Debug)]
pub struct RawLog {
    started_at_ns: u64,
    machines: Vec<Vec<LoggedEvent>>,
    /// The earlier part of long logs, by machine, in order: what memory had no room for.
    spilled: Vec<(usize, Piece)>,
    latency: Samples,
    as_scheduled: bool,
}

impl RunOutcome<RawLog> {
    /// Puts the log together and works out how punctual the run was. A log that cannot be read back makes it a failed run.
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

/// The margin of a run with `schedule` ([`Schedule::margin_ns`]), in wall nanoseconds.
pub fn wall_margin_ns(schedule: &Schedule, time_scale: f64) -> u64 {
    (schedule.margin_ns() as f64 / time_scale) as u64
}

/// How many ticks a machine's events are of.
pub(crate) fn ticks_in(events: &[LoggedEvent]) -> u64 {
    let ticks = events.chunk_by(|a, b| a.event.tick == b.event.tick);
    ticks.count() as u64
}

impl RawLog {
    fn finalize(self, schedule: &Schedule, time_scale: f64) -> io::Result<RunLog> {
        let mut machines = vec![vec![]; self.machines.len()];
        for (machine, piece) in &self.spilled {
            machines[*machine].append(&mut piece.read()?);
        }
        for (events, mut rest) in machines.iter_mut().zip(self.machines) {
            events.append(&mut rest);
        }
        let mut lateness = Samples::default();
        for (machine, events) in machines.iter().enumerate() {
            // A tick is as late as its first event.
            for tick in events.chunk_by(|a, b| a.event.tick == b.event.tick) {
                let logged = &tick[0];
                let due_ns = schedule.due_ns(machine, logged.event.tick) as f64 / time_scale;
                let due_ns = self.started_at_ns + due_ns as u64;
                lateness.push(logged.system_time_ns.saturating_sub(due_ns));
            }
        }
        Ok(RunLog {
            started_at_ns: self.started_at_ns,
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

/// The run's machines before their first tick, each with its own stream of randomness.
fn machines_of(run: &Run, seed: u64) -> Vec<Machine> {
    let key = run.stream_key();
    (0..run.configuration.rates.machines())
        .map(|index| {
            let random = random::machine_stream(seed, &key, index);
            Machine::new(index, &run.configuration, random)
        })
        .collect()
}

/// What a thread returned; an error if it panicked.
pub(crate) fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> io::Result<T> {
    thread.join().map_err(|panic| {
        let said = panic.downcast_ref::<&str>().copied();
        let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        io::Error::other(format!(
            "a thread panicked ({}): this is a bug of sim",
            said.unwrap_or("no reason given")
        ))
    })
}
