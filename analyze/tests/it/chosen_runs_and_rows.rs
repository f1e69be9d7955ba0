//! Tests of the options that choose runs (`--where`) and rows (`--sort`, `--top`, `--by`), and of `analyze contrast`, which shows the
//! difference that another value of one parameter makes.

use std::path::Path;

use serde_json::Value;

use crate::command_line::analyze;
use crate::fixture;

/// Two sets of rates, three probabilities of internal events, and four repetitions.
const GRID: &str = "
name = \"grid\"
seed = 262
repetitions = 4
duration_s = 20
engine = \"virtual\"
[parameters]
rates = [[1, 3, 6], [2, 2, 5]]
internal = [0.2, 0.5, 0.8]
";

/// A folder with the dataset `grid`.
fn grid() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("grid"), GRID);
    folder
}

/// Runs the command with `--format json`, and returns the records that it prints. It must not print anything to stderr.
pub fn records(arguments: &[&str], folder: &Path) -> Vec<Value> {
    let arguments = [arguments, &["--format", "json"]].concat();
    let (code, out, err) = analyze(&arguments, folder);
    assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&out).unwrap()
}

fn column<'r>(records: &'r [Value], name: &str) -> Vec<&'r Value> {
    records.iter().map(|record| &record[name]).collect()
}

#[test]
fn conditions_choose_runs() {
    let folder = grid();
    let chosen = |conditions: &[&str]| {
        let options = conditions
            .iter()
            .flat_map(|condition| ["--where", condition]);
        let arguments = [vec!["drift", "grid"], options.collect()].concat();
        records(&arguments, folder.path())
    };
    let all = chosen(&[]);
    // One row for each of the three machines in each of the 2 * 3 configurations.
    assert_eq!(all.len(), 2 * 3 * 3);
    // Each of the three values of `internal` has 6 of these 18 rows. Each of the two sets of rates has 9.
    for (condition, rows) in [
        ("internal=0.5", 6),
        ("internal>0.2", 12),
        ("internal<=0.5", 12),
        ("internal!=0.50", 12),
        ("rates=1,3,6", 9),
        ("rates!=1,3,6", 9),
        ("engine=virtual", 18),
    ] {
        assert_eq!(chosen(&[condition]).len(), rows, "{condition}");
    }
    let both = chosen(&["internal>=0.5", "rates=2,2,5"]);
    // Two values of `internal`, one set of rates, three machines.
    assert_eq!(both.len(), 2 * 3);
    // A chosen row has the same values as the same row in the full table.
    assert!(both.iter().all(|record| all.contains(record)));
    // Repetitions are numbered from 0. `n` is the number of repetitions from which a row is computed.
    assert_eq!(chosen(&["repetition<3"])[0]["n"], 3);
}

/// Conditions can choose between datasets. Only if no dataset has a chosen run, this is an error.
#[test]
fn datasets_without_a_chosen_run_are_left_out() {
    let folder = grid();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let drift = |condition: &str| {
        let arguments = [
            "drift", "grid", "small", "--where", condition, "--format", "json",
        ];
        analyze(&arguments, folder.path())
    };
    for condition in ["dataset='small'", "internal=0.4"] {
        let (code, out, err) = drift(condition);
        assert_eq!(code, 0, "{err}");
        assert!(
            err.contains("grid is left out: grid has no finished run with"),
            "{err}"
        );
        let records: Vec<Value> = serde_json::from_str(&out).unwrap();
        assert!(
            !records.is_empty()
                && column(&records, "dataset")
                    .iter()
                    .all(|name| *name == "small")
        );
    }
    let (code, _, err) = drift("internal=0.3");
    assert_eq!(code, 2);
    assert!(
        err.contains("error: grid has no finished run with internal=0.3"),
        "{err}"
    );
}

/// `--top` limits the records of `summary` too.
#[test]
fn summary_prints_the_first_records() {
    let folder = grid();
    let all = records(&["summary", "grid"], folder.path());
    let first = records(&["summary", "grid", "--top", "2"], folder.path());
    assert_eq!(first, all[..2]);
}

