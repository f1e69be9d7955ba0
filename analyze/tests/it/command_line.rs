//! Tests of the command line of `analyze`: formats of output, exit codes, error messages, help, and earlier names of options and columns.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

use crate::fixture;

/// Runs `analyze` with `arguments` in `folder`. Returns exit code, stdout and stderr.
pub fn analyze(arguments: &[&str], folder: &Path) -> (i32, String, String) {
    let mut command = Command::cargo_bin("analyze").unwrap();
    let output = command
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", "120")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A folder with the dataset `small`.
fn with_small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    folder
}

#[test]
fn every_table_can_be_printed_in_every_format() {
    let folder = with_small();
    for verb in [
        "summary",
        "drift",
        "jumps",
        "backlog",
        "causality",
        "theory",
    ] {
        for format in ["table", "csv", "json", "markdown"] {
            let (code, out, err) = analyze(&[verb, "small", "--format", format], folder.path());
            assert_eq!((code, err.as_str()), (0, ""), "{verb} {format}");
            assert!(
                !out.is_empty() && !out.contains("NaN"),
                "{verb} {format}: {out}"
            );
        }
    }
}

#[test]
fn json_has_one_object_for_each_machine() {
    let folder = with_small();
    let (_, out, _) = analyze(&["drift", "small", "--format", "json"], folder.path());
    let rows: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    // Two configurations of three machines.
    assert_eq!(rows.len(), 6);
    // Machine 0 of the first configuration, over its three runs.
    let row = &rows[0];
    assert_eq!(
        (&row["rates"], &row["internal"], &row["n"]),
        (&"1,3,6".into(), &0.4.into(), &3.into())
    );
    let number = |name: &str| row[name].as_f64().unwrap();
    // The mean is in the middle of its interval.
    let middle = (number("logical_rate_low") + number("logical_rate_high")) / 2.0;
    assert!((middle - number("logical_rate_mean")).abs() < 1e-12);
    assert!(number("logical_rate_sd") > 0.0);
}

#[test]
fn csv_of_a_summary_is_one_wide_table() {
    let folder = with_small();
    let (_, out, _) = analyze(&["summary", "small", "--format", "csv"], folder.path());
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    let header = reader.headers().unwrap().clone();
    for name in [
        "dataset",
        "machine",
        "own_drift_sd",
        "jump_max_high",
        "backlog_growth_low",
    ] {
        assert!(
            header.iter().any(|column| column == name),
            "{name} in {header:?}"
        );
    }
    // Two configurations of three machines.
    assert_eq!(reader.records().map(Result::unwrap).count(), 6);
}

/// In a table of several datasets, each row has the dataset's name. Datasets with equal names are labelled by their paths
/// instead.
#[test]
fn datasets_are_labelled_by_name_or_by_path() {
    let folder = with_small();
    fixture::write_by_hand(&folder.path().join("other"));
    fixture::write_by_hand(&folder.path().join("night"));
    let (code, out, _) = analyze(&["jumps", "small", "other"], folder.path());
    assert_eq!(code, 0);
    assert!(
        out.lines().any(|line| line.starts_with("dataset ")) && out.contains("\nother "),
        "{out}"
    );
    fixture::write_by_hand(&folder.path().join("below/night"));
    let (_, out, _) = analyze(
        &["jumps", "below/night", "night", "--format", "csv"],
        folder.path(),
    );
    let datasets: Vec<&str> = out
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    // Each dataset has a row for each of its two machines.
    assert_eq!(datasets, ["below/night", "below/night", "night", "night"]);
}

#[test]
fn the_error_names_a_folder_that_is_not_a_dataset() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for verb in ["summary", "drift", "jumps", "backlog", "theory", "export"] {
        let (code, out, err) = analyze(&[verb, "empty"], folder.path());
        assert_eq!((code, out.as_str()), (2, ""), "{verb}");
        assert!(err.starts_with("error: empty is not a dataset"), "{err}");
    }
}

