//! How a user names a run: by its number or by its key.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::{Experiment, Run};

/// A run, given by its number or its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunName {
    /// The run's number in the plan, from 0.
    Number(u64),
    /// The run's key, as in `runs.csv`: its parameters and its repetition as a text, such as `rates=1,3,6 internal=0.7 ... repetition=0`.
    Key(String),
}

impl RunName {
    /// Returns the planned run of `experiment` with this name. `None` if no planned run has this name.
    pub fn find(&self, experiment: &Experiment) -> Option<Run> {
        match self {
            Self::Number(index) => {
                // `experiment.run` also returns runs that are not planned now: runs of an earlier, larger plan, or runs of another shard.
                let run = experiment.run(*index);
                run.filter(|run| experiment.is_planned(run))
            }
            Self::Key(key) => experiment.runs().find(|run| run.key() == *key),
        }
    }

    /// Returns the planned runs of `experiment` with these names. All keys are looked up in one pass over the runs.
    ///
    /// # Errors
    ///
    /// Returns the first name that no planned run has.
    pub fn find_all(names: &[Self], experiment: &Experiment) -> Result<Vec<Run>, Self> {
        let keys = names.iter().filter_map(|name| match name {
            Self::Key(key) => Some(key.as_str()),
            Self::Number(_) => None,
        });
        let keys: HashSet<&str> = keys.collect();
        let mut found: HashMap<String, Run> = HashMap::new();
        if !keys.is_empty() {
            let runs = experiment.runs().map(|run| (run.key(), run));
            found.extend(runs.filter(|(key, _)| keys.contains(key.as_str())));
        }
        let find = |name: &Self| match name {
            Self::Number(_) => name.find(experiment),
            Self::Key(key) => found.get(key).cloned(),
        };
        names
            .iter()
            .map(|name| find(name).ok_or_else(|| name.clone()))
            .collect()
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(index) => write!(f, "{index}"),
            Self::Key(key) => write!(f, "`{key}`"),
        }
    }
}

/// A whole number is the number of a run; any other text is a key.
impl FromStr for RunName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.parse() {
            Ok(index) => Self::Number(index),
            Err(_) => Self::Key(text.to_owned()),
        })
    }
}
