//! Recomputes the margin of a run: the shortest time between two ticks whose order matters.
//!
//! The order of two ticks matters if one of their machines may send to the other, or if both machines may send to the same third
//! machine: then another order can change the events.

use sim::experiment::PhaseRule;

use super::setup::Setup;
use super::timetable::MILLION_SECONDS_NS;

/// Computes the margin from the times at which the ticks of the run are due. These times are model times. The result is in nanoseconds of
/// real time. Column `margin_us` of runs.csv must have the same value, in microseconds. If there are no two ticks whose order matters, the
/// margin is the run's duration.
pub(super) fn margin_ns(setup: &Setup) -> u64 {
    let mut ticks: Vec<(u64, usize)> = vec![];
    for (machine, timetable) in setup.timetables.iter().enumerate() {
        ticks.extend((0..timetable.ticks).map(|tick| (timetable.due_ns(tick), machine)));
    }
    ticks.sort_unstable();
    let interacting_machines = setup.model.interacting_machines();
    let closest_ns = match &interacting_machines {
        // `None` means that the order matters for any two machines. Then it is enough to compare each tick with the next one in the sorted
        // list. Reason: let c be a tick between two ticks a and b of different machines. The machine of c differs from the machine of a or
        // from the machine of b. So c and a, or c and b, are ticks of different machines too, and they are not further apart than a and b.
        None => {
            let pairs = ticks.windows(2).filter(|pair| pair[0].1 != pair[1].1);
            pairs.map(|pair| pair[1].0 - pair[0].0).min()
        }
        Some(interacting_machines) => {
            // For each machine, the due time of its last tick before the present place in the sorted list.
            let mut last_due_ns: Vec<Option<u64>> = vec![None; setup.machines()];
            let gaps_ns = ticks.iter().filter_map(|&(due_ns, machine)| {
                let others = interacting_machines[machine].iter();
                let last_of_others_ns = others.filter_map(|&other| last_due_ns[other]).max();
                last_due_ns[machine] = Some(due_ns);
                // Without an earlier tick of the others, there is no gap.
                Some(due_ns - last_of_others_ns?)
            });
            gaps_ns.min()
        }
    };
    setup.real_ns(closest_ns.unwrap_or(setup.duration_ns))
}

/// A lower limit of the margin, in nanoseconds of real time. In datasets with a `schema` (version of the format) of 4 or less, column
/// `margin_us` may have this limit instead of the margin.
///
/// With `phase = "spread"`, time is divided into equal steps, and ticks of different machines are due at least one step apart. So the limit
/// is the length of a step. It is computed as a million seconds divided by the number of steps in a million seconds. This number is an
/// integer, because rates have at most six decimals. (The number of steps in one second need not be an integer.) With another phase, or if
/// the number of steps does not fit into 64 bits, the limit is 0.
pub(super) fn lower_limit_ns(setup: &Setup) -> u64 {
    match (setup.phase, setup.steps_per_million_seconds()) {
        (PhaseRule::Spread, Some(steps)) => setup.real_ns(MILLION_SECONDS_NS / steps),
        _ => 0,
    }
}
