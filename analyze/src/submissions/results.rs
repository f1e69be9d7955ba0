//! The results of one submission: the logs of one student or team are imported as a dataset, checked by the audit, and measured.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use polars::prelude::*;

use crate::audit::{Audit, Check, CounterExample};
use crate::error::Error;
use crate::import::{self, Mapping};
use crate::read::dataset::Dataset;

/// The results of a submission.
#[derive(Clone, Debug)]
pub struct SubmissionResults {
    /// The folder of the submission's dataset.
    pub dataset: PathBuf,
    /// Number of runs.
    pub runs: usize,
    /// The smallest and the largest number of machines in a run.
    pub machines: RangeInclusive<u32>,
    /// Number of events in all runs.
    pub events: usize,
    /// A few words for each thing that the import assumed or derived from the logs. For example, `rates` means that the rates were not
    /// given, so the import measured them in the logs.
    pub assumed: Vec<String>,
    /// How many kinds of checks the audit could make. Some kinds need columns that not all logs have.
    pub checks: usize,
    /// The checks that failed, in the order of the audit.
    pub failed: Vec<Check>,
    /// Number of violations of all checks.
    pub violations: u64,
    /// The first violation of the first failed check.
    pub first_violation: Option<CounterExample>,
    /// The mean jump of the slowest machine's clock, averaged over all runs. None if one of the runs has no value, for example because this
    /// machine has no events.
    pub jump_mean: Option<f64>,
    /// The final lag of the slowest machine, averaged over all runs. None if one of the runs has no value.
    pub lag_final: Option<f64>,
    /// The growth of the slowest machine's backlog in messages per model second, averaged over all runs. None if one of the runs
    /// has no value, for example because this machine has only one tick.
    pub backlog_growth: Option<f64>,
}

impl SubmissionResults {
    /// Imports the logs in `folder` as the dataset `into`, and audits and measures the dataset.
    pub(super) fn new(folder: &Path, mapping: &Mapping, into: &Path) -> Result<Self, Error> {
        let report = import::import(&[folder.to_owned()], mapping, into)?;
        let audit = Audit::run(&[into.to_owned()])?;
        let was_made = |check: &&Check| {
            let (times_checked, _) = audit.counts(**check);
            times_checked > 0
        };
        let violations = |check: Check| {
            let (_, violations) = audit.counts(check);
            violations
        };
        let failed: Vec<Check> = Check::ALL
            .into_iter()
            .filter(|&check| violations(check) > 0)
            .collect();
        let dataset = Dataset::open(into)?;
        let machines = dataset.finished().iter().map(|run| run.machines());
        let min_machines = machines.clone().min().unwrap_or(0);
        let max_machines = machines.max().unwrap_or(0);
        let measured = dataset.machines()?;
        Ok(Self {
            dataset: into.to_owned(),
            runs: report.runs,
            machines: min_machines..=max_machines,
            events: report.events,
            assumed: report.brief(),
            checks: Check::ALL.iter().filter(was_made).count(),
            violations: failed.iter().map(|&check| violations(check)).sum(),
            first_violation: failed
                .first()
                .and_then(|&check| audit.first(check))
                .cloned(),
            failed,
            jump_mean: mean_of_slowest(&measured, "jump_mean")?,
            lag_final: mean_of_slowest(&measured, "lag_final")?,
            backlog_growth: mean_of_slowest(&measured, "backlog_growth")?,
        })
    }
}

/// The mean of a measure over all runs, for the slowest machine of each run. If several machines are equally slow, the first one
/// counts. None if one of the runs has no value.
fn mean_of_slowest(machines: &DataFrame, measure: &str) -> Result<Option<f64>, Error> {
    let values = machines.column(measure)?.cast(&DataType::Float64)?;
    let (runs, rates) = (
        machines.column("run")?.i64()?,
        machines.column("rate")?.f64()?,
    );
    // For each run: the rate of the slowest machine so far, and this machine's value of the measure.
    let mut slowest: BTreeMap<i64, (f64, Option<f64>)> = BTreeMap::new();
    for ((run, rate), value) in runs.iter().zip(rates.iter()).zip(values.f64()?.iter()) {
        let (Some(run), Some(rate)) = (run, rate) else {
            continue;
        };
        let slowest_so_far = slowest.entry(run).or_insert((rate, value));
        if rate < slowest_so_far.0 {
            *slowest_so_far = (rate, value);
        }
    }
    // One value for each run. The whole list is `None` if one of the values is missing.
    let of_slowest: Option<Vec<f64>> = slowest.values().map(|(_, value)| *value).collect();
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    // Without runs there is no mean.
    Ok(of_slowest.filter(|values| !values.is_empty()).map(mean))
}
