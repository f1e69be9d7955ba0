//! What a user sees before anything runs: help, completions, and the plans of the experiments in this repository.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sim::experiment::{Experiment, Overrides};
use sim::log::Attempts;
use sim::sweep::{Capacity, Options, Plan};

fn sim(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    let output = command
        .args(arguments)
        .env_remove("CARGO")
        .env("COLUMNS", "100");
    let output = output.output().expect("it runs");
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
        for values in [["tcp", "virtual"], ["shared", "process"], ["table", "json"]] {
            let offers = |line: &str| values.iter().all(|value| line.contains(value));
            let by_line = script.lines().any(offers);
            // Zsh and fish list values with a description in lines of their own.
            let by_lines = shell != "bash" && values.iter().all(|value| script.contains(value));
            assert!(by_line || by_lines, "{shell}: {values:?}");
        }
        let keys = ["seed=", "internal=", "topology="];
        assert!(keys.iter().all(|key| script.contains(key)), "{shell}");
    }
}

fn wall_time(name: &str) -> Duration {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../experiments")
        .join(name);
    let experiment = Experiment::read(&path, Overrides::default()).expect("an experiment");
    let capacity = Capacity {
        files: 20_000,
        cores: 2,
        memory_bytes: u64::MAX,
        cpu_quota: None,
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

/// On two cores with 20,000 open files.
#[test]
fn an_evening_and_a_night() {
    let minutes = |name: &str| wall_time(name).as_secs_f64() / 60.0;
    let (evening, night) = (minutes("evening.toml"), minutes("overnight.toml"));
    assert!((11.0..14.0).contains(&evening), "{evening}");
    assert!((6.0 * 60.0..8.0 * 60.0).contains(&night), "{night}");
}
