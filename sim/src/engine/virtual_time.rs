//! The virtual engine: the machines of a run on a virtual clock, as fast as the processor goes.
//!
//! Deterministic to the byte. A message takes no time: it waits in its recipient's queue at the next instant, after every tick
//! of the instant in which it was sent.

use super::{Punctuality, RunLog, machines_of};
use crate::experiment::{Run, Schedule};
use crate::log::LoggedEvent;
use crate::machine::{Event, EventKind, Machine, Message, Recipients};

/// Runs `run` of the experiment with `seed` from its first tick to its last.
pub fn run(run: &Run, seed: u64) -> RunLog {
    let schedule = run.schedule(seed);
    let mut log: Vec<Vec<LoggedEvent>> = (0..schedule.machines())
        .map(|machine| Vec::with_capacity(schedule.ticks(machine) as usize))
        .collect();
    observe(run, seed, |machine, logged| log[machine].push(logged));
    RunLog {
        started_at_ns: 0,
        machines: log,
        punctuality: Punctuality {
            margin_ns: schedule.margin_ns(),
            in_order: true,
            ..Punctuality::default()
        },
    }
}

/// The same without a log: each event goes to `see` with its machine, in the order of time.
pub fn observe(run: &Run, seed: u64, mut see: impl FnMut(usize, LoggedEvent)) {
    let schedule = run.schedule(seed);
    let mut machines = machines_of(run, seed);
    let mut agenda = Agenda::new(&schedule);
    let mut in_flight: Vec<(Message, Recipients)> = Vec::new();
    let mut now_ns = 0;
    while let Some((due_ns, machine)) = agenda.next(&schedule) {
        if due_ns > now_ns {
            deliver(&mut machines, &mut in_flight, now_ns);
            now_ns = due_ns;
        }
        let event = machines[machine].tick(due_ns);
        in_flight.extend(sent(machine, &event));
        let system_time_ns = due_ns;
        see(
            machine,
            LoggedEvent {
                system_time_ns,
                event,
            },
        );
    }
}

fn sent(sender: usize, event: &Event) -> Option<(Message, Recipients)> {
    match event.kind {
        EventKind::Send { recipients, stamp } => Some((
            Message {
                sender: sender as u32,
                stamp,
                sent_tick: event.tick,
            },
            recipients,
        )),
        EventKind::Internal | EventKind::Receive(_) => None,
    }
}

/// Hands on what was sent in ticks due at `sent_ns`.
fn deliver(machines: &mut [Machine], in_flight: &mut Vec<(Message, Recipients)>, sent_ns: u64) {
    for (message, recipients) in in_flight.drain(..) {
        let sender = message.sender as usize;
        let peers = match recipients {
            Recipients::One(peer) => peer as usize..peer as usize + 1,
            Recipients::All => 0..machines.len(),
        };
        for peer in peers.filter(|&peer| peer != sender) {
            let delay_ns = machines[sender].draw_delay_ns();
            machines[peer].arrive(message, sent_ns, delay_ns);
        }
    }
}

/// The next tick of every machine. With the few machines a run has, looking at each of them beats any heap.
struct Agenda {
    /// When each machine ticks next; `u64::MAX` once it has done its last.
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

    /// The earliest tick: its time and its machine; of several at the same time the one of the lowest machine.
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
