//! A shard: a part of an experiment's runs, for one of several processes or computers that share the work.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::NotAValue;

/// Shard `number` of `of` shards. Every run belongs to exactly one shard. The run's key determines which one, not its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// The number of the shard, from 1.
    pub number: u32,
    /// The number of all shards.
    pub of: u32,
}

impl Shard {
    /// The maximum number of shards of an experiment.
    pub const MAX: u32 = 100_000;

    /// Returns whether the run with this key belongs to the shard.
    pub fn has(self, key: &str) -> bool {
        let hash = blake3::hash(key.as_bytes());
        let first = hash.as_bytes()[..8]
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte));
        first % u64::from(self.of) == u64::from(self.number - 1)
    }

    /// Returns the name of the shard's folder in the dataset's folder.
    pub fn folder(self) -> String {
        format!("shard-{}-of-{}", self.number, self.of)
    }

    /// Returns the shard whose folder has this name.
    pub fn from_folder(name: &str) -> Option<Self> {
        let (number, of) = name.strip_prefix("shard-")?.split_once("-of-")?;
        let shard: Self = format!("{number}/{of}").parse().ok()?;
        (shard.folder() == name).then_some(shard)
    }
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
            let is_one = (1..=Self::MAX).contains(&of) && (1..=of).contains(&number);
            is_one.then_some(Self { number, of })
        };
        parse().ok_or_else(|| NotAValue::new(text, "a shard such as 1/4, from 1/4 to 4/4"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_belongs_to_one_shard_and_shards_are_about_even() {
        let shards = [1, 2, 3].map(|number| Shard { number, of: 3 });
        let mut counts = [0; 3];
        for key in (0..3000).map(|repetition| format!("repetition={repetition}")) {
            let owners: Vec<usize> = (0..3).filter(|&shard| shards[shard].has(&key)).collect();
            assert_eq!(owners.len(), 1, "{key}");
            counts[owners[0]] += 1;
        }
        assert!(
            counts.iter().all(|count| (900..1100).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn reads_back_from_its_text_and_from_its_folder() {
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
