//! One run in an event loop: its mesh is set up, its machines tick when due, and its log is handed over.

use std::io;

use super::agreement::Agreement;
use super::arrivals::Arrivals;
use super::clock::WallClock;
use super::mesh::{Endpoints, Mesh};
use super::reactor::{Reactor, Ready, Route, SocketId};
use super::secret::Secret;
use super::spill::{Piece, Spill};
use crate::engine::{RawLog, RunOutcome, Samples, machines_of, wall_margin_ns};
use crate::experiment::{NANOS_PER_SECOND, Run, Schedule};
use crate::log::LoggedEvent;
use crate::machine::{Event, EventKind, Machine, MachineIndex, Message};
use crate::wire::{Frame, RunToken};

/// What one machine did in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Unix time of the run's start, in nanoseconds.
    pub started_at_ns: u64,
    /// The machine's events, in the order of its ticks.
    pub events: Vec<LoggedEvent>,
    /// Message queued - message sent, of the messages it got.
    pub latency: Samples,
    /// Whether every one of them was queued when, and in the order, that the schedule says.
    pub as_scheduled: bool,
    /// Connections turned away.
    pub rejected_connections: u32,
}

/// From a standing mesh to the run's start: time for the event loop to look at its other runs.
const LEAD_NS: u64 = 1_000_000;

/// Room for events at a run's start; it grows as they come.
const EVENTS_AT_FIRST: u64 = 256;
/// Far beyond what any law of delay draws.
const LONGEST_DELAY_NS: u64 = 1_000_000 * NANOS_PER_SECOND;

/// The events of all machines together, at the most: each tick may send one message, which each other machine may receive.
fn most_events(schedule: &Schedule) -> u64 {
    let ticks = (0..schedule.machines()).map(|machine| schedule.ticks(machine));
    ticks
        .sum::<u64>()
        .saturating_mul(schedule.machines() as u64)
}

pub(super) struct Hosted {
    run: Run,
    seed: u64,
    time_scale: f64,
    schedule: Schedule,
    mesh: Mesh,
    machines: Vec<Machine>,
    /// To whom each machine may send.
    neighbours: Vec<Vec<MachineIndex>>,
    /// Ticks done by each machine.
    done: Vec<u64>,
    /// Their events, but for those that were spilled before.
    log: Vec<Vec<LoggedEvent>>,
    spilled: Vec<(usize, Piece)>,
    started_at_ns: Option<u64>,
    agreement: Agreement,
    latency: Samples,
    arrivals: Arrivals,
    /// No clock gets beyond this: it counts events, of which there are not more in the whole run.
    highest_stamp: u64,
    /// Messages that came.
    messages: u64,
    last_send: Option<LastSend>,
    setups: u32,
    rejected_connections: u32,
}

/// When the run last sent anything: in which turn of the event loop, in a tick due when.
#[derive(Clone, Copy)]
struct LastSend {
    turn: u64,
    due_ns: u64,
}

/// A tick that was done.
pub(super) struct Ticked {
    pub(super) lateness_ns: u64,
    /// How many events it made.
    pub(super) events: usize,
}

impl Hosted {
    pub(super) fn new(run: Run, seed: u64, time_scale: f64, mesh: Mesh) -> Self {
        let schedule = run.schedule(seed);
        let log =
            |machine| Vec::with_capacity(schedule.ticks(machine).min(EVENTS_AT_FIRST) as usize);
        Self {
            machines: machines_of(&run, seed),
            neighbours: (0..run.configuration.rates.machines())
                .map(|machine| run.configuration.neighbours(machine))
                .collect(),
            done: vec![0; schedule.machines()],
            log: (0..schedule.machines()).map(log).collect(),
            spilled: vec![],
            highest_stamp: most_events(&schedule),
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
            setups: 1,
            rejected_connections: 0,
        }
    }

    /// How often its mesh has been begun.
    pub(super) fn setups(&self) -> u32 {
        self.setups
    }

    pub(super) fn machine_count(&self) -> u32 {
        self.machines.len() as u32
    }

    pub(super) fn has_started(&self) -> bool {
        self.started_at_ns.is_some()
    }

