//! Corrects the times of imported runs that pass midnight, if the log has times of day without dates. After midnight, such times start
//! again at 0.
//!
//! A time is taken as a time of the next day if it is more than half a day earlier than the time of the machine's previous row. The first row of
//! a machine has no previous row: its time is compared with the time of the first row of the machine that starts last. A smaller step back does not come from midnight but
//! from rows in the wrong order, so it is not changed.

use super::rows::Row;
use super::time::DAY_NS;

/// Adds days to the time of `row` until it is at most half a day earlier than the time of `previous`, the machine's previous row. Returns
/// whether any day was added.
pub(super) fn add_days(row: &mut Row, previous: Option<&Row>) -> bool {
    let Some(previous) = previous else {
        return false;
    };
    let mut is_changed = false;
    while row.time_ns.saturating_add(DAY_NS / 2) < previous.time_ns {
        row.time_ns += DAY_NS;
        is_changed = true;
    }
    is_changed
}

/// If some machines of a run begin before midnight and others after midnight, adds a day to all times of the machines that begin after
/// midnight.
pub(super) fn join_machines(machines: &mut [Vec<Row>]) {
    let firsts = machines.iter().filter_map(|rows| rows.first());
    let latest_start_ns = firsts.map(|row| row.time_ns).max().unwrap_or(0);
    for rows in machines {
        let is_next_day = rows
            .first()
            .is_some_and(|row| row.time_ns.saturating_add(DAY_NS / 2) < latest_start_ns);
        if is_next_day {
            rows.iter_mut().for_each(|row| row.time_ns += DAY_NS);
        }
    }
}
