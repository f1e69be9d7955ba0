//! One run in an event loop: sets up its mesh, does its ticks when they are due, and returns its log.

use std::io;
use std::sync::Arc;

use super::agreement::Agreement;
use super::arrivals::Arrivals;
use super::clock::WallClock;
use super::mesh::{Endpoints, Mesh};
use super::reactor::{Reactor, Ready, Route, SocketId};
use super::secret::Secret;
use super::spill::{Piece, Spill};
use crate::clock::CarriedTimestamp;
use crate::engine::{RawLog, RunOutcome, Samples, create_machines, wall_margin_ns};
use crate::experiment::{NANOS_PER_SECOND, Run, Schedule};
use crate::log::{LoggedEvent, RowFormat};
use crate::machine::{Event, EventKind, Machine, MachineIndex, Message};
use crate::wire::{Frame, RunToken};

/// The result of one machine in a run: its events, and how its messages arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineResult {
    /// Unix time of the run's start, in nanoseconds.
    pub started_at_ns: u64,
    /// The machine's events, in the order of its ticks.
    pub events: Vec<LoggedEvent>,
    /// Latency of each message that the machine received: time when queued minus time when sent.
    pub latency: Samples,
    /// Whether all these messages arrived as scheduled ([`super::arrivals`]).
    pub as_scheduled: bool,
    /// Number of connections that were refused because they did not come from a machine of the run.
    pub rejected_connections: u32,
}

/// Time from the completion of the mesh to the run's start. In this time the event loop can serve its other runs.
const LEAD_NS: u64 = 1_000_000;

/// Space for events that is reserved at a run's start. It grows when needed.
const INITIAL_EVENTS: u64 = 256;
/// The problem of a message that contradicts the run's schedule.
const IMPOSSIBLE: &str = "carried a message that the sender cannot have sent";
/// A limit for the delays in messages, far longer than any delay that is ever drawn.
const LONGEST_DELAY_NS: u64 = 1_000_000 * NANOS_PER_SECOND;

/// The maximum number of events of all machines together: each tick may send one message, which every other machine may receive.
fn max_events(schedule: &Schedule) -> u64 {
    let ticks = (0..schedule.machines()).map(|machine| schedule.ticks(machine));
    ticks
        .sum::<u64>()
        .saturating_mul(schedule.machines() as u64)
}

pub(super) struct HostedRun {
    run: Run,
    seed: u64,
    time_scale: f64,
    schedule: Schedule,
    mesh: Mesh,
    machines: Vec<Machine>,
    /// The machines to which each machine may send.
    neighbours: Vec<Vec<MachineIndex>>,
    /// Number of ticks that each machine has done.
    done: Vec<u64>,
    /// The events of each machine, without those that were moved to the file.
    log: Vec<Vec<LoggedEvent>>,
    spilled: Vec<(usize, Piece)>,
    started_at_ns: Option<u64>,
    agreement: Agreement,
    latency: Samples,
    arrivals: Arrivals,
    /// The highest possible timestamp: a clock counts at most all events of the run.
    highest_stamp: u64,
    /// Number of messages that have arrived.
    messages: u64,
    last_send: Option<LastSend>,
    setup_count: u32,
    rejected_connections: u32,
}

/// The run's last send: the turn of the event loop, and when its tick was due.
#[derive(Clone, Copy)]
struct LastSend {
    turn: u64,
    due_ns: u64,
}

/// The result of a tick.
pub(super) struct TickResult {
    pub(super) lateness_ns: u64,
    /// Number of events of the tick.
    pub(super) events: usize,
}

impl HostedRun {
    pub(super) fn new(run: Run, seed: u64, time_scale: f64, mesh: Mesh) -> Self {
        let schedule = run.schedule(seed);
        let log =
            |machine| Vec::with_capacity(schedule.ticks(machine).min(INITIAL_EVENTS) as usize);
        Self {
            machines: create_machines(&run, seed),
            neighbours: (0..run.configuration.rates.machines())
                .map(|machine| run.configuration.neighbours(machine))
                .collect(),
            done: vec![0; schedule.machines()],
            log: (0..schedule.machines()).map(log).collect(),
            spilled: vec![],
            highest_stamp: max_events(&schedule),
            messages: 0,
            arrivals: Arrivals::new(&run.configuration),
            schedule,
            run,
            seed,
            time_scale,
            agreement: Agreement::new(&mesh),
            mesh,
            started_at_ns: None,
            latency: Samples::default(),
            last_send: None,
            setup_count: 1,
            rejected_connections: 0,
        }
    }

