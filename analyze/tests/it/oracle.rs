//! Compares every measure with plain loops that follow its definition, on random runs.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use polars::prelude::*;
use proptest::prelude::*;
use sim::engine::virtual_time;
use sim::experiment::{Run, Topology};
use sim::log::LoggedEvent;
use sim::machine::{EventKind, Recipients};

use crate::fixture;

/// The events of a machine, with times in model seconds.
type Log = Vec<(f64, LoggedEvent)>;

fn rates(machines: Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    let rate = prop::sample::select(vec![1.0, 1.25, 2.0, 2.5, 3.0, 4.0, 6.0]);
    prop::collection::vec(rate, machines)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn measures_are_what_their_definitions_say(
        // The vector clocks of more than eight machines are replayed in several passes.
        rates in prop_oneof![4 => rates(2..5), 1 => rates(9..12)],
        tenths in 0u32..=10,
        phase in prop::sample::select(vec!["spread", "uniform", "aligned"]),
        duration_s in prop::sample::select(vec![0.3, 2.0, 7.5, 20.0]),
        delay_s in prop::sample::select(vec!["0", "0.2", "{ exponential = 0.5 }"]),
        seed in 0u64..1000,
        wall in any::<bool>(),
        warm_up in prop::sample::select(vec![0.0, 0.0, 0.31415, 0.777]),
        receive in prop::sample::select(vec!["one", "all"]),
        (topology, sends) in prop::sample::select(vec![
            (Topology::Mesh, "\"mix\""),
            (Topology::Mesh, "\"mix\""),
            (Topology::Mesh, "\"unicast\""),
            (Topology::Mesh, "{ multicast = 2 }"),
            (Topology::Ring, "\"mix\""),
            (Topology::Star, "\"broadcast\""),
            (Topology::TimeKeeper, "\"mix\""),
        ]),
    ) {
        let warm_up_s = warm_up * duration_s;
        let internal = f64::from(tenths) / 10.0;
        let engine = if wall { "tcp" } else { "virtual" };
        let experiment = fixture::experiment(&format!(
            "seed = {seed}\nduration_s = {duration_s:?}\nrepetitions = 2\nengine = \"{engine}\"\ntime_scale = 4\n\
             [parameters]\nrates = [{rates:?}]\ninternal = [{internal:?}]\nphase = [\"{phase}\"]\ndelay_s = {delay_s}\n\
             receive = \"{receive}\"\ntopology = \"{topology}\"\nsends = {sends}"
        ));
        let runs: Vec<Run> = experiment.runs().collect();
        let mut written = vec![];
        let mut expected = vec![];
        for run in &runs {
            let mut logs = virtual_time::run(run, seed).machines;
            let model: Vec<Log> = logs.iter().map(|log| log.iter().map(|e| (e.system_time_ns as f64 / 1e9, e.clone())).collect()).collect();
            expected.extend((0..model.len()).map(|machine| measures(&model, machine, (&rates, topology), (warm_up_s, duration_s))));
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
        let mut dataset = analyze::Dataset::open(folder.path()).unwrap();
        dataset.cut_warm_up(warm_up_s).unwrap();
        let machines = dataset.machines().unwrap();
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
    (rates, topology): (&[f64], Topology),
    (from_s, to_s): (f64, f64),
) -> HashMap<&'static str, Option<f64>> {
    let all = &run[machine];
    let own: &Log = &all.iter().filter(|(t, _)| *t >= from_s).cloned().collect();
    let observed_s = to_s - from_s;
    let ends_tick = |place: &usize| {
        let tick = |place: usize| own.get(place).map(|(_, e)| e.event.tick);
        tick(*place) != tick(place + 1)
    };
    let after_ticks: Vec<&(f64, LoggedEvent)> = (0..own.len())
        .filter(ends_tick)
        .map(|place| &own[place])
        .collect();
    let ticks = after_ticks.len() as f64;
    let count =
        |is: fn(&EventKind) -> bool| own.iter().filter(|(_, e)| is(&e.event.kind)).count() as f64;
    let broadcasts = count(|kind| {
        matches!(
            kind,
            EventKind::Send {
                recipients: Recipients::All,
                ..
            }
        )
    });
    let (internals, sends) = (
        count(|kind| matches!(kind, EventKind::Internal)),
        count(|kind| matches!(kind, EventKind::Send { .. })),
    );
    let receives = count(|kind| matches!(kind, EventKind::Receive(_)));
    let clocks: Vec<f64> = own
        .iter()
        .map(|(_, e)| e.event.logical_clock as f64)
        .collect();
    let clock_final = clock_at(all, f64::INFINITY);
    let before_start = |(t, _): &&(f64, LoggedEvent)| *t < from_s;
    let clock_start = all
        .iter()
        .take_while(before_start)
        .last()
        .map_or(0.0, |(_, e)| e.event.logical_clock as f64);
    let mut jumps = vec![];
    let mut before = clock_start;
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
        |t: f64| run.iter().map(|log| clock_at(log, t)).fold(0.0, f64::max) - clock_at(all, t);
    let times: Vec<f64> = after_ticks.iter().map(|(t, _)| *t).collect();
    let receiving = after_ticks
        .iter()
        .filter(|(_, e)| matches!(e.event.kind, EventKind::Receive(_)))
        .count() as f64;
    let lags: Vec<f64> = times.iter().map(|&t| lag(t)).collect();
    let queue: Vec<f64> = after_ticks
        .iter()
        .map(|(_, e)| e.event.queue_length as f64)
        .collect();
    let arrivals = arrivals(run, machine, topology);
    let waiting = |t: f64| {
        let taken = all
            .iter()
            .filter(|(at, e)| *at <= t && matches!(e.event.kind, EventKind::Receive(_)))
            .count() as f64;
        arrivals.iter().filter(|&&at| at <= t).count() as f64 - taken
    };
    let arrived = arrivals.iter().filter(|&&at| at >= from_s).count() as f64;
    let spread = |t: f64| {
        let clocks = || run.iter().map(|log| clock_at(log, t));
        clocks().fold(0.0, f64::max) - clocks().fold(f64::INFINITY, f64::min)
    };
    let (concurrency, false_order) = concurrency(run, from_s);
    let instants: Vec<f64> = run.iter().flatten().map(|(t, _)| *t).collect();
    let mut ages = vec![];
    let mut logical_ages = vec![];
    for (t, e) in own {
        if let EventKind::Receive(message) = e.event.kind {
            let sender = message.sender as usize;
            let (sent, _) = run[sender][index_of(&run[sender], message.sent_tick)];
            ages.push(t - sent);
            logical_ages.push(e.event.logical_clock as f64 - message.stamp as f64);
        }
    }
    let rate = rates[machine];
    HashMap::from([
        ("ticks", Some(ticks)),
        ("internal_events", Some(internals)),
        ("send_events", Some(sends)),
        (
            "internal_share",
            (internals + sends > 0.0).then(|| internals / (internals + sends)),
        ),
        ("broadcast_share", (sends > 0.0).then(|| broadcasts / sends)),
        ("receive_events", Some(receives)),
        ("tick_rate", Some(ticks / observed_s)),
        ("clock_final", Some(clock_final)),
        ("jump_mean", mean(&jumps)),
        ("jump_sd", sd(&jumps)),
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
        (
            "logical_rate",
            Some((clock_final - clock_start) / observed_s),
        ),
        ("own_drift", Some(clock_final - clock_start - ticks)),
        ("lag_final", Some(greatest - clock_final)),
        (
            "lag_mean",
            Some(integral(&instants, (from_s, to_s), lag) / observed_s),
        ),
        ("lag_slope", slope(&times, &lags)),
        (
            "spread_mean",
            Some(integral(&instants, (from_s, to_s), spread) / observed_s),
        ),
        (
            "spread_max",
            steps(&instants, (from_s, to_s))
                .map(|(t, _)| spread(t))
                .reduce(f64::max),
        ),
        ("spread_final", Some(greatest - least)),
        (
            "backlog_mean",
            Some(integral(&instants, (from_s, to_s), waiting) / observed_s),
        ),
        ("backlog_tick_mean", mean(&queue)),
        ("backlog_p95", quantile(&queue, 0.95)),
        ("backlog_max", queue.iter().copied().reduce(f64::max)),
        (
            "backlog_share_above_1",
            mean(
                &queue
                    .iter()
                    .map(|&waiting| f64::from(u8::from(waiting > 1.0)))
                    .collect::<Vec<_>>(),
            ),
        ),
        (
            "backlog_final",
            all.last().map(|(_, e)| e.event.queue_length as f64),
        ),
        ("backlog_growth", slope(&times, &queue)),
        ("arrivals", Some(arrived)),
        ("receive_share", (ticks > 0.0).then(|| receiving / ticks)),
        ("offered_load", Some(arrived / observed_s / rate)),
        ("message_age_mean_s", mean(&ages)),
        (
            "message_age_mean_ticks",
            mean(&ages).map(|age_s| age_s * rate),
        ),
        ("logical_age_mean", mean(&logical_ages)),
        ("concurrency", concurrency),
        ("false_order", false_order),
    ])
}

/// The clock's value at time `t`, including an event at this time.
fn clock_at(log: &Log, t: f64) -> f64 {
    log.iter()
        .rev()
        .find(|(at, _)| *at <= t)
        .map_or(0.0, |(_, e)| e.event.logical_clock as f64)
}

/// The index of the only event of a tick.
fn index_of(log: &Log, tick: u64) -> usize {
    let found = log.iter().position(|(_, e)| e.event.tick == tick);
    found.expect("a tick that was logged")
}

/// Tells whether machine `from` may send to machine `to`.
fn may_send(topology: Topology, from: usize, to: usize, machines: usize) -> bool {
    let is_next = |a: usize, b: usize| (a + 1) % machines == b;
    from != to
        && match topology {
            Topology::Mesh => true,
            Topology::Ring => is_next(from, to) || is_next(to, from),
            Topology::Star => from == 0 || to == 0,
            Topology::TimeKeeper => from == 0,
        }
}

/// The times at which messages were sent to `machine`.
fn arrivals(run: &[Log], machine: usize, topology: Topology) -> Vec<f64> {
    let mut arrivals = vec![];
    for (sender, log) in run.iter().enumerate() {
        for (t, e) in log {
            if let EventKind::Send { recipients, .. } = &e.event.kind {
                let is_for_machine = match recipients {
                    Recipients::One(peer) => *peer as usize == machine,
                    Recipients::Several(peers) => peers.contains(&(machine as u32)),
                    Recipients::All => may_send(topology, sender, machine, run.len()),
                };
                if is_for_machine {
                    arrivals.push(*t);
                }
            }
        }
    }
    arrivals
}

/// The integral over a window of a step function that changes only at `instants`.
fn integral(instants: &[f64], window: (f64, f64), value_at: impl Fn(f64) -> f64) -> f64 {
    steps(instants, window)
        .map(|(t, lasts)| value_at(t) * lasts)
        .sum()
}

/// The start and the length of each step between `instants` within a window.
fn steps(instants: &[f64], (from_s, to_s): (f64, f64)) -> impl Iterator<Item = (f64, f64)> {
    let mut instants: Vec<f64> = instants.to_vec();
    instants.retain(|t| (from_s..to_s).contains(t));
    instants.extend([from_s, to_s]);
    instants.sort_by(f64::total_cmp);
    let steps: Vec<(f64, f64)> = instants
        .windows(2)
        .map(|step| (step[0], step[1] - step[0]))
        .filter(|(_, lasts)| *lasts > 0.0)
        .collect();
    steps.into_iter()
}

/// Two shares: of the pairs of events of different machines that are concurrent, and of the concurrent pairs among the pairs with
/// different clocks. Every pair is examined, with all events that happened before each event.
fn concurrency(run: &[Log], from_s: f64) -> (Option<f64>, Option<f64>) {
    let before: Vec<Vec<HashSet<(usize, usize)>>> = happened_before(run);
    let (mut pairs, mut concurrent, mut different, mut falsely) = (0.0, 0.0, 0.0, 0.0);
    for (i, log) in run.iter().enumerate() {
        for (j, other) in run.iter().enumerate().skip(i + 1) {
            for (a, (t_a, event_a)) in log.iter().enumerate() {
                for (b, (t_b, event_b)) in other.iter().enumerate() {
                    if *t_a < from_s || *t_b < from_s {
                        continue;
                    }
                    let unordered =
                        !before[i][a].contains(&(j, b)) && !before[j][b].contains(&(i, a));
                    let differ = event_a.event.logical_clock != event_b.event.logical_clock;
                    pairs += 1.0;
                    concurrent += f64::from(unordered);
                    different += f64::from(differ);
                    falsely += f64::from(unordered && differ);
                }
            }
        }
    }
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    (share(concurrent, pairs), share(falsely, different))
}

/// For each event, all events that happened before it: the machine's earlier events, the send of the received message, and the
/// events that happened before these.
fn happened_before(run: &[Log]) -> Vec<Vec<HashSet<(usize, usize)>>> {
    let mut order: Vec<(usize, usize)> = vec![];
    for (machine, log) in run.iter().enumerate() {
        order.extend((0..log.len()).map(|place| (machine, place)));
    }
    // In the order of clocks, causes come before their effects: a receive's clock is larger than its send's, and a machine's clock
    // rises.
    order.sort_by_key(|&(machine, place)| run[machine][place].1.event.logical_clock);
    let mut before: Vec<Vec<HashSet<(usize, usize)>>> = run
        .iter()
        .map(|log| vec![HashSet::new(); log.len()])
        .collect();
    for (machine, place) in order {
        let mut causes = vec![];
        if place > 0 {
            causes.push((machine, place - 1));
        }
        if let EventKind::Receive(message) = run[machine][place].1.event.kind {
            let sender = message.sender as usize;
            causes.push((sender, index_of(&run[sender], message.sent_tick)));
        }
        for (m, p) in causes {
            let earlier = before[m][p].clone();
            before[machine][place].extend(earlier);
            before[machine][place].insert((m, p));
        }
    }
    before
}

fn sd(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() as f64 - 1.0)).sqrt())
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
