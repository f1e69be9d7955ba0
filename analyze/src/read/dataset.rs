//! A dataset opened for analysis: its finished runs and their events.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Once;

use sim::console::tell;
use sim::experiment::{EngineKind, PhaseRule, Shard};
use sim::log::{
    self, EventColumns, EventReader, JournalRow, Manifest, MissingFields, SCHEMA_OF_TRUE_MARGINS,
};

use crate::error::Error;
use crate::read::choice::{Choice, choose};
use crate::read::events::find_value_above_63_bits;
use crate::read::filter::Condition;
use crate::read::labels::{folder_name, labels};
use crate::read::run_log::NO_EVENT;
use crate::read::sql::values_in_words;

/// Default for the largest number of events in a batch (whole runs that one core reads together). A single run with more events is a batch
/// of its own.
const BATCH_EVENTS: u64 = 250_000;
/// Default for the largest number of events in a part (one file of the exported events). A single run with more events is a part of its
/// own.
const PART_EVENTS: u64 = 1_000_000;

/// The largest number of events that a run may have. Indices of events have 32 bits, and the largest 32-bit number, [`NO_EVENT`], is no
/// index: it stands for no event.
const MAX_EVENTS: usize = NO_EVENT as usize;

/// A dataset with at least one finished run.
#[derive(Debug)]
pub struct Dataset {
    name: String,
    label: String,
    log: log::Dataset,
    finished: Vec<JournalRow>,
    /// The finished runs that [`Dataset::keep_punctual`] left out.
    left_out: Vec<JournalRow>,
    /// Has an entry for each run of which [`Dataset::keep_chosen`] chose only some machines. The key is the run's number. The value says for
    /// each machine of the run whether it is chosen.
    chosen_machines: HashMap<u64, Vec<bool>>,
    /// Number of planned runs that are neither finished nor failed.
    to_do: u64,
    /// The last attempt of each run whose attempts all failed, ordered by the run's number.
    never_finished: Vec<JournalRow>,
    /// The measures ignore this many model seconds at the start of every run.
    warm_up_s: f64,
    /// Whether measures are read from the cache and added to it.
    caches_measures: bool,
    /// Makes sure that only the first problem of the cache is printed.
    has_warned: Once,
    batch_events: u64,
    part_events: u64,
}

/// Opens the datasets in the folders `roots`. The label of a dataset is the name of its folder, or its path if another of these datasets
/// has the same name.
///
/// # Errors
///
/// [`Error::Dataset`] if a folder is not a dataset, [`Error::NoFinishedRun`] if a dataset has no finished run, [`Error::Journal`]
/// if a run is finished twice.
pub fn open(roots: &[PathBuf]) -> Result<Vec<Dataset>, Error> {
    let paths: Vec<&Path> = roots.iter().map(PathBuf::as_path).collect();
    let open = |(root, label): (&&Path, String)| {
        Ok(Dataset {
            label,
            ..Dataset::open(root)?
        })
    };
    std::iter::zip(&paths, labels(&paths)).map(open).collect()
}

impl Dataset {
    /// Opens the dataset in folder `root`.
    ///
    /// # Errors
    ///
    /// The errors of [`open`].
    pub fn open(root: &Path) -> Result<Self, Error> {
        let mut log = log::Dataset::open(root)?;
        let to_do = log.to_do();
        let (mut finished, failed_attempts): (Vec<JournalRow>, Vec<JournalRow>) = log
            .take_attempted()
            .into_iter()
            .partition(JournalRow::is_ok);
        finished.sort_by_key(|row| row.run);
        if let Some(twice) = finished.windows(2).find(|pair| pair[0].run == pair[1].run) {
            return Err(finished_twice(&log, &twice[0], &twice[1]));
        }
        let never_finished = last_failures(failed_attempts, &finished);
        if finished.is_empty() {
            return Err(Error::NoFinishedRun {
                path: root.to_owned(),
                failed: never_finished.len(),
            });
        }
        Ok(Self {
            name: folder_name(root),
            label: folder_name(root),
            log,
            finished,
            left_out: vec![],
            chosen_machines: HashMap::new(),
            to_do,
            never_finished,
            warm_up_s: 0.0,
            caches_measures: false,
            has_warned: Once::new(),
            batch_events: BATCH_EVENTS,
            part_events: PART_EVENTS,
        })
    }

