//! A grid multiplied out: every combination of the values of its dimensions, for each case, less what is excluded.

use std::collections::HashSet;
use std::sync::Arc;

use super::parameter_table::Setting;
use super::{Configuration, Parameter};

/// The values of one parameter.
#[derive(Clone, Debug)]
pub(super) struct Dimension {
    pub(super) parameter: &'static Parameter,
    /// In the order of the file.
    pub(super) settings: Vec<Setting>,
}

/// How many configurations the product of `dimensions` has. `None` if more than 64 bits can count.
pub(super) fn product_count(dimensions: &[Dimension]) -> Option<u64> {
    dimensions.iter().try_fold(1u64, |count, dimension| {
        count.checked_mul(dimension.settings.len() as u64)
    })
}

/// Every combination, the last dimension varying fastest, on top of `base`.
pub(super) fn product(dimensions: &[Dimension], base: &Configuration) -> Vec<Configuration> {
    dimensions
        .iter()
        .fold(vec![base.clone()], |configurations, dimension| {
            configurations
                .iter()
                .flat_map(|configuration| {
                    dimension
                        .settings
                        .iter()
                        .map(|setting| setting.on_top_of(configuration))
                })
                .collect()
        })
}

/// What has one of the values in every one of some dimensions.
pub(super) struct Cover(Vec<(&'static Parameter, HashSet<String>)>);

impl Cover {
    /// The cover of `dimensions`.
    pub(super) fn new(dimensions: &[Dimension]) -> Self {
        let values = |dimension: &Dimension| {
            dimension
                .settings
                .iter()
                .map(|setting| setting.cell.clone())
                .collect()
        };
        let pairs = dimensions
            .iter()
            .map(|dimension| (dimension.parameter, values(dimension)));
        Self(pairs.collect())
    }

    /// Whether `configuration` has one of the values in every dimension.
    pub(super) fn has(&self, configuration: &Configuration) -> bool {
        self.0
            .iter()
            .all(|(parameter, cells)| cells.contains(&parameter.cell(configuration)))
    }

    /// Removes what it has; returns how many that were.
    pub(super) fn remove_from(&self, configurations: &mut Vec<Arc<Configuration>>) -> usize {
        let before = configurations.len();
        configurations.retain(|configuration| !self.has(configuration));
        before - configurations.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::reader::Document;
    use crate::experiment::{Probability, StampRule};
    use proptest::prelude::*;

    fn base() -> Configuration {
        let internal = Probability::new(0.5).expect("a probability");
        Configuration::new("1,3,6".parse().expect("rates"), internal, 1)
    }

    fn dimension(name: &str, values: &str) -> Dimension {
        let text = format!("seed = 1\n[parameters]\n{name} = {values}");
        let document = Document::new(&text);
        let table = document.parse().expect("TOML");
        let parameters = document.root(table.get_ref()).get("parameters");
        let item = parameters
            .and_then(|item| item.section()?.get(name))
            .expect("an item");
        let parameter = Parameter::named(name).expect("a parameter");
        Dimension {
            parameter,
            settings: parameter.read(&item, 1).expect("values"),
        }
    }

    fn internals(count: usize) -> Dimension {
        let values: Vec<f64> = (0..count).map(|place| place as f64 / 100.0).collect();
        dimension("internal", &format!("{values:?}"))
    }

    fn rates(count: usize) -> Dimension {
        let sets: Vec<[usize; 2]> = (1..=count).map(|rate| [rate, 1]).collect();
        dimension("rates", &format!("{sets:?}"))
    }

    proptest! {
        #[test]
        fn has_every_combination_once(a in 1usize..20, b in 1usize..20) {
            let dimensions = [rates(a), internals(b), dimension("stamp", "\"before\"")];
            let configurations = product(&dimensions, &base());
            prop_assert_eq!(product_count(&dimensions), Some(configurations.len() as u64));
            let different: std::collections::HashSet<String> = configurations.iter().map(Configuration::to_string).collect();
            prop_assert_eq!(different.len(), a * b);
            prop_assert!(configurations.iter().all(|configuration| configuration.stamp == StampRule::Before));
        }

        #[test]
        fn excludes_what_matches_in_every_dimension_and_no_more(a in 1usize..20, b in 1usize..20, x in 1usize..20, y in 1usize..20) {
            let mut configurations: Vec<_> = product(&[rates(a), internals(b)], &base()).into_iter().map(Arc::new).collect();
            let removed = Cover::new(&[rates(x), internals(y)]).remove_from(&mut configurations);
            prop_assert_eq!(removed, a.min(x) * b.min(y));
            prop_assert_eq!(configurations.len(), a * b - removed);
        }
    }
}
