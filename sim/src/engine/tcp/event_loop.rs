//! The event loop, which executes many runs at the same time in one thread. It takes runs, waits for sockets and deadlines, and calls
//! each run when one of its sockets is ready or one of its ticks is due.
//!
//! The connections of a run (its *mesh*) are opened and closed in small steps, so that the ticks of other runs are not delayed.

mod ending;
mod starting;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use slab::Slab;

use super::address::{AddressBook, PortRange};
use super::clock::WallClock;
use super::hosted::{HostedRun, TickResult};
use super::mesh::{Endpoints, Mesh};
use super::pressure::Pressure;
use super::reactor::{Reactor, Ready};
use super::spill::Spill;
use crate::engine::patience::{Patience, Suspension};
use crate::engine::{Control, RawLog, RunOutcome};
use crate::experiment::Run;
use crate::wire::RunToken;

/// Maximum number of ticks between two checks of the sockets. With more ticks, arrived messages would wait too long in the sockets.
const MAX_TICKS_PER_TURN: usize = 32;
/// Ticks come first: the loop does other work (taking, setting up and closing runs) only while no tick is overdue. But after this time
/// without other work, the loop does one step of other work even if a tick is overdue.
const STEP_EVERY_NS: u64 = 5_000_000;
/// Maximum number of runs that are set up at the same time. While a run is set up, each of its machines has a listener, which needs a
/// file descriptor.
pub(crate) const MAX_SETTING_UP: usize = 8;
/// After the end of its duration, a run waits at most this long for its last messages. A run must also start at most this long after the
/// estimated end of its set-up.
const PATIENCE_NS: u64 = 10_000_000_000;
/// The longest wait for sockets, deadlines or runs. An interrupt is noticed after this time at the latest.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Maximum number of bytes that one call reads from a socket.
const SCRATCH_BYTES: usize = 64 << 10;

/// Settings of an event loop.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The experiment's seed.
    pub seed: u64,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// Maximum number of runs at once.
    pub width: usize,
    /// The ports on which machines listen.
    pub ports: PortRange,
    /// If more events than this are in memory, the run with the most events in memory moves its events to a file. The file has no name, so
    /// it vanishes when the process ends.
    pub max_events_in_memory: usize,
    /// The folder in which the file for events is created.
    pub spill_folder: PathBuf,
    /// Whether the event loop stops taking new runs while many ticks are late.
    pub hold_back: bool,
}

/// Executes the runs that `runs` yields until there are no more, and passes the outcome of each run to `deliver`.
///
/// # Errors
///
/// Fails if the system cannot watch sockets at all, or if events cannot be written to the file in `spill_folder`. A problem in one run ends
/// only that run.
pub fn serve(
    settings: &Settings,
    runs: &Receiver<Run>,
    control: &Control,
    deliver: impl FnMut(RunOutcome<RawLog>),
) -> io::Result<()> {
    let mut event_loop = EventLoop::new(settings, control, deliver)?;
    loop {
        event_loop.turn += 1;
        event_loop.suspension.note_awake(event_loop.clock.now_ns());
        event_loop.tick();
        event_loop.spill()?;
        if event_loop.has_time() {
            let may_be_more = event_loop.take(runs);
            if !may_be_more && event_loop.is_idle() {
                return Ok(());
            }
            event_loop.set_up();
            event_loop.tear_down();
        }
        event_loop.wait()?;
        event_loop.exchange();
    }
}

/// A time at which something must be done for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Deadline {
    /// The Unix time of the deadline. It is the first field, so that deadlines are sorted by time.
    at_ns: u64,
    /// The number of the run among all runs of this loop. When a run has ended, another run may use its `slot`. So if the run in `slot`
    /// has another number, the run of this deadline has ended.
    serial: u64,
    what: DeadlineKind,
    /// The position of the run in `EventLoop::runs`.
    slot: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum DeadlineKind {
    /// The next tick of this machine is due.
    Tick(usize),
    /// If `started` is false, the run must start by the deadline. If `started` is true, the run must end by the deadline; such a deadline
    /// is set when the run starts. A run can be set up several times: if an attempt fails, the run gets a new mesh. `setup_count` is the
    /// number of attempts when the deadline was set. If `started` is false and there was another attempt since then, this deadline has no
    /// effect: the newer mesh has a deadline of its own. `suspended_ns` is
    /// how long the loop had been suspended in total when the deadline was set. Later suspensions postpone the deadline.
    Patience {
        started: bool,
        setup_count: u32,
        suspended_ns: u64,
    },
}

