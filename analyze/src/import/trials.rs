//! Separates several trials (runs) that are in the same files, one after the other.

use std::collections::BTreeMap;

use super::header::plain;
use super::lines::Raw;
use super::numbers;
use super::report::Report;
use super::time::TimeFormat;
use crate::error::Error;

/// At the start of a trial, the clock falls to at most this value, and to less than half of the value before.
pub(super) const MAX_FIRST_CLOCK: u64 = 20;
/// A clock that falls from at least this value to 0 or 1 was reset. A program that counts wrongly does not make a clock fall like this.
const MIN_LAST_CLOCK: u64 = 20;
/// A new trial of a machine starts only if the trial before has at least this many rows of the machine.
const MIN_ROWS: usize = 3;
/// The pause between two trials is longer than this many times the median time between rows.
const LONG_PAUSE: u64 = 5;

/// The rows of one machine in one file.
struct MachineRows<'r> {
    raw: &'r Raw,
    /// The indices of the machine's rows. If the file has no column for the machine, these are all rows of the file.
    rows: Vec<usize>,
}

impl MachineRows<'_> {
    fn cell(&self, index: usize, column: &str) -> Option<&str> {
        self.raw.cell(&self.raw.rows[self.rows[index]], column)
    }

    /// The logical clock of each row. None if the cell is not a whole number.
    fn clocks(&self) -> Vec<Option<u64>> {
        let clock = |index| {
            let cell = self.cell(index, "logical_clock")?;
            numbers::parse_whole(cell, self.raw.decimal_mark).ok()
        };
        (0..self.rows.len()).map(clock).collect()
    }
}

/// The rows of each machine in each file.
fn rows_of_machines(raws: &[Raw]) -> Vec<MachineRows<'_>> {
    let mut found = vec![];
    for raw in raws {
        let mut rows_by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, row) in raw.rows.iter().enumerate() {
            let name = raw.cell(row, "machine").unwrap_or_default();
            rows_by_name.entry(name).or_default().push(index);
        }
        found.extend(
            rows_by_name
                .into_values()
                .map(|rows| MachineRows { raw, rows }),
        );
    }
    found
}

/// Makes each trial a run of its own, if all machines have the same number of trials and this number is more than one:
///
/// 1. A machine's trial starts at a row in which the clock falls to a small value, if the time also falls there or the row follows a long
///    pause.
/// 2. If rule 1 finds only one trial of each machine, or different numbers of trials of the machines, then a trial starts at each row in
///    which the clock falls to a small value, whatever the time does. This rule is used only if one of the clocks falls from a large value
///    to 1 or 0. Such a clock was certainly reset.
///
/// Nothing is split if a file has a column for the run, because this column separates the runs already.
///
/// `time` is the unit or the format of the times, if it was given or recognised.
///
/// # Errors
///
/// [`Error::Import`] if each machine has its own file, and a clock falls from a large value to 1 or 0, but the machines have different
/// numbers of trials, or only one trial each because the fall is within the first [`MIN_ROWS`] rows.
pub(super) fn split_trials(
    raws: Vec<Raw>,
    time: Option<&str>,
    report: &mut Report,
) -> Result<Vec<Raw>, Error> {
    if raws.iter().any(|raw| raw.has("run")) {
        return Ok(raws);
    }
    let machines = rows_of_machines(&raws);
    // For each machine, the indices, among its rows, of the rows at which its trials start.
    let starts_of_machines = |needs_pause: bool| -> Vec<Vec<usize>> {
        let starts = machines
            .iter()
            .map(|machine| trial_starts(machine, time, needs_pause));
        starts.collect()
    };
    let can_be_split = |starts: &[Vec<usize>]| {
        let trials = starts.first().map_or(0, Vec::len);
        trials > 1 && starts.iter().all(|starts| starts.len() == trials)
    };
    // Rule 1.
    let mut found = starts_of_machines(true);
    if !can_be_split(&found) {
        // Rule 2. Without a clock that was certainly reset, nothing is split.
        let Some((machine, index_of_reset)) = machines
            .iter()
            .find_map(|machine| Some((machine, find_reset(&machine.clocks())?)))
        else {
            return Ok(raws);
        };
        found = starts_of_machines(false);
        if !can_be_split(&found) {
            // In a table with the names of machines, the clock of a single machine can have been reset by an error. The audit reports it.
            return match machine.raw.has("machine") {
                true => Ok(raws),
                false => Err(unequal_resets(machine, index_of_reset)),
            };
        }
    }
    let trials = found.first().map_or(0, Vec::len);
    report.understood.assume(format!(
        "Clocks start again within the files, so the files are taken as {trials} runs."
    ));
    // For each file, the run of each row: the number of the machine's trials that have started up to this row.
    let mut runs: Vec<Vec<usize>> = raws.iter().map(|raw| vec![0; raw.rows.len()]).collect();
    for (machine, starts) in machines.iter().zip(&found) {
        let file = raws.iter().position(|raw| std::ptr::eq(raw, machine.raw));
        for (index, &row) in machine.rows.iter().enumerate() {
            let started = starts.partition_point(|&start| start <= index);
            runs[file.unwrap_or(0)][row] = started;
        }
    }
    let with_runs = |(raw, runs): (Raw, Vec<usize>)| raw.with_runs(|row| runs[row].to_string());
    Ok(raws.into_iter().zip(runs).map(with_runs).collect())
}

