//! The tcp engine: real sockets and real time.
//!
//! There is one event loop for each core. Each loop executes many runs at the same time in one thread. (Runs whose machines have
//! processes of their own are the exception: see [`alone`].)
//! Every machine listens on its own address and has one connection to each machine to which it sends or from which it receives.
//! Messages go over this connection. With `connection = "per-message"` in the experiment, each message goes over a new connection
//! instead. Each tick has a fixed due time, so a late tick does not delay later ticks.
//!
//! # Layout
//!
//! - [`event_loop`]: the event loop
//! - [`agreement`]: how machines in different processes agree on the time at which their run starts
//! - [`alone`]: one machine of a run in its own process
//! - [`arrivals`]: checks whether messages arrived as scheduled
//! - [`hosted`]: one run in an event loop, from setting up its mesh to returning its log
//! - [`spill`]: a file for logs that do not fit into memory
//! - [`mesh`]: the connections between a run's machines: set-up, handshake, teardown
//! - [`secret`]: proofs that a machine belongs to the run
//! - [`wiring`]: which machines are connected
//! - [`link`]: one side of one connection
//! - [`address`]: the addresses at which machines listen
//! - [`pressure`]: how busy an event loop is, and how late its ticks are
//! - [`reactor`]: finds out which sockets are ready, and waits until a deadline
//! - [`clock_difference`]: the difference between the system clocks of two computers
//! - [`clock`]: wall time that never goes backwards

mod address;
mod agreement;
mod alone;
mod arrivals;
mod clock;
mod clock_difference;
mod event_loop;
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
pub(crate) use event_loop::new_token;
pub use event_loop::{Settings, serve};
pub use hosted::MachineResult;
pub use spill::Piece;

use crate::experiment::{Configuration, Connection};

/// Returns how many open files an event loop needs to set up runs, if each run has `machines` machines. The open files of the runs'
/// connections are not included. For the system, a socket is an open file. Up to `MAX_SETTING_UP` runs are set up at the same time, and
/// each machine of these runs has a listener. Besides, the loop has up to `MAX_SILENT` accepted connections whose other side has not yet
/// proved which machine it is.
pub fn files_for_setup(machines: u32) -> u64 {
    event_loop::MAX_SETTING_UP as u64 * u64::from(machines) + reactor::MAX_SILENT as u64
}

/// Returns how many sockets a run of this configuration has after its set-up. A connection has two sockets, one at each side. There is one
/// connection for each pair of machines that may exchange messages. The listeners do not count, because they are closed after the set-up.
///
/// If each message has its own connection, the pairs still have their connections, and more sockets are added. The listeners stay open, one
/// for each machine. Besides, two messages are assumed to be on the way for each pair, one in each direction. These messages have two
/// connections, so four sockets.
pub fn sockets_per_run(configuration: &Configuration) -> u64 {
    let machines = configuration.rates.machines();
    let persistent = 2 * configuration.topology.links(machines);
    match configuration.connection {
        Connection::Persistent => persistent,
        Connection::PerMessage => {
            // For each pair four sockets, twice as many as its persistent connection has.
            let for_messages = 2 * persistent;
            u64::from(machines) + persistent + for_messages
        }
    }
}

/// Makes room for `files` open files in the file table of this process. Call it before the first tick.
///
/// When the file table of a process is full, Linux doubles it, and every thread that opens a file must wait until no core uses the old
/// table any more. This takes 5 to 30 ms on two cores and would make ticks late. So the table is made large enough before the first tick;
/// it never shrinks. If this function fails, ticks may be late, and their lateness is recorded.
pub fn make_room_for_files(files: u64) {
    #[cfg(target_os = "linux")]
    if let (Ok(number), Ok(file)) = (i32::try_from(files), std::fs::File::open("/dev/null")) {
        // Copies the file's descriptor to the first free place from `number` on. So the table must become long enough for this place.
        drop(rustix::io::fcntl_dupfd_cloexec(&file, number));
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
        // `FDSize` is the number of open files for which the table has room.
        let size = status
            .lines()
            .find_map(|line| line.strip_prefix("FDSize:")?.trim().parse::<u64>().ok());
        assert!(size.is_some_and(|size| size > 700), "{size:?}");
    }
}
