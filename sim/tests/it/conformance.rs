//! The same tests for both engines (TCP and virtual time): the logs of both must follow the rules of the model. Also: a TCP run whose
//! messages arrived as scheduled has the same events as the virtual run with the same seed.

use std::collections::{HashMap, VecDeque};

use sim::engine::tcp::Settings;
use sim::engine::{RunLog, RunOutcome, virtual_time};
use sim::experiment::{EngineKind, Experiment, Overrides, ReceiveRule, Run};
use sim::log::LoggedEvent;
use sim::machine::{EventKind, Message};

use crate::support::{experiment, run_all, run_tcp, settings};

const ENGINES: [EngineKind; 2] = [EngineKind::Virtual, EngineKind::Tcp];

/// Makes all runs of an experiment on both engines, and passes every log to `check`. `parameters` is the experiment file without name
/// and seed.
fn on_both_engines(parameters: &str, check: impl Fn(&Experiment, &Run, &RunLog)) {
    let experiment = experiment(parameters);
    for engine in ENGINES {
        let outcomes = run_all(&experiment, engine);
        assert_eq!(outcomes.len() as u64, experiment.run_count(), "{engine}");
        for RunOutcome { run, result, .. } in outcomes {
            let log = result
                .unwrap_or_else(|reason| panic!("{engine}: run {} failed: {reason}", run.index));
            assert_eq!(log.machines.len(), run.schedule(experiment.seed).machines());
            assert!(log.machines.iter().all(|events| !events.is_empty()));
            check(&experiment, &run, &log);
        }
    }
}

/// Three sets of rates (each inner list has a rate for each machine), two values of `internal`, and messages with and without delays.
const GRID: &str = "duration_s = 20\ntime_scale = 50\nrepetitions = 3\n[parameters]
rates = [[1, 3, 6], [2, 2], [5, 1, 5, 2]]\ninternal = [0.1, 0.7]\ndelay_s = [0, { uniform = [0, 2] }]";

