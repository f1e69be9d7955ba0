//! Reads a dataset's events as data frames, in batches of whole runs.
//!
//! Each core has only one batch in memory, so memory does not grow with the dataset.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::*;
use sim::log::JournalRow;

use crate::error::Error;
use crate::measures;
use crate::measures::cache::MeasureCache;
use crate::measures::event_columns::EventColumns;
use crate::measures::run_aggregates::RunAggregates;
use crate::read::dataset::Dataset;
use crate::read::events::{EventsBuilder, find_value_above_63_bits};
use crate::read::run_log::Run;
use crate::read::runs;
use crate::threads::on_all_cores;

/// The events of `runs`, which belong to `dataset`, as one frame for each batch.
pub(crate) fn events<'a>(
    dataset: &'a Dataset,
    runs: &'a [JournalRow],
) -> impl Iterator<Item = Result<DataFrame, Error>> {
    split_into_batches(dataset, runs).map(|batch| batch.events())
}

/// Splits `runs`, which belong to `dataset`, into batches.
fn split_into_batches<'a>(
    dataset: &'a Dataset,
    runs: &'a [JournalRow],
) -> impl Iterator<Item = Batch<'a>> {
    let batch = |range: Range<usize>| Batch {
        dataset,
        rows: &runs[range],
    };
    batch_ranges(dataset, runs).into_iter().map(batch)
}

fn batch_ranges(dataset: &Dataset, runs: &[JournalRow]) -> Vec<Range<usize>> {
    batch_bounds(runs.iter().map(|row| row.events), dataset.batch_events())
}

impl Dataset {
    /// The dataset's finished runs in batches.
    pub fn batches(&self) -> impl Iterator<Item = Batch<'_>> {
        split_into_batches(self, self.finished())
    }

    /// All measures of all machines of the finished runs: one row per run and machine, ordered by run and machine.
    ///
    /// # Errors
    ///
    /// [`Error::Row`], [`Error::Value`], [`Error::Journal`] or [`Error::Dataset`] if events cannot be read; [`Error::Query`] if
    /// Polars fails.
    pub fn machines(&self) -> Result<DataFrame, Error> {
        self.machines_of(self.finished())
    }

    /// Like [`machines`](Self::machines), but only for `runs`, which belong to this dataset.
    pub(crate) fn machines_of(&self, runs: &[JournalRow]) -> Result<DataFrame, Error> {
        if !self.caches_measures() {
            return self.measure_runs(runs);
        }
        let cache = MeasureCache::open(self, |problem| self.warn_once(problem));
        let (known, new): (Vec<JournalRow>, Vec<JournalRow>) =
            runs.iter().cloned().partition(|row| cache.has(row));
        let mut machines = Stack::default();
        if !new.is_empty() {
            let measured = self.measure_runs(&new)?;
            machines.push(&measured)?;
            if let Err(error) = cache.add(&new, &measured) {
                self.warn_once(format!("the cache is not written: {error}"));
            }
        }
        if let Some(cached) = cache.get(&known)? {
            machines.push(&cached)?;
        }
        let by = ["run", "machine"];
        Ok(machines
            .into_frame()
            .sort(by, SortMultipleOptions::default())?)
    }

    /// Computes the measures of `runs` from their events. All cores work in parallel, each on one batch at a time.
    fn measure_runs(&self, runs: &[JournalRow]) -> Result<DataFrame, Error> {
        let batches: Vec<Batch<'_>> = split_into_batches(self, runs).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut measured = vec![];
            while let index = next.fetch_add(1, Ordering::Relaxed)
                && let Some(batch) = batches.get(index)
            {
                let machines = batch.machines();
                // After an error the other batches are not needed.
                let failed = machines.is_err();
                measured.push((index, machines));
                if failed {
                    break;
                }
            }
            measured
        };
        let mut measured: Vec<(usize, Result<DataFrame, Error>)> =
            on_all_cores(batches.len(), work)
                .into_iter()
                .flatten()
                .collect();
        measured.sort_by_key(|(index, _)| *index);
        let mut machines = Stack::default();
        for (_, batch) in measured {
            machines.push(&batch?)?;
        }
        Ok(machines.into_frame())
    }
}