/// The state of an event loop.
struct EventLoop<'s, D> {
    settings: &'s Settings,
    control: &'s Control,
    /// Receives the outcome of each run.
    deliver: D,
    clock: WallClock,
    /// For how long this process was suspended (for example, because the computer slept). After a suspension of one minute, the existing
    /// deadlines for the start and the end of runs are one minute later.
    suspension: Suspension,
    /// Watches the sockets of all runs.
    reactor: Reactor,
    addresses: AddressBook,
    /// The runs that have not ended, each with its serial number. The key of a run is its *slot*.
    runs: Slab<(u64, HostedRun)>,
    /// The slots of runs that have connections still to open.
    setting_up: VecDeque<usize>,
    /// Number of runs that have not started: those in `setting_up`, and those that only wait until all their connections are ready.
    not_started: usize,
    /// The meshes of runs that have ended and have connections still to close.
    closing: VecDeque<Mesh>,
    /// The deadlines of all runs, the earliest first.
    deadlines: BinaryHeap<Reverse<Deadline>>,
    next_serial: u64,
    /// The number of the current turn of the loop.
    turn: u64,
    /// When the loop last had time for other work than ticks.
    had_time_ns: u64,
    /// A run that could not be set up because there were no more file descriptors. It is tried again.
    postponed: Option<Run>,
    /// Whether the mesh of a run was closed after the last attempt to set up the postponed run. Then there may be file descriptors for it.
    closed_since_postponed: bool,
    /// Whether the loop may be able to take another run now. If so, the loop does not wait for sockets. True after the loop has
    /// taken a run, because more runs may be available. Also true after the loop has closed the mesh of a run, because then file
    /// descriptors are free again.
    may_take_more: bool,
    /// Number of events of all runs that are in memory.
    events_in_memory: usize,
    /// The file for events that do not fit into memory. `None` if it was not needed yet.
    spill: Option<Spill>,
    /// Says whether many ticks were late recently, and whether there are so many ticks that the loop should wait until several are due.
    pressure: Pressure,
    /// Whether the loop has reacted to an interrupt.
    interrupted: bool,
    /// The list of ready sockets, kept so that its memory is used again in each turn.
    ready: Vec<Ready>,
    /// The memory into which bytes are read from sockets.
    scratch: Vec<u8>,
}

impl<'s, D: FnMut(RunOutcome<RawLog>)> EventLoop<'s, D> {
    fn new(settings: &'s Settings, control: &'s Control, deliver: D) -> io::Result<Self> {
        Ok(Self {
            settings,
            control,
            deliver,
            clock: WallClock::start(),
            suspension: Suspension::default(),
            reactor: Reactor::new()?,
            addresses: AddressBook::new(settings.ports.clone()),
            runs: Slab::new(),
            setting_up: VecDeque::new(),
            not_started: 0,
            closing: VecDeque::new(),
            deadlines: BinaryHeap::new(),
            next_serial: 0,
            turn: 0,
            had_time_ns: 0,
            postponed: None,
            closed_since_postponed: false,
            may_take_more: false,
            events_in_memory: 0,
            spill: None,
            pressure: Pressure::default(),
            interrupted: false,
            ready: vec![],
            scratch: vec![0; SCRATCH_BYTES],
        })
    }

    /// Returns whether the loop has no runs, neither to execute nor to close.
    fn is_idle(&self) -> bool {
        self.runs.is_empty() && self.closing.is_empty()
    }

