//! Corrects times of day without dates in runs that pass midnight.

use super::rows::Row;
use super::time::DAY_NS;

/// Adds days to the time of `row` until it is less than half a day before the time of `before`, the machine's previous row.
/// Returns whether any day was added.
pub(super) fn add_days(row: &mut Row, before: Option<&Row>) -> bool {
    let Some(before) = before else {
        return false;
    };
    let mut is_changed = false;
    while row.time_ns.saturating_add(DAY_NS / 2) < before.time_ns {
        row.time_ns += DAY_NS;
        is_changed = true;
    }
    is_changed
}

/// Adds a day to all times of the machines that begin after midnight, if other machines of the run begin before midnight.
pub(super) fn join_machines(machines: &mut [Vec<Row>]) {
    let firsts = machines.iter().filter_map(|rows| rows.first());
    let latest = firsts.map(|row| row.time_ns).max().unwrap_or(0);
    for rows in machines {
        let is_next_day = rows
            .first()
            .is_some_and(|row| row.time_ns.saturating_add(DAY_NS / 2) < latest);
        if is_next_day {
            rows.iter_mut().for_each(|row| row.time_ns += DAY_NS);
        }
    }
}
