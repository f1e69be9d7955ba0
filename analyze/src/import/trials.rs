//! Separates several trials (runs) that are in the same files, one after the other.

use super::header::plain;
use super::lines::Raw;
use super::numbers;
use super::report::Report;
use super::time::TimeFormat;
use crate::error::Error;

/// At the start of a trial, the clock falls to at most this value.
const MOST_FIRST_CLOCK: u64 = 20;
/// A clock that falls from at least this value to 0 or 1 was reset. A counting error of a program does not do this.
const LEAST_LAST_CLOCK: u64 = 20;
/// Minimum number of rows of a machine in a trial.
const LEAST_ROWS: usize = 3;
/// The pause between two trials is longer than this many times the median time between rows.
const LONG_PAUSE: u64 = 5;

/// Makes each trial a run of its own, if the clock starts again in every file, and equally often in all files. When a trial
/// starts, the time must also start again, or there must be a long pause. The pause is not needed if the clock falls to 1 or 0.
/// Rows that already have a run do not change.
///
/// # Errors
///
/// [`Error::Import`] if a clock falls to 1 or 0, but not equally often in all files.
pub(super) fn split_trials(
    raws: Vec<Raw>,
    time: Option<&str>,
    report: &mut Report,
) -> Result<Vec<Raw>, Error> {
    if raws.iter().any(|raw| raw.has("run") || raw.has("machine")) {
        return Ok(raws);
    }
    let starts = |needs_pause: bool| -> Vec<Vec<usize>> {
        let starts = raws.iter().map(|raw| starts(raw, time, needs_pause));
        starts.collect()
    };
    let are_equal = |starts: &[Vec<usize>]| {
        let trials = starts.first().map_or(0, Vec::len);
        trials > 1 && starts.iter().all(|starts| starts.len() == trials)
    };
    let mut found = starts(true);
    if !are_equal(&found) {
        let Some((raw, row)) = raws
            .iter()
            .find_map(|raw| Some((raw, falls_to_one(&clocks(raw))?)))
        else {
            return Ok(raws);
        };
        found = starts(false);
        if !are_equal(&found) {
            return Err(set_back(raw, row));
        }
    }
    report.understood.assume(format!(
        "Clock and time start again within the files, so the files are taken as {} runs.",
        found.first().map_or(0, Vec::len)
    ));
    let with_runs = |(raw, starts): (Raw, Vec<usize>)| {
        let run = |row: usize| {
            let begun = starts.iter().filter(|&&start| start <= row);
            begun.count().to_string()
        };
        raw.with_runs(run)
    };
    Ok(raws.into_iter().zip(found).map(with_runs).collect())
}

/// The error for a clock that starts again at a row, while the clocks in other files do not.
fn set_back(raw: &Raw, row: usize) -> Error {
    let clock = |row: usize| {
        raw.cell(&raw.rows[row], "logical_clock")
            .unwrap_or_default()
    };
    let problem = format!(
        "the logical clock falls from {} to {}, but not all files have such a fall. If a file has several \
         trials, put the files of each trial into their own folder",
        clock(row - 1),
        clock(row)
    );
    Error::import(&raw.path, Some(raw.rows[row].line), problem)
}

fn clocks(raw: &Raw) -> Vec<Option<u64>> {
    let clock = |row| numbers::parse_whole(raw.cell(row, "logical_clock")?, raw.mark).ok();
    raw.rows.iter().map(clock).collect()
}

/// The first row at which a clock falls from a large value to 1 or 0.
fn falls_to_one(clocks: &[Option<u64>]) -> Option<usize> {
    let falls = |pair: &[Option<u64>]| matches!(pair, [Some(before), Some(now)] if *before >= LEAST_LAST_CLOCK && *now <= 1);
    Some(clocks.windows(2).position(falls)? + 1)
}

/// The rows at which a trial begins: the first row, and each row at which the clock starts again. If `needs_pause` is true, the
/// time must also start again or pause there.
fn starts(raw: &Raw, time: Option<&str>, needs_pause: bool) -> Vec<usize> {
    let cell = |row: usize, column: &str| raw.cell(&raw.rows[row], column);
    let format = TimeFormat::from_first_cell(
        time,
        &plain(&raw.time_title),
        cell(0, "system_time").unwrap_or_default(),
    );
    let clocks = clocks(raw);
    let times: Vec<Option<u64>> = (0..raw.rows.len())
        .map(|row| format.ns(cell(row, "system_time")?, raw.mark))
        .collect();
    let mut pauses: Vec<u64> = times
        .windows(2)
        .filter_map(|pair| pair[1]?.checked_sub(pair[0]?))
        .collect();
    pauses.sort_unstable();
    let usual_pause = pauses.get(pauses.len() / 2).copied().unwrap_or(0);
    let mut starts = vec![0];
    for row in 1..clocks.len() {
        let clock_starts = matches!((clocks[row - 1], clocks[row]), (Some(before), Some(now))
            if now < before / 2 && now <= MOST_FIRST_CLOCK);
        let is_long = row - starts.last().copied().unwrap_or(0) >= LEAST_ROWS;
        let time_starts = !needs_pause
            || matches!((times[row - 1], times[row]), (Some(before), Some(now))
            if now < before || now - before > LONG_PAUSE * usual_pause);
        if clock_starts && is_long && time_starts {
            starts.push(row);
        }
    }
    starts
}
