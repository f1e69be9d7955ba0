//! Tests of the options that choose, combine and sort rows of tables. `--where` and `--having` take conditions in SQL. `--where` chooses
//! the runs and machines from which the means are computed. `--having` chooses rows of the finished table, for example by their means.
//! `--by` combines rows, and `--sort` sorts them.
//!
//! The column `role` compares a machine's rate with the other rates of its run. Its values are `slowest`, `fastest` and `between`. If all
//! machines of the run have the same rate, the value is `equal`.

use std::path::Path;

use serde_json::Value;

use crate::chosen_runs_and_rows::records;
use crate::command_line::analyze;
use crate::fixture;

/// Three sets of rates, three probabilities of internal events, and four repetitions.
const GRID: &str = "
name = \"grid\"
seed = 262
repetitions = 4
duration_s = 20
engine = \"virtual\"
[parameters]
rates = [[1, 3, 6], [2, 2, 5], [3, 3, 3]]
internal = [0.2, 0.5, 0.8]
";

/// A folder with the dataset `grid`.
fn grid() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("grid"), GRID);
    folder
}

/// Requires that the command ends with a usage error. Returns stderr.
fn refused(arguments: &[&str], folder: &Path) -> String {
    let (code, _, err) = analyze(arguments, folder);
    assert_eq!(code, 2, "{arguments:?}: {err}");
    err
}

/// Each row of the table is about one machine in one configuration. With a condition about machines or parameters, `--where` prints
/// exactly those rows of the whole table that meet the condition, with the same values.
#[test]
fn conditions_in_sql_choose_machines_before_averaging() {
    let folder = grid();
    let all = records(&["drift", "grid"], folder.path());
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap();
    let is_slowest = |row: &Value| match row["rates"].as_str().unwrap() {
        "1,3,6" => row["machine"] == 0,
        "2,2,5" => row["machine"] != 2,
        _ => false,
    };
    // A condition, and a function that tells whether a row meets it.
    type Check<'c> = (&'c str, Box<dyn Fn(&Value) -> bool + 'c>);
    let checks: [Check<'_>; 8] = [
        (
            "internal < 0.7 and role = 'slowest'",
            Box::new(|row| number(row, "internal") < 0.7 && is_slowest(row)),
        ),
        ("role=slowest", Box::new(is_slowest)),
        ("rate >= 3", Box::new(|row| number(row, "rate") >= 3.0)),
        (
            "rates in ('1,3,6', '3,3,3')",
            Box::new(|row| row["rates"] != "2,2,5"),
        ),
        (
            "internal between 0.3 and 0.6",
            Box::new(|row| row["internal"] == 0.5),
        ),
        (
            "not (internal == 0.5 or machine = 1)",
            Box::new(|row| row["internal"] != 0.5 && row["machine"] != 1),
        ),
        ("machine<1", Box::new(|row| row["machine"] == 0)),
        // `rates_sorted` has the rates of a run in ascending order.
        (
            "rates_sorted = '2,2,5'",
            Box::new(|row| row["rates"] == "2,2,5"),
        ),
    ];
    for (condition, is_met_by) in checks {
        let chosen = records(&["drift", "grid", "--where", condition], folder.path());
        let wanted: Vec<Value> = all.iter().filter(|row| is_met_by(row)).cloned().collect();
        assert!(
            !wanted.is_empty() && wanted.len() < all.len(),
            "{condition}"
        );
        assert_eq!(chosen, wanted, "{condition}");
    }
    // The first 18 runs are the first two repetitions of the nine configurations, so each mean is over two runs.
    let few = records(
        &["drift", "grid", "--where", "run < 18 and rate > 1"],
        folder.path(),
    );
    assert!(few.iter().all(|row| row["n"] == 2), "{few:?}");
}

