//! Tests that a seed still gives the same runs as in all earlier versions. Each test compares one hash. This hash covers the keys of
//! the runs (such as `rates=1,3,6 internal=0.7 ... repetition=0`), their schedules and their events.
//!
//! If a hash changes, every published seed gives other runs than before. Do not update the hash; find the cause.

use sim::engine::virtual_time;
use sim::log::{EventRow, checksum, write_row};

use crate::support::experiment;

/// Makes all runs of an experiment in virtual time, and returns one hash of all these runs. For each run, the hash covers the key, the
/// phases (the time of each machine's first tick), the smallest margin that a run of this configuration can have, and the rows of events.
/// `rest` is the experiment's file without name and seed. Name and seed are the same in all tests.
fn hash(rest: &str) -> String {
    let experiment = experiment(rest);
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
    // All 20 sets of three rates from 1 to 4. Sets that differ only in the order of the rates count once.
    let rest = "repetitions = 3\n[parameters]\nrates = { every = \"unordered\", machines = 3, from = 1, to = 4 }\ninternal = [0, 0.25, 0.7, 1]";
    assert_eq!(hash(rest), "8acec5a98ac81cc9");
}

#[test]
fn runs_with_all_phase_rules_stamp_rules_and_kinds_of_delay_have_the_same_hash() {
    let rest = "duration_s = 20
[parameters]
rates = [[1, 3, 6], [2, 2], [5, 1, 5, 2]]
internal = 0.4
phase = [\"spread\", \"uniform\", \"aligned\"]
stamp = [\"after\", \"before\"]
delay_s = [0, 0.3, { uniform = [0.1, 2] }, { exponential = 0.2 }]";
    assert_eq!(hash(rest), "376e678875e592a0");
}

#[test]
fn runs_with_random_rates_have_the_same_hash() {
    // 40 random sets of five rates.
    let rest = "duration_s = 20\n[parameters]\nrates = { random = 40, machines = 5, from = 2, to = 9 }\ninternal = 0.5\nphase = \"uniform\"";
    assert_eq!(hash(rest), "5c656cff7f26a57b");
}
