//! Reads a dataset's events as data frames, in batches of whole runs.
//!
//! A run's events are parsed into columns, and the memory of these columns is used for the next run. So memory does not grow with the
//! number of runs.

use std::ops::Range;

use polars::prelude::*;
use sim::log::{EventColumns, EventReader, JournalRow};

use crate::error::Error;
use crate::measures::cache::MeasureCache;
use crate::measures::columns::MeasureColumns;
use crate::measures::{self, Measure};
use crate::read::dataset::Dataset;
use crate::read::events::EventsBuilder;
use crate::read::run_log::Run;
use crate::read::runs;
use crate::threads::on_all_cores;

/// Splits `runs`, which belong to `dataset`, into batches.
fn split_into_batches<'a>(
    dataset: &'a Dataset,
    runs: &'a [JournalRow],
) -> impl Iterator<Item = Batch<'a>> {
    let batch = |range: Range<usize>| Batch {
        dataset,
        rows: &runs[range],
    };
    let events = runs.iter().map(|row| row.events);
    let bounds = batch_bounds(events, dataset.batch_events());
    bounds.into_iter().map(batch)
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

    /// Like [`machines`](Self::machines), but only for `runs`, which belong to this dataset and are ordered by number.
    pub(crate) fn machines_of(&self, runs: &[JournalRow]) -> Result<DataFrame, Error> {
        let measures: Vec<&Measure> = measures::all().collect();
        self.describe(runs, &self.measures_of(runs, &measures)?)
    }

    /// Adds what the journal says of `runs` to the measures of their machines. Both have a row for each run and machine, in the same
    /// order.
    fn describe(&self, runs: &[JournalRow], measured: &DataFrame) -> Result<DataFrame, Error> {
        let mut machines = runs::machine_frame(self.name(), runs, self.warm_up_s())?;
        machines.hstack_mut(&measured.columns()[MACHINE_KEYS.len()..])?;
        Ok(machines)
    }

    /// The columns [`MACHINE_KEYS`] and `measures` of all machines of `runs`, ordered by run and machine. `runs` belong to this dataset
    /// and are ordered by number.
    pub(crate) fn measures_of(
        &self,
        runs: &[JournalRow],
        measures: &[&Measure],
    ) -> Result<DataFrame, Error> {
        if !self.caches_measures() {
            return in_order(self.measure(runs.iter().collect(), measures, |_, _| ())?);
        }
        let mut cache = self.open_cache();
        let (known, mut new): (Vec<&JournalRow>, Vec<&JournalRow>) =
            runs.iter().partition(|row| cache.has(row));
        let mut machines = Stack::default();
        match cache.get(&known, measures) {
            Ok(cached) => machines.push(&cached)?,
            Err(problem) => {
                self.warn_once(problem);
                new = runs.iter().collect();
            }
        }
        let keep = |rows: &[&JournalRow], measured: &DataFrame| {
            self.add_to_cache(&mut cache, rows, measured);
        };
        machines.push(&self.measure(new, measures, keep)?)?;
        in_order(machines.into_frame())
    }

    pub(crate) fn open_cache(&self) -> MeasureCache {
        MeasureCache::open(self, |problem| self.warn_once(problem))
    }

    fn add_to_cache(&self, cache: &mut MeasureCache, rows: &[&JournalRow], measured: &DataFrame) {
        if let Err(error) = cache.add(rows, measured) {
            self.warn_once(format!("the cache is not written: {error}"));
        }
    }

    /// Like [`machines`](Self::machines), if some runs have been measured already. Without a cache, all runs must have been.
    pub(crate) fn machines_with(&self, measured: Measured<'_>) -> Result<DataFrame, Error> {
        let Measured { runs, machines } = measured;
        let machines = machines.into_frame();
        if self.caches_measures() {
            if !runs.is_empty() {
                self.add_to_cache(&mut self.open_cache(), &runs, &machines);
            }
            return self.machines();
        }
        self.describe(self.finished(), &in_order(machines)?)
    }

    /// Computes the measures of `runs` from their events, some runs at a time. All measures of these runs are passed to `keep`; the
    /// columns [`MACHINE_KEYS`] and `measures` are returned.
    fn measure<'r>(
        &self,
        mut runs: Vec<&'r JournalRow>,
        measures: &[&Measure],
        mut keep: impl FnMut(&[&'r JournalRow], &DataFrame),
    ) -> Result<DataFrame, Error> {
        runs.sort_by_key(|row| (row.part, row.segment, row.offset));
        let names = MACHINE_KEYS.into_iter();
        let names: Vec<&str> = names
            .chain(measures.iter().map(|measure| measure.name))
            .collect();
        let mut machines = Stack::default();
        // Without runs, there is still a frame without rows.
        machines.push(
            &MeasureColumns::default()
                .finish()?
                .select(names.iter().copied())?,
        )?;
        let rows = runs.iter().map(|row| u64::from(row.machines()));
        for range in batch_bounds(rows, MOST_ROWS) {
            let runs = &runs[range];
            let measured = self.measure_in_parallel(runs)?;
            keep(runs, &measured);
            machines.push(&measured.select(names.iter().copied())?)?;
        }
        Ok(machines.into_frame())
    }

    /// The columns [`MACHINE_KEYS`] and all measures of the machines of `runs`, in this order. All cores work in parallel, each on one
    /// batch at a time.
    fn measure_in_parallel(&self, runs: &[&JournalRow]) -> Result<DataFrame, Error> {
        let batches = batch_bounds(runs.iter().map(|row| row.events), self.batch_events());
        let measure = |index: usize| {
            let range: Range<usize> = batches[index].clone();
            RunReader::new(self).measure(runs[range].iter().copied())
        };
        let mut machines = Stack::default();
        for batch in on_all_cores(batches.len(), measure)? {
            machines.push(&batch)?;
        }
        Ok(machines.into_frame())
    }
}

