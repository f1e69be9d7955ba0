//! The event loop: takes runs, waits for sockets and deadlines, and hands out both.
//!
//! Set-up and teardown go in small steps between the ticks of the runs that are under way.

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
use super::hosted::{Hosted, Ticked};
use super::mesh::{Endpoints, Mesh};
use super::pressure::Pressure;
use super::reactor::{Reactor, Ready};
use super::secret::Secret;
use super::spill::Spill;
use super::wiring::Wiring;
use crate::engine::patience::{Patience, Sleep};
use crate::engine::shortage::is_shortage;
use crate::engine::{Control, RawLog, RunOutcome};
use crate::experiment::Run;
use crate::wire::RunToken;

/// Ticks between two looks at the sockets, at the most: more would let messages wait unseen.
const TICKS_A_TURN: usize = 32;
/// While ticks are overdue, set-up and teardown go on no more often than this.
const WITHOUT_TIME_NS: u64 = 5_000_000;
/// Runs whose meshes do not stand yet, at the most: their listeners hold files too.
pub(crate) const SETTING_UP: usize = 8;
/// How long a mesh may take to stand, beside the time its connections take at worst, and a run to hear its last messages.
const PATIENCE_NS: u64 = 10_000_000_000;
/// The longest wait: how soon an interrupt is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Bytes read from a socket at once.
const SCRATCH_BYTES: usize = 64 << 10;

/// How an event loop is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The experiment's seed.
    pub seed: u64,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// Runs at once, at the most.
    pub width: usize,
    /// Where machines listen.
    pub ports: PortRange,
    /// Events kept in memory, at the most; those beyond go to an unnamed file.
    pub events_in_memory: usize,
    /// Where that file is.
    pub spill_folder: PathBuf,
    /// Whether to begin no more runs as long as many ticks are late.
    pub hold_back: bool,
}

