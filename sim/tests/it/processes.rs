//! Tests of machines in their own processes (`isolation = "process"`, and machines started by hand with `sim machine`): their events
//! equal those of the virtual run, no process is left running, and errors name the failed machine.
#![cfg(unix)]

mod children;
#[cfg(target_os = "linux")]
mod networks;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::yield_now;

use sim::engine::virtual_time;
use sim::experiment::{EngineKind, Experiment, Overrides};
use sim::log::{Dataset, EventRow, parse_rows};
use tempfile::TempDir;

use crate::support::signal;
use children::{wait_for_children, wait_until_gone};

const SIM: &str = env!("CARGO_BIN_EXE_sim");
/// A token: the secret by which the machines of a run recognise each other. `sim machine` reads it from the variable `SIM_TOKEN`.
const TOKEN: &str = "000102030405060708090a0b0c0d0e0f";
/// The exit code of `sim` if a run failed.
const FAILED: i32 = 3;
/// Eight runs (2 sets of rates, 2 delays, 2 repetitions) of 20 seconds of model time each.
const SHORT: &str = "seed = 7\nduration_s = 20\ntime_scale = 20\nisolation = \"process\"\nrepetitions = 2\n[parameters]\nrates = [[1, 3, 6], [2, 3]]\ninternal = 0.6\ndelay_s = [0, { exponential = 0.2 }]\n";
/// A run of ten minutes, which a test ends earlier.
const LONG: &str = "seed = 7\nduration_s = 600\nisolation = \"process\"\n[parameters]\nrates = [1, 3, 6]\ninternal = 0.6\n";

fn folder_with(experiment: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("e.toml"), experiment).expect("written");
    folder
}

