//! Runs a single machine of a run in this process. The other machines of the run are in other processes, on this computer or on
//! others. Connections and ticks are handled by the same code as in an event loop with many runs ([`super::event_loop`]).

use std::net::SocketAddr;
use std::time::Duration;

use super::address;
use super::clock::WallClock;
use super::hosted::{HostedRun, MachineResult};
use super::mesh::{Endpoints, Mesh};
use super::reactor::Reactor;
use super::secret::Secret;
use super::wiring::Wiring;
use crate::console::tell;
use crate::engine::patience::{Patience, Suspension};
use crate::engine::shortage::is_shortage;
use crate::experiment::Run;
use crate::machine::MachineIndex;
use crate::wire::RunToken;

/// How far in the future machine 0 sets the start of the run. The start time must reach all machines before the run starts.
const LEAD_NS: u64 = 250_000_000;
/// Time that is added to [`LEAD_NS`] for each machine, because with `topology = "ring"` the start time goes from one
/// machine to the next.
const LEAD_PER_MACHINE_NS: u64 = 1_000_000;
/// How long a machine waits for the last messages of its run, after the end of the run's duration.
const PATIENCE_AT_END_NS: u64 = 10_000_000_000;
/// The machine sleeps until a socket is ready or a tick is due, but at most this long. After each sleep, it checks whether it has waited
/// too long for the other machines.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// Maximum number of bytes that one call reads from a socket.
const SCRATCH_BYTES: usize = 64 << 10;

/// What a machine needs to take part in a run, with the addresses of all machines of the run.
#[derive(Clone, Debug)]
pub struct Participant {
    /// The run.
    pub run: Run,
    /// The experiment's seed.
    pub seed: u64,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// The index of this machine.
    pub machine: MachineIndex,
    /// For each machine of the run, one or more addresses at which the machine can be reached. They are tried in turn.
    pub addresses: Vec<Vec<SocketAddr>>,
    /// The addresses at which this machine may listen. It takes the first one at which it can listen.
    pub listen: Vec<SocketAddr>,
    /// The run's token: a secret that all machines of the run know.
    pub token: RunToken,
    /// How long to wait for the other machines before giving up.
    pub patience: Duration,
}

/// Why a machine could not take part in a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParticipantError {
    /// The machine cannot listen. Nothing has happened yet, so the run can be tried again on another address.
    #[error("machine {machine} cannot listen on {address}: {problem}")]
    Listen {
        /// The machine.
        machine: MachineIndex,
        /// The address at which it should have listened.
        address: SocketAddr,
        /// The system's message.
        problem: String,
    },
    /// The system allows no more open files, or has no more memory. The run may work when fewer machines run at once.
    #[error("{0}")]
    Shortage(String),
    /// The run failed.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for ParticipantError {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// Takes part in a run, from connecting to the other machines to the end of the run.