/// `--having` chooses rows by the values in the table. In its conditions, `backlog_growth` is the mean of the backlog growth, and
/// `backlog_growth_low` is the lower end of this mean's interval. `lag_final` is the mean of the final lag, and `lag_final_predicted` is the
/// final lag that the theory predicts. `regime` is the predicted class of a machine's queue (stable, critical or overloaded), and
/// `regime_measured` is the measured class.
#[test]
fn rows_are_chosen_by_means_predictions_and_regimes() {
    let folder = grid();
    let theory = records(&["theory", "grid"], folder.path());
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap_or(f64::NAN);
    // A condition, and a function that tells whether a row meets it.
    type Check<'c> = (&'c str, Box<dyn Fn(&Value) -> bool + 'c>);
    let checks: [Check<'_>; 4] = [
        (
            "backlog_growth > 0.1 and regime = 'overloaded'",
            Box::new(|row| {
                number(row, "backlog_growth_mean") > 0.1 && row["regime"] == "overloaded"
            }),
        ),
        (
            "backlog_growth_low > 0 or rate = 6",
            Box::new(|row| number(row, "backlog_growth_low") > 0.0 || row["rate"] == 6.0),
        ),
        (
            "lag_final_predicted < lag_final",
            Box::new(|row| number(row, "lag_final_predicted") < number(row, "lag_final_mean")),
        ),
        (
            "regime in ('stable', 'critical') and internal = 0.2",
            Box::new(|row| row["regime"] != "overloaded" && row["internal"] == 0.2),
        ),
    ];
    for (condition, is_met_by) in checks {
        let chosen = records(&["theory", "grid", "--having", condition], folder.path());
        let wanted: Vec<Value> = theory
            .iter()
            .filter(|row| is_met_by(row))
            .cloned()
            .collect();
        assert!(
            !wanted.is_empty() && wanted.len() < theory.len(),
            "{condition}"
        );
        assert_eq!(chosen, wanted, "{condition}");
    }
    let measured = records(
        &[
            "backlog",
            "grid",
            "--having",
            "regime_measured = 'overloaded' and role = 'slowest'",
        ],
        folder.path(),
    );
    assert!(
        measured.iter().any(|row| row["rates"] == "1,3,6"),
        "{measured:?}"
    );
    assert!(
        measured.iter().all(|row| row["rates"] != "3,3,3"),
        "{measured:?}"
    );
}

