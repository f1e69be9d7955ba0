//! Counts over the rows of a dataset's journals. A journal is a file `runs.csv`, with one row for each attempt to make a run. Rows are read
//! one by one, so each run needs only a few bytes of memory.
//!
//! The plan of a dataset can become smaller, for example if the number of repetitions is reduced. Then a journal still has rows of runs that
//! the plan no longer has. A run is *still planned* if the current plan has it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::journal_row::{JournalRow, Outcome};

/// The counts so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The state of each attempted run. The keys are the runs' numbers.
    runs: HashMap<u64, RunState>,
    /// Number of rows in the journal of each part (shard) of the dataset.
    rows: Vec<u64>,
    /// Number of attempted runs in each part that are still planned.
    attempted_by_part: Vec<u64>,
    /// The reasons of failures. Each different reason occurs once.
    reasons: Vec<String>,
    /// The index of each reason in `reasons`.
    reason_indices: HashMap<String, u32>,
    /// For each finished run, the 99th percentile of lateness (how late its events were), in wall microseconds.
    lateness_p99_us: Vec<f64>,
    /// Number of attempted runs that are still planned.
    pub(crate) attempted: u64,
    /// Number of runs that are still planned and have finished.
    pub(crate) done: u64,
    /// Number of finished runs that are not planned any more.
    pub(crate) no_longer_planned: u64,
    /// Number of finished runs that were punctual.
    pub(crate) punctual: u64,
    /// Number of finished runs whose margin is not 0. Over TCP, only these runs can be punctual.
    pub(crate) with_margin: u64,
    /// Number of finished runs that were as scheduled: all their messages arrived as in the schedule.
    pub(crate) as_scheduled: u64,
    /// Number of events of all finished runs.
    pub(crate) events: u64,
    /// The greatest lateness in all finished runs, in wall microseconds.
    pub(crate) lateness_max_us: f64,
    /// Number of connections, in all attempts, that were rejected because they did not come from a machine of the run.
    pub(crate) rejected_connections: u64,
}

/// What a row of the journal changes in the state of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The run was attempted for the first time, and ended with this outcome.
    First(Outcome),
    /// The run had failed, and is now finished.
    Repaired,
    /// The run had failed, and has failed again.
    FailedAgain,
    /// Nothing: the run had already finished.
    Nothing,
}

/// The state of a run after its attempts so far.
#[derive(Clone, Copy, Debug)]
enum RunState {
    Finished,
    /// The run failed. The value is the index of the reason. It is `None` if the run is not planned any more, because the reasons of such
    /// runs are not reported.
    Failed(Option<u32>),
}

impl Tally {
    /// Counts a row. `is_planned` says whether its run is still planned. If a run was attempted several times, its first successful
    /// attempt counts. If no attempt was successful, its last attempt counts. Returns what the row changes.
    pub(crate) fn take(&mut self, row: &JournalRow, is_planned: bool) -> Change {
        if self.rows.len() <= row.part {
            self.rows.resize(row.part + 1, 0);
            self.attempted_by_part.resize(row.part + 1, 0);
        }
        self.rows[row.part] += 1;
        self.rejected_connections += u64::from(row.rejected_connections);
        let state = if row.is_ok() {
            RunState::Finished
        } else {
            RunState::Failed(is_planned.then(|| self.reason_index(&row.reason)))
        };
        let change = match self.runs.entry(row.run) {
            Entry::Vacant(entry) => {
                entry.insert(state);
                self.attempted += u64::from(is_planned);
                self.attempted_by_part[row.part] += u64::from(is_planned);
                Change::First(row.outcome)
            }
            Entry::Occupied(entry) if matches!(entry.get(), RunState::Finished) => {
                return Change::Nothing;
            }
            Entry::Occupied(mut entry) => {
                *entry.get_mut() = state;
                match row.outcome {
                    Outcome::Ok => Change::Repaired,
                    Outcome::Failed => Change::FailedAgain,
                }
            }
        };
        if row.is_ok() {
            self.done += u64::from(is_planned);
            self.no_longer_planned += u64::from(!is_planned);
            self.punctual += u64::from(row.punctual);
            self.with_margin += u64::from(row.margin_us > 0.0);
            self.as_scheduled += u64::from(row.as_scheduled);
            self.events += row.events;
            self.lateness_max_us = self.lateness_max_us.max(row.lateness_max_us);
            self.lateness_p99_us.push(row.lateness_p99_us);
        }
        change
    }

    /// Returns the index of a reason in `reasons`. Adds the reason if it is new.
    fn reason_index(&mut self, reason: &str) -> u32 {
        if let Some(&index) = self.reason_indices.get(reason) {
            return index;
        }
        let index = self.reasons.len() as u32;
        self.reasons.push(reason.to_owned());
        self.reason_indices.insert(reason.to_owned(), index);
        index
    }

    /// Returns the number of rows in the journal of part `part`.
    pub(crate) fn rows_of(&self, part: usize) -> u64 {
        self.rows.get(part).copied().unwrap_or(0)
    }

    /// Returns the number of attempted runs in part `part` that are still planned.
    pub(crate) fn attempted_in(&self, part: usize) -> u64 {
        self.attempted_by_part.get(part).copied().unwrap_or(0)
    }

    /// Returns the number of planned runs that failed in every attempt.
    pub(crate) fn failed(&self) -> u64 {
        // `attempted` and `done` count only planned runs. A run that was attempted and is not done has failed.
        self.attempted - self.done
    }

    /// Returns why planned runs failed in their last attempts: each reason with its number of runs, in the order in which the reasons first
    /// occurred.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut counts = vec![0; self.reasons.len()];
        for state in self.runs.values() {
            if let RunState::Failed(Some(index)) = state {
                counts[*index as usize] += 1;
            }
        }
        let reasons = self.reasons.iter().map(String::as_str);
        // A reason has no runs any more if each of its runs was repaired, or failed again for another reason.
        reasons.zip(counts).filter(|&(_, runs)| runs > 0)
    }

    /// Returns the median of `lateness_p99_us`. For an even number of values, the result is the larger one of the two middle values. 0 if
    /// no run has finished.
    pub(crate) fn median_lateness_p99_us(&mut self) -> f64 {
        let middle = self.lateness_p99_us.len() / 2;
        if self.lateness_p99_us.is_empty() {
            return 0.0;
        }
        let (_, median, _) = self
            .lateness_p99_us
            .select_nth_unstable_by(middle, f64::total_cmp);
        *median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_once_in_its_part_and_only_if_it_is_still_planned() {
        let row = |run: u64| JournalRow {
            run,
            part: 1,
            outcome: Outcome::Failed,
            ..JournalRow::default()
        };
        let mut tally = Tally::default();
        // Run 7 fails twice. Run 9 is not planned any more.
        for (run, is_planned) in [(7, true), (7, true), (9, false)] {
            tally.take(&row(run), is_planned);
        }
        assert_eq!((tally.rows_of(1), tally.attempted_in(1)), (3, 1));
        assert_eq!((tally.rows_of(0), tally.attempted_in(0)), (0, 0));
    }
}