/// All measures of at most this many machines are in memory at once, unless a single run has more machines.
const MOST_ROWS: u64 = 200_000;

/// The columns that name the row of a machine in a run.
pub(crate) const MACHINE_KEYS: [&str; 2] = ["run", "machine"];

/// Sorts by run and machine, unless the rows are in this order already.
fn in_order(machines: DataFrame) -> Result<DataFrame, Error> {
    let runs = machines.column("run")?.i64()?;
    let is_sorted = runs.no_null_iter().is_sorted();
    match is_sorted {
        true => Ok(machines),
        false => Ok(machines.sort(MACHINE_KEYS, SortMultipleOptions::default())?),
    }
}

/// Some runs whose events are read on demand.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    dataset: &'a Dataset,
    rows: &'a [JournalRow],
}

impl Batch<'_> {
    /// The events, with the columns of `processed/events/`, ordered by run, machine and tick.
    ///
    /// # Errors
    ///
    /// [`Error::Row`], [`Error::Value`], [`Error::Journal`] or [`Error::Dataset`] if events cannot be read; [`Error::Query`] if
    /// Polars fails.
    pub fn events(&self) -> Result<DataFrame, Error> {
        let mut events = EventsBuilder::new(self.dataset);
        RunReader::new(self.dataset).read_each(self.rows, |run| events.push(run))?;
        Ok(events.finish()?)
    }
}

/// All measures of the machines of some runs.
#[derive(Default)]
pub(crate) struct Measured<'r> {
    runs: Vec<&'r JournalRow>,
    /// The columns [`MACHINE_KEYS`] and all measures, ordered like the runs.
    machines: Stack,
}

impl<'r> Measured<'r> {
    pub(crate) fn add(
        &mut self,
        runs: impl Iterator<Item = &'r JournalRow>,
        machines: &DataFrame,
    ) -> PolarsResult<()> {
        self.runs.extend(runs);
        self.machines.push(machines)
    }
}

/// Reads one run after the other into the same memory.
pub(crate) struct RunReader<'d> {
    dataset: &'d Dataset,
    reader: EventReader<'d>,
    /// The memory for the next run's events.
    events: EventColumns,
}

impl<'d> RunReader<'d> {
    pub(crate) fn new(dataset: &'d Dataset) -> Self {
        Self {
            dataset,
            reader: dataset.event_reader(),
            events: EventColumns::default(),
        }
    }

    /// Reads each of `runs` and passes it to `take`.
    pub(crate) fn read_each<'r>(
        &mut self,
        runs: impl IntoIterator<Item = &'r JournalRow>,
        mut take: impl FnMut(&Run<'r>),
    ) -> Result<(), Error> {
        for row in runs {
            let mut events = std::mem::take(&mut self.events);
            self.dataset
                .read_events(row, &mut self.reader, &mut events)?;
            let run = Run::new(row, events, self.dataset.warm_up_s());
            take(&run);
            self.events = run.into_events();
        }
        Ok(())
    }

    /// The columns [`MACHINE_KEYS`] and all measures of the machines of `runs`.
    fn measure<'r>(
        &mut self,
        runs: impl IntoIterator<Item = &'r JournalRow>,
    ) -> Result<DataFrame, Error> {
        let imported = self.dataset.manifest().imported.as_ref();
        let mut columns = MeasureColumns::default();
        self.read_each(runs, |run| columns.push(run, imported))?;
        Ok(columns.finish()?)
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
