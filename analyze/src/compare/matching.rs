//! Matches the runs of two datasets, A and B, by their keys.
//!
//! The key of a run is a text with its parameters and its repetition, such as `rates=1,3,6 internal=0.7 ... repetition=0`. The key
//! contains neither the engine nor the time scale nor the seed. So the same run over TCP and in virtual time has the same key.

use std::collections::{BTreeSet, HashMap};

use sim::log::JournalRow;

use crate::error::Error;
use crate::read::dataset::Dataset;

/// An error lists at most this many values of a parameter. If there are more, "..." follows: `1,3,6 or 2,3,4 or 3,3,3 ...`.
const LISTED_VALUES: usize = 3;

/// Two runs with the same key.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The run in A.
    pub a: JournalRow,
    /// The run in B.
    pub b: JournalRow,
}

/// The matched runs of two datasets.
#[derive(Debug)]
pub struct Matching {
    /// The pairs of runs with the same key, ordered by the number of the run in A.
    pub pairs: Vec<Pair>,
    /// Number of runs in A with a key that no run of B has. A run is not counted here if its match in B exists but was left out: see
    /// `left_out`.
    pub only_in_a: usize,
    /// The same for the runs in B that have no match in A.
    pub only_in_b: usize,
    /// If only one of two finished runs with the same key was punctual, `--only punctual` leaves the other run out. This is the number
    /// of such cases. (If both runs were left out, they are not counted anywhere.)
    pub left_out: usize,
}

impl Matching {
    /// Matches the finished runs of `a` and `b`, without the runs that `--only punctual` left out.
    ///
    /// # Errors
    ///
    /// [`Error::NothingInCommon`] if no runs match, [`Error::Journal`] if two runs of a dataset have the same key.
    pub fn new(a: &Dataset, b: &Dataset) -> Result<Self, Error> {
        let (by_key_a, by_key_b) = (runs_by_key(a)?, runs_by_key(b)?);
        let pairs: Vec<Pair> = a
            .finished()
            .iter()
            .filter_map(|row| {
                let match_in_b = by_key_b.get(row.key.as_str())?;
                Some(Pair {
                    a: row.clone(),
                    b: (*match_in_b).clone(),
                })
            })
            .collect();
        // `left_out_a` counts the keys whose run in A was left out and whose run in B was not. `left_out_b` counts the reverse.
        let left_out_a = count_runs_in(a.left_out(), &by_key_b);
        let left_out_b = count_runs_in(b.left_out(), &by_key_a);
        if pairs.is_empty() {
            return Err(Error::NothingInCommon {
                a: a.root().to_owned(),
                b: b.root().to_owned(),
                why: explain_no_match(a, b, left_out_a + left_out_b),
            });
        }
        // `a.finished()` has the finished runs of A that were not left out. Each of these runs is in a pair, or only in A, or its match
        // was left out of B (`left_out_b`). The same holds for B.
        Ok(Self {
            only_in_a: a.finished().len() - pairs.len() - left_out_b,
            only_in_b: b.finished().len() - pairs.len() - left_out_a,
            left_out: left_out_a + left_out_b,
            pairs,
        })
    }
}

/// The runs of `dataset.finished()` by their keys.
fn runs_by_key(dataset: &Dataset) -> Result<HashMap<&str, &JournalRow>, Error> {
    let mut by_key = HashMap::with_capacity(dataset.finished().len());
    for row in dataset.finished() {
        if let Some(other) = by_key.insert(row.key.as_str(), row) {
            return Err(Error::Journal {
                path: dataset.journal_of(row),
                run: row.run,
                problem: format!(
                    "has the same key as run {}; delete the row of one of them",
                    other.run
                ),
            });
        }
    }
    Ok(by_key)
}

/// Counts the runs of `left_out` whose key is also in `other`, the map of the other dataset's runs by their keys.
fn count_runs_in(left_out: &[JournalRow], other: &HashMap<&str, &JournalRow>) -> usize {
    left_out
        .iter()
        .filter(|row| other.contains_key(row.key.as_str()))
        .count()
}

/// Explains why no run of `a` has the same key as a run of `b`. `left_out` counts the same runs as
/// [`Matching::left_out`]: if there are any, they are the reason.
fn explain_no_match(a: &Dataset, b: &Dataset, left_out: usize) -> String {
    if left_out > 0 {
        return "each run that is in both datasets was left out of A or of B by --only".to_owned();
    }
    let names: BTreeSet<&str> = parameters(a)
        .chain(parameters(b))
        .map(|(name, _)| name)
        .collect();
    // A parameter is disjoint if none of its values in A occurs in B.
    let disjoint_parameters = names.into_iter().filter_map(|name| {
        let (values_a, values_b) = (values(a, name), values(b, name));
        let are_disjoint = values_a.iter().all(|value| !values_b.contains(value));
        are_disjoint.then(|| {
            let (values_a, values_b) = (list_values(&values_a), list_values(&values_b));
            format!("{name} is {values_a} in A and {values_b} in B")
        })
    });
    let disjoint_parameters: Vec<String> = disjoint_parameters.collect();
    if disjoint_parameters.is_empty() {
        // No single parameter is the reason. For example, the datasets may have different combinations of the same values.
        let first_key = |dataset: &Dataset| {
            let first = dataset.finished().first();
            first.map_or(String::new(), |row| row.key.clone())
        };
        format!(
            "the key of the first run is \"{}\" in A and \"{}\" in B",
            first_key(a),
            first_key(b)
        )
    } else {
        disjoint_parameters.join(", ")
    }
}

/// The names and values of the parameters in the keys of a dataset.
fn parameters(dataset: &Dataset) -> impl Iterator<Item = (&str, &str)> {
    let keys = dataset.finished().iter().map(|row| row.key.as_str());
    keys.flat_map(parameters_of_key)
}

/// The names and values of the parameters in a key such as `rates=1,3,6 internal=0.7`.
fn parameters_of_key(key: &str) -> impl Iterator<Item = (&str, &str)> {
    key.split_whitespace()
        .filter_map(|parameter| parameter.split_once('='))
}

/// All values of a parameter in the keys of a dataset. A key without the parameter stands for its default.
fn values<'d>(dataset: &'d Dataset, name: &str) -> Vec<&'d str> {
    let mut values = vec![];
    for row in dataset.finished() {
        let mut parameters = parameters_of_key(&row.key);
        let found = parameters.find(|(other, _)| *other == name);
        let value = found.map_or("the default", |(_, value)| value);
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

fn list_values(values: &[&str]) -> String {
    let more = if values.len() > LISTED_VALUES {
        " ..."
    } else {
        ""
    };
    let shown: Vec<&str> = values.iter().copied().take(LISTED_VALUES).collect();
    format!("{}{more}", shown.join(" or "))
}
