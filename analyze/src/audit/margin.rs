//! Recomputes the margin of a run: the shortest time between two ticks whose order matters.
//!
//! The order of two ticks matters if one of their machines may send to the other, or if both machines may send to the same third
//! machine.

use sim::experiment::PhaseRule;

use super::setup::Setup;
use super::timetable::MILLION_SECONDS_NS;

/// Computes the margin from the times at which the ticks of the run are due, in nanoseconds of real time (not of model time). Column
/// `margin_us` of runs.csv must have this value. If there are no two ticks whose order matters, it is the run's duration.
pub(super) fn margin_ns(setup: &Setup) -> u64 {
    let mut ticks: Vec<(u64, usize)> = vec![];
    for (machine, timetable) in setup.timetables.iter().enumerate() {
        ticks.extend((0..timetable.ticks).map(|tick| (timetable.due_ns(tick), machine)));
    }
    ticks.sort_unstable();
    let peers = setup.model.peers();
    let closest_ns = match &peers {
        // Here the order matters for any two machines. So the closest two ticks of different machines are next to each other in the
        // sorted list.
        None => {
            let pairs = ticks.windows(2).filter(|pair| pair[0].1 != pair[1].1);
            pairs.map(|pair| pair[1].0 - pair[0].0).min()
        }
        Some(peers) => {
            // For each machine, the time of its last tick so far.
            let mut last_due_ns: Vec<Option<u64>> = vec![None; setup.machines()];
            let gaps_ns = ticks.iter().filter_map(|&(due_ns, machine)| {
                let peers = peers[machine].iter();
                let latest_of_peers_ns = peers.filter_map(|&peer| last_due_ns[peer]).max();
                last_due_ns[machine] = Some(due_ns);
                Some(due_ns - latest_of_peers_ns?)
            });
            gaps_ns.min()
        }
    };
    setup.real_ns(closest_ns.unwrap_or(setup.duration_ns))
}

/// A lower limit of the margin, in nanoseconds of real time. With `phase = "spread"`, it follows from the rates: the ticks of any two
/// machines are at least this far apart. With other phases it is 0. Datasets with a `schema` of 4 or less have this value in column
/// `margin_us`, in microseconds.
pub(super) fn lower_limit_ns(setup: &Setup) -> u64 {
    match (setup.phase, setup.steps_per_million_seconds()) {
        (PhaseRule::Spread, Some(steps)) => setup.real_ns(MILLION_SECONDS_NS / steps),
        _ => 0,
    }
}
