//! Tests of the timestamps that machines keep and send if they have a vector clock or a hybrid logical clock (HLC) beside their Lamport
//! clock. With both engines, and with machines in processes, these timestamps equal those of a replay of the logged events. Datasets with
//! such timestamps can be continued and divided into shards (parts of the runs, each in a folder of its own).

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use sim::clock::physical::{EPSILON_NS, RESOLUTION_NS};
use sim::clock::{CarriedTimestamp, Clock, HybridClock, PhysicalTime, VectorClock};
use sim::engine::virtual_time;
use sim::experiment::{ClockKind, EngineKind, Run};
use sim::log::{Dataset, LoggedEvent, parse_rows_in};
use sim::machine::EventKind;

use crate::support::{experiment, rows, run_all};

/// Runs of both clocks with every topology, multicasts, delays, and ticks that take all waiting messages. With topology
/// `time-keeper`, machine 0 always sends to all others. So this topology is not combined with multicasts.
const VARIANTS: &str = "duration_s = 10\ntime_scale = 40\n[parameters]
rates = [[1, 3, 6], [5, 1, 5, 2]]\ninternal = 0.3\ndelay_s = [0, { uniform = [0, 1] }]\nclock = [\"vector\", \"hlc\"]
receive = [\"one\", \"all\"]\ntopology = [\"mesh\", \"ring\", \"star\", \"time-keeper\"]\nsends = [\"mix\", { multicast = 2 }]
[[exclude]]\ntopology = \"time-keeper\"\nsends = { multicast = 2 }";

/// Six runs: every clock, with a connection for each message and with connections that stay open.
const PER_MESSAGE: &str =
    "duration_s = 10\ntime_scale = 20\n[parameters]\nrates = [1, 3, 6]\ninternal = 0.3
clock = [\"lamport\", \"vector\", \"hlc\"]\nconnection = [\"per-message\", \"persistent\"]";

/// A replay of clocks of type `C` over the events of a run.
struct Replay<'r, C> {
    run: &'r Run,
    seed: u64,
    /// The clock of each machine.
    clocks: Vec<C>,
    /// The physical clock of each machine. Physical clocks may be fast or slow. Hybrid logical clocks read them.
    physical: Vec<PhysicalTime>,
}

impl<'r, C: Clock> Replay<'r, C> {
    /// Starts a replay. `clock` makes the clock of a machine, from its index and the number of machines.
    fn new(run: &'r Run, seed: u64, clock: impl Fn(u32, u32) -> C) -> Self {
        let machines = run.configuration.rates.machines();
        let physical = |machine| {
            let duration_ns = run.configuration.duration_ns;
            // The errors of the clocks are drawn from the seed and this key (the text of the run's parameters and repetition).
            let key = run.stream_key();
            // `EPSILON_NS` is the largest difference between two physical clocks of a run. `RESOLUTION_NS` is the step by which a
            // physical clock advances.
            PhysicalTime::draw(
                (seed, &*key),
                machine,
                EPSILON_NS,
                duration_ns,
                RESOLUTION_NS,
            )
        };
        Self {
            run,
            seed,
            clocks: (0..machines)
                .map(|machine| clock(machine, machines))
                .collect(),
            physical: (0..machines).map(physical).collect(),
        }
    }

    /// Returns the timestamp of each event of each machine.
    ///
    /// A receive can be replayed only after the send of its message. So the loop visits the machines in turn, again and again. At each visit
    /// it replays the machine's next events, up to a receive whose send has not been replayed yet. That receive waits for the next visit.
    fn timestamps(mut self, log: &[Vec<LoggedEvent>]) -> Vec<Vec<C::Timestamp>> {
        let schedule = self.run.schedule(self.seed);
        // The timestamps of the messages, by sender and tick of the send.
        let mut sent: HashMap<(u32, u64), C::Timestamp> = HashMap::new();
        let mut replayed: Vec<Vec<C::Timestamp>> = vec![vec![]; log.len()];
        let event_count: usize = log.iter().map(Vec::len).sum();
        let count = |replayed: &[Vec<C::Timestamp>]| replayed.iter().map(Vec::len).sum::<usize>();
        while count(&replayed) < event_count {
            let before = count(&replayed);
            for (machine, events) in log.iter().enumerate() {
                for logged in &events[replayed[machine].len()..] {
                    let event = &logged.event;
                    let due_ns = schedule.due_ns(machine, event.tick) as i64;
                    let now = self.physical[machine].reading(due_ns);
                    let clock = &mut self.clocks[machine];
                    match &event.kind {
                        EventKind::Receive(message) => {
                            match sent.get(&(message.sender, message.sent_tick)) {
                                Some(timestamp) => clock.receive(timestamp, now),
                                None => break,
                            }
                        }
                        EventKind::Internal | EventKind::Send { .. } => clock.advance(now),
                    }
                    if let EventKind::Send { .. } = event.kind {
                        sent.insert((machine as u32, event.tick), clock.timestamp());
                    }
                    replayed[machine].push(clock.timestamp());
                }
            }
            assert!(count(&replayed) > before, "a receive has no send");
        }
        replayed
    }
}

/// Turns the timestamps of a replay into the type that timestamps in a log have, so that both can be compared. `wrap` does this for one
/// timestamp. `timestamps` and the result have a list for each machine.
fn wrapped<T>(
    timestamps: Vec<Vec<T>>,
    wrap: impl Fn(T) -> CarriedTimestamp,
) -> Vec<Vec<Option<CarriedTimestamp>>> {
    let wrap_all = |of_machine: Vec<T>| -> Vec<_> {
        let wrapped = of_machine.into_iter().map(&wrap);
        wrapped.map(Some).collect()
    };
    timestamps.into_iter().map(wrap_all).collect()
}

/// Checks that a replay of the events gives the timestamp of every event. In a run with only Lamport clocks, the
/// field `timestamp` of every event must be `None`.
fn check_timestamps(run: &Run, seed: u64, log: &[Vec<LoggedEvent>]) {
    let actual: Vec<Vec<Option<CarriedTimestamp>>> = log
        .iter()
        .map(|events| {
            let timestamps = events.iter().map(|logged| &logged.event.timestamp);
            timestamps
                .map(|timestamp| timestamp.as_deref().cloned())
                .collect()
        })
        .collect();
    let expected: Vec<Vec<Option<CarriedTimestamp>>> = match run.configuration.clock {
        ClockKind::Lamport => log.iter().map(|events| vec![None; events.len()]).collect(),
        ClockKind::Vector => {
            let replay = Replay::new(run, seed, VectorClock::new);
            wrapped(replay.timestamps(log), CarriedTimestamp::Vector)
        }
        ClockKind::Hybrid => {
            let replay = Replay::new(run, seed, |_, _| HybridClock::default());
            wrapped(replay.timestamps(log), CarriedTimestamp::Hybrid)
        }
    };
    assert_eq!(actual, expected, "{}", run.key());
}

#[test]
fn a_replay_of_the_events_gives_every_timestamp_in_both_engines() {
    for parameters in [VARIANTS, PER_MESSAGE] {
        let experiment = experiment(parameters);
        for engine in [EngineKind::Virtual, EngineKind::Tcp] {
            for outcome in run_all(&experiment, engine) {
                let log = outcome.result.expect("a log");
                check_timestamps(&outcome.run, experiment.seed, &log.machines);
            }
        }
    }
}

/// The runs differ only in their clock and their connections. Without the timestamps, all their logs are equal.
#[test]
fn the_clock_does_not_change_what_machines_do() {
    let experiment = experiment(PER_MESSAGE);
    let without_timestamps = |run: Run| {
        let mut log = virtual_time::run(&run, experiment.seed);
        for logged in log.machines.iter_mut().flatten() {
            logged.event.timestamp = None;
        }
        log
    };
    let logs: Vec<_> = experiment.runs().map(without_timestamps).collect();
    assert_eq!(logs.len(), 6);
    assert!(logs.iter().all(|log| *log == logs[0]));
}

/// Runs `sim` in `folder`. Returns its exit code and its messages. Without the variable `CARGO`, the messages name commands as `sim ...`,
/// not as `cargo sim ...`.
fn sim(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CARGO")
        .output()
        .expect("sim runs");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), err)
}

