//! Tests of `analyze clocks`. This command calculates the timestamps that clocks of many kinds (such as vector and Bloom clocks) would give
//! to the events of runs, and measures these clocks. Each measured quantity is called a figure. For random runs, the figures are compared
//! with their definitions, written here as plain loops over all pairs of events.

use std::collections::HashMap;

use analyze::clocks::{CLOCKS, ClockKind, ClockSpec, FIGURES, clock_groups};
use proptest::prelude::*;
use sim::clock::{self, Clock, PhysicalTime, Timestamp};
use sim::engine::virtual_time;
use sim::experiment::{Experiment, Run};
use sim::log::LoggedEvent;
use sim::machine::EventKind;

use crate::fixture;

/// An event of a run, as far as clocks need it.
struct Event {
    machine: usize,
    time_ns: i64,
    is_send: bool,
    /// If the event is a receive, the index of its send.
    receives: Option<usize>,
}

/// The events of a run in an order in which each receive comes after its send.
fn events_of(run: &Run, seed: u64) -> Vec<Event> {
    // The index of each send, by its machine and tick.
    let mut send_of_tick = HashMap::new();
    let mut events = vec![];
    virtual_time::observe(
        run,
        seed,
        |machine,
         LoggedEvent {
             system_time_ns,
             event,
         }| {
            let receives = match &event.kind {
                EventKind::Receive(message) => {
                    Some(send_of_tick[&(message.sender as usize, message.sent_tick)])
                }
                _ => None,
            };
            let is_send = matches!(event.kind, EventKind::Send { .. });
            if is_send {
                send_of_tick.insert((machine, event.tick), events.len());
            }
            events.push(Event {
                machine,
                time_ns: system_time_ns as i64,
                is_send,
                receives,
            });
        },
    );
    events
}

/// A table of happens-before: `table[b][a]` tells whether event `a` happened before event `b`. Each event in `events` must come after its
/// causes.
fn happened_before(events: &[Event], machines: usize) -> Vec<Vec<bool>> {
    // The newest event of each machine.
    let mut newest: Vec<Option<usize>> = vec![None; machines];
    let mut table: Vec<Vec<bool>> = vec![];
    for (index, event) in events.iter().enumerate() {
        let mut before = vec![false; events.len()];
        // The direct causes: the machine's previous event, and the send of a receive.
        for cause in newest[event.machine].into_iter().chain(event.receives) {
            for (own, of_cause) in std::iter::zip(&mut before, &table[cause]) {
                *own |= of_cause;
            }
            before[cause] = true;
        }
        newest[event.machine] = Some(index);
        table.push(before);
    }
    table
}

