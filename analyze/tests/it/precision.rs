//! Tests of `analyze precision`, which calculates how many repetitions a dataset needs until the 95 % interval of a measure is as narrow as
//! the option `--half-width` says. It prints lines for the experiment file, such as `repetitions = 40`, and a command that makes the
//! missing runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use analyze::precision::need::{MAX_REPETITIONS, Need};
use analyze::precision::{HalfWidth, needs};
use analyze::stats::repetitions;
use analyze::{Dataset, measures};
use serde_json::Value;

use crate::chosen_runs_and_rows::records;
use crate::command_line::analyze;
use crate::fixture;
use crate::notebooks::run;

/// Two sets of rates, two probabilities and five repetitions.
pub const GRID: &str = "
name = \"grid\"
seed = 262
repetitions = 5
duration_s = 20
engine = \"virtual\"
[parameters]
rates = [[1, 3, 6], [2, 2, 5]]
internal = [0.4, 0.7]
";

/// A folder with the experiment `grid.toml` and its dataset, made by the program `sim`.
pub fn grid() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("grid.toml"), GRID).unwrap();
    sim("sim run grid.toml --quiet --data grid", folder.path());
    folder
}

/// Runs a command of the program `sim`, which Cargo builds into the same folder as `analyze`.
pub fn sim(command: &str, folder: &Path) {
    let program = Path::new(env!("CARGO_BIN_EXE_analyze")).with_file_name("sim");
    assert!(
        program.exists(),
        "{} is missing: test with --workspace",
        program.display()
    );
    let words = shell_words::split(command).unwrap();
    // The first word is `sim` or a path that ends with `sim`. `program` is started instead.
    assert!(words[0].ends_with("sim"), "{command}");
    run(Command::new(program).args(&words[1..]).current_dir(folder));
}

/// The number in a field of a record.
pub fn number(record: &Value, name: &str) -> f64 {
    record[name]
        .as_f64()
        .unwrap_or_else(|| panic!("{name}: {record}"))
}

/// The blocks of indented lines in a text, without the indentation. A block ends at the next line that is not indented and not empty.
pub fn indented(text: &str) -> Vec<String> {
    let mut blocks = vec![];
    let mut block = String::new();
    // The added line ends the last block.
    for line in text.lines().chain(["end"]) {
        match line.strip_prefix("    ") {
            Some(code) => block += &format!("{code}\n"),
            None if line.is_empty() && !block.is_empty() => block.push('\n'),
            None if !block.is_empty() => blocks.push(std::mem::take(&mut block).trim().to_owned()),
            None => {}
        }
    }
    blocks
}

/// The means and standard deviations are those of `analyze jumps`, and the numbers of repetitions are those that [`Need`] calculates from
/// them.
#[test]
fn records_agree_with_the_table_of_jumps() {
    let folder = grid();
    let needs = records(
        &[
            "precision",
            "grid",
            "--measure",
            "jump_mean",
            "--half-width",
            "2%",
        ],
        folder.path(),
    );
    let jumps = records(&["jumps", "grid"], folder.path());
    // Four configurations with three machines each.
    assert_eq!(needs.len(), 12);
    for (need, jump) in needs.iter().zip(&jumps) {
        for name in [
            "rates",
            "machine",
            "n",
            "jump_mean_mean",
            "jump_mean_sd",
            "jump_mean_low",
        ] {
            assert_eq!(need[name], jump[name], "{name}");
        }
        let (mean, sd) = (number(jump, "jump_mean_mean"), number(jump, "jump_mean_sd"));
        let wanted = mean * 0.02;
        assert!((number(need, "half_width_wanted") - wanted).abs() < 1e-12);
        // If all values are equal, no more repetitions are needed.
        if sd == 0.0 {
            assert_eq!(number(need, "further"), 0.0);
            continue;
        }
        let half_width = number(jump, "jump_mean_high") - mean;
        assert!((number(need, "half_width") - half_width).abs() < 1e-9);
        assert!((number(need, "half_width_share") - half_width / mean).abs() < 1e-9);
        let expected = Need::new(5, sd, wanted);
        assert_eq!(need["needed"].as_u64(), expected.repetitions);
        assert_eq!(need["needed_low"].as_u64(), expected.low);
        assert_eq!(need["needed_high"].as_u64(), expected.high);
        assert_eq!(number(need, "further"), number(need, "needed") - 5.0);
    }
}

