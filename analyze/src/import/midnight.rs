//! Corrects the times of imported runs that pass midnight, if the log has times of day without dates. After midnight, such times start
//! again at 0.
//!
//! If a row's time of day is more than half a day earlier than that of the machine's previous row, midnight lies between the two rows, and
//! the row is moved to the next day. A row that is earlier by at most half a day is in the wrong order. Its time is not changed, and the
//! import refuses the log.
//!
//! The first row of a machine has no previous row. So it is compared with the first rows of the other machines. If it is more than half a
//! day earlier than the latest of them, the machine began after midnight, and all its rows are moved to the next day. For example, if
//! machine 0 begins at 23:59 and machine 1 at 00:01, the rows of machine 1 are moved. First rows are compared only if midnight lies between
//! two rows of at least one machine. Otherwise the import assumes that the whole run lies within one day.

use super::rows::Row;
use super::time::DAY_NS;

/// While the time of `row` is more than half a day earlier than the time of `previous`, adds a day to the time of `row`. `previous` is the
/// machine's previous row, whose time is already corrected. Returns whether any day was added.
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