/// The figures of a clock in a run, by their definitions.
///
/// - `readings`: for each event, what its machine's physical clock shows, as a number of steps of `resolution_s` seconds
/// - `clocks`: the clock of each machine before its first event
/// - `warm_up_s`: events before this time do not count
fn figures<C: Clock>(
    events: &[Event],
    readings: &[i64],
    resolution_s: f64,
    mut clocks: Vec<C>,
    warm_up_s: f64,
) -> HashMap<&'static str, Option<f64>> {
    let machines = clocks.len();
    let mut timestamps: Vec<C::Timestamp> = vec![];
    // Values of the clock after each counted event. A list stays empty if this kind of clock has no such value.
    // - `steps_ahead`: by how many steps the time in the clock is ahead of the machine's physical clock
    // - `counters`: the counter by which the clock orders events with the same time
    let (mut steps_ahead, mut counters) = (vec![], vec![]);
    let is_counted = |event: &Event| event.time_ns as f64 / 1e9 >= warm_up_s;
    for (event, &now) in std::iter::zip(events, readings) {
        let clock = &mut clocks[event.machine];
        match event.receives {
            Some(send) => clock.receive(&timestamps[send], now),
            None => clock.advance(now),
        }
        timestamps.push(clock.timestamp());
        if is_counted(event) {
            steps_ahead.extend(clock.ahead(now));
            counters.extend(clock.counter());
        }
    }
    let before = happened_before(events, machines);
    // Numbers of pairs of events of different machines. A pair is ordered if one event happened before the other, and otherwise concurrent.
    // - `right`: ordered pairs whose timestamps tell this order
    // - `missed`: ordered pairs whose timestamps tell no order
    // - `reversed`: ordered pairs whose timestamps tell the opposite order
    // - `wrong`: concurrent pairs whose timestamps tell an order
    let [
        mut right,
        mut missed,
        mut reversed,
        mut wrong,
        mut concurrent,
        mut all,
    ] = [0.0; 6];
    // Each event comes after its causes, so `b` (the later one in `events`) cannot have happened before `a`.
    for b in 0..events.len() {
        for a in 0..b {
            if events[a].machine == events[b].machine
                || !is_counted(&events[a])
                || !is_counted(&events[b])
            {
                continue;
            }
            all += 1.0;
            let forward = timestamps[a].is_before(&timestamps[b]);
            let backward = timestamps[b].is_before(&timestamps[a]);
            match (before[b][a], forward, backward) {
                (true, true, _) => right += 1.0,
                (true, false, true) => reversed += 1.0,
                (true, false, false) => missed += 1.0,
                (false, false, false) => concurrent += 1.0,
                (false, ..) => {
                    concurrent += 1.0;
                    wrong += 1.0;
                }
            }
        }
    }
    let ratio =
        |numerator: f64, denominator: f64| (denominator > 0.0).then(|| numerator / denominator);
    let sends: Vec<usize> = (0..events.len())
        .filter(|&index| events[index].is_send && is_counted(&events[index]))
        .collect();
    let mean_over_sends = |quantity: fn(&C::Timestamp) -> u64| {
        let sum: u64 = sends.iter().map(|&send| quantity(&timestamps[send])).sum();
        ratio(sum as f64, sends.len() as f64)
    };
    let bytes = |send: &usize| timestamps[*send].bytes() as f64;
    // Figure `events_to_limit`: how many events come before the first send whose timestamp is above the limit. The limit is 4 bytes per
    // machine, for example 12 bytes in a run with 3 machines. The events of the warm-up are counted too.
    let is_send_above_limit =
        |index: &usize| events[*index].is_send && timestamps[*index].bytes() > 4 * machines as u64;
    let as_float = |count: Option<u64>| count.map(|count| count as f64);
    HashMap::from([
        ("message_bytes", mean_over_sends(C::Timestamp::bytes)),
        (
            "message_bytes_max",
            sends.iter().map(bytes).reduce(f64::max),
        ),
        (
            "message_bytes_growth",
            slope(
                sends
                    .iter()
                    .map(|send| (events[*send].time_ns as f64 / 1e9, bytes(send))),
            ),
        ),
        ("ordered_rightly", ratio(right, all)),
        ("ordered_wrongly", ratio(wrong + reversed, all)),
        ("missed", ratio(missed, all)),
        ("reversed", ratio(reversed, all)),
        ("false_positive_rate", ratio(wrong, concurrent)),
        ("precision", ratio(right, right + wrong + reversed)),
        (
            "comparison_words",
            // A comparison reads two timestamps.
            mean_over_sends(C::Timestamp::words).map(|words| 2.0 * words),
        ),
        ("message_numbers", mean_over_sends(C::Timestamp::numbers)),
        (
            "ahead_max_s",
            steps_ahead
                .into_iter()
                .max()
                .map(|steps| steps as f64 * resolution_s),
        ),
        ("counter_max", as_float(counters.into_iter().max())),
        (
            "events_to_limit",
            as_float(
                (0..events.len())
                    .find(is_send_above_limit)
                    .map(|index| index as u64),
            ),
        ),
    ])
}

/// The slope of the least-squares line through the points (x, y). `None` if there are no two different x.
fn slope(points: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let points: Vec<(f64, f64)> = points.collect();
    let n = points.len() as f64;
    let (mean_x, mean_y) = points.iter().fold((0.0, 0.0), |(sum_x, sum_y), (x, y)| {
        (sum_x + x / n, sum_y + y / n)
    });
    let sum_xx: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let sum_xy: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    (sum_xx > 0.0).then(|| sum_xy / sum_xx)
}

