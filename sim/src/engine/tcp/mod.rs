//! The tcp engine: real sockets and the wall clock.
//!
//! One event loop a core, each hosting many whole runs at once: never a thread a machine. Every machine listens on an address of
//! its own and holds one connection to each peer that it sends to or hears from; messages go over it, or each over one of its own. Ticks are absolute deadlines; a late tick never shifts the ones after it.
//!
//! # Layout
//!
//! - [`host`]: the event loop: takes runs, waits for sockets and deadlines, hands out both
//! - [`agreement`]: the start of a run whose machines are in processes of their own
//! - [`alone`]: one machine of a run in a process of its own
//! - [`arrivals`]: whether messages arrived when the schedule says
//! - [`hosted`]: one run: from its mesh to its log
//! - [`spill`]: where logs go that memory has no room for
//! - [`mesh`]: the connections between a run's machines: set-up, handshake, teardown
//! - [`secret`]: proofs that a machine is the run's
//! - [`wiring`]: which machines have a connection
//! - [`link`]: one end of one connection
//! - [`address`]: where machines listen
//! - [`pressure`]: how busy an event loop is, and how late
//! - [`reactor`]: readiness of sockets, and waiting until a deadline to the microsecond
//! - [`clock_difference`]: by how much the clocks of two hosts differ
//! - [`clock`]: wall time that never goes backwards

mod address;
mod agreement;
mod alone;
mod arrivals;
mod clock;
mod clock_difference;
mod host;
mod hosted;
mod link;
mod mesh;
mod pressure;
mod reactor;
mod secret;
mod spill;
mod wiring;

pub(crate) use address::AddressBook;
pub use address::{PortRange, PortsTaken, probe};
pub use alone::{Participant, ParticipantError, take_part};
pub(crate) use host::new_token;
pub use host::{Settings, serve};
pub use hosted::Part;
pub use spill::Piece;

use crate::experiment::{Configuration, Connection};

/// Files an event loop holds for a moment beside its runs' connections: the listeners of the runs it is setting up, and connections
/// that have not said who they are.
pub fn files_for_setup(machines: u32) -> u64 {
    host::MAX_SETTING_UP as u64 * u64::from(machines) + reactor::SILENT as u64
}

/// Sockets a run of that configuration holds: both ends of a connection for each pair between which messages may flow. Where each
/// message takes a connection of its own, also the listeners, and room for a message under way each way between each pair.
pub fn sockets_per_run(configuration: &Configuration) -> u64 {
    let machines = configuration.rates.machines();
    let standing = 2 * configuration.topology.links(machines);
    match configuration.connection {
        Connection::Persistent => standing,
        Connection::PerMessage => u64::from(machines) + 3 * standing,
    }
}

/// Makes room for `files` open files before the first tick.
///
/// Linux doubles a process's file table when it is full, and every thread that opens a file meanwhile waits for all cores to have
/// noticed: 5-30 ms each time on two cores, by which ticks would be late. A table that has been large stays so. Where this fails,
/// ticks are late and their lateness is on record.
pub fn make_room_for_files(files: u64) {
    #[cfg(target_os = "linux")]
    if let (Ok(last), Ok(file)) = (i32::try_from(files), std::fs::File::open("/dev/null")) {
        drop(rustix::io::fcntl_dupfd_cloexec(&file, last));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = files;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_file_table_grows_and_stays_large() {
        super::make_room_for_files(700);
        let status = std::fs::read_to_string("/proc/self/status").expect("a process");
        let size = status
            .lines()
            .find_map(|line| line.strip_prefix("FDSize:")?.trim().parse::<u64>().ok());
        assert!(size.is_some_and(|size| size > 700), "{size:?}");
    }
}
