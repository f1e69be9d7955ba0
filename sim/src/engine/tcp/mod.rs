//! The tcp engine: real sockets and real time.
//!
//! There is one event loop for each core. Each loop executes many runs at the same time; machines have no threads of their own.
//! Every machine listens on its own address and has one connection to each machine to which it sends or from which it receives.
//! Messages go over this connection or, if the experiment says so, each over a new connection. Each tick has a fixed due time, so
//! a late tick does not delay later ticks.
//!
//! # Layout
//!
//! - [`host`]: the event loop
//! - [`agreement`]: how machines in different processes agree on the start of their run
//! - [`alone`]: one machine of a run in its own process
//! - [`arrivals`]: checks whether messages arrived as scheduled
//! - [`hosted`]: one run, from setting up its mesh to returning its log
//! - [`spill`]: a file for logs that do not fit into memory
//! - [`mesh`]: the connections between a run's machines: set-up, handshake, teardown
//! - [`secret`]: proofs that a machine belongs to the run
//! - [`wiring`]: which machines are connected
//! - [`link`]: one end of one connection
//! - [`address`]: the addresses at which machines listen
//! - [`pressure`]: how busy an event loop is, and how late its ticks are
//! - [`reactor`]: finds out which sockets are ready, and waits until a deadline
//! - [`clock_difference`]: the difference between the clocks of two hosts
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
pub use hosted::MachineResult;
pub use spill::Piece;

use crate::experiment::{Configuration, Connection};

/// Returns how many files an event loop needs in addition to the connections of its runs: for the listeners of runs that are
/// being set up, and for connections whose machines are not known yet.
pub fn files_for_setup(machines: u32) -> u64 {
    host::MAX_SETTING_UP as u64 * u64::from(machines) + reactor::SILENT as u64
}

/// Returns how many sockets a run of this configuration has: two for each pair of machines that may exchange messages. If each
/// message has its own connection, also a listener for each machine, and sockets for one message in each direction between each
/// pair.
pub fn sockets_per_run(configuration: &Configuration) -> u64 {
    let machines = configuration.rates.machines();
    let persistent = 2 * configuration.topology.links(machines);
    match configuration.connection {
        Connection::Persistent => persistent,
        Connection::PerMessage => u64::from(machines) + 3 * persistent,
    }
}

/// Makes room for `files` open files before the first tick.
///
/// When the file table of a process is full, Linux doubles it, and every thread that opens a file must wait for all cores. This
/// takes 5 to 30 ms on two cores and would make ticks late. So the table is made large enough before the first tick; it never
/// shrinks. If this function fails, ticks may be late, and their lateness is recorded.
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
