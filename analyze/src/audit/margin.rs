//! The margin of a run, reckoned anew: the shortest time between two ticks whose order matters.
//!
//! It matters for ticks of two machines of which one may send to the other, or which may both send to a third.

use sim::experiment::PhaseRule;

use super::setup::Setup;
use super::timetable::MILLION_SECONDS_NS;

/// What the journal's margin must be, in wall nanoseconds: by all ticks of the run, sorted by time. The run's duration if there are no
/// two whose order matters.
pub(super) fn margin_ns(setup: &Setup) -> u64 {
    let mut ticks: Vec<(u64, usize)> = vec![];
    for (machine, timetable) in setup.timetables.iter().enumerate() {
        ticks.extend((0..timetable.ticks).map(|tick| (timetable.due_ns(tick), machine)));
    }
    ticks.sort_unstable();
    let peers = setup.model.peers();
    let closest_ns = match &peers {
        // All with all: the two closest follow each other.
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

/// What schemas before 5 have in its place, in wall nanoseconds: what `spread` phases keep all ticks apart at least, and 0 under the
/// other phase rules.
pub(super) fn earlier_margin_ns(setup: &Setup) -> u64 {
    match (setup.phase, setup.steps()) {
        (PhaseRule::Spread, Some(steps)) => setup.wall_ns(MILLION_SECONDS_NS / steps),
        _ => 0,
    }
}