#[test]
fn wrong_conditions_and_conditions_without_a_run_are_refused() {
    let folder = grid();
    for (condition, message) in [
        ("internal=0.6", "grid has no finished run with internal=0.6"),
        (
            "intern=0.5",
            "no column `intern` (did you mean `internal`?); the columns are run, ",
        ),
        (
            "phase>spread",
            "`spread` is not a number, so only = and != can be used with it",
        ),
        // The role of a machine in its run is `slowest`, `fastest` or `between`.
        (
            "role>between",
            "`between` is not a number, so only = and != can be used with it",
        ),
    ] {
        let (code, _, err) = analyze(&["drift", "grid", "--where", condition], folder.path());
        assert!(code == 2 && err.contains(message), "{err}");
    }
}

#[test]
fn rows_are_sorted_by_a_measure_and_top_keeps_the_first() {
    let folder = grid();
    // `backlog_mean` is the mean backlog of a machine in one run, and `backlog_mean_mean` is the mean of this measure over the runs.
    let means = |options: &[&str]| -> Vec<f64> {
        let records = records(&[&["backlog", "grid"], options].concat(), folder.path());
        let means = column(&records, "backlog_mean_mean");
        means.iter().map(|mean| mean.as_f64().unwrap()).collect()
    };
    // Rows are sorted by a measure from its largest to its smallest value.
    let sorted = means(&["--sort", "backlog_mean"]);
    assert!(sorted.is_sorted_by(|a, b| a >= b), "{sorted:?}");
    let mut unsorted = means(&[]);
    assert_ne!(unsorted, sorted);
    unsorted.sort_by(|a, b| b.total_cmp(a));
    assert_eq!(unsorted, sorted);
    assert_eq!(
        means(&["--sort", "backlog_mean", "--top", "4"]),
        sorted[..4]
    );
    let (code, _, err) = analyze(&["backlog", "grid", "--sort", "backlog"], folder.path());
    assert!(
        code == 2
            && err.contains(
                "no column `backlog` (did you mean `backlog_max`?); the columns are rates, "
            ),
        "{err}"
    );
}

/// `--by` combines rows with equal values of the named columns. First, in each run, the mean of the combined machines is taken. The combined
/// value is the mean of these means over the runs.
#[test]
fn runs_are_combined_by_some_parameters() {
    let folder = grid();
    let number = |record: &Value, name: &str| record[name].as_f64().unwrap();
    let combined = records(&["drift", "grid", "--by", "internal"], folder.path());
    assert_eq!(
        column(&combined, "internal"),
        [&Value::from(0.2), &0.5.into(), &0.8.into()]
    );
    // Each row combines four repetitions of two sets of rates.
    assert_eq!(column(&combined, "n"), [&Value::from(8); 3]);
    // `combined[1]` is the row with `internal` 0.5. Without `--by`, there are six rows with `internal` 0.5: three machines for each of two
    // sets of rates. The mean of these six rows must be the value in `combined[1]`, because both sets have equally many machines and runs.
    let rows = records(&["drift", "grid", "--where", "internal=0.5"], folder.path());
    let sum: f64 = rows
        .iter()
        .map(|row| number(row, "logical_rate_mean"))
        .sum();
    let mean = sum / rows.len() as f64;
    assert!((number(&combined[1], "logical_rate_mean") - mean).abs() < 1e-9);
    // There is one row for each rate and each of the three values of `internal`. The first set has three rates (1, 3 and 6). The second
    // set has two (2 and 5): its two machines with rate 2 are combined. No rate is in both sets, so each row combines four runs.
    let by_rate = records(&["backlog", "grid", "--by", "rate,internal"], folder.path());
    assert_eq!(by_rate.len(), 5 * 3);
    assert!(by_rate.iter().all(|record| record["n"] == 4));
    // Combining by all parameters and the machine gives the rows of the table without `--by`.
    let names = "rates,internal,phase,stamp,delay_s,duration_s,engine,time_scale,machine";
    let all = records(&["drift", "grid", "--by", names], folder.path());
    let plain = records(&["drift", "grid"], folder.path());
    assert_eq!(all.len(), plain.len());
    for record in &plain {
        let is_same_row = |other: &&Value| {
            ["rates", "internal", "machine"]
                .iter()
                .all(|name| other[name] == record[name])
        };
        let other = all.iter().find(is_same_row).unwrap();
        for name in ["lag_final_mean", "lag_final_sd"] {
            assert!((number(other, name) - number(record, name)).abs() < 1e-9);
        }
        assert_eq!(other["lag_final_interval"], record["lag_final_interval"]);
        // If all values are equal, there is no interval, and so no low end.
        if record["lag_final_interval"] != "all equal" {
            let low = "lag_final_low";
            assert!((number(other, low) - number(record, low)).abs() < 1e-9);
        }
    }
    let (code, _, err) = analyze(&["drift", "grid", "--by", "color"], folder.path());
    assert!(
        code == 2 && err.contains("no column `color`; the columns are rates,"),
        "{err}"
    );
    // `--by` also accepts some columns that are no parameters, such as `machines` (the number of machines) and `rate`.
    let (code, out, _) = analyze(&["drift", "grid", "--by", "machines,rate"], folder.path());
    assert!(code == 0 && out.contains("rate (1/s)"), "{out}");
}

