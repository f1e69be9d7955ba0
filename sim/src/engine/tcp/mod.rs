//! The tcp engine: real sockets and real time.
//!
//! There is one event loop for each core, and each loop hosts many runs; machines have no threads of their own. Every machine
//! listens on its own address and has one connection to each peer that it sends to or receives from. Messages go over this
//! connection, or each over a new one. Each tick has an absolute deadline, so a late tick does not delay later ticks.
//!
//! # Layout
//!
//! - [`host`]: the event loop: takes runs, waits for sockets and deadlines, and passes both to the runs
//! - [`agreement`]: how machines in different processes agree on the start of their run
//! - [`alone`]: one machine of a run in its own process
//! - [`arrivals`]: checks whether messages arrived as scheduled
//! - [`hosted`]: one run, from setting up its mesh to returning its log
//! - [`spill`]: a file for logs that do not fit into memory
//! - [`mesh`]: the connections between a run's machines: set-up, handshake, teardown
//! - [`secret`]: proofs that a machine belongs to the run
//! - [`wiring`]: which machines have a connection
//! - [`link`]: one end of one connection
//! - [`address`]: the addresses at which machines listen
//! - [`pressure`]: how busy an event loop is, and how late its ticks are
//! - [`reactor`]: which sockets are ready, and waiting until a deadline with a precision of microseconds
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
pub use hosted::Part;
pub use spill::Piece;

use crate::experiment::{Configuration, Connection};

/// Returns how many files an event loop needs for a short time beside its runs' connections: the listeners of the runs that it sets
/// up, and connections whose machines are not known yet.
pub fn files_for_setup(machines: u32) -> u64 {
    host::MAX_SETTING_UP as u64 * u64::from(machines) + reactor::SILENT as u64
}

/// Returns how many sockets a run of this configuration has: two for each pair of machines that may exchange messages. If each
/// message has its own connection, also a listener for each machine, and sockets for one message in each direction between each
/// pair.
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
/// When a process's file table is full, Linux doubles it, and every thread that opens a file must wait until all cores have
/// noticed. This takes 5 to 30 ms on two cores and would make ticks late. A table that has grown does not shrink. If this function
/// fails, ticks are late, and their lateness is recorded.
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
