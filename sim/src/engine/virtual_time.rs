//! The virtual engine: simulates the machines of a run as fast as the processor can.
//!
//! The same run always gives the same bytes. A message takes no time, unless the experiment has a delay. But ticks that are due
//! at the instant of sending do not receive the message yet.

use std::sync::Arc;

use super::{Punctuality, RunLog, create_machines};
use crate::clock::CarriedTimestamp;
use crate::experiment::{Run, Schedule};
use crate::log::LoggedEvent;
use crate::machine::{Event, EventKind, Machine, MachineIndex, Message, Recipients};

/// A message on its way to its recipients, with the timestamp that it carries in addition.
type InFlight = (Message, Recipients, Option<Arc<CarriedTimestamp>>);

/// Number of events of a machine for which memory is reserved at the start. A longer log takes more memory when it needs it.
const INITIAL_EVENTS: u64 = 1 << 16;

/// Simulates `run` of the experiment with `seed`, from the first tick to the last.
pub fn run(run: &Run, seed: u64) -> RunLog {
    let schedule = run.schedule(seed);
    let mut log: Vec<Vec<LoggedEvent>> = (0..schedule.machines())
        .map(|machine| Vec::with_capacity(schedule.ticks(machine).min(INITIAL_EVENTS) as usize))
        .collect();
    simulate(run, seed, &schedule, |machine, logged| {
        log[machine].push(logged);
    });
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

/// Simulates the run without a log: passes each event and its machine to `see`, in the order of time.
pub fn observe(run: &Run, seed: u64, see: impl FnMut(usize, LoggedEvent)) {
    simulate(run, seed, &run.schedule(seed), see);
}

/// Simulates the run, whose `schedule` is the one drawn from the seed.
fn simulate(run: &Run, seed: u64, schedule: &Schedule, mut see: impl FnMut(usize, LoggedEvent)) {
    let mut machines = create_machines(run, seed);
    let neighbours: Vec<Vec<MachineIndex>> = (0..machines.len() as MachineIndex)
        .map(|machine| run.configuration.neighbours(machine))
        .collect();
    let mut agenda = Agenda::new(schedule);
    let mut in_flight: Vec<InFlight> = Vec::new();
    let mut now_ns = 0;
    while let Some((due_ns, machine)) = agenda.next(schedule) {
        if due_ns > now_ns {
            deliver(&mut machines, &neighbours, &mut in_flight, now_ns);
            now_ns = due_ns;
        }
        let event = machines[machine].tick(due_ns);
        if let Some(sent) = sent(machine, &event) {
            in_flight.push(sent);
        }
        see(machine, at(due_ns, event));
        while let Some(event) = machines[machine].next_event_in_tick() {
            see(machine, at(due_ns, event));
        }
    }
}

fn at(system_time_ns: u64, event: Event) -> LoggedEvent {
    LoggedEvent {
        system_time_ns,
        event,
    }
}

fn sent(sender: usize, event: &Event) -> Option<InFlight> {
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

/// Delivers the messages that were sent in ticks due at `sent_ns`.
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
                let is_new = recipient.take_timestamp(message, Arc::clone(timestamp));
                debug_assert!(is_new, "a machine sends at most once in a tick");
            }
            recipient.arrive(*message, sent_ns, delay_ns);
        }
    }
    in_flight.clear();
}

/// The next tick of every machine. Runs have few machines, so a loop over all of them is faster than a heap.
struct Agenda {
    /// When the next tick of each machine is due; `u64::MAX` after its last tick.
    due_ns: Vec<u64>,
    next_tick: Vec<u64>,
}

impl Agenda {
    fn new(schedule: &Schedule) -> Self {
        let mut agenda = Self {
            due_ns: vec![0; schedule.machines()],
            next_tick: vec![0; schedule.machines()],
        };
        (0..schedule.machines()).for_each(|machine| agenda.schedule(schedule, machine));
        agenda
    }

    /// Returns the time and the machine of the earliest tick. If several are due at the same time, the machine with the lowest
    /// index is first.
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
        self.schedule(schedule, machine);
        Some((due_ns, machine))
    }

    fn schedule(&mut self, schedule: &Schedule, machine: usize) {
        let tick = self.next_tick[machine];
        self.due_ns[machine] = if tick < schedule.ticks(machine) {
            schedule.due_ns(machine, tick)
        } else {
            u64::MAX
        };
    }
}
