//! Separates several trials that follow one another in the same files.

use super::header::plain;
use super::lines::Raw;
use super::numbers;
use super::report::Report;
use super::time::Clock;

/// At the start of a trial, the clock falls to at most this value.
const MOST_FIRST_CLOCK: u64 = 20;
/// Least number of rows of a machine in a trial.
const LEAST_ROWS: usize = 3;
/// The pause between two trials is longer than this many times the median time between rows.
const LONG_PAUSE: u64 = 5;

/// Makes each trial a run, if clock and time start again in every file, and the same number of times in each. Time starts again
/// where it falls, or after a long pause. Nothing changes if a file has a `run` or a `machine` column.
pub(super) fn split(raws: Vec<Raw>, time: Option<&str>, report: &mut Report) -> Vec<Raw> {
    if raws.iter().any(|raw| raw.has("run") || raw.has("machine")) {
        return raws;
    }
    let starts: Vec<Vec<usize>> = raws.iter().map(|raw| starts(raw, time)).collect();
    let trials = starts.first().map_or(0, Vec::len);
    if trials < 2 || starts.iter().any(|starts| starts.len() != trials) {
        return raws;
    }
    report.understood.assume(format!(
        "Clock and time start again within the files: they are taken as {trials} runs."
    ));
    let with_runs = |(raw, starts): (Raw, Vec<usize>)| {
        let run = |row: usize| {
            let begun = starts.iter().filter(|&&start| start <= row);
            begun.count().to_string()
        };
        raw.with_runs(run)
    };
    raws.into_iter().zip(starts).map(with_runs).collect()
}

/// The rows at which a trial begins: the first, and those at which clock and time start again.
fn starts(raw: &Raw, time: Option<&str>) -> Vec<usize> {
    let cell = |row: usize, column: &str| raw.cell(&raw.rows[row], column);
    let format = Clock::from_first_cell(
        time,
        &plain(&raw.time_title),
        cell(0, "system_time").unwrap_or_default(),
    );
    let rows = 0..raw.rows.len();
    let clocks: Vec<Option<u64>> = rows
        .clone()
        .map(|row| numbers::whole(cell(row, "logical_clock")?, raw.mark).ok())
        .collect();
    let times: Vec<Option<u64>> = rows
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
        let time_starts = matches!((times[row - 1], times[row]), (Some(before), Some(now))
            if now < before || now - before > LONG_PAUSE * usual_pause);
        if clock_starts && is_long && time_starts {
            starts.push(row);
        }
    }
    starts
}
