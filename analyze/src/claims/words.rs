//! The words that a file of claims can use for what is tested: names of quantities, machines and statistics.
//!
//! A file of claims is a TOML file. `analyze claims` reads it and gives a verdict on each claim.

use std::fmt;
use std::str::FromStr;

use crate::clocks::figures::{FIGURES, Figure};
use crate::measures::{self, Measure};
use crate::output::schema::Kind;
use crate::read::runs;

/// The name of [`Quantity::Finished`] in a file of claims.
const FINISHED: &str = "finished";

/// The quantity that is measured.
#[derive(Clone, Copy, Debug)]
pub enum Quantity {
    /// A measure of each machine, such as `jump_mean`.
    Machine(&'static Measure),
    /// A column of `runs.parquet` (which `analyze export` writes, with a row for each finished run), such as `punctual`. A truth value
    /// counts as 0 or 1.
    Run(&'static str),
    /// A figure: a number that `analyze clocks` calculates for one kind of clock (Lamport, vector or another), such as `message_bytes`.
    Clock(&'static Figure),
    /// Whether a run finished: 1 if it finished, 0 if it failed.
    Finished,
}

impl Quantity {
    /// The name of the quantity in the file of claims.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Machine(measure) => measure.name,
            Self::Run(name) => name,
            Self::Clock(figure) => figure.name,
            Self::Finished => FINISHED,
        }
    }

    /// The largest possible value, such as 1 for a share. The smallest possible value is then 0. `None` if the quantity has no such limit.
    ///
    /// If all runs have the same value, the interval of their mean cannot be calculated from differences between runs.
    /// Instead, the interval is calculated from 0 and the largest possible value.
    pub(super) fn largest_possible(&self) -> Option<LargestPossible> {
        match self {
            Self::Machine(measure) if SHARES.contains(&measure.name) => Some(LargestPossible::One),
            Self::Machine(measure) if COUNTS_OF_TICKS.contains(&measure.name) => {
                Some(LargestPossible::Ticks)
            }
            Self::Run(name) if is_truth_value(name) => Some(LargestPossible::One),
            Self::Clock(figure) if figure.is_share => Some(LargestPossible::One),
            Self::Finished => Some(LargestPossible::One),
            Self::Machine(_) | Self::Run(_) | Self::Clock(_) => None,
        }
    }

    /// Finds the quantity with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let of_machine = || measures::all().find(|measure| measure.name == name);
        let of_clock = || FIGURES.iter().find(|figure| figure.name == name);
        let of_run = || run_columns().find(|column| *column == name);
        match name {
            FINISHED => Some(Self::Finished),
            _ => of_machine()
                .map(Self::Machine)
                .or_else(|| of_clock().map(Self::Clock))
                .or_else(|| of_run().map(Self::Run)),
        }
    }

    /// The names of all quantities.
    pub(super) fn names() -> Vec<&'static str> {
        let of_machine = measures::all().map(|measure| measure.name);
        let of_clock = FIGURES.iter().map(|figure| figure.name);
        of_machine
            .chain(of_clock)
            .chain(run_columns())
            .chain([FINISHED])
            .collect()
    }
}

/// The largest possible value of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LargestPossible {
    /// 1, for shares and truth values.
    One,
    /// The number of the machine's ticks, for counts of ticks.
    Ticks,
}

/// The measures of a machine that are always between 0 and 1.
const SHARES: [&str; 7] = [
    "internal_share",
    "broadcast_share",
    "jump_share_above_1",
    "backlog_share_above_1",
    "receive_share",
    "concurrency",
    "false_order",
];

/// The measures of a machine that are always between 0 and the number of its ticks. `receive_events` is not among these measures, because
/// with the parameter `receive = "all"` a tick can have several receives.
const COUNTS_OF_TICKS: [&str; 2] = ["internal_events", "send_events"];

/// Whether the column of `runs.parquet` with this name has truth values.
fn is_truth_value(name: &str) -> bool {
    let mut columns = runs::run_columns().into_iter();
    columns.any(|column| column.name == name && column.kind == Kind::Boolean)
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

/// The columns of `runs.parquet` that can be tested: all except texts.
fn run_columns() -> impl Iterator<Item = &'static str> {
    let columns = runs::run_columns().into_iter();
    columns
        .filter(|column| column.kind != Kind::Text)
        .map(|column| column.name)
}

