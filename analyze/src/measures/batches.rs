//! Reads a dataset's events in batches of whole runs, as data frames of events or of measures. (Measures are numbers about each machine
//! of a run, such as the mean jump of its clock.)
//!
//! A run's events are parsed into columns, and the memory of these columns is used again for the next run. So the memory that is
//! needed does not grow with the number of runs. The measures of a run can be kept in a cache (files in `.cache`). Then the run's
//! events need not be read again.

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

/// Splits `runs`, which belong to `dataset`, into batches of a limited number of events.
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
        self.with_journal_columns(runs, &self.measures_of(runs, &measures)?)
    }

    /// Returns the columns of the journal (`runs.csv`) for the machines of `runs`, followed by the columns of measures in `measured`.
    /// `measured` must have one row for each machine of each run, ordered like `runs` and, within a run, by machine.
    fn with_journal_columns(
        &self,
        runs: &[JournalRow],
        measured: &DataFrame,
    ) -> Result<DataFrame, Error> {
        let mut machines = runs::machine_frame(self.name(), runs, self.warm_up_s())?;
        // The first columns of `measured` are `MACHINE_KEYS`. They are left out because `machines` has them already.
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
            let store_nothing = |_: &[&JournalRow], _: &DataFrame| ();
            let machines = self.measure(runs.iter().collect(), measures, store_nothing)?;
            return sort_by_run_and_machine(machines);
        }
        let mut cache = self.open_cache();
        let (cached, mut not_cached): (Vec<&JournalRow>, Vec<&JournalRow>) =
            runs.iter().partition(|row| cache.has(row));
        let mut machines = Stack::default();
        match cache.get(&cached, measures) {
            Ok(measured) => machines.push(&measured)?,
            // A file of the cache is damaged. All runs are measured from their events.
            Err(problem) => {
                self.warn_once(problem);
                not_cached = runs.iter().collect();
            }
        }
        let store = |rows: &[&JournalRow], measured: &DataFrame| {
            self.add_to_cache(&mut cache, rows, measured);
        };
        machines.push(&self.measure(not_cached, measures, store)?)?;
        sort_by_run_and_machine(machines.into_frame())
    }

    pub(crate) fn open_cache(&self) -> MeasureCache {
        MeasureCache::open(self, |problem| self.warn_once(problem))
    }

    fn add_to_cache(&self, cache: &mut MeasureCache, rows: &[&JournalRow], measured: &DataFrame) {
        if let Err(error) = cache.add(rows, measured) {
            self.warn_once(format!("the cache is not written: {error}"));
        }
    }

    /// Like [`machines`](Self::machines), but the runs in `measured` are not measured again. If the dataset has a cache, `measured` is
    /// added to the cache first. Then only the runs that are not in the cache are measured from their events. If the dataset has no cache,
    /// `measured` must have all finished runs.
    pub(crate) fn machines_with(&self, measured: Measured<'_>) -> Result<DataFrame, Error> {
        let Measured { runs, machines } = measured;
        let machines = machines.into_frame();
        if self.caches_measures() {
            if !runs.is_empty() {
                self.add_to_cache(&mut self.open_cache(), &runs, &machines);
            }
            return self.machines();
        }
        self.with_journal_columns(self.finished(), &sort_by_run_and_machine(machines)?)
    }

    /// Computes the measures of `runs` from their events. Returns the columns [`MACHINE_KEYS`] and `measures`. The rows are in the
    /// order in which the dataset's files contain the runs. The runs are measured in groups of at most [`MAX_MACHINES_AT_ONCE`]
    /// machines. After each group, `store` gets the group's runs and a frame with their measures (all measures, not only those in
    /// `measures`).
    fn measure<'r>(
        &self,
        mut runs: Vec<&'r JournalRow>,
        measures: &[&Measure],
        mut store: impl FnMut(&[&'r JournalRow], &DataFrame),
    ) -> Result<DataFrame, Error> {
        // The runs are sorted by the place of their events, so that each file is read from its beginning to its end. A dataset has one
        // or more parts (shards), each with numbered event files (segments). `offset` is where a run's events begin in the file.
        runs.sort_by_key(|row| (row.part, row.segment, row.offset));
        let names = MACHINE_KEYS.into_iter();
        let names: Vec<&str> = names
            .chain(measures.iter().map(|measure| measure.name))
            .collect();
        let mut machines = Stack::default();
        // A frame without rows comes first, so that the columns exist even if there are no runs.
        machines.push(
            &MeasureColumns::default()
                .finish()?
                .select(names.iter().copied())?,
        )?;
        let machine_counts = runs.iter().map(|row| u64::from(row.machines()));
        for range in batch_bounds(machine_counts, MAX_MACHINES_AT_ONCE) {
            let runs = &runs[range];
            let measured = self.measure_in_parallel(runs)?;
            store(runs, &measured);
            machines.push(&measured.select(names.iter().copied())?)?;
        }
        Ok(machines.into_frame())
    }

    /// The columns [`MACHINE_KEYS`] and all measures of the machines of `runs`. The rows are in the order of `runs`. All cores work in
    /// parallel, each on one batch at a time.
    fn measure_in_parallel(&self, runs: &[&JournalRow]) -> Result<DataFrame, Error> {
        let batches = batch_bounds(runs.iter().map(|row| row.events), self.batch_events());
        let measure = |index: usize| {
            let range: Range<usize> = batches[index].clone();
            RunReader::new(self).measure(runs[range].iter().copied())
        };
        let mut machines = Stack::default();
        for measured in on_all_cores(batches.len(), measure)? {
            machines.push(&measured)?;
        }
        Ok(machines.into_frame())
    }
}