/// The table has one row for each configuration. Of the configuration's three machines, the row shows the one that needs the most
/// repetitions. The rows are sorted by this number of repetitions, the largest first. `--sort` gives another order.
#[test]
fn each_row_is_the_machine_that_needs_the_most_repetitions() {
    let folder = grid();
    let arguments = [
        "precision",
        "grid",
        "--measure",
        "jump_mean",
        "--half-width",
        "2%",
    ];
    let needs = records(&arguments, folder.path());
    let (_, out, _) = analyze(
        &[&arguments[..], &["--format", "markdown"]].concat(),
        folder.path(),
    );
    let rows: Vec<Vec<String>> = out
        .lines()
        .filter(|line| line.starts_with("| 1,3,6") || line.starts_with("| 2,2,5"))
        .map(|line| {
            // Without its comma, `4,395` can be parsed as a number.
            line.split('|')
                .map(|cell| cell.trim().replace(',', ""))
                .collect()
        })
        .collect();
    assert_eq!(rows.len(), 4);
    // The cell with index 7 is the number of repetitions that are needed. (The cell with index 0 is the empty text before the first bar.)
    let needed: Vec<f64> = rows.iter().map(|row| row[7].parse().unwrap()).collect();
    assert!(needed.is_sorted_by(|a, b| a >= b), "{needed:?}");
    // The records have the three machines of a configuration one after the other.
    let mut largest: Vec<f64> = needs
        .chunks(3)
        .map(|machines| {
            machines
                .iter()
                .map(|record| number(record, "needed"))
                .fold(0.0, f64::max)
        })
        .collect();
    largest.sort_by(|a, b| b.total_cmp(a));
    assert_eq!(needed, largest);
    let sorted = [
        &arguments[..],
        &[
            "--sort",
            "internal,rates",
            "--top",
            "3",
            "--format",
            "markdown",
        ],
    ]
    .concat();
    let (_, out, _) = analyze(&sorted, folder.path());
    // The rows begin with the rates, and `internal` is the second column.
    let internal: Vec<&str> = out
        .lines()
        .filter(|line| line.starts_with("| 1") || line.starts_with("| 2"))
        .map(|line| line.split('|').nth(2).unwrap().trim())
        .collect();
    assert_eq!(internal, ["0.4", "0.4", "0.7"]);
    assert!(
        out.contains("1 more configuration: --all shows them."),
        "{out}"
    );
}

#[test]
fn the_text_fits_in_a_terminal_of_80_or_120_columns() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("grid"), GRID);
    for width in ["80", "120"] {
        let mut command = assert_cmd::Command::cargo_bin("analyze").unwrap();
        let arguments = [
            "precision",
            "grid",
            "--measure",
            "lag_final",
            "--half-width",
            "5%",
            "--where",
            "role = 'slowest'",
        ];
        let output = command
            .args(arguments)
            .current_dir(folder.path())
            .env("COLUMNS", width)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        // The text contains the command that made the dataset. This test program made the dataset itself, so the command begins with the
        // path of the test program. The path differs from computer to computer, so the test replaces the command by the word COMMAND.
        let lines: Vec<&str> = text.lines().collect();
        // The index of the line with the command: two lines below the sentence that introduces it.
        let index = lines
            .iter()
            .position(|line| line.starts_with("This command"))
            .unwrap()
            + 2;
        let lines: Vec<&str> = [&lines[..index], &["    COMMAND"], &lines[index + 1..]].concat();
        assert!(
            lines
                .iter()
                .all(|line| line.chars().count() <= width.parse().unwrap()),
            "{text}"
        );
        insta::assert_snapshot!(format!("precision_{width}"), lines.join("\n"));
    }
}

