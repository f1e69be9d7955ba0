//! The measures of each machine in each condition.

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
    /// The conditions, in the order of the plan, or of the values of `by`.
    pub(super) conditions: Vec<Estimated>,
}

/// A condition with its estimates.
pub(super) struct Estimated {
    /// The values of [`Estimates::names`], as text.
    pub(super) values: Vec<String>,
    /// Number of runs.
    pub(super) n: u64,
    /// For each machine, an estimate of each measure; none if it is undefined in all runs.
    pub(super) machines: Vec<Vec<Option<Estimate>>>,
}

impl Estimates {
    pub(super) fn new(
        dataset: &Dataset,
        measures: &[&'static Measure],
        options: &Options,
    ) -> Result<Self, PlotError> {
        match options.by.as_slice() {
            [] => Self::of_configurations(dataset, measures),
            by => Self::of_pools(dataset, by, measures),
        }
    }

    fn of_configurations(
        dataset: &Dataset,
        measures: &[&'static Measure],
    ) -> Result<Self, PlotError> {
        let groups = repetitions::groups_with(std::slice::from_ref(dataset), measures)?;
        let values: Vec<Vec<Value>> = groups
            .iter()
            .map(|group| group.parameters.clone())
            .collect();
        let names = names(&values, &[]);
        let mut conditions: Vec<Estimated> = vec![];
        for group in &groups {
            let estimates = measures.iter().map(|measure| group.estimate(measure));
            let estimates: Vec<Option<Estimate>> = estimates.collect();
            if group.machine == 0 {
                conditions.push(Estimated {
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

    fn of_pools(
        dataset: &Dataset,
        by: &[&'static str],
        measures: &[&'static Measure],
    ) -> Result<Self, PlotError> {
        let keys = [by, &["machine"]].concat();
        let pools = pool::pools(std::slice::from_ref(dataset), &keys, measures)?;
        let mut conditions: Vec<Estimated> = vec![];
        for pool in &pools {
            let values: Vec<String> = pool.values[..by.len()]
                .iter()
                .map(Value::to_string)
                .collect();
            if conditions.last().is_none_or(|last| last.values != values) {
                conditions.push(Estimated {
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

    /// Keeps at most `most` conditions, evenly spread.
    pub(super) fn keep_spread(&mut self, most: usize) {
        let chosen = super::spread(self.conditions.len(), most);
        let mut index = 0;
        self.conditions.retain(|_| {
            index += 1;
            chosen.binary_search(&(index - 1)).is_ok()
        });
    }

    /// The largest number of machines.
    pub(super) fn machines(&self) -> usize {
        let machines = self
            .conditions
            .iter()
            .map(|condition| condition.machines.len());
        machines.max().unwrap_or_default()
    }

    /// The values of all conditions.
    pub(super) fn values(&self) -> Vec<Vec<String>> {
        let values = self
            .conditions
            .iter()
            .map(|condition| condition.values.clone());
        values.collect()
    }
}
