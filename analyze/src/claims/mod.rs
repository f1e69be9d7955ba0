//! Claims: statements of other authors about the model of this project. Each claim has tests that decide whether the claim is confirmed.
//!
//! A test names a quantity (such as the measure `jump_mean`), the runs of a dataset in which it is measured, and a criterion. The criterion
//! is the range in which the 95 % interval must lie. It follows from the author's words, and is written before the runs are made.
//!
//! # Layout
//!
//! - [`file`]: reads a file of claims, and reports every mistake with its line and key
//! - [`words`]: the measures, machines and statistics that a file of claims can name
//! - [`criterion`]: the ranges in which intervals must lie, and the verdict on an estimate
//! - [`data`]: opens the datasets that claims need, and reads the values of their runs
//! - [`estimates`]: estimates of statistics and of differences
//! - [`evaluate`]: evaluates tests, and combines their verdicts
//! - [`order`]: sorts claims by columns of their table, such as the verdict
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
    /// The short name of the claim, such as `slow-machine-falls-behind`.
    pub id: String,
    /// The claim in words.
    pub says: String,
    /// Who makes the claim, and where.
    pub source: String,
    /// What theory predicts. It has no effect on the verdict.
    pub expected: String,
    /// What the outcome depends on if some tests hold and some fail. It can be empty if the claim has a single test.
    pub depends_on: String,
    /// The dataset whose audit (`analyze audit`) must find no violation. `None` if the claim requires no audit.
    pub audited: Option<String>,
    /// The tests that must hold for the claim to be confirmed.
    pub tests: Vec<Test>,
}

/// A test of a claim: a quantity, the runs in which it is measured, and the range in which the 95 % interval must lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The quantity that is measured.
    pub quantity: Quantity,
    /// Model seconds that are left out at the start of every run.
    pub warm_up_s: f64,
    /// The runs of the test.
    pub subject: Subject,
    /// The range in which the 95 % interval must lie.
    pub criterion: Criterion,
}

/// What a test is about: the runs of one cell, or the difference between two cells (see [`Cell`]).
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A statistic, such as the mean, over the runs of one cell.
    Cell(Cell, Statistic),
    /// The mean of the runs in `to` minus the mean of the runs in `from`. These two cells are the sides of the comparison. Tables show them
    /// with an arrow, such as `rates=3,4,6 -> rates=2,4,6`.
    Difference {
        /// The side before the arrow.
        from: Cell,
        /// The side after the arrow.
        to: Cell,
    },
}

/// A cell: some runs of a dataset, and the machines of these runs whose values are used.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The name of the dataset, which is the name of its experiment file without `.toml`.
    pub experiment: String,
    /// The conditions that the runs must meet.
    pub conditions: Vec<Condition>,
    /// In a comparison, the number of conditions that belong to this side alone. They are at the end of the list `conditions`. Before them
    /// are the conditions that both sides share.
    pub own_condition_count: usize,
    /// The machines whose values are used.
    pub machines: Machines,
    /// The clock that is measured, if the quantity of the test is a figure. A figure is a number that `analyze clocks` prints for each
    /// clock, such as the bytes of a message's timestamp. If the quantity is no figure, this is `None`.
    pub clock: Option<ClockSpec>,
}

impl Cell {
    /// The parameters of the conditions that belong only to this cell.
    fn own_parameters(&self) -> impl Iterator<Item = &'static str> {
        let own_conditions = &self.conditions[self.shared_condition_count()..];
        own_conditions.iter().map(Condition::name)
    }

    /// Number of conditions that belong to both sides of a comparison. They are at the start of the list.
    fn shared_condition_count(&self) -> usize {
        self.conditions.len() - self.own_condition_count
    }

    /// The conditions from index `start` on, in words.
    fn conditions_in_words(&self, start: usize) -> String {
        let conditions = self.conditions[start..].iter().map(ToString::to_string);
        conditions.collect::<Vec<_>>().join(" ")
    }
}