/// The measure is `ticks`: a machine has the same number of ticks in all five repetitions (its rate times 20 s).
#[test]
fn a_measure_with_equal_values_needs_no_more_runs() {
    let folder = grid();
    let arguments = [
        "precision",
        "grid",
        "--measure",
        "ticks",
        "--half-width",
        "1%",
    ];
    for record in &records(&arguments, folder.path()) {
        assert_eq!(
            (record["needed"].as_u64(), record["further"].as_u64()),
            (Some(5), Some(0)),
            "{record}"
        );
    }
    let (_, out, _) = analyze(&arguments, folder.path());
    assert!(out.contains("No more runs are needed."), "{out}");
}

#[test]
fn errors_say_what_is_wrong_and_what_is_possible() {
    let folder = grid();
    let refused = |measure: &str, width: &str, wanted: &str| {
        let half_width = format!("--half-width={width}");
        let (code, _, err) = analyze(
            &["precision", "grid", "--measure", measure, &half_width],
            folder.path(),
        );
        assert!(code == 2 && err.contains(wanted), "{err}");
    };
    refused(
        "lag_finl",
        "1",
        "there is no measure `lag_finl` (did you mean `lag_final`?); the measures are ",
    );
    for width in ["0", "-1", "0%", "narrow"] {
        refused(
            "lag_final",
            width,
            &format!("`{width}` is not a half-width; give a number above 0, such as 0.2"),
        );
    }
    // A very small half-width needs more runs than an experiment can have.
    let arguments = "precision grid --measure backlog_mean --half-width 1e-9 --where rate=1";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let (_, out, _) = analyze(&arguments, folder.path());
    assert!(
        out.contains("cannot be made: an experiment can have at most 2,000,000 runs"),
        "{out}"
    );
    // 5 % of a mean of about 0 is about 0, so it cannot be a half-width. The error suggests a small absolute half-width instead. The test
    // compares only how the suggested number begins: with `0.0`.
    let (code, _, err) = analyze(
        &[
            "precision",
            "grid",
            "--measure",
            "lag_slope",
            "--half-width",
            "5%",
            "--where",
            "rates = '2,2,5' and internal = 0.7 and rate = 2",
        ],
        folder.path(),
    );
    assert!(
        code == 2 && err.contains("relative to the mean of lag_slope, which is about 0"),
        "{err}"
    );
    assert!(
        err.contains("give an absolute half-width, such as --half-width 0.0"),
        "{err}"
    );
    fixture::write_by_hand(&folder.path().join("by-hand"));
    let (code, _, err) = analyze(
        &[
            "precision",
            "by-hand",
            "--measure",
            "lag_final",
            "--half-width",
            "1",
        ],
        folder.path(),
    );
    assert_eq!(code, 2);
    assert!(
        err.contains("by-hand: 1 configuration has a single repetition"),
        "{err}"
    );
    assert!(
        err.contains("do at least 2 repetitions of each, better 5 or more"),
        "{err}"
    );
}

