//! Every measure against plain loops that follow its definition, on random runs.

use std::collections::HashMap;

use polars::prelude::*;
use proptest::prelude::*;
use sim::engine::virtual_time;
use sim::experiment::Run;
use sim::log::LoggedEvent;
use sim::machine::{EventKind, Recipients};

use crate::fixture;

/// A machine's log in model seconds.
type Log = Vec<(f64, LoggedEvent)>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn measures_are_what_their_definitions_say(
        rates in prop::collection::vec(1u32..=6, 2..5),
        tenths in 0u32..=10,
        phase in prop::sample::select(vec!["spread", "uniform", "aligned"]),
        duration_s in prop::sample::select(vec![0.3, 2.0, 7.5, 20.0]),
        delay_s in prop::sample::select(vec!["0", "0.2", "{ exponential = 0.5 }"]),
        seed in 0u64..1000,
        wall in any::<bool>(),
    ) {
        let internal = f64::from(tenths) / 10.0;
        let engine = if wall { "tcp" } else { "virtual" };
        let experiment = fixture::experiment(&format!(
            "seed = {seed}\nduration_s = {duration_s:?}\nrepetitions = 2\nengine = \"{engine}\"\ntime_scale = 4\n\
             [parameters]\nrates = [{rates:?}]\ninternal = [{internal:?}]\nphase = [\"{phase}\"]\ndelay_s = {delay_s}"
        ));
        let runs: Vec<Run> = experiment.runs().collect();
        let mut written = vec![];
        let mut expected = vec![];
        for run in &runs {
            let mut logs = virtual_time::run(run, seed).machines;
            let model: Vec<Log> = logs.iter().map(|log| log.iter().map(|e| (e.system_time_ns as f64 / 1e9, *e)).collect()).collect();
            expected.extend((0..model.len()).map(|machine| measures(&model, machine, &rates, duration_s)));
            let started_at_ns = if wall { 1_700_000_000_000_000_000 } else { 0 };
            if wall {
                logs.iter_mut().flatten().for_each(|e| e.system_time_ns = started_at_ns + e.system_time_ns / 4);
            }
            let mut finished = fixture::finished(&experiment, run, &logs);
            finished.row.started_at_ns = started_at_ns;
            written.push(finished);
        }
        let folder = tempfile::tempdir().unwrap();
        fixture::write(folder.path(), &experiment, written);
        let machines = analyze::Dataset::open(folder.path()).unwrap().machines().unwrap();
        prop_assert_eq!(machines.height(), expected.len());
        for measure in analyze::measures::all() {
            let column = machines.column(measure.name).unwrap().cast(&DataType::Float64).unwrap();
            for (row, value) in column.f64().unwrap().iter().enumerate() {
                let expected = expected[row][measure.name];
                let agree = match (value, expected) {
                    (Some(value), Some(expected)) => (value - expected).abs() < 1e-6 * expected.abs().max(1.0),
                    (value, expected) => value == expected,
                };
                prop_assert!(agree, "{} in row {row}: {value:?}, by its definition {expected:?}", measure.name);
            }
        }
    }
}

