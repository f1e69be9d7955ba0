//! Lengths and times of events for programs, such as Perfetto, that draw each event as a slice: a bar on a time axis.

use crate::execution::Execution;

/// Length of an event's slice in nanoseconds. Events take no time in the model, but a slice of length 0 would be invisible. So a slice is
/// half as long as the time between two ticks, which leaves a gap before the next tick. If the machine's next event comes sooner, the slice
/// ends at that event. The next event can come sooner if a tick receives several messages, or if the event of this slice is late.
pub(super) fn length_ns(execution: &Execution, index: usize) -> i64 {
    let event = &execution.events()[index];
    let period_ns = 1e9 / execution.rates[event.machine as usize].hertz();
    let half_ns = (period_ns / 2.0) as i64;
    match execution.next(index) {
        Some(next) => half_ns
            .min(execution.events()[next].time_ns - event.time_ns)
            // In a faulty log, the next event may have an earlier time. (An import refuses such logs.)
            .max(0),
        None => half_ns,
    }
}

/// Nanoseconds that are added to all times so that no time is negative, because Perfetto's times have no sign. The result is above 0 only
/// for a faulty log that has events before the start of the run. (An imported run has no such events, because its first event is the start.)
pub(super) fn shift_ns(execution: &Execution) -> i64 {
    let times = execution.events().iter().map(|event| event.time_ns);
    let earliest_ns = times.min().unwrap_or(0);
    (-earliest_ns).max(0)
}
