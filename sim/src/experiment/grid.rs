//! A grid multiplied out: every combination of the values of its dimensions, for each case.

use std::fmt;
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

    /// The value that `configuration` has of the same parameter.
    pub(super) fn of_same_parameter(&self, configuration: &Configuration) -> Self {
        match self {
            Self::Rates(_) => Self::Rates(configuration.rates.clone()),
            Self::Internal(_) => Self::Internal(configuration.internal.clone()),
            Self::Phase(_) => Self::Phase(configuration.phase),
            Self::Stamp(_) => Self::Stamp(configuration.stamp),
            Self::Delay(_) => Self::Delay(configuration.delay),
            Self::Receive(_) => Self::Receive(configuration.receive),
            Self::Topology(_) => Self::Topology(configuration.topology),
            Self::Sends(_) => Self::Sends(configuration.sends),
            Self::Connection(_) => Self::Connection(configuration.connection),
        }
    }
}

/// The parameter and its value: equal values have the same text, different ones different texts.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rates(rates) => write!(f, "rates={rates}"),
            Self::Internal(internal) => write!(f, "internal={internal}"),
            Self::Phase(phase) => write!(f, "phase={phase}"),
            Self::Stamp(stamp) => write!(f, "stamp={stamp}"),
            Self::Delay(delay) => write!(f, "delay_s={delay}"),
            Self::Receive(receive) => write!(f, "receive={receive}"),
            Self::Topology(topology) => write!(f, "topology={topology}"),
            Self::Sends(sends) => write!(f, "sends={sends}"),
            Self::Connection(connection) => write!(f, "connection={connection}"),
        }
    }
}

/// The values of one parameter: at least one. Shared by all cases that have them.
pub(super) type Dimension = Arc<[Setting]>;

/// How many configurations the product of `dimensions` has. `None` if more than 64 bits can count.
pub(super) fn product_count(dimensions: &[Dimension]) -> Option<u64> {
    dimensions.iter().try_fold(1u64, |count, dimension| {
        count.checked_mul(dimension.len() as u64)
    })
}

/// How many machines all configurations of the product have together. `None` if more than 64 bits can count.
pub(super) fn machine_count(dimensions: &[Dimension]) -> Option<u64> {
    dimensions.iter().try_fold(1u64, |count, dimension| {
        let values = dimension.iter().map(|setting| match setting {
            Setting::Rates(rates) => u64::from(rates.machines()),
            _ => 1,
        });
        count.checked_mul(values.sum())
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

/// Whether `configuration` has one of the values in every dimension.
pub(super) fn covers(dimensions: &[Dimension], configuration: &Configuration) -> bool {
    dimensions.iter().all(|dimension| {
        dimension
            .iter()
            .any(|setting| setting.of_same_parameter(configuration) == *setting)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Probability;
    use crate::experiment::exclusions::{self, Exclusion};
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
            let dimensions = [rates(a), internals(b), [Setting::Stamp(StampRule::Before)].into()];
            let configurations = product(&dimensions, &base());
            prop_assert_eq!(product_count(&dimensions), Some(configurations.len() as u64));
            let machines = configurations.iter().map(|configuration| u64::from(configuration.rates.machines()));
            prop_assert_eq!(machine_count(&dimensions), Some(machines.sum()));
            let different: std::collections::HashSet<String> = configurations.iter().map(Configuration::to_string).collect();
            prop_assert_eq!(different.len(), a * b);
            prop_assert!(configurations.iter().all(|configuration| configuration.stamp == StampRule::Before));
        }

        #[test]
        fn excludes_what_matches_in_every_dimension_and_no_more(a in 1usize..20, b in 1usize..20, x in 1usize..20, y in 1usize..20) {
            let mut configurations: Vec<_> = product(&[rates(a), internals(b)], &base()).into_iter().map(Arc::new).collect();
            let exclusion = Exclusion::new(&[rates(x), internals(y)]);
            let removed = exclusions::remove(&[exclusion], &mut configurations)[0];
            prop_assert_eq!(removed, a.min(x) * b.min(y));
            prop_assert_eq!(configurations.len(), a * b - removed);
        }
    }
}
