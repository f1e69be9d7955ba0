//! The audit finds a change of any single cell in the event log of a run in virtual time. The recipients of sends are not tested.

use proptest::prelude::*;
use sim::log::{EVENT_COLUMNS, EndedRun};

use super::setups::{EVENT, audit};
use crate::fixture;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_changed_cell_is_found(
        rates in prop::sample::select(vec!["[1, 6]", "[1, 3, 6]", "[2, 7, 3, 5, 1]"]),
        phase in prop::sample::select(vec!["spread", "uniform", "aligned"]),
        delay_s in prop::sample::select(vec!["0", "0.15"]),
        column in 0..EVENT_COLUMNS.len(),
        row in any::<prop::sample::Index>(),
        // Whether a number is raised by 1. Otherwise it is lowered by 1, except 0, which is always raised.
        raises in any::<bool>(),
    ) {
        let text = format!(
            "seed = 7\nduration_s = 20\nengine = \"virtual\"\n[parameters]\nrates = [{rates}]\ninternal = 0.6\n\
             phase = \"{phase}\"\ndelay_s = {delay_s}"
        );
        let folder = tempfile::tempdir().unwrap();
        let mut changed = None;
        fixture::altered(folder.path(), &text, |runs| changed = change(&mut runs[0], row, column, raises));
        prop_assume!(changed.is_some());
        let audit = audit(folder.path());
        let (before, after) = changed.unwrap();
        prop_assert!(!audit.is_clean(), "{before} became {after}");
    }
}

/// Changes a cell of a row. Returns the row before and after the change. If the cell has the recipients of a send, changes nothing and
/// returns `None`.
fn change(
    run: &mut EndedRun,
    row: prop::sample::Index,
    column: usize,
    raises: bool,
) -> Option<(String, String)> {
    let text = String::from_utf8(run.events.clone()).unwrap();
    let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
    let index = row.index(rows.len());
    let before = rows[index].clone();
    let mut cells: Vec<String> = before.split(',').map(str::to_owned).collect();
    let is_send = cells[EVENT] == "send";
    cells[column] = match (EVENT_COLUMNS[column], cells[column].parse::<u64>()) {
        // The audit cannot always find a changed recipient: if the message is still under way at the end of the run, no other row shows
        // who its recipient is.
        ("peers", _) if is_send => return None,
        (_, Ok(number)) if raises || number == 0 => (number + 1).to_string(),
        (_, Ok(number)) => (number - 1).to_string(),
        ("event", _) => (if is_send { "receive" } else { "send" }).to_owned(),
        // The cell is empty, and must be empty in an event of this kind.
        _ => "1".to_owned(),
    };
    rows[index] = cells.join(",");
    let after = rows[index].clone();
    run.events = (rows.join("\n") + "\n").into_bytes();
    Some((before, after))
}