/// Some runs whose events are read on demand.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    dataset: &'a Dataset,
    rows: &'a [JournalRow],
}

impl<'a> Batch<'a> {
    /// The events, with the columns of `processed/events/`, ordered by run, machine and tick.
    ///
    /// # Errors
    ///
    /// [`Error::Row`], [`Error::Value`], [`Error::Journal`] or [`Error::Dataset`] if events cannot be read; [`Error::Query`] if
    /// Polars fails.
    pub fn events(&self) -> Result<DataFrame, Error> {
        let mut events = EventsBuilder::default();
        for run in self.runs() {
            events.push(&run?);
        }
        Ok(events.finish()?)
    }

    /// All measures: one row per run and machine.
    ///
    /// # Errors
    ///
    /// The same as of [`events`](Self::events).
    pub fn machines(&self) -> Result<DataFrame, Error> {
        let mut observed = EventColumns::default();
        let mut replayed = RunAggregates::default();
        for run in self.runs() {
            let run = run?;
            let (timeline, sends) = (run.timeline(), run.sends());
            observed.push(&run, &timeline, &sends);
            let imported = self.dataset.manifest().imported.as_ref();
            replayed.push(&run, &timeline, &sends, imported);
        }
        let aggregated = measures::aggregate(observed.finish()?, replayed.finish()?)?;
        let machines =
            runs::machine_frame(self.dataset.name(), self.rows, self.dataset.warm_up_s())?;
        Ok(measures::measure(
            machines,
            aggregated,
            self.dataset.missing_fields(),
        )?)
    }

    fn runs(&self) -> impl Iterator<Item = Result<Run<'a>, Error>> {
        let dataset = self.dataset;
        self.rows.iter().map(|row| {
            let events = dataset.events_of(row)?;
            let mut columns = events.iter().map(find_value_above_63_bits).enumerate();
            if let Some((index, column)) = columns.find_map(|(at, column)| Some((at, column?))) {
                return Err(dataset.wrong_value(row, index, column, "exceeds 63 bits"));
            }
            Ok(Run::new(row, events, dataset.warm_up_s()))
        })
    }
}

/// Stacks data frames with the same columns.
#[derive(Default)]
pub(crate) struct Stack(Option<DataFrame>);

impl Stack {
    pub(crate) fn push(&mut self, frame: &DataFrame) -> PolarsResult<()> {
        match &mut self.0 {
            None => self.0 = Some(frame.clone()),
            Some(stack) => {
                stack.vstack_mut(frame)?;
            }
        }
        Ok(())
    }

    pub(crate) fn into_frame(self) -> DataFrame {
        self.0.unwrap_or_default()
    }
}

/// Cuts runs into ranges with at most `most` events each. A single run with more events is a range of its own.
pub(crate) fn batch_bounds(
    events_of_runs: impl IntoIterator<Item = u64>,
    most: u64,
) -> Vec<Range<usize>> {
    let mut bounds: Vec<Range<usize>> = vec![];
    let mut in_batch = 0_u64;
    for (index, events) in events_of_runs.into_iter().enumerate() {
        match bounds.last_mut() {
            Some(batch) if in_batch.saturating_add(events) <= most => {
                batch.end = index + 1;
                in_batch = in_batch.saturating_add(events);
            }
            _ => {
                bounds.push(index..index + 1);
                in_batch = events;
            }
        }
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::batch_bounds;

    #[test]
    fn batches_are_whole_runs_and_leave_none_out() {
        assert_eq!(
            batch_bounds([5, 5, 1, 20, 2, 2], 10),
            [0..2, 2..3, 3..4, 4..6]
        );
        assert_eq!(batch_bounds([20, 1], 10), [0..1, 1..2]);
        assert_eq!(batch_bounds([0, 0, 11], 10), [0..2, 2..3]);
    }
}