/// All values of `receive`, `topology` and `sends`, in every combination that is allowed. With the topology `time-keeper`, only machine 0
/// sends, and always to all others. So this topology cannot be combined with `unicast` or `multicast`.
const VARIANTS: &str = "duration_s = 20\ntime_scale = 40\n[parameters]
rates = [[1, 3, 6], [2, 2], [5, 1, 5, 2, 3]]\ninternal = 0.3\ndelay_s = [0, { uniform = [0, 1] }]
receive = [\"one\", \"all\"]\ntopology = [\"mesh\", \"ring\", \"star\", \"time-keeper\"]
sends = [\"mix\", \"unicast\", \"broadcast\", { multicast = 1 }, { multicast = 2 }]
[[exclude]]\ntopology = \"time-keeper\"\nsends = [\"unicast\", { multicast = 1 }, { multicast = 2 }]";

/// Rates that are not whole numbers, and one value of `internal`: a list with a probability for each machine.
const UNEVEN: &str = "duration_s = 20\ntime_scale = 40\nrepetitions = 5\n[parameters]
rates = [[1.5, 2.25, 6], [0.3, 3, 1.000001]]\ninternal = [[0.9, 0.5, 0.2]]\nphase = \"uniform\"\nreceive = [\"one\", \"all\"]";

/// Runs with a connection for each message, and the same runs with connections that are used during the whole run.
const PER_MESSAGE: &str = "duration_s = 20\ntime_scale = 20\n[parameters]
rates = [[1, 3, 6], [5, 1, 5, 2, 3]]\ninternal = 0.3\ndelay_s = [0, { uniform = [0, 1] }]
topology = [\"mesh\", \"ring\", \"star\", \"time-keeper\"]\nconnection = [\"per-message\", \"persistent\"]";

/// Runs whose messages carry timestamps of another clock beside the Lamport timestamp.
const CLOCKS: &str = "duration_s = 20\ntime_scale = 20\n[parameters]
rates = [[1, 3, 6], [5, 1, 5, 2, 3]]\ninternal = 0.3\ndelay_s = [0, { uniform = [0, 1] }]\nreceive = [\"one\", \"all\"]
clock = [\"vector\", \"hlc\"]\nconnection = [\"per-message\", \"persistent\"]";

#[test]
fn a_connection_for_each_message_does_not_change_events() {
    let experiment = experiment(PER_MESSAGE);
    let (per_message, persistent): (Vec<_>, Vec<_>) = run_all(&experiment, EngineKind::Virtual)
        .into_iter()
        .partition(|outcome| outcome.run.key().contains("connection=per-message"));
    // Two sets of rates, two delays and four topologies.
    assert_eq!((per_message.len(), persistent.len()), (16, 16));
    for (per_message, persistent) in per_message.iter().zip(&persistent) {
        // A run's random numbers are made from its stream key. The stream key is the key that the run would have with persistent
        // connections and only Lamport clocks.
        assert_eq!(per_message.run.stream_key(), persistent.run.key());
        assert_eq!(per_message.result, persistent.result);
    }
}

#[test]
fn in_every_variant_clocks_follow_lamports_rules_and_no_message_is_lost() {
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

/// Checks that every tick has an event. With `receive = "all"`, a tick takes all waiting messages and has an event for each. Then the
/// events of the tick must have the same time, and their queue lengths must fall by 1 from event to event, down to 0.
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
            // From the last event of the tick backwards, the queue lengths are 0, 1, 2, ...
            for (queue_length, logged) in (0..).zip(events.iter().rev()) {
                assert_eq!(logged.event.queue_length, queue_length);
                assert_eq!(logged.system_time_ns, events[0].system_time_ns);
            }
        }
    }
}

#[test]
fn in_every_variant_tcp_runs_that_are_as_scheduled_have_the_same_events_as_virtual_runs() {
    check_same_events_as_virtual_runs(experiment(VARIANTS));
    check_same_events_as_virtual_runs(experiment(UNEVEN));
    check_same_events_as_virtual_runs(experiment(PER_MESSAGE));
    check_same_events_as_virtual_runs(experiment(CLOCKS));
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
        // Logs of virtual runs start at 0 and have model time. Logs of TCP runs have wall time: model time divided by the time scale.
        let is_virtual = log.started_at_ns == 0;
        let scale = if is_virtual {
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
fn clocks_follow_lamports_rules() {
    on_both_engines(GRID, |_, _, log| {
        log.machines
            .iter()
            .for_each(|events| check_clock_rules(events));
    });
}

/// Checks that each clock value of a machine follows from the value before and, at a receive, from the message's timestamp.
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

#[test]
fn every_message_is_received_once_and_in_order_or_still_waits_at_the_end() {
    on_both_engines(GRID, |_, run, log| {
        check_messages(run, log);
    });
}

/// Checks that every received message was sent to the machine that received it, with the same timestamp, and that the clock of the receive
/// is higher than this timestamp. Messages between two machines must keep their order, and no message may be received twice. The queue
/// length in a machine's last row must not be larger than the number of messages that were sent to this machine and never received.
fn check_messages(run: &Run, log: &RunLog) {
    let machines = log.machines.len();
    // The messages that are sent and not yet received, from the oldest on, for each sender and receiver.
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
                // A send to all has no list of recipients. Its recipients are all neighbours of the sender.
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
    // The queue length that a machine logs at its last tick does not count messages that arrive later. So it can be smaller than the
    // number of messages that are not received, but never larger.
    for (receiver, events) in log.machines.iter().enumerate() {
        let not_received: usize = (0..machines)
            .filter_map(|sender| links.get(&(sender, receiver)))
            .map(VecDeque::len)
            .sum();
        assert!(
            events
                .last()
                .is_none_or(|last| last.event.queue_length <= not_received as u64)
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
                    let send_due_ns = schedule.due_ns(message.sender as usize, message.sent_tick);
                    let receive_due_ns = schedule.due_ns(receiver, logged.event.tick);
                    // The delay is 1.25 s.
                    assert!(receive_due_ns > send_due_ns + 1_250_000_000);
                    received += 1;
                }
            }
        }
        assert!(received > 0);
    });
}

/// With `stamp = "before"`, a message carries the value that its sender's clock had before the send event. So the clock of a receive can
/// be as low as the clock of its send. With `stamp = "after"`, the clock of a receive is always higher.
#[test]
fn some_receives_have_the_same_clock_as_their_send_only_if_stamp_is_before() {
    let parameters = "duration_s = 20\ntime_scale = 50\n[parameters]\nrates = [3, 3, 4]\ninternal = 0.3\nstamp = [\"after\", \"before\"]";
    on_both_engines(parameters, |_, run, log| {
        // The clock of each event, by machine and tick.
        let clocks: HashMap<(u32, u64), u64> = (0u32..)
            .zip(&log.machines)
            .flat_map(|(machine, events)| {
                events
                    .iter()
                    .map(move |logged| ((machine, logged.event.tick), logged.event.logical_clock))
            })
            .collect();
        // The receives whose clock is not higher than the clock of their send.
        let not_higher = log
            .machines
            .iter()
            .flatten()
            .filter(|logged| match logged.event.kind {
                EventKind::Receive(message) => {
                    logged.event.logical_clock <= clocks[&(message.sender, message.sent_tick)]
                }
                EventKind::Internal | EventKind::Send { .. } => false,
            });
        assert_eq!(
            not_higher.count() > 0,
            run.configuration.stamp.name() == "before"
        );
    });
}

#[test]
fn tcp_runs_that_are_as_scheduled_have_the_same_events_as_virtual_runs() {
    // `rates` makes all sets of three rates from 1, 2, 3 and 4. The order does not count: there is 1,1,2, but not 1,2,1.
    let experiment = experiment(
        "duration_s = 60\ntime_scale = 60\nrepetitions = 2\n[parameters]
rates = { every = \"unordered\", machines = 3, from = 1, to = 4 }\ninternal = [0.25, 0.7]
delay_s = [0, 0.3, { exponential = 0.2 }]\nphase = [\"spread\", \"uniform\"]",
    );
    check_same_events_as_virtual_runs(experiment);
}

/// Makes all runs over TCP and in virtual time. A TCP run is *as scheduled* if its messages arrived as in the schedule. Then it must have
/// the same events as the virtual run with the same seed. How many TCP runs are as scheduled depends on how busy the computer is. If no TCP
/// run is as scheduled, all of them are made again at half the speed.
fn check_same_events_as_virtual_runs(mut experiment: Experiment) {
    let virtual_runs = run_all(&experiment, EngineKind::Virtual);
    while check_and_count_runs_as_scheduled(&experiment, &virtual_runs) == 0 {
        experiment.time_scale /= 2.0;
        assert!(
            experiment.time_scale > 0.2,
            "no run was as scheduled, even at the slowest speed"
        );
    }
}

/// Makes the runs over TCP. Checks that punctual runs are as scheduled, and that runs that are as scheduled have the same events as the
/// virtual runs. Returns the number of runs that are as scheduled.
fn check_and_count_runs_as_scheduled(
    experiment: &Experiment,
    virtual_runs: &[RunOutcome],
) -> usize {
    let over_tcp = run_all(experiment, EngineKind::Tcp);
    assert_eq!(over_tcp.len(), virtual_runs.len());
    let mut as_scheduled = 0;
    for (tcp_run, virtual_run) in over_tcp.iter().zip(virtual_runs) {
        let tcp_log = tcp_run.result.as_ref().expect("ok");
        let virtual_log = virtual_run.result.as_ref().expect("ok");
        let punctuality = tcp_log.punctuality;
        if punctuality.is_punctual() {
            assert!(punctuality.as_scheduled);
        }
        if punctuality.as_scheduled {
            as_scheduled += 1;
            let key = tcp_run.run.key();
            assert_eq!(events(tcp_log), events(virtual_log), "{key}");
        }
    }
    println!(
        "{as_scheduled} of {} runs were as scheduled",
        over_tcp.len()
    );
    as_scheduled
}

/// The events of each machine, without their times.
fn events(log: &RunLog) -> Vec<Vec<sim::machine::Event>> {
    log.machines
        .iter()
        .map(|events| events.iter().map(|logged| logged.event.clone()).collect())
        .collect()
}

/// With equal rates and aligned ticks, all machines have their tick t at the same time (t counts from 0). After tick t, every clock is
/// t + 1. The reason: a message that is sent at tick t carries the timestamp t + 1 and is received at a later tick. Before that later tick,
/// the receiver's clock is already t + 1 or more, so the receive moves it by 1 only.
#[test]
fn clocks_with_equal_rates_and_aligned_ticks_always_move_by_1_in_virtual_time() {
    let experiment =
        experiment("[parameters]\nrates = [3, 3, 3]\ninternal = 0.7\nphase = \"aligned\"");
    for outcome in run_all(&experiment, EngineKind::Virtual) {
        let log = outcome.result.expect("ok");
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
fn virtual_runs_are_equal_with_the_same_seed_and_differ_with_another_seed() {
    let log_with_seed = |seed: u64| {
        let mut experiment = experiment("[parameters]\nrates = [1, 3, 6]\ninternal = 0.7");
        experiment.seed = seed;
        run_all(&experiment, EngineKind::Virtual)
            .pop()
            .expect("a run")
            .result
            .expect("ok")
    };
    assert_eq!(log_with_seed(1), log_with_seed(1));
    assert_ne!(events(&log_with_seed(1)), events(&log_with_seed(2)));
}

/// The machines have the probabilities 1, 0.5 and 0 of an internal event at a tick with an empty queue.
#[test]
fn each_machine_has_its_own_probability() {
    let experiment =
        experiment("duration_s = 3000\n[parameters]\nrates = [3, 3, 3]\ninternal = [[1, 0.5, 0]]");
    let log = run_all(&experiment, EngineKind::Virtual)
        .pop()
        .expect("a run")
        .result
        .expect("ok");
    // The share of internal events among internal and send events, and the standard deviation of this share at probability 0.5.
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
        // If each of n events is internal with probability p, the share of internal events has the standard deviation
        // sqrt(p * (1 - p) / n). Here p is 0.5.
        let deviation = (0.25 / (internal + sends)).sqrt();
        (internal / (internal + sends), deviation)
    };
    assert_eq!(share(0).0, 1.0);
    assert_eq!(share(2).0, 0.0);
    let (half, deviation) = share(1);
    assert!((half - 0.5).abs() < 5.0 * deviation, "{half}");
}

/// A run's events depend on the run's key (its parameters and its repetition), not on the other runs of the experiment.
#[test]
fn a_run_is_the_same_alone_and_among_other_runs() {
    let alone = experiment("[parameters]\nrates = [2, 3, 4]\ninternal = 0.4");
    let among = experiment(
        "repetitions = 2\n[parameters]\nrates = [[1, 3, 6], [2, 3, 4]]\ninternal = [0.4, 0.7]",
    );
    let alone = run_all(&alone, EngineKind::Virtual).pop().expect("a run");
    let same = run_all(&among, EngineKind::Virtual)
        .into_iter()
        .find(|outcome| outcome.run.key() == alone.run.key())
        .expect("the same run");
    assert_eq!(alone.result, same.result);
}

/// If only 30 events fit into memory, the engine stores further events in a file until the run has ended.
#[test]
fn logs_that_do_not_fit_into_memory_are_complete() {
    let experiment = experiment(GRID);
    let little_memory = Settings {
        max_events_in_memory: 30,
        ..settings(&experiment)
    };
    let outcomes = run_tcp(&experiment, &little_memory);
    assert_eq!(outcomes.len() as u64, experiment.run_count());
    for outcome in outcomes {
        let log = outcome.result.expect("ok");
        let schedule = outcome.run.schedule(experiment.seed);
        for (machine, events) in log.machines.iter().enumerate() {
            let ticks: Vec<u64> = events.iter().map(|logged| logged.event.tick).collect();
            assert_eq!(ticks, (0..schedule.ticks(machine)).collect::<Vec<_>>());
            assert!(events.is_sorted_by_key(|logged| logged.event.logical_clock));
        }
    }
}

/// The estimates neglect that a machine does not send at a tick at which it receives. In this experiment, this makes little difference:
/// machine 2 has 60 ticks per second, and each other machine has 1. So machine 2 sends nearly all messages, and seldom receives one. The
/// neighbours of machine 2 take several messages at each tick, so they have more rows than ticks.
#[test]
fn estimated_numbers_of_rows_and_messages_are_close_to_the_counted_ones() {
    let text = "seed = 5\nrepetitions = 20\nduration_s = 100\nengine = \"virtual\"\n[parameters]\nrates = [[1, 1, 60, 1]]\n\
                internal = 0.9\nreceive = \"all\"\ntopology = [\"mesh\", \"star\", \"ring\"]\n\
                sends = [\"mix\", \"broadcast\", { multicast = 2 }]";
    let experiment =
        Experiment::parse(text, "rows.toml".as_ref(), Overrides::default()).expect("an experiment");
    for configuration in experiment.configurations() {
        let (mut rows, mut messages) = (0u64, 0u64);
        let is_wanted = |run: &Run| run.configuration == *configuration;
        for run in experiment.runs().filter(is_wanted) {
            virtual_time::observe(&run, experiment.seed, |machine, logged| {
                rows += 1;
                if let EventKind::Send { recipients, .. } = &logged.event.kind {
                    let neighbours = configuration.neighbours(machine as u32);
                    messages += recipients.among(&neighbours).len() as u64;
                }
            });
        }
        // Means over the 20 repetitions.
        let (rows, messages) = (rows as f64 / 20.0, messages as f64 / 20.0);
        let expected = configuration.expected_rows() as f64;
        assert!(
            (rows / expected - 1.0).abs() < 0.1,
            "{configuration}: {rows} rows, {expected} expected"
        );
        // In the long run, all machines together cannot send more messages than this. In a run of 100 s, chance may add a few.
        let max_messages = configuration.messages_per_second() * 100.0;
        assert!(
            (0.9..1.05).contains(&(messages / max_messages)),
            "{configuration}: {messages} messages, {max_messages} at most"
        );
    }
}