fn sim(folder: &Path) -> Command {
    let mut command = Command::new(SIM);
    command.current_dir(folder).env("SIM_TOKEN", TOKEN);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Parses event rows and sets their real time to 0, so that a comparison ignores it.
fn without_time(rows: &[u8]) -> Vec<EventRow> {
    parse_rows(rows)
        .map(|row| {
            let mut row = row.expect("a row");
            row.logged.system_time_ns = 0;
            row
        })
        .collect()
}

/// Five runs (4 topologies times 2 rules for sends, minus 3 excluded combinations) in which a tick takes all waiting messages.
/// `internal` has a probability for each machine. Machine 0 sets the start time of a run. In the ring, two of the five machines are not
/// connected to machine 0: a neighbour tells them the start time.
const VARIANTS: &str = "seed = 7\nduration_s = 20\ntime_scale = 20\nisolation = \"process\"\n[parameters]\nrates = [1, 3, 2, 1, 2]\ninternal = [[0.6, 0.5, 0.4, 0.3, 0.2]]\nreceive = \"all\"\ntopology = [\"mesh\", \"ring\", \"star\", \"time-keeper\"]\nsends = [\"mix\", { multicast = 2 }]\n[[exclude]]\ntopology = \"time-keeper\"\nsends = { multicast = 2 }\n[[exclude]]\ntopology = \"mesh\"\nsends = \"mix\"\n[[exclude]]\ntopology = \"star\"\nsends = \"mix\"\n";
/// Two runs in which each message has its own connection.
const PER_MESSAGE: &str = "seed = 7\nduration_s = 20\ntime_scale = 20\nisolation = \"process\"\n[parameters]\nrates = [1, 3, 2]\ninternal = 0.3\nconnection = \"per-message\"\ntopology = [\"mesh\", \"time-keeper\"]\n";

#[test]
fn punctual_runs_equal_the_virtual_runs() {
    check_runs_equal_virtual_runs(SHORT, 8);
}

#[test]
fn punctual_runs_of_variants_equal_the_virtual_runs() {
    check_runs_equal_virtual_runs(VARIANTS, 5);
    check_runs_equal_virtual_runs(PER_MESSAGE, 2);
}

/// The time scales (model seconds per real second) that are tried until at least one run is as scheduled. A busy computer needs a
/// smaller time scale.
const TIME_SCALES: [&str; 5] = ["20", "8", "3", "1", "0.3"];

/// Checks that every punctual run is as scheduled, and that every run that is as scheduled equals the virtual run with the same seed.
fn check_runs_equal_virtual_runs(experiment: &str, runs: usize) {
    let folder = folder_with(experiment);
    let sweep = |data: &str, options: [&str; 2]| {
        let run = sim(folder.path())
            .args(["run", "e.toml", "--data", data])
            .args(options)
            .output()
            .expect("it runs");
        assert!(run.status.success(), "{}", text(&run.stderr));
        Dataset::open(&folder.path().join(data)).expect("a dataset")
    };
    let virtual_dataset = sweep("virtual", ["--engine", "virtual"]);
    // Makes the runs over TCP, checks them, and returns whether any of them was as scheduled.
    let has_runs_as_scheduled = |time_scale: &str| {
        let dataset = sweep(time_scale, ["--time-scale", time_scale]);
        assert_eq!(dataset.finished().count(), runs);
        let mut punctual = dataset.finished().filter(|row| row.punctual);
        assert!(punctual.all(|row| row.as_scheduled));
        let as_scheduled: Vec<_> = dataset.finished().filter(|row| row.as_scheduled).collect();
        for row in &as_scheduled {
            assert_eq!(row.isolation, "process");
            let mut virtual_rows = virtual_dataset.finished();
            let virtual_row = virtual_rows.find(|virtual_row| virtual_row.key == row.key);
            let virtual_row = virtual_row.expect("a virtual run");
            let events = dataset.read_events(row).expect("events");
            let virtual_events = virtual_dataset.read_events(virtual_row).expect("events");
            let events = without_time(&events);
            assert!(!events.is_empty(), "{}", row.key);
            assert_eq!(events, without_time(&virtual_events), "{}", row.key);
        }
        !as_scheduled.is_empty()
    };
    assert!(
        TIME_SCALES.into_iter().any(has_runs_as_scheduled),
        "no run was as scheduled, even with the smallest time scale"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_machine_makes_its_run_fail_and_is_named() {
    let folder = folder_with(LONG);
    let sweep = sim(folder.path())
        .args(["run", "e.toml"])
        .spawn()
        .expect("it runs");
    let machines = wait_for_children(&sweep, 3);
    signal("KILL", machines[1]);
    let output = sweep.wait_with_output().expect("it ends");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(FAILED), "{said}");
    assert!(said.contains("; to repeat it: "), "{said}");
    assert!(said.contains("sim run e.toml --only 0\n"), "{said}");
    let dataset = Dataset::open(&folder.path().join("data/e")).expect("a dataset");
    let [row] = dataset.attempted() else {
        panic!("{} rows", dataset.attempted().len())
    };
    // The test does not know the index of the machine that it killed.
    let is_named = |machine: u32| {
        let reason = format!("machine {machine}'s process was killed (signal: 9");
        row.reason.contains(&reason)
    };
    assert!((0..3).any(is_named), "{}", row.reason);
    machines
        .iter()
        .for_each(|&machine| wait_until_gone(machine));
}

#[cfg(target_os = "linux")]
#[test]
fn machines_end_with_the_process_that_started_them() {
    let folder = folder_with(LONG);
    let mut sweep = sim(folder.path())
        .args(["run", "e.toml"])
        .spawn()
        .expect("it runs");
    let machines = wait_for_children(&sweep, 3);
    sweep.kill().expect("killed");
    sweep.wait().expect("ended");
    machines
        .iter()
        .for_each(|&machine| wait_until_gone(machine));
}

/// Two runs of five seconds of real time each: long enough that a test finds the processes of a run's machines before the run ends.
/// With `--jobs 1` the second run starts after the first has ended, so the first children of the sweep are the three machines of the first
/// run.
const SOME_SECONDS: &str = "seed = 7\nduration_s = 10\ntime_scale = 2\nisolation = \"process\"\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.6, 0.7]\n";

/// A machine's process is stopped by a signal. It no longer answers the other machines, so its run fails. To end the machines' processes,
/// the sweep closes their stdin. The stopped process does not notice that its stdin is closed, so the sweep kills it.
#[cfg(target_os = "linux")]
#[test]
fn a_stopped_machine_makes_its_run_fail_and_the_sweep_continues() {
    let folder = folder_with(SOME_SECONDS);
    let sweep = sim(folder.path())
        .args(["run", "e.toml", "--jobs", "1"])
        .spawn()
        .expect("it runs");
    let machines = wait_for_children(&sweep, 3);
    signal("STOP", machines[1]);
    let output = sweep.wait_with_output().expect("it ends");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(FAILED), "{said}");
    let dataset = Dataset::open(&folder.path().join("data/e")).expect("a dataset");
    let [stopped, other] = dataset.attempted() else {
        panic!("{} rows", dataset.attempted().len())
    };
    let reason = &stopped.reason;
    assert!(
        reason.contains("it hung, or it had been suspended"),
        "{reason}"
    );
    assert!(other.is_ok(), "{}", other.reason);
    machines
        .iter()
        .for_each(|&machine| wait_until_gone(machine));
}

/// The sweep and all machines are stopped and then continued, as when a laptop is closed for a moment. No run fails.
#[cfg(target_os = "linux")]
#[test]
fn machines_that_are_stopped_together_continue_together() {
    let folder = folder_with(SOME_SECONDS);
    let sweep = sim(folder.path())
        .args(["run", "e.toml", "--jobs", "1"])
        .spawn()
        .expect("it runs");
    let mut processes = wait_for_children(&sweep, 3);
    processes.push(sweep.id());
    for name in ["STOP", "CONT"] {
        processes.iter().for_each(|&process| signal(name, process));
    }
    let output = sweep.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// The file of the program is replaced during the first of two runs. The machines of the second run still use the old program.
#[cfg(target_os = "linux")]
#[test]
fn machines_run_the_program_that_started_them_even_after_a_rebuild() {
    let folder = folder_with(SOME_SECONDS);
    let program = folder.path().join("sim");
    fs::copy(SIM, &program).expect("a copy");
    let mut sweep = Command::new(&program);
    sweep.args(["run", "e.toml", "--jobs", "1"]);
    sweep.current_dir(folder.path()).stderr(Stdio::piped());
    let sweep = sweep.spawn().expect("it runs");
    wait_for_children(&sweep, 3);
    fs::remove_file(&program).expect("removed");
    fs::write(&program, "not a program").expect("written");
    let output = sweep.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let dataset = Dataset::open(&folder.path().join("data/e")).expect("a dataset");
    assert_eq!(dataset.finished().count(), 2);
}

/// Two machines are started by hand, as on separate computers. Machine 1, which opens the connection, starts first, before machine 0
/// listens.
#[test]
fn machines_started_by_hand_connect_to_each_other() {
    let experiment =
        "seed = 7\nduration_s = 5\ntime_scale = 5\n[parameters]\nrates = [2, 3]\ninternal = 0.4\n";
    let folder = folder_with(experiment);
    check_machines_equal_virtual_run(experiment, |time_scale| {
        let (addresses, speed) = (free_addresses(2), ["--time-scale", time_scale]);
        let dialler = machine(folder.path(), 1, &addresses, &speed)
            .spawn()
            .expect("it runs");
        let listener = machine(folder.path(), 0, &addresses, &speed)
            .spawn()
            .expect("it runs");
        [listener, dialler].map(|child| child.wait_with_output().expect("it ends"))
    });
}

#[test]
fn a_machine_with_another_token_is_refused() {
    let folder = folder_with("seed = 7\n[parameters]\nrates = [2, 3]\ninternal = 0.4\n");
    let addresses = free_addresses(2);
    // A machine waits one second for its connections.
    let patience = ["--patience", "1"];
    let refused = machine(folder.path(), 1, &addresses, &patience)
        .env("SIM_TOKEN", "ff".repeat(16))
        .spawn()
        .expect("it runs");
    let waiting = machine(folder.path(), 0, &addresses, &patience)
        .spawn()
        .expect("it runs");
    for (child, said) in [
        // The first message goes on: ", the experiment and the run the same for all machines?"
        (
            waiting,
            "machine 0 had no connection to machine 1 in time; connections were refused: are the token",
        ),
        (refused, "machine 1 had no connection to machine 0 in time"),
    ] {
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(FAILED));
        assert!(
            text(&output.stderr).contains(said),
            "{}",
            text(&output.stderr)
        );
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn mistakes_on_the_command_line_of_a_machine_are_refused() {
    let folder = folder_with("seed = 7\n[parameters]\nrates = [2, 3]\ninternal = 0.4\n");
    let two = "127.0.0.1:20000,127.0.0.1:20001";
    // `said` is a part of the expected message.
    for (arguments, token, said) in [
        (
            ["--run", "1", "--machine", "0", "--addresses", two],
            TOKEN,
            "--run 1: the experiment has runs 0 to 0",
        ),
        (
            ["--run", "0", "--machine", "2", "--addresses", two],
            TOKEN,
            "--machine 2: run 0 has machines 0 to 1",
        ),
        (
            [
                "--run",
                "0",
                "--machine",
                "0",
                "--addresses",
                "127.0.0.1:20000",
            ],
            TOKEN,
            "--addresses names 1 machines, but run 0 has 2",
        ),
        (
            [
                "--run",
                "0",
                "--machine",
                "0",
                "--addresses",
                "127.0.0.1:20000,127.0.0.1:20000",
            ],
            TOKEN,
            "`127.0.0.1:20000`: each machine needs its own address",
        ),
        (
            ["--run", "0", "--machine", "0", "--addresses", "x,y"],
            TOKEN,
            "`x` is not an address",
        ),
        (
            ["--run", "0", "--machine", "0", "--addresses", two],
            "short",
            "SIM_TOKEN to the run's secret",
        ),
    ] {
        let mut command = sim(folder.path());
        command
            .args(["machine", "e.toml"])
            .args(arguments)
            .env("SIM_TOKEN", token);
        let output = command.output().expect("it runs");
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output.stderr).contains(said),
            "{}",
            text(&output.stderr)
        );
    }
}

/// Returns the command that starts machine `index` of run 0 by hand.
fn machine(folder: &Path, index: u32, addresses: &str, more: &[&str]) -> Command {
    let mut command = sim(folder);
    command
        .args(["machine", "e.toml", "--run", "0", "--addresses", addresses])
        .args(["--machine", &index.to_string()])
        .args(more);
    command
}

/// Runs the two machines of run 0 with smaller and smaller time scales until both are punctual (a busy computer needs a smaller time
/// scale). Checks that the punctual machines log the events of the virtual run. `run_machines` takes a time scale such as "0.5", runs both
/// machines with it, and returns the output of machine 0 and then that of machine 1.
fn check_machines_equal_virtual_run(experiment: &str, run_machines: impl Fn(&str) -> [Output; 2]) {
    // Returns whether both machines were punctual. Compares their events only in this case.
    let was_punctual = |time_scale| compare_with_virtual_run(experiment, &run_machines(time_scale));
    assert!(
        ["5", "1.5", "0.5", "0.1"].into_iter().any(was_punctual),
        "no run was punctual, even with the smallest time scale"
    );
}

/// Checks that the machines' logs on their stdout equal the virtual run in all columns except the real time. If a machine was not
/// punctual, checks nothing and returns false.
fn compare_with_virtual_run(experiment: &str, outputs: &[Output]) -> bool {
    let overrides = Overrides {
        engine: Some(EngineKind::Virtual),
        ..Overrides::default()
    };
    let experiment =
        Experiment::parse(experiment, "e.toml".as_ref(), overrides).expect("an experiment");
    let virtual_run = virtual_time::run(&experiment.run(0).expect("a run"), experiment.seed);
    for output in outputs {
        assert!(output.status.success(), "{}", text(&output.stderr));
        // A machine's report ends with `: punctual` or `: not punctual`.
        if !text(&output.stderr).contains(": punctual") {
            println!("not punctual: {}", text(&output.stderr));
            return false;
        }
    }
    for (machine, (output, events)) in outputs.iter().zip(virtual_run.machines).enumerate() {
        let header_end = output
            .stdout
            .iter()
            .position(|&byte| byte == b'\n')
            .expect("a header");
        let rows = without_time(&output.stdout[header_end + 1..]);
        assert_eq!(rows.len(), events.len());
        for (row, virtual_event) in rows.into_iter().zip(events) {
            assert_eq!(
                (row.machine as usize, row.logged.event),
                (machine, virtual_event.event)
            );
        }
    }
    true
}

/// Returns `count` addresses at which no program listens, separated by commas as `--addresses` takes them.
fn free_addresses(count: usize) -> String {
    // All listeners stay open until the function returns, so the addresses differ.
    let listeners: Vec<_> = (0..count)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port"))
        .collect();
    let addresses = listeners
        .iter()
        .map(|listener| listener.local_addr().expect("bound").to_string());
    addresses.collect::<Vec<_>>().join(",")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}
