//! Predictions for all configurations of an experiment, before any of its runs is made.

use std::convert::Infallible;
use std::sync::Arc;

use sim::experiment::{Configuration, Experiment};

use super::comparison::Compared;
use super::prediction::{Prediction, predict};
use super::quantity::Quantity;
use super::regime::Regime;
use super::system::System;
use crate::measures;
use crate::threads::on_all_cores;

/// A configuration of an experiment with its predictions.
#[derive(Clone, Debug)]
pub struct PlannedConfiguration {
    /// The configuration.
    pub configuration: Arc<Configuration>,
    /// The prediction for each machine.
    pub machines: Vec<Prediction>,
}

/// Returns the predictions for all configurations of `experiment`, in the order of [`Experiment::configurations`]. The predicted measures
/// leave out the first `warm_up_s` model seconds of each run. `warm_up_s` must be less than the duration of every configuration.
pub fn predict_experiment(experiment: &Experiment, warm_up_s: f64) -> Vec<PlannedConfiguration> {
    let configurations = experiment.configurations();
    let predicted = on_all_cores(configurations.len(), |index| {
        let configuration = Arc::clone(&configurations[index]);
        let system = System::from_configuration(&configuration, warm_up_s);
        Ok::<_, Infallible>(PlannedConfiguration {
            configuration,
            machines: predict(&system),
        })
    });
    // A prediction cannot fail, so there is no error.
    predicted.unwrap_or_else(|never| match never {})
}

impl PlannedConfiguration {
    /// The worst regime of the machines. Overloaded (more messages arrive at a machine than it has ticks) is worse than critical (about as
    /// many), and critical is worse than stable (fewer). None if no regime can be predicted.
    pub fn worst_regime(&self) -> Option<Regime> {
        let regimes = || self.machines.iter().filter_map(|machine| machine.regime);
        let worst_first = [Regime::Overloaded, Regime::Critical, Regime::Stable];
        let is_predicted = |regime: &Regime| regimes().any(|other| other == *regime);
        worst_first.into_iter().find(is_predicted)
    }
}

/// The prediction of `quantity`, without a measured value to compare it with.
pub(super) fn predicted_alone(prediction: &Prediction, quantity: Quantity) -> Compared {
    Compared {
        quantity,
        measure: measures::named(quantity.name()),
        measured: None,
        predicted: prediction.value(quantity),
        caveats: prediction.caveats(quantity).to_vec(),
    }
}
