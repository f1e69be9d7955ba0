//! How long an event is drawn by programs that show events as slices of time.

use crate::execution::Execution;

/// Nanoseconds from the event to the end of its slice: half the time between two ticks, but at most until the machine's next event.
/// An event has no length; without one it could not be seen.
pub(super) fn length_ns(execution: &Execution, index: usize) -> i64 {
    let event = &execution.events()[index];
    let period_ns = 1e9 / execution.rates[event.machine as usize].hertz();
    let half_ns = (period_ns / 2.0) as i64;
    match execution.next(index) {
        Some(next) => half_ns
            .min(execution.events()[next].time_ns - event.time_ns)
            .max(0),
        None => half_ns,
    }
}

/// Nanoseconds that are added to all times so that none is negative. It is 0 unless an imported log has events before its start.
pub(super) fn shift_ns(execution: &Execution) -> i64 {
    let times = execution.events().iter().map(|event| event.time_ns);
    -times.min().unwrap_or(0).min(0)
}