/// The error for a clock that starts again at the machine's row with this index, although the files cannot be split into trials.
fn unequal_resets(machine: &MachineRows<'_>, index: usize) -> Error {
    let clock = |index: usize| machine.cell(index, "logical_clock").unwrap_or_default();
    let problem = format!(
        "the logical clock falls from {} to {}, but the files cannot be split into trials: \
         the clock of each machine must fall equally often, with at least {MIN_ROWS} rows before each fall. If a file has several \
         trials, put the files of each trial into their own folder",
        clock(index - 1),
        clock(index)
    );
    let line = machine.raw.rows[machine.rows[index]].line;
    Error::import(&machine.raw.path, Some(line), problem)
}

/// Finds the index of the first row at which a clock falls from a large value to 1 or 0.
fn find_reset(clocks: &[Option<u64>]) -> Option<usize> {
    let is_reset = |pair: &[Option<u64>]| matches!(pair, [Some(before), Some(now)] if *before >= MIN_LAST_CLOCK && *now <= 1);
    Some(clocks.windows(2).position(is_reset)? + 1)
}

/// The indices of the rows at which the trials of a machine start: the first row, and each row at which the clock falls to a small value. If
/// `needs_pause` is true, the time must also fall there, or the row must follow a long pause.
fn trial_starts(machine: &MachineRows<'_>, time: Option<&str>, needs_pause: bool) -> Vec<usize> {
    let format = TimeFormat::from_first_cell(
        time,
        &plain(&machine.raw.time_title),
        machine.cell(0, "system_time").unwrap_or_default(),
    );
    let clocks = machine.clocks();
    let times: Vec<Option<u64>> = (0..machine.rows.len())
        .map(|index| {
            format.parse_ns(
                machine.cell(index, "system_time")?,
                machine.raw.decimal_mark,
            )
        })
        .collect();
    // How many nanoseconds pass from each row to the next. Rows at which the time falls are left out.
    let mut pauses: Vec<u64> = times
        .windows(2)
        .filter_map(|pair| pair[1]?.checked_sub(pair[0]?))
        .collect();
    pauses.sort_unstable();
    let median_pause = pauses.get(pauses.len() / 2).copied().unwrap_or(0);
    let mut starts = vec![0];
    for row in 1..clocks.len() {
        let is_clock_reset = matches!((clocks[row - 1], clocks[row]), (Some(before), Some(now))
            if now < before / 2 && now <= MAX_FIRST_CLOCK);
        let has_enough_rows = row - starts.last().copied().unwrap_or(0) >= MIN_ROWS;
        let is_time_reset_or_pause = matches!((times[row - 1], times[row]), (Some(before), Some(now))
            if now < before || now - before > LONG_PAUSE * median_pause);
        if is_clock_reset && has_enough_rows && (is_time_reset_or_pause || !needs_pause) {
            starts.push(row);
        }
    }
    starts
}
