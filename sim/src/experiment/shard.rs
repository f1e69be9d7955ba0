//! A shard: a part of an experiment's runs, for one of several processes or computers that share the work.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NotAValue, Run, key};

/// How runs are divided among shards. With both rules, the shard of a run depends on the run's key (the text of its configuration and
/// its repetition) and not on the run's number. So a run stays in its shard if the experiment grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShardRule {
    /// A hash of the run's key determines its shard. Shards differ in size by chance. Only datasets of older versions of the program use
    /// this rule.
    ByKey,
    /// The repetitions of each configuration are dealt to the shards in turn, beginning with a shard that depends on a hash of the
    /// configuration. So the shards have about the same number of runs of each configuration, and take about the same time.
    #[default]
    InTurn,
}

/// One of several shards, such as shard 2 of 16. Every run belongs to exactly one shard, as [`ShardRule`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// Which shard this is, counted from 1: 2 for shard 2 of 16.
    pub number: u32,
    /// How many shards there are: 16 for shard 2 of 16.
    pub of: u32,
}

impl Shard {
    /// The maximum number of shards of an experiment.
    pub const MAX: u32 = 100_000;

    /// Returns whether `run` belongs to the shard.
    pub fn has(self, run: &Run, rule: ShardRule) -> bool {
        number_of(run, self.of, rule) == self.number
    }

    /// Returns whether a run belongs to the shard. The run is given by the canonical text of its configuration (each parameter as
    /// `name=value`) and by its repetition.
    pub(crate) fn has_repetition(
        self,
        configuration: &str,
        repetition: u32,
        rule: ShardRule,
    ) -> bool {
        number_of_repetition(configuration, repetition, self.of, rule) == self.number
    }

    /// Returns the name of the shard's folder in the dataset's folder.
    pub fn folder(self) -> String {
        format!("shard-{}-of-{}", self.number, self.of)
    }

    /// Returns the shard whose folder has this name.
    pub fn from_folder(name: &str) -> Option<Self> {
        let (number, of) = name.strip_prefix("shard-")?.split_once("-of-")?;
        let shard: Self = format!("{number}/{of}").parse().ok()?;
        // Other texts of the same numbers, such as `shard-01-of-2`, are not names of shards.
        (shard.folder() == name).then_some(shard)
    }
}

/// Returns the number of the shard of `run`, from 1, if there are `of` shards.
pub(super) fn number_of(run: &Run, of: u32, rule: ShardRule) -> u32 {
    number_of_repetition(&run.configuration.to_string(), run.repetition, of, rule)
}

/// Returns the number of the shard of a run. The run is given by the canonical text of its configuration and by its repetition.
fn number_of_repetition(configuration: &str, repetition: u32, of: u32, rule: ShardRule) -> u32 {
    let number = match rule {
        ShardRule::ByKey => hash(&key(configuration, repetition)),
        // The hash is reduced first, because the sum of a large hash and the repetition could exceed 64 bits.
        ShardRule::InTurn => hash(configuration) % u64::from(of) + u64::from(repetition),
    };
    1 + (number % u64::from(of)) as u32
}

/// Returns the first eight bytes of the BLAKE3 hash of `text` as a number, the highest byte first.
fn hash(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    let first = hash.as_bytes()[..8].iter();
    first.fold(0, |number, &byte| number << 8 | u64::from(byte))
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = NotAValue;

    fn from_str(text: &str) -> Result<Self, NotAValue> {
        let parse = || {
            let (number, of) = text.split_once('/')?;
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            let is_valid = (1..=Self::MAX).contains(&of) && (1..=of).contains(&number);
            is_valid.then_some(Self { number, of })
        };
        parse().ok_or_else(|| NotAValue::new(text, "a shard such as 1/4 (the first of 4)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Experiment, Overrides};

    fn runs(repetitions: u32) -> Vec<Run> {
        let text = format!(
            "seed = 1\nrepetitions = {repetitions}\n[parameters]\nrates = {{ every = \"ordered\", machines = 3 }}\ninternal = [0.4, 0.7]"
        );
        let experiment = Experiment::parse(&text, "e.toml".as_ref(), Overrides::default());
        experiment.expect("an experiment").runs().collect()
    }

    /// For each shard, the expected number of ticks of all its runs together. Checks that every run belongs to exactly one shard.
    fn ticks(runs: &[Run], of: u32, rule: ShardRule) -> Vec<u64> {
        let mut ticks = vec![0; of as usize];
        for run in runs {
            let shards = (1..=of).map(|number| Shard { number, of });
            let owners: Vec<Shard> = shards.filter(|shard| shard.has(run, rule)).collect();
            assert_eq!(owners.len(), 1, "{}", run.key());
            ticks[owners[0].number as usize - 1] += run.configuration.expected_ticks();
        }
        ticks
    }

    #[test]
    fn every_run_belongs_to_one_shard_and_shards_have_about_the_same_number_of_ticks() {
        let runs = runs(12);
        // These numbers of shards divide the 12 repetitions evenly.
        for of in [1, 2, 3, 4, 6, 12] {
            let ticks = ticks(&runs, of, ShardRule::InTurn);
            assert!(ticks.windows(2).all(|pair| pair[0] == pair[1]), "{ticks:?}");
        }
        // 12 repetitions cannot be divided evenly among 5 shards. Then the shards differ by a few percent.
        let ticks = ticks(&runs, 5, ShardRule::InTurn);
        let (fewest, most) = (ticks.iter().min(), ticks.iter().max());
        let ratio = *most.expect("a shard") as f64 / *fewest.expect("a shard") as f64;
        assert!(ratio < 1.05, "{ticks:?}");
    }

    #[test]
    fn shards_by_key_differ_from_their_mean_by_less_than_a_tenth() {
        let ticks = ticks(&runs(7), 3, ShardRule::ByKey);
        let mean = ticks.iter().sum::<u64>() / 3;
        assert!(
            ticks.iter().all(|one| one.abs_diff(mean) * 10 < mean),
            "{ticks:?}"
        );
    }

    #[test]
    fn a_shard_is_read_back_from_its_text_and_from_its_folder() {
        let shard = Shard { number: 2, of: 16 };
        assert_eq!(shard.to_string().parse(), Ok(shard));
        assert_eq!(Shard::from_folder(&shard.folder()), Some(shard));
        for text in ["0/4", "5/4", "1", "1/0", "a/b", "1/100001", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        for name in ["shard-1-of-0", "shard-01-of-2", "shard", "events-0000.csv"] {
            assert_eq!(Shard::from_folder(name), None, "{name}");
        }
    }
}