/// Checks the timestamps of every finished run of a dataset. Returns the number of finished runs.
fn check_dataset(root: &Path, parameters: &str) -> usize {
    let experiment = experiment(parameters);
    let dataset = Dataset::open(root).expect("a dataset");
    for row in dataset.finished() {
        let run = experiment.runs().find(|run| run.key() == row.key);
        let run = run.expect("a planned run");
        let mut log = vec![vec![]; row.machines() as usize];
        let bytes = dataset.read_events(row).expect("events");
        for parsed in parse_rows_in(&bytes, dataset.row_format(row)) {
            let parsed = parsed.expect("a row");
            log[parsed.machine as usize].push(parsed.logged);
        }
        check_timestamps(&run, experiment.seed, &log);
    }
    dataset.finished().count()
}

/// Writes the experiment `e.toml`.
fn write_experiment(folder: &Path, parameters: &str) {
    let text = format!("name = \"test\"\nseed = 262\n{parameters}");
    fs::write(folder.join("e.toml"), text).expect("written");
}

#[test]
fn runs_in_processes_and_in_shards_have_the_timestamps_of_a_replay() {
    let folder = tempfile::tempdir().expect("a folder");
    write_experiment(folder.path(), PER_MESSAGE);
    let run_sim = |arguments: &[&str]| {
        let (code, err) = sim(folder.path(), arguments);
        assert_eq!(code, 0, "{err}");
    };
    run_sim(&[
        "run",
        "e.toml",
        "--data",
        "processes",
        "--set",
        "isolation=process",
    ]);
    assert_eq!(
        check_dataset(&folder.path().join("processes"), PER_MESSAGE),
        6
    );
    // Each shard makes a folder of its own in `shards`. Both together are one dataset.
    for shard in ["1/2", "2/2"] {
        run_sim(&[
            "run", "e.toml", "--data", "shards", "--shard", shard, "--engine", "virtual",
        ]);
    }
    assert_eq!(check_dataset(&folder.path().join("shards"), PER_MESSAGE), 6);
    run_sim(&["run", "e.toml", "--data", "whole", "--engine", "virtual"]);
    let whole = folder.path().join("whole");
    assert_eq!(rows(&whole), rows(&folder.path().join("shards")));
}

