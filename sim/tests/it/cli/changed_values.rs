//! Tests of the options `--set` and `--repetitions`, which change values of an experiment without a change of its file.
//! Each call of `sim run` is one sweep. A sweep makes all runs that are still to do.

use std::fs;

use sim::experiment::{Experiment, Overrides};
use sim::log::Dataset;

use super::{EXPERIMENT, Fixture};

const VIRTUAL: [&str; 2] = ["--engine", "virtual"];

impl Fixture {
    /// Makes the runs of an experiment in virtual time.
    fn run(&self, file: &str, data: &str, options: &[&str]) -> super::Outcome {
        let arguments = [&["run", file, "--data", data], &VIRTUAL[..], options].concat();
        self.sim(&arguments)
    }
}

#[test]
fn options_make_the_same_experiment_as_changes_of_the_file() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    let edited_text = EXPERIMENT
        .replace("[[1, 3, 6], [2, 3]]", "[[1,2,3]]")
        .replace("internal = 0.5", "internal = 0.4")
        .replace("repetitions = 2", "repetitions = 3");
    fixture.write("edited/e.toml", &edited_text);
    let options = ["--set", "internal=0.4", "--set", "rates=[[1,2,3]]"];
    let changed = fixture.run(
        "e.toml",
        "changed",
        &[&options[..], &["--repetitions", "3"]].concat(),
    );
    assert_eq!(changed.code, 0, "{}", changed.stderr);
    let edited = fixture.run("edited/e.toml", "edited-data", &[]);
    assert_eq!(edited.code, 0, "{}", edited.stderr);
    let [changed, edited] = ["changed", "edited-data"]
        .map(|name| Dataset::open(&fixture.path(name)).expect("a dataset"));
    // The identity is a hash of the experiment.
    assert_eq!(changed.manifest().identity, edited.manifest().identity);
    assert_eq!(changed.manifest().experiment, edited.manifest().experiment);
    assert_eq!(
        changed.manifest().changes,
        ["internal=0.4", "rates=[[1,2,3]]", "repetitions=3"]
    );
    // One configuration with three repetitions.
    assert_eq!(changed.finished().count(), 3);
    // The dataset's copy of the experiment file has the changed values.
    let copy = fixture.path("changed/experiment.toml");
    let copy = Experiment::read(&copy, Overrides::default()).expect("an experiment");
    // As a text, a configuration begins with its rates: `rates=1,2,3 internal=0.4 ...`.
    assert_eq!(
        copy.configurations()[0].to_string().split(' ').next(),
        Some("rates=1,2,3")
    );
    assert_eq!(copy.repetitions, 3);
}

#[test]
fn a_sweep_with_other_options_than_the_dataset_reports_the_difference() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    assert_eq!(
        fixture.run("e.toml", "d", &["--set", "internal=0.4"]).code,
        0
    );
    let without = fixture.run("e.toml", "d", &[]);
    assert_eq!(without.code, 2);
    for line in [
        "internal: 0.4 in the dataset, 0.5 in the experiment",
        "the dataset was made with --set internal=0.4: use the same options",
    ] {
        assert!(without.stderr.contains(line), "{}", without.stderr);
    }
    // Options that only add runs are not refused, but reported.
    let more = fixture.run("e.toml", "d", &["--set", "internal=[0.4, 0.5]"]);
    assert_eq!(more.code, 0, "{}", more.stderr);
    assert!(
        more.stderr.contains(
            "the sweep before this one had --set internal=0.4, this one has --set 'internal=[0.4, 0.5]'"
        ),
        "{}",
        more.stderr
    );
}

#[test]
fn mistakes_in_options_are_reported_with_the_option_and_mistakes_in_the_file_with_the_line() {
    let fixture = Fixture::new();
    // `EXPERIMENT` has seven lines, so the wrong stamp is in line 8. Of the two options, only the first has a mistake.
    fixture.write("e.toml", &format!("{EXPERIMENT}stamp = \"late\"\n"));
    let plan = fixture.sim(&[
        "plan",
        "e.toml",
        "--set",
        "internal=2",
        "--set",
        "phase=uniform",
    ]);
    assert_eq!(plan.code, 2);
    assert!(
        plan.stderr
            .contains("--set: `parameters.internal`: 2 is not a probability from 0 to 1"),
        "{}",
        plan.stderr
    );
    assert!(
        plan.stderr.contains("e.toml:8: `parameters.stamp`"),
        "{}",
        plan.stderr
    );
    let unknown = fixture.sim(&["plan", "e.toml", "--set", "intern=2"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("did you mean `internal`?"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn the_plan_shows_the_changes_and_the_file_stays_as_it_is() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    let plan = fixture.sim(&[
        "plan",
        "e.toml",
        "--set",
        "internal=0.4",
        "--repetitions",
        "20",
    ]);
    // The plan shows `--repetitions 20` as `--set repetitions=20`, which means the same.
    assert!(
        plan.stdout
            .contains("--set internal=0.4 --set repetitions=20"),
        "{}",
        plan.stdout
    );
    // Two configurations with 20 runs each.
    assert!(plan.stdout.contains("40 (0 done"), "{}", plan.stdout);
    assert_eq!(
        fs::read_to_string(fixture.path("e.toml")).expect("text"),
        EXPERIMENT
    );
}
