//! The same tests for both engines: the logs of both engines must follow the rules of the model.

use std::collections::{HashMap, VecDeque};

use sim::engine::tcp::Settings;
use sim::engine::{RunLog, RunOutcome, virtual_time};
use sim::experiment::{EngineKind, Experiment, Overrides, ReceiveRule, Run};
use sim::log::LoggedEvent;
use sim::machine::{EventKind, Message};

use crate::support::{experiment, run_all, run_tcp, settings};

const ENGINES: [EngineKind; 2] = [EngineKind::Virtual, EngineKind::Tcp];

/// Runs `parameters` on both engines and passes every log to `check`.
fn on_both_engines(parameters: &str, check: impl Fn(&Experiment, &Run, &RunLog)) {
    let experiment = experiment(parameters);
    for engine in ENGINES {
        let ended = run_all(&experiment, engine);
        assert_eq!(ended.len() as u64, experiment.run_count(), "{engine}");
        for ended in ended {
            let log = ended.result.unwrap_or_else(|reason| {
                panic!("{engine}: run {} failed: {reason}", ended.run.index)
            });
            assert_eq!(
                log.machines.len(),
                ended.run.schedule(experiment.seed).machines()
            );
            assert!(log.machines.iter().all(|events| !events.is_empty()));
            check(&experiment, &ended.run, &log);
        }
    }
}

const GRID: &str = "duration_s = 20\ntime_scale = 50\nrepetitions = 3\n[parameters]
rates = [[1, 3, 6], [2, 2], [5, 1, 5, 2]]\ninternal = [0.1, 0.7]\ndelay_s = [0, { uniform = [0, 2] }]";