#[test]
fn runs_with_timestamps_can_be_added_only_to_a_dataset_with_a_timestamp_column() {
    let folder = tempfile::tempdir().expect("a folder");
    // The first line of the events of a dataset.
    let header = |data: &str| {
        let events = fs::read_to_string(folder.path().join(data).join("events-0000.csv"));
        let events = events.expect("events");
        events.lines().next().expect("a header").to_owned()
    };
    // Writes the experiment with these clocks and repetitions. Returns its text without name and seed.
    let write_clocks = |clocks: &str, repetitions: u32| {
        let parameters = format!(
            "engine = \"virtual\"\nduration_s = 5\nrepetitions = {repetitions}\n[parameters]\nrates = [1, 3]\ninternal = 0.5\nclock = {clocks}"
        );
        write_experiment(folder.path(), &parameters);
        parameters
    };
    let lamport_header = "run,machine,tick,event,system_time_ns,logical_clock,queue_length,peers,message_stamp,sent_tick";
    write_clocks("\"lamport\"", 1);
    let (code, err) = sim(folder.path(), &["run", "e.toml", "--data", "lamport"]);
    assert_eq!(
        (code, header("lamport")),
        (0, lamport_header.to_owned()),
        "{err}"
    );
    let manifest = fs::read_to_string(folder.path().join("lamport/dataset.json")).expect("text");
    assert!(!manifest.contains("timestamps"), "{manifest}");
    // This dataset has no column for timestamps, so runs with timestamps cannot be added.
    write_clocks("[\"lamport\", \"vector\"]", 1);
    let (code, err) = sim(folder.path(), &["run", "e.toml", "--data", "lamport"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains(
            "clock: a column for timestamps is not in the dataset and is in the experiment"
        ),
        "{err}"
    );
    // The first step makes the dataset `clocks`, which has the column: 2 clocks with 1 repetition are 2 runs. The second step continues the
    // dataset with one clock and one repetition more: 3 clocks with 2 repetitions are 6 runs.
    for (clocks, repetitions, runs) in [
        ("[\"lamport\", \"vector\"]", 1, 2),
        ("[\"lamport\", \"vector\", \"hlc\"]", 2, 6),
    ] {
        let parameters = write_clocks(clocks, repetitions);
        let (code, err) = sim(folder.path(), &["run", "e.toml", "--data", "clocks"]);
        assert_eq!(code, 0, "{err}");
        assert_eq!(
            check_dataset(&folder.path().join("clocks"), &parameters),
            runs
        );
    }
    assert_eq!(header("clocks"), format!("{lamport_header},timestamp"));
}