    /// Keeps only the finished runs that meet all `conditions`. The dataset then looks as if it had never had the other finished runs. For
    /// conditions on single machines and conditions in SQL, use [`Dataset::keep_chosen`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRun`] if no run meets the conditions; then no run is dropped.
    pub fn keep_where(&mut self, conditions: &[Condition]) -> Result<(), Error> {
        let holds = |row: &JournalRow| conditions.iter().all(|condition| condition.holds(row));
        if !self.finished.iter().any(holds) {
            let conditions: Vec<String> = conditions.iter().map(ToString::to_string).collect();
            return Err(Error::NoSuchRun {
                path: self.root().to_owned(),
                conditions: conditions.join(" and "),
                values: String::new(),
            });
        }
        self.finished.retain(holds);
        Ok(())
    }

    /// Keeps only the machines that meet all `choices`, and drops the finished runs of which no machine is left. A choice in SQL can
    /// contain `column = value` although no run has this value. The result lists such columns and values, so that the caller can warn the
    /// user. For example, the choice `internal = 0.5 or rate > 3` gives `("internal", "0.5")` if no run has `internal = 0.5`.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRun`] if no machine meets all choices (the error says which values the runs have in the columns of the choices);
    /// [`Error::Condition`] if a choice cannot be evaluated. In both cases no run is dropped.
    pub fn keep_chosen(&mut self, choices: &[Choice]) -> Result<Vec<(String, String)>, Error> {
        if choices.is_empty() {
            return Ok(vec![]);
        }
        let chosen = choose(&self.label, &self.finished, choices)?;
        if !chosen.machines.contains(&true) {
            let conditions: Vec<String> = choices.iter().map(ToString::to_string).collect();
            // For each column that the choices name, the values that it has, such as `; internal is 0.4 | 0.7`.
            let names = chosen.frame.get_column_names_owned();
            let values = names.iter().filter_map(|name| {
                let values = values_in_words(&chosen.frame, name)?;
                Some(format!("; {name} is {values}"))
            });
            return Err(Error::NoSuchRun {
                path: self.root().to_owned(),
                conditions: conditions.join(" and "),
                values: values.collect(),
            });
        }
        // For each machine of each finished run, whether it is chosen.
        let mut machines = chosen.machines.into_iter();
        let chosen_machines = &mut self.chosen_machines;
        self.finished.retain(|row| {
            let of_run: Vec<bool> = machines.by_ref().take(row.machines() as usize).collect();
            let is_kept = of_run.contains(&true);
            if is_kept && of_run.contains(&false) {
                chosen_machines.insert(row.run, of_run);
            }
            is_kept
        });
        Ok(chosen.absent)
    }

    /// For each machine of each of the [`finished`](Self::finished) runs, whether it is chosen. `None` if every machine is
    /// chosen.
    pub(crate) fn machine_mask(&self) -> Option<Vec<bool>> {
        let of_run = |row: &JournalRow| match self.chosen_machines.get(&row.run) {
            Some(chosen) => chosen.clone(),
            None => vec![true; row.machines() as usize],
        };
        let are_some_left_out = !self.chosen_machines.is_empty();
        are_some_left_out.then(|| self.finished.iter().flat_map(of_run).collect())
    }

    /// Leaves out the finished runs that were not punctual; [`Dataset::left_out`] returns them.
    ///
    /// # Errors
    ///
    /// [`Error::NoPunctualRun`] if no run was punctual; then no run is left out.
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

    /// Whether the margin of a run is not known. Earlier versions of `sim` wrote 0 for every run with phase=uniform, whatever its margin was.
    pub fn has_unknown_margin(&self, row: &JournalRow) -> bool {
        self.log.schema_of(row) < SCHEMA_OF_TRUE_MARGINS
            && row.configuration.phase == PhaseRule::Uniform
    }