/// Hosts runs from `runs` until there are no more, and hands each to `deliver` when it has ended.
///
/// # Errors
///
/// The system's, if sockets cannot be watched at all. What goes wrong in a run ends that run only.
pub fn serve(
    settings: &Settings,
    runs: &Receiver<Run>,
    control: &Control,
    deliver: impl FnMut(RunOutcome<RawLog>),
) -> io::Result<()> {
    let mut host = Host::new(settings, control, deliver)?;
    loop {
        host.turn += 1;
        host.sleep.inspect(host.clock.now_ns());
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
    /// Number of the run among all this loop has hosted: slots are used again.
    serial: u64,
    what: What,
    slot: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// A machine's next tick.
    Tick(usize),
    /// Something should have happened by now, unless the loop has slept more than so long in between.
    Patience { started: bool, asleep_ns: u64 },
}

/// Why a mesh cannot be begun.
struct NoMesh {
    reason: String,
    /// Whether it can when another run has ended.
    passes: bool,
}

struct Host<'s, D> {
    settings: &'s Settings,
    control: &'s Control,
    deliver: D,
    clock: WallClock,
    sleep: Sleep,
    reactor: Reactor,
    addresses: AddressBook,
    runs: Slab<(u64, Hosted)>,
    /// Runs with peers still to be dialled.
    setting_up: VecDeque<usize>,
    /// Runs whose mesh does not stand yet.
    not_started: usize,
    closing: VecDeque<Mesh>,
    deadlines: BinaryHeap<Reverse<Deadline>>,
    next_serial: u64,
    turn: u64,
    had_time_ns: u64,
    /// A run that is to begin when another has ended: there were no more files.
    postponed: Option<Run>,
    /// Whether this turn took a run or made room for one: there may be more.
    took: bool,
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
            sleep: Sleep::default(),
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
            took: false,
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

    /// Takes the next run if there is room for it. Returns whether there may be more to take.
    fn take(&mut self, runs: &Receiver<Run>) -> bool {
        // Some other run has just been closed.
        let made_room = std::mem::replace(&mut self.took, false);
        if self.control.is_stopped() {
            self.drop_unfinished();
            return false;
        }
        let holding = self.runs.len() + self.closing.len();
        if holding >= self.settings.width || self.not_started >= SETTING_UP || self.holds_back() {
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
                self.took = true;
                self.host(run);
                true
            }
            Err(disconnected) => !disconnected,
        }
    }

    /// Whether so many ticks are late that another run would only make it worse.
    fn holds_back(&mut self) -> bool {
        let late = self.settings.hold_back && !self.is_idle() && self.pressure.is_high();
        self.control.hold_back(late);
        late
    }

    fn host(&mut self, run: Run) {
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
                let hosted = Hosted::new(run, self.settings.seed, self.settings.time_scale, mesh);
                self.runs.insert((serial, hosted));
                self.control.begin();
                self.not_started += 1;
                self.setting_up.push_back(slot);
                let longest_ns = connections * WITHOUT_TIME_NS;
                self.be_patient(slot, serial, false, self.clock.now_ns() + longest_ns);
            }
            Err(problem) if problem.passes && !self.is_idle() => self.postponed = Some(run),
            Err(problem) => (self.deliver)(RunOutcome {
                run,
                result: Err(problem.reason),
                rejected_connections: 0,
            }),
        }
    }

    fn begin_mesh(&mut self, slot: usize, run: &Run) -> Result<Mesh, NoMesh> {
        let configuration = &run.configuration;
        let listeners = self
            .addresses
            .listen(configuration.rates.machines())
            .map_err(|error| NoMesh {
                passes: error.is_shortage(),
                reason: error.to_string(),
            })?;
        let token = new_token().map_err(|reason| NoMesh {
            passes: false,
            reason,
        })?;
        let wiring = Wiring::new(configuration);
        let secret = Secret::new(&token, self.settings.seed, &run.key());
        let (clock, reactor) = (self.clock, &mut self.reactor);
        Endpoints::here(listeners)
            .and_then(|places| Mesh::new(slot, wiring, places, secret, clock, reactor))
            .map_err(|error| NoMesh {
                passes: is_shortage(&error),
                reason: format!("cannot listen: {error}"),
            })
    }

    fn be_patient(&mut self, slot: usize, serial: u64, started: bool, from_ns: u64) {
        let at_ns = from_ns + PATIENCE_NS;
        self.deadlines.push(Reverse(Deadline {
            at_ns,
            serial,
            what: What::Patience {
                started,
                asleep_ns: self.sleep.asleep_ns(),
            },
            slot,
        }));
    }

    /// A step for the mesh that has waited longest.
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

    /// Whether there is time for anything but ticks: none is overdue, or there was no time for long.
    fn has_time(&mut self) -> bool {
        let now_ns = self.clock.now_ns();
        let next = self.deadlines.peek();
        let overdue = next.is_some_and(|Reverse(deadline)| deadline.at_ns <= now_ns);
        let has_time = !overdue || now_ns >= self.had_time_ns + WITHOUT_TIME_NS;
        if has_time {
            self.had_time_ns = now_ns;
        }
        has_time
    }

    /// The ticks that are due.
    fn tick(&mut self) {
        for _ in 0..TICKS_A_TURN {
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
                What::Tick(machine) => {
                    if hosted.awaits_messages(self.turn, deadline.at_ns) {
                        return;
                    }
                    self.deadlines.pop();
                    let (turn, clock) = (self.turn, &self.clock);
                    match hosted.tick(machine, deadline.at_ns, turn, clock, &mut self.reactor) {
                        Ok(Ticked {
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
                What::Patience { started, asleep_ns } => {
                    self.deadlines.pop();
                    self.lose_patience(deadline, started, asleep_ns);
                }
            }
        }
    }

    /// The run of `deadline` should have got on by now. What the loop has slept since it had slept `asleep_ns` does not count.
    fn lose_patience(&mut self, deadline: Deadline, started: bool, asleep_ns: u64) {
        let patience = Patience::until(deadline.at_ns, asleep_ns);
        if !patience.is_over(self.clock.now_ns(), &mut self.sleep) {
            let asleep_ns = self.sleep.asleep_ns();
            self.deadlines.push(Reverse(Deadline {
                at_ns: patience.end_ns(asleep_ns) + 1,
                what: What::Patience { started, asleep_ns },
                ..deadline
            }));
            return;
        }
        let Some((_, hosted)) = self.runs.get(deadline.slot) else {
            return;
        };
        if started || !hosted.has_started() {
            let reason = hosted.why_stuck();
            self.fail(deadline.slot, reason);
        }
    }

    /// Moves the longest log out of memory if it has become too much.
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

    /// Waits until a socket is ready or a deadline has come.
    fn wait(&mut self) -> io::Result<()> {
        let busy = self.took || !self.setting_up.is_empty() || !self.closing.is_empty();
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

    /// What the sockets have: connections and messages.
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
            self.turn_crowd_away();
        }
        self.ready = ready;
    }

    /// Turns away the connections that have been silent longest, of whatever run, if there are too many.
    fn turn_crowd_away(&mut self) {
        while self.reactor.is_crowded()
            && let Some(route) = self.reactor.longest_silent()
            && let Some((_, hosted)) = self.runs.get_mut(route.run)
        {
            hosted.turn_silent_away(route, &mut self.reactor);
        }
    }

    /// Moves a run on whose mesh has come to stand, or whose last message has come.
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
                    what: What::Tick(machine),
                    slot,
                }))
            });
            self.deadlines.extend(ticks);
            let end_ns = hosted.end_ns().unwrap_or(now_ns);
            let ended = hosted.end_idle_machines();
            self.not_started -= 1;
            self.be_patient(slot, serial, true, end_ns);
            if let Err(reason) = ended {
                self.fail(slot, reason);
            }
        } else if hosted.is_complete() {
            self.finish(slot, Ok(()));
        }
    }
}

/// A secret for a run.
pub(crate) fn new_token() -> Result<RunToken, String> {
    let mut token = RunToken::default();
    getrandom::fill(&mut token)
        .map_err(|error| format!("the system has no randomness for a token: {error}"))?;
    Ok(token)
}