/// 5 % of a mean of about 0 is about 0, and no number of repetitions makes an interval so narrow. The message suggests a small absolute
/// half-width instead. The test compares only how the suggested number begins: with `0.0`.
#[test]
fn machines_with_a_mean_of_about_0_are_left_out_and_reported() {
    let folder = grid();
    let arguments = [
        "precision",
        "grid",
        "--measure",
        "lag_slope",
        "--half-width",
        "5%",
    ];
    let (code, out, _) = analyze(&arguments, folder.path());
    assert_eq!(code, 0);
    let out = out.replace('\n', " ");
    assert!(
        out.contains("Left out: machine 1 of rates=1,3,6 internal=0.4 and "),
        "{out}"
    );
    assert!(
        out.contains("Give an absolute one, such as --half-width 0.0"),
        "{out}"
    );
    let (code, out, err) = analyze(
        &[&arguments[..], &["--format", "csv"]].concat(),
        folder.path(),
    );
    assert!(code == 0 && err.contains("Left out:"), "{err}");
    // With all machines there would be a header and 12 rows.
    assert!(out.lines().count() < 13, "{out}");
    // Intervals without 0 are narrower than 100 % of the mean.
    let (_, out, _) = analyze(&[&arguments[..5], &["100%"]].concat(), folder.path());
    let out = out.replace('\n', " ");
    let none = "No more runs are needed for the machines in the table; other machines are left out";
    assert!(out.contains(none), "{out}");
}

/// For imported logs, the table shows the numbers of repetitions. But no lines for an experiment file and no command are printed, because
/// `sim` cannot make more runs of another program.
#[test]
fn imported_logs_have_numbers_but_no_lines() {
    let folder = tempfile::tempdir().unwrap();
    let trials = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/foreign");
    let trials =
        ["trial-1", "trial-2", "trial-3"].map(|name| trials.join(name).display().to_string());
    let import = [
        &["import"],
        &trials.each_ref().map(String::as_str)[..],
        &["--into", "mine"],
    ]
    .concat();
    let (code, _, err) = analyze(&import, folder.path());
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = analyze(
        &[
            "precision",
            "mine",
            "--measure",
            "jump_mean",
            "--half-width",
            "1",
        ],
        folder.path(),
    );
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("needed") && indented(&out).is_empty(), "{out}");
}

/// Machine 1 has events in only two of the four repetitions. So four repetitions give only two values of its mean jump, and the machine
/// needs twice as many repetitions as values. If it needs 1,500,000 values, it needs 3,000,000 repetitions. But an experiment can have at
/// most 2,000,000 runs ([`MAX_REPETITIONS`]), so the number must be `None`.
#[test]
fn a_number_of_repetitions_above_the_maximum_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("half");
    let text = fixture::BY_HAND.replace("seed = 1", "seed = 1\nrepetitions = 4");
    let experiment = fixture::experiment(&text);
    let runs = experiment.runs().enumerate().map(|(number, run)| {
        let mut logs = fixture::by_hand();
        if number >= 2 {
            logs[1].clear();
        }
        let mut finished = fixture::finished(&experiment, &run, &logs);
        if number == 1 {
            // The last of machine 1's 8 events: the clock is 99 instead of 9. The 8 jumps add up to the last clock. So the mean jump is
            // 99 / 8 in this repetition, and 9 / 8 in repetition 0.
            fixture::set(&mut finished, 1, 7, "logical_clock", "99");
        }
        finished
    });
    fixture::write(&root, &experiment, runs.collect());
    let dataset = Dataset::open(&root).unwrap();
    let measure = measures::named("jump_mean");
    let groups = repetitions::groups_with(&[dataset], &[measure]).unwrap();
    // How many of the calculated numbers of repetitions are possible, and how many are too large (`None`).
    let (mut possible, mut too_many) = (0, 0);
    // The half-widths are from 1000 to about 0.01.
    for step in 0..60 {
        let half_width = HalfWidth::Absolute(1000.0 * 0.825f64.powi(step));
        let machines = needs(&groups, measure, half_width).unwrap().machines;
        let machine = machines.iter().find(|need| need.group.machine == 1);
        let need = machine.unwrap().need;
        for number in [need.low, need.repetitions, need.high] {
            match number {
                Some(number) => {
                    assert!(number <= MAX_REPETITIONS, "{need:?}");
                    possible += 1;
                }
                None => too_many += 1,
            }
        }
    }
    assert!(possible > 0 && too_many > 0, "{possible}, {too_many}");
}
