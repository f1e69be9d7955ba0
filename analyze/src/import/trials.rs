//! Several trials, one behind the other in the same files.

use super::lines::Raw;
use super::numbers;
use super::report::Report;

/// A trial begins where the clock falls to at most this.
const MOST_FIRST_CLOCK: u64 = 20;
/// A trial has at least so many rows of a machine.
const LEAST_ROWS: usize = 3;

/// Gives the rows of each trial a run of their own, if clock and time start again in every file, equally often. Rows that have a run
/// stay as they are.
pub(super) fn part(raws: Vec<Raw>, report: &mut Report) -> Vec<Raw> {
    let starts: Vec<Vec<usize>> = raws.iter().map(starts).collect();
    let trials = starts.first().map_or(0, Vec::len);
    let is_several = trials > 1 && starts.iter().all(|starts| starts.len() == trials);
    if !is_several || raws.iter().any(|raw| raw.has("run") || raw.has("machine")) {
        return raws;
    }
    report.understood.assume(format!(
        "Clock and time start again within the files: they are taken as {trials} runs."
    ));
    let with_runs = |(raw, starts): (Raw, Vec<usize>)| {
        let run = |row: usize| {
            starts
                .iter()
                .filter(|&&start| start <= row)
                .count()
                .to_string()
        };
        raw.with_runs(run)
    };
    raws.into_iter().zip(starts).map(with_runs).collect()
}

/// The rows at which a trial begins: the first, and those at which clock and time start again.
fn starts(raw: &Raw) -> Vec<usize> {
    let clock = |row: usize| {
        let cell = raw.cell(&raw.rows[row], "logical_clock")?;
        numbers::whole(cell, raw.mark).ok()
    };
    let time = |row: usize| raw.cell(&raw.rows[row], "system_time");
    let mut starts = vec![0];
    for row in 1..raw.rows.len() {
        let clock_starts = matches!((clock(row - 1), clock(row)), (Some(before), Some(now))
            if now < before / 2 && now <= MOST_FIRST_CLOCK);
        let is_long = row - starts.last().copied().unwrap_or(0) >= LEAST_ROWS;
        if clock_starts && is_long && is_new_time(time(row - 1), time(row), raw) {
            starts.push(row);
        }
    }
    starts
}

/// Whether a time is that of a new trial: a number smaller than the one before, or a time of another second than the one before.
fn is_new_time(before: Option<&str>, now: Option<&str>, raw: &Raw) -> bool {
    let (Some(before), Some(now)) = (before, now) else {
        return false;
    };
    let number = |cell: &str| numbers::times_ten_to(cell, 6, raw.mark).ok();
    match (number(before), number(now)) {
        (Some(before), Some(now)) => now < before,
        _ => false,
    }
}
