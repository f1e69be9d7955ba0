//! Tests of the option `--shard`, as a user sees it: the shards of a dataset in messages, in `sim status` and in `sim plan`.

use super::refusals::check_refused;
use super::{EXPERIMENT, Fixture};

/// With `--shard 1/2`, `sim run` makes only one of two parts of the runs, in a folder of its own within the dataset's folder.
#[test]
fn shards_make_one_dataset() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    let run =
        |shard: &str| fixture.sim(&["run", "e.toml", "--engine", "virtual", "--shard", shard]);
    let first = run("1/2");
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(
        first.stderr.contains("-> data/e/shard-1-of-2 (")
            && first.stderr.contains("next: analyze summary data/e\n"),
        "{}",
        first.stderr
    );
    let status = || fixture.sim(&["status", "data/e"]).stdout;
    // Shard 2 of 2 is missing.
    assert!(status().contains("missing shards  2/2"), "{}", status());
    assert_eq!(run("2/2").code, 0);
    assert!(
        status().contains("done            4 (100.0 %)"),
        "{}",
        status()
    );
    assert!(!status().contains("missing"), "{}", status());
    let plan = fixture.sim(&["plan", "e.toml", "--engine", "virtual", "--shard", "2/2"]);
    assert!(
        plan.stdout.contains("shard           2/2"),
        "{}",
        plan.stdout
    );
    assert!(plan.stdout.contains(" 0 to do)"), "{}", plan.stdout);
    check_refused(
        &fixture,
        &["run", "e.toml", "--shard", "3/2"],
        "`3/2` is not a shard such as 1/4 (the first of four) or 4/4 (the last)",
    );
}

#[test]
fn status_shows_the_commands_that_make_missing_shards() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    // `sim status` makes the command for shard 2 from the recorded command for shard 1. It must find `--shard` in both spellings.
    for (data, shard) in [("a", &["--shard", "1/2"][..]), ("b", &["--shard=1/2"])] {
        let run = ["run", "e.toml", "--engine", "virtual", "--data", data];
        fixture.sim(&[&run[..], shard].concat());
        let status = fixture.sim(&["status", data]);
        let command = format!("e.toml --engine virtual --data {data} --shard 2/2");
        assert!(status.stdout.contains(&command), "{}", status.stdout);
    }
}

/// Both shards are done. Then the experiment gets more repetitions, and only the first shard is continued.
#[test]
fn status_shows_the_command_of_a_shard_that_was_not_continued_after_an_extension() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    let run = |shard: &str| {
        let run = fixture.sim(&["run", "e.toml", "--engine", "virtual", "--shard", shard]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    run("1/2");
    run("2/2");
    let status = || fixture.sim(&["status", "data/e"]).stdout;
    assert!(!status().contains("--shard"), "{}", status());
    fixture.write(
        "e.toml",
        &EXPERIMENT.replace("repetitions = 2", "repetitions = 10"),
    );
    run("1/2");
    let behind = status();
    assert!(
        behind.contains("--shard 2/2") && !behind.contains("--shard 1/2"),
        "{behind}"
    );
    run("2/2");
    assert!(!status().contains("--shard"), "{}", status());
}

/// The experiment is extended by an option. The printed command has this option, so that it makes the missing runs.
#[test]
fn the_command_of_a_shard_that_was_not_continued_has_the_options_of_the_extension() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    let run = |shard: &str, repetitions: &str| {
        let options = ["--shard", shard, "--repetitions", repetitions];
        let run = fixture.sim(&[&["run", "e.toml", "--engine", "virtual"], &options[..]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    run("1/2", "2");
    run("2/2", "2");
    run("1/2", "10");
    let status = fixture.sim(&["status", "data/e"]).stdout;
    let command = "e.toml --engine virtual --repetitions 10 --shard 2/2";
    assert!(status.contains(command), "{status}");
}
