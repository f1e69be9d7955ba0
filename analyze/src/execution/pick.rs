//! Finds a run by number or key, or picks a telling one.

use std::cmp::Reverse;

use sim::log::JournalRow;

use crate::error::Error;
use crate::read::dataset::Dataset;

/// A run with more events than this is not picked if there is a shorter one: its picture could not show all of it.
const MANY_EVENTS: u64 = 20_000;

/// Finds the finished run with this number or key.
///
/// # Errors
///
/// [`Error::NoSuchRun`] if the dataset has no such finished run.
pub fn find<'d>(dataset: &'d Dataset, name: &str) -> Result<&'d JournalRow, Error> {
    let number = name.parse::<u64>().ok();
    let is_named = |row: &&JournalRow| number == Some(row.run) || row.key == name;
    let found = dataset.finished().iter().find(is_named);
    found.ok_or_else(|| Error::NoSuchRun {
        path: dataset.root().to_owned(),
        conditions: match number {
            Some(number) => format!("number {number}; {}", numbers(dataset)),
            None => format!("the key `{name}`; column key of runs.csv has the keys"),
        },
        values: String::new(),
    })
}

/// Describes the numbers of the finished runs.
fn numbers(dataset: &Dataset) -> String {
    match dataset.finished() {
        [only] => format!("its only finished run is {}", only.run),
        [first, .., last] => format!(
            "its {} finished runs have numbers from {} to {}",
            dataset.finished().len(),
            first.run,
            last.run
        ),
        [] => "it has no finished run".to_owned(),
    }
}

/// Picks a run that has much to see, and says why it was picked: the one in which the fastest machine is fastest against the slowest, because
/// messages pile up there; of these the one with the fewest internal events, because it has the most messages; of these the first.
/// Runs with very many events come last.
pub fn pick(dataset: &Dataset) -> Option<(&JournalRow, String)> {
    let runs = dataset.finished();
    let key = |row: &&JournalRow| {
        let per_mille = (ratio(row) * 1e3) as u64;
        let internal = (mean_internal(row) * 1e6) as u64;
        (
            Reverse(row.events > MANY_EVENTS),
            row.events > 0,
            per_mille,
            Reverse(internal),
            Reverse(row.run),
        )
    };
    let row = runs.iter().max_by_key(key)?;
    Some((row, reason(row, runs)))
}

fn reason(row: &JournalRow, runs: &[JournalRow]) -> String {
    if runs.len() == 1 {
        return "it is the only finished run".to_owned();
    }
    let same_ratio = |other: &JournalRow| ratio(other) == ratio(row);
    let same_internal = |other: &JournalRow| mean_internal(other) == mean_internal(row);
    if runs
        .iter()
        .all(|other| same_ratio(other) && same_internal(other))
    {
        return format!("it is the first of {} runs with like rates", runs.len());
    }
    let ratio = ratio(row);
    let mut reason = match runs.iter().all(same_ratio) {
        true => "all runs have like rates".to_owned(),
        false if ratio == 1.0 => "it is short".to_owned(),
        false => format!(
            "its fastest machine has {} times the rate of its slowest",
            crate::output::table::number(ratio, if ratio.fract() == 0.0 { 0 } else { 1 })
        ),
    };
    if !runs.iter().all(same_internal) {
        reason += ", and few of its events are internal";
    }
    reason
}

/// The rate of the fastest machine divided by that of the slowest.
fn ratio(row: &JournalRow) -> f64 {
    let rates = || row.configuration.rates.iter();
    match (rates().max(), rates().min()) {
        (Some(most), Some(least)) => most.hertz() / least.hertz(),
        _ => 1.0,
    }
}

fn mean_internal(row: &JournalRow) -> f64 {
    let internal = &row.configuration.internal;
    let machines = row.machines() as usize;
    let each = (0..machines).map(|machine| internal.at(machine).value());
    each.sum::<f64>() / machines.max(1) as f64
}
