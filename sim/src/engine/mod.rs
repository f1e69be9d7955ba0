//! Two interpreters of the same machine.
//!
//! # Layout
//!
//! - [`virtual_time`]: discrete events on a virtual clock, deterministic to the byte
//! - [`tcp`]: real sockets and the wall clock, an event loop a core hosting many whole runs
//! - [`processes`]: runs over TCP whose machines are processes of their own
//! - [`control`]: stopping, and counting what is under way
//! - [`punctuality`]: how far a run was from its schedule, and whether that could have mattered
//!
//! Both take runs as they are planned and return what their machines logged. `tests/it/conformance.rs` holds them to the same
//! behaviour.

mod control;
pub mod processes;
mod punctuality;
pub mod tcp;
pub mod virtual_time;

pub use control::{Control, LATE};
pub use punctuality::{Punctuality, Quantiles, Samples};

use crate::experiment::Run;
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
pub struct Ended {
    /// The run.
    pub run: Run,
    /// Its log, or why it failed.
    pub result: Result<RunLog, String>,
    /// Connections turned away because they were none of the run's.
    pub strangers: u32,
}

/// The run's machines before their first tick, each with its own stream of randomness.
fn machines_of(run: &Run, seed: u64) -> Vec<Machine> {
    let key = run.key();
    (0..run.configuration.rates.machines())
        .map(|index| {
            let random = random::machine_stream(seed, &key, index);
            Machine::new(index, &run.configuration, random)
        })
        .collect()
}
