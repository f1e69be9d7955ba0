//! Claims: what others said of this model, each with the tests that decide it, and what the data say.
//!
//! A test is about some runs of a dataset, a measure, and an interval in which its 95 % interval must lie. The criterion is the
//! claim's; it is written down before there are data.
//!
//! # Layout
//!
//! - [`file`]: a file of claims read, every mistake with its line and key
//! - [`words`]: what the words of such a file stand for
//! - [`criterion`]: where an interval must lie, and whether it does
//! - [`data`]: the datasets that claims are about, and the values of their runs
//! - [`estimates`]: what the values of some runs say, and the difference between some and others
//! - [`evaluate`]: tests made, and their verdicts folded into the claim's
//! - [`tables`]: that for people and for machines

mod criterion;
mod data;
mod estimates;
mod evaluate;
mod file;
mod tables;
mod words;

use crate::read::filter::Condition;

pub use criterion::{Criterion, Verdict};
pub use data::{Data, NotEvaluated};
pub use estimates::Estimated;
pub use evaluate::{Answer, ClaimVerdict, Outcome, evaluate};
pub use file::{FileError, read};
pub use tables::{records, table, tests_table};
pub use words::{Machines, Quantity, Share, Statistic};

/// What somebody said of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What it is called.
    pub id: String,
    /// The claim in words.
    pub says: String,
    /// Where it stands.
    pub source: String,
    /// What theory leads one to expect; decides nothing.
    pub expected: String,
    /// What the outcome depends on, if tests disagree.
    pub depends_on: String,
    /// The dataset whose audit must find nothing, if the claim is about that.
    pub audited: Option<String>,
    /// What must be so for the claim to be so.
    pub tests: Vec<Test>,
}

/// Something measured, and where it must lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What is measured.
    pub quantity: Quantity,
    /// Model seconds at the start of every run that do not count.
    pub warm_up_s: f64,
    /// In which runs.
    pub subject: Subject,
    /// Where the interval must lie.
    pub criterion: Criterion,
}

/// The runs a test is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// Some runs, and what of their values counts.
    Cell(Cell, Statistic),
    /// By how much the mean is greater in the runs of `to` than in those of `from`.
    Difference {
        /// The runs compared with.
        from: Cell,
        /// The runs compared.
        to: Cell,
    },
}

/// Some runs of a dataset, and which of their machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The dataset.
    pub experiment: String,
    /// What the runs must meet.
    pub conditions: Vec<Condition>,
    /// How many of these, the last, are this cell's own in a comparison, and not the other's too.
    pub own: usize,
    /// Whose values are meant.
    pub machines: Machines,
}

impl Cell {
    /// The parameters that tell this cell from the one it is compared with.
    fn own_names(&self) -> impl Iterator<Item = &'static str> {
        let shared = self.conditions.len() - self.own;
        self.conditions[shared..].iter().map(Condition::name)
    }

    /// The conditions from the given one on, in words.
    fn conditions_in_words(&self, from: usize) -> String {
        let conditions = self.conditions[from..].iter().map(ToString::to_string);
        conditions.collect::<Vec<_>>().join(" ")
    }
}