///
/// # Errors
///
/// Returns [`ParticipantError`] with the reason in words.
pub fn take_part(participant: &Participant) -> Result<MachineResult, ParticipantError> {
    let clock = WallClock::start();
    let mut reactor = Reactor::new().map_err(|error| {
        let problem = format!("cannot watch sockets: {error}");
        if is_shortage(&error) {
            ParticipantError::Shortage(problem)
        } else {
            ParticipantError::Failed(problem)
        }
    })?;
    let mut hosted = begin(participant, clock, &mut reactor)?;
    let machine = participant.machine as usize;
    let margin_ns = hosted.margin_ns();
    let lead_ns = LEAD_NS + participant.addresses.len() as u64 * LEAD_PER_MACHINE_NS;
    let mut scratch = vec![0; SCRATCH_BYTES];
    let mut ready = vec![];
    let mut suspension = Suspension::default();
    let patience_at_start_ns = u64::try_from(participant.patience.as_nanos()).unwrap_or(u64::MAX);
    // The deadline for the start of the run. Time in which this process was suspended (Ctrl+Z, or a sleeping computer) does not count as
    // waiting. The argument 0 says that this process has not been suspended so far.
    let mut patience = Patience::until(clock.now_ns().saturating_add(patience_at_start_ns), 0);
    // Each turn of this loop does the ticks that are due, and then waits for sockets. `turn` is counted only because `hosted.tick` needs
    // this argument. The argument has an effect only in an event loop with many runs.
    for turn in 0.. {
        suspension.note_awake(clock.now_ns());
        // `has_started` means that the start time is set. This time can still be in the future.
        if !hosted.has_started() {
            hosted.set_up(&mut reactor)?;
            // If the system clocks of the machines differ too much, the machines cannot start together: the run fails.
            hosted.check_clocks(lead_ns)?;
            if hosted.agree_to_start(clock.now_ns(), lead_ns, &mut reactor)? {
                if let Some(warning) = hosted.warning_of_clocks(margin_ns) {
                    tell(warning);
                }
                // If this machine has no tick in the whole run, it tells the others already now that it will send nothing.
                hosted.end_machines_without_ticks()?;
                // The start is set, so the end is known too: it is never `None` here.
                let end_ns = hosted.end_ns().unwrap_or(0);
                // The deadline for the end of the run.
                patience = Patience::until(
                    end_ns.saturating_add(PATIENCE_AT_END_NS),
                    suspension.suspended_ns(),
                );
            }
        }
        // Do all ticks that are due.
        while hosted.has_started()
            && let Some(due_ns) = hosted.next_due_ns(machine)
            && due_ns <= clock.now_ns()
        {
            hosted.tick(machine, due_ns, turn, &clock, &mut reactor)?;
        }
        if hosted.is_complete() {
            break;
        }
        if patience.is_over(clock.now_ns(), &mut suspension) {
            return Err(hosted.describe_missing().into());
        }
        // Wait for a socket until the next tick is due, but at most `LONGEST_WAIT`. Before the start time is set, due times have no
        // meaning.
        let latest_ns = clock.now_ns() + LONGEST_WAIT.as_nanos() as u64;
        let due_ns = hosted.next_due_ns(machine).filter(|_| hosted.has_started());
        let until = clock.instant(due_ns.map_or(latest_ns, |due_ns| due_ns.min(latest_ns)));
        reactor
            .wait(Some(until))
            .map_err(|error| format!("cannot watch sockets: {error}"))?;
        reactor.take_ready(&mut ready);
        for &socket in &ready {
            hosted.exchange(socket, &mut scratch, &mut reactor, &clock)?;
        }
    }
    let (result, mut mesh) = hosted.into_result(machine);
    // `usize::MAX` is the maximum number of connections to close, so all of them are closed.
    mesh.close_some(usize::MAX, &mut reactor);
    Ok(result)
}

/// Opens the listener of the machine and prepares its run. No connection is opened yet.
fn begin(
    participant: &Participant,
    clock: WallClock,
    reactor: &mut Reactor,
) -> Result<HostedRun, ParticipantError> {
    let cannot_listen = |address: &SocketAddr, error: std::io::Error| {
        let listen_error = ParticipantError::Listen {
            machine: participant.machine,
            address: *address,
            problem: error.to_string(),
        };
        match is_shortage(&error) {
            true => ParticipantError::Shortage(listen_error.to_string()),
            false => listen_error,
        }
    };
    // Takes the first address at which the machine can listen. If there is none, `last_error` says why the last address failed.
    let mut last_error =
        ParticipantError::Failed(format!("machine {} has no address", participant.machine));
    let listening = participant.listen.iter().find_map(|address| {
        let listener = address::listen(*address);
        let listener = listener
            .map_err(|error| last_error = cannot_listen(address, error))
            .ok()?;
        Some((listener, address))
    });
    let Some((listener, address)) = listening else {
        return Err(last_error);
    };
    if !address.ip().is_loopback() {
        tell(format!(
            "machine {} listens on {address}, which other computers can reach: messages are not encrypted, and anyone who knows the token can take part",
            participant.machine
        ));
    }
    let endpoints = Endpoints {
        listeners: vec![listener],
        // The first machine of this process. It is also the only one.
        first: participant.machine,
        addresses: participant.addresses.clone(),
    };
    let wiring = Wiring::new(&participant.run.configuration);
    let secret = Secret::new(
        &participant.token,
        participant.seed,
        participant.time_scale,
        &participant.run.key(),
    );
    // The position of this run among the runs of an event loop. Here it is the only run.
    let slot = 0;
    // `Mesh::new` begins to watch the listener. So an error of `Mesh::new` is reported as an error of listening.
    let mesh = Mesh::new(slot, wiring, endpoints, secret, clock, reactor)
        .map_err(|error| cannot_listen(address, error))?;
    Ok(HostedRun::new(
        participant.run.clone(),
        participant.seed,
        participant.time_scale,
        mesh,
    ))
}