/// Which machines of each run are used, if the quantity is a measure of machines. The value of the run is the mean of these machines'
/// values. (For [`Statistic::Largest`], the value of the run is the largest of these machines' values.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machines {
    /// The machine with this number.
    One(usize),
    /// The machines with the run's lowest rate.
    Slowest,
    /// The machines with the run's highest rate.
    Fastest,
    /// All machines.
    All,
}

impl Machines {
    /// The words with which a file of claims names machines. Instead of a word, it can give a machine's number.
    pub(super) const WORDS: [(&'static str, Self); 3] = [
        ("slowest", Self::Slowest),
        ("fastest", Self::Fastest),
        ("all", Self::All),
    ];
}

impl fmt::Display for Machines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(machine) => write!(f, "machine {machine}"),
            Self::Slowest => f.write_str("slowest machine"),
            Self::Fastest => f.write_str("fastest machine"),
            Self::All => f.write_str("all machines"),
        }
    }
}

/// A statistic over runs. Each run has one value of the quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The mean of the values.
    Mean,
    /// The standard deviation of the values.
    Sd,
    /// The largest of the values. Here the value of a run is the largest among the chosen machines, not the mean over them.
    Largest,
    /// The share of runs whose value meets a condition.
    Share(Share),
}

impl Statistic {
    /// The words for statistics other than a share.
    pub(super) const WORDS: [(&'static str, Self); 3] = [
        ("mean", Self::Mean),
        ("sd", Self::Sd),
        ("largest", Self::Largest),
    ];
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Sd => f.write_str("sd"),
            Self::Largest => f.write_str("largest"),
            Self::Share(share) => write!(f, "share {share}"),
        }
    }
}

/// The condition of a [`Statistic::Share`], such as `>= 2`. A run counts if its value meets the condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    sign: &'static str,
    bound: f64,
}

impl Share {
    /// The signs of conditions, in the order in which they are tried. The text `>= 2` also begins with `>`, so `>=` must be tried before
    /// `>`. For the same reason, `<=` must be tried before `<`.
    const SIGNS: [&'static str; 5] = [">=", "<=", ">", "<", "="];

    /// Whether a run with this value counts, because the value meets the condition.
    pub fn counts(&self, value: f64) -> bool {
        match self.sign {
            ">=" => value >= self.bound,
            "<=" => value <= self.bound,
            ">" => value > self.bound,
            "<" => value < self.bound,
            // The only other sign is `=`.
            _ => value == self.bound,
        }
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted =
            "write the condition that values must meet, such as \">= 2\"; other signs are > <= < =";
        let text = text.trim();
        let sign = Self::SIGNS.into_iter().find(|sign| text.starts_with(sign));
        let sign = sign.ok_or(wanted)?;
        let bound: f64 = text[sign.len()..].trim().parse().map_err(|_| wanted)?;
        // With an infinite bound, every value or no value would count.
        if !bound.is_finite() {
            return Err(wanted);
        }
        Ok(Self { sign, bound })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sign, self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_counts_the_values_that_meet_its_condition() {
        let counts = |text: &str, value| text.parse().map(|share: Share| share.counts(value));
        // The bound is 2. Each line says whether 1 (below), 2 (at the bound) and 3 (above) count.
        for (text, below, at, above) in [
            (">= 2", false, true, true),
            ("<=2", true, true, false),
            ("> 2", false, false, true),
            ("<2", true, false, false),
            ("= 2", false, true, false),
        ] {
            let found = [1.0, 2.0, 3.0].map(|value| counts(text, value));
            assert_eq!(found, [Ok(below), Ok(at), Ok(above)], "{text}");
        }
        // 1e999 is too large for a floating-point number, so it is parsed as infinity.
        for text in ["2", ">=", "", "≥ 2", "> two", ">= nan", "< inf", "> 1e999"] {
            assert!(counts(text, 2.0).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_truth_values_and_counts_of_ticks_have_a_largest_possible_value() {
        let largest = |name: &str| Quantity::named(name).expect(name).largest_possible();
        for name in SHARES.into_iter().chain(["punctual", "finished"]) {
            assert_eq!(largest(name), Some(LargestPossible::One), "{name}");
        }
        assert_eq!(largest("send_events"), Some(LargestPossible::Ticks));
        assert_eq!(largest("jump_max"), None);
    }

    #[test]
    fn each_quantity_is_found_by_its_name() {
        for name in Quantity::names() {
            assert_eq!(Quantity::named(name).map(|found| found.name()), Some(name));
        }
        assert!(
            Quantity::named("rates").is_none(),
            "a column of texts cannot be tested"
        );
    }
}
