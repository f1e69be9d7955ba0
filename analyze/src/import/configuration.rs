//! What a run's configuration was: as its owner says, and otherwise as its log shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use sim::experiment::{Configuration, Internal, Parameter, PhaseRule, Probability, Rate, Rates};
use sim::log::{IMPORTED, JournalRow, Outcome};
use sim::machine::EventKind;

use super::mapping::Mapping;
use super::report::Report;
use super::run::Run;
use crate::error::Error;

/// A measured rate is rounded to a whole number only if it differs from it by at most this share (0.1 is 10 %).
const FAR_FROM_WHOLE: f64 = 0.1;

/// What an imported run was set up to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setup {
    /// What the log does not tell has its default value, but for the phases.
    configuration: Configuration,
    time_scale: f64,
}

/// The configuration of each run.
pub(super) fn of(
    runs: &[Run],
    mapping: &Mapping,
    report: &mut Report,
) -> Result<Vec<Setup>, Error> {
    let mut setups = vec![];
    for run in runs {
        let rates = rates(run, mapping, report)?;
        setups.push(Setup {
            configuration: Configuration {
                duration_ns: duration_ns(run, &rates, mapping)?,
                internal: probability(mapping.internal.unwrap_or_default()),
                stamp: mapping.stamp_rule(),
                phase: PhaseRule::Unknown,
                rates,
                ..Configuration::default()
            },
            time_scale: mapping.time_scale(),
        });
    }
    if mapping.internal.is_none() {
        report.assumed.internal = true;
        measure_internal(runs, &mut setups);
    }
    for setup in &setups {
        report.add_configuration(setup.key());
    }
    Ok(setups)
}

fn rates(run: &Run, mapping: &Mapping, report: &mut Report) -> Result<Rates, Error> {
    let wrong = |problem: String| Error::import(run.name.as_ref(), None, problem);
    let hertz: Vec<f64> = match &mapping.rates {
        Some(said) if said.len() == run.machines.len() => said.clone(),
        Some(said) => {
            let problem = format!(
                "{} rates are given, but there are {} machines",
                said.len(),
                run.machines.len()
            );
            return Err(wrong(problem));
        }
        None => {
            report.assumed.rates = true;
            let machines = 0..run.machines.len();
            let measured =
                machines.map(|machine| measured_hertz(run, machine, mapping).map_err(wrong));
            measured.collect::<Result<_, _>>()?
        }
    };
    let mut rates = vec![];
    for &hertz in &hertz {
        rates.push(Rate::from_hertz(hertz).ok_or_else(|| {
            wrong(format!(
                "{hertz:?} ticks per second is no rate; a machine can tick from {} to {} times a second",
                Rate::MIN,
                Rate::MAX
            ))
        })?);
    }
    let machines = rates.len();
    Rates::new(rates).ok_or_else(|| {
        wrong(format!(
            "{machines} machines; a run has from 2 to {}",
            Rates::MAX_MACHINES
        ))
    })
}

/// Ticks per model second, rounded.
fn measured_hertz(run: &Run, machine: usize, mapping: &Mapping) -> Result<f64, String> {
    let rows = &run.machines[machine];
    let say = "set the rates with --rates, such as --rates 1,3,6";
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Err(format!("machine {machine} has no event; {say}"));
    };
    let elapsed_s = last.time_ns.saturating_sub(first.time_ns) as f64 / 1e9;
    let ticks = last.event.tick.saturating_sub(first.event.tick) as f64;
    let measured = ticks / (elapsed_s * mapping.time_scale());
    let whole = measured.round();
    if !(1.0..=f64::from(Rate::MAX)).contains(&whole) {
        return Err(format!(
            "machine {machine} ticks {measured:.3} times a second by its log ({} events in {elapsed_s:.3} s); is the unit of times right (--time)? Otherwise {say}",
            rows.len()
        ));
    }
    if (measured - whole).abs() > FAR_FROM_WHOLE * whole {
        return Err(format!(
            "machine {machine} ticks {measured:.3} times a second by its log, which is no whole rate; {say}"
        ));
    }
    Ok(whole)
}

/// Model nanoseconds observed.
fn duration_ns(run: &Run, rates: &Rates, mapping: &Mapping) -> Result<u64, Error> {
    let seconds = duration_s(run, rates, mapping)?;
    let mut configuration = Configuration::default();
    Parameter::named("duration_s")
        .map_or(Ok(()), |duration| {
            duration.set(&mut configuration, &seconds.to_string())
        })
        .map_err(|error| Error::import(run.name.as_ref(), None, format!("its duration {error}")))?;
    Ok(configuration.duration_ns)
}

/// The duration that the user gave, in seconds; it is an error if an event is later. If none was given: the largest whole number of
/// seconds before the next tick of any machine would be due, or, if that is not after the last event, the time of the last event,
/// rounded up, but at least 1.
fn duration_s(run: &Run, rates: &Rates, mapping: &Mapping) -> Result<f64, Error> {
    let (start_ns, end_ns) = run.span_ns();
    let since_start_s = |ns: u64| (ns - start_ns) as f64 / 1e9 * mapping.time_scale();
    if let Some(said) = mapping.duration_s {
        let last_s = since_start_s(end_ns);
        if last_s > said {
            let problem = format!(
                "its last event is {last_s} s after its first, but the given duration is {said} s"
            );
            return Err(Error::import(run.name.as_ref(), None, problem));
        }
        return Ok(said);
    }
    let next_s = std::iter::zip(&run.machines, rates.iter())
        .filter_map(|(rows, rate)| Some(since_start_s(rows.last()?.time_ns) + 1.0 / rate.hertz()));
    let whole_s = next_s.fold(f64::INFINITY, f64::min).floor();
    Ok(match since_start_s(end_ns) {
        last_s if whole_s > last_s => whole_s,
        last_s => last_s.ceil().max(1.0),
    })
}

/// The share of internal events among idle ticks over all runs of the same rates, to two decimals.
fn measure_internal(runs: &[Run], setups: &mut [Setup]) {
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

/// The same probability for all machines. Invalid values were refused before.
fn probability(value: f64) -> Internal {
    Internal::from(
        Probability::new(value).unwrap_or_else(|| unreachable!("no probability: {value}")),
    )
}

impl Setup {
    /// The canonical text of its configuration.
    pub(super) fn key(&self) -> String {
        self.configuration.to_string()
    }

    /// The row of the journal of `run`, the `place`th of the dataset.
    pub(super) fn journal_row(&self, index: u64, repetition: u32, run: &Run) -> JournalRow {
        let start_ns = run.span_ns().0;
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
