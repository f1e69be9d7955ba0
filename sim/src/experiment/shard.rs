//! A part of an experiment's runs, for one of several processes or hosts that share the work.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::NotAValue;

/// Shard `number` of `of`: every run belongs to exactly one, which its key decides and not its place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// Which one, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

impl Shard {
    /// The most shards an experiment may have.
    pub const MAX: u32 = 100_000;

    /// Whether the run with this key belongs to it.
    pub fn has(self, key: &str) -> bool {
        let hash = blake3::hash(key.as_bytes());
        let first = hash.as_bytes()[..8]
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte));
        first % u64::from(self.of) == u64::from(self.number - 1)
    }

    /// The name of its folder under the experiment's.
    pub fn folder(self) -> String {
        format!("shard-{}-of-{}", self.number, self.of)
    }

    /// The shard whose folder has this name.
    pub fn of_folder(name: &str) -> Option<Self> {
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
        assert_eq!(Shard::of_folder(&shard.folder()), Some(shard));
        for text in ["0/4", "5/4", "1", "1/0", "a/b", "1/100001", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        for name in ["shard-1-of-0", "shard-01-of-2", "shard", "events-0000.csv"] {
            assert_eq!(Shard::of_folder(name), None, "{name}");
        }
    }
}