/// A contrast agrees with the table of jumps: it is the difference of two means in this table, and its interval follows from the two
/// standard deviations in this table.
#[test]
fn a_contrast_is_the_difference_of_two_rows() {
    let folder = grid();
    let contrast = [
        "contrast", "grid", "--of", "internal", "--from", "0.8", "--to", "0.2",
    ];
    let measures = ["--measure", "jump_mean", "--measure", "logical_rate"];
    let contrasts = records(&[&contrast[..], &measures].concat(), folder.path());
    // Each of the two measures has six contrasts (three machines in each of two sets of rates) and the average of these six.
    assert_eq!(contrasts.len(), 2 * (2 * 3 + 1));
    let is_average = |record: &&Value| record["row"] == "average" && record["machine"].is_null();
    assert_eq!(contrasts.iter().filter(is_average).count(), 2);
    let jumps = records(&["jumps", "grid"], folder.path());
    let row = |internal: f64| {
        let is_meant = |record: &&Value| {
            record["rates"] == "1,3,6" && record["internal"] == internal && record["machine"] == 1
        };
        jumps.iter().find(is_meant).unwrap()
    };
    let number = |record: &Value, name: &str| record[name].as_f64().unwrap();
    let (from, to) = (row(0.8), row(0.2));
    let contrast_of_rows = contrasts
        .iter()
        .find(|record| {
            record["rates"] == "1,3,6" && record["machine"] == 1 && record["measure"] == "jump_mean"
        })
        .unwrap();
    let difference = number(to, "jump_mean_mean") - number(from, "jump_mean_mean");
    assert!((number(contrast_of_rows, "difference") - difference).abs() < 1e-12);
    let half_width = (number(contrast_of_rows, "high") - number(contrast_of_rows, "low")) / 2.0;
    // The variance of a mean of four repetitions.
    let variance = |row| number(row, "jump_mean_sd").powi(2) / 4.0;
    let standard_error = (variance(from) + variance(to)).sqrt();
    // The interval uses the 97.5 % quantile of Student's t distribution. With four runs on each side, Welch's method gives at least
    // 4 - 1 = 3 and at most 4 + 4 - 2 = 6 degrees of freedom. The quantile is 2.447 for 6 degrees, and 3.182 for 3.
    let quantile = half_width / standard_error;
    assert!((2.446..3.183).contains(&quantile), "{quantile}");
    let (code, out, _) = analyze(&contrast, folder.path());
    assert!(
        code == 0 && out.contains("average") && out.contains("Welch"),
        "{out}"
    );
    // With `--top 2`, the average is the mean of the two rows that remain. It has no interval. The interval of an average is calculated
    // from one value for each run: the mean over its machines. This mean would include machines whose rows `--top` leaves out.
    let two = [&contrast[..], &measures[..2], &["--top", "2"]].concat();
    let two = records(&two, folder.path());
    let [first, second, average] = &two[..] else {
        panic!("{two:?}")
    };
    let mean = (number(first, "difference") + number(second, "difference")) / 2.0;
    assert!((number(average, "difference") - mean).abs() < 1e-12);
    assert!(average["low"].is_null() && average["high"].is_null());
}

