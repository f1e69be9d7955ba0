//! How many repetitions make the 95 % interval of a measure as narrow as wanted? This number is called the *need*. It is computed for each
//! machine of each configuration. The need of a configuration is that of the machine that needs most.

use std::collections::HashMap;

use crate::measures::Measure;
use crate::output::table::{decimals_for, number};
use crate::precision::half_width::HalfWidth;
use crate::precision::need::{MAX_REPETITIONS, Need};
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
    /// The needed number of repetitions in total. It includes those that are done, and those in which the measure is undefined.
    pub need: Need,
}

/// The needs of all groups. A group is one machine of one configuration, with its repetitions.
#[derive(Clone, Debug, Default)]
pub struct Needs<'g> {
    /// The machines whose need is known, in the order of the groups.
    pub machines: Vec<MachineNeed<'g>>,
    /// Machines with a mean of about 0: the 95 % interval of the mean contains 0. For them a relative half-width has no meaning.
    pub near_zero: Vec<&'g Group>,
    /// Machines with fewer than two values of the measure, because it is not defined in the other repetitions.
    pub undefined: Vec<&'g Group>,
}

/// Why no need can be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNeeds {
    /// Some configurations have a single repetition.
    #[error(
        "{dataset}: {count} configuration{} a single repetition (the first is {first}), so it is not known how much the results of repetitions differ; do at \
         least 2 repetitions of each, better 5 or more, for example with `sim run EXPERIMENT --repetitions 5`",
        if *count == 1 { " has" } else { "s have" }
    )]
    Single {
        /// The dataset.
        dataset: String,
        /// The number of configurations with a single repetition.
        count: usize,
        /// The first configuration with a single repetition.
        first: String,
    },
    /// The half-width is relative, and all means are about 0.
    #[error(
        "a half-width of {width} is relative to the mean of {measure}, which is about 0 (its 95 % interval contains 0); give an absolute \
         half-width, such as --half-width {example}"
    )]
    NearZero {
        /// The wanted half-width.
        width: String,
        /// The name of the measure.
        measure: &'static str,
        /// An absolute half-width, as an example for the user.
        example: String,
    },
    /// Each machine has fewer than two values of the measure.
    #[error(
        "{0} has fewer than two values in every configuration, because it is not defined in the other repetitions"
    )]
    Undefined(&'static str),
}

/// The needs of `groups`, if the intervals of `measure` shall have `half_width`. `measure` must be one of the measures that were read into
/// the groups.
///
/// # Errors
///
/// [`NoNeeds`] if a configuration has a single repetition, or if the need of no machine can be computed.
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
            example: example_half_width(group, measure),
        }),
    }
}

/// An absolute half-width as an example for the user: half of the half-width that the interval has now, or 0.2 if there is no interval.
pub(crate) fn example_half_width(group: &Group, measure: &Measure) -> String {
    let half_width = group
        .estimate(measure)
        .and_then(|estimate| estimate.half_width);
    half_width.map_or("0.2".to_owned(), |half_width| {
        let example = half_width / 2.0;
        // One significant digit if the example is below 1, otherwise a whole number: 0.0374 becomes 0.04, and 23.7 becomes 24.
        number(example, decimals_for(example, 1, 0))
    })
}

/// The need of a machine. `None` if the wanted half-width is relative to a mean of about 0.
fn machine_need(
    group: &Group,
    estimate: Estimate,
    half_width: HalfWidth,
) -> Option<MachineNeed<'_>> {
    let wanted = half_width.absolute(estimate.mean);
    // The number of values that are needed. All fields of this `Need` count values, even the field `repetitions`. The closures below
    // convert numbers of values to numbers of repetitions.
    let values_needed = match (estimate.sd, estimate.interval_kind) {
        (Some(sd), kind) if kind != IntervalKind::AllEqual => {
            let contains_0 = |(low, high): (f64, f64)| low <= 0.0 && 0.0 <= high;
            if half_width.is_relative() && estimate.interval().is_some_and(contains_0) {
                return None;
            }
            Need::new(estimate.n, sd, wanted)
        }
        // All values are equal, so no further values are needed. (`estimate.sd` is never `None` here: there are at least two values.)
        _ => Need::satisfied(estimate.n),
    };
    // A repetition in which the measure is undefined gives no value: `group.n` repetitions gave `estimate.n` values. Further repetitions
    // are expected to give values in the same proportion.
    let repetitions_for = |values: u64| (values * group.n).div_ceil(estimate.n);
    // `None` if an experiment cannot have so many repetitions.
    let possible_repetitions_for = |values: u64| {
        let repetitions = repetitions_for(values);
        (repetitions <= MAX_REPETITIONS).then_some(repetitions)
    };
    // The repetitions that are done plus the repetitions for the values that are still missing.
    let repetitions_needed = || {
        let more_values = values_needed.repetitions?.saturating_sub(estimate.n);
        let repetitions = group.n + repetitions_for(more_values);
        (repetitions <= MAX_REPETITIONS).then_some(repetitions)
    };
    Some(MachineNeed {
        group,
        estimate,
        wanted,
        need: Need {
            repetitions: repetitions_needed(),
            // See `Need::low` and `Need::high`. Unlike `repetitions`, they can be below the number of repetitions that are done.
            low: values_needed.low.and_then(possible_repetitions_for),
            high: values_needed.high.and_then(possible_repetitions_for),
        },
    })
}

/// Fails if a configuration has a single repetition.
fn check_repetitions(groups: &[Group]) -> Result<(), NoNeeds> {
    let mut single: Vec<&Group> = groups.iter().filter(|group| group.n < 2).collect();
    // The machines of a configuration stand next to each other. Keep one machine of each configuration, to count configurations.
    single.dedup_by(|a, b| a.is_of_same_configuration(b));
    match single.first() {
        None => Ok(()),
        Some(first) => Err(NoNeeds::Single {
            dataset: first.dataset.clone(),
            // The message names only the dataset of the first configuration, so configurations of other datasets do not count.
            count: single
                .iter()
                .filter(|group| group.dataset == first.dataset)
                .count(),
            first: first.configuration.to_string(),
        }),
    }
}

impl MachineNeed<'_> {
    /// How many repetitions are still missing: the need minus the repetitions that are done. `None` if an experiment cannot have so
    /// many repetitions in all.
    pub fn further(&self) -> Option<u64> {
        Some(self.need.repetitions?.saturating_sub(self.group.n))
    }

    /// A number by which needs are compared: the number of repetitions, or the largest `u64` if an experiment cannot have so many.
    pub fn rank(&self) -> u64 {
        self.need.repetitions.unwrap_or(u64::MAX)
    }

    /// The half-width that the interval has now, as a share of the mean. `None` if there is no interval or the mean is 0.
    pub fn share(&self) -> Option<f64> {
        let share = self.estimate.half_width? / self.estimate.mean.abs();
        share.is_finite().then_some(share)
    }
}

impl<'g> Needs<'g> {
    /// For each configuration, the machine that needs most repetitions. If several machines need equally many, the first of them. The
    /// configurations are in the order in which they first occur in `machines`.
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