#[test]
fn the_error_names_a_dataset_without_a_finished_run() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(fixture::BY_HAND);
    let run = experiment.runs().next().unwrap();
    fixture::write(
        &folder.path().join("night"),
        &experiment,
        vec![fixture::failed(&experiment, &run)],
    );
    let (code, _, err) = analyze(&["drift", "night"], folder.path());
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: night has no finished run (1 failed); `sim run` makes runs\n"
    );
}

#[test]
fn failed_runs_are_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let experiment =
        fixture::experiment(&fixture::BY_HAND.replace("seed = 1", "seed = 1\nrepetitions = 3"));
    let runs: Vec<_> = experiment.runs().collect();
    // Run 1 failed at first and was finished later. So only run 0 counts as failed.
    let written = vec![
        fixture::failed(&experiment, &runs[0]),
        fixture::failed(&experiment, &runs[1]),
        fixture::finished(&experiment, &runs[1], &fixture::by_hand()),
        fixture::finished(&experiment, &runs[2], &fixture::by_hand()),
    ];
    fixture::write(&folder.path().join("some"), &experiment, written);
    let (code, out, err) = analyze(&["summary", "some"], folder.path());
    assert_eq!(
        (code, err.as_str()),
        (0, "some: 1 failed run is left out\n")
    );
    // Each finished run has the 12 events of `by_hand`.
    assert!(
        out.starts_with("some: 2 runs finished, 1 failed; 1 configuration, 24 events.\n"),
        "{out}"
    );
}

#[test]
fn the_error_names_file_run_and_row_of_a_damaged_row() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(fixture::BY_HAND);
    let run = experiment.runs().next().unwrap();
    let mut finished = fixture::finished(&experiment, &run, &fixture::by_hand());
    let text = String::from_utf8(finished.events).unwrap();
    finished.events = text.replacen("receive", "recieve", 1).into_bytes();
    fixture::write(&folder.path().join("torn"), &experiment, vec![finished]);
    let (code, _, err) = analyze(&["jumps", "torn"], folder.path());
    assert_eq!(code, 2);
    // The first receive of `by_hand` is in row 2, after a send in row 1.
    assert_eq!(
        err,
        "error: torn/events-0000.csv: run 0: row 2, column event: must be internal, send or receive\n"
    );
}

#[test]
fn export_says_what_it_wrote_and_how_to_open_it() {
    let folder = with_small();
    let (code, out, err) = analyze(&["export", "small", "--csv"], folder.path());
    assert_eq!((code, out.as_str()), (0, ""));
    for name in [
        "runs.parquet",
        "machines.parquet",
        "events",
        "runs.csv",
        "machines.csv",
        "events.csv",
    ] {
        let path = format!("small/processed/{name}");
        assert!(
            err.contains(&format!("{path}: ")) && folder.path().join(&path).exists(),
            "{path} in {err}"
        );
    }
    // A part is a file of the table of events.
    assert!(err.contains(" in 1 part, 1 of them new\n"), "{err}");
    assert!(
        err.ends_with("In Python: pl.read_parquet(\"small/processed/machines.parquet\")\n"),
        "{err}"
    );
    // A second export keeps the part that the first export has written.
    let (_, _, again) = analyze(&["export", "small"], folder.path());
    assert!(again.contains(" in 1 part, 0 of them new\n"), "{again}");
}

#[test]
fn every_command_has_help_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for verb in [
        "summary",
        "drift",
        "jumps",
        "backlog",
        "causality",
        "contrast",
        "theory",
        "compare",
        "audit",
        "show",
        "diagram",
        "plot",
        "report",
        "methods",
        "trace",
        "export",
        "dictionary",
        "man",
        "completions",
    ] {
        let (code, out, _) = analyze(&[verb, "--help"], folder.path());
        let example = format!("analyze {verb}");
        let (_, examples) = out.split_once("Example").unwrap_or_default();
        assert!(code == 0 && examples.contains(&example), "{out}");
    }
}

