//! Rate sets by rule: every ordered or unordered set of N rates, or random ones.

use rand::RngExt;
use std::collections::HashSet;

use super::{Rate, Rates};
use crate::random;

/// Which rate sets to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RateRule {
    /// Every assignment of rates to the machines: `(to - from + 1)^machines` sets.
    EveryOrdered,
    /// Every choice of rates, machines in ascending order of rate.
    EveryUnordered,
    /// This many different ordered sets, drawn uniformly.
    Random(u64),
}

/// A rule with its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateSets {
    pub(super) rule: RateRule,
    pub(super) machines: u32,
    pub(super) from: u32,
    pub(super) to: u32,
}

impl RateSets {
    /// How many sets the rule makes. `None` if more than 64 bits can count.
    pub(super) fn count(&self) -> Option<u64> {
        match self.rule {
            RateRule::EveryOrdered => self.ordered_count(),
            RateRule::EveryUnordered => self.unordered_count(),
            RateRule::Random(count) => Some(count),
        }
    }

    /// How many ordered sets there are within the bounds.
    pub(super) fn ordered_count(&self) -> Option<u64> {
        self.choices().checked_pow(self.machines)
    }

    /// Choices with repetition: `C(choices + machines - 1, machines)`, built up by exact divisions.
    fn unordered_count(&self) -> Option<u64> {
        (1..=u64::from(self.machines)).try_fold(1u64, |count, place| {
            let product = u128::from(count) * u128::from(self.choices() - 1 + place);
            u64::try_from(product / u128::from(place)).ok()
        })
    }

    fn choices(&self) -> u64 {
        u64::from(self.to - self.from + 1)
    }

    /// The sets. Call only once [`RateSets::count`] is known to be small.
    pub(super) fn expand(&self, seed: u64) -> Vec<Rates> {
        let sets = match self.rule {
            RateRule::EveryOrdered => self.every(|_| self.from),
            RateRule::EveryUnordered => self.every(|last| last),
            RateRule::Random(count) => self.random(count, seed),
        };
        sets.into_iter()
            .filter_map(|set| Rates::new(set.into_iter().filter_map(Rate::new).collect()))
            .collect()
    }

    /// Every set, machine by machine; `lowest(last)` is the lowest rate allowed after a machine of rate `last`.
    fn every(&self, lowest: impl Fn(u32) -> u32) -> Vec<Vec<u32>> {
        let mut sets: Vec<Vec<u32>> = vec![vec![]];
        for _ in 0..self.machines {
            sets = sets
                .into_iter()
                .flat_map(|set| {
                    let lowest = lowest(set.last().copied().unwrap_or(self.from));
                    (lowest..=self.to).map(move |rate| set.iter().copied().chain([rate]).collect())
                })
                .collect();
        }
        sets
    }

    /// Different sets in the order drawn: asking for more keeps the first ones.
    fn random(&self, count: u64, seed: u64) -> Vec<Vec<u32>> {
        let mut random = random::experiment_stream(
            seed,
            &format!("rates {} {}-{}", self.machines, self.from, self.to),
        );
        let (mut sets, mut seen) = (Vec::new(), HashSet::new());
        while (sets.len() as u64) < count {
            let set: Vec<u32> = (0..self.machines)
                .map(|_| random.random_range(self.from..=self.to))
                .collect();
            if seen.insert(set.clone()) {
                sets.push(set);
            }
        }
        sets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sets(rule: RateRule, machines: u32, to: u32) -> RateSets {
        RateSets {
            rule,
            machines,
            from: 1,
            to,
        }
    }

    #[test]
    fn three_machines_from_one_to_six() {
        assert_eq!(sets(RateRule::EveryOrdered, 3, 6).expand(0).len(), 216);
        assert_eq!(sets(RateRule::EveryUnordered, 3, 6).expand(0).len(), 56);
    }

    #[test]
    fn more_random_sets_keep_the_first_ones() {
        let few = sets(RateRule::Random(5), 3, 6).expand(9);
        let many = sets(RateRule::Random(50), 3, 6).expand(9);
        assert_eq!(few[..], many[..5]);
        assert_ne!(few, sets(RateRule::Random(5), 3, 6).expand(10));
    }

    proptest! {
        #[test]
        fn counts_agree_with_the_sets_which_all_differ(machines in 2u32..5, to in 1u32..6, ordered in any::<bool>()) {
            let rule = if ordered { RateRule::EveryOrdered } else { RateRule::EveryUnordered };
            let rule = sets(rule, machines, to);
            let expanded = rule.expand(0);
            let different: HashSet<String> = expanded.iter().map(Rates::to_string).collect();
            prop_assert_eq!(rule.count(), Some(expanded.len() as u64));
            prop_assert_eq!(different.len(), expanded.len());
        }
    }
}
