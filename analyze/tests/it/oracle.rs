//! Tests every measure on random runs. This file calculates each measure a second time, with plain loops that follow its definition, and
//! compares the results. The loops are slow, but easy to check.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use polars::prelude::*;
use proptest::prelude::*;
use sim::engine::virtual_time;
use sim::experiment::{Run, Topology};
use sim::log::LoggedEvent;
use sim::machine::{EventKind, Recipients};

use crate::fixture;

/// The events of one machine in order, each with its time in model seconds.
type Log = Vec<(f64, LoggedEvent)>;

/// Random rates, in ticks per second, for a random number of machines in this range.
fn rates(machines: Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    let rate = prop::sample::select(vec![1.0, 1.25, 2.0, 2.5, 3.0, 4.0, 6.0]);
    prop::collection::vec(rate, machines)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn measures_are_what_their_definitions_say(
        // Four of five systems are small, because the loops of this file look at every pair of events.
        rates in prop_oneof![4 => rates(2..5), 1 => rates(9..12)],
        internal_tenths in 0u32..=10,
        phase in prop::sample::select(vec!["spread", "uniform", "aligned"]),
        duration_s in prop::sample::select(vec![0.3, 2.0, 7.5, 20.0]),
        delay_s in prop::sample::select(vec!["0", "0.2", "{ exponential = 0.5 }"]),
        seed in 0u64..1000,
        is_over_tcp in any::<bool>(),
        // The warm-up, at the start of the run, as a share of the duration. Its events do not count.
        // A value that is listed twice is chosen twice as often.
        warm_up_share in prop::sample::select(vec![0.0, 0.0, 0.31415, 0.777]),
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
        let warm_up_s = warm_up_share * duration_s;
        let internal = f64::from(internal_tenths) / 10.0;
        let engine = if is_over_tcp { "tcp" } else { "virtual" };
        let experiment = fixture::experiment(&format!(
            "seed = {seed}\nduration_s = {duration_s:?}\nrepetitions = 2\nengine = \"{engine}\"\ntime_scale = 4\n\
             [parameters]\nrates = [{rates:?}]\ninternal = [{internal:?}]\nphase = [\"{phase}\"]\ndelay_s = {delay_s}\n\
             receive = \"{receive}\"\ntopology = \"{topology}\"\nsends = {sends}"
        ));
        let runs: Vec<Run> = experiment.runs().collect();
        let mut written = vec![];
        let mut expected = vec![];
        for run in &runs {
            // All runs are simulated. Those with the engine `tcp` get real times afterwards, as if they had been made over TCP.
            let mut logs = virtual_time::run(run, seed).machines;
            // In virtual time, `system_time_ns` is model time since the run's start.
            let with_time = |event: &LoggedEvent| (event.system_time_ns as f64 / 1e9, event.clone());
            let in_model_time: Vec<Log> = logs.iter().map(|log| log.iter().map(with_time).collect()).collect();
            expected.extend((0..logs.len()).map(|machine| measures(&in_model_time, machine, (&rates, topology), (warm_up_s, duration_s))));
            // Real times are Unix times. With the time scale 4, a second of model time is a quarter of a real second.
            let started_at_ns = if is_over_tcp { 1_700_000_000_000_000_000 } else { 0 };
            if is_over_tcp {
                logs.iter_mut().flatten().for_each(|event| event.system_time_ns = started_at_ns + event.system_time_ns / 4);
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

/// All measures of `machine`, by name. `None` stands for a measure that is not defined. `run` has the log of each machine. Only the observed
/// time counts: it begins after the warm-up, at `from_s` model seconds, and ends with the run, at `to_s`.
fn measures(
    run: &[Log],
    machine: usize,
    (rates, topology): (&[f64], Topology),
    (from_s, to_s): (f64, f64),
) -> HashMap<&'static str, Option<f64>> {
    let all = &run[machine];
    // The machine's events in the observed time.
    let observed: &Log = &all.iter().filter(|(t, _)| *t >= from_s).cloned().collect();
    let observed_s = to_s - from_s;
    // With `receive = "all"` a tick can have several events. Its last event has the clock and the queue length after the tick.
    let is_last_of_tick = |index: &usize| {
        let tick = |index: usize| observed.get(index).map(|(_, e)| e.event.tick);
        tick(*index) != tick(index + 1)
    };
    let after_ticks: Vec<&(f64, LoggedEvent)> = (0..observed.len())
        .filter(is_last_of_tick)
        .map(|index| &observed[index])
        .collect();
    let ticks = after_ticks.len() as f64;
    let count = |has_kind: fn(&EventKind) -> bool| {
        observed
            .iter()
            .filter(|(_, e)| has_kind(&e.event.kind))
            .count() as f64
    };
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
    let clocks: Vec<f64> = observed
        .iter()
        .map(|(_, e)| e.event.logical_clock as f64)
        .collect();
    // The clock after the last event of the run.
    let clock_final = clock_at(all, f64::INFINITY);
    // The clock just before the observed time. (`clock_at` would include an event at exactly `from_s`.)
    let before_start = |(t, _): &&(f64, LoggedEvent)| *t < from_s;
    let clock_start = all
        .iter()
        .take_while(before_start)
        .last()
        .map_or(0.0, |(_, e)| e.event.logical_clock as f64);
    let mut jumps = vec![];
    let mut previous = clock_start;
    for &clock in &clocks {
        jumps.push(clock - previous);
        previous = clock;
    }
    let finals: Vec<f64> = (0..run.len())
        .map(|other| clock_at(&run[other], f64::INFINITY))
        .collect();
    let largest_final = finals.iter().copied().fold(0.0, f64::max);
    let smallest_final = finals.iter().copied().fold(f64::INFINITY, f64::min);
    // The lag of this machine at time t.
    let lag =
        |t: f64| run.iter().map(|log| clock_at(log, t)).fold(0.0, f64::max) - clock_at(all, t);
    let times: Vec<f64> = after_ticks.iter().map(|(t, _)| *t).collect();
    // The number of ticks that receive.
    let receiving = after_ticks
        .iter()
        .filter(|(_, e)| matches!(e.event.kind, EventKind::Receive(_)))
        .count() as f64;
    let lags: Vec<f64> = times.iter().map(|&t| lag(t)).collect();
    let queue: Vec<f64> = after_ticks
        .iter()
        .map(|(_, e)| e.event.queue_length as f64)
        .collect();
    // A message counts as arrived as soon as it is sent, even if it has a delay.
    let arrivals = arrivals(run, machine, topology);
    // The number of messages that, at time t, were sent to this machine but not yet received.
    let waiting = |t: f64| {
        let taken = all
            .iter()
            .filter(|(at, e)| *at <= t && matches!(e.event.kind, EventKind::Receive(_)))
            .count() as f64;
        arrivals.iter().filter(|&&at| at <= t).count() as f64 - taken
    };
    let arrived = arrivals.iter().filter(|&&at| at >= from_s).count() as f64;
    // The largest clock minus the smallest clock at time t.
    let spread = |t: f64| {
        let clocks = || run.iter().map(|log| clock_at(log, t));
        clocks().fold(0.0, f64::max) - clocks().fold(f64::INFINITY, f64::min)
    };
    let (concurrency, false_order) = concurrency(run, from_s);
    // The times of all events of the run. A clock or a queue changes only at such a time.
    let instants: Vec<f64> = run.iter().flatten().map(|(t, _)| *t).collect();
    let mut ages = vec![];
    let mut logical_ages = vec![];
    for (t, e) in observed {
        if let EventKind::Receive(message) = e.event.kind {
            let sender = message.sender as usize;
            let (sent, _) = run[sender][index_of_send(&run[sender], message.sent_tick)];
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
        ("jump_share_above_1", share_above_1(&jumps)),
        (
            "logical_rate",
            Some((clock_final - clock_start) / observed_s),
        ),
        ("own_drift", Some(clock_final - clock_start - ticks)),
        ("lag_final", Some(largest_final - clock_final)),
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
        ("spread_final", Some(largest_final - smallest_final)),
        (
            "backlog_mean",
            Some(integral(&instants, (from_s, to_s), waiting) / observed_s),
        ),
        ("backlog_tick_mean", mean(&queue)),
        ("backlog_p95", quantile(&queue, 0.95)),
        ("backlog_max", queue.iter().copied().reduce(f64::max)),
        ("backlog_share_above_1", share_above_1(&queue)),
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

/// The index in `log` of the send at tick number `tick`. A tick with a send has no other event.
fn index_of_send(log: &Log, tick: u64) -> usize {
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

/// The times of the sends to `machine`. The measures take them as the times of arrival.
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

/// The integral over time of a function that changes only at `instants`. `from_and_to_s` are the first and the last moment, in seconds.
fn integral(instants: &[f64], from_and_to_s: (f64, f64), value_at: impl Fn(f64) -> f64) -> f64 {
    steps(instants, from_and_to_s)
        .map(|(t, length_s)| value_at(t) * length_s)
        .sum()
}

/// The start and the length of each step from `from_s` to `to_s`. A step is the time from one of the `instants` to the next. The first step
/// begins at `from_s`, and the last one ends at `to_s`.
fn steps(instants: &[f64], (from_s, to_s): (f64, f64)) -> impl Iterator<Item = (f64, f64)> {
    let mut instants: Vec<f64> = instants.to_vec();
    instants.retain(|t| (from_s..to_s).contains(t));
    instants.extend([from_s, to_s]);
    instants.sort_by(f64::total_cmp);
    // Between two events at the same time there is a step of length 0, which is left out.
    let steps: Vec<(f64, f64)> = instants
        .windows(2)
        .map(|step| (step[0], step[1] - step[0]))
        .filter(|(_, length_s)| *length_s > 0.0)
        .collect();
    steps.into_iter()
}

/// The measures `concurrency` and `false_order`. Both are about pairs of events of different machines. A pair is concurrent if neither
/// event happened before the other. `concurrency`: of all pairs, the share that is concurrent. `false_order`: of the pairs with different
/// clocks, the share that is concurrent.
fn concurrency(run: &[Log], from_s: f64) -> (Option<f64>, Option<f64>) {
    let before: Vec<Vec<HashSet<(usize, usize)>>> = happened_before(run);
    let (mut pairs, mut concurrent, mut different, mut concurrent_and_different) =
        (0.0, 0.0, 0.0, 0.0);
    for (i, log) in run.iter().enumerate() {
        for (j, other) in run.iter().enumerate().skip(i + 1) {
            // `a` is an event of machine `i`, and `b` an event of machine `j`.
            for (a, (t_a, event_a)) in log.iter().enumerate() {
                for (b, (t_b, event_b)) in other.iter().enumerate() {
                    if *t_a < from_s || *t_b < from_s {
                        continue;
                    }
                    let are_concurrent =
                        !before[i][a].contains(&(j, b)) && !before[j][b].contains(&(i, a));
                    let clocks_differ = event_a.event.logical_clock != event_b.event.logical_clock;
                    pairs += 1.0;
                    concurrent += f64::from(are_concurrent);
                    different += f64::from(clocks_differ);
                    concurrent_and_different += f64::from(are_concurrent && clocks_differ);
                }
            }
        }
    }
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    (
        share(concurrent, pairs),
        share(concurrent_and_different, different),
    )
}

/// For each event of each machine, all events that happened before it. These are its causes and all events that happened before a cause.
/// An event has up to two causes: the previous event of its machine and, if it received a message, the send of this message. An event is
/// given by its machine and its index in the machine's log.
fn happened_before(run: &[Log]) -> Vec<Vec<HashSet<(usize, usize)>>> {
    let mut order: Vec<(usize, usize)> = vec![];
    for (machine, log) in run.iter().enumerate() {
        order.extend((0..log.len()).map(|index| (machine, index)));
    }
    // In the order of clocks, causes come before their effects: the clock of a receive is larger than that of its send, and the clock
    // of a machine rises.
    order.sort_by_key(|&(machine, index)| run[machine][index].1.event.logical_clock);
    let mut before: Vec<Vec<HashSet<(usize, usize)>>> = run
        .iter()
        .map(|log| vec![HashSet::new(); log.len()])
        .collect();
    for (machine, index) in order {
        let mut causes = vec![];
        if index > 0 {
            causes.push((machine, index - 1));
        }
        if let EventKind::Receive(message) = run[machine][index].1.event.kind {
            let sender = message.sender as usize;
            causes.push((sender, index_of_send(&run[sender], message.sent_tick)));
        }
        for (cause_machine, cause_index) in causes {
            let earlier = before[cause_machine][cause_index].clone();
            before[machine][index].extend(earlier);
            before[machine][index].insert((cause_machine, cause_index));
        }
    }
    before
}

/// The standard deviation, with the divisor n - 1.
fn sd(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() as f64 - 1.0)).sqrt())
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The share of values that are larger than 1.
fn share_above_1(values: &[f64]) -> Option<f64> {
    let above = values.iter().filter(|&&value| value > 1.0).count();
    (!values.is_empty()).then(|| above as f64 / values.len() as f64)
}

/// The quantile of `values`: a `share` of 0 gives the smallest value, 0.5 the median, and 1 the largest value. A quantile that lies
/// between two of the sorted values is interpolated linearly. `None` if there are no values.
fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let position = share * (values.len().checked_sub(1)? as f64);
    let (below, above) = (
        values[position.floor() as usize],
        values[position.ceil() as usize],
    );
    Some(below + (above - below) * position.fract())
}

/// The slope of the least-squares line through the points with the coordinates `x` and `y`.
fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x_mean, y_mean) = (mean(x)?, mean(y)?);
    let (mut numerator, mut denominator) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        numerator += (x - x_mean) * (y - y_mean);
        denominator += (x - x_mean) * (x - x_mean);
    }
    (denominator > 0.0).then(|| numerator / denominator)
}
