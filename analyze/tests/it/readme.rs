//! What the README shows works as shown: its commands, its experiments, its Python. (Its Rust is a documentation test.)

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sim::experiment::{Experiment, Overrides};

use crate::notebooks::{python_environment, run};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn readme() -> String {
    fs::read_to_string(project().join("README.md")).unwrap()
}

/// The blocks of code in `language`.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    text.split(opening.as_str())
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[test]
fn the_first_screen_has_the_two_commands() {
    let readme = readme();
    let first_screen: Vec<&str> = readme.lines().take(25).collect();
    let commands = blocks(&readme, "sh");
    assert_eq!(blocks(&(first_screen.join("\n") + "\n"), "sh").len(), 2);
    assert_eq!(commands[1], "cargo test --workspace\n");
    let checks = fs::read_to_string(project().join(".ci/run")).unwrap();
    assert!(
        checks.contains(commands[1].trim()),
        "CI runs another test command"
    );
}

/// Runs every command of the README in the order in which they stand, and then its Python, in a folder that has the experiments and
/// the logs to import.
#[test]
fn its_commands_and_its_python_run() {
    let folder = tempfile::tempdir().unwrap();
    let experiments = folder.path().join("experiments");
    fs::create_dir_all(experiments.join("claims")).unwrap();
    for file in experiment_files().into_iter().chain([CLAIMS.to_owned()]) {
        fs::copy(
            project().join("experiments").join(&file),
            experiments.join(&file),
        )
        .unwrap();
    }
    let foreign = Path::new("data").join("foreign");
    for entry in fs::read_dir(project().join(&foreign)).unwrap() {
        let trial = foreign.join(entry.unwrap().file_name());
        fs::create_dir_all(folder.path().join(&trial)).unwrap();
        for log in fs::read_dir(project().join(&trial)).unwrap() {
            let log = trial.join(log.unwrap().file_name());
            fs::copy(project().join(&log), folder.path().join(&log)).unwrap();
        }
    }
    let readme = readme();
    let commands = blocks(&readme, "sh").concat();
    let analyze = Path::new(env!("CARGO_BIN_EXE_analyze"));
    let sim = analyze.with_file_name("sim");
    assert!(
        sim.exists(),
        "{} is missing: test with --workspace",
        sim.display()
    );
    for command in commands
        .lines()
        .filter(|line| !line.starts_with("cargo test"))
    {
        let command = command
            .replace("cargo sim ", &format!("'{}' ", sim.display()))
            .replace("cargo analyze ", &format!("'{}' ", analyze.display()));
        assert!(!command.contains("cargo"), "not run here: {command}");
        run(Command::new("sh")
            .args(["-c", &command])
            .current_dir(folder.path()));
    }
    let python = blocks(&readme, "python");
    assert!(!python.is_empty());
    for block in python {
        run(Command::new(python_environment().join("bin/python"))
            .args(["-c", block])
            .current_dir(folder.path()));
    }
}

#[test]
fn its_experiments_can_be_planned() {
    let readme = readme();
    let experiments = blocks(&readme, "toml");
    assert_eq!(experiments.len(), 2);
    for text in experiments {
        let experiment = Experiment::parse(text, "README.md".as_ref(), Overrides::default());
        experiment.unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn it_lists_every_experiment() {
    let readme = readme();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<String> = rows
        .filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .filter(|name| name.ends_with(".toml"))
        .collect();
    assert_eq!(listed, experiment_files());
}

/// Its table of verdicts has every claim, as `analyze claims --format markdown` prints it.
#[test]
fn it_tells_every_claim() {
    let readme = readme();
    let told = readme.lines().filter(|line| line.contains(":<br>"));
    let told: Vec<(&str, &str)> = told.map(without_verdict).collect();
    let claims = analyze::claims::read(&project().join("experiments").join(CLAIMS)).unwrap();
    let wanted: Vec<(String, String)> = claims
        .into_iter()
        .map(|claim| {
            let source = claim.source.replace(", ", "<br>");
            (
                format!("| {}:<br>{} | {source}", claim.id, claim.says),
                format!("{} |", claim.expected),
            )
        })
        .collect();
    let wanted: Vec<(&str, &str)> = wanted
        .iter()
        .map(|(before, after)| (before.as_str(), after.as_str()))
        .collect();
    assert_eq!(told, wanted);
}

/// What stands before and after the third cell of a row of four.
fn without_verdict(row: &str) -> (&str, &str) {
    let (before, after) = row.rsplit_once(" | ").unwrap();
    (before.rsplit_once(" | ").unwrap().0, after)
}

/// What is no experiment among the files there.
const CLAIMS: &str = "claims.toml";

/// The names of the TOML files in `experiments/` and `experiments/claims/`: the other folders hold other things.
fn experiment_files() -> BTreeSet<String> {
    let files = |folder: &str, prefix: &str| -> Vec<String> {
        fs::read_dir(project().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".toml") && name != CLAIMS)
            .map(|name| format!("{prefix}{name}"))
            .collect()
    };
    let own = files("experiments", "").into_iter();
    own.chain(files("experiments/claims", "claims/")).collect()
}
