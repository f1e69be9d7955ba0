//! Claims: statements of other authors about this model. Each claim has tests that decide whether it is confirmed.
//!
//! A test names some runs of a dataset, a measure, and a criterion. The criterion is the range in which the 95 % interval of the
//! measure must lie. It follows from the claim, and is written before the data are made.
//!
//! # Layout
//!
//! - [`file`]: reads a file of claims, and reports every mistake with its line and key
//! - [`words`]: the measures, machines and statistics that a file of claims can name
//! - [`criterion`]: the ranges in which intervals must lie, and the verdict on an estimate
//! - [`data`]: opens the datasets that claims need, and reads the values of their runs
//! - [`estimates`]: estimates of statistics and of differences
//! - [`evaluate`]: evaluates tests, and combines their verdicts
//! - [`order`]: sorts claims
//! - [`tables`]: the results as tables and as records

mod criterion;
mod data;
mod estimates;
mod evaluate;
mod file;
mod order;
mod tables;
mod words;

use crate::clocks::ClockSpec;
use crate::read::filter::Condition;

pub use criterion::{Criterion, Verdict};
pub use data::{Data, NotEvaluated};
pub use estimates::Estimated;
pub use evaluate::{ClaimVerdict, EvaluatedClaim, Outcome, evaluate};
pub use file::{FileError, read};
pub use order::ClaimOrder;
pub use tables::{records, table, tests_table};
pub use words::{Machines, Quantity, Share, Statistic};

/// A statement about the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The name of the claim.
    pub id: String,
    /// The claim in words.
    pub says: String,
    /// Who makes the claim, and where.
    pub source: String,
    /// What theory predicts. It has no effect on the verdict.
    pub expected: String,
    /// If some tests hold and some fail: what this depends on.
    pub depends_on: String,
    /// The dataset whose audit must find no violation, if the claim requires an audit.
    pub audited: Option<String>,
    /// The tests that must hold for the claim to be confirmed.
    pub tests: Vec<Test>,
}

/// A quantity, and where its value must lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The quantity that is measured.
    pub quantity: Quantity,
    /// Model seconds that are left out at the start of every run.
    pub warm_up_s: f64,
    /// The runs of the test.
    pub subject: Subject,
    /// Where the interval must lie.
    pub criterion: Criterion,
}

/// The runs that a test is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A statistic of some runs.
    Cell(Cell, Statistic),
    /// How much greater the mean is in the runs of `to` than in the runs of `from`.
    Difference {
        /// The first side. Its mean is subtracted from the mean of `to`.
        from: Cell,
        /// The second side. The mean of `from` is subtracted from its mean.
        to: Cell,
    },
}

/// Some runs of a dataset, and which of their machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The dataset.
    pub experiment: String,
    /// The conditions that the runs must meet.
    pub conditions: Vec<Condition>,
    /// In a comparison, some conditions belong to both cells, and the others only to one. This is the number of conditions that
    /// belong only to this cell. They are at the end of the list.
    pub own: usize,
    /// The machines whose values are used.
    pub machines: Machines,
    /// The clock that is replayed, if the quantity is a figure of a clock.
    pub clock: Option<ClockSpec>,
}

impl Cell {
    /// The parameters of the conditions that belong only to this cell.
    fn own_names(&self) -> impl Iterator<Item = &'static str> {
        let shared = self.conditions.len() - self.own;
        self.conditions[shared..].iter().map(Condition::name)
    }

    /// The conditions from index `from` on, in words.
    fn conditions_in_words(&self, from: usize) -> String {
        let conditions = self.conditions[from..].iter().map(ToString::to_string);
        conditions.collect::<Vec<_>>().join(" ")
    }
}