    /// Returns how often the mesh has been set up.
    pub(super) fn setup_count(&self) -> u32 {
        self.setup_count
    }

    pub(super) fn machine_count(&self) -> u32 {
        self.machines.len() as u32
    }

    pub(super) fn has_started(&self) -> bool {
        self.started_at_ns.is_some()
    }

    /// Sets up the mesh again. Returns the old mesh.
    pub(super) fn set_up_again(
        &mut self,
        slot: usize,
        endpoints: Endpoints,
        token: &RunToken,
        clock: WallClock,
        reactor: &mut Reactor,
    ) -> io::Result<Mesh> {
        let wiring = self.mesh.wiring().clone();
        let secret = Secret::new(token, self.seed, &self.run.key());
        let mesh = Mesh::new(slot, wiring, endpoints, secret, clock, reactor)?;
        let failed = std::mem::replace(&mut self.mesh, mesh);
        self.rejected_connections += failed.rejected_connections();
        self.setup_count += 1;
        Ok(failed)
    }

    /// Does one step of the set-up. Returns whether the mesh has more connections to open.
    pub(super) fn set_up(&mut self, reactor: &mut Reactor) -> Result<bool, String> {
        self.mesh.dial(reactor)
    }

    /// Closes a connection whose machine is not known yet.
    pub(super) fn close_silent(&mut self, route: Route, reactor: &mut Reactor) {
        self.mesh.close_silent(route, reactor);
    }

    /// Closes the listeners, so that no new connection is accepted.
    pub(super) fn close_listeners(&mut self, reactor: &mut Reactor) {
        self.mesh.close_listeners(reactor);
    }

    /// Starts the run if its mesh has become complete. Returns whether it started now.
    pub(super) fn start_if_ready(&mut self, now_ns: u64, reactor: &mut Reactor) -> bool {
        if self.has_started() || !self.mesh.is_complete() {
            return false;
        }
        self.mesh.end_set_up(reactor);
        self.started_at_ns = Some(now_ns + LEAD_NS);
        true
    }

    /// Does one step towards a common start with machines in other processes. Each machine reports that all connections are open.
    /// The reports go from machine to machine until they reach machine 0, and the start time goes back the same way. Returns
    /// whether the run has started.
    pub(super) fn agree_to_start(
        &mut self,
        now_ns: u64,
        lead_ns: u64,
        reactor: &mut Reactor,
    ) -> Result<bool, String> {
        if self.has_started() || !self.mesh.is_complete() {
            return Ok(self.has_started());
        }
        let here = self.mesh.local().start;
        let beyond = self.mesh.wiring().machines_beyond(here);
        if self.agreement.awaited.is_empty() && !self.agreement.has_reported {
            self.agreement.has_reported = true;
            match self.mesh.wiring().towards_first(here) {
                Some(next) => self.mesh.send(here, next, &Frame::Ready)?,
                None => self.agreement.start_ns = Some(now_ns + lead_ns),
            }
        }
        if let Some(at_ns) = self.agreement.start_ns {
            for peer in beyond {
                self.mesh.send(here, peer, &Frame::Start { at_ns })?;
            }
            self.mesh.end_set_up(reactor);
            self.started_at_ns = Some(at_ns);
        }
        Ok(self.has_started())
    }

    /// Checks whether the clocks of the machines that are connected so far are close enough to start together.
    ///
    /// # Errors
    ///
    /// Fails if they differ by more than `lead_ns`: then a machine would start too late.
    pub(super) fn check_clocks(&self, lead_ns: u64, margin_ns: u64) -> Result<(), String> {
        let clocks = self.mesh.clocks();
        clocks.map_or(Ok(()), |clocks| clocks.check(lead_ns, margin_ns))
    }

    /// Returns a warning if the clocks differ by more than the run's margin of `margin_ns`.
    pub(super) fn warn_of_clocks(&self, margin_ns: u64) -> Option<String> {
        self.mesh.clocks()?.remark(margin_ns)
    }

    /// Computes the run's margin in wall nanoseconds. Do not call this while ticks are due: it reads the whole schedule, which
    /// takes long.
    pub(super) fn margin_ns(&self) -> u64 {
        wall_margin_ns(&self.schedule, self.time_scale)
    }

