//! Tests of what a user sees before anything runs: help, completions, and planned durations of experiments in this repository.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sim::experiment::{EngineKind, Experiment, Overrides};
use sim::log::Attempts;
use sim::sweep::{Capacity, Options, Plan};

/// Returns what `sim` prints in a terminal of 100 columns.
fn sim(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    // Cargo sets the variable `CARGO`. With it, `sim` calls itself `cargo sim` in some of its output.
    command
        .args(arguments)
        .env_remove("CARGO")
        .env("COLUMNS", "100");
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn help_of_the_program_and_its_commands() {
    insta::assert_snapshot!("help", sim(&["--help"]));
    for command in ["plan", "run", "status"] {
        insta::assert_snapshot!(format!("help_{command}"), sim(&[command, "--help"]));
    }
}

#[test]
fn every_command_has_an_example() {
    for command in ["plan", "run", "status", "machine", "completions", "man"] {
        let help = sim(&[command, "--help"]);
        assert!(
            help.contains("Example") && help.contains(&format!("  sim {command} ")),
            "{help}"
        );
    }
}

#[test]
fn completions_offer_the_values_of_options() {
    for shell in ["bash", "zsh", "fish"] {
        let script = sim(&["completions", shell]);
        // Values of the options `--engine`, `--isolation` and `--format`.
        for values in [["tcp", "virtual"], ["shared", "process"], ["table", "json"]] {
            let has_all = |text: &str| values.iter().all(|value| text.contains(value));
            // A script for bash lists all values of an option in one line. Scripts for zsh and fish may have a line for each value.
            let is_offered = match shell {
                "bash" => script.lines().any(has_all),
                _ => has_all(&script),
            };
            assert!(is_offered, "{shell}: {values:?}");
        }
        // The keys that the option `--set` can change.
        let keys = ["seed=", "internal=", "topology="];
        assert!(keys.iter().all(|key| script.contains(key)), "{shell}");
    }
}

/// Returns the planned duration of an experiment of this repository, on a computer with two cores where a process may open 20,000 files.
/// The process may use the processor time of `cpu_quota` cores, or of all cores if there is no quota.
fn wall_time(name: &str, engine: EngineKind, cpu_quota: Option<f64>) -> Duration {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../experiments")
        .join(name);
    let overrides = Overrides {
        engine: Some(engine),
        ..Overrides::default()
    };
    let experiment = Experiment::read(&path, overrides).expect("an experiment");
    let capacity = Capacity {
        files: 20_000,
        cores: 2,
        memory_bytes: u64::MAX,
        cpu_quota,
        threads: None,
    };
    let plan = Plan::new(
        &experiment,
        &Attempts::default(),
        &Options::default(),
        &capacity,
    );
    plan.expect("a plan").wall_time
}

#[test]
fn evening_toml_takes_12_minutes_and_overnight_toml_takes_7_hours() {
    let minutes = |name: &str| wall_time(name, EngineKind::Tcp, None).as_secs_f64() / 60.0;
    let evening_minutes = minutes("evening.toml");
    assert!((11.0..14.0).contains(&evening_minutes), "{evening_minutes}");
    let night_hours = minutes("overnight.toml") / 60.0;
    assert!((6.0..8.0).contains(&night_hours), "{night_hours}");
}

#[test]
fn in_virtual_time_half_a_core_takes_four_times_as_long_as_two_cores() {
    let seconds =
        |cpu_quota| wall_time("overnight.toml", EngineKind::Virtual, cpu_quota).as_secs_f64();
    // Without a quota, both cores of the computer are used.
    let [two_cores, half_core] = [None, Some(0.5)].map(seconds);
    assert!(
        (half_core / two_cores - 4.0).abs() < 1e-3,
        "{two_cores} {half_core}"
    );
}
