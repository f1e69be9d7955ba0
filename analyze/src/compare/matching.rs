//! Which run of one dataset is which run of another: those of the same key.
//!
//! A key holds the configuration and the repetition, so a run and its twin under another engine, time scale or seed have the same.

use std::collections::{BTreeMap, HashMap};

use sim::log::JournalRow;

use crate::error::Error;
use crate::read::dataset::Dataset;

/// Values of a parameter that an error names before it says "...".
const NAMED_VALUES: usize = 3;

/// Two runs of the same key.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The run in A.
    pub a: JournalRow,
    /// The run in B.
    pub b: JournalRow,
}

/// The runs of two datasets, matched.
#[derive(Debug)]
pub struct Matching {
    /// Runs that count in both, in the order of A's plan.
    pub pairs: Vec<Pair>,
    /// Number of runs that count in A and that B does not have.
    pub only_in_a: usize,
    /// Number of runs that count in B and that A does not have.
    pub only_in_b: usize,
    /// Number of runs that both have, but that a filter left out of one of them only.
    pub left_out: usize,
}

impl Matching {
    /// Matches the runs of `a` and `b` that count.
    ///
    /// # Errors
    ///
    /// [`Error::NothingInCommon`] if none match, [`Error::Journal`] if a key stands for two runs.
    pub fn of(a: &Dataset, b: &Dataset) -> Result<Self, Error> {
        let (by_key_a, by_key_b) = (by_key(a)?, by_key(b)?);
        let pairs: Vec<Pair> = a
            .finished()
            .iter()
            .filter_map(|row| {
                let twin = by_key_b.get(row.key.as_str())?;
                Some(Pair {
                    a: row.clone(),
                    b: (*twin).clone(),
                })
            })
            .collect();
        let left_out_a = twins_of(a.left_out(), &by_key_b);
        let left_out_b = twins_of(b.left_out(), &by_key_a);
        if pairs.is_empty() {
            return Err(Error::NothingInCommon {
                a: a.root().to_owned(),
                b: b.root().to_owned(),
                why: why_none(a, b, left_out_a + left_out_b),
            });
        }
        Ok(Self {
            only_in_a: a.finished().len() - pairs.len() - left_out_b,
            only_in_b: b.finished().len() - pairs.len() - left_out_a,
            left_out: left_out_a + left_out_b,
            pairs,
        })
    }
}

fn by_key(dataset: &Dataset) -> Result<HashMap<&str, &JournalRow>, Error> {
    let mut by_key = HashMap::with_capacity(dataset.finished().len());
    for row in dataset.finished() {
        if let Some(other) = by_key.insert(row.key.as_str(), row) {
            return Err(Error::Journal {
                path: dataset.journal_of(row),
                run: row.run,
                problem: format!("has the key of run {}; delete one of their rows", other.run),
            });
        }
    }
    Ok(by_key)
}

/// How many of `left_out` count in the other dataset.
fn twins_of(left_out: &[JournalRow], other: &HashMap<&str, &JournalRow>) -> usize {
    left_out
        .iter()
        .filter(|row| other.contains_key(row.key.as_str()))
        .count()
}

/// Why no run of `a` has the key of a run of `b`.
fn why_none(a: &Dataset, b: &Dataset, left_out: usize) -> String {
    if left_out > 0 {
        return "every run that both have was left out on one side".to_owned();
    }
    let (of_a, of_b) = (parameters(a), parameters(b));
    let apart = of_a.iter().filter_map(|(name, values_a)| {
        let values_b = of_b.get(name)?;
        let disjoint = values_a.iter().all(|value| !values_b.contains(value));
        disjoint.then(|| {
            let (values_a, values_b) = (named(values_a), named(values_b));
            format!("{name} is {values_a} in A and {values_b} in B")
        })
    });
    let apart: Vec<String> = apart.collect();
    if apart.is_empty() {
        format!(
            "A starts with \"{}\", B with \"{}\"",
            a.finished()[0].key,
            b.finished()[0].key
        )
    } else {
        apart.join(", ")
    }
}

/// The values of each parameter in a dataset's keys, by its name.
fn parameters(dataset: &Dataset) -> BTreeMap<&str, Vec<&str>> {
    let mut parameters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let keys = dataset.finished().iter().map(|row| row.key.as_str());
    for (name, value) in keys
        .flat_map(str::split_whitespace)
        .filter_map(|parameter| parameter.split_once('='))
    {
        let values = parameters.entry(name).or_default();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    parameters
}

fn named(values: &[&str]) -> String {
    let more = if values.len() > NAMED_VALUES {
        " ..."
    } else {
        ""
    };
    let shown: Vec<&str> = values.iter().copied().take(NAMED_VALUES).collect();
    format!("{}{more}", shown.join(" or "))
}