/// The expected figures of the clock `spec`, which must be one of the clocks of [`specs`].
fn expected(
    run: &Run,
    seed: u64,
    spec: &ClockSpec,
    warm_up_s: f64,
) -> HashMap<&'static str, Option<f64>> {
    let events = events_of(run, seed);
    let machines = run.configuration.rates.machines();
    // For each event, what its machine's physical clock shows. The clock is wrong by at most `epsilon_ns / 2`.
    let physical_readings = |epsilon_ns: u64, resolution_ns: u64| -> Vec<i64> {
        let key = run.stream_key();
        let duration_ns = run.configuration.duration_ns;
        let clock = |machine| {
            PhysicalTime::draw(
                (seed, &key),
                machine,
                epsilon_ns,
                duration_ns,
                resolution_ns,
            )
        };
        let clocks: Vec<PhysicalTime> = (0..machines).map(clock).collect();
        let reading = |event: &Event| clocks[event.machine].reading(event.time_ns);
        events.iter().map(reading).collect()
    };
    // `$new` makes the clock of a machine. Clocks that contain no time need no readings, so their readings are 0 here.
    macro_rules! figures_of {
        ($new:expr) => {
            figures_of!($new, &vec![0; events.len()], 0.0)
        };
        ($new:expr, $readings:expr, $resolution_s:expr) => {{
            let clocks = (0..machines).map($new).collect();
            figures(&events, $readings, $resolution_s, clocks, warm_up_s)
        }};
    }
    // Some numbers on the right of `=>` do not occur in the text on the left. They are defaults: two hashes of an event for `bloom`, two
    // entries for `plausible`, and a resolution of 1 ms (0.001 s). The 1000 of `hybrid-vector` is its epsilon (1 s) in steps of 1 ms.
    match &*spec.to_string() {
        "lamport" => figures_of!(|_| clock::LamportClock::default()),
        "vector" => figures_of!(|machine| clock::VectorClock::new(machine, machines)),
        "matrix" => figures_of!(|machine| clock::MatrixClock::new(machine, machines)),
        "encoded" => figures_of!(|machine| clock::EncodedClock::new(machine, machines)),
        "interval-tree" => figures_of!(|machine| clock::IntervalTreeClock::new(machine, machines)),
        "bloom:m=3" => figures_of!(|machine| clock::BloomClock::new(machine, 3, 2)),
        "plausible" => figures_of!(|machine| clock::PlausibleClock::new(machine, 2)),
        "hlc:epsilon=1,resolution=0.25" => {
            let readings = physical_readings(1_000_000_000, 250_000_000);
            figures_of!(|_| clock::HybridClock::default(), &readings, 0.25)
        }
        "hybrid-vector:epsilon=1" => {
            let readings = physical_readings(1_000_000_000, 1_000_000);
            figures_of!(
                |machine| clock::HybridVectorClock::new(machine, machines, 1000),
                &readings,
                0.001
            )
        }
        "physical:epsilon=2" => {
            let readings = physical_readings(2_000_000_000, 1_000_000);
            figures_of!(|_| clock::PhysicalClock::default(), &readings, 0.001)
        }
        other => panic!("no expected figures for {other}"),
    }
}

/// One clock of each kind, four of them with other settings than the defaults.
fn specs() -> Vec<ClockSpec> {
    let texts = [
        "bloom:m=3",
        "hlc:epsilon=1,resolution=0.25",
        "hybrid-vector:epsilon=1",
        "physical:epsilon=2",
    ];
    let with_settings: Vec<ClockSpec> = texts.map(|text| text.parse().expect("a clock")).into();
    let spec = |kind: &'static ClockKind| {
        let mut specs = with_settings.iter();
        let found = specs.find(|spec| spec.kind.name == kind.name);
        found.cloned().unwrap_or_else(|| kind.with_defaults())
    };
    CLOCKS.iter().map(spec).collect()
}

/// Simulates the experiment with this text. Returns the folder of its dataset, and the experiment.
fn simulated(text: &str) -> (tempfile::TempDir, Experiment) {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), text);
    (folder, fixture::experiment(text))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The program looks at a random sample of pairs if a run has more than 2000 pairs of events of different machines. The runs of this
    /// test are short (at most 4 machines with 6 ticks each) and have fewer pairs. So the program looks at all pairs.
    #[test]
    fn figures_are_what_their_definitions_say(
        rates in prop::collection::vec(prop::sample::select(vec![1.0, 1.5, 2.0, 3.0]), 2..5),
        internal in prop::sample::select(vec![0.0, 0.3, 0.7]),
        delay_s in prop::sample::select(vec!["0", "0.2", "{ exponential = 0.5 }"]),
        receive in prop::sample::select(vec!["one", "all"]),
        sends in prop::sample::select(vec!["mix", "unicast", "broadcast"]),
        seed in 0u64..1000,
        warm_up_s in prop::sample::select(vec![0.0, 0.4]),
    ) {
        let (folder, experiment) = simulated(&format!(
            "seed = {seed}\nduration_s = 2\nrepetitions = 2\nengine = \"virtual\"\n[parameters]\nrates = [{rates:?}]\n\
             internal = [{internal:?}]\ndelay_s = {delay_s}\nreceive = \"{receive}\"\nsends = \"{sends}\""
        ));
        let mut dataset = analyze::Dataset::open(folder.path()).unwrap();
        dataset.cut_warm_up(warm_up_s).unwrap();
        let specs = specs();
        let groups = clock_groups(&[dataset], Some(&specs)).unwrap().groups;
        prop_assert_eq!(groups.len(), CLOCKS.len());
        let runs: Vec<Run> = experiment.runs().collect();
        for (spec, group) in std::iter::zip(&specs, groups) {
            let of_runs: Vec<_> = runs.iter().map(|run| expected(run, seed, spec, warm_up_s)).collect();
            for figure in &FIGURES {
                let values: Vec<f64> = of_runs.iter().filter_map(|of_run| of_run[figure.name]).collect();
                let expected = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
                let value = group.estimate(figure).map(|estimate| estimate.mean);
                let agree = match (value, expected) {
                    (Some(value), Some(expected)) => (value - expected).abs() < 1e-9 * expected.abs().max(1.0),
                    (value, expected) => value == expected,
                };
                prop_assert!(agree, "{} of {}: {:?}, by its definition {:?}", figure.name, spec, value, expected);
            }
        }
    }
}

