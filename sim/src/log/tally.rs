//! Counts over the rows of a dataset's journals, taken one by one: a few bytes of memory for each run, however long its row.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::journal_row::JournalRow;

/// The counts so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How each attempted run stands, by its number.
    runs: HashMap<u64, Standing>,
    /// Rows of each part's journal.
    rows: Vec<u64>,
    reasons: Vec<String>,
    reason_numbers: HashMap<String, u32>,
    lateness_p99_us: Vec<f64>,
    /// Attempted runs that are planned: their repetition still is.
    pub(super) planned: u64,
    /// Of these, finished.
    pub(super) done: u64,
    /// Finished runs that an earlier, larger plan had.
    pub(super) no_longer_planned: u64,
    /// Of all finished runs, punctual.
    pub(super) punctual: u64,
    /// Of them, in order.
    pub(super) as_scheduled: u64,
    /// Their events.
    pub(super) events: u64,
    /// The greatest lateness of them, in wall microseconds.
    pub(super) lateness_max_us: f64,
    /// Connections turned away in all attempts.
    pub(super) rejected_connections: u64,
}

/// How a run stands after the attempts so far.
#[derive(Clone, Copy, Debug)]
enum Standing {
    Finished,
    /// It failed for the reason of this number; none if it is not planned any more.
    Failed(Option<u32>),
}

impl Tally {
    /// Takes a row, where `repetitions` of each configuration are planned. Of a run attempted more than once, the first attempt that
    /// finished counts, or else the last.
    pub(super) fn take(&mut self, row: &JournalRow, repetitions: u32) {
        if self.rows.len() <= row.part {
            self.rows.resize(row.part + 1, 0);
        }
        self.rows[row.part] += 1;
        self.rejected_connections += u64::from(row.rejected_connections);
        let is_planned = row.repetition < repetitions;
        let standing = if row.is_ok() {
            Standing::Finished
        } else {
            Standing::Failed(is_planned.then(|| self.reason_number(&row.reason)))
        };
        match self.runs.entry(row.run) {
            Entry::Vacant(entry) => {
                entry.insert(standing);
                self.planned += u64::from(is_planned);
            }
            Entry::Occupied(entry) if matches!(entry.get(), Standing::Finished) => return,
            Entry::Occupied(mut entry) => *entry.get_mut() = standing,
        }
        if row.is_ok() {
            self.done += u64::from(is_planned);
            self.no_longer_planned += u64::from(!is_planned);
            self.punctual += u64::from(row.punctual);
            self.as_scheduled += u64::from(row.as_scheduled);
            self.events += row.events;
            self.lateness_max_us = self.lateness_max_us.max(row.lateness_max_us);
            self.lateness_p99_us.push(row.lateness_p99_us);
        }
    }

    fn reason_number(&mut self, reason: &str) -> u32 {
        if let Some(&number) = self.reason_numbers.get(reason) {
            return number;
        }
        let number = self.reasons.len() as u32;
        self.reasons.push(reason.to_owned());
        self.reason_numbers.insert(reason.to_owned(), number);
        number
    }

    /// Rows of the journal of part `part`.
    pub(super) fn rows_of(&self, part: usize) -> u64 {
        self.rows.get(part).copied().unwrap_or(0)
    }

    /// Planned runs that failed in every attempt.
    pub(super) fn failed(&self) -> u64 {
        self.planned - self.done
    }

    /// Why these failed in their last attempt, and how many, in no order.
    pub(super) fn reasons(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut counts = vec![0; self.reasons.len()];
        for standing in self.runs.values() {
            if let Standing::Failed(Some(number)) = standing {
                counts[*number as usize] += 1;
            }
        }
        let reasons = self.reasons.iter().map(String::as_str);
        reasons.zip(counts).filter(|&(_, runs)| runs > 0)
    }

    /// The upper median over the finished runs of their 99th percentile of lateness, in wall microseconds; 0 if none has finished.
    pub(super) fn median_lateness_p99_us(&mut self) -> f64 {
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
