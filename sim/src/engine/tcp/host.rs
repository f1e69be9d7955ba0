//! The event loop: takes runs, waits for sockets and deadlines, and calls the runs when these are ready.
//!
//! Runs are set up and closed in small steps, so that the ticks of other runs are not delayed.

mod ending;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use slab::Slab;

use super::address::{AddressBook, PortRange};
use super::clock::WallClock;
use super::hosted::{HostedRun, TickResult};
use super::mesh::{Endpoints, Mesh};
use super::pressure::Pressure;
use super::reactor::{Reactor, Ready};
use super::secret::Secret;
use super::spill::Spill;
use super::wiring::Wiring;
use crate::engine::patience::{Patience, Suspension};
use crate::engine::shortage::is_shortage;
use crate::engine::{Control, RawLog, RunOutcome};
use crate::experiment::Run;
use crate::wire::RunToken;

/// Maximum number of ticks between two checks of the sockets. With more ticks, messages would wait too long.
const MAX_TICKS_PER_TURN: usize = 32;
/// While ticks are overdue, one step of setting up or closing is done in this time.
const STEP_EVERY_NS: u64 = 5_000_000;
/// Maximum number of runs that are set up at the same time. The listeners of these runs need files too.
pub(crate) const MAX_SETTING_UP: usize = 8;
/// How long a run waits for its last messages. Also, how long the set-up of a mesh may take in addition to the time for its
/// connections.
const PATIENCE_NS: u64 = 10_000_000_000;
/// The longest wait. An interrupt is noticed after this time at the latest.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Number of bytes read from a socket at once.
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
    /// Maximum number of events in memory. Further events go to an unnamed file.
    pub events_in_memory: usize,
    /// The folder of that file.
    pub spill_folder: PathBuf,
    /// Whether to start no new runs while many ticks are late.
    pub hold_back: bool,
}

/// Hosts the runs that `runs` yields until there are no more, and passes the outcome of each to `deliver`.
///
/// # Errors
///
/// Fails if the system cannot watch sockets at all. A problem in one run ends only that run.
pub fn serve(
    settings: &Settings,
    runs: &Receiver<Run>,
    control: &Control,
    deliver: impl FnMut(RunOutcome<RawLog>),
) -> io::Result<()> {
    let mut host = Host::new(settings, control, deliver)?;
    loop {
        host.turn += 1;
        host.suspension.note_awake(host.clock.now_ns());
        host.tick();
        host.spill()?;
        if host.has_time() {
            let more = host.take(runs);
            if !more && host.is_idle() {
                return Ok(());
            }
            host.set_up();
            host.tear_down();
        }
        host.wait()?;
        host.exchange();
    }
}

/// A deadline of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Deadline {
    at_ns: u64,
    /// The serial number of the run in this loop. It is needed because a slot is used by several runs, one after the other.
    serial: u64,
    what: DeadlineKind,
    slot: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum DeadlineKind {
    /// A machine's next tick.
    Tick(usize),
    /// The run should have made progress by now. The loop had been suspended for `suspended_ns` in total when the deadline was set. Any
    /// suspension after that does not count.
    Patience { started: bool, suspended_ns: u64 },
}

/// Why the mesh of a run cannot be set up.
struct MeshError {
    reason: String,
    /// Whether the problem may pass when another run has ended.
    may_pass: bool,
}

struct Host<'s, D> {
    settings: &'s Settings,
    control: &'s Control,
    deliver: D,
    clock: WallClock,
    suspension: Suspension,
    reactor: Reactor,
    addresses: AddressBook,
    runs: Slab<(u64, HostedRun)>,
    /// Runs that have connections still to open.
    setting_up: VecDeque<usize>,
    /// Number of runs whose mesh is not complete.
    not_started: usize,
    closing: VecDeque<Mesh>,
    deadlines: BinaryHeap<Reverse<Deadline>>,
    next_serial: u64,
    turn: u64,
    had_time_ns: u64,
    /// A run that starts when another one has ended, because there were no more files.
    postponed: Option<Run>,
    /// Whether this turn of the loop started or ended a run. Then there may be room for another run.
    may_take_more: bool,
    events_in_memory: usize,
    spill: Option<Spill>,
    pressure: Pressure,
    interrupted: bool,
    ready: Vec<Ready>,
    scratch: Vec<u8>,
}

