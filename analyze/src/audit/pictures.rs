//! The command that draws a violation.

use std::path::Path;

use sim::console::{command_line, shell_word};
use sim::log::{Dataset, EventRow, JournalRow, parse_rows_in};

use super::checks::Check;
use super::tally::At;
use crate::execution::EventName;

/// Model seconds that are drawn before and after a violation.
const WITHIN_S: &str = "3";

/// The command that draws the event at `at` and marks it with the name of the check that failed. `None` if the violation is not in an
/// event, or if `analyze diagram` could not read the run.
pub(super) fn command(
    root: &Path,
    dataset: &Dataset,
    run: &JournalRow,
    (check, at): (Check, At),
) -> Option<String> {
    let At::Row(row) = at else {
        return None;
    };
    let is_only = |run: &JournalRow| {
        dataset
            .finished()
            .filter(|other| other.run == run.run)
            .count()
            == 1
    };
    let events = readable_events(dataset, run).filter(|_| is_only(run))?;
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

/// The events of a run, if all of them can be read.
fn readable_events(dataset: &Dataset, run: &JournalRow) -> Option<Vec<EventRow>> {
    // Damaged rows are violations of their own.
    let bytes = dataset.read_events(run).ok()?;
    let rows = parse_rows_in(&bytes, dataset.row_format(run));
    let events = rows.collect::<Result<Vec<_>, _>>().ok()?;
    let belongs = |event: &EventRow| event.run == run.run && event.machine < run.machines();
    (events.len() as u64 == run.events && events.iter().all(belongs)).then_some(events)
}