    /// Begins the mesh anew; returns the one it had.
    pub(super) fn set_up_again(
        &mut self,
        slot: usize,
        places: Endpoints,
        token: &RunToken,
        clock: WallClock,
        reactor: &mut Reactor,
    ) -> io::Result<Mesh> {
        let wiring = self.mesh.wiring().clone();
        let secret = Secret::new(token, self.seed, &self.run.key());
        let mesh = Mesh::new(slot, wiring, places, secret, clock, reactor)?;
        let failed = std::mem::replace(&mut self.mesh, mesh);
        self.rejected_connections += failed.rejected_connections();
        self.setups += 1;
        Ok(failed)
    }

    /// A step of the set-up. Returns whether the mesh has more to dial.
    pub(super) fn set_up(&mut self, reactor: &mut Reactor) -> Result<bool, String> {
        self.mesh.dial(reactor)
    }

    /// Turns away a connection that has not said who it is.
    pub(super) fn turn_silent_away(&mut self, route: Route, reactor: &mut Reactor) {
        self.mesh.turn_silent_away(route, reactor);
    }

    /// Lets nobody in any more.
    pub(super) fn close_listeners(&mut self, reactor: &mut Reactor) {
        self.mesh.close_listeners(reactor);
    }

    /// Starts the run if its mesh has come to stand. Returns whether it did just now.
    pub(super) fn start_if_ready(&mut self, now_ns: u64, reactor: &mut Reactor) -> bool {
        if self.has_started() || !self.mesh.stands() {
            return false;
        }
        self.mesh.end_set_up(reactor);
        self.started_at_ns = Some(now_ns + LEAD_NS);
        true
    }

    /// A step towards starting together with machines in other processes: word that all connections stand is gathered towards
    /// machine 0, and its word of when it starts goes back the same ways. Returns whether the run has started.
    pub(super) fn agree_to_start(
        &mut self,
        now_ns: u64,
        lead_ns: u64,
        reactor: &mut Reactor,
    ) -> Result<bool, String> {
        if self.has_started() || !self.mesh.stands() {
            return Ok(self.has_started());
        }
        let here = self.mesh.local().start;
        let behind = self.mesh.wiring().behind(here);
        if self.agreement.awaited.is_empty() && !self.agreement.told {
            self.agreement.told = true;
            match self.mesh.wiring().towards_first(here) {
                Some(next) => self.mesh.send(here, next, &Frame::Ready)?,
                None => self.agreement.start_ns = Some(now_ns + lead_ns),
            }
        }
        if let Some(at_ns) = self.agreement.start_ns {
            for peer in behind {
                self.mesh.send(here, peer, &Frame::Start { at_ns })?;
            }
            self.mesh.end_set_up(reactor);
            self.started_at_ns = Some(at_ns);
        }
        Ok(self.has_started())
    }

    /// Whether the clocks of the machines that are connected by now agree well enough to start together.
    ///
    /// # Errors
    ///
    /// They differ by more than `lead_ns`: some machine would begin too late.
    pub(super) fn check_clocks(&self, lead_ns: u64, margin_ns: u64) -> Result<(), String> {
        let clocks = self.mesh.clocks();
        clocks.map_or(Ok(()), |clocks| clocks.check(lead_ns, margin_ns))
    }

    /// What to say about clocks that differ by more than the run's margin of `margin_ns`, if any do.
    pub(super) fn remark_on_clocks(&self, margin_ns: u64) -> Option<String> {
        self.mesh.clocks()?.remark(margin_ns)
    }

    /// The run's margin in wall nanoseconds. Not to be asked for while ticks are due: it looks at the whole schedule.
    pub(super) fn margin_ns(&self) -> u64 {
        wall_margin_ns(&self.schedule, self.time_scale)
    }

    /// When the next tick of `machine` is due, if it has one left.
    pub(super) fn next_due_ns(&self, machine: usize) -> Option<u64> {
        let tick = self.done[machine];
        (tick < self.schedule.ticks(machine))
            .then(|| self.wall_ns(self.schedule.due_ns(machine, tick)))
    }

    /// When the run's observation ends.
    pub(super) fn end_ns(&self) -> Option<u64> {
        self.has_started()
            .then(|| self.wall_ns(self.run.configuration.duration_ns))
    }

    fn wall_ns(&self, model_ns: u64) -> u64 {
        self.started_at_ns.unwrap_or(0) + (model_ns as f64 / self.time_scale) as u64
    }

    /// Whether a tick due at `due_ns` has to wait until the sockets have been looked at: a message sent earlier in this turn of
    /// the event loop, in a tick due before, may be for it.
    pub(super) fn awaits_messages(&self, turn: u64, due_ns: u64) -> bool {
        self.last_send
            .is_some_and(|send| send.turn == turn && send.due_ns < due_ns)
    }

