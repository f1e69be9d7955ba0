//! The measurement beside the prediction.

use super::caveat::Caveat;
use super::prediction::{Prediction, predict};
use super::quantity::Quantity;
use super::system::System;
use crate::measures::{self, Measure};
use crate::stats::estimate::Estimate;
use crate::stats::repetitions::Group;

/// A machine of a configuration: what was measured, and what was to be expected.
#[derive(Clone, Debug)]
pub struct PredictionComparison<'a> {
    /// The repetitions.
    pub group: &'a Group,
    /// What theory says; none if a parameter of the configuration could not be read.
    pub prediction: Option<Prediction>,
}

/// A measure and its prediction.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Which of those that theory speaks about.
    pub quantity: Quantity,
    /// What is measured.
    pub measure: &'static Measure,
    /// What the repetitions say; none if it is undefined in all of them.
    pub measured: Option<Estimate>,
    /// What theory says; none where it says nothing.
    pub predicted: Option<f64>,
    /// What the derivation neglects that matters for it.
    pub caveats: Vec<Caveat>,
}

impl Compared {
    /// Measured less predicted.
    pub fn difference(&self) -> Option<f64> {
        Some(self.measured?.mean - self.predicted?)
    }

    /// The difference in standard errors of the measured mean; none for a single repetition, or where all are equal.
    pub fn z(&self) -> Option<f64> {
        let estimate = self.measured?;
        estimate.half_width?;
        let standard_error = estimate.sd? / (estimate.n as f64).sqrt();
        Some(self.difference()? / standard_error)
    }
}

impl PredictionComparison<'_> {
    /// Every measure that theory speaks about.
    pub fn compared(&self) -> Vec<Compared> {
        Quantity::ALL.map(|quantity| self.of(quantity)).to_vec()
    }

    /// One of them.
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
    // The machines of a configuration follow each other: it is predicted once.
    let mut last: Option<(System, Vec<Prediction>)> = None;
    let mut predicted = |group: &Group| -> Option<Prediction> {
        let system = System::from_group(group);
        let machines = match last.take() {
            Some((known, machines)) if known == system => machines,
            _ => predict(&system),
        };
        let prediction = machines.get(group.machine as usize).cloned();
        last = Some((system, machines));
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