    /// Returns when the next tick of `machine` is due, or `None` if it has done all its ticks.
    pub(super) fn next_due_ns(&self, machine: usize) -> Option<u64> {
        let tick = self.done[machine];
        (tick < self.schedule.ticks(machine))
            .then(|| self.wall_ns(self.schedule.due_ns(machine, tick)))
    }

    /// Returns the end of the run's duration.
    pub(super) fn end_ns(&self) -> Option<u64> {
        self.has_started()
            .then(|| self.wall_ns(self.run.configuration.duration_ns))
    }

    fn wall_ns(&self, model_ns: u64) -> u64 {
        self.started_at_ns.unwrap_or(0) + (model_ns as f64 / self.time_scale) as u64
    }

    /// Returns whether a tick due at `due_ns` must wait until the sockets have been read. This is so if an earlier tick sent a
    /// message in the same turn of the event loop, because the message may be for this tick.
    pub(super) fn awaits_messages(&self, turn: u64, due_ns: u64) -> bool {
        self.last_send
            .is_some_and(|send| send.turn == turn && send.due_ns < due_ns)
    }

    /// Does the next tick of `machine`, which is due at `due_ns`.
    pub(super) fn tick(
        &mut self,
        machine: usize,
        due_ns: u64,
        turn: u64,
        clock: &WallClock,
        reactor: &mut Reactor,
    ) -> Result<TickResult, String> {
        let system_time_ns = clock.now_ns();
        let tick = self.done[machine];
        let event = self.machines[machine].tick(self.schedule.due_ns(machine, tick));
        self.done[machine] += 1;
        self.send(machine as MachineIndex, &event, system_time_ns, reactor)?;
        if matches!(event.kind, EventKind::Send { .. }) {
            self.last_send = Some(LastSend { turn, due_ns });
        }
        let mut events = 0;
        let mut next = Some(event);
        while let Some(event) = next {
            events += 1;
            self.log[machine].push(LoggedEvent {
                system_time_ns,
                event,
            });
            next = self.machines[machine].next_event_in_tick();
        }
        if self.next_due_ns(machine).is_none() {
            self.mesh.end_all(machine as MachineIndex)?;
        }
        Ok(TickResult {
            lateness_ns: system_time_ns.saturating_sub(due_ns),
            events,
        })
    }

    fn send(
        &mut self,
        sender: MachineIndex,
        event: &Event,
        sent_at_ns: u64,
        reactor: &mut Reactor,
    ) -> Result<(), String> {
        let EventKind::Send { recipients, stamp } = &event.kind else {
            return Ok(());
        };
        for &peer in recipients.among(&self.neighbours[sender as usize]) {
            let frame = Frame::Message {
                stamp: *stamp,
                sent_tick: event.tick,
                delay_ns: self.machines[sender as usize].draw_delay_ns(),
                sent_at_ns,
                timestamp: event.timestamp.clone(),
            };
            self.mesh.send_message(sender, peer, &frame, reactor)?;
        }
        Ok(())
    }

    /// Ends machines that have no tick within the run's duration. At the start, they report to their peers that they send
    /// nothing.
    pub(super) fn end_idle_machines(&mut self) -> Result<(), String> {
        self.mesh
            .local()
            .filter(|&machine| self.schedule.ticks(machine as usize) == 0)
            .try_for_each(|machine| self.mesh.end_all(machine))
    }