    /// The next tick of `machine`, due at `due_ns`.
    pub(super) fn tick(
        &mut self,
        machine: usize,
        due_ns: u64,
        turn: u64,
        clock: &WallClock,
        reactor: &mut Reactor,
    ) -> Result<Ticked, String> {
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
        Ok(Ticked {
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
            };
            self.mesh.send_message(sender, peer, &frame, reactor)?;
        }
        Ok(())
    }

    /// A machine without a single tick in the run's duration says its last at the start.
    pub(super) fn end_idle_machines(&mut self) -> Result<(), String> {
        self.mesh
            .local()
            .filter(|&machine| self.schedule.ticks(machine as usize) == 0)
            .try_for_each(|machine| self.mesh.end_all(machine))
    }

    /// One of the run's sockets is ready.
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
        let hear = |owner: MachineIndex, sender: MachineIndex, frame| {
            match frame {
                Frame::Message {
                    stamp,
                    sent_tick,
                    delay_ns,
                    sent_at_ns,
                } => {
                    if sent_tick >= schedule.ticks(sender as usize)
                        || delay_ns > LONGEST_DELAY_NS
                        || stamp > highest_stamp
                        || *messages >= highest_stamp
                    {
                        return Err("sent a message that its machine cannot have sent".to_owned());
                    }
                    *messages += 1;
                    latency.push(clock.now_ns().saturating_sub(sent_at_ns));
                    let message = Message {
                        sender,
                        stamp,
                        sent_tick,
                    };
                    let sent_ns = schedule.due_ns(sender as usize, sent_tick);
                    let done = done[owner as usize];
                    arrivals.check(owner as usize, done, &message, sent_ns, delay_ns, schedule);
                    machines[owner as usize].arrive(message, sent_ns, delay_ns);
                }
                Frame::Ready => agreement.hear_ready(sender)?,
                Frame::Start { at_ns } => agreement.hear_start(sender, at_ns, clock.now_ns())?,
                Frame::End { .. } => {}
            }
            Ok(())
        };
        match ready.route.socket {
            SocketId::Listener(machine) => self.mesh.accept(machine, scratch, reactor, hear),
            SocketId::Link(index) => {
                self.mesh
                    .exchange(index, ready.readiness, scratch, reactor, hear)
            }
        }
    }

    /// Whether every machine here has done its last tick and heard every peer's last message.
    pub(super) fn is_complete(&self) -> bool {
        self.has_started()
            && self.mesh.has_ended()
            && self
                .mesh
                .local()
                .all(|machine| self.next_due_ns(machine as usize).is_none())
    }

    /// Why the run is stuck, in words.
    pub(super) fn why_stuck(&self) -> String {
        let Some((owner, peer)) = self.mesh.missing() else {
            return "the run did not end in time".to_owned();
        };
        if self.has_started() {
            format!(
                "machine {owner} did not hear from machine {peer} in time; if its ticks were late, take fewer runs at once (--jobs) or a smaller time scale"
            )
        } else {
            let hint = match self.mesh.rejected_connections() {
                0 => "",
                _ => {
                    "; connections were turned away: are the token, the experiment and the run the same for all machines?"
                }
            };
            format!("machine {owner} had no connection to machine {peer} in time{hint}")
        }
    }

    /// Events kept in memory.
    pub(super) fn events_in_memory(&self) -> usize {
        self.log.iter().map(Vec::len).sum()
    }

    /// Moves them to `spill`.
    pub(super) fn spill(&mut self, spill: &mut Spill) -> io::Result<()> {
        for (machine, events) in self.log.iter_mut().enumerate() {
            if !events.is_empty() {
                self.spilled.push((machine, spill.write(events)?));
                events.clear();
                events.shrink_to(EVENTS_AT_FIRST as usize);
            }
        }
        Ok(())
    }

    /// Takes the run apart: what is to be reported of it, and the mesh to be closed.
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

    /// Takes apart what one machine in a process of its own did.
    pub(super) fn part(mut self, machine: usize) -> (Part, Mesh) {
        let part = Part {
            started_at_ns: self.started_at_ns.unwrap_or(0),
            events: std::mem::take(&mut self.log[machine]),
            latency: self.latency,
            as_scheduled: self.arrivals.as_scheduled,
            rejected_connections: self.rejected_connections + self.mesh.rejected_connections(),
        };
        (part, self.mesh)
    }
}

#[cfg(test)]
mod tests;
