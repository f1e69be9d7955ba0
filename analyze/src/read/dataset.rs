//! Datasets opened for analysis: the runs that count, their events, their measures.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Once;

use sim::console::tell;
use sim::experiment::{EngineKind, PhaseRule, Shard};
use sim::log::{self, EventRow, JournalRow, Manifest, MissingFields, SCHEMA_OF_TRUE_MARGINS};

use crate::error::Error;
use crate::read::filter::Condition;

/// A batch ends before the run that would take it over this many events, unless it is said.
const BATCH_EVENTS: u64 = 250_000;
/// So does a part of the exported events.
const PART_EVENTS: u64 = 1_000_000;

/// Bytes of a row of the event log, at least: what the journal says of a run may be wrong.
const SHORTEST_ROW: usize = 20;

/// A dataset with at least one finished run.
#[derive(Debug)]
pub struct Dataset {
    label: String,
    log: log::Dataset,
    finished: Vec<JournalRow>,
    left_out: Vec<JournalRow>,
    failed: usize,
    warm_up_s: f64,
    caches_measures: bool,
    remarked: Once,
    batch_events: u64,
    part_events: u64,
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
            return Err(finished_twice(&log, &twice[0], &twice[1]));
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
            warm_up_s: 0.0,
            caches_measures: false,
            remarked: Once::new(),
            batch_events: BATCH_EVENTS,
            part_events: PART_EVENTS,
        })
    }

    /// Leaves out the finished runs that do not meet all `conditions`, as if they were not there.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRun`] if none does; then none is left out.
    pub fn keep_where(&mut self, conditions: &[Condition]) -> Result<(), Error> {
        let holds = |row: &JournalRow| conditions.iter().all(|condition| condition.holds(row));
        if !self.finished.iter().any(holds) {
            let conditions: Vec<String> = conditions.iter().map(ToString::to_string).collect();
            return Err(Error::NoSuchRun {
                path: self.root().to_owned(),
                conditions: conditions.join(" and "),
            });
        }
        self.finished.retain(holds);
        Ok(())
    }

    /// Leaves out the finished runs that were not punctual.
    ///
    /// # Errors
    ///
    /// [`Error::NoPunctualRun`] if none was; then none is left out.
    pub fn keep_punctual(&mut self) -> Result<(), Error> {
        if !self.finished.iter().any(|row| row.punctual) {
            return Err(Error::NoPunctualRun {
                path: self.root().to_owned(),
                finished: self.finished.len(),
                advice: self.advice_on_punctuality(),
            });
        }
        let late = self.finished.extract_if(.., |row| !row.punctual);
        self.left_out.extend(late);
        Ok(())
    }

    /// Why none of its runs was punctual, and what would help.
    fn advice_on_punctuality(&self) -> &'static str {
        let has_margin = |row: &JournalRow| row.margin_us > 0.0;
        let is_earlier = |row: &JournalRow| {
            self.log.schema_of(row) < SCHEMA_OF_TRUE_MARGINS
                && row.configuration.phase == PhaseRule::Uniform
        };
        if self.manifest().imported.is_some() {
            "of imported logs it is not known when ticks were due"
        } else if self.finished.iter().any(has_margin) {
            "a smaller time scale or fewer --jobs make some"
        } else if self.finished.iter().any(is_earlier) {
            "the version of sim that made it did not know the margin of runs with phase=uniform; sweep again into a new folder"
        } else {
            "in all of them some ticks are due at the same time (margin_us is 0): use phase = \"spread\""
        }
    }

    /// Cuts off the first model seconds of every run: no measure counts them.
    ///
    /// # Errors
    ///
    /// [`Error::WarmUp`] if nothing of a run would be left.
    pub fn cut_warm_up(&mut self, warm_up_s: f64) -> Result<(), Error> {
        let shortest = self.finished.iter().map(JournalRow::duration_s);
        let shortest_s = shortest.fold(f64::INFINITY, f64::min);
        if warm_up_s >= shortest_s {
            return Err(Error::WarmUp {
                path: self.root().to_owned(),
                warm_up_s,
                shortest_s,
            });
        }
        self.warm_up_s = warm_up_s;
        Ok(())
    }

    /// Whether its measures are cached.
    pub(crate) fn caches_measures(&self) -> bool {
        self.caches_measures
    }

    /// From now on its measures are cached.
    pub(crate) fn set_caches_measures(&mut self) {
        self.caches_measures = true;
    }

    /// Says on stderr what is wrong with the measures that are kept; of a dataset, only the first that is.
    pub(crate) fn remark(&self, problem: String) {
        self.remarked
            .call_once(|| tell(format_args!("{}: {problem}", self.label())));
    }

    /// Reads batches of at most so many events, or of a single run that has more: one batch a core is in memory at a time.
    pub fn limit_batches(&mut self, events: u64) {
        self.batch_events = events;
    }

    /// Exports events in parts of at most so many, or of a single run that has more.
    pub fn limit_parts(&mut self, events: u64) {
        self.part_events = events;
    }

    pub(crate) fn part_events(&self) -> u64 {
        self.part_events
    }

    pub(crate) fn batch_events(&self) -> u64 {
        self.batch_events
    }

    /// The model seconds at the start of every run that no measure counts.
    pub fn warm_up_s(&self) -> f64 {
        self.warm_up_s
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

    /// What the rows of its log need not say.
    pub(crate) fn missing_fields(&self) -> MissingFields {
        self.log.missing_fields()
    }

    /// The runs that count, ordered by run.
    pub fn finished(&self) -> &[JournalRow] {
        &self.finished
    }

    /// How many planned runs have not been attempted, or are not to be seen any more.
    pub fn to_do(&self) -> u64 {
        self.log.to_do()
    }

    /// The shards of the experiment that are not there.
    pub fn missing_shards(&self) -> &[Shard] {
        self.log.missing_shards()
    }

    /// Finished runs that were left out on request: they do not count.
    pub fn left_out(&self) -> &[JournalRow] {
        &self.left_out
    }

    /// How many runs failed and were not finished by a later attempt: they do not count either.
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// The last attempt of each of these.
    pub(crate) fn never_finished(&self) -> Vec<JournalRow> {
        let finished: HashSet<u64> = self.finished.iter().map(|row| row.run).collect();
        let mut failed: BTreeMap<u64, &JournalRow> = BTreeMap::new();
        for row in self.log.attempted() {
            if !row.is_ok() && !finished.contains(&row.run) {
                failed.insert(row.run, row);
            }
        }
        failed.into_values().cloned().collect()
    }

    /// The events of `run` as they stand in the log, each of them checked to be the run's.
    ///
    /// # Errors
    ///
    /// [`Error::Row`], [`Error::Value`] and [`Error::Dataset`] if they cannot be read.
    pub(crate) fn events_of(&self, run: &JournalRow) -> Result<Vec<EventRow>, Error> {
        let bytes = self.log.read_events(run)?;
        let mut events = Vec::with_capacity(bytes.len() / SHORTEST_ROW);
        for (index, event) in
            log::parse_rows_with_missing(&bytes, self.log.missing_fields()).enumerate()
        {
            let event = event.map_err(|cause| Error::Row {
                path: self.log.segment_of(run),
                run: run.run,
                cause,
            })?;
            if event.run != run.run {
                return Err(self.wrong_value(run, index, "run", "another run's"));
            }
            if event.machine >= run.machines() {
                let problem = "the run has fewer machines";
                return Err(self.wrong_value(run, index, "machine", problem));
            }
            events.push(event);
        }
        if events.len() as u64 != run.events {
            return Err(Error::Journal {
                path: self.log.journal_of(run),
                run: run.run,
                problem: format!(
                    "it counts {} events, and there are {}; delete the row and run again",
                    run.events,
                    events.len()
                ),
            });
        }
        Ok(events)
    }

    /// The error that the value of `column` in the run's row at `index` is.
    pub(crate) fn wrong_value(
        &self,
        run: &JournalRow,
        index: usize,
        column: &'static str,
        problem: &'static str,
    ) -> Error {
        Error::Value {
            path: self.log.segment_of(run),
            run: run.run,
            row: index + 1,
            column,
            problem,
        }
    }

    /// The journal that `run` stands in.
    pub(crate) fn journal_of(&self, run: &JournalRow) -> PathBuf {
        self.log.journal_of(run)
    }
}

fn finished_twice(log: &log::Dataset, run: &JournalRow, again: &JournalRow) -> Error {
    let (path, other) = (log.journal_of(run), log.journal_of(again));
    let problem = if path == other {
        "is finished twice; delete one of its rows".to_owned()
    } else {
        format!(
            "is finished in {} too; delete one of its rows",
            other.display()
        )
    };
    Error::Journal {
        path,
        run: run.run,
        problem,
    }
}

/// How many runs failed and are not among the finished ones.
pub(crate) fn still_failed<'r>(
    attempted: &[JournalRow],
    finished: impl IntoIterator<Item = &'r JournalRow>,
) -> usize {
    let finished: HashSet<u64> = finished.into_iter().map(|row| row.run).collect();
    let failed = attempted
        .iter()
        .filter(|row| !row.is_ok() && !finished.contains(&row.run));
    failed.map(|row| row.run).collect::<HashSet<_>>().len()
}
