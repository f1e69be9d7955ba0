//! Finds the configuration of each imported run: its rates, its duration and other parameters. Rates, `internal` and the duration are
//! measured from the log if the user does not give them.

use std::collections::BTreeMap;
use std::sync::Arc;

use sim::experiment::{Configuration, Internal, PhaseRule, Probability};
use sim::log::{IMPORTED, JournalRow, Outcome};
use sim::machine::EventKind;

use super::mapping::Mapping;
use super::report::Report;
use super::rules::Rules;
use super::run::Run;
use super::{durations, rates};
use crate::error::Error;

/// The configuration of an imported run, and its time scale.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setup {
    /// Parameters that the log does not show have their default values. Only `phase` is [`PhaseRule::Unknown`] instead.
    configuration: Configuration,
    /// Model seconds per second of the logs.
    time_scale: f64,
}

/// Finds the configuration of each run. `mapping` has what the user says about the logs, such as the rates.
pub(super) fn from_runs(
    runs: &[Run],
    rules: &Rules,
    mapping: &Mapping,
    report: &mut Report,
) -> Result<Vec<Setup>, Error> {
    let mut all_rates = vec![];
    for run in runs {
        // For each machine, its rate in ticks per model second: as the user gave it, or as measured and rounded.
        let hertz = match &mapping.rates {
            Some(given) => rates::check_given(run, given)?,
            None => {
                let measured = rates::measure_all(run, mapping)?;
                let rounded = measured.iter().map(|rate| rate.taken).collect();
                report.rates.push(measured);
                rounded
            }
        };
        all_rates.push(rates::to_parameter(run, &hertz)?);
    }
    // Rates that the user did not give count as assumed, although they were measured from the logs.
    report.assumed.rates = mapping.rates.is_none();
    let durations = durations::from_runs(runs, &all_rates, mapping)?;
    let setup = |(rates, duration_ns)| Setup {
        configuration: Configuration {
            duration_ns,
            // If `internal` is not given, `measure_internal` replaces this value below.
            internal: probability(mapping.internal.unwrap_or_default()),
            stamp: rules.stamp_rule(),
            sends: mapping.sends().unwrap_or_default(),
            phase: PhaseRule::Unknown,
            rates,
            ..Configuration::default()
        },
        time_scale: mapping.time_scale(),
    };
    let mut setups: Vec<Setup> = std::iter::zip(all_rates, durations).map(setup).collect();
    if mapping.internal.is_none() {
        report.assumed.internal = true;
        measure_internal(runs, &mut setups);
    }
    for setup in &setups {
        report.add_configuration(setup.key());
    }
    Ok(setups)
}

/// Sets `internal` to the measured share of internal events among idle ticks (ticks that do not receive), with two decimals. Events of
/// runs with the same rates are counted together. So these runs get the same value, and can be repetitions of one configuration.
fn measure_internal(runs: &[Run], setups: &mut [Setup]) {
    // For each set of rates, the numbers of internal events and of idle ticks.
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (run, setup) in runs.iter().zip(&*setups) {
        let rates = setup.configuration.rates.to_string();
        let (internals, idle) = counts.entry(rates).or_default();
        for row in run.events() {
            *internals += u64::from(row.event.kind == EventKind::Internal);
            *idle += u64::from(!matches!(row.event.kind, EventKind::Receive(_)));
        }
    }
    for Setup { configuration, .. } in setups {
        let (internals, idle) = counts[&configuration.rates.to_string()];
        let share = internals as f64 / idle.max(1) as f64;
        configuration.internal = probability((share * 100.0).round() / 100.0);
    }
}

/// The parameter `internal` with the probability `value` for all machines. `value` is always from 0 to 1: a value in the mapping was
/// checked before, and a measured value is a share.
fn probability(value: f64) -> Internal {
    Internal::from(
        Probability::new(value).unwrap_or_else(|| unreachable!("not a probability: {value}")),
    )
}

impl Setup {
    /// The configuration as text. A run's key is this text followed by the run's repetition, such as ` repetition=3`.
    pub(super) fn key(&self) -> String {
        self.configuration.to_string()
    }

    /// The row of the journal (`runs.csv`) for `run`. `index` is the run's number in the dataset.
    pub(super) fn journal_row(&self, index: u64, repetition: u32, run: &Run) -> JournalRow {
        let (start_ns, _) = run.span_ns();
        // Model time from the start of the run to the machine's first event.
        let phase_ns = |rows: &Vec<super::rows::Row>| {
            let first_ns = rows.first().map_or(start_ns, |row| row.time_ns);
            ((first_ns - start_ns) as f64 * self.time_scale).round() as u64
        };
        JournalRow {
            run: index,
            key: format!("{} repetition={repetition}", self.key()),
            repetition,
            outcome: Outcome::Ok,
            reason: String::new(),
            engine: IMPORTED.to_owned(),
            isolation: IMPORTED.to_owned(),
            time_scale: self.time_scale,
            configuration: Arc::new(self.configuration.clone()),
            started_at_ns: start_ns,
            phases_ns: run.machines.iter().map(phase_ns).collect(),
            tool_version: sim::VERSION.to_owned(),
            events: run.events().count() as u64,
            ..JournalRow::default()
        }
    }
}
