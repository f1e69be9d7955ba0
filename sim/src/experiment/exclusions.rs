//! Removes excluded configurations from an experiment (`[[exclude]]` in its file). An index finds the few exclusions that may cover a
//! configuration, so that even many exclusions take little time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::grid::Dimension;
use super::{Configuration, Parameter};

/// An exclusion: a list of parameters, each with some values. It covers a configuration if, for each of these parameters, the
/// configuration has one of the values.
pub(super) struct Exclusion(Vec<Values>);

/// Some values of one parameter.
struct Values {
    parameter: &'static Parameter,
    /// The values, each written as `name=value`.
    texts: HashSet<String>,
}

impl Exclusion {
    /// Creates an exclusion from `dimensions`: parameters, each with the values to exclude.
    pub(super) fn new(dimensions: &[Dimension]) -> Self {
        let values = |dimension: &Dimension| {
            let parameter = dimension.parameter;
            let settings = dimension.settings.iter();
            Values {
                parameter,
                texts: settings
                    .map(|setting| text(parameter, &setting.cell))
                    .collect(),
            }
        };
        Self(dimensions.iter().map(values).collect())
    }

    /// Returns whether the exclusion covers `configuration`.
    pub(super) fn covers(&self, configuration: &Configuration) -> bool {
        self.0.iter().all(|values| {
            let text = text_in(values.parameter, configuration);
            values.texts.contains(&text)
        })
    }
}

/// Writes a parameter and a value as text, such as `internal=0.7`. `cell` is the canonical text of the value. Two different pairs of
/// parameter and value have different texts.
fn text(parameter: &Parameter, cell: &str) -> String {
    format!("{}={cell}", parameter.name)
}

/// Writes `parameter` and the value that `configuration` has for it.
fn text_in(parameter: &Parameter, configuration: &Configuration) -> String {
    text(parameter, &parameter.cell(configuration))
}

/// An index that finds the exclusions that may cover a configuration. One parameter of each exclusion is its *key parameter*. The index
/// files the exclusion under each value that the exclusion has for this parameter, for example under `internal=0.5` and `internal=0.7`.
///
/// A search tries all exclusions that are filed under a value of the configuration. To keep these exclusions few, the key parameter is a
/// parameter whose values occur in only a few exclusions. For example, an exclusion has the values `internal=0.5` (which occurs in 3
/// exclusions), `internal=0.7` (in 1) and `stamp=before` (in 9). The most frequent value of each parameter decides: 3 exclusions for
/// `internal`, 9 for `stamp`. So `internal` becomes the key parameter.
struct Index<'e> {
    exclusions: &'e [Exclusion],
    /// For each value (as text): the numbers of the exclusions that are filed under it, in ascending order. The number of an exclusion is
    /// its position in `exclusions`.
    by_value: HashMap<&'e str, Vec<usize>>,
    /// The parameters that are the key parameter of at least one exclusion.
    key_parameters: Vec<&'static Parameter>,
}

impl<'e> Index<'e> {
    fn new(exclusions: &'e [Exclusion]) -> Self {
        // In how many exclusions each value occurs.
        let mut frequency: HashMap<&str, usize> = HashMap::new();
        let values = exclusions.iter().flat_map(|exclusion| &exclusion.0);
        for text in values.flat_map(|values| &values.texts) {
            *frequency.entry(text).or_default() += 1;
        }
        let highest_frequency = |values: &&Values| {
            let frequencies = values.texts.iter().map(|text| frequency[text.as_str()]);
            frequencies.max()
        };
        let mut index = Self {
            exclusions,
            by_value: HashMap::new(),
            key_parameters: vec![],
        };
        for (number, exclusion) in exclusions.iter().enumerate() {
            // Only an exclusion without parameters has no key parameter. The code that reads experiment files refuses such exclusions, so
            // they do not occur here.
            let Some(values) = exclusion.0.iter().min_by_key(highest_frequency) else {
                continue;
            };
            for text in &values.texts {
                index.by_value.entry(text).or_default().push(number);
            }
            let is_same = |parameter: &&Parameter| parameter.name == values.parameter.name;
            if !index.key_parameters.iter().any(is_same) {
                index.key_parameters.push(values.parameter);
            }
        }
        index
    }