    /// Returns whether the loop should now do other work than ticks. It should if no tick is overdue, or if it has done no other work for
    /// [`STEP_EVERY_NS`]. If it should, the current time is noted as the time of this work.
    fn has_time(&mut self) -> bool {
        let now_ns = self.clock.now_ns();
        let next = self.deadlines.peek();
        let is_overdue = next.is_some_and(|Reverse(deadline)| deadline.at_ns <= now_ns);
        let has_time = !is_overdue || now_ns >= self.had_time_ns + STEP_EVERY_NS;
        if has_time {
            self.had_time_ns = now_ns;
        }
        has_time
    }

    /// Does the ticks that are due, and checks runs whose deadline has passed.
    fn tick(&mut self) {
        for _ in 0..MAX_TICKS_PER_TURN {
            let Some(&Reverse(deadline)) = self.deadlines.peek() else {
                return;
            };
            let now_ns = self.clock.now_ns();
            if deadline.at_ns > now_ns {
                return;
            }
            let hosted = self
                .runs
                .get_mut(deadline.slot)
                .filter(|(serial, _)| *serial == deadline.serial);
            let Some((_, hosted)) = hosted else {
                // The run of this deadline has ended.
                self.deadlines.pop();
                continue;
            };
            match deadline.what {
                DeadlineKind::Tick(machine) => {
                    if hosted.awaits_messages(self.turn, deadline.at_ns) {
                        // An earlier tick of this run sent a message in this turn, and this tick may have to receive it. So this tick
                        // and the later ones are done in the next turn, after the sockets have been read.
                        return;
                    }
                    self.deadlines.pop();
                    let (turn, clock) = (self.turn, &self.clock);
                    match hosted.tick(machine, deadline.at_ns, turn, clock, &mut self.reactor) {
                        Ok(TickResult {
                            lateness_ns,
                            events,
                        }) => {
                            self.events_in_memory += events;
                            self.control.ticked_with_lateness(lateness_ns);
                            self.pressure.ticked(now_ns, lateness_ns);
                            let next = hosted.next_due_ns(machine);
                            self.deadlines
                                .extend(next.map(|at_ns| Reverse(Deadline { at_ns, ..deadline })));
                        }
                        Err(reason) => self.fail(deadline.slot, reason),
                    }
                }
                DeadlineKind::Patience {
                    started,
                    setup_count,
                    suspended_ns,
                } => {
                    self.deadlines.pop();
                    self.check_progress(deadline, started, setup_count, suspended_ns);
                }
            }
        }
    }

    /// Calls [`Self::fail`] if the run of `deadline` has not started or ended in time. If the loop was suspended since the deadline was
    /// set, postpones the deadline instead. `started`, `setup_count` and `suspended_ns` are those of [`DeadlineKind::Patience`].
    fn check_progress(
        &mut self,
        deadline: Deadline,
        started: bool,
        setup_count: u32,
        suspended_ns: u64,
    ) {
        let patience = Patience::until(deadline.at_ns, suspended_ns);
        if !patience.is_over(self.clock.now_ns(), &mut self.suspension) {
            let suspended_ns = self.suspension.suspended_ns();
            self.deadlines.push(Reverse(Deadline {
                // At exactly `end_ns` the patience is not over yet, so check 1 ns later.
                at_ns: patience.end_ns(suspended_ns) + 1,
                what: DeadlineKind::Patience {
                    started,
                    setup_count,
                    suspended_ns,
                },
                ..deadline
            }));
            return;
        }
        let Some((_, hosted)) = self.runs.get(deadline.slot) else {
            return;
        };
        // The run is still in the loop, so it has not ended. If this is the deadline for its end (`started`), the run has missed it. The
        // deadline for its start is missed only if the run has not started, and still has the mesh of this deadline.
        let is_missed = started || (!hosted.has_started() && hosted.setup_count() == setup_count);
        if is_missed {
            let reason = hosted.describe_missing();
            self.fail(deadline.slot, reason);
        }
    }

