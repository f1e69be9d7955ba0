//! Recomputes the margin of a run: the shortest time between two ticks whose order matters.
//!
//! The order of two ticks matters if one of their machines may send to the other, or if both machines may send to the same third
//! machine.

use sim::experiment::PhaseRule;

use super::setup::Setup;
use super::timetable::MILLION_SECONDS_NS;

/// Computes the margin that runs.csv must state, in wall nanoseconds, from the due times of all ticks of the run. If there are no two
/// ticks whose order matters, it is the run's duration.
pub(super) fn margin_ns(setup: &Setup) -> u64 {
    let mut ticks: Vec<(u64, usize)> = vec![];
    for (machine, timetable) in setup.timetables.iter().enumerate() {
        ticks.extend((0..timetable.ticks).map(|tick| (timetable.due_ns(tick), machine)));
    }
    ticks.sort_unstable();
    let peers = setup.model.peers();
    let closest_ns = match &peers {
        // Here the order of all ticks matters, so the closest two ticks are next to each other in the sorted list.
        None => {
            let pairs = ticks.windows(2).filter(|pair| pair[0].1 != pair[1].1);
            pairs.map(|pair| pair[1].0 - pair[0].0).min()
        }
        Some(peers) => {
            let mut last: Vec<Option<u64>> = vec![None; setup.machines()];
            let gaps = ticks.iter().filter_map(|&(due_ns, machine)| {
                let before = peers[machine].iter().filter_map(|&peer| last[peer]).max();
                last[machine] = Some(due_ns);
                Some(due_ns - before?)
            });
            gaps.min()
        }
    };
    setup.wall_ns(closest_ns.unwrap_or(setup.duration_ns))
}

/// The value that datasets of schema 4 and earlier have in column `margin_us`, but in wall nanoseconds. With phase = spread it is
/// a lower limit for the time between any two ticks, which follows from the rates. With other phases it is 0.
pub(super) fn earlier_margin_ns(setup: &Setup) -> u64 {
    match (setup.phase, setup.steps()) {
        (PhaseRule::Spread, Some(steps)) => setup.wall_ns(MILLION_SECONDS_NS / steps),
        _ => 0,
    }
}
