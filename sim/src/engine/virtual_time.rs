//! The virtual engine: simulates the machines of a run as fast as the processor can.
//!
//! The same run always gives the same events. Unless the experiment has delays, a message arrives at the time at which it was
//! sent, but after all ticks that are due at this time. So none of these ticks receives it.

use std::sync::Arc;

use super::{Punctuality, RunLog, create_machines};
use crate::clock::CarriedTimestamp;
use crate::experiment::{Run, Schedule};
use crate::log::LoggedEvent;
use crate::machine::{Event, EventKind, Machine, MachineIndex, Message, Recipients};

/// A message on its way to its recipients. If the machines keep another clock beside the Lamport clock, the message also carries a
/// timestamp of this other clock.
type InFlight = (Message, Recipients, Option<Arc<CarriedTimestamp>>);

/// At the start, memory is reserved for at most this many events of each machine. Logs with more events get more memory later.
const INITIAL_EVENTS: u64 = 1 << 16;

/// Simulates `run` of the experiment with `seed`, from the first tick to the last, and returns its log.
pub fn run(run: &Run, seed: u64) -> RunLog {
    let schedule = run.schedule(seed);
    let mut log: Vec<Vec<LoggedEvent>> = (0..schedule.machines())
        .map(|machine| Vec::with_capacity(schedule.ticks(machine).min(INITIAL_EVENTS) as usize))
        .collect();
    simulate(run, seed, &schedule, |machine, logged| {
        log[machine].push(logged);
    });
    // In the simulation no tick and no message is late.
    RunLog {
        started_at_ns: 0,
        phases_ns: schedule.phases_ns().collect(),
        machines: log,
        punctuality: Punctuality {
            margin_ns: schedule.margin_ns(),
            as_scheduled: true,
            ..Punctuality::default()
        },
    }
}

/// Simulates the run without a log: passes each event, with the index of its machine, to `observer`, in the order of time.
pub fn observe(run: &Run, seed: u64, observer: impl FnMut(usize, LoggedEvent)) {
    simulate(run, seed, &run.schedule(seed), observer);
}

/// Simulates the run. `schedule` must be the run's schedule for `seed`. Passes each event, with the index of its machine, to `observer`.
fn simulate(
    run: &Run,
    seed: u64,
    schedule: &Schedule,
    mut observer: impl FnMut(usize, LoggedEvent),
) {
    let mut machines = create_machines(run, seed);
    let neighbours: Vec<Vec<MachineIndex>> = (0..machines.len() as MachineIndex)
        .map(|machine| run.configuration.neighbours(machine))
        .collect();
    let mut agenda = Agenda::new(schedule);
    let mut in_flight: Vec<InFlight> = Vec::new();
    let mut now_ns = 0;
    while let Some((due_ns, machine)) = agenda.next(schedule) {
        // Messages are delivered only when time moves on. So a tick does not receive a message that was sent at the tick's own time.
        if due_ns > now_ns {
            deliver(&mut machines, &neighbours, &mut in_flight, now_ns);
            now_ns = due_ns;
        }
        let event = machines[machine].tick(due_ns);
        if let Some(message) = message_of(machine, &event) {
            in_flight.push(message);
        }
        observer(machine, logged_at(due_ns, event));
        // A tick that receives several messages has several events.
        while let Some(event) = machines[machine].next_event_in_tick() {
            observer(machine, logged_at(due_ns, event));
        }
    }
    // Messages that were sent at the time of the last tick are not delivered: there is no later tick that could receive them.
}

fn logged_at(system_time_ns: u64, event: Event) -> LoggedEvent {
    LoggedEvent {
        system_time_ns,
        event,
    }
}

/// Returns the message that `sender` sends in `event`. `None` if the event is not a send.
fn message_of(sender: usize, event: &Event) -> Option<InFlight> {
    match &event.kind {
        EventKind::Send { recipients, stamp } => Some((
            Message {
                sender: sender as u32,
                stamp: *stamp,
                sent_tick: event.tick,
            },
            recipients.clone(),
            event.timestamp.clone(),
        )),
        EventKind::Internal | EventKind::Receive(_) => None,
    }
}

/// Passes all messages of `in_flight` to their recipients. All these messages were sent at `sent_ns`. If the experiment has delays, the
/// recipient holds a message back until its delay is over.
fn deliver(
    machines: &mut [Machine],
    neighbours: &[Vec<MachineIndex>],
    in_flight: &mut Vec<InFlight>,
    sent_ns: u64,
) {
    for (message, recipients, timestamp) in &*in_flight {
        let sender = message.sender as usize;
        for &peer in recipients.among(&neighbours[sender]) {
            let delay_ns = machines[sender].draw_delay_ns();
            let recipient = &mut machines[peer as usize];
            if let Some(timestamp) = timestamp {
                // False if the recipient has already stored a timestamp from the same tick of this sender.
                let is_new = recipient.take_timestamp(message, Arc::clone(timestamp));
                debug_assert!(is_new, "a machine sends at most once in a tick");
            }
            recipient.arrive(*message, sent_ns, delay_ns);
        }
    }
    in_flight.clear();
}

/// For each machine, its next tick. Runs have few machines, so a search among all of them is faster than a heap.
struct Agenda {
    /// For each machine, when its next tick is due. `u64::MAX` after its last tick.
    due_ns: Vec<u64>,
    /// For each machine, the number of its next tick.
    next_tick: Vec<u64>,
}

impl Agenda {
    fn new(schedule: &Schedule) -> Self {
        let mut agenda = Self {
            due_ns: vec![0; schedule.machines()],
            next_tick: vec![0; schedule.machines()],
        };
        (0..schedule.machines()).for_each(|machine| agenda.set_due_time(schedule, machine));
        agenda
    }

    /// Takes the earliest tick from the agenda, and puts the next tick of the same machine into the agenda. Returns the due time and the
    /// machine of the earliest tick. If several ticks are due at the same time, the machine with the lowest index is first. `None` after
    /// the last tick of all machines.
    fn next(&mut self, schedule: &Schedule) -> Option<(u64, usize)> {
        let (machine, &due_ns) = self
            .due_ns
            .iter()
            .enumerate()
            .min_by_key(|&(_, due_ns)| due_ns)?;
        if due_ns == u64::MAX {
            return None;
        }
        self.next_tick[machine] += 1;
        self.set_due_time(schedule, machine);
        Some((due_ns, machine))
    }

    /// Writes into `due_ns` when the next tick of `machine` is due.
    fn set_due_time(&mut self, schedule: &Schedule, machine: usize) {
        let tick = self.next_tick[machine];
        self.due_ns[machine] = if tick < schedule.ticks(machine) {
            schedule.due_ns(machine, tick)
        } else {
            u64::MAX
        };
    }
}
