//! How far a dataset has come, from its journal alone.

use std::collections::BTreeMap;

use super::{Dataset, JournalRow};

/// Where the runs of a plan stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Runs planned.
    pub planned: u64,
    /// Of these, finished: they count.
    pub ok: u64,
    /// Of these, failed in every attempt so far.
    pub failed: u64,
    /// Of these, not attempted yet.
    pub to_do: u64,
    /// Of the finished ones, punctual.
    pub punctual: u64,
    /// Of the finished ones, in order: event for event those of their seed.
    pub in_order: u64,
    /// Median over the finished runs of their 99th percentile of lateness, in wall microseconds.
    pub lateness_p99_us: f64,
    /// The greatest lateness of any tick of a finished run, in wall microseconds.
    pub lateness_max_us: f64,
    /// Connections turned away in all attempts.
    pub strangers: u64,
    /// Why runs failed, the most frequent reason first, with how many.
    pub reasons: Vec<(String, u64)>,
}

impl Status {
    /// The status of `dataset`.
    pub fn of(dataset: &Dataset) -> Self {
        // Of a run attempted more than once, the attempt that finished, or else the last.
        let mut runs: BTreeMap<u64, &JournalRow> = BTreeMap::new();
        for row in dataset.attempted() {
            let kept = runs.entry(row.run).or_insert(row);
            if !kept.is_ok() {
                *kept = row;
            }
        }
        let (ok, failed): (Vec<&JournalRow>, Vec<&JournalRow>) =
            runs.values().partition(|row| row.is_ok());
        let mut lateness_p99_us: Vec<f64> = ok.iter().map(|row| row.lateness_p99_us).collect();
        lateness_p99_us.sort_by(f64::total_cmp);
        let planned = dataset.manifest().experiment.runs;
        Self {
            planned,
            ok: ok.len() as u64,
            failed: failed.len() as u64,
            to_do: planned.saturating_sub(runs.len() as u64),
            punctual: ok.iter().filter(|row| row.punctual).count() as u64,
            in_order: ok.iter().filter(|row| row.in_order).count() as u64,
            lateness_p99_us: lateness_p99_us
                .get(lateness_p99_us.len() / 2)
                .copied()
                .unwrap_or(0.0),
            lateness_max_us: ok.iter().map(|row| row.lateness_max_us).fold(0.0, f64::max),
            strangers: dataset
                .attempted()
                .iter()
                .map(|row| u64::from(row.strangers))
                .sum(),
            reasons: most_frequent(failed.iter().map(|row| row.reason.as_str())),
        }
    }
}

fn most_frequent<'a>(reasons: impl Iterator<Item = &'a str>) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    reasons.for_each(|reason| *counts.entry(reason).or_default() += 1);
    let mut counts: Vec<(String, u64)> = counts
        .into_iter()
        .map(|(reason, count)| (reason.to_owned(), count))
        .collect();
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    counts
}
