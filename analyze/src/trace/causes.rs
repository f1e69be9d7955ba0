//! The causes of events within a window.

use crate::error::Error;
use crate::execution::Execution;
use crate::execution::causality::visit_with_vector_clocks;
use crate::execution::window::Window;

/// Calls `visit` for each event of the window in causal order, with a vector clock that counts only events of the window: for each
/// machine, how many of them happened before the event. The event itself counts. Causes outside the window still link events in it.
///
/// # Errors
///
/// [`Error::Choice`] if the events have no causal order, and any error of `visit`.
pub(super) fn visit<E: From<Error>>(
    execution: &Execution,
    window: &Window,
    mut visit: impl FnMut(usize, &[u32]) -> Result<(), E>,
) -> Result<(), E> {
    let before = counts(execution, window);
    let mut clock = vec![0; execution.machines()];
    visit_with_vector_clocks(execution, |index, full| {
        if !window.has(execution, index) {
            return Ok(());
        }
        for (machine, (own, full)) in clock.iter_mut().zip(full).enumerate() {
            let start = execution.range_of(machine as u32).start;
            *own = before[start + machine + *full as usize];
        }
        visit(index, &clock)
    })
}

/// For each machine, how many of its first 0, 1, 2, ... events are in the window; one machine after the other.
fn counts(execution: &Execution, window: &Window) -> Vec<u32> {
    let mut counts = Vec::with_capacity(execution.events().len() + execution.machines());
    for machine in 0..execution.machines() as u32 {
        let mut count = 0;
        counts.push(count);
        for index in execution.range_of(machine) {
            count += u32::from(window.has(execution, index));
            counts.push(count);
        }
    }
    counts
}
