//! Removes excluded configurations from a grid. An index finds the exclusions that may cover a configuration, so even many exclusions
//! take little time.

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
    /// Creates an exclusion from `dimensions`. Each dimension is a parameter with the values to exclude.
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

/// Writes a parameter and a value as text, such as `internal=0.7`. Two different pairs of parameter and value have different texts.
fn text(parameter: &Parameter, cell: &str) -> String {
    format!("{}={cell}", parameter.name)
}

/// Writes `parameter` and the value that `configuration` has for it.
fn text_in(parameter: &Parameter, configuration: &Configuration) -> String {
    text(parameter, &parameter.cell(configuration))
}

/// An index that finds the exclusions that may cover a configuration. Each exclusion is found by the values of one of its parameters.
/// This parameter is chosen so that few exclusions have the same values: its most frequent value occurs in fewer exclusions than the
/// most frequent value of any other parameter of the exclusion.
struct Index<'e> {
    exclusions: &'e [Exclusion],
    /// For each value (as text): the numbers of the exclusions that are found by it, in ascending order.
    by_value: HashMap<&'e str, Vec<usize>>,
    /// The parameters by whose values exclusions are found.
    parameters: Vec<&'static Parameter>,
}

impl<'e> Index<'e> {
    fn new(exclusions: &'e [Exclusion]) -> Self {
        let mut frequency: HashMap<&str, usize> = HashMap::new();
        let values = exclusions.iter().flat_map(|exclusion| &exclusion.0);
        for text in values.flat_map(|values| &values.texts) {
            *frequency.entry(text).or_default() += 1;
        }
        let most_frequent = |values: &&Values| {
            let frequencies = values.texts.iter().map(|text| frequency[text.as_str()]);
            frequencies.max()
        };
        let mut index = Self {
            exclusions,
            by_value: HashMap::new(),
            parameters: vec![],
        };
        for (number, exclusion) in exclusions.iter().enumerate() {
            let Some(values) = exclusion.0.iter().min_by_key(most_frequent) else {
                continue;
            };
            for text in &values.texts {
                index.by_value.entry(text).or_default().push(number);
            }
            let known = |parameter: &&Parameter| parameter.name == values.parameter.name;
            if !index.parameters.iter().any(known) {
                index.parameters.push(values.parameter);
            }
        }
        index
    }

    /// Returns the number of the first exclusion that covers `configuration`.
    fn find(&self, configuration: &Configuration) -> Option<usize> {
        let candidates = self.parameters.iter().filter_map(|parameter| {
            let text = text_in(parameter, configuration);
            self.by_value.get(text.as_str())
        });
        let covering = candidates.filter_map(|numbers| {
            let mut numbers = numbers.iter().copied();
            numbers.find(|&number| self.exclusions[number].covers(configuration))
        });
        covering.min()
    }
}

/// Removes the configurations that `exclusions` cover. Returns how many configurations each exclusion removed. If several exclusions
/// cover a configuration, only the first of them counts it.
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

    fn rates(first: &[u32]) -> Dimension {
        let sets: Vec<[u32; 2]> = first.iter().map(|&first| [first, 1]).collect();
        dimension_of("rates", &format!("{sets:?}"))
    }

    fn internal(tenths: &[u32]) -> Dimension {
        let values: Vec<f64> = tenths
            .iter()
            .map(|&tenths| f64::from(tenths) / 10.0)
            .collect();
        dimension_of("internal", &format!("{values:?}"))
    }

    fn stamp(rules: &[&str]) -> Dimension {
        dimension_of("stamp", &format!("{rules:?}"))
    }

    /// Some values of one, two or three parameters.
    fn dimensions() -> impl Strategy<Value = Vec<Dimension>> {
        let numbers = || prop::option::of(prop::collection::vec(1u32..6, 1..4));
        let stamps = prop::option::of(prop::sample::select(vec!["before", "after"]));
        (numbers(), numbers(), stamps).prop_map(|(first, tenths, rule)| {
            let rates = first.map(|first| rates(&first));
            let internal = tenths.map(|tenths| internal(&tenths));
            let stamp = rule.map(|rule| stamp(&[rule]));
            [rates, internal, stamp].into_iter().flatten().collect()
        })
    }

    proptest! {
        #[test]
        fn removes_the_same_as_applying_each_exclusion_in_turn(all in prop::collection::vec(dimensions(), 0..8)) {
            let all: Vec<_> = all.into_iter().filter(|dimensions| !dimensions.is_empty()).collect();
            let five = [1, 2, 3, 4, 5];
            let grid = [rates(&five), internal(&five), stamp(&["after", "before"])];
            let base = Configuration::new("1,1".parse().expect("rates"), Probability::new(0.5).expect("one"), 1);
            let configurations: Vec<_> = crate::experiment::grid::product(&grid, &base).into_iter().map(Arc::new).collect();
            let mut kept = configurations.clone();
            let counts: Vec<usize> = all.iter().map(|dimensions| {
                let before = kept.len();
                kept.retain(|configuration| !crate::experiment::grid::covers(dimensions, configuration));
                before - kept.len()
            }).collect();
            let exclusions: Vec<Exclusion> = all.iter().map(|dimensions| Exclusion::new(dimensions)).collect();
            let mut rest = configurations;
            prop_assert_eq!(remove(&exclusions, &mut rest), counts);
            prop_assert_eq!(rest, kept);
        }
    }
}