/// At most this many machines are measured at once, unless a single run has more machines. This limits the memory that is needed: all
/// measures are computed for these machines, and then only the wanted measures are kept.
const MAX_MACHINES_AT_ONCE: u64 = 200_000;

/// The columns that identify a row of measures: the run's number, and the machine's number in the run.
pub(crate) const MACHINE_KEYS: [&str; 2] = ["run", "machine"];

/// Sorts rows by run and machine. The rows of each run must already be in the order of its machines. So it is enough to look at the column
/// `run`: if this column is sorted, all rows are in order.
fn sort_by_run_and_machine(machines: DataFrame) -> Result<DataFrame, Error> {
    let runs = machines.column("run")?.i64()?;
    let is_sorted = runs.no_null_iter().is_sorted();
    match is_sorted {
        true => Ok(machines),
        false => Ok(machines.sort(MACHINE_KEYS, SortMultipleOptions::default())?),
    }
}

/// Some runs of a dataset. Their events are read only when [`Batch::events`] is called.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    dataset: &'a Dataset,
    rows: &'a [JournalRow],
}

impl Batch<'_> {
    /// The events, with the columns of `processed/events/` (written by `analyze export`), ordered by run, machine and tick.
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

/// Some runs, and all measures of their machines.
#[derive(Default)]
pub(crate) struct Measured<'r> {
    runs: Vec<&'r JournalRow>,
    /// The columns [`MACHINE_KEYS`] and all measures, ordered like the runs.
    machines: Stack,
}

impl<'r> Measured<'r> {
    /// Adds runs, and the measures of their machines in the same order.
    pub(crate) fn add(
        &mut self,
        runs: impl Iterator<Item = &'r JournalRow>,
        machines: &DataFrame,
    ) -> PolarsResult<()> {
        self.runs.extend(runs);
        self.machines.push(machines)
    }
}

/// Reads the events of runs, one run after the other, into the same memory.
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

    /// Reads the events of each of `runs` and calls `visit` with the run.
    pub(crate) fn read_each<'r>(
        &mut self,
        runs: impl IntoIterator<Item = &'r JournalRow>,
        mut visit: impl FnMut(&Run<'r>),
    ) -> Result<(), Error> {
        for row in runs {
            let mut events = std::mem::take(&mut self.events);
            self.dataset
                .read_events(row, &mut self.reader, &mut events)?;
            let run = Run::new(row, events, self.dataset.warm_up_s());
            visit(&run);
            // The memory of the columns is used again for the next run.
            self.events = run.into_events();
        }
        Ok(())
    }

    /// The columns [`MACHINE_KEYS`] and all measures of the machines of `runs`.
    fn measure<'r>(
        &mut self,
        runs: impl IntoIterator<Item = &'r JournalRow>,
    ) -> Result<DataFrame, Error> {
        // If the events were imported from another program's logs, `imported` says which parts of these logs are missing.
        let imported = self.dataset.manifest().imported.as_ref();
        let mut columns = MeasureColumns::default();
        self.read_each(runs, |run| columns.push(run, imported))?;
        Ok(columns.finish()?)
    }
}

/// A data frame that grows: each pushed frame, which has the same columns, is put below the earlier ones.
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

/// Cuts a list of runs into ranges of indices, such that the sizes of the runs of each range add up to at most `max_size`. `sizes`
/// has the size of each run, such as its number of events. A single run with a greater size is a range of its own.
pub(crate) fn batch_bounds(
    sizes: impl IntoIterator<Item = u64>,
    max_size: u64,
) -> Vec<Range<usize>> {
    let mut bounds: Vec<Range<usize>> = vec![];
    let mut batch_size = 0_u64;
    for (index, size) in sizes.into_iter().enumerate() {
        match bounds.last_mut() {
            Some(batch) if batch_size.saturating_add(size) <= max_size => {
                batch.end = index + 1;
                batch_size = batch_size.saturating_add(size);
            }
            _ => {
                bounds.push(index..index + 1);
                batch_size = size;
            }
        }
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::batch_bounds;

    #[test]
    fn batches_have_whole_runs_and_leave_no_run_out() {
        // A batch has at most 10 events: 5 + 5 fit, 1 + 20 do not. The run with 20 is a batch of its own.
        assert_eq!(
            batch_bounds([5, 5, 1, 20, 2, 2], 10),
            [0..2, 2..3, 3..4, 4..6]
        );
        assert_eq!(batch_bounds([20, 1], 10), [0..1, 1..2]);
        assert_eq!(batch_bounds([0, 0, 11], 10), [0..2, 2..3]);
    }
}