#[test]
fn completions_and_manuals_contain_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    // The test looks for some of the commands only.
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, out, err) = analyze(&["completions", shell], folder.path());
        for verb in ["dictionary", "diagram", "plot", "report", "show", "trace"] {
            assert!(code == 0 && out.contains(verb), "{shell}: {err}");
        }
    }
    let (code, _, err) = analyze(&["man", "pages"], folder.path());
    assert_eq!(code, 0, "{err}");
    for page in [
        "analyze.1",
        "analyze-summary.1",
        "analyze-compare.1",
        "analyze-diagram.1",
        "analyze-plot.1",
        "analyze-report.1",
        "analyze-methods.1",
    ] {
        let page = fs::read_to_string(folder.path().join("pages").join(page)).unwrap();
        assert!(page.contains(".TH analyze"), "{page}");
    }
}

#[test]
fn the_caption_says_how_much_is_left_out_as_warm_up() {
    let folder = with_small();
    let drift = |options: &[&str]| analyze(&[&["drift", "small"], options].concat(), folder.path());
    let (code, out, _) = drift(&["--warm-up", "2"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("The first 2 s of every run are ignored."),
        "{out}"
    );
    let (_, all, _) = drift(&[]);
    assert!(!all.contains("are ignored"), "{all}");
    let (code, _, err) = drift(&["--warm-up", "1000"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("a warm-up of 1000 s is too long: the shortest run of small lasts "),
        "{err}"
    );
    for warm_up in [&["--warm-up=-1"][..], &["--warm-up", "-1"]] {
        let (code, _, err) = drift(warm_up);
        assert_eq!(code, 2);
        assert!(err.contains("a number of seconds"), "{err}");
    }
}

#[test]
fn a_dataset_that_does_not_exist_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["drift", "theory"] {
        let (code, _, err) = analyze(&[command, "quikstart.toml"], folder.path());
        let expected = "error: quikstart.toml does not exist: there is no such file or folder\n";
        assert_eq!((code, err.as_str()), (2, expected));
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    // The mistakes: a dataset is missing, an option has an unknown value, there is a dataset too many, the command is unknown, or the
    // command is missing.
    for arguments in [
        &["drift"][..],
        &["drift", "x", "--format", "xml"],
        &["drift", "x", "--only", "late"],
        &["audit"],
        &["audit", "x", "--format", "xml"],
        &["compare", "x"],
        &["compare", "x", "y", "z"],
        &["swim"],
        &[],
    ] {
        assert_eq!(analyze(arguments, folder.path()).0, 2, "{arguments:?}");
    }
}

/// Commands, options and columns that were renamed can still be used under their earlier names.
#[test]
fn earlier_names_work_and_a_message_says_the_new_names() {
    let folder = with_small();
    let run = |arguments: &[&str]| analyze(arguments, folder.path());
    let (_, by_new_names, _) = run(&["causality", "small", "--no-cache"]);
    let (code, by_earlier_names, err) = run(&["order", "small", "--reread"]);
    assert_eq!((code, by_earlier_names), (0, by_new_names));
    assert_eq!(
        err,
        "`analyze order` is now called `analyze causality`\n--reread is now called --no-cache\n"
    );
    let (code, _, err) = run(&["drift", "small", "--where", "in_order=true"]);
    assert_eq!(
        (code, err.as_str()),
        (0, "in_order is now called as_scheduled\n")
    );
    let sql = "in_order = true and internal < 0.5";
    let (code, by_earlier_names, err) = run(&["drift", "small", "--where", sql]);
    assert_eq!(
        (code, err.as_str()),
        (0, "in_order is now called as_scheduled\n")
    );
    let (_, by_new_names, _) = run(&[
        "drift",
        "small",
        "--where",
        &sql.replace("in_order", "as_scheduled"),
    ]);
    assert_eq!(by_earlier_names, by_new_names);
    // `strangers` is the earlier name of `rejected_connections`, a column of `runs.csv`. But `--having` chooses rows of the printed table,
    // and the printed table has no such column. The error message uses the new name.
    let (_, _, err) = run(&["drift", "small", "--having", "strangers > 0"]);
    assert!(err.contains("no column `rejected_connections`"), "{err}");
}
