//! Tests of the tables of `analyze clocks`: columns, captions and the order of rows.

use analyze::clocks::{ClockSpec, clock_groups};
use serde_json::Value;

use crate::chosen_runs_and_rows::records;
use crate::command_line::analyze;
use crate::fixture;

/// Columns are left out until the table fits, and are named below it.
#[test]
fn tables_fit_narrow_terminals() {
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sample");
    let dataset = analyze::Dataset::open(&sample).unwrap();
    let groups = clock_groups(&[dataset], None).unwrap();
    for width in [60, 80, 120, 200] {
        let text = analyze::output::terminal(&analyze::clocks::tables::table(&groups), width);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width.into()), "{text}");
        insta::assert_snapshot!(format!("clocks_{width}"), text);
    }
}

/// With N machines, a timestamp of a matrix clock has N x N numbers. So this clock is not replayed in runs with more than 32 machines,
/// unless the user names it. The caption says so.
#[test]
fn the_caption_names_clocks_that_are_not_replayed_in_large_systems() {
    let folder = tempfile::tempdir().unwrap();
    let rates = vec!["3"; 33].join(", ");
    fixture::simulated(
        folder.path(),
        &format!(
            "seed = 1\nduration_s = 2\nengine = \"virtual\"\n[parameters]\nrates = [[{rates}]]\ninternal = 0.5"
        ),
    );
    let dataset = analyze::Dataset::open(folder.path()).unwrap();
    let groups = clock_groups(std::slice::from_ref(&dataset), None).unwrap();
    let caption = analyze::clocks::tables::table(&groups).caption.join("\n");
    let sentence =
        "matrix is left out in runs with more than 32 machines; --clock matrix replays it.";
    assert!(caption.contains(sentence), "{caption}");
    let matrix: ClockSpec = "matrix".parse().unwrap();
    // Now the clock is named, so it is replayed. One configuration and one clock make one group.
    let groups = clock_groups(&[dataset], Some(&[matrix])).unwrap();
    assert_eq!(groups.groups.len(), 1);
}

/// `--sort` orders the rows by one or more columns. Without `asc` or `desc`, measured figures are sorted from the largest to the smallest
/// value. All other columns, such as parameters, are sorted from the smallest to the largest value.
#[test]
fn rows_are_sorted_by_figures_and_by_parameters() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let rows = |sort: &str| {
        let arguments = ["clocks", "small", "--clock", "lamport", "--clock", "vector"];
        records(&[&arguments[..], &["--sort", sort]].concat(), folder.path())
    };
    let number = |row: &Value, column: &str| row[column].as_f64().unwrap();
    let are_in_order = |rows: &[Value], is_before: &dyn Fn(&Value, &Value) -> bool| {
        // Two clocks, each with two values of `internal`.
        assert_eq!(rows.len(), 4);
        assert!(rows.windows(2).all(|pair| is_before(&pair[0], &pair[1])));
    };
    are_in_order(&rows("message_bytes"), &|a, b| {
        number(a, "message_bytes_mean") >= number(b, "message_bytes_mean")
    });
    are_in_order(&rows("message_bytes asc"), &|a, b| {
        number(a, "message_bytes_mean") <= number(b, "message_bytes_mean")
    });
    // The rows are sorted by clock. Rows of the same clock are sorted by `internal`, the largest value first. Because of the minus sign,
    // the largest value gives the smallest key.
    let keys = |row: &Value| {
        (
            row["replayed_clock"].as_str().unwrap().to_owned(),
            -number(row, "internal"),
        )
    };
    are_in_order(&rows("replayed_clock,internal desc"), &|a, b| {
        keys(a) < keys(b)
    });
    // An `s` is missing, and the error message suggests the right name.
    let (code, _, err) = analyze(
        &["clocks", "small", "--sort", "message_byte"],
        folder.path(),
    );
    assert!(
        code == 2 && err.contains("no column `message_byte`") && err.contains("message_bytes"),
        "{err}"
    );
}
