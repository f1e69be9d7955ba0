//! Chooses the run that is shown: finds it by its number or key, or picks one that has much to show.

use std::cmp::Reverse;

use sim::log::JournalRow;

use crate::error::Error;
use crate::read::dataset::Dataset;

/// A picture cannot show all events of a run with more events than this. Such a run is picked only if all runs have more events than this.
const MAX_PREFERRED_EVENTS: u64 = 20_000;

/// Finds the finished run with this number or key.
///
/// # Errors
///
/// [`Error::NoSuchRun`] if the dataset has no such finished run.
pub fn find<'d>(dataset: &'d Dataset, name: &str) -> Result<&'d JournalRow, Error> {
    let number = name.parse::<u64>().ok();
    let is_named = |row: &&JournalRow| number == Some(row.run) || row.key == name;
    let found = dataset.finished().iter().find(is_named);
    // The whole message, for example: data/e has no finished run with number 9; its only finished run is 0
    found.ok_or_else(|| Error::NoSuchRun {
        path: dataset.root().to_owned(),
        conditions: match number {
            Some(number) => format!("number {number}; {}", describe_numbers(dataset)),
            None => format!("the key `{name}`; column key of runs.csv has the keys"),
        },
        values: String::new(),
    })
}

/// Says which numbers the finished runs have.
fn describe_numbers(dataset: &Dataset) -> String {
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

/// Picks a run that has much to show, and says why it was picked. `None` if the dataset has no finished run. These rules are applied in
/// this order, until one run is left. Each rule decides only among runs that are equal by the rules above it:
///
/// 1. Runs with at most 20,000 events are preferred.
/// 2. Runs with events are preferred to runs without events.
/// 3. Runs with the highest ratio of rates (fastest machine divided by slowest machine) are preferred, because messages pile up at the
///    slowest machine.
/// 4. Runs with the lowest probability of internal events are preferred, because they have the most messages.
/// 5. The run with the lowest number is picked.
pub fn pick(dataset: &Dataset) -> Option<(&JournalRow, String)> {
    let runs = dataset.finished();
    // The run with the largest rank is picked. The five parts of a rank are the five rules above. In a `Reverse`, the smaller value ranks
    // higher. `false` is smaller than `true`.
    let rank = |row: &&JournalRow| {
        // `ratio` is in thousandths, `internal` in millionths. They are integers, because `f64` does not implement `Ord`.
        let ratio = (rate_ratio(row) * 1e3) as u64;
        let internal = (mean_internal(row) * 1e6) as u64;
        (
            Reverse(row.events > MAX_PREFERRED_EVENTS),
            row.events > 0,
            ratio,
            Reverse(internal),
            Reverse(row.run),
        )
    };
    let row = runs.iter().max_by_key(rank)?;
    Some((row, reason(row, runs)))
}

/// Why [`pick`] chose `row` among `runs`, as words that can follow "because".
fn reason(row: &JournalRow, runs: &[JournalRow]) -> String {
    if runs.len() == 1 {
        return "it is the only finished run".to_owned();
    }
    let same_ratio = |other: &JournalRow| rate_ratio(other) == rate_ratio(row);
    let same_internal = |other: &JournalRow| mean_internal(other) == mean_internal(row);
    if runs
        .iter()
        .all(|other| same_ratio(other) && same_internal(other))
    {
        // `row` is not the first run if the first run has no events, or too many.
        let is_first = runs.first().is_some_and(|first| first.run == row.run);
        return format!(
            "it is {} of {} runs with the same ratio of rates",
            if is_first { "the first" } else { "one" },
            runs.len()
        );
    }
    let ratio = rate_ratio(row);
    let mut reason = match runs.iter().all(same_ratio) {
        true => "all runs have the same ratio of rates".to_owned(),
        // The ratios differ, and 1 is the lowest possible ratio. So other runs have higher ratios. Each of them was not picked for one of
        // three reasons: it has no events, it has more than MAX_PREFERRED_EVENTS events, or its ratio is higher by less than a thousandth
        // (`pick` ignores the digits after the third decimal).
        false if ratio == 1.0 => {
            "runs with a higher ratio of rates have no events, or very many".to_owned()
        }
        false => format!(
            "its fastest machine has {} times the rate of its slowest",
            crate::output::table::number(ratio, if ratio.fract() == 0.0 { 0 } else { 1 })
        ),
    };
    let has_least_internal = runs
        .iter()
        .all(|other| mean_internal(other) >= mean_internal(row));
    if has_least_internal && !runs.iter().all(same_internal) {
        reason += ", and no run has a smaller probability of internal events";
    }
    reason
}

/// The rate of the fastest machine divided by the rate of the slowest.
fn rate_ratio(row: &JournalRow) -> f64 {
    let rates = || row.configuration.rates.iter();
    match (rates().max(), rates().min()) {
        (Some(fastest), Some(slowest)) => fastest.hertz() / slowest.hertz(),
        _ => 1.0,
    }
}

/// The probability of internal events (parameter `internal`), as a mean over the machines.
fn mean_internal(row: &JournalRow) -> f64 {
    let internal = &row.configuration.internal;
    let machines = row.machines() as usize;
    let values = (0..machines).map(|machine| internal.at(machine).value());
    values.sum::<f64>() / machines.max(1) as f64
}
