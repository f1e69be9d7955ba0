//! Tests of `analyze summary`, which shows one row for the slowest machine of each configuration and fits one screen.

use std::path::Path;

use assert_cmd::Command;

use crate::command_line::analyze;
use crate::fixture;

/// An experiment with 24 configurations: 3 sets of rates x 8 values of `internal`. Some of them overload machine 0 (more
/// messages arrive than it has ticks), others do not.
const GRID: &str = "
name = \"grid\"
seed = 262
repetitions = 5
duration_s = 20
engine = \"virtual\"
[parameters]
rates = [[1, 3, 6], [2, 3, 4], [3, 3, 3]]
internal = { from = 0.1, to = 0.8, step = 0.1 }
";

fn grid() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("grid"), GRID);
    folder
}

/// Runs the command on a terminal of this width. Returns its stdout.
fn at_width(width: &str, arguments: &[&str], folder: &Path) -> String {
    let mut command = Command::cargo_bin("analyze").unwrap();
    let output = command
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", width)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_summary_fits_one_screen_at_any_width() {
    let folder = grid();
    // Columns of the terminal, and the largest number of lines that the output may have. (In a narrow terminal, sentences need more lines.)
    for (width, max_lines) in [("60", 28), ("80", 24), ("120", 22), ("200", 22)] {
        let text = at_width(width, &["summary", "grid"], folder.path());
        let columns: usize = width.parse().unwrap();
        assert!(
            text.lines().all(|line| line.chars().count() <= columns),
            "{text}"
        );
        assert!(text.lines().count() <= max_lines, "{width}: {text}");
        insta::assert_snapshot!(format!("summary_{width}"), text);
    }
    insta::assert_snapshot!(
        "summary_markdown",
        at_width(
            "80",
            &["summary", "grid", "--top", "2", "--format", "markdown"],
            folder.path()
        )
    );
}

/// The summary says how many machines are in each regime. The regime of a machine follows from the 95 % interval of the offered load
/// (messages that arrive / ticks): stable if the interval is below 1, overloaded if it is above 1, critical if it contains 1. The rows
/// of the summary are sorted by the growth of the backlog, the largest first.
#[test]
fn regimes_follow_from_the_offered_load_and_rows_are_sorted_by_growth() {
    let folder = grid();
    let (_, json, _) = analyze(
        &[
            "backlog",
            "grid",
            "--format",
            "json",
            "--sort",
            "offered_load",
        ],
        folder.path(),
    );
    // `--sort` leaves no row out: there is one for each of the 3 machines of the 24 configurations.
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.len(), 24 * 3);
    let dataset = analyze::Dataset::open(&folder.path().join("grid")).unwrap();
    let offered_load = analyze::measures::named("offered_load");
    // A group is one machine of one configuration.
    let groups = analyze::stats::repetitions::groups_with(&[dataset], &[offered_load]).unwrap();
    let (mut stable, mut critical, mut overloaded) = (0, 0, 0);
    for group in &groups {
        let load = group.estimate(offered_load).unwrap();
        let (low, high) = load.interval().unwrap();
        if high < 1.0 {
            stable += 1;
        } else if low > 1.0 {
            overloaded += 1;
        } else {
            critical += 1;
        }
    }
    let (_, text, _) = analyze(&["summary", "grid", "--all"], folder.path());
    let line = format!(
        "Machines, measured: {stable} stable, {critical} critical, {overloaded} overloaded.\n"
    );
    assert!(text.contains(&line), "{line}{text}");
    assert!(stable > 0 && critical > 0 && overloaded > 0, "{line}");
    // Only the rows of configurations begin with a rate, for example `1,3,6  0.1  overloaded  2.56 ± 0.34`. The fourth word of a row is the
    // growth of the backlog (here 2.56).
    let growths: Vec<f64> = text
        .lines()
        .filter(|line| line.starts_with(['1', '2', '3']))
        .map(|line| line.split_whitespace().nth(3).unwrap().parse().unwrap())
        .collect();
    assert_eq!(growths.len(), 24);
    assert!(growths.is_sorted_by(|a, b| a >= b), "{growths:?}");
}

#[test]
fn the_summary_counts_the_rows_that_are_not_shown_and_names_the_option_that_shows_them() {
    let folder = grid();
    let (_, text, _) = analyze(&["summary", "grid"], folder.path());
    // Ten of the 24 configurations are shown.
    let sentence = "14 more configurations: --all shows them.";
    assert!(text.contains(sentence), "{text}");
    let (_, text, _) = analyze(&["summary", "--all", "grid"], folder.path());
    assert!(!text.contains("more configuration"), "{text}");
    let (code, _, err) = analyze(&["summary", "--all", "--top", "3", "grid"], folder.path());
    assert!(code == 2 && err.contains("cannot be used with"), "{err}");
}

/// If there are more than four datasets, the summary begins with one line of totals instead of one line for each dataset. Each of the five
/// datasets here has one configuration, and one run with 12 events.
#[test]
fn many_datasets_are_counted_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        fixture::write_by_hand(&folder.path().join(name));
    }
    let (_, text, _) = analyze(&[&["summary"], &names[..]].concat(), folder.path());
    assert!(
        text.starts_with("5 datasets: 5 runs finished, 0 failed; 5 configurations, 60 events.\n"),
        "{text}"
    );
}
