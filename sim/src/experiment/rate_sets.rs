//! Rules that make rate sets: all ordered sets of N rates, all unordered sets, or random sets. A rate set has one rate for each machine of
//! a run; the same rate may occur more than once.

use rand::RngExt;
use std::cell::Cell;
use std::collections::HashSet;

use super::{Experiment, Rate, Rates};
use crate::random;

/// Which rate sets to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RateRule {
    /// All assignments of rates to machines, so `1,3` and `3,1` are different sets. With r possible rates and N machines, these
    /// are r^N sets.
    EveryOrdered,
    /// All choices of rates without regard to their order: `1,3` and `3,1` count as the same set, and only `1,3` is made.
    EveryUnordered,
    /// This number of different random ordered sets. All sets are equally likely.
    Random(u64),
}

/// The number of machines that the rate sets still to be made may have in total. A set of three rates uses up three machines of the
/// budget. Without a budget, a short rule could make more sets than fit into the memory.
#[derive(Debug)]
pub(super) struct MachineBudget(Cell<u64>);

impl Default for MachineBudget {
    /// The budget before the first rate set: as many machines as all configurations of an experiment together may have.
    fn default() -> Self {
        Self(Cell::new(Experiment::MAX_MACHINES))
    }
}

impl MachineBudget {
    /// Subtracts `machines` machines. `None` if fewer are left.
    pub(super) fn take(&self, machines: u64) -> Option<()> {
        self.0.set(self.0.get().checked_sub(machines)?);
        Some(())
    }
}

/// A rule, with the number of rates in a set and the rates that are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateSets {
    pub(super) rule: RateRule,
    /// The number of machines of a run. A set has one rate for each of them.
    pub(super) machines: u32,
    /// The lowest possible rate.
    pub(super) from: Rate,
    /// No rate is higher than this one.
    pub(super) to: Rate,
    /// The step from one possible rate to the next.
    pub(super) step: Rate,
}

impl RateSets {
    /// Returns how many sets the rule makes. `None` if the number does not fit into 64 bits.
    pub(super) fn count(&self) -> Option<u64> {
        match self.rule {
            RateRule::EveryOrdered => self.ordered_count(),
            RateRule::EveryUnordered => self.unordered_count(),
            RateRule::Random(count) => Some(count),
        }
    }

    /// Returns the number of ordered sets of the possible rates.
    pub(super) fn ordered_count(&self) -> Option<u64> {
        self.choices().checked_pow(self.machines)
    }

    /// Returns the number of unordered sets, in which a rate may occur more than once: the binomial coefficient
    /// `C(choices + machines - 1, machines)`, where `choices` is the number of possible rates.
    fn unordered_count(&self) -> Option<u64> {
        // Let m = choices - 1. Before step `index`, `count` is C(m + index - 1, index - 1). The step multiplies it by m + index, and
        // divides the product by index. The result is C(m + index, index). It is a whole number, so the division has no remainder.
        (1..=u64::from(self.machines)).try_fold(1u64, |count, index| {
            let product = u128::from(count) * u128::from(self.choices() - 1 + index);
            u64::try_from(product / u128::from(index)).ok()
        })
    }

    /// Returns the number of possible rates: `from`, `from + step`, and so on up to `to`.
    fn choices(&self) -> u64 {
        let span = self.to.micro_hertz() - self.from.micro_hertz();
        span / self.step.micro_hertz() + 1
    }

    /// Returns the sets. Call this function only if [`RateSets::count`] is small. For random sets, `count` must also be at most
    /// [`RateSets::ordered_count`], the number of different sets that exist. Otherwise the search for more different sets would never end.
    pub(super) fn expand(&self, seed: u64) -> Vec<Rates> {
        let sets = match self.rule {
            // Each machine may have every rate, so its index begins at 0, whatever rate the machine before it has.
            RateRule::EveryOrdered => self.index_sets(|_| 0),
            // The rate of the machine before has the index `previous`. This machine must not be slower, so its index begins at `previous`.
            RateRule::EveryUnordered => self.index_sets(|previous| previous),
            RateRule::Random(count) => self.draw_index_sets(count, seed),
        };
        // Neither `filter_map` leaves anything out: `from` and `to` are valid rates, so each rate between them is valid, and the number of
        // machines was checked before.
        sets.into_iter()
            .filter_map(|set| {
                Rates::new(
                    set.into_iter()
                        .filter_map(|index| self.rate(index))
                        .collect(),
                )
            })
            .collect()
    }

