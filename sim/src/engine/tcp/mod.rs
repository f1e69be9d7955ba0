//! The tcp engine: real sockets and the wall clock.
//!
//! One event loop a core, each hosting many whole runs at once: never a thread a machine. Every machine listens on an address of
//! its own and holds one connection to each peer. Ticks are absolute deadlines; a late tick never shifts the ones after it.
//!
//! # Layout
//!
//! - [`host`]: the event loop: takes runs, waits for sockets and deadlines, hands out both
//! - [`hosted`]: one run: from its mesh to its log
//! - [`mesh`]: the connections between a run's machines: set-up, handshake, teardown
//! - [`link`]: one end of one connection
//! - [`address`]: where machines listen
//! - [`reactor`]: readiness of sockets, and waiting until a deadline to the microsecond
//! - [`clock`]: wall time that never goes backwards

mod address;
mod clock;
mod host;
mod hosted;
mod link;
mod mesh;
mod reactor;

pub use address::{PortRange, PortsTaken, probe};
pub use host::{Settings, serve};

/// Files an event loop holds for a moment beside its runs' connections: the listeners of the runs it is setting up.
pub fn files_for_setup(machines: u32) -> u64 {
    host::SETTING_UP as u64 * u64::from(machines)
}

/// Sockets a run of `machines` machines holds: both ends of a connection for each pair.
pub fn sockets_per_run(machines: u32) -> u64 {
    u64::from(machines) * u64::from(machines - 1)
}