    /// Returns the number of the first exclusion that covers `configuration`.
    fn find(&self, configuration: &Configuration) -> Option<usize> {
        // For each key parameter: the exclusions filed under the value that the configuration has for this parameter.
        let candidates = self.key_parameters.iter().filter_map(|parameter| {
            let text = text_in(parameter, configuration);
            self.by_value.get(text.as_str())
        });
        // In each of these lists: the first exclusion that really covers the configuration.
        let covering = candidates.filter_map(|numbers| {
            let mut numbers = numbers.iter().copied();
            numbers.find(|&number| self.exclusions[number].covers(configuration))
        });
        covering.min()
    }
}

/// Removes the configurations that `exclusions` cover. Returns how many configurations each exclusion removed. If several exclusions
/// cover a configuration, it is counted for the first of them.
pub(super) fn remove(
    exclusions: &[Exclusion],
    configurations: &mut Vec<Arc<Configuration>>,
) -> Vec<usize> {
    let index = Index::new(exclusions);
    let mut removed = vec![0; exclusions.len()];
    configurations.retain(|configuration| match index.find(configuration) {
        Some(number) => {
            removed[number] += 1;
            false
        }
        None => true,
    });
    removed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Probability;
    use crate::experiment::grid::dimension_of;
    use proptest::prelude::*;

    /// The parameter `rates` with one set for each rate of machine 0. Machine 1 always has the rate 1. For example, `[2, 3]` gives the sets
    /// `2,1` and `3,1`.
    fn rates(rates_of_first: &[u32]) -> Dimension {
        let sets: Vec<[u32; 2]> = rates_of_first.iter().map(|&rate| [rate, 1]).collect();
        dimension_of("rates", &format!("{sets:?}"))
    }

    /// The parameter `internal` with these values, given in tenths.
    fn internal(tenths: &[u32]) -> Dimension {
        let values: Vec<f64> = tenths
            .iter()
            .map(|&tenths| f64::from(tenths) / 10.0)
            .collect();
        dimension_of("internal", &format!("{values:?}"))
    }

    fn stamp(values: &[&str]) -> Dimension {
        dimension_of("stamp", &format!("{values:?}"))
    }

    /// Generates dimensions at random: up to three parameters, each with some values.
    fn dimensions() -> impl Strategy<Value = Vec<Dimension>> {
        let numbers = || prop::option::of(prop::collection::vec(1u32..6, 1..4));
        let stamps = prop::option::of(prop::sample::select(vec!["before", "after"]));
        (numbers(), numbers(), stamps).prop_map(|(rates_of_first, tenths, value)| {
            let rates = rates_of_first.map(|of_first| rates(&of_first));
            let internal = tenths.map(|tenths| internal(&tenths));
            let stamp = value.map(|value| stamp(&[value]));
            [rates, internal, stamp].into_iter().flatten().collect()
        })
    }

    proptest! {
        #[test]
        fn the_index_removes_the_same_configurations_as_each_exclusion_in_turn(all in prop::collection::vec(dimensions(), 0..8)) {
            // The dimensions of each exclusion. An exclusion needs at least one dimension.
            let all: Vec<_> = all.into_iter().filter(|dimensions| !dimensions.is_empty()).collect();
            let five = [1, 2, 3, 4, 5];
            let grid = [rates(&five), internal(&five), stamp(&["after", "before"])];
            // The values of the grid replace the rates and the probability of `base`. Its duration (1 ns) does not matter here.
            let base = Configuration::new("1,1".parse().expect("rates"), Probability::new(0.5).expect("a probability"), 1);
            let configurations: Vec<_> = crate::experiment::grid::product(&grid, &base).into_iter().map(Arc::new).collect();
            // What is expected: without the index, each exclusion removes the configurations that it covers.
            let mut expected = configurations.clone();
            let expected_counts: Vec<usize> = all.iter().map(|dimensions| {
                let before = expected.len();
                expected.retain(|configuration| !crate::experiment::grid::covers(dimensions, configuration));
                before - expected.len()
            }).collect();
            let exclusions: Vec<Exclusion> = all.iter().map(|dimensions| Exclusion::new(dimensions)).collect();
            let mut remaining = configurations;
            prop_assert_eq!(remove(&exclusions, &mut remaining), expected_counts);
            prop_assert_eq!(remaining, expected);
        }
    }
}