    /// Handles a socket of the run that is ready.
    pub(super) fn exchange(
        &mut self,
        ready: Ready,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        clock: &WallClock,
    ) -> Result<(), String> {
        let (machines, schedule) = (&mut self.machines, &self.schedule);
        let (latency, agreement) = (&mut self.latency, &mut self.agreement);
        let (arrivals, done) = (&mut self.arrivals, &self.done);
        let (highest_stamp, messages) = (self.highest_stamp, &mut self.messages);
        let duration_ns = self.run.configuration.duration_ns;
        let handle = |owner: MachineIndex, sender: MachineIndex, frame| {
            match frame {
                Frame::Message {
                    stamp,
                    sent_tick,
                    delay_ns,
                    sent_at_ns,
                    timestamp,
                } => {
                    let is_impossible = |timestamp: &Arc<CarriedTimestamp>| {
                        !timestamp.is_possible(highest_stamp, duration_ns)
                    };
                    if sent_tick >= schedule.ticks(sender as usize)
                        || delay_ns > LONGEST_DELAY_NS
                        || stamp > highest_stamp
                        || *messages >= highest_stamp
                        || timestamp.as_ref().is_some_and(is_impossible)
                    {
                        return Err(IMPOSSIBLE.to_owned());
                    }
                    *messages += 1;
                    latency.push(clock.now_ns().saturating_sub(sent_at_ns));
                    let message = Message {
                        sender,
                        stamp,
                        sent_tick,
                    };
                    if let Some(timestamp) = timestamp
                        && !machines[owner as usize].take_timestamp(&message, timestamp)
                    {
                        return Err(IMPOSSIBLE.to_owned());
                    }
                    let sent_ns = schedule.due_ns(sender as usize, sent_tick);
                    let done = done[owner as usize];
                    arrivals.check(owner as usize, done, &message, sent_ns, delay_ns, schedule);
                    machines[owner as usize].arrive(message, sent_ns, delay_ns);
                }
                Frame::Ready => agreement.receive_ready(sender)?,
                Frame::Start { at_ns } => agreement.receive_start(sender, at_ns, clock.now_ns())?,
                Frame::End { .. } => {}
            }
            Ok(())
        };
        match ready.route.socket {
            SocketId::Listener(machine) => self.mesh.accept(machine, scratch, reactor, handle),
            SocketId::Link(index) => {
                self.mesh
                    .exchange(index, ready.readiness, scratch, reactor, handle)
            }
        }
    }

    /// Returns whether every machine here has done its last tick and has received the end frame of every peer.
    pub(super) fn is_complete(&self) -> bool {
        self.has_started()
            && self.mesh.has_ended()
            && self
                .mesh
                .local()
                .all(|machine| self.next_due_ns(machine as usize).is_none())
    }

    /// Describes why the run makes no progress.
    pub(super) fn describe_missing(&self) -> String {
        let Some((owner, peer)) = self.mesh.missing() else {
            return "the run did not end in time".to_owned();
        };
        if self.has_started() {
            format!(
                "machine {owner} did not handle from machine {peer} in time; if its ticks were late, use fewer runs at once (--jobs) or a smaller time scale"
            )
        } else {
            let hint = match self.mesh.rejected_connections() {
                0 => "",
                _ => {
                    "; connections were refused: are the token, the experiment and the run the same for all machines?"
                }
            };
            format!("machine {owner} had no connection to machine {peer} in time{hint}")
        }
    }

    /// Returns the number of events in memory.
    pub(super) fn events_in_memory(&self) -> usize {
        self.log.iter().map(Vec::len).sum()
    }

    /// Moves the events from memory to `spill`.
    pub(super) fn spill(&mut self, spill: &mut Spill) -> io::Result<()> {
        let format = RowFormat::of_single_run(&self.run.configuration);
        for (machine, events) in self.log.iter_mut().enumerate() {
            if !events.is_empty() {
                self.spilled.push((machine, spill.write(events, format)?));
                events.clear();
                events.shrink_to(INITIAL_EVENTS as usize);
            }
        }
        Ok(())
    }

    /// Ends the run. Returns its outcome and the mesh, which must still be closed.
    pub(super) fn finish(self, result: Result<(), String>) -> (RunOutcome<RawLog>, Mesh) {
        let log = RawLog {
            started_at_ns: self.started_at_ns.unwrap_or(0),
            machines: self.log,
            spilled: self.spilled,
            latency: self.latency,
            as_scheduled: self.arrivals.as_scheduled,
        };
        let rejected_connections = self.rejected_connections + self.mesh.rejected_connections();
        let ended = RunOutcome {
            run: self.run,
            result: result.map(|()| log),
            rejected_connections,
        };
        (ended, self.mesh)
    }

    /// Ends the run of one machine in its own process. Returns the machine's result, and the mesh, which must still be closed.
    pub(super) fn into_result(mut self, machine: usize) -> (MachineResult, Mesh) {
        let result = MachineResult {
            started_at_ns: self.started_at_ns.unwrap_or(0),
            events: std::mem::take(&mut self.log[machine]),
            latency: self.latency,
            as_scheduled: self.arrivals.as_scheduled,
            rejected_connections: self.rejected_connections + self.mesh.rejected_connections(),
        };
        (result, self.mesh)
    }
}

#[cfg(test)]
mod tests;
