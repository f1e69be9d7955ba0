//! Below a violation, the audit prints a command (`analyze diagram ...`) that draws the violation. This module makes the command.

use std::path::Path;

use sim::console::{command_line, shell_word};
use sim::log::{Dataset, EventRow, JournalRow, parse_rows_in};

use super::checks::Check;
use super::tally::At;
use crate::execution::EventName;

/// The value of the option `--within`: how many model seconds are drawn before a violation, and after it.
const WITHIN_S: &str = "3";

/// Makes the command for a violation of `check` at the event `at`. The command draws this event, marked with the name of the
/// check, and the events around it. `None` if `at` is not an event but the run's row in the journal, or if the run's events cannot be read.
pub(super) fn diagram_command(
    root: &Path,
    dataset: &Dataset,
    run: &JournalRow,
    (check, at): (Check, At),
) -> Option<String> {
    let At::Row(row) = at else {
        return None;
    };
    let events = readable_events(dataset, run)?;
    // `row` is the event's index in the run.
    let event = events.get(usize::try_from(row).ok()?)?;
    let around = EventName {
        machine: event.machine,
        tick: event.logged.event.tick,
    };
    let options = command_line([
        "--run",
        &run.run.to_string(),
        "--around",
        &around.to_string(),
        "--within",
        WITHIN_S,
        "--mark",
        check.name(),
    ]);
    Some(format!("analyze diagram {} {options}", shell_word(root)))
}

/// Reads the events of a run. `None` if an event cannot be read, if an event names another run or a machine that does not exist, or if
/// there are not as many events as the journal says.
fn readable_events(dataset: &Dataset, run: &JournalRow) -> Option<Vec<EventRow>> {
    let bytes = dataset.read_events(run).ok()?;
    let rows = parse_rows_in(&bytes, dataset.row_format(run));
    let events = rows.collect::<Result<Vec<_>, _>>().ok()?;
    let is_of_run = |event: &EventRow| event.run == run.run && event.machine < run.machines();
    let is_readable = events.len() as u64 == run.events && events.iter().all(is_of_run);
    is_readable.then_some(events)
}
