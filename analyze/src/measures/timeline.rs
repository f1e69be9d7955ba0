//! A run's events in the order of their times.

use std::ops::Range;

use crate::read::run_log::Run;

/// With at most this many machines, the logs of the machines are merged: each step compares the first remaining event of every machine.
/// With more machines, it is faster to sort all events.
const FEW_MACHINES: usize = 16;

/// The indices of the events of `run` in the order of their times. Events of one machine that have the same time keep their order;
/// events of different machines that have the same time are in no particular order.
pub(crate) fn timeline(run: &Run<'_>) -> Vec<u32> {
    let times_ns = &run.events().system_time_ns[..];
    // `log` is the range of the indices of one machine's events.
    let is_in_order = run.logs().all(|log| times_ns[log].is_sorted());
    if is_in_order && run.machines() <= FEW_MACHINES {
        return merge(run, times_ns);
    }
    // The events in the order of the log: all events of machine 0, then all events of machine 1, and so on.
    let mut order: Vec<u32> = (0..run.len() as u32).collect();
    // A stable sort keeps the order of a machine's events that have the same time. It is also fast here, because each machine's events
    // are usually sorted already.
    order.sort_by_key(|&index| times_ns[index as usize]);
    order
}

/// Merges the events of all machines into one list. The events of each machine must be in the order of their times.
fn merge(run: &Run<'_>, times_ns: &[u64]) -> Vec<u32> {
    let mut order = Vec::with_capacity(run.len());
    // For each machine that has events left: the indices of these events, and the time of the first of them.
    let mut remaining: Vec<Range<usize>> = run.logs().filter(|log| log.start < log.end).collect();
    let mut next_ns: Vec<u64> = remaining.iter().map(|log| times_ns[log.start]).collect();
    while let Some(earliest) = index_of_least(&next_ns) {
        let log = &mut remaining[earliest];
        order.push(log.start as u32);
        log.start += 1;
        if log.start == log.end {
            remaining.remove(earliest);
            next_ns.remove(earliest);
        } else {
            next_ns[earliest] = times_ns[log.start];
        }
    }
    order
}

/// The index of the smallest number: the first one, if several are equal. `None` if there are no numbers.
fn index_of_least(numbers: &[u64]) -> Option<usize> {
    let mut numbers = numbers.iter().enumerate();
    let first = numbers.next()?;
    let least = numbers.fold(
        first,
        |least, other| if other.1 < least.1 { other } else { least },
    );
    Some(least.0)
}