impl<'s, D: FnMut(RunOutcome<RawLog>)> Host<'s, D> {
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
            may_take_more: false,
            events_in_memory: 0,
            spill: None,
            pressure: Pressure::default(),
            interrupted: false,
            ready: vec![],
            scratch: vec![0; SCRATCH_BYTES],
        })
    }

    fn is_idle(&self) -> bool {
        self.runs.is_empty() && self.closing.is_empty()
    }

    /// Takes the next run if another run is possible now. Returns whether the function may be called again at once.
    fn take(&mut self, runs: &Receiver<Run>) -> bool {
        // There is room because another run has just been closed.
        let made_room = std::mem::replace(&mut self.may_take_more, false);
        if self.control.is_stopped() {
            self.drop_unfinished();
            return false;
        }
        let holding = self.runs.len() + self.closing.len();
        if holding >= self.settings.width || self.not_started >= MAX_SETTING_UP || self.holds_back()
        {
            return true;
        }
        let idle = self.is_idle();
        let taken = if let Some(run) = self.postponed.take_if(|_| idle || made_room) {
            Ok(run)
        } else if self.postponed.is_some() {
            return true;
        } else if idle {
            runs.recv_timeout(LONGEST_WAIT)
                .map_err(|error| error == RecvTimeoutError::Disconnected)
        } else {
            runs.try_recv()
                .map_err(|error| error == TryRecvError::Disconnected)
        };
        match taken {
            Ok(run) => {
                self.may_take_more = true;
                self.start_run(run);
                true
            }
            Err(disconnected) => !disconnected,
        }
    }

    /// Returns whether so many ticks are late that another run would make them later.
    fn holds_back(&mut self) -> bool {
        let late = self.settings.hold_back && !self.is_idle() && self.pressure.is_high();
        self.control.hold_back(late);
        late
    }

    fn start_run(&mut self, run: Run) {
        let slot = self.runs.vacant_key();
        let mesh = self.begin_mesh(slot, &run);
        match mesh {
            Ok(mesh) => {
                let connections = run
                    .configuration
                    .topology
                    .links(run.configuration.rates.machines());
                let serial = self.next_serial;
                self.next_serial += 1;
                let hosted =
                    HostedRun::new(run, self.settings.seed, self.settings.time_scale, mesh);
                self.runs.insert((serial, hosted));
                self.control.begin();
                self.not_started += 1;
                self.setting_up.push_back(slot);
                let longest_ns = connections * STEP_EVERY_NS;
                self.set_deadline(slot, serial, false, self.clock.now_ns() + longest_ns);
            }
            Err(problem) if problem.may_pass && !self.is_idle() => self.postponed = Some(run),
            Err(problem) => (self.deliver)(RunOutcome {
                run,
                result: Err(problem.reason),
                rejected_connections: 0,
            }),
        }
    }

    fn begin_mesh(&mut self, slot: usize, run: &Run) -> Result<Mesh, MeshError> {
        let configuration = &run.configuration;
        let listeners = self
            .addresses
            .listen(configuration.rates.machines())
            .map_err(|error| MeshError {
                may_pass: error.is_shortage(),
                reason: error.to_string(),
            })?;
        let token = new_token().map_err(|reason| MeshError {
            may_pass: false,
            reason,
        })?;
        let wiring = Wiring::new(configuration);
        let secret = Secret::new(&token, self.settings.seed, &run.key());
        let (clock, reactor) = (self.clock, &mut self.reactor);
        Endpoints::in_this_process(listeners)
            .and_then(|endpoints| Mesh::new(slot, wiring, endpoints, secret, clock, reactor))
            .map_err(|error| MeshError {
                may_pass: is_shortage(&error),
                reason: format!("cannot listen: {error}"),
            })
    }

    fn set_deadline(&mut self, slot: usize, serial: u64, started: bool, from_ns: u64) {
        let at_ns = from_ns + PATIENCE_NS;
        self.deadlines.push(Reverse(Deadline {
            at_ns,
            serial,
            what: DeadlineKind::Patience {
                started,
                suspended_ns: self.suspension.suspended_ns(),
            },
            slot,
        }));
    }

    /// Does one step of setting up the mesh that has waited longest.
    fn set_up(&mut self) {
        let Some(slot) = self.setting_up.pop_front() else {
            return;
        };
        let Some((_, hosted)) = self.runs.get_mut(slot) else {
            return;
        };
        match hosted.set_up(&mut self.reactor) {
            Ok(true) => self.setting_up.push_back(slot),
            Ok(false) => {}
            Err(reason) => self.fail(slot, reason),
        }
    }

    /// Returns whether the loop should now do other work than ticks: no tick is overdue, or other work has waited too long.
    fn has_time(&mut self) -> bool {
        let now_ns = self.clock.now_ns();
        let next = self.deadlines.peek();
        let overdue = next.is_some_and(|Reverse(deadline)| deadline.at_ns <= now_ns);
        let has_time = !overdue || now_ns >= self.had_time_ns + STEP_EVERY_NS;
        if has_time {
            self.had_time_ns = now_ns;
        }
        has_time
    }

    /// Does the ticks that are due.
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
                self.deadlines.pop();
                continue;
            };
            match deadline.what {
                DeadlineKind::Tick(machine) => {
                    if hosted.awaits_messages(self.turn, deadline.at_ns) {
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
                            self.control.ticked_late(lateness_ns);
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
                    suspended_ns,
                } => {
                    self.deadlines.pop();
                    self.meet_deadline(deadline, started, suspended_ns);
                }
            }
        }
    }

    /// Ends the run of `deadline` if it has made no progress. The loop had been suspended for `suspended_ns` in total when the deadline was
    /// set. Any suspension after that does not count.
    fn meet_deadline(&mut self, deadline: Deadline, started: bool, suspended_ns: u64) {
        let patience = Patience::until(deadline.at_ns, suspended_ns);
        if !patience.is_over(self.clock.now_ns(), &mut self.suspension) {
            let suspended_ns = self.suspension.suspended_ns();
            self.deadlines.push(Reverse(Deadline {
                at_ns: patience.end_ns(suspended_ns) + 1,
                what: DeadlineKind::Patience {
                    started,
                    suspended_ns,
                },
                ..deadline
            }));
            return;
        }
        let Some((_, hosted)) = self.runs.get(deadline.slot) else {
            return;
        };
        if started || !hosted.has_started() {
            let reason = hosted.describe_missing();
            self.fail(deadline.slot, reason);
        }
    }

    /// Moves the longest log from memory to the file if there are too many events in memory.
    fn spill(&mut self) -> io::Result<()> {
        if self.events_in_memory <= self.settings.events_in_memory {
            return Ok(());
        }
        let runs = self.runs.iter_mut();
        let longest = runs.max_by_key(|(_, (_, hosted))| hosted.events_in_memory());
        if let Some((_, (_, hosted))) = longest {
            let spill = match &mut self.spill {
                Some(spill) => spill,
                none => none.insert(Spill::in_folder(&self.settings.spill_folder)?),
            };
            self.events_in_memory -= hosted.events_in_memory();
            hosted.spill(spill)?;
        }
        Ok(())
    }

    /// Waits until a socket is ready or a deadline has passed.
    fn wait(&mut self) -> io::Result<()> {
        let busy = self.may_take_more || !self.setting_up.is_empty() || !self.closing.is_empty();
        if busy {
            return self.reactor.wait(None);
        }
        let longest = Instant::now() + LONGEST_WAIT;
        let next = self.deadlines.peek();
        let slack_ns = self.pressure.slack_ns();
        let due = next.map(|Reverse(deadline)| self.clock.instant(deadline.at_ns + slack_ns));
        self.reactor
            .wait(Some(due.map_or(longest, |due| due.min(longest))))
    }

    /// Reads what the sockets have: connections and messages.
    fn exchange(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        self.reactor.take_ready(&mut ready);
        for &socket in &ready {
            let slot = socket.route.run;
            let Some((_, hosted)) = self.runs.get_mut(slot) else {
                continue;
            };
            match hosted.exchange(socket, &mut self.scratch, &mut self.reactor, &self.clock) {
                Ok(()) => self.progress(slot),
                Err(reason) => self.fail(slot, reason),
            }
            self.close_silent_connections();
        }
        self.ready = ready;
    }

    /// If too many connections of all runs are silent, closes those that have been silent longest.
    fn close_silent_connections(&mut self) {
        while self.reactor.has_too_many_silent()
            && let Some(route) = self.reactor.longest_silent()
            && let Some((_, hosted)) = self.runs.get_mut(route.run)
        {
            hosted.close_silent(route, &mut self.reactor);
        }
    }

    /// Continues a run whose mesh has become complete, or whose last message has arrived.
    fn progress(&mut self, slot: usize) {
        let now_ns = self.clock.now_ns();
        let Some((serial, hosted)) = self.runs.get_mut(slot) else {
            return;
        };
        let serial = *serial;
        if hosted.start_if_ready(now_ns, &mut self.reactor) {
            let ticks = (0..hosted.machine_count() as usize).filter_map(|machine| {
                let at_ns = hosted.next_due_ns(machine)?;
                Some(Reverse(Deadline {
                    at_ns,
                    serial,
                    what: DeadlineKind::Tick(machine),
                    slot,
                }))
            });
            self.deadlines.extend(ticks);
            let end_ns = hosted.end_ns().unwrap_or(now_ns);
            let ended = hosted.end_idle_machines();
            self.not_started -= 1;
            self.set_deadline(slot, serial, true, end_ns);
            if let Err(reason) = ended {
                self.fail(slot, reason);
            }
        } else if hosted.is_complete() {
            self.finish(slot, Ok(()));
        }
    }
}

/// Draws a secret for a run.
pub(crate) fn new_token() -> Result<RunToken, String> {
    let mut token = RunToken::default();
    getrandom::fill(&mut token)
        .map_err(|error| format!("the system has no randomness for a token: {error}"))?;
    Ok(token)
}