/// The runs of this test have more than 2000 pairs of events of different machines. For most clocks, the program looks at a random sample of
/// 2000 pairs. The figures must be near those of all pairs. For some clocks the figures must be exact:
///
/// - for Lamport clocks, because the program counts all pairs
/// - for vector, matrix, encoded and interval tree clocks, because their timestamps are right about every pair of the sample. The program
///   multiplies the sample's number of right pairs by (ordered pairs of the run) / (ordered pairs of the sample). For these clocks, every
///   ordered pair of the sample is a right pair. So the result is the exact number of ordered pairs of the run.
#[test]
fn a_random_sample_of_pairs_estimates_all_pairs() {
    const RUNS: f64 = 4.0;
    let (folder, experiment) = simulated(
        "seed = 3\nduration_s = 60\nengine = \"virtual\"\nrepetitions = 4\n[parameters]\nrates = [[1, 2, 3, 4]]\ninternal = [0.5]",
    );
    let dataset = analyze::Dataset::open(folder.path()).unwrap();
    let specs = specs();
    let groups = clock_groups(&[dataset], Some(&specs)).unwrap().groups;
    for (spec, group) in std::iter::zip(&specs, groups) {
        let runs = experiment.runs();
        let of_runs: Vec<_> = runs.map(|run| expected(&run, 3, spec, 0.0)).collect();
        for figure in FIGURES
            .iter()
            .filter(|figure| figure.name.starts_with("ordered"))
        {
            let expected = of_runs
                .iter()
                .filter_map(|of_run| of_run[figure.name])
                .sum::<f64>()
                / RUNS;
            let value = group.estimate(figure).expect("a value").mean;
            // 4 runs with 2000 pairs each: the standard error of a share is at most sqrt(0.25 / 8000), which is below 0.006.
            // A difference of 0.03 would be 5 standard errors.
            assert!(
                (value - expected).abs() < 0.03,
                "{spec}, {}: {value} {expected}",
                figure.name
            );
            if ["lamport", "vector", "matrix", "encoded", "interval-tree"].contains(&spec.kind.name)
            {
                assert!(
                    (value - expected).abs() < 1e-12,
                    "{spec}, {}: {value} {expected}",
                    figure.name
                );
            }
        }
    }
}

/// Clocks that contain a time are replayed with the times at which ticks are due. The logged times of a run over TCP differ from these
/// times, and must not change the figures.
#[test]
fn logged_times_over_tcp_change_no_figure() {
    const START_NS: u64 = 1_700_000_000_000_000_000;
    let text = |engine: &str| {
        format!(
            "seed = 5\nduration_s = 10\nengine = \"{engine}\"\n[parameters]\nrates = [[1, 3, 6]]\ninternal = [0.4]"
        )
    };
    let virtual_text = text("virtual");
    let (virtual_folder, _) = simulated(&virtual_text);
    let tcp_folder = tempfile::tempdir().unwrap();
    // This dataset is simulated too, with the same events. But its experiment says `tcp`, and its logged times are altered.
    fixture::altered(tcp_folder.path(), &text("tcp"), |runs| {
        for run in runs {
            run.row.started_at_ns = START_NS;
            // The first ten ticks of each machine get times that do not fit their due times. For example, tick 3 of machine 1 gets the
            // time START_NS + 1.504 s: 3 times 0.5 s, and 4 ms extra.
            for machine in 0..3 {
                for tick in 0..10 {
                    let extra_ns = 1_000_000 * (machine + tick);
                    let tick_ns = START_NS + u64::from(tick) * 500_000_000;
                    fixture::set(
                        run,
                        machine,
                        u64::from(tick),
                        "system_time_ns",
                        &(tick_ns + u64::from(extra_ns)).to_string(),
                    );
                }
            }
        }
    });
    let values = |folder: &tempfile::TempDir| {
        let dataset = analyze::Dataset::open(folder.path()).unwrap();
        let groups = clock_groups(&[dataset], Some(&specs())).unwrap().groups;
        let means = |group: &analyze::clocks::ClockGroup| {
            let figures = FIGURES.each_ref();
            figures.map(|figure| group.estimate(figure).map(|estimate| estimate.mean))
        };
        groups.iter().map(means).collect::<Vec<_>>()
    };
    assert_eq!(values(&virtual_folder), values(&tcp_folder));
}
