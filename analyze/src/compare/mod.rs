//! Two datasets, run by run: the same events? the same statistics?
//!
//! # Layout
//!
//! - [`matching`]: which run of one dataset is which of the other
//! - [`first_difference`]: where the logs of two such runs part
//! - [`paired`]: what every measure differs by
//! - [`words`], [`tables`]: how that is told

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
pub use words::{exception, words};

use crate::error::Error;
use crate::read::dataset::Dataset;

/// What two datasets, A and B, have in common and do not.
#[derive(Debug)]
pub struct Comparison {
    /// The one.
    pub a: Side,
    /// The other.
    pub b: Side,
    /// Runs that are finished in both and count.
    pub matched: usize,
    /// Runs that were left out on one side only, on request; so they count on neither.
    pub left_out: usize,
    /// How the events of the matched runs compare; none if the seeds differ, and with them all that is drawn.
    pub events: Option<Events>,
    /// Every measure over all machines of all matched runs.
    pub pooled: Vec<Paired>,
    /// Every measure of each configuration and machine.
    pub groups: Vec<Group>,
}

/// One of two datasets.
#[derive(Clone, Debug)]
pub struct Side {
    /// What it is called.
    pub label: String,
    /// `tcp` or `virtual`.
    pub engine: String,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// What its randomness was drawn from.
    pub seed: u64,
    /// Finished runs that count.
    pub runs: usize,
    /// Those of them that were punctual.
    pub punctual: usize,
    /// Those of them whose messages were all queued when the schedule says.
    pub as_scheduled: usize,
    /// Those that are not in the other dataset.
    pub alone: usize,
}

/// How the events of matched runs compare: all columns but `run` and `system_time_ns`.
#[derive(Debug, Default)]
pub struct Events {
    /// Runs whose events are the same.
    pub identical: usize,
    /// Runs that were in order on both sides.
    pub as_scheduled: usize,
    /// Runs whose events differ; those that were in order on both sides come first, then in the order of A's plan.
    pub differing: Vec<Differing>,
}

/// A run whose events differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Differing {
    /// Its key.
    pub key: String,
    /// Whether it was in order in A.
    pub in_order_a: bool,
    /// Whether it was in order in B.
    pub in_order_b: bool,
    /// The earliest difference.
    pub first: Difference,
}

impl Differing {
    /// Whether it was in order on both sides. Then there should be no difference.
    pub fn is_exception(&self) -> bool {
        self.in_order_a && self.in_order_b
    }
}

impl Events {
    /// Runs that were in order on both sides and differ all the same: there should be none.
    pub fn exceptions(&self) -> usize {
        self.differing
            .iter()
            .filter(|run| run.is_exception())
            .count()
    }
}

impl Comparison {
    /// Compares `a` with `b`.
    ///
    /// # Errors
    ///
    /// [`Error::NothingInCommon`] if no run is in both; as [`Dataset::machines`] if one cannot be read.
    pub fn new(a: &Dataset, b: &Dataset) -> Result<Self, Error> {
        let matching = Matching::of(a, b)?;
        let (seed_a, seed_b) = (seed(a), seed(b));
        let events = (seed_a == seed_b).then(|| compare_events(a, b, &matching.pairs));
        let measured = paired::measured(a, b, &matching.pairs)?;
        Ok(Self {
            a: side(a, matching.only_in_a),
            b: side(b, matching.only_in_b),
            matched: matching.pairs.len(),
            left_out: matching.left_out,
            events: events.transpose()?,
            pooled: paired::pooled(&measured)?,
            groups: paired::groups(&measured)?,
        })
    }
}

fn seed(dataset: &Dataset) -> u64 {
    dataset.manifest().experiment.seed
}

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

/// A run at a time: two runs' events are in memory, never more.
fn compare_events(a: &Dataset, b: &Dataset, pairs: &[Pair]) -> Result<Events, Error> {
    let mut events = Events::default();
    for pair in pairs {
        let (in_order_a, in_order_b) = (pair.a.as_scheduled, pair.b.as_scheduled);
        events.as_scheduled += usize::from(in_order_a && in_order_b);
        match first_difference::between(Log::read(a, &pair.a)?, Log::read(b, &pair.b)?) {
            None => events.identical += 1,
            Some(first) => events.differing.push(Differing {
                key: pair.a.key.clone(),
                in_order_a,
                in_order_b,
                first,
            }),
        }
    }
    events.differing.sort_by_key(|run| !run.is_exception());
    Ok(events)
}

/// The rows of one side, ordered by run as its dataset has them.
fn rows(pairs: &[Pair], side: fn(&Pair) -> &JournalRow) -> Vec<JournalRow> {
    let mut rows: Vec<JournalRow> = pairs.iter().map(side).cloned().collect();
    rows.sort_by_key(|row| row.run);
    rows
}
