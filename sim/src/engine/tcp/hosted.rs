//! A [`HostedRun`] is a run that an event loop executes. The event loop calls the functions here to set up the connections between the
//! run's machines (the mesh), to do a tick when it is due, to read and write the sockets, and to get the log at the end.

mod starting;

use std::io;
use std::sync::Arc;

use super::agreement::Agreement;
use super::arrivals::Arrivals;
use super::clock::WallClock;
use super::mesh::Mesh;
use super::reactor::{Reactor, Ready, SocketId};
use super::spill::{Piece, Spill};
use crate::clock::CarriedTimestamp;
use crate::engine::{RawLog, RunOutcome, Samples, create_machines};
use crate::experiment::{NANOS_PER_SECOND, Run, Schedule};
use crate::log::{LoggedEvent, RowFormat};
use crate::machine::{Event, EventKind, Machine, MachineIndex, Message};
use crate::wire::Frame;

/// The result of one machine in a run: its events, and how messages arrived at it.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineResult {
    /// Unix time of the run's start, in nanoseconds.
    pub started_at_ns: u64,
    /// The machine's events, in the order of its ticks.
    pub events: Vec<LoggedEvent>,
    /// Latency of each message that arrived at the machine: the time when it was queued minus the time when it was sent.
    pub latency: Samples,
    /// Whether all messages to the machine arrived as scheduled ([`super::arrivals`]).
    pub as_scheduled: bool,
    /// Number of connections that were refused because they did not come from a machine of the run.
    pub rejected_connections: u32,
}

/// At a run's start, memory is reserved for this many events of each machine. A longer log takes more memory when it needs it.
const INITIAL_EVENTS: u64 = 256;
/// The run fails with this reason if a message contradicts the run's schedule. The text is the end of a sentence that begins with "machine
/// 1's connection to machine 0".
const IMPOSSIBLE: &str = "carried a message that the sender cannot have sent";
/// A message is refused if its delay (how long it travels in model time) is longer than this, 278 hours. Its sender cannot have drawn such a
/// delay: drawn delays are at most 37 hours. The mean is at most an hour, and an exponential delay is at most 37 times its mean, because it
/// is drawn from 53 random bits (-ln(2^-53) = 36.7).
const LONGEST_DELAY_NS: u64 = 1_000_000 * NANOS_PER_SECOND;

/// Returns an upper limit of the number of events of all machines together: the number of ticks times the number of machines. The
/// reason: a tick sends at most one message to each other machine. So each tick causes at most as many events as there are machines: one
/// send, and one receive at each other machine.
fn max_events(schedule: &Schedule) -> u64 {
    let ticks = (0..schedule.machines()).map(|machine| schedule.ticks(machine));
    ticks
        .sum::<u64>()
        .saturating_mul(schedule.machines() as u64)
}

/// A run that an event loop executes. If the run's machines are in several processes, each process executes only one machine, its
/// *local* machine.
pub(super) struct HostedRun {
    run: Run,
    seed: u64,
    time_scale: f64,
    schedule: Schedule,
    mesh: Mesh,
    machines: Vec<Machine>,
    /// The machines to which each machine may send.
    neighbours: Vec<Vec<MachineIndex>>,
    /// For each machine, the number of ticks that it has done.
    ticks_done: Vec<u64>,
    /// For each machine, its events that are in memory.
    log: Vec<Vec<LoggedEvent>>,
    /// The events that were moved to a file because memory was short, with their machines.
    spilled: Vec<(usize, Piece)>,
    /// Unix time of the run's start. `None` until it is set.
    started_at_ns: Option<u64>,
    /// How far the machines have agreed on the start of the run, if they are in several processes.
    agreement: Agreement,
    latency: Samples,
    arrivals: Arrivals,
    /// An upper limit of the number of events of the run. No timestamp is greater, because each event raises the run's largest clock by at
    /// most 1. The number of messages is not greater either, because a tick sends at most one message to each other machine.
    max_events: u64,
    /// Number of messages that have arrived.
    messages_arrived: u64,
    last_send: Option<LastSend>,
    /// How often a mesh has been set up for the run, including the current one.
    setup_count: u32,
    /// Number of connections that the run's earlier meshes refused. The current mesh counts its own.
    rejected_connections: u32,
}

