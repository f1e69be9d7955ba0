//! Datasets opened for analysis: the runs that count, their events in batches, their measures.
//!
//! However large a dataset is, only one batch of events is in memory at a time.

use std::ops::Range;
use std::path::{Path, PathBuf};

use polars::prelude::*;
use sim::experiment::EngineKind;
use sim::log::{self, JournalRow, Manifest};

use crate::error::Error;
use crate::events::EventsBuilder;
use crate::journal;
use crate::measures;

/// A batch ends before the run that would take it over this many events.
const BATCH_EVENTS: u64 = 500_000;

/// A dataset with at least one finished run.
#[derive(Debug)]
pub struct Dataset {
    label: String,
    log: log::Dataset,
    finished: Vec<JournalRow>,
    left_out: Vec<JournalRow>,
    failed: usize,
}

/// Opens every dataset. Each is labelled with its name, or with its path if another has the same name.
///
/// # Errors
///
/// [`Error::Dataset`] for a folder that is no dataset, [`Error::NoFinishedRun`], [`Error::Journal`] for a run that is finished
/// twice.
pub fn open(roots: &[PathBuf]) -> Result<Vec<Dataset>, Error> {
    let mut datasets = roots
        .iter()
        .map(|root| Dataset::open(root))
        .collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = datasets
        .iter()
        .map(|dataset| dataset.name().to_owned())
        .collect();
    for dataset in &mut datasets {
        let namesakes = names.iter().filter(|name| *name == dataset.name()).count();
        if namesakes > 1 {
            dataset.label = dataset.log.root().display().to_string();
        }
    }
    Ok(datasets)
}

impl Dataset {
    /// Opens the dataset in folder `root`.
    ///
    /// # Errors
    ///
    /// As [`open`].
    pub fn open(root: &Path) -> Result<Self, Error> {
        let log = log::Dataset::open(root)?;
        let mut finished: Vec<JournalRow> = log.finished().cloned().collect();
        finished.sort_by_key(|row| row.run);
        if let Some(twice) = finished.windows(2).find(|pair| pair[0].run == pair[1].run) {
            let problem = "is finished twice; delete one of its rows".to_owned();
            return Err(Error::Journal {
                path: root.join("runs.csv"),
                run: twice[0].run,
                problem,
            });
        }
        let failed = still_failed(log.attempted(), &finished);
        if finished.is_empty() {
            return Err(Error::NoFinishedRun {
                path: root.to_owned(),
                failed,
            });
        }
        Ok(Self {
            label: log.manifest().name.clone(),
            log,
            finished,
            left_out: vec![],
            failed,
        })
    }

    /// Leaves out the finished runs that were not [punctual](journal::is_punctual).
    ///
    /// # Errors
    ///
    /// [`Error::NoPunctualRun`] if none was; then none is left out.
    pub fn keep_punctual(&mut self) -> Result<(), Error> {
        if !self.finished.iter().any(journal::is_punctual) {
            return Err(Error::NoPunctualRun {
                path: self.root().to_owned(),
                finished: self.finished.len(),
            });
        }
        let late = self
            .finished
            .extract_if(.., |row| !journal::is_punctual(row));
        self.left_out.extend(late);
        Ok(())
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        self.log.root()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.manifest().name
    }

    /// What tables call it: its name, or its path where names are not enough.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What made it.
    pub fn manifest(&self) -> &Manifest {
        self.log.manifest()
    }

    /// Whether its runs were in virtual time, where nothing is late.
    pub fn is_virtual(&self) -> bool {
        self.manifest().experiment.engine == EngineKind::Virtual.to_string()
    }

    /// The runs that count, ordered by run.
    pub fn finished(&self) -> &[JournalRow] {
        &self.finished
    }

    /// Finished runs that were left out on request: they do not count.
    pub fn left_out(&self) -> &[JournalRow] {
        &self.left_out
    }

