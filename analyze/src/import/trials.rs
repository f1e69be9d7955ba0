//! Separates several trials (runs) that are in the same files, one after the other.

use super::header::plain;
use super::lines::Raw;
use super::numbers;
use super::report::Report;
use super::time::TimeFormat;
use crate::error::Error;

/// At the start of a trial, the clock falls to at most this value, and to less than half of the value before.
const MAX_FIRST_CLOCK: u64 = 20;
/// A clock that falls from at least this value to 0 or 1 was reset. A program that counts wrongly does not make a clock fall like this.
const MIN_LAST_CLOCK: u64 = 20;
/// In each file, a new trial starts only if the trial before has at least this many rows.
const MIN_ROWS: usize = 3;
/// The pause between two trials is longer than this many times the median time between rows.
const LONG_PAUSE: u64 = 5;

/// Makes each trial a run of its own, if all files have the same number of trials and this number is more than one:
///
/// 1. A trial starts at a row in which the clock falls to a small value, if the time also falls there or the row follows a long pause.
/// 2. If rule 1 finds only one trial in each file, or different numbers of trials in the files, then a trial starts at each row in which
///    the clock falls to a small value, whatever the time does. This rule is used only if one of the clocks falls from a large value to 1
///    or 0. Such a clock was certainly reset.
///
/// Nothing is split if a file has a column for the run, because this column separates the runs already. Nothing is split either if a file has
/// a column for the machine: a smaller clock in the next row can then be the clock of another machine.
///
/// `time` is the unit or the format of the times, if it was given or recognised.
///
/// # Errors
///
/// [`Error::Import`] if a clock falls from a large value to 1 or 0, but the files have different numbers of trials, or only one trial each
/// because the fall is within the first [`MIN_ROWS`] rows.
pub(super) fn split_trials(
    raws: Vec<Raw>,
    time: Option<&str>,
    report: &mut Report,
) -> Result<Vec<Raw>, Error> {
    if raws.iter().any(|raw| raw.has("run") || raw.has("machine")) {
        return Ok(raws);
    }
    // For each file, the indices of the rows at which its trials start.
    let starts_of_files = |needs_pause: bool| -> Vec<Vec<usize>> {
        let starts = raws.iter().map(|raw| trial_starts(raw, time, needs_pause));
        starts.collect()
    };
    let can_be_split = |starts: &[Vec<usize>]| {
        let trials = starts.first().map_or(0, Vec::len);
        trials > 1 && starts.iter().all(|starts| starts.len() == trials)
    };
    // Rule 1.
    let mut found = starts_of_files(true);
    if !can_be_split(&found) {
        // Rule 2. Without a clock that was certainly reset, nothing is split.
        let Some((raw, row_of_reset)) = raws
            .iter()
            .find_map(|raw| Some((raw, find_reset(&clocks(raw))?)))
        else {
            return Ok(raws);
        };
        found = starts_of_files(false);
        if !can_be_split(&found) {
            return Err(unequal_resets(raw, row_of_reset));
        }
    }
    report.understood.assume(format!(
        "Clocks start again within the files, so the files are taken as {} runs.",
        found.first().map_or(0, Vec::len)
    ));
    let with_runs = |(raw, starts): (Raw, Vec<usize>)| {
        // The run of a row is the number of trials that have started up to this row.
        let run = |row: usize| {
            let started = starts.iter().filter(|&&start| start <= row);
            started.count().to_string()
        };
        raw.with_runs(run)
    };
    Ok(raws.into_iter().zip(found).map(with_runs).collect())
}

/// The error for a clock that starts again at the row with index `row`, although the files cannot be split into trials.
fn unequal_resets(raw: &Raw, row: usize) -> Error {
    let clock = |row: usize| {
        raw.cell(&raw.rows[row], "logical_clock")
            .unwrap_or_default()
    };
    let problem = format!(
        "the logical clock falls from {} to {}, but the files cannot be split into trials: \
         each file must have the same number of such falls, and at least {MIN_ROWS} rows before each. If a file has several \
         trials, put the files of each trial into their own folder",
        clock(row - 1),
        clock(row)
    );
    Error::import(&raw.path, Some(raw.rows[row].line), problem)
}

/// The logical clock of each row. None if the cell is not a whole number.
fn clocks(raw: &Raw) -> Vec<Option<u64>> {
    let clock = |row| numbers::parse_whole(raw.cell(row, "logical_clock")?, raw.decimal_mark).ok();
    raw.rows.iter().map(clock).collect()
}

/// Finds the index of the first row at which a clock falls from a large value to 1 or 0.
fn find_reset(clocks: &[Option<u64>]) -> Option<usize> {
    let is_reset = |pair: &[Option<u64>]| matches!(pair, [Some(before), Some(now)] if *before >= MIN_LAST_CLOCK && *now <= 1);
    Some(clocks.windows(2).position(is_reset)? + 1)
}

/// The indices of the rows at which the trials of a file start: the first row, and each row at which the clock falls to a small value. If
/// `needs_pause` is true, the time must also fall there, or the row must follow a long pause.
fn trial_starts(raw: &Raw, time: Option<&str>, needs_pause: bool) -> Vec<usize> {
    let cell = |row: usize, column: &str| raw.cell(&raw.rows[row], column);
    let format = TimeFormat::from_first_cell(
        time,
        &plain(&raw.time_title),
        cell(0, "system_time").unwrap_or_default(),
    );
    let clocks = clocks(raw);
    let times: Vec<Option<u64>> = (0..raw.rows.len())
        .map(|row| format.parse_ns(cell(row, "system_time")?, raw.decimal_mark))
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
