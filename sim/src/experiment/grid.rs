//! Makes the configurations of a grid: every combination of the values that an experiment file gives to parameters.
//!
//! A parameter with its values is a *dimension* of the grid. A configuration takes one value from each dimension.

use std::sync::Arc;

use super::parameter_table::Setting;
use super::{Configuration, Parameter};

/// A parameter with its values, at least one.
#[derive(Clone, Debug)]
pub(super) struct Dimension {
    pub(super) parameter: &'static Parameter,
    /// The values in the order of the file. A [`Setting`] is a value that can be given to a configuration; its `cell` is the value as text.
    /// A file can have several cases (`[[cases]]`), each with its own values for some parameters. The dimensions in `[parameters]` are cloned
    /// for each case. The `Arc` lets these clones share their values.
    pub(super) settings: Arc<[Setting]>,
}

/// Returns how many configurations [`product`] makes of `dimensions`. `None` if the number does not fit into 64 bits.
pub(super) fn product_count(dimensions: &[Dimension]) -> Option<u64> {
    dimensions.iter().try_fold(1u64, |count, dimension| {
        count.checked_mul(dimension.settings.len() as u64)
    })
}

/// Counts the machines of all configurations that [`product`] makes of `dimensions` and `base`. `None` if the number does not fit into 64
/// bits.
pub(super) fn machine_count(dimensions: &[Dimension], base: &Configuration) -> Option<u64> {
    // Only the rate set determines how many machines a configuration has. Each rate set occurs once with every combination of the other
    // parameters' values. So the result is a product: the machines of all rate sets together, times the number of these combinations. If
    // no dimension is `rates`, the only rate set is that of `base`.
    let mut other_combinations = 1u64;
    let mut machines_of_all_sets = u64::from(base.rates.machines());
    for dimension in dimensions {
        if dimension.parameter.name == "rates" {
            let machines = |setting: &Setting| u64::from(setting.apply_to(base).rates.machines());
            machines_of_all_sets = dimension.settings.iter().map(machines).sum();
        } else {
            other_combinations = other_combinations.checked_mul(dimension.settings.len() as u64)?;
        }
    }
    other_combinations.checked_mul(machines_of_all_sets)
}

/// Returns one configuration for every combination of the values of `dimensions`. A parameter without a dimension keeps the value that it
/// has in `base`. The last dimension varies fastest, as the innermost of nested loops.
pub(super) fn product(dimensions: &[Dimension], base: &Configuration) -> Vec<Configuration> {
    // Each step combines the configurations made so far with every value of one more dimension.
    dimensions
        .iter()
        .fold(vec![base.clone()], |configurations, dimension| {
            configurations
                .iter()
                .flat_map(|configuration| {
                    dimension
                        .settings
                        .iter()
                        .map(|setting| setting.apply_to(configuration))
                })
                .collect()
        })
}

/// Returns whether, in every dimension, the value of `configuration` is one of the dimension's values.
pub(super) fn covers(dimensions: &[Dimension], configuration: &Configuration) -> bool {
    dimensions.iter().all(|dimension| {
        let cell = dimension.parameter.cell(configuration);
        let mut settings = dimension.settings.iter();
        settings.any(|setting| setting.cell == cell)
    })
}

/// For tests: reads an experiment file that has the line `name = values` under `[parameters]`, and returns the dimension of this line.
#[cfg(test)]
pub(super) fn dimension_of(name: &str, values: &str) -> Dimension {
    use super::parameter_table::ReadContext;
    use crate::toml_reader::Document;

    let text = format!("seed = 1\n[parameters]\n{name} = {values}");
    let document = Document::new(&text);
    let table = document.parse().expect("TOML");
    let parameters = document.root(table.get_ref()).get("parameters");
    let section = parameters
        .and_then(|item| item.section())
        .expect("a section");
    let item = section.get(name).expect("an item");
    let parameter = Parameter::named(name).expect("a parameter");
    Dimension {
        parameter,
        settings: parameter
            .read(&item, &ReadContext::default())
            .expect("values")
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::exclusions::{self, Exclusion};
    use crate::experiment::{Probability, StampRule};
    use proptest::prelude::*;

    fn base() -> Configuration {
        let internal = Probability::new(0.5).expect("a probability");
        let duration_ns = 1;
        Configuration::new("1,3,6".parse().expect("rates"), internal, duration_ns)
    }

    /// The values 0, 0.01, 0.02, and so on.
    fn internals(count: usize) -> Dimension {
        let values: Vec<f64> = (0..count).map(|index| index as f64 / 100.0).collect();
        dimension_of("internal", &format!("{values:?}"))
    }

    /// The rate sets [1, 1], [2, 1], [3, 1], and so on.
    fn rates(count: usize) -> Dimension {
        let sets: Vec<[usize; 2]> = (1..=count).map(|rate| [rate, 1]).collect();
        dimension_of("rates", &format!("{sets:?}"))
    }

    proptest! {
        #[test]
        fn product_has_every_combination_once_and_the_counts_are_right(a in 1usize..20, b in 1usize..20) {
            let dimensions = [rates(a), internals(b), dimension_of("stamp", "\"before\"")];
            let configurations = product(&dimensions, &base());
            prop_assert_eq!(product_count(&dimensions), Some(configurations.len() as u64));
            let machines = configurations.iter().map(|configuration| u64::from(configuration.rates.machines()));
            prop_assert_eq!(machine_count(&dimensions, &base()), Some(machines.sum()));
            let different: std::collections::HashSet<String> = configurations.iter().map(Configuration::to_string).collect();
            prop_assert_eq!(different.len(), a * b);
            prop_assert!(configurations.iter().all(|configuration| configuration.stamp == StampRule::Before));
        }

        #[test]
        fn an_exclusion_removes_the_configurations_with_its_values_in_both_dimensions(a in 1usize..20, b in 1usize..20, x in 1usize..20, y in 1usize..20) {
            let mut configurations: Vec<_> = product(&[rates(a), internals(b)], &base()).into_iter().map(Arc::new).collect();
            let exclusion = Exclusion::new(&[rates(x), internals(y)]);
            // `remove` returns a list: how many configurations each exclusion removed. Here the list has one entry.
            let removed = exclusions::remove(&[exclusion], &mut configurations)[0];
            // The grid has `a` rate sets and `b` probabilities. The exclusion covers the first `x` of these rate sets (all if `x` is larger
            // than `a`), combined with the first `y` of these probabilities.
            prop_assert_eq!(removed, a.min(x) * b.min(y));
            prop_assert_eq!(configurations.len(), a * b - removed);
        }
    }
}