    /// How many runs failed and were not finished by a later attempt: they do not count either.
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// Its events, whole runs at a time.
    pub fn batches(&self) -> impl Iterator<Item = Result<Batch<'_>, Error>> {
        let bounds = batch_bounds(self.finished.iter().map(|row| row.events), BATCH_EVENTS);
        bounds
            .into_iter()
            .map(|range| self.batch(&self.finished[range]))
    }

    /// Every measure of every machine of every finished run: a row a run and machine, ordered by both.
    ///
    /// # Errors
    ///
    /// [`Error::Row`], [`Error::Value`] and [`Error::Dataset`] if events cannot be read; [`Error::Query`] if Polars fails.
    pub fn machines(&self) -> Result<DataFrame, Error> {
        let mut machines = Stack::default();
        for batch in self.batches() {
            machines.push(&batch?.machines()?)?;
        }
        Ok(machines.into_frame())
    }

    fn batch<'a>(&'a self, rows: &'a [JournalRow]) -> Result<Batch<'a>, Error> {
        let mut events = EventsBuilder::default();
        for row in rows {
            let segment = || self.root().join(format!("events-{:04}.csv", row.segment));
            let bytes = self.log.read_events(row)?;
            for (index, event) in log::parse_rows(&bytes).enumerate() {
                let event = event.map_err(|cause| Error::Row {
                    path: segment(),
                    run: row.run,
                    cause,
                })?;
                let value_error = |(column, problem)| Error::Value {
                    path: segment(),
                    run: row.run,
                    row: index + 1,
                    column,
                    problem,
                };
                if event.run != row.run {
                    return Err(value_error(("run", "another run's")));
                }
                if event.machine >= row.machines {
                    return Err(value_error(("machine", "the run has fewer machines")));
                }
                events
                    .push(&event)
                    .map_err(|column| value_error((column, "exceeds 63 bits")))?;
            }
        }
        Ok(Batch {
            dataset: self,
            rows,
            events: events.timed(rows)?,
        })
    }
}

/// Some runs' events.
#[derive(Debug)]
pub struct Batch<'a> {
    dataset: &'a Dataset,
    rows: &'a [JournalRow],
    events: DataFrame,
}

impl Batch<'_> {
    /// The events as `processed/events.parquet` has them, ordered by run, machine and tick.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] if Polars fails.
    pub fn events(&self) -> Result<DataFrame, Error> {
        Ok(self.events.select(
            crate::events::event_columns()
                .iter()
                .map(|column| column.name),
        )?)
    }

    /// Every measure: a row a run and machine.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] if a run's rates or phases cannot be read, [`Error::Query`] if Polars fails.
    pub fn machines(self) -> Result<DataFrame, Error> {
        let journal = self.dataset.root().join("runs.csv");
        let machines = journal::machine_frame(self.dataset.name(), self.rows, &journal)?;
        Ok(measures::measure(machines, self.events)?)
    }
}

/// Frames of the same columns, one below the other.
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

fn still_failed(attempted: &[JournalRow], finished: &[JournalRow]) -> usize {
    let is_finished = |run: u64| finished.binary_search_by_key(&run, |row| row.run).is_ok();
    let mut failed: Vec<u64> = attempted
        .iter()
        .filter(|row| !row.is_ok() && !is_finished(row.run))
        .map(|row| row.run)
        .collect();
    failed.sort_unstable();
    failed.dedup();
    failed.len()
}

/// Cuts runs of so many events into ranges of at most `most` events, or of a single run that has more.
fn batch_bounds(events_of_runs: impl IntoIterator<Item = u64>, most: u64) -> Vec<Range<usize>> {
    let mut bounds: Vec<Range<usize>> = vec![];
    let mut in_batch = 0;
    for (index, events) in events_of_runs.into_iter().enumerate() {
        match bounds.last_mut() {
            Some(batch) if in_batch + events <= most => {
                batch.end = index + 1;
                in_batch += events;
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
