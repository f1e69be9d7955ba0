//! Finds the clock that each machine follows: the fastest clock whose time (its value) reaches the machine in the timestamps of messages,
//! directly or through other machines.
//!
//! A machine that receives a high time and then sends passes this time on. An overloaded machine (more messages arrive than it has ticks)
//! sends nothing, so it passes no times on. A critical machine (about as many messages as ticks) passes times on now and then. Theory does
//! not say how often.

use super::flow::Flow;
use super::regime::Regime;
use super::system::System;

/// The clock that a machine follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The fastest machine whose time reaches this one. It may be this machine itself. If several are equally fast, it is the
    /// first of them.
    pub machine: usize,
    /// Whether the time of the fastest clock can reach this machine only through other machines. `true` if this clock is faster than the
    /// machine's own clock and the clocks of all machines that send to it directly. For this flag, even overloaded machines count as
    /// machines that pass times on.
    pub is_relayed: bool,
    /// Whether it is unknown how fast the followed machine is, because this depends on a critical machine, which passes times on only now
    /// and then.
    pub is_doubtful: bool,
}

impl Source {
    /// The sources of all machines.
    pub fn find_all(system: &System, flow: &Flow) -> Vec<Self> {
        let is_critical = |machine: usize| {
            // This is the drift of the machine's queue length. It has nothing to do with the drift of a clock.
            let relative_drift = flow.queues[machine].relative_drift(system.duration_s);
            Regime::from_relative_drift(relative_drift) == Regime::Critical
        };
        // `flow.active` is true for a machine that has idle ticks in the long run. At these ticks it sends, so it passes times on.
        let surely_passes_on = |machine: usize| flow.active[machine] && !is_critical(machine);
        let may_pass_on = |machine: usize| flow.active[machine] || is_critical(machine);
        let rate = |machine: usize| system.rates[machine];
        let source = |machine: usize| {
            // The fastest machine whose time reaches `machine` if times are passed on by the machines for which `passes_on` is true.
            let fastest_over = |passes_on: &dyn Fn(usize) -> bool| {
                fastest(&system.rates, &reaching(machine, flow, passes_on))
            };
            let found = fastest_over(&|other| flow.active[other]);
            // If no machine passed times on, only the times of machines that send to `machine` itself would arrive.
            let fastest_near = fastest_over(&|_| false);
            Self {
                machine: found,
                is_relayed: rate(fastest_over(&|_| true)) > rate(fastest_near),
                is_doubtful: rate(fastest_over(&surely_passes_on))
                    != rate(fastest_over(&may_pass_on)),
            }
        };
        (0..system.rates.len()).map(source).collect()
    }
}

/// The fastest of the machines for which `reaching` is true; the first of them if several are equally fast.
fn fastest(rates: &[f64], reaching: &[bool]) -> usize {
    let among = (0..rates.len()).filter(|&machine| reaching[machine]);
    // `max_by` returns the last of several equal machines, so the order is reversed.
    let fastest = among.rev().max_by(|&a, &b| rates[a].total_cmp(&rates[b]));
    fastest.unwrap_or_default()
}

/// For each machine, whether its time reaches `machine`. The time of `machine` itself reaches it. The time of another machine reaches it if
/// that machine sends, either to `machine` itself or to a machine that passes times on to `machine`. A machine counts as sending if it has
/// idle ticks or if `passes_on` is true for it.
fn reaching(machine: usize, flow: &Flow, passes_on: &dyn Fn(usize) -> bool) -> Vec<bool> {
    let mut reaching = vec![false; flow.idle.len()];
    reaching[machine] = true;
    // The search goes backwards: from `machine` to its senders, from each sender that passes times on to its own senders, and so on.
    let mut to_visit = vec![machine];
    while let Some(visited) = to_visit.pop() {
        if visited != machine && !passes_on(visited) {
            continue;
        }
        for &(sender, _) in flow.links.senders_to(visited) {
            let sends = flow.active[sender] || passes_on(sender);
            if sends && !reaching[sender] {
                reaching[sender] = true;
                to_visit.push(sender);
            }
        }
    }
    reaching
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::System;
    use sim::experiment::Topology;

    fn sources(rates: &[f64], internal: f64, topology: Topology) -> Vec<usize> {
        let system = System {
            topology,
            ..System::new(rates, internal, 60.0)
        };
        let flow = Flow::solve(&system).expect("one solution");
        let sources = Source::find_all(&system, &flow);
        sources.into_iter().map(|source| source.machine).collect()
    }

    /// In a star, machine 0 is the hub. In the first system the hub is overloaded, so machine 1 follows its own clock. In the second
    /// system the hub keeps up and passes on the time of machine 2.
    #[test]
    fn an_overloaded_hub_passes_no_times_on() {
        assert_eq!(sources(&[1.0, 3.0, 6.0], 0.5, Topology::Star), [2, 1, 2]);
        assert_eq!(sources(&[3.0, 1.0, 6.0], 0.9, Topology::Star), [2, 2, 2]);
    }

    /// Machine 0 is the time-keeper, the only machine that sends. The others listen. In the second system, machine 2 is as fast as the
    /// time-keeper, so it follows the first of the two: the time-keeper.
    #[test]
    fn a_time_keeper_and_a_faster_listener_follow_their_own_clocks() {
        let keeper = |rates: &[f64]| sources(rates, 0.5, Topology::TimeKeeper);
        assert_eq!(keeper(&[3.0, 1.0, 6.0]), [0, 0, 2]);
        assert_eq!(keeper(&[6.0, 1.0, 6.0]), [0, 0, 0]);
    }
}