fn measures(
    run: &[Log],
    machine: usize,
    rates: &[u32],
    duration_s: f64,
) -> HashMap<&'static str, Option<f64>> {
    let own = &run[machine];
    let ticks = own.len() as f64;
    let count =
        |is: fn(&EventKind) -> bool| own.iter().filter(|(_, e)| is(&e.event.kind)).count() as f64;
    let receives = count(|kind| matches!(kind, EventKind::Receive(_)));
    let clocks: Vec<f64> = own
        .iter()
        .map(|(_, e)| e.event.logical_clock as f64)
        .collect();
    let clock_final = clocks.last().copied().unwrap_or(0.0);
    let mut jumps = vec![];
    let mut before = 0.0;
    for &clock in &clocks {
        jumps.push(clock - before);
        before = clock;
    }
    let finals: Vec<f64> = (0..run.len())
        .map(|other| clock_at(&run[other], f64::INFINITY))
        .collect();
    let greatest = finals.iter().copied().fold(0.0, f64::max);
    let least = finals.iter().copied().fold(f64::INFINITY, f64::min);
    let lag =
        |t: f64| run.iter().map(|log| clock_at(log, t)).fold(0.0, f64::max) - clock_at(own, t);
    let times: Vec<f64> = own.iter().map(|(t, _)| *t).collect();
    let lags: Vec<f64> = times.iter().map(|&t| lag(t)).collect();
    let queue: Vec<f64> = own
        .iter()
        .map(|(_, e)| e.event.queue_length as f64)
        .collect();
    let arrivals = arrivals(run, machine);
    let waiting = |t: f64| {
        let taken = own
            .iter()
            .filter(|(at, e)| *at <= t && matches!(e.event.kind, EventKind::Receive(_)))
            .count() as f64;
        arrivals.iter().filter(|&&at| at <= t).count() as f64 - taken
    };
    let instants: Vec<f64> = run.iter().flatten().map(|(t, _)| *t).collect();
    let mut ages = vec![];
    let mut logical_ages = vec![];
    for (t, e) in own {
        if let EventKind::Receive(message) = e.event.kind {
            let (sent, _) = run[message.sender as usize][message.sent_tick as usize];
            ages.push(t - sent);
            logical_ages.push(e.event.logical_clock as f64 - message.stamp as f64);
        }
    }
    let rate = f64::from(rates[machine]);
    HashMap::from([
        ("ticks", Some(ticks)),
        (
            "internals",
            Some(count(|kind| matches!(kind, EventKind::Internal))),
        ),
        (
            "sends",
            Some(count(|kind| matches!(kind, EventKind::Send { .. }))),
        ),
        ("receives", Some(receives)),
        ("tick_rate", Some(ticks / duration_s)),
        ("clock_final", Some(clock_final)),
        ("jump_mean", mean(&jumps)),
        ("jump_p50", quantile(&jumps, 0.5)),
        ("jump_p95", quantile(&jumps, 0.95)),
        ("jump_max", jumps.iter().copied().reduce(f64::max)),
        (
            "jump_share_above_1",
            mean(
                &jumps
                    .iter()
                    .map(|&jump| f64::from(u8::from(jump > 1.0)))
                    .collect::<Vec<_>>(),
            ),
        ),
        ("logical_rate", Some(clock_final / duration_s)),
        ("own_drift", Some(clock_final - ticks)),
        ("lag_final", Some(greatest - clock_final)),
        (
            "lag_mean",
            Some(integral(&instants, duration_s, lag) / duration_s),
        ),
        ("lag_slope", slope(&times, &lags)),
        ("spread_final", Some(greatest - least)),
        (
            "backlog_mean",
            Some(integral(&instants, duration_s, waiting) / duration_s),
        ),
        ("backlog_tick_mean", mean(&queue)),
        ("backlog_p95", quantile(&queue, 0.95)),
        ("backlog_max", queue.iter().copied().reduce(f64::max)),
        ("backlog_final", queue.last().copied()),
        ("backlog_growth", slope(&times, &queue)),
        ("arrivals", Some(arrivals.len() as f64)),
        ("receive_share", (ticks > 0.0).then(|| receives / ticks)),
        (
            "offered_load",
            Some(arrivals.len() as f64 / duration_s / rate),
        ),
        ("message_age_mean_s", mean(&ages)),
        ("logical_age_mean", mean(&logical_ages)),
    ])
}

/// The clock's value at `t`, an event at that very instant included.
fn clock_at(log: &Log, t: f64) -> f64 {
    log.iter()
        .rev()
        .find(|(at, _)| *at <= t)
        .map_or(0.0, |(_, e)| e.event.logical_clock as f64)
}

/// When messages were sent to `machine`.
fn arrivals(run: &[Log], machine: usize) -> Vec<f64> {
    let mut arrivals = vec![];
    for (sender, log) in run.iter().enumerate() {
        for (t, e) in log {
            if let EventKind::Send { recipients, .. } = e.event.kind {
                let is_for_machine = match recipients {
                    Recipients::One(peer) => peer as usize == machine,
                    Recipients::All => sender != machine,
                };
                if is_for_machine {
                    arrivals.push(*t);
                }
            }
        }
    }
    arrivals
}

/// The integral from 0 to `end` of a step function that steps only at `instants`.
fn integral(instants: &[f64], end: f64, value_at: impl Fn(f64) -> f64) -> f64 {
    let mut instants = instants.to_vec();
    instants.extend([0.0, end]);
    instants.sort_by(f64::total_cmp);
    instants
        .windows(2)
        .map(|step| value_at(step[0]) * (step[1] - step[0]))
        .sum()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let place = share * (values.len().checked_sub(1)? as f64);
    let (below, above) = (
        values[place.floor() as usize],
        values[place.ceil() as usize],
    );
    Some(below + (above - below) * place.fract())
}

fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x_mean, y_mean) = (mean(x)?, mean(y)?);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        above += (x - x_mean) * (y - y_mean);
        below += (x - x_mean) * (x - x_mean);
    }
    (below > 0.0).then(|| above / below)
}
