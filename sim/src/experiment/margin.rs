//! The margin of a run: the shortest time between two ticks whose order matters.
//!
//! Each machine that may receive has a group: the machine itself and all machines that may send to it. A machine can be in
//! several groups. The order of two ticks of different machines matters if the machines are in the same group: either one of them
//! may send to the other, or both may send to the same machine.
//!
//! Sort all ticks of a group by time. Among all pairs of ticks of different machines, take the closest pair, a and b. No tick c of the
//! group lies between a and b. (If c lay between them, its machine would differ from a's machine or from b's machine. In the first case, a
//! and c would be a closer pair. In the second case, c and b would be a closer pair.) So it is enough to compare each tick with the tick
//! directly before it, in each group of its machine.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::rates::gcd;
use super::schedule::{NANOS_IN_A_MILLION_SECONDS, Schedule};
use super::{Rates, Topology};

/// Returns the shortest whole number of nanoseconds after which the ticks of all machines repeat exactly. It is a multiple of `1 / g`
/// seconds, where g is the greatest common divisor of the rates (in ticks per second).
pub(super) fn cycle_ns(rates: &Rates) -> u64 {
    let common = rates
        .iter()
        .fold(0, |common, rate| gcd(rate.micro_hertz(), common));
    // In 1 / g seconds, each machine has a whole number of ticks. So the ticks of all machines repeat after this time, the period.
    // `common` is g in millionths of a tick per second: common = 1,000,000 g. With N = NANOS_IN_A_MILLION_SECONDS,
    //
    //     period = 1 / g seconds = 1,000,000 / common seconds = N / common nanoseconds.
    //
    // The period need not be a whole number of nanoseconds: with the rates 3 and 6, it is 10^9 / 3. But 3 periods take 10^9 nanoseconds, a
    // whole number, and 1 or 2 periods do not. In general, reduce the fraction N / common. Its denominator is the number of periods (here
    // 3). Its numerator is the time of these periods in nanoseconds (here 10^9): N / gcd(N, common).
    NANOS_IN_A_MILLION_SECONDS / gcd(NANOS_IN_A_MILLION_SECONDS, common)
}

/// Returns the shortest time between two ticks whose order matters, in model nanoseconds. Only ticks due before `end_ns` are compared.
/// The caller chooses `end_ns` so late that the ticks after it only repeat the pattern of the ticks before it. If there are no two ticks
/// whose order matters, returns the run's duration.
pub(super) fn shortest_gap_ns(schedule: &Schedule, topology: Topology, end_ns: u64) -> u64 {
    let mut shortest_ns = schedule.duration_ns();
    // For each group, the last of its ticks so far.
    let mut last_of_group: Vec<Option<Tick>> = vec![None; schedule.machines()];
    let mut agenda = Agenda::new(schedule);
    // Once the shortest time is 0, the loop ends, because no time is shorter.
    while let Some(tick) = agenda.next(schedule)
        && tick.due_ns < end_ns
        && shortest_ns > 0
    {
        for group in groups_of(topology, tick.machine, schedule.machines()) {
            let last = last_of_group[group].replace(tick);
            if let Some(last) = last.filter(|last| last.machine != tick.machine) {
                shortest_ns = shortest_ns.min(tick.due_ns - last.due_ns);
            }
        }
    }
    shortest_ns
}

/// The numbers of the groups in which the ticks of `machine` are compared. Group g is the group of machine g: machine g itself and all
/// machines that may send to it. In a mesh (every machine may send to every other) and in a star (all others may send to machine 0), group 0
/// contains all machines, so group 0 is enough. In a ring and with a time-keeper (only machine 0 sends), the result is all groups that
/// contain `machine`.
fn groups_of(topology: Topology, machine: usize, machines: usize) -> impl Iterator<Item = usize> {
    let groups = match topology {
        Topology::Mesh | Topology::Star => 0..1,
        // Each machine may send to the machine before it and to the machine after it. So it is in their two groups and in its own group.
        // `machines` is added so that no number is negative; `% machines` below removes it again.
        Topology::Ring => machine + machines - 1..machine + machines + 2,
        // The group of each other machine contains that machine and machine 0.
        Topology::TimeKeeper if machine == 0 => 1..machines,
        Topology::TimeKeeper => machine..machine + 1,
    };
    groups.map(move |group| group % machines)
}

/// A tick. Ticks are ordered by time (the first field), and by machine if the times are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick {
    due_ns: u64,
    machine: usize,
}

/// Yields the ticks of all machines in the order of their times.
struct Agenda {
    /// The next tick of every machine that has one, the earliest on top.
    next_ticks: BinaryHeap<Reverse<Tick>>,
    /// For each machine, how many of its ticks were yielded.
    yielded: Vec<u64>,
}

impl Agenda {
    fn new(schedule: &Schedule) -> Self {
        let with_ticks = (0..schedule.machines()).filter(|&machine| schedule.ticks(machine) > 0);
        let first = |machine| Tick {
            due_ns: schedule.due_ns(machine, 0),
            machine,
        };
        Self {
            next_ticks: with_ticks.map(|machine| Reverse(first(machine))).collect(),
            yielded: vec![0; schedule.machines()],
        }
    }

    /// Returns the earliest tick that was not yielded. In the heap, the next tick of the same machine takes its place.
    fn next(&mut self, schedule: &Schedule) -> Option<Tick> {
        let mut first = self.next_ticks.peek_mut()?;
        let tick = first.0;
        let yielded = &mut self.yielded[tick.machine];
        *yielded += 1;
        if *yielded < schedule.ticks(tick.machine) {
            // When `first` (a `PeekMut`) is dropped, the heap moves the changed tick to its right place.
            first.0.due_ns = schedule.due_ns(tick.machine, *yielded);
        } else {
            PeekMut::pop(first);
        }
        Some(tick)
    }
}