/// With `--sort machine`, rows of the two datasets are mixed. Each dataset still has exactly one average.
#[test]
fn each_dataset_has_one_average_in_any_order_of_the_rows() {
    let folder = grid();
    fixture::simulated(&folder.path().join("other"), &GRID.replace("262", "263"));
    let contrast = [
        "contrast",
        "grid",
        "other",
        "--of",
        "internal",
        "--from",
        "0.8",
        "--to",
        "0.2",
        "--measure",
        "jump_mean",
        "--sort",
        "machine",
    ];
    let contrasts = records(&contrast, folder.path());
    let averages = contrasts.iter().filter(|record| record["row"] == "average");
    let datasets: Vec<&Value> = averages.map(|record| &record["dataset"]).collect();
    assert_eq!(datasets, ["grid", "other"]);
}

/// `internal` can be a list with one probability for each machine, such as 0.9,0.1. `--to` accepts such a list. If no run has the value of
/// `--to`, the error message gives all values in the data: here 0.5 and the list 0.9,0.1.
#[test]
fn a_contrast_can_be_about_probabilities_by_machine() {
    let folder = tempfile::tempdir().unwrap();
    let text = "name = \"each\"\nseed = 1\nrepetitions = 3\nduration_s = 20\nengine = \"virtual\"\n[parameters]\n\
                rates = [[1, 3], [2, 3]]\ninternal = [0.5, [0.9, 0.1]]";
    fixture::simulated(&folder.path().join("each"), text);
    let contrast = |to: &str| {
        let arguments = [
            "contrast", "each", "--of", "internal", "--from", "0.5", "--to", to,
        ];
        analyze(&arguments, folder.path())
    };
    let (code, out, err) = contrast("0.9,0.1");
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("1,3") && out.contains("2,3"), "{out}");
    let (code, _, err) = contrast("0.2,0.8");
    assert_eq!(code, 2);
    assert!(
        err.contains("the values in the data are 0.5 | 0.9,0.1"),
        "{err}"
    );
}

#[test]
fn contrasts_of_unknown_parameters_or_values_are_refused() {
    let folder = grid();
    let require_refused = |of: &str, from: &str, to: &str, message: &str| {
        let arguments = ["contrast", "grid", "--of", of, "--from", from, "--to", to];
        let (code, _, err) = analyze(&arguments, folder.path());
        assert!(code == 2 && err.contains(message), "{err}");
    };
    // `rate` is a property of a machine. The parameter is the whole set, `rates`.
    require_refused(
        "rate",
        "1",
        "2",
        "no parameter `rate`; the parameters are rates, internal",
    );
    require_refused(
        "internal",
        "0.2",
        "0.3",
        "no run has internal 0.3; the values in the data are 0.2 | 0.5 | 0.8",
    );
}

/// The condition `rates<3` has a correct form, because 3 is a number. But no run meets it: a set of rates, such as 1,3,6, is a text, and a
/// text is neither below nor above a number. So the command fails: it finds no run.
#[test]
fn no_set_of_rates_is_below_or_above_a_number() {
    let folder = grid();
    for condition in ["rates<3", "rates>=0"] {
        let (code, out, err) = analyze(&["drift", "grid", "--where", condition], folder.path());
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        let values = "rates is 1,3,6 | 2,2,5";
        let wanted = format!("error: grid has no finished run with {condition}; {values}\n");
        assert_eq!(err, wanted);
    }
}

#[test]
fn a_parameter_that_is_named_twice_in_by_is_refused() {
    let folder = grid();
    let arguments = ["drift", "grid", "--by", "internal,rates,internal"];
    let (code, _, err) = analyze(&arguments, folder.path());
    assert_eq!(code, 2);
    assert_eq!(err, "error: --by: internal is named twice; name it once\n");
}

/// A warm-up is the first part of each run, which is left out. It can be at most as long as the longest possible run: 604,800 s, which is a
/// week. The message about a warm-up of 1e300 s must be short: it must not write out the 301 digits of this number.
#[test]
fn a_warm_up_longer_than_any_possible_run_is_refused() {
    let folder = grid();
    let (code, _, err) = analyze(&["drift", "grid", "--warm-up", "1e300"], folder.path());
    assert_eq!(code, 2);
    assert!(
        err.contains("must be a number of seconds from 0 to 604800"),
        "{err}"
    );
    assert!(err.len() < 200, "{err}");
}