/// Every variant of the model, alone and combined with another one.
const VARIANTS: &str = "duration_s = 20\ntime_scale = 40\n[parameters]
rates = [[1, 3, 6], [2, 2], [5, 1, 5, 2, 3]]\ninternal = 0.3\ndelay_s = [0, { uniform = [0, 1] }]
receive = [\"one\", \"all\"]\ntopology = [\"mesh\", \"ring\", \"star\", \"time-keeper\"]
sends = [\"mix\", \"unicast\", \"broadcast\", { multicast = 1 }, { multicast = 2 }]
[[exclude]]\ntopology = \"time-keeper\"\nsends = [\"unicast\", { multicast = 1 }, { multicast = 2 }]";

/// Rates that are not whole numbers, and a probability for each machine.
const UNEVEN: &str = "duration_s = 20\ntime_scale = 40\nrepetitions = 5\n[parameters]
rates = [[1.5, 2.25, 6], [0.3, 3, 1.000001]]\ninternal = [[0.9, 0.5, 0.2]]\nphase = \"uniform\"\nreceive = [\"one\", \"all\"]";

/// Runs with a connection for each message, and the same runs without.
const PER_MESSAGE: &str = "duration_s = 20\ntime_scale = 20\n[parameters]
rates = [[1, 3, 6], [5, 1, 5, 2, 3]]\ninternal = 0.3\ndelay_s = [0, { uniform = [0, 1] }]
topology = [\"mesh\", \"ring\", \"star\", \"time-keeper\"]\nconnection = [\"per-message\", \"persistent\"]";

/// Runs whose messages carry timestamps of other clocks.
const CLOCKS: &str = "duration_s = 20\ntime_scale = 20\n[parameters]
rates = [[1, 3, 6], [5, 1, 5, 2, 3]]\ninternal = 0.3\ndelay_s = [0, { uniform = [0, 1] }]\nreceive = [\"one\", \"all\"]
clock = [\"vector\", \"hlc\"]\nconnection = [\"per-message\", \"persistent\"]";

#[test]
fn a_connection_for_each_message_does_not_change_events() {
    let experiment = experiment(PER_MESSAGE);
    let (per_message, persistent): (Vec<_>, Vec<_>) = run_all(&experiment, EngineKind::Virtual)
        .into_iter()
        .partition(|ended| ended.run.key().contains("connection=per-message"));
    assert_eq!((per_message.len(), persistent.len()), (16, 16));
    for (a, b) in per_message.iter().zip(&persistent) {
        assert_eq!(a.run.stream_key(), b.run.key());
        assert_eq!(a.result, b.result);
    }
}

#[test]
fn every_variant_keeps_lamports_rules_and_every_message() {
    check_rules_and_messages(PER_MESSAGE);
    check_rules_and_messages(CLOCKS);
    check_rules_and_messages(VARIANTS);
    check_rules_and_messages(UNEVEN);
}

fn check_rules_and_messages(parameters: &str) {
    on_both_engines(parameters, |experiment, run, log| {
        log.machines
            .iter()
            .for_each(|events| check_clock_rules(events));
        check_messages(run, log);
        let schedule = run.schedule(experiment.seed);
        for (machine, events) in log.machines.iter().enumerate() {
            check_all_ticks(events, schedule.ticks(machine), run);
        }
    });
}

/// Checks that every tick has an event. If a tick takes several messages, its queue lengths must fall to 0.
fn check_all_ticks(events: &[LoggedEvent], ticks: u64, run: &Run) {
    let by_tick: Vec<_> = events
        .chunk_by(|a, b| a.event.tick == b.event.tick)
        .collect();
    assert_eq!(by_tick.len() as u64, ticks);
    for (tick, events) in (0..).zip(by_tick) {
        assert!(events.iter().all(|logged| logged.event.tick == tick));
        assert!(events.len() == 1 || run.configuration.receive == ReceiveRule::All);
        if run.configuration.receive == ReceiveRule::All {
            let receives =
                |logged: &LoggedEvent| matches!(logged.event.kind, EventKind::Receive(_));
            assert!(events.len() == 1 || events.iter().all(receives));
            for (left, logged) in (0..).zip(events.iter().rev()) {
                assert_eq!(logged.event.queue_length, left);
                assert_eq!(logged.system_time_ns, events[0].system_time_ns);
            }
        }
    }
}

#[test]
fn variants_that_are_as_scheduled_equal_the_virtual_runs() {
    check_twins_at_some_speed(experiment(VARIANTS));
    check_twins_at_some_speed(experiment(UNEVEN));
    check_twins_at_some_speed(experiment(PER_MESSAGE));
    check_twins_at_some_speed(experiment(CLOCKS));
}

#[test]
fn every_machine_logs_one_event_for_every_tick_in_order() {
    on_both_engines(GRID, |experiment, run, log| {
        let schedule = run.schedule(experiment.seed);
        assert_eq!(log.machines.len(), schedule.machines());
        for (machine, events) in log.machines.iter().enumerate() {
            assert_eq!(events.len() as u64, schedule.ticks(machine));
            assert!(
                events
                    .iter()
                    .enumerate()
                    .all(|(tick, logged)| logged.event.tick == tick as u64)
            );
            assert!(events.is_sorted_by(|a, b| a.system_time_ns < b.system_time_ns));
        }
    });
}

#[test]
fn no_tick_comes_before_it_is_due() {
    on_both_engines(GRID, |experiment, run, log| {
        let schedule = run.schedule(experiment.seed);
        let scale = if log.started_at_ns == 0 {
            1.0
        } else {
            experiment.time_scale
        };
        for (machine, events) in log.machines.iter().enumerate() {
            for logged in events {
                let due_ns = (schedule.due_ns(machine, logged.event.tick) as f64 / scale) as u64;
                assert!(logged.system_time_ns >= log.started_at_ns + due_ns);
            }
        }
    });
}

#[test]
fn clocks_keep_lamports_rules() {
    on_both_engines(GRID, |_, _, log| {
        log.machines
            .iter()
            .for_each(|events| check_clock_rules(events));
    });
}

fn check_clock_rules(events: &[LoggedEvent]) {
    let mut clock = 0;
    for logged in events {
        let expected = match logged.event.kind {
            EventKind::Receive(message) => clock.max(message.stamp) + 1,
            EventKind::Internal | EventKind::Send { .. } => clock + 1,
        };
        assert_eq!(logged.event.logical_clock, expected);
        clock = expected;
    }
}

/// Every receive belongs to a send to its machine, with the same stamp and at a lower clock. Messages between two machines keep
/// their order, and no message arrives twice. Every sent message is received, or waits at the end.
#[test]
fn every_message_is_received_once_and_in_order_or_still_waits() {
    on_both_engines(GRID, |_, run, log| {
        check_messages(run, log);
    });
}

fn check_messages(run: &Run, log: &RunLog) {
    let machines = log.machines.len();
    let mut links: HashMap<(usize, usize), VecDeque<Message>> = HashMap::new();
    for (sender, events) in log.machines.iter().enumerate() {
        for logged in events {
            if let EventKind::Send { recipients, stamp } = &logged.event.kind {
                assert_eq!(*stamp, logged.event.logical_clock);
                let message = Message {
                    sender: sender as u32,
                    stamp: *stamp,
                    sent_tick: logged.event.tick,
                };
                let neighbours = run.configuration.neighbours(sender as u32);
                for &peer in recipients.among(&neighbours) {
                    let link = links.entry((sender, peer as usize)).or_default();
                    link.push_back(message);
                }
            }
        }
    }
    let mut received = 0;
    for (receiver, events) in log.machines.iter().enumerate() {
        for logged in events {
            if let EventKind::Receive(message) = logged.event.kind {
                received += 1;
                let link = links.get_mut(&(message.sender as usize, receiver));
                assert_eq!(link.and_then(VecDeque::pop_front), Some(message));
                assert!(logged.event.logical_clock > message.stamp);
            }
        }
    }
    assert!(received > 0, "{}: nothing was received", run.key());
    // A machine's last queue length does not count messages sent after its last tick. So it can be smaller than the number of
    // messages that are not received, but never larger.
    for (receiver, events) in log.machines.iter().enumerate() {
        let sent: usize = (0..machines)
            .filter_map(|sender| links.get(&(sender, receiver)))
            .map(VecDeque::len)
            .sum();
        assert!(
            events
                .last()
                .is_none_or(|last| last.event.queue_length <= sent as u64)
        );
    }
}

#[test]
fn no_message_is_received_before_its_delay_is_over() {
    let parameters = "duration_s = 30\ntime_scale = 50\n[parameters]\nrates = [2, 3, 4]\ninternal = 0.6\ndelay_s = 1.25";
    on_both_engines(parameters, |experiment, run, log| {
        let schedule = run.schedule(experiment.seed);
        let mut received = 0;
        for (receiver, events) in log.machines.iter().enumerate() {
            for logged in events {
                if let EventKind::Receive(message) = logged.event.kind {
                    let sent_ns = schedule.due_ns(message.sender as usize, message.sent_tick);
                    let received_ns = schedule.due_ns(receiver, logged.event.tick);
                    assert!(received_ns > sent_ns + 1_250_000_000);
                    received += 1;
                }
            }
        }
        assert!(received > 0);
    });
}

#[test]
fn only_stamp_before_breaks_the_clock_condition() {
    let parameters = "duration_s = 20\ntime_scale = 50\n[parameters]\nrates = [3, 3, 4]\ninternal = 0.3\nstamp = [\"after\", \"before\"]";
    on_both_engines(parameters, |_, run, log| {
        let sends: HashMap<(u32, u64), u64> = (0u32..)
            .zip(&log.machines)
            .flat_map(|(machine, events)| {
                events
                    .iter()
                    .map(move |logged| ((machine, logged.event.tick), logged.event.logical_clock))
            })
            .collect();
        let violations = log
            .machines
            .iter()
            .flatten()
            .filter(|logged| match logged.event.kind {
                EventKind::Receive(message) => {
                    logged.event.logical_clock <= sends[&(message.sender, message.sent_tick)]
                }
                EventKind::Internal | EventKind::Send { .. } => false,
            });
        assert_eq!(
            violations.count() > 0,
            run.configuration.stamp.name() == "before"
        );
    });
}

/// A run over real TCP that was as scheduled has the same events as the virtual run with the same seed. Every punctual run is as
/// scheduled.
#[test]
fn runs_that_are_as_scheduled_equal_the_virtual_runs() {
    let experiment = experiment(
        "duration_s = 60\ntime_scale = 60\nrepetitions = 2\n[parameters]
rates = { every = \"unordered\", machines = 3, from = 1, to = 4 }\ninternal = [0.25, 0.7]
delay_s = [0, 0.3, { exponential = 0.2 }]\nphase = [\"spread\", \"uniform\"]",
    );
    check_twins_at_some_speed(experiment);
}

/// How many runs are as scheduled depends on how busy the computer is. If none is, they are tried again at half the speed.
fn check_twins_at_some_speed(mut experiment: Experiment) {
    let twins = run_all(&experiment, EngineKind::Virtual);
    while count_equal_twins(&experiment, &twins) == 0 {
        experiment.time_scale /= 2.0;
        assert!(
            experiment.time_scale > 0.2,
            "no run was as scheduled, even at the slowest speed"
        );
    }
}

/// Checks that the runs over TCP that are as scheduled have the same events as the virtual runs with the same seed. Returns the
/// number of such runs.
fn count_equal_twins(experiment: &Experiment, twins: &[RunOutcome]) -> usize {
    let over_tcp = run_all(experiment, EngineKind::Tcp);
    assert_eq!(over_tcp.len(), twins.len());
    let mut as_scheduled = 0;
    for (real, twin) in over_tcp.iter().zip(twins) {
        let (real_log, twin_log) = (
            real.result.as_ref().expect("ok"),
            twin.result.as_ref().expect("ok"),
        );
        let punctuality = real_log.punctuality;
        assert!(punctuality.as_scheduled || !punctuality.is_punctual());
        if punctuality.as_scheduled {
            as_scheduled += 1;
            assert_eq!(events(real_log), events(twin_log), "{}", real.run.key());
        }
    }
    println!(
        "{as_scheduled} of {} runs were as scheduled",
        over_tcp.len()
    );
    as_scheduled
}

fn events(log: &RunLog) -> Vec<Vec<sim::machine::Event>> {
    log.machines
        .iter()
        .map(|events| events.iter().map(|logged| logged.event.clone()).collect())
        .collect()
}

/// With equal rates and aligned ticks, every clock counts only its machine's ticks, because no message has a larger timestamp
/// than its receiver's clock.
#[test]
fn aligned_equal_rates_never_jump_in_virtual_time() {
    let experiment =
        experiment("[parameters]\nrates = [3, 3, 3]\ninternal = 0.7\nphase = \"aligned\"");
    for ended in run_all(&experiment, EngineKind::Virtual) {
        let log = ended.result.expect("ok");
        for events in &log.machines {
            assert!(
                events
                    .iter()
                    .all(|logged| logged.event.logical_clock == logged.event.tick + 1)
            );
        }
    }
}

#[test]
fn the_virtual_engine_repeats_exactly_with_the_same_seed_only() {
    let of_seed = |seed: u64| {
        let mut experiment = experiment("[parameters]\nrates = [1, 3, 6]\ninternal = 0.7");
        experiment.seed = seed;
        run_all(&experiment, EngineKind::Virtual)
            .pop()
            .expect("a run")
            .result
            .expect("ok")
    };
    assert_eq!(of_seed(1), of_seed(1));
    assert_ne!(events(&of_seed(1)), events(&of_seed(2)));
}

/// Machine 1 has half as many internal events as machine 0.
#[test]
fn each_machine_has_its_own_probability() {
    let experiment =
        experiment("duration_s = 3000\n[parameters]\nrates = [3, 3, 3]\ninternal = [[1, 0.5, 0]]");
    let log = run_all(&experiment, EngineKind::Virtual)
        .pop()
        .expect("a run")
        .result
        .expect("ok");
    let share = |machine: usize| {
        let kinds = || {
            log.machines[machine]
                .iter()
                .map(|logged| &logged.event.kind)
        };
        let internal = kinds().filter(|kind| **kind == EventKind::Internal).count() as f64;
        let sends = kinds()
            .filter(|kind| matches!(kind, EventKind::Send { .. }))
            .count() as f64;
        let deviation = (0.25 / (internal + sends)).sqrt();
        (internal / (internal + sends), deviation)
    };
    assert_eq!(share(0).0, 1.0);
    assert_eq!(share(2).0, 0.0);
    let (half, deviation) = share(1);
    assert!((half - 0.5).abs() < 5.0 * deviation, "{half}");
}

/// A run's events depend on its key, not on the other runs of the experiment.
#[test]
fn a_run_is_the_same_in_a_larger_grid() {
    let alone = experiment("[parameters]\nrates = [2, 3, 4]\ninternal = 0.4");
    let among = experiment(
        "repetitions = 2\n[parameters]\nrates = [[1, 3, 6], [2, 3, 4]]\ninternal = [0.4, 0.7]",
    );
    let alone = run_all(&alone, EngineKind::Virtual).pop().expect("a run");
    let same = run_all(&among, EngineKind::Virtual)
        .into_iter()
        .find(|ended| ended.run.key() == alone.run.key())
        .expect("it is there");
    assert_eq!(alone.result, same.result);
}

#[test]
fn logs_that_do_not_fit_into_memory_are_complete() {
    let experiment = experiment(GRID);
    let little = Settings {
        events_in_memory: 30,
        ..settings(&experiment)
    };
    let ended = run_tcp(&experiment, &little);
    assert_eq!(ended.len() as u64, experiment.run_count());
    for ended in ended {
        let log = ended.result.expect("ok");
        let schedule = ended.run.schedule(experiment.seed);
        for (machine, events) in log.machines.iter().enumerate() {
            let ticks: Vec<u64> = events.iter().map(|logged| logged.event.tick).collect();
            assert_eq!(ticks, (0..schedule.ticks(machine)).collect::<Vec<_>>());
            assert!(events.is_sorted_by_key(|logged| logged.event.logical_clock));
        }
    }
}

/// The expected numbers are close to the real ones: rows of the log if ticks take all messages, and messages if no machine is busy
/// receiving.
#[test]
fn expected_rows_and_messages_are_close_to_the_real_ones() {
    let text = "seed = 5\nrepetitions = 20\nduration_s = 100\nengine = \"virtual\"\n[parameters]\nrates = [[1, 1, 60, 1]]\n\
                internal = 0.9\nreceive = \"all\"\ntopology = [\"mesh\", \"star\", \"ring\"]\n\
                sends = [\"mix\", \"broadcast\", { multicast = 2 }]";
    let experiment =
        Experiment::parse(text, "rows.toml".as_ref(), Overrides::default()).expect("an experiment");
    for configuration in experiment.configurations() {
        let (mut rows, mut messages) = (0u64, 0u64);
        for run in experiment
            .runs()
            .filter(|run| run.configuration == *configuration)
        {
            virtual_time::observe(&run, experiment.seed, |machine, logged| {
                rows += 1;
                if let EventKind::Send { recipients, .. } = &logged.event.kind {
                    let neighbours = configuration.neighbours(machine as u32);
                    messages += recipients.among(&neighbours).len() as u64;
                }
            });
        }
        let (rows, messages) = (rows as f64 / 20.0, messages as f64 / 20.0);
        let expected = configuration.expected_rows() as f64;
        assert!(
            (rows / expected - 1.0).abs() < 0.1,
            "{configuration}: {rows} rows, {expected} expected"
        );
        let most = configuration.messages_per_second() * 100.0;
        assert!(
            (0.9..1.05).contains(&(messages / most)),
            "{configuration}: {messages} messages, {most} at most"
        );
    }
}
