//! Numbers the runs of a plan (the list of an experiment's runs). If the plan grows, every run keeps its number.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Runs that were added to the plan together: each of the `configurations` has a run for each of the `repetitions`. The lowest numbers go
/// to the first repetition of every configuration, the next numbers to the second repetition of every configuration, and so on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    /// Indices of configurations.
    configurations: Range<u32>,
    /// Numbers of repetitions.
    repetitions: Range<u32>,
}

impl Block {
    /// Returns the number of runs.
    fn len(&self) -> u64 {
        self.configurations.len() as u64 * self.repetitions.len() as u64
    }
}

/// A run, given by the index of its configuration and the number of its repetition.
pub(crate) type ConfigurationAndRepetition = (usize, u32);

/// The numbers of all runs. If a plan grows, its new runs get the next numbers, and no number changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering(Vec<Block>);

impl Numbering {
    /// Numbers `repetitions` runs of each of `configurations` configurations.
    pub(super) fn new(configurations: usize, repetitions: u32) -> Self {
        let mut numbering = Self::default();
        numbering.grow(configurations, repetitions);
        numbering
    }

    /// Adds the runs that are missing, so that each of the first `configurations` configurations has `repetitions` runs.
    pub(super) fn grow(&mut self, configurations: usize, repetitions: u32) {
        let configurations = configurations as u32;
        // Example: a plan has configuration 0 with repetitions 0 and 1. It grows to configurations 0 and 1 with repetitions 0, 1 and 2.
        // Repetitions 0 and 1 need a new block with configuration 1. Repetition 2 needs a new block with both configurations.
        //
        // The loop cuts the repetitions into parts at the ends of the existing blocks (in the example: 0..2 and 2..3). No existing
        // block begins or ends within a part. So all repetitions of a part lack the same configurations, and one new block adds them.
        let mut bounds: Vec<u32> = self.0.iter().map(|block| block.repetitions.end).collect();
        bounds.push(repetitions);
        bounds.sort_unstable();
        let mut from = 0;
        for to in bounds {
            // The condition skips repeated bounds, and bounds larger than `repetitions`.
            if from < to && to <= repetitions {
                let numbered = self.numbered_configurations(from);
                if numbered < configurations {
                    self.0.push(Block {
                        configurations: numbered..configurations,
                        repetitions: from..to,
                    });
                }
                from = to;
            }
        }
    }

    /// Returns whether every run that has a number in `earlier` has the same number here.
    pub(crate) fn continues(&self, earlier: &Self) -> bool {
        // This is the usual case, and much faster.
        if self.0.starts_with(&earlier.0) {
            return true;
        }
        let mut runs = self.runs();
        earlier.runs().all(|run| runs.next() == Some(run))
    }

    /// Returns how many configurations already have a run with this repetition. These are always the first configurations: a result of
    /// 3 means configurations 0, 1 and 2.
    fn numbered_configurations(&self, repetition: u32) -> u32 {
        let blocks = self.0.iter();
        blocks
            .filter(|block| block.repetitions.contains(&repetition))
            .map(|block| block.configurations.end)
            .max()
            .unwrap_or(0)
    }

    /// Returns the run with number `index`. `None` if there is no such run.
    pub(crate) fn run(&self, mut index: u64) -> Option<ConfigurationAndRepetition> {
        for block in &self.0 {
            // Here `index` is the number of the wanted run minus the number of this block's first run.
            if index < block.len() {
                let configuration_count = block.configurations.len() as u64;
                let configuration =
                    block.configurations.start as usize + (index % configuration_count) as usize;
                let repetition = block.repetitions.start + (index / configuration_count) as u32;
                return Some((configuration, repetition));
            }
            index -= block.len();
        }
        None
    }

    /// Returns the runs in the order of their numbers.
    pub(super) fn runs(&self) -> impl Iterator<Item = ConfigurationAndRepetition> + '_ {
        self.0.iter().flat_map(|block| {
            block.repetitions.clone().flat_map(|repetition| {
                let configurations = block.configurations.clone();
                configurations.map(move |configuration| (configuration as usize, repetition))
            })
        })
    }

    /// Returns all numbers, in order.
    pub(crate) fn all_numbers(&self) -> Range<u64> {
        0..self.0.iter().map(Block::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    /// Returns the runs in the order of their numbers. Checks that [`Numbering::runs`] and [`Numbering::run`] agree.
    fn runs(numbering: &Numbering) -> Vec<ConfigurationAndRepetition> {
        let numbers = numbering.all_numbers();
        assert!(
            numbering
                .runs()
                .eq(numbers.clone().filter_map(|number| numbering.run(number)))
        );
        assert_eq!(numbering.run(numbers.end), None);
        numbers
            .map(|number| numbering.run(number).expect("a run"))
            .collect()
    }

    /// Numbers count, and not in which steps they were given.
    #[test]
    fn a_numbering_continues_another_if_no_number_changes() {
        let (earlier, later) = (Numbering::new(2, 1), Numbering::new(2, 2));
        let mut grown = earlier.clone();
        grown.grow(2, 2);
        for longer in [&later, &grown] {
            assert!(longer.continues(&earlier) && !earlier.continues(longer));
        }
        assert!(later.continues(&grown) && grown.continues(&later));
        // Run 1 is the second configuration in one numbering, and the second repetition in the other.
        assert!(!later.continues(&Numbering::new(1, 2)));
    }

    #[test]
    fn runs_are_numbered_repetition_by_repetition() {
        assert_eq!(
            runs(&Numbering::new(2, 2)),
            [(0, 0), (1, 0), (0, 1), (1, 1)]
        );
    }

    #[test]
    fn new_runs_get_the_next_numbers() {
        let mut numbering = Numbering::new(1, 2);
        numbering.grow(2, 3);
        assert_eq!(
            runs(&numbering),
            [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (1, 2)]
        );
    }

    proptest! {
        #[test]
        fn growing_keeps_every_number_and_plans_every_run_once(steps in prop::collection::vec((0usize..5, 1u32..5), 1..6)) {
            let mut numbering = Numbering::default();
            let (mut before, mut configurations) = (vec![], 1);
            let mut wanted = HashSet::new();
            for (more, repetitions) in steps {
                configurations += more;
                numbering.grow(configurations, repetitions);
                let after = runs(&numbering);
                prop_assert_eq!(&after[..before.len()], &before[..]);
                // Runs are only added: if `repetitions` is smaller than before, the runs of earlier steps stay.
                for configuration in 0..configurations {
                    wanted.extend((0..repetitions).map(|repetition| (configuration, repetition)));
                }
                let different: HashSet<ConfigurationAndRepetition> = after.iter().copied().collect();
                prop_assert_eq!(different.len(), after.len());
                prop_assert_eq!(&different, &wanted);
                before = after;
            }
        }
    }
}