    /// Says why no run was punctual, and what would help. A run over TCP is punctual if its delays are shorter than its margin. So it cannot
    /// be punctual if its margin is 0.
    fn advice_on_punctuality(&self) -> &'static str {
        let has_margin = |row: &JournalRow| row.margin_us > 0.0;
        if self.manifest().imported.is_some() {
            "imported logs do not tell how late events were, so leave out --only punctual"
        } else if self.finished.iter().any(has_margin) {
            "with a smaller time scale or fewer --jobs, some runs may be punctual"
        } else if self.finished.iter().any(|row| self.has_unknown_margin(row)) {
            "the version of sim that made the dataset did not calculate the margin of runs with phase=uniform; run the experiment again into a new folder"
        } else {
            "in all runs some ticks are due at the same time (margin_us is 0): use phase = \"spread\""
        }
    }

    /// Makes all measures ignore the first `warm_up_s` model seconds of every run. An event exactly at time `warm_up_s` counts.
    ///
    /// # Errors
    ///
    /// [`Error::WarmUp`] if the shortest run is not longer than `warm_up_s`.
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

    /// Tells whether measures are read from the cache and added to it. If not (`--no-cache`), nothing relies on earlier results: all measures
    /// are computed again, and an export also writes all event files again.
    pub(crate) fn caches_measures(&self) -> bool {
        self.caches_measures
    }

    /// Switches the cache of measures on.
    pub(crate) fn set_caches_measures(&mut self) {
        self.caches_measures = true;
    }

    /// Prints a problem of the cache on stderr. Only the first problem of a dataset is printed.
    pub(crate) fn warn_once(&self, problem: String) {
        self.has_warned
            .call_once(|| tell(format_args!("{}: {problem}", self.label())));
    }

    /// Sets the largest number of events that a batch may have. A single run with more events is a batch of its own. Each core holds one batch
    /// in memory.
    pub fn limit_batches(&mut self, events: u64) {
        self.batch_events = events;
    }

    /// Sets the largest number of events that a part of the exported events may have. A single run with more events is a part of its own.
    pub fn limit_parts(&mut self, events: u64) {
        self.part_events = events;
    }

    pub(crate) fn part_events(&self) -> u64 {
        self.part_events
    }

    pub(crate) fn batch_events(&self) -> u64 {
        self.batch_events
    }

    /// The measures ignore this many model seconds at the start of every run.
    pub fn warm_up_s(&self) -> f64 {
        self.warm_up_s
    }

    /// The dataset's folder.
    pub fn root(&self) -> &Path {
        self.log.root()
    }

    /// The dataset's name: the name of its folder. The experiment's name is in the manifest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dataset's name in tables: its name, or its path if another dataset has the same name.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The dataset's manifest (`dataset.json`), which says how the dataset was made.
    pub fn manifest(&self) -> &Manifest {
        self.log.manifest()
    }

    /// The manifest of each shard whose folder is present (each shard has a folder of its own), or the only manifest of a dataset without
    /// shards.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.log.manifests()
    }

    /// The path of the experiment file that belongs to the manifest. For imported logs, this file says how the
    /// logs were read.
    pub(crate) fn experiment_file(&self) -> PathBuf {
        self.log.experiment_file()
    }

    /// Tells whether the runs were in virtual time. Such runs are always punctual.
    pub fn is_virtual(&self) -> bool {
        self.manifest().experiment.engine == EngineKind::Virtual.to_string()
    }

    /// Tells which fields can be empty in the rows of the log.
    pub(crate) fn missing_fields(&self) -> MissingFields {
        self.log.missing_fields()
    }

    /// Tells whether the events of some runs have the timestamp of a second clock (such as a vector clock) besides the Lamport clock.
    pub fn has_timestamps(&self) -> bool {
        self.log.has_timestamps()
    }

    /// The finished runs that were not left out, ordered by number.
    pub fn finished(&self) -> &[JournalRow] {
        &self.finished
    }

    /// Number of planned runs that are neither finished nor failed. All runs of [missing shards](Self::missing_shards) count too.
    pub fn to_do(&self) -> u64 {
        self.to_do
    }

    /// The shards of the experiment whose folders are missing.
    pub fn missing_shards(&self) -> &[Shard] {
        self.log.missing_shards()
    }

    /// The finished runs that [`Dataset::keep_punctual`] left out.
    pub fn left_out(&self) -> &[JournalRow] {
        &self.left_out
    }

    /// Number of runs whose attempts all failed.
    pub fn failed(&self) -> usize {
        self.never_finished.len()
    }

    /// The last attempt of each run whose attempts all failed.
    pub(crate) fn never_finished(&self) -> &[JournalRow] {
        &self.never_finished
    }

    /// A reader for the events of many runs.
    pub(crate) fn event_reader(&self) -> EventReader<'_> {
        EventReader::new(&self.log)
    }

    /// Reads the events of `run` in the order of the log.
    ///
    /// # Errors
    ///
    /// The errors of [`read_events`](Self::read_events).
    pub(crate) fn events_of(&self, run: &JournalRow) -> Result<EventColumns, Error> {
        let mut events = EventColumns::default();
        let bytes = self.log.read_events(run)?;
        self.parse_events(run, &bytes, &mut events)?;
        Ok(events)
    }

    /// Like [`events_of`](Self::events_of), but reads with `reader` into `events`: the old events are replaced, and their memory is used
    /// again.
    ///
    /// # Errors
    ///
    /// [`Error::Row`], [`Error::Value`], [`Error::Journal`] or [`Error::Dataset`] if the events cannot be read.
    pub(crate) fn read_events(
        &self,
        run: &JournalRow,
        reader: &mut EventReader<'_>,
        events: &mut EventColumns,
    ) -> Result<(), Error> {
        self.parse_events(run, reader.read(run)?, events)
    }

    /// Parses the events of `run`, and checks that each of them belongs to the run and that there are as many as the journal says.
    fn parse_events(
        &self,
        run: &JournalRow,
        bytes: &[u8],
        events: &mut EventColumns,
    ) -> Result<(), Error> {
        let parsed = events.read(run.run, bytes, self.log.row_format(run));
        let machines = run.machines();
        // If a row cannot be parsed, `events` has only the rows before that row. A wrong machine in one of them is the first error in the
        // file. So the machines are checked before the error in `parsed` is returned.
        if let Some(index) = events
            .machine
            .iter()
            .position(|&machine| machine >= machines)
        {
            let problem = "the run has no such machine";
            return Err(self.wrong_value(run, index, "machine", problem));
        }
        parsed.map_err(|cause| Error::Row {
            // The segment is the file with the run's events, such as `events-0000.csv`.
            path: self.log.segment_of(run),
            run: run.run,
            cause,
        })?;
        let wrong_count = |problem: String| Error::Journal {
            path: self.log.journal_of(run),
            run: run.run,
            problem,
        };
        if events.len() as u64 != run.events {
            return Err(wrong_count(format!(
                "the row counts {} events, but the log has {}; delete the row and repeat the run",
                run.events,
                events.len()
            )));
        }
        if events.len() > MAX_EVENTS {
            return Err(wrong_count(format!(
                "the run has {} events, and at most {MAX_EVENTS} can be read",
                run.events
            )));
        }
        match find_value_above_63_bits(events) {
            Some((index, column)) => Err(self.wrong_value(run, index, column, "exceeds 63 bits")),
            None => Ok(()),
        }
    }

    /// Makes the error for an impossible value in `column` of the run's row at `index` (from 0).
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

    /// The path of the journal that contains `run`.
    pub(crate) fn journal_of(&self, run: &JournalRow) -> PathBuf {
        self.log.journal_of(run)
    }
}

/// The error for a run that finished twice according to the journals. `run` and `again` are its two rows.
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

/// The last attempt of each run that is not in `finished`. `failed` has the failed attempts of all runs. `finished` must be ordered by the
/// run's number, and the result has the same order.
fn last_failures(failed: Vec<JournalRow>, finished: &[JournalRow]) -> Vec<JournalRow> {
    // The attempts of a run are in the order in which they ended, so the last one replaces the others.
    let last: BTreeMap<u64, JournalRow> = failed.into_iter().map(|row| (row.run, row)).collect();
    let is_finished = |run: &u64| finished.binary_search_by_key(run, |row| row.run).is_ok();
    let last = last.into_iter().filter(|(run, _)| !is_finished(run));
    last.map(|(_, row)| row).collect()
}
