//! Compares two datasets, A and B, run by run: their events and their measures.
//!
//! # Layout
//!
//! - [`matching`]: matches each run of A with the run of B that has the same parameters and the same repetition
//! - [`first_difference`]: finds the first event that differs between two runs
//! - [`paired`]: compares the measures of matched runs
//! - [`words`], [`tables`]: the comparison as text and as tables

mod first_difference;
mod matching;
mod paired;
mod tables;
mod words;

use sim::log::JournalRow;

use first_difference::Log;

pub use first_difference::Difference;
pub use matching::{Matching, Pair};
pub use paired::{Group, Paired};
pub use tables::{records, table};
pub use words::{failed_check, words};

use crate::error::Error;
use crate::read::dataset::Dataset;

/// The comparison of two datasets, A and B.
#[derive(Debug)]
pub struct Comparison {
    /// Dataset A.
    pub a: Side,
    /// Dataset B.
    pub b: Side,
    /// Number of matched runs.
    pub matched: usize,
    /// Number of runs that are not compared, although both datasets have them: the option `--only punctual` left them out of one dataset.
    pub left_out: usize,
    /// The comparison of the events. `None` if the datasets have different seeds, because then all random draws differ.
    pub events: Option<Events>,
    /// The comparison of every measure (such as the mean jump) over all machines of all matched runs.
    pub pooled: Vec<Paired>,
    /// The comparison of every measure for each configuration and machine.
    pub groups: Vec<Group>,
}

/// One of two datasets.
#[derive(Clone, Debug)]
pub struct Side {
    /// The dataset's name in tables.
    pub label: String,
    /// `tcp` or `virtual`.
    pub engine: String,
    /// Model seconds per second of real time.
    pub time_scale: f64,
    /// The seed of the random numbers.
    pub seed: u64,
    /// Number of finished runs that were not left out.
    pub runs: usize,
    /// How many of the `runs` were punctual (no delay was long enough to change the order of events).
    pub punctual: usize,
    /// How many of the `runs` were as scheduled. In such a run, each message arrived between the same two ticks as in the schedule,
    /// and in the same order.
    pub as_scheduled: usize,
    /// How many of the `runs` have no match in the other dataset.
    pub alone: usize,
}

/// The comparison of the events of matched runs, in all columns except `run` and `system_time_ns`.
#[derive(Debug, Default)]
pub struct Events {
    /// Number of matched runs with identical events.
    pub identical: usize,
    /// Number of matched runs that were as scheduled in both datasets.
    pub as_scheduled: usize,
    /// Matched runs with different events. First come the runs that were as scheduled in both datasets, then the others. Each of these two
    /// parts is in the order of the runs' numbers in A.
    pub differing: Vec<Differing>,
}

/// A matched run with different events.
#[derive(Clone, Debug, PartialEq)]
pub struct Differing {
    /// The run's key: its parameters and its repetition as a text, such as `rates=1,3,6 internal=0.7 ... repetition=0`.
    pub key: String,
    /// Whether the run was as scheduled in A.
    pub as_scheduled_a: bool,
    /// Whether the run was as scheduled in B.
    pub as_scheduled_b: bool,
    /// The earliest difference.
    pub first: Difference,
}

impl Differing {
    /// Tells whether the run was as scheduled in both datasets. Such a run should have no difference.
    pub fn is_unexpected(&self) -> bool {
        self.as_scheduled_a && self.as_scheduled_b
    }
}

impl Events {
    /// Number of runs that differ although they were as scheduled in both datasets. It should be 0.
    pub fn count_unexpected(&self) -> usize {
        self.differing
            .iter()
            .filter(|run| run.is_unexpected())
            .count()
    }
}

impl Comparison {
    /// Compares `a` with `b`.
    ///
    /// # Errors
    ///
    /// [`Error::NothingInCommon`] if no runs match; the errors of [`Dataset::machines`] if a run cannot be read.
    pub fn new(a: &Dataset, b: &Dataset) -> Result<Self, Error> {
        let matching = Matching::new(a, b)?;
        let (seed_a, seed_b) = (seed(a), seed(b));
        let events = (seed_a == seed_b).then(|| compare_events(a, b, &matching.pairs));
        let measured = paired::measure_pairs(a, b, &matching.pairs)?;
        Ok(Self {
            a: side(a, matching.only_in_a),
            b: side(b, matching.only_in_b),
            matched: matching.pairs.len(),
            left_out: matching.left_out,
            events: events.transpose()?,
            pooled: paired::compare_over_all(&measured)?,
            groups: paired::compare_groups(&measured)?,
        })
    }
}

fn seed(dataset: &Dataset) -> u64 {
    dataset.manifest().experiment.seed
}

/// Describes a dataset. `alone` is the number of its runs without a match.
fn side(dataset: &Dataset, alone: usize) -> Side {
    let runs = dataset.finished();
    let experiment = &dataset.manifest().experiment;
    Side {
        label: dataset.label().to_owned(),
        engine: experiment.engine.clone(),
        time_scale: experiment.time_scale,
        seed: experiment.seed,
        runs: runs.len(),
        punctual: runs.iter().filter(|run| run.punctual).count(),
        as_scheduled: runs.iter().filter(|run| run.as_scheduled).count(),
        alone,
    }
}

/// Compares the events of one pair of runs at a time, so that the events of only two runs are in memory.
fn compare_events(a: &Dataset, b: &Dataset, pairs: &[Pair]) -> Result<Events, Error> {
    let mut events = Events::default();
    for pair in pairs {
        let (as_scheduled_a, as_scheduled_b) = (pair.a.as_scheduled, pair.b.as_scheduled);
        if as_scheduled_a && as_scheduled_b {
            events.as_scheduled += 1;
        }
        match first_difference::find_first_difference(
            Log::read(a, &pair.a)?,
            Log::read(b, &pair.b)?,
        ) {
            None => events.identical += 1,
            Some(first) => events.differing.push(Differing {
                key: pair.a.key.clone(),
                as_scheduled_a,
                as_scheduled_b,
                first,
            }),
        }
    }
    // Runs with an unexpected difference come first: their sort key is `false`, and `false` is less than `true`. The sort is stable, so
    // within each of the two parts the runs keep their order.
    events.differing.sort_by_key(|run| !run.is_unexpected());
    Ok(events)
}

/// The runs of one side (A or B) of the pairs, ordered by their number, as `Dataset::machines_of` needs them.
fn rows(pairs: &[Pair], side: fn(&Pair) -> &JournalRow) -> Vec<JournalRow> {
    let mut rows: Vec<JournalRow> = pairs.iter().map(side).cloned().collect();
    rows.sort_by_key(|row| row.run);
    rows
}
