//! Estimates (means with 95 % intervals) of measures, for each machine in each condition. A condition is a configuration, or all
//! configurations with the same values of some parameters.

use super::conditions::names;
use super::{Options, PlotError};
use crate::measures::Measure;
use crate::output::value::Value;
use crate::read::dataset::Dataset;
use crate::read::runs::shown;
use crate::stats::estimate::Estimate;
use crate::stats::pool;
use crate::stats::repetitions;

/// The estimates of some measures for each machine of each condition.
pub(super) struct Estimates {
    /// The parameters that tell conditions apart.
    pub(super) names: Vec<&'static str>,
    /// The conditions. If [`Options::by`] names parameters, the conditions are sorted by the values of these parameters. Otherwise they are
    /// in the order of the experiment's configurations.
    pub(super) conditions: Vec<EstimatedCondition>,
}

/// A condition with its estimates.
pub(super) struct EstimatedCondition {
    /// The values of [`Estimates::names`], as text.
    pub(super) values: Vec<String>,
    /// Number of runs of the condition.
    pub(super) n: u64,
    /// For each machine, an estimate of each measure. `None` if the measure is undefined in all runs.
    pub(super) machines: Vec<Vec<Option<Estimate>>>,
}

impl Estimates {
    /// Estimates `measures` over the finished runs of `dataset`. The conditions are the configurations or, if [`Options::by`] names
    /// parameters, the combinations of their values.
    pub(super) fn new(
        dataset: &Dataset,
        measures: &[&'static Measure],
        options: &Options,
    ) -> Result<Self, PlotError> {
        match options.by.as_slice() {
            [] => Self::of_configurations(dataset, measures),
            by => Self::of_parameter_values(dataset, by, measures),
        }
    }

    /// Each configuration is a condition.
    fn of_configurations(
        dataset: &Dataset,
        measures: &[&'static Measure],
    ) -> Result<Self, PlotError> {
        // A group is one machine of one configuration. The groups of a configuration are consecutive, beginning with machine 0.
        let groups = repetitions::groups_with(std::slice::from_ref(dataset), measures)?;
        let values: Vec<Vec<Value>> = groups
            .iter()
            .map(|group| group.parameters.clone())
            .collect();
        // `&[]` means that the user has chosen no parameters. Then the names are `rates`, `internal`, and each other parameter whose value
        // is not the same in all configurations.
        let names = names(&values, &[]);
        let mut conditions: Vec<EstimatedCondition> = vec![];
        for group in &groups {
            let estimates = measures.iter().map(|measure| group.estimate(measure));
            let estimates: Vec<Option<Estimate>> = estimates.collect();
            // Machine 0 is the first group of a new condition.
            if group.machine == 0 {
                conditions.push(EstimatedCondition {
                    values: names
                        .iter()
                        .map(|name| shown(&group.parameters, name))
                        .collect(),
                    n: group.n,
                    machines: vec![],
                });
            }
            if let Some(condition) = conditions.last_mut() {
                condition.machines.push(estimates);
            }
        }
        Ok(Self { names, conditions })
    }

    /// Configurations with the same values of the parameters `by` are one condition.
    fn of_parameter_values(
        dataset: &Dataset,
        by: &[&'static str],
        measures: &[&'static Measure],
    ) -> Result<Self, PlotError> {
        let keys = [by, &["machine"]].concat();
        // A pool is one machine, such as machine 0, in all runs with the same values of `by`. The pools of a condition are consecutive.
        let pools = pool::pools(std::slice::from_ref(dataset), &keys, measures)?;
        let mut conditions: Vec<EstimatedCondition> = vec![];
        for pool in &pools {
            // The last of the pool's values is the machine.
            let values: Vec<String> = pool.values[..by.len()]
                .iter()
                .map(Value::to_string)
                .collect();
            if conditions.last().is_none_or(|last| last.values != values) {
                conditions.push(EstimatedCondition {
                    values,
                    n: pool.n,
                    machines: vec![],
                });
            }
            if let Some(condition) = conditions.last_mut() {
                let estimates = measures.iter().map(|measure| pool.estimate(measure));
                condition.machines.push(estimates.collect());
            }
        }
        Ok(Self {
            names: by.to_vec(),
            conditions,
        })
    }

    /// Keeps at most `max` conditions, evenly spread from the first to the last.
    pub(super) fn keep_evenly(&mut self, max: usize) {
        let chosen = super::choose_evenly(self.conditions.len(), max);
        let mut index = 0;
        self.conditions.retain(|_| {
            let is_chosen = chosen.contains(&index);
            index += 1;
            is_chosen
        });
    }

    /// The largest number of machines of a condition.
    pub(super) fn machines(&self) -> usize {
        let machines = self
            .conditions
            .iter()
            .map(|condition| condition.machines.len());
        machines.max().unwrap_or_default()
    }

    /// For each condition, the values of [`Estimates::names`].
    pub(super) fn values(&self) -> Vec<Vec<String>> {
        let values = self
            .conditions
            .iter()
            .map(|condition| condition.values.clone());
        values.collect()
    }
}
