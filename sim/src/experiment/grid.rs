//! A grid multiplied out: every combination of the values of its dimensions, for each case, less what is excluded.

use std::sync::Arc;

use super::{
    Configuration, Connection, Delay, Internal, PhaseRule, Rates, ReceiveRule, Sends, StampRule,
    Topology,
};

/// One value of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Setting {
    Rates(Rates),
    Internal(Internal),
    Phase(PhaseRule),
    Stamp(StampRule),
    Delay(Delay),
    Receive(ReceiveRule),
    Topology(Topology),
    Sends(Sends),
    Connection(Connection),
}

impl Setting {
    fn apply(&self, configuration: &mut Configuration) {
        match self {
            Self::Rates(rates) => configuration.rates = rates.clone(),
            Self::Internal(internal) => configuration.internal = internal.clone(),
            Self::Phase(phase) => configuration.phase = *phase,
            Self::Stamp(stamp) => configuration.stamp = *stamp,
            Self::Delay(delay) => configuration.delay = *delay,
            Self::Receive(receive) => configuration.receive = *receive,
            Self::Topology(topology) => configuration.topology = *topology,
            Self::Sends(sends) => configuration.sends = *sends,
            Self::Connection(connection) => configuration.connection = *connection,
        }
    }

    fn holds_in(&self, configuration: &Configuration) -> bool {
        match self {
            Self::Rates(rates) => configuration.rates == *rates,
            Self::Internal(internal) => configuration.internal == *internal,
            Self::Phase(phase) => configuration.phase == *phase,
            Self::Stamp(stamp) => configuration.stamp == *stamp,
            Self::Delay(delay) => configuration.delay == *delay,
            Self::Receive(receive) => configuration.receive == *receive,
            Self::Topology(topology) => configuration.topology == *topology,
            Self::Sends(sends) => configuration.sends == *sends,
            Self::Connection(connection) => configuration.connection == *connection,
        }
    }
}

/// The values of one parameter.
pub(super) type Dimension = Vec<Setting>;

/// How many configurations the product of `dimensions` has. `None` if more than 64 bits can count.
pub(super) fn product_count(dimensions: &[Dimension]) -> Option<u64> {
    dimensions.iter().try_fold(1u64, |count, dimension| {
        count.checked_mul(dimension.len() as u64)
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
                    dimension.iter().map(|setting| {
                        let mut configuration = configuration.clone();
                        setting.apply(&mut configuration);
                        configuration
                    })
                })
                .collect()
        })
}

/// An exclusion: what has one of the values in every one of its dimensions.
pub(super) struct Exclusion(pub(super) Vec<Dimension>);

/// Whether `configuration` has one of the values in every dimension.
pub(super) fn covers(dimensions: &[Dimension], configuration: &Configuration) -> bool {
    dimensions.iter().all(|dimension| {
        dimension
            .iter()
            .any(|setting| setting.holds_in(configuration))
    })
}

impl Exclusion {
    /// Removes what it covers; returns how many that were.
    pub(super) fn remove_from(&self, configurations: &mut Vec<Arc<Configuration>>) -> usize {
        let before = configurations.len();
        configurations.retain(|configuration| !covers(&self.0, configuration));
        before - configurations.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Probability;
    use proptest::prelude::*;

    fn base() -> Configuration {
        let internal = Probability::new(0.5).expect("a probability");
        Configuration::new("1,3,6".parse().expect("rates"), internal, 1)
    }

    fn internals(count: usize) -> Dimension {
        (0..count)
            .filter_map(|place| Probability::new(place as f64 / 100.0))
            .map(|same| Setting::Internal(same.into()))
            .collect()
    }

    fn rates(count: usize) -> Dimension {
        (1..=count)
            .map(|rate| Setting::Rates(format!("{rate},1").parse().expect("rates")))
            .collect()
    }

    proptest! {
        #[test]
        fn has_every_combination_once(a in 1usize..20, b in 1usize..20) {
            let dimensions = [rates(a), internals(b), vec![Setting::Stamp(StampRule::Before)]];
            let configurations = product(&dimensions, &base());
            prop_assert_eq!(product_count(&dimensions), Some(configurations.len() as u64));
            let different: std::collections::HashSet<String> = configurations.iter().map(Configuration::to_string).collect();
            prop_assert_eq!(different.len(), a * b);
            prop_assert!(configurations.iter().all(|configuration| configuration.stamp == StampRule::Before));
        }

        #[test]
        fn excludes_what_matches_in_every_dimension_and_no_more(a in 1usize..20, b in 1usize..20, x in 1usize..20, y in 1usize..20) {
            let mut configurations: Vec<_> = product(&[rates(a), internals(b)], &base()).into_iter().map(Arc::new).collect();
            let removed = Exclusion(vec![rates(x), internals(y)]).remove_from(&mut configurations);
            prop_assert_eq!(removed, a.min(x) * b.min(y));
            prop_assert_eq!(configurations.len(), a * b - removed);
        }
    }
}