/// The run's last send.
#[derive(Clone, Copy)]
struct LastSend {
    /// The turn of the event loop in which the send was done. (Turns are numbered.)
    turn: u64,
    /// The Unix time at which the tick of the send was due.
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
            ticks_done: vec![0; schedule.machines()],
            log: (0..schedule.machines()).map(log).collect(),
            spilled: vec![],
            max_events: max_events(&schedule),
            messages_arrived: 0,
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

    /// Returns how often a mesh has been set up for the run, including the current one.
    pub(super) fn setup_count(&self) -> u32 {
        self.setup_count
    }

    pub(super) fn machine_count(&self) -> u32 {
        self.machines.len() as u32
    }

    /// Returns the number of connections in a complete mesh of the run.
    pub(super) fn connection_count(&self) -> u64 {
        self.run.configuration.topology.links(self.machine_count())
    }

    pub(super) fn has_started(&self) -> bool {
        self.started_at_ns.is_some()
    }

    /// Returns the Unix time at which the next tick of `machine` is due, or `None` if the machine has done all its ticks. Before the start
    /// of the run is set, the time has no meaning.
    pub(super) fn next_due_ns(&self, machine: usize) -> Option<u64> {
        let tick = self.ticks_done[machine];
        (tick < self.schedule.ticks(machine))
            .then(|| self.wall_ns(self.schedule.due_ns(machine, tick)))
    }

    /// Returns the Unix time at which the run's duration ends, or `None` if the start is not set.
    pub(super) fn end_ns(&self) -> Option<u64> {
        self.has_started()
            .then(|| self.wall_ns(self.run.configuration.duration_ns))
    }

    /// Returns the Unix time at which `model_ns` of model time have passed since the run's start. Has no meaning before the start is set.
    fn wall_ns(&self, model_ns: u64) -> u64 {
        self.started_at_ns.unwrap_or(0) + (model_ns as f64 / self.time_scale) as u64
    }