    /// If there are too many events in memory, finds the run with the most events in memory, and moves its events to the file.
    fn spill(&mut self) -> io::Result<()> {
        if self.events_in_memory <= self.settings.max_events_in_memory {
            return Ok(());
        }
        let runs = self.runs.iter_mut();
        let largest = runs.max_by_key(|(_, (_, hosted))| hosted.events_in_memory());
        if let Some((_, (_, hosted))) = largest {
            let spill = match &mut self.spill {
                Some(spill) => spill,
                // The file is created when it is needed for the first time.
                none => none.insert(Spill::in_folder(&self.settings.spill_folder)?),
            };
            self.events_in_memory -= hosted.events_in_memory();
            hosted.spill(spill)?;
        }
        Ok(())
    }

    /// Waits until a socket is ready or a deadline has passed.
    fn wait(&mut self) -> io::Result<()> {
        let has_other_work =
            self.may_take_more || !self.setting_up.is_empty() || !self.closing.is_empty();
        if has_other_work {
            // Only asks which sockets are ready, without waiting.
            return self.reactor.wait(None);
        }
        let latest = Instant::now() + LONGEST_WAIT;
        let next = self.deadlines.peek();
        // If there are very many ticks, the loop wakes up a little after the next one is due, to do several ticks in one turn.
        let slack_ns = self.pressure.slack_ns();
        let due = next.map(|Reverse(deadline)| self.clock.instant(deadline.at_ns + slack_ns));
        self.reactor
            .wait(Some(due.map_or(latest, |due| due.min(latest))))
    }

    /// Handles the sockets that are ready: accepts connections, and writes and reads bytes.
    fn exchange(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        self.reactor.take_ready(&mut ready);
        for &socket in &ready {
            let slot = socket.route.slot;
            let Some((_, hosted)) = self.runs.get_mut(slot) else {
                continue;
            };
            match hosted.exchange(socket, &mut self.scratch, &mut self.reactor, &self.clock) {
                Ok(()) => self.start_or_finish(slot),
                Err(reason) => self.fail(slot, reason),
            }
            self.close_silent_connections();
        }
        self.ready = ready;
    }

    /// While there are too many silent connections, closes the one that has been silent longest. A connection is silent if it was
    /// accepted and its other side has not yet proved which machine it is.
    fn close_silent_connections(&mut self) {
        while self.reactor.has_too_many_silent()
            && let Some(route) = self.reactor.longest_silent()
            && let Some((_, hosted)) = self.runs.get_mut(route.slot)
        {
            hosted.close_silent(route, &mut self.reactor);
        }
    }

    /// Starts the run in `slot` if its mesh has become complete. Finishes the run if its last message has arrived.
    fn start_or_finish(&mut self, slot: usize) {
        let now_ns = self.clock.now_ns();
        let Some((serial, hosted)) = self.runs.get_mut(slot) else {
            return;
        };
        let serial = *serial;
        if hosted.start_if_ready(now_ns, &mut self.reactor) {
            let first_ticks = (0..hosted.machine_count() as usize).filter_map(|machine| {
                let at_ns = hosted.next_due_ns(machine)?;
                Some(Reverse(Deadline {
                    at_ns,
                    serial,
                    what: DeadlineKind::Tick(machine),
                    slot,
                }))
            });
            self.deadlines.extend(first_ticks);
            let end_ns = hosted.end_ns().unwrap_or(now_ns);
            // Machines that have no tick send their end frames now. (An end frame says that no more messages follow.) If an end frame
            // cannot be sent, the run fails. But the code for this comes further down: `not_started` must be lowered first, because the run
            // has started.
            let end_frames_sent = hosted.end_machines_without_ticks();
            self.not_started -= 1;
            let has_started = true;
            self.set_deadline(slot, has_started, end_ns);
            if let Err(reason) = end_frames_sent {
                self.fail(slot, reason);
            }
        } else if hosted.is_complete() {
            self.finish(slot, Ok(()));
        }
    }
}

/// Draws a random secret (token) for a run.
pub(crate) fn new_token() -> Result<RunToken, String> {
    let mut token = RunToken::default();
    getrandom::fill(&mut token)
        .map_err(|error| format!("the system has no randomness for a token: {error}"))?;
    Ok(token)
}

#[cfg(test)]
mod tests;
