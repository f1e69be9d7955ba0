//! Counts, for each event of a window (a part of a run), how many events of the window happened before it.

use crate::error::Error;
use crate::execution::Execution;
use crate::execution::causality::visit_with_vector_clocks;
use crate::execution::window::Window;

/// Calls `visit` for each event b of the window, in causal order. `visit` gets the index of b and a vector clock that counts only events of
/// the window: for each machine, how many of the machine's events in the window happened before b. Event b itself counts too. An event a
/// of the window counts even if the chain of messages from a to b leads through events outside the window.
///
/// # Errors
///
/// [`Error::Choice`] if the log contradicts itself, so that an event happened before itself; and any error of `visit`.
pub(super) fn visit<E: From<Error>>(
    execution: &Execution,
    window: &Window,
    mut visit: impl FnMut(usize, &[u32]) -> Result<(), E>,
) -> Result<(), E> {
    let counts = counts_in_window(execution, window);
    let mut window_clock = vec![0; execution.machines()];
    visit_with_vector_clocks(execution, |index, full_clock| {
        if !window.has(execution, index) {
            return Ok(());
        }
        for (machine, (in_window, in_run)) in window_clock.iter_mut().zip(full_clock).enumerate() {
            // A machine with n events has n + 1 entries in `counts`. So if the events of machine 2 begin at index 50 of the list of events,
            // its entries begin at index 50 + 2 of `counts`: one more for machine 0, and one more for machine 1.
            let start = execution.range_of(machine as u32).start + machine;
            *in_window = counts[start + *in_run as usize];
        }
        visit(index, &window_clock)
    })
}

/// For each machine, how many of its first 0, 1, 2, ... events are in the window. For example, a machine with three events, the last two of
/// them in the window, has the counts 0, 0, 1, 2. The list has the counts of machine 0 first, then those of machine 1, and so on.
fn counts_in_window(execution: &Execution, window: &Window) -> Vec<u32> {
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