    /// Returns whether a tick due at `due_ns` must wait until the sockets have been read. It must wait if a tick that was due earlier
    /// sent a message in the same turn of the event loop: the later tick may have to receive this message.
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
        let tick = self.ticks_done[machine];
        let event = self.machines[machine].tick(self.schedule.due_ns(machine, tick));
        self.ticks_done[machine] += 1;
        self.send(machine as MachineIndex, &event, system_time_ns, reactor)?;
        if matches!(event.kind, EventKind::Send { .. }) {
            self.last_send = Some(LastSend { turn, due_ns });
        }
        // A tick can have several events: with `receive = "all"` in the experiment, it receives all waiting messages.
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
        // After its last tick, the machine sends an end frame to each machine to which it is connected. An end frame says how many
        // messages the sender has sent to this recipient.
        if self.next_due_ns(machine).is_none() {
            self.mesh.send_end_frames(machine as MachineIndex)?;
        }
        Ok(TickResult {
            lateness_ns: system_time_ns.saturating_sub(due_ns),
            events,
        })
    }

    /// Sends the messages of `event`, if it is a send.
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

    /// Sends the end frames of the machines that have no tick within the run's duration. (Other machines send their end frames after
    /// their last tick, in [`Self::tick`].)
    pub(super) fn end_machines_without_ticks(&mut self) -> Result<(), String> {
        self.mesh
            .local()
            .filter(|&machine| self.schedule.ticks(machine as usize) == 0)
            .try_for_each(|machine| self.mesh.send_end_frames(machine))
    }

    /// Handles a ready socket of the run: accepts connections, or writes and reads bytes.
    pub(super) fn exchange(
        &mut self,
        ready: Ready,
        scratch: &mut [u8],
        reactor: &mut Reactor,
        clock: &WallClock,
    ) -> Result<(), String> {
        // `handle` borrows these fields and not all of `self`, because `self.mesh` is already borrowed when `handle` is called.
        let (machines, schedule) = (&mut self.machines, &self.schedule);
        let (latency, agreement) = (&mut self.latency, &mut self.agreement);
        let (arrivals, ticks_done) = (&mut self.arrivals, &self.ticks_done);
        let (max_events, messages_arrived) = (self.max_events, &mut self.messages_arrived);
        let duration_ns = self.run.configuration.duration_ns;
        // Handles a frame that has arrived at machine `owner` (it owns this side of the connection) from machine `sender`.
        let handle = |owner: MachineIndex, sender: MachineIndex, frame| {
            match frame {
                Frame::Message {
                    stamp,
                    sent_tick,
                    delay_ns,
                    sent_at_ns,
                    timestamp,
                } => {
                    // If the run has a second clock (vector or hybrid), the message also carries a timestamp of this clock. The message's
                    // Lamport timestamp is `stamp`.
                    let is_impossible = |timestamp: &Arc<CarriedTimestamp>| {
                        !timestamp.is_possible(max_events, duration_ns)
                    };
                    if sent_tick >= schedule.ticks(sender as usize)
                        || delay_ns > LONGEST_DELAY_NS
                        || stamp > max_events
                        || *messages_arrived >= max_events
                        || timestamp.as_ref().is_some_and(is_impossible)
                    {
                        return Err(IMPOSSIBLE.to_owned());
                    }
                    *messages_arrived += 1;
                    latency.push(clock.now_ns().saturating_sub(sent_at_ns));
                    let message = Message {
                        sender,
                        stamp,
                        sent_tick,
                    };
                    // `take_timestamp` returns false if an earlier message of the same send still waits at this recipient. A send has only
                    // one message for each recipient, so the sender cannot have sent both messages.
                    if let Some(timestamp) = timestamp
                        && !machines[owner as usize].take_timestamp(&message, timestamp)
                    {
                        return Err(IMPOSSIBLE.to_owned());
                    }
                    // The sending time in model time. (`sent_at_ns` is the real time.)
                    let sent_ns = schedule.due_ns(sender as usize, sent_tick);
                    let recipient = owner as usize;
                    let ticks_done = ticks_done[recipient];
                    arrivals.check(recipient, ticks_done, &message, sent_ns, delay_ns, schedule);
                    machines[recipient].arrive(message, sent_ns, delay_ns);
                }
                Frame::Ready => agreement.receive_ready(sender)?,
                Frame::Start { at_ns } => agreement.receive_start(sender, at_ns, clock.now_ns())?,
                // The mesh has handled the end frame.
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

    /// Returns whether every machine of this process has done its last tick, and has received the end frame of every machine to which
    /// it is connected.
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
        let Some((owner, peer)) = self.mesh.find_missing() else {
            return "the run did not end in time".to_owned();
        };
        if self.has_started() {
            format!(
                "machine {owner} waited too long for machine {peer}; if ticks were late, use fewer runs at once (--jobs) or a smaller time scale"
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
        // `started_at_ns` is 0 if the run has not started. Then the run has failed, and its log is dropped below, so nobody sees the 0.
        let log = RawLog {
            started_at_ns: self.started_at_ns.unwrap_or(0),
            machines: self.log,
            spilled: self.spilled,
            latency: self.latency,
            as_scheduled: self.arrivals.as_scheduled,
        };
        let rejected_connections = self.rejected_connections + self.mesh.rejected_connections();
        let outcome = RunOutcome {
            run: self.run,
            result: result.map(|()| log),
            rejected_connections,
        };
        (outcome, self.mesh)
    }

    /// Ends a run of which this process has only `machine`. Returns the machine's result, and the mesh, which must still be closed.
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
