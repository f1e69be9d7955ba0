//! Tests that a seed still gives the same runs as in all earlier versions: their keys, schedules and events are compared as hashes.
//!
//! If a hash changes, every published seed gives other runs than before. Do not update the hash; find the cause.

use sim::engine::virtual_time;
use sim::log::{EventRow, checksum, write_row};

use crate::support::experiment;

/// Returns a hash over all runs of `parameters` in virtual time: their keys, the phases of their machines (the times of the first ticks),
/// the margins that their configurations guarantee (a margin is the shortest time between two ticks whose order matters), and their rows
/// of events.
fn hash(parameters: &str) -> String {
    let experiment = experiment(parameters);
    let mut text = vec![];
    for run in experiment.runs() {
        let log = virtual_time::run(&run, experiment.seed);
        let phases: Vec<u64> = run.schedule(experiment.seed).phases_ns().collect();
        let margin_ns = run.configuration.guaranteed_margin_ns();
        text.extend(format!("{} {phases:?} {margin_ns}\n", run.key()).into_bytes());
        for (machine, events) in (0..).zip(log.machines) {
            for logged in events {
                let row = EventRow {
                    run: run.index,
                    machine,
                    logged,
                };
                write_row(&mut text, &row);
            }
        }
    }
    checksum(&text)
}

#[test]
fn runs_with_default_parameters_have_the_same_hash() {
    let parameters = "repetitions = 3\n[parameters]\nrates = { every = \"unordered\", machines = 3, from = 1, to = 4 }\ninternal = [0, 0.25, 0.7, 1]";
    assert_eq!(hash(parameters), "8acec5a98ac81cc9");
}

#[test]
fn runs_with_every_phase_rule_stamp_and_delay_have_the_same_hash() {
    let parameters =
        "duration_s = 20\n[parameters]\nrates = [[1, 3, 6], [2, 2], [5, 1, 5, 2]]\ninternal = 0.4
phase = [\"spread\", \"uniform\", \"aligned\"]\nstamp = [\"after\", \"before\"]
delay_s = [0, 0.3, { uniform = [0.1, 2] }, { exponential = 0.2 }]";
    assert_eq!(hash(parameters), "376e678875e592a0");
}

#[test]
fn runs_with_random_rates_have_the_same_hash() {
    let parameters = "duration_s = 20\n[parameters]\nrates = { random = 40, machines = 5, from = 2, to = 9 }\ninternal = 0.5\nphase = \"uniform\"";
    assert_eq!(hash(parameters), "5c656cff7f26a57b");
}
