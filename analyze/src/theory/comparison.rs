//! Compares the measures of simulated or real runs with the predictions of theory.

use super::caveat::Caveat;
use super::prediction::{Prediction, predict};
use super::quantity::Quantity;
use super::system::System;
use crate::measures::{self, Measure};
use crate::stats::estimate::Estimate;
use crate::stats::repetitions::Group;

/// The measurements and the prediction for a machine of a configuration.
#[derive(Clone, Debug)]
pub struct PredictionComparison<'a> {
    /// The machine's measures, averaged over the repetitions.
    pub group: &'a Group,
    /// The prediction for machine `group.machine`; none if the configuration has no such machine.
    pub prediction: Option<Prediction>,
}

/// A measure and its prediction.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Which of the predicted quantities is compared.
    pub quantity: Quantity,
    /// The measure with the same name as the quantity. Tables show the quantity with the heading and the number of digits of this measure.
    /// Only the final backlog has another heading.
    pub measure: &'static Measure,
    /// The measured value; none if it is undefined in all repetitions.
    pub measured: Option<Estimate>,
    /// The predicted value; none if it cannot be derived.
    pub predicted: Option<f64>,
    /// The reasons why the predicted value may be inaccurate.
    pub caveats: Vec<Caveat>,
}

impl Compared {
    /// The measured value minus the predicted value.
    pub fn difference(&self) -> Option<f64> {
        Some(self.measured?.mean - self.predicted?)
    }

    /// The z-score: the difference divided by the standard error of the measured mean. None for a single repetition, or if all
    /// measured values are equal.
    pub fn z(&self) -> Option<f64> {
        let estimate = self.measured?;
        // If all values are equal, there is no interval, and the standard error would be 0. So the function returns `None` here.
        estimate.half_width?;
        let standard_error = estimate.sd? / (estimate.n as f64).sqrt();
        Some(self.difference()? / standard_error)
    }
}

/// All measures that theory predicts.
pub fn measures() -> Vec<&'static Measure> {
    Quantity::ALL
        .map(|quantity| measures::named(quantity.name()))
        .to_vec()
}

impl PredictionComparison<'_> {
    /// Compares all quantities that theory predicts.
    pub fn compared(&self) -> Vec<Compared> {
        Quantity::ALL.map(|quantity| self.of(quantity)).to_vec()
    }

    /// Compares one quantity.
    pub fn of(&self, quantity: Quantity) -> Compared {
        let measure = measures::named(quantity.name());
        let prediction = self.prediction.as_ref();
        Compared {
            quantity,
            measure,
            measured: self.group.estimate(measure),
            predicted: prediction.and_then(|prediction| prediction.value(quantity)),
            caveats: prediction
                .map(|prediction| prediction.caveats(quantity).to_vec())
                .unwrap_or_default(),
        }
    }
}

/// `groups` with their predictions, in the same order.
pub fn compare(groups: &[Group]) -> Vec<PredictionComparison<'_>> {
    // The system of the previous group, and the predictions for all machines of this system. A system is what theory needs to know about
    // a configuration, and a group is one machine of a configuration. Groups of the same configuration are consecutive, so each
    // configuration is predicted only once.
    let mut last: Option<(System, Vec<Prediction>)> = None;
    let mut predicted = |group: &Group| -> Option<Prediction> {
        let system = System::from_group(group);
        let predictions = match last.take() {
            Some((last_system, predictions)) if last_system == system => predictions,
            _ => predict(&system),
        };
        let prediction = predictions.get(group.machine as usize).cloned();
        last = Some((system, predictions));
        prediction
    };
    groups
        .iter()
        .map(|group| PredictionComparison {
            group,
            prediction: predicted(group),
        })
        .collect()
}
