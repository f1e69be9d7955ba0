//! The need of each machine, and of each configuration.

use std::collections::HashMap;

use crate::measures::Measure;
use crate::output::table::{decimals_for, number};
use crate::precision::half_width::HalfWidth;
use crate::precision::need::{MOST, Need};
use crate::stats::estimate::{Estimate, IntervalKind};
use crate::stats::repetitions::Group;

/// The need of one machine of one configuration.
#[derive(Clone, Copy, Debug)]
pub struct MachineNeed<'g> {
    /// The machine and its repetitions.
    pub group: &'g Group,
    /// The estimate of the measure.
    pub estimate: Estimate,
    /// The wanted half-width, in the unit of the measure.
    pub wanted: f64,
    /// The number of repetitions, including those that are done. Numbers count all repetitions, also those without a value.
    pub need: Need,
}

/// The needs of all groups.
#[derive(Clone, Debug, Default)]
pub struct Needs<'g> {
    /// The machines whose need is known, in the order of the groups.
    pub machines: Vec<MachineNeed<'g>>,
    /// Machines with a mean of about 0, for which a relative half-width has no meaning: its 95 % interval contains 0.
    pub near_zero: Vec<&'g Group>,
    /// Machines with fewer than two values of the measure, because it is not defined in the other repetitions.
    pub undefined: Vec<&'g Group>,
}

/// Why there are no needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNeeds {
    /// A configuration has a single repetition.
    #[error(
        "{dataset}: {count} configuration{} a single repetition, so nothing is known about how much repetitions differ (the first is {first}); do at \
         least 2 repetitions of each, better 5 or more, for example with `sim run EXPERIMENT --repetitions 5`",
        if *count == 1 { " has" } else { "s have" }
    )]
    Single {
        /// The dataset.
        dataset: String,
        /// The number of such configurations.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// All means are about 0.
    #[error(
        "a half-width of {width} is relative to the mean of {measure}, which is about 0 (its 95 % interval contains 0); give an absolute \
         half-width, such as --half-width {example}"
    )]
    NearZero {
        /// The half-width.
        width: String,
        /// The measure.
        measure: &'static str,
        /// An absolute half-width.
        example: String,
    },
    /// The measure has no values.
    #[error(
        "{0} has fewer than two values in every configuration, because it is not defined in the other repetitions"
    )]
    Undefined(&'static str),
}

/// The needs of `groups`, whose `measure` was read, for intervals with `half_width`.
///
/// # Errors
///
/// [`NoNeeds`] if a configuration has a single repetition, or if no machine has a need that is known.
pub fn needs<'g>(
    groups: &'g [Group],
    measure: &Measure,
    half_width: HalfWidth,
) -> Result<Needs<'g>, NoNeeds> {
    check_repetitions(groups)?;
    let mut needs = Needs::default();
    for group in groups {
        let Some(estimate) = group.estimate(measure).filter(|estimate| estimate.n > 1) else {
            needs.undefined.push(group);
            continue;
        };
        match machine_need(group, estimate, half_width) {
            Some(need) => needs.machines.push(need),
            None => needs.near_zero.push(group),
        }
    }
    if !needs.machines.is_empty() {
        return Ok(needs);
    }
    match needs.near_zero.first() {
        None => Err(NoNeeds::Undefined(measure.name)),
        Some(group) => Err(NoNeeds::NearZero {
            width: half_width.to_string(),
            measure: measure.name,
            example: example(group, measure),
        }),
    }
}

/// A half-width that is a bit narrower than the present one.
pub(crate) fn example(group: &Group, measure: &Measure) -> String {
    let half_width = group
        .estimate(measure)
        .and_then(|estimate| estimate.half_width);
    half_width.map_or("0.2".to_owned(), |half_width| {
        number(half_width / 2.0, decimals_for(half_width / 2.0, 1, 0))
    })
}

/// The need of a machine. None if the wanted half-width is relative to a mean of about 0.
fn machine_need(
    group: &Group,
    estimate: Estimate,
    half_width: HalfWidth,
) -> Option<MachineNeed<'_>> {
    let wanted = half_width.around(estimate.mean);
    let of_values = match (estimate.sd, estimate.interval_kind) {
        (Some(sd), kind) if kind != IntervalKind::AllEqual => {
            let contains_0 = |(low, high): (f64, f64)| low <= 0.0 && 0.0 <= high;
            if half_width.is_relative() && estimate.interval().is_some_and(contains_0) {
                return None;
            }
            Need::new(estimate.n, sd, wanted)
        }
        _ => Need::none(estimate.n),
    };
    // If the measure is not defined in some repetitions, it will not be defined in the same share of the others.
    let of_repetitions = |values: Option<u64>| {
        let more = values?.saturating_sub(estimate.n);
        let repetitions = group.n + (more * group.n).div_ceil(estimate.n);
        (repetitions <= MOST).then_some(repetitions)
    };
    let ends = |values: Option<u64>| match estimate.n == group.n {
        true => values,
        false => values.map(|values| (values * group.n).div_ceil(estimate.n)),
    };
    Some(MachineNeed {
        group,
        estimate,
        wanted,
        need: Need {
            repetitions: of_repetitions(of_values.repetitions),
            low: ends(of_values.low),
            high: ends(of_values.high),
        },
    })
}

fn check_repetitions(groups: &[Group]) -> Result<(), NoNeeds> {
    let mut single: Vec<&Group> = groups.iter().filter(|group| group.n < 2).collect();
    single.dedup_by(|a, b| a.is_of_same_configuration(b));
    match single.first() {
        None => Ok(()),
        Some(first) => Err(NoNeeds::Single {
            dataset: first.dataset.clone(),
            count: single
                .iter()
                .filter(|group| group.dataset == first.dataset)
                .count(),
            first: first.configuration.to_string(),
        }),
    }
}

impl MachineNeed<'_> {
    /// The number of further repetitions. None if an experiment cannot have so many.
    pub fn further(&self) -> Option<u64> {
        Some(self.need.repetitions?.saturating_sub(self.group.n))
    }

    /// The number of repetitions, for comparisons: the largest if an experiment cannot have so many.
    pub fn rank(&self) -> u64 {
        self.need.repetitions.unwrap_or(u64::MAX)
    }

    /// Half the width of the present interval as a share of the mean. None if there is no interval or the mean is 0.
    pub fn share(&self) -> Option<f64> {
        let share = self.estimate.half_width? / self.estimate.mean.abs();
        share.is_finite().then_some(share)
    }
}

impl<'g> Needs<'g> {
    /// For each configuration, its machine that needs most (the first of them if several need the same), in the order in which
    /// the machines first name the configuration.
    pub fn configurations(&self) -> Vec<MachineNeed<'g>> {
        let mut neediest: Vec<MachineNeed<'g>> = vec![];
        let mut indices: HashMap<(&str, String), usize> = HashMap::new();
        for machine in &self.machines {
            let group = machine.group;
            let key = (&*group.dataset, group.configuration.to_string());
            let index = *indices.entry(key).or_insert(neediest.len());
            if index == neediest.len() {
                neediest.push(*machine);
            } else if machine.rank() > neediest[index].rank() {
                neediest[index] = *machine;
            }
        }
        neediest
    }
}
