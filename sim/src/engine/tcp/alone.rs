//! One machine of a run in a process of its own, on this host or another: the same mesh and the same ticks as in
//! [`super::host`], for a single machine.

use std::net::SocketAddr;
use std::time::Duration;

use super::address;
use super::clock::WallClock;
use super::hosted::{Hosted, Part};
use super::mesh::{Endpoints, Mesh};
use super::reactor::Reactor;
use super::secret::Secret;
use super::wiring::Wiring;
use crate::console::tell;
use crate::engine::patience::{Patience, Sleep};
use crate::engine::shortage::is_shortage;
use crate::experiment::Run;
use crate::machine::MachineIndex;
use crate::wire::RunToken;

/// From the last machine being ready to the start: time for the word to get around...
const LEAD_NS: u64 = 250_000_000;
/// ...and more for each machine: in a ring it goes from one to the next.
const LEAD_A_MACHINE_NS: u64 = 1_000_000;
/// How long a run may take to hear its last messages.
const PATIENCE_NS: u64 = 10_000_000_000;
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// Bytes read from a socket at once.
const SCRATCH_BYTES: usize = 64 << 10;

/// One machine's place in a run.
#[derive(Clone, Debug)]
pub struct Participant {
    /// The run.
    pub run: Run,
    /// The experiment's seed.
    pub seed: u64,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// Which machine it is.
    pub machine: MachineIndex,
    /// Where each machine of the run can be reached: the addresses of each, at least one, to be tried in turn.
    pub addresses: Vec<Vec<SocketAddr>>,
    /// Where this machine listens: the first of these that is this host's.
    pub listen: Vec<SocketAddr>,
    /// The run's secret.
    pub token: RunToken,
    /// How long to wait for the other machines before giving up.
    pub patience: Duration,
}

/// Why a machine did not do its part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParticipantError {
    /// Nothing has happened yet: the run can be tried again elsewhere.
    #[error("machine {machine} cannot listen on {address}: {problem}")]
    Listen {
        /// Which machine.
        machine: MachineIndex,
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system says.
        problem: String,
    },
    /// The system has no more files or memory: fewer machines at once may work.
    #[error("{0}")]
    NoRoom(String),
    /// The run failed.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for ParticipantError {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// Takes part in a run from its mesh to its end.
///
/// # Errors
///
/// [`ParticipantError`], with the reason in words.
pub fn take_part(seat: &Participant) -> Result<Part, ParticipantError> {
    let clock = WallClock::start();
    let mut reactor = Reactor::new().map_err(|error| {
        let problem = format!("cannot watch sockets: {error}");
        if is_shortage(&error) {
            ParticipantError::NoRoom(problem)
        } else {
            ParticipantError::Failed(problem)
        }
    })?;
    let mut hosted = begin(seat, clock, &mut reactor)?;
    let machine = seat.machine as usize;
    let margin_ns = hosted.margin_ns();
    let lead_ns = LEAD_NS + seat.addresses.len() as u64 * LEAD_A_MACHINE_NS;
    let mut scratch = vec![0; SCRATCH_BYTES];
    let mut ready = vec![];
    let mut sleep = Sleep::default();
    let patience_ns = u64::try_from(seat.patience.as_nanos()).unwrap_or(u64::MAX);
    let mut patience = Patience::until(clock.now_ns().saturating_add(patience_ns), 0);
    for turn in 0.. {
        sleep.inspect(clock.now_ns());
        if !hosted.has_started() {
            hosted.set_up(&mut reactor)?;
            hosted.check_clocks(lead_ns, margin_ns)?;
            if hosted.agree_to_start(clock.now_ns(), lead_ns, &mut reactor)? {
                if let Some(remark) = hosted.remark_on_clocks(margin_ns) {
                    tell(remark);
                }
                hosted.end_idle_machines()?;
                let end_ns = hosted.end_ns().unwrap_or(0);
                patience = Patience::until(end_ns.saturating_add(PATIENCE_NS), sleep.asleep_ns());
            }
        }
        while hosted.has_started()
            && let Some(due_ns) = hosted.next_due_ns(machine)
            && due_ns <= clock.now_ns()
        {
            hosted.tick(machine, due_ns, turn, &clock, &mut reactor)?;
        }
        if hosted.is_complete() {
            break;
        }
        if patience.is_over(clock.now_ns(), &mut sleep) {
            return Err(hosted.why_stuck().into());
        }
        let longest_ns = clock.now_ns() + LONGEST_WAIT.as_nanos() as u64;
        let due_ns = hosted.next_due_ns(machine).filter(|_| hosted.has_started());
        let until = clock.instant(due_ns.map_or(longest_ns, |due_ns| due_ns.min(longest_ns)));
        reactor
            .wait(Some(until))
            .map_err(|error| format!("cannot watch sockets: {error}"))?;
        reactor.take_ready(&mut ready);
        for &socket in &ready {
            hosted.exchange(socket, &mut scratch, &mut reactor, &clock)?;
        }
    }
    let (part, mut mesh) = hosted.part(machine);
    while mesh.close_some(usize::MAX, &mut reactor) {}
    Ok(part)
}

fn begin(
    seat: &Participant,
    clock: WallClock,
    reactor: &mut Reactor,
) -> Result<Hosted, ParticipantError> {
    let unable = |address: &SocketAddr, error: std::io::Error| ParticipantError::Listen {
        machine: seat.machine,
        address: *address,
        problem: error.to_string(),
    };
    let mut refused = ParticipantError::Failed(format!("machine {} has no address", seat.machine));
    let listening = seat.listen.iter().find_map(|address| {
        let listener = address::listen(*address);
        let listener = listener
            .map_err(|error| refused = unable(address, error))
            .ok()?;
        Some((listener, address))
    });
    let Some((listener, address)) = listening else {
        return Err(refused);
    };
    if !address.ip().is_loopback() {
        tell(format!(
            "machine {} listens on {address}, beyond this host: messages are not encrypted, and whoever knows the token can take part",
            seat.machine
        ));
    }
    let places = Endpoints {
        listeners: vec![listener],
        first: seat.machine,
        addresses: seat.addresses.clone(),
    };
    let wiring = Wiring::new(&seat.run.configuration);
    let secret = Secret::new(&seat.token, seat.seed, &seat.run.key());
    let mesh = Mesh::new(0, wiring, places, secret, clock, reactor)
        .map_err(|error| unable(address, error))?;
    Ok(Hosted::new(
        seat.run.clone(),
        seat.seed,
        seat.time_scale,
        mesh,
    ))
}