/// In a row of `--by role`, `n` is the number of runs that have a machine with this role. Each set of rates has 12 runs. The sets [1, 3, 6]
/// and [2, 2, 5] have slowest and fastest machines, so 24 runs have them. Only [1, 3, 6] has a machine between the others. In [3, 3, 3]
/// all machines are equal.
#[test]
fn rows_are_combined_by_role_and_by_dataset() {
    let folder = grid();
    let by_role = records(&["drift", "grid", "--by", "role"], folder.path());
    let roles: Vec<(&str, u64)> = by_role
        .iter()
        .map(|row| (row["role"].as_str().unwrap(), row["n"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        roles,
        [
            ("between", 12),
            ("equal", 12),
            ("fastest", 24),
            ("slowest", 24)
        ]
    );
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let by_dataset = records(
        &["drift", "grid", "small", "--by", "dataset"],
        folder.path(),
    );
    let datasets: Vec<(&str, u64)> = by_dataset
        .iter()
        .map(|row| (row["dataset"].as_str().unwrap(), row["n"].as_u64().unwrap()))
        .collect();
    // Each `n` is the number of all runs of the dataset.
    assert_eq!(datasets, [("grid", 36), ("small", 6)]);
}

/// Measures are sorted from the largest to the smallest value, and parameters from the smallest to the largest, unless the option says
/// `asc` or `desc`. A column can be named by its name (`backlog_growth`) or by its heading in the table (`growth (1/s)`, or just `growth`).
#[test]
fn rows_are_sorted_by_columns_and_headings_in_both_directions() {
    let folder = grid();
    let values = |name: &str, sort: &str| -> Vec<f64> {
        let rows = records(&["backlog", "grid", "--sort", sort], folder.path());
        rows.iter().map(|row| row[name].as_f64().unwrap()).collect()
    };
    for sort in [
        "backlog_growth",
        "growth",
        "growth (1/s)",
        "growth desc",
        "growth (1/s):DESC",
    ] {
        let growths = values("backlog_growth_mean", sort);
        assert!(growths.is_sorted_by(|a, b| a >= b), "{sort}: {growths:?}");
    }
    let growths = values("backlog_growth_mean", "growth asc");
    assert!(growths.is_sorted(), "{growths:?}");
    let internal = values("internal", "internal");
    assert!(internal.is_sorted(), "{internal:?}");
    // Rows with equal values of the first column are sorted by the second column. The key of a row is the pair (-`internal`, `machine`).
    // `internal` descends, so its negative value ascends, and the keys must ascend.
    let rows = records(
        &["backlog", "grid", "--sort", "internal desc,machine"],
        folder.path(),
    );
    let keys: Vec<(f64, i64)> = rows
        .iter()
        .map(|row| {
            (
                -row["internal"].as_f64().unwrap(),
                row["machine"].as_i64().unwrap(),
            )
        })
        .collect();
    assert!(keys.is_sorted(), "{keys:?}");
    // The commands `summary` and `theory` have the option `--sort` too.
    for verb in ["summary", "theory"] {
        let (code, out, err) = analyze(&[verb, "grid", "--sort", "lag_final asc"], folder.path());
        assert!(
            code == 0 && err.is_empty() && !out.is_empty(),
            "{verb}: {err}"
        );
    }
}

#[test]
fn errors_of_wrong_names_and_values_list_the_right_ones() {
    let folder = grid();
    for (option, text, message) in [
        (
            "--where",
            "intrenal < 0.7",
            "no column `intrenal` (did you mean `internal`?); the columns are run, ",
        ),
        // In SQL, a word in double quotes is the name of a column.
        (
            "--where",
            "role = \"slowest\"",
            "no column `slowest` (a text needs single quotes: 'slowest')",
        ),
        (
            "--where",
            "internal in (0.4",
            "`internal in (0.4` is not a condition; write for example",
        ),
        (
            "--where",
            "role > 3 and rate > 1",
            "cannot be used as a condition",
        ),
        (
            "--where",
            "internal = 0.6 and rate > 1",
            "grid has no finished run with internal = 0.6 and rate > 1; internal is 0.2 | 0.5 | 0.8; rate is 1 | 2 | 3 | 5 | 6",
        ),
        (
            "--where",
            "phase=aligned",
            "grid has no finished run with phase=aligned; phase is spread",
        ),
        (
            "--having",
            "lag_fnal > 1",
            "no column `lag_fnal` (did you mean `lag_final`?)",
        ),
        (
            "--having",
            "machine = 7",
            "no row has machine = 7; machine is 0 | 1 | 2",
        ),
        ("--sort", "grwth", "no column `grwth`"),
        (
            "--by",
            "rol",
            "--by: there is no column `rol` (did you mean `role`?)",
        ),
    ] {
        let err = refused(&["drift", "grid", option, text], folder.path());
        assert!(err.contains(message), "{option} {text}: {err}");
    }
    // Each condition is met by some rows, but no row meets both.
    let both = ["--having", "machine = 0", "--having", "rate = 6"];
    let err = refused(&[&["drift", "grid"][..], &both].concat(), folder.path());
    assert!(
        err.contains("no row has machine = 0 and rate = 6; rate is "),
        "{err}"
    );
    // No run has internal 0.6. This causes a message but no error, because some rows have machine 0 and so meet the condition.
    let (code, _, err) = analyze(
        &["drift", "grid", "--where", "internal = 0.6 or machine = 0"],
        folder.path(),
    );
    assert_eq!((code, err.as_str()), (0, "grid: no run has internal 0.6\n"));
    let err = refused(
        &[
            "drift",
            "grid",
            "--by",
            "internal",
            "--having",
            "regime = 'stable'",
        ],
        folder.path(),
    );
    assert!(
        err.contains("rows of --by have no predictions and regimes; leave out --by"),
        "{err}"
    );
    // A condition on `role` chooses single machines of a run, but these two commands need all machines of a run.
    for command in [&["export", "grid"][..], &["compare", "grid", "grid"]] {
        let err = refused(
            &[command, &["--where", "role=slowest"]].concat(),
            folder.path(),
        );
        assert!(err.contains("needs whole runs"), "{err}");
    }
}
