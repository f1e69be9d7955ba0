//! Corrects times that start again. Times of day without dates start again at midnight. Dates without a year start again at the end of
//! the year. Here a *period* is the time after which times start again: a day or a year.
//!
//! If a row's time is more than half a period earlier than that of the machine's previous row, the times have started again between the
//! two rows, and a period is added to the row's time. A row that is earlier by at most half a period is in the wrong order. Its time is
//! not changed, and the import refuses the log.
//!
//! The first row of a machine has no previous row. So the machines of a run are compared: a period is added to all rows of the machines
//! that begin first if the run becomes shorter in this way. For example, machine 0 has rows from 23:58 to 23:59, and machine 1 from 00:01
//! to 00:02. Within one day, the run would take almost 24 hours. If machine 1 began on the next day, the run took 4 minutes.

use super::rows::Row;

/// While the time of `row` is more than half a period earlier than the time of `previous`, adds a period to the time of `row`. `previous`
/// is the machine's previous row, whose time is already corrected. Returns whether any period was added.
pub(super) fn add_periods(row: &mut Row, previous: Option<&Row>, period_ns: u64) -> bool {
    let Some(previous) = previous else {
        return false;
    };
    let mut is_changed = false;
    while row.time_ns.saturating_add(period_ns / 2) < previous.time_ns {
        row.time_ns = row.time_ns.saturating_add(period_ns).min(i64::MAX as u64);
        is_changed = true;
    }
    is_changed
}

/// Adds a period to all times of some machines if the run becomes shorter in this way: of those machines that began after the times had
/// started again. Call this after [`add_periods`]. Returns whether any period was added.
pub(super) fn join_machines(machines: &mut [Vec<Row>], period_ns: u64) -> bool {
    // For each machine with rows, the times of its first and last row, sorted by the first.
    let ends = machines
        .iter()
        .filter_map(|rows| Some((rows.first()?.time_ns, rows.last()?.time_ns)));
    let mut ends: Vec<(u64, u64)> = ends.collect();
    ends.sort_unstable();
    // Length of the run if a period is added to the machines before `index`.
    let length_ns = |index: usize| {
        let (moved, others) = ends.split_at(index);
        let moved = moved
            .iter()
            .map(|&(first, last)| (first + period_ns, last + period_ns));
        let all = moved.chain(others.iter().copied());
        let firsts = all.clone().map(|(first, _)| first);
        let lasts = all.map(|(_, last)| last);
        lasts.max().unwrap_or(0) - firsts.min().unwrap_or(0)
    };
    // If several lengths are equally short, the smallest index is chosen.
    let Some(index) = (0..ends.len()).min_by_key(|&index| length_ns(index)) else {
        return false;
    };
    let first_not_moved = ends[index].0;
    let mut is_changed = false;
    for rows in machines {
        if rows
            .first()
            .is_some_and(|row| row.time_ns < first_not_moved)
        {
            rows.iter_mut().for_each(|row| row.time_ns += period_ns);
            is_changed = true;
        }
    }
    is_changed
}