    /// Returns the possible rate with this index: index 0 is `from`, index 1 is `from + step`, and so on.
    fn rate(&self, index: u32) -> Option<Rate> {
        Rate::from_micro_hertz(self.from.micro_hertz() + u64::from(index) * self.step.micro_hertz())
    }

    /// Returns all sets of indices of rates. A set has one index for each machine. If a machine has index `previous`, the next machine has
    /// at least index `lowest(previous)`.
    fn index_sets(&self, lowest: impl Fn(u32) -> u32) -> Vec<Vec<u32>> {
        let mut sets: Vec<Vec<u32>> = vec![vec![]];
        for _ in 0..self.machines {
            sets = sets
                .into_iter()
                .flat_map(|set| {
                    let first = lowest(set.last().copied().unwrap_or(0));
                    (first..self.choices() as u32)
                        .map(move |index| set.iter().copied().chain([index]).collect())
                })
                .collect();
        }
        sets
    }

    /// Draws `count` different sets of indices of rates. With a larger `count`, the first sets are the same, and more sets follow.
    fn draw_index_sets(&self, count: u64, seed: u64) -> Vec<Vec<u32>> {
        // The name of the random stream. It contains the number of machines and the range of rates, so rules that differ in them draw from
        // different streams. A step of 1, the default, is left out of the name. In older versions every step was 1, and the name had no
        // step. So with a step of 1, a seed gives the same sets as in older versions.
        let mut purpose = format!("rates {} {}-{}", self.machines, self.from, self.to);
        if Some(self.step) != Rate::new(1) {
            purpose += &format!(" step {}", self.step);
        }
        let mut random = random::experiment_stream(seed, &purpose);
        let (mut sets, mut seen) = (Vec::new(), HashSet::new());
        while (sets.len() as u64) < count {
            let set: Vec<u32> = (0..self.machines)
                .map(|_| random.random_range(0..self.choices() as u32))
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

    /// A rule for sets of the rates 1, 2, ... `to`.
    fn sets(rule: RateRule, machines: u32, to: u32) -> RateSets {
        let rate = |hertz| Rate::new(hertz).expect("a rate");
        RateSets {
            rule,
            machines,
            from: rate(1),
            to: rate(to),
            step: rate(1),
        }
    }

    #[test]
    fn six_rates_make_216_ordered_and_56_unordered_sets_of_three() {
        // 6^3 = 216, and C(6 + 3 - 1, 3) = C(8, 3) = 56.
        assert_eq!(sets(RateRule::EveryOrdered, 3, 6).expand(0).len(), 216);
        assert_eq!(sets(RateRule::EveryUnordered, 3, 6).expand(0).len(), 56);
    }

    #[test]
    fn a_larger_number_of_random_sets_begins_with_the_same_sets() {
        let few = sets(RateRule::Random(5), 3, 6).expand(9);
        let many = sets(RateRule::Random(50), 3, 6).expand(9);
        assert_eq!(few[..], many[..5]);
        let few_with_other_seed = sets(RateRule::Random(5), 3, 6).expand(10);
        assert_ne!(few, few_with_other_seed);
    }

    #[test]
    fn a_step_below_one_makes_rates_with_decimals() {
        let step = Rate::from_hertz(0.25);
        let rule = RateSets {
            step: step.expect("a rate"),
            ..sets(RateRule::EveryUnordered, 2, 2)
        };
        let texts: Vec<String> = rule.expand(0).iter().map(Rates::to_string).collect();
        // The 5 rates 1, 1.25, 1.5, 1.75 and 2 make 15 unordered pairs.
        assert_eq!(texts.len(), 15);
        assert_eq!(texts[..3], ["1,1", "1,1.25", "1,1.5"]);
        assert_eq!(rule.count(), Some(15));
    }

    proptest! {
        #[test]
        fn count_predicts_the_number_of_sets_and_no_set_occurs_twice(machines in 2u32..5, to in 1u32..6, ordered in any::<bool>()) {
            let rule = if ordered { RateRule::EveryOrdered } else { RateRule::EveryUnordered };
            let rule = sets(rule, machines, to);
            let expanded = rule.expand(0);
            let different: HashSet<String> = expanded.iter().map(Rates::to_string).collect();
            prop_assert_eq!(rule.count(), Some(expanded.len() as u64));
            prop_assert_eq!(different.len(), expanded.len());
        }
    }
}
