//! Several trials, one behind the other in the same files.

use super::header::plain;
use super::lines::Raw;
use super::numbers;
use super::report::Report;
use super::time::Clock;

/// A trial begins where the clock falls to at most this.
const MOST_FIRST_CLOCK: u64 = 20;
/// A trial has at least so many rows of a machine.
const LEAST_ROWS: usize = 3;
/// Between two trials is more time than so many times that between most rows.
const LONG_PAUSE: u64 = 5;

/// Gives the rows of each trial a run of their own, if clock and time start again in every file, equally often: the time falls, or
/// makes a long pause. Rows that have a run stay as they are.
pub(super) fn part(raws: Vec<Raw>, time: Option<&str>, report: &mut Report) -> Vec<Raw> {
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
