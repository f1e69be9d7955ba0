//! Tests of `analyze contrast`, which compares two sides A and B: two datasets, or the runs that meet one condition and the runs
//! that meet another. Differences and intervals are compared with those of Welch's formula, which is written out here.

use std::path::Path;

use serde_json::Value;

use crate::command_line::analyze;
use crate::fixture;

fn experiment(name: &str, rates: &str, internal: &str, repetitions: u32) -> String {
    format!(
        "name = \"{name}\"\nseed = 262\nrepetitions = {repetitions}\nduration_s = 20\nengine = \"virtual\"\n[parameters]\n\
         rates = {rates}\ninternal = {internal}\n"
    )
}

/// A folder with three datasets. `busy` and `calm` differ in `internal` (and `calm` has one more set of rates); `mixed` has other rates.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, rates, internal, repetitions) in [
        ("busy", "[[1, 3, 6], [2, 3, 4]]", "[0.4]", 6),
        ("calm", "[[1, 3, 6], [2, 3, 4], [1, 1, 2]]", "[0.7]", 8),
        ("mixed", "[[1, 4, 5], [2, 4, 6], [3, 4, 5]]", "[0.7]", 5),
    ] {
        fixture::simulated(
            &folder.path().join(name),
            &experiment(name, rates, internal, repetitions),
        );
    }
    folder
}

/// The rows that `analyze contrast` prints for the mean jump, as JSON objects.
fn records(arguments: &[&str], folder: &Path) -> Vec<Value> {
    let arguments = [
        &["contrast"],
        arguments,
        &["--format", "json", "--measure", "jump_mean"],
    ]
    .concat();
    let (code, out, err) = analyze(&arguments, folder);
    assert_eq!(code, 0, "{arguments:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

/// The mean jump of machine number `machine` in each run of the configuration with these rates, such as `1,3,6`.
fn jumps(folder: &Path, dataset: &str, rates: &str, machine: usize) -> Vec<f64> {
    let dataset = analyze::Dataset::open(&folder.join(dataset)).unwrap();
    let machines = dataset.machines().unwrap();
    let text = |name: &str| machines.column(name).unwrap().str().unwrap().clone();
    let all_rates = text("rates");
    let indices = machines.column("machine").unwrap().i64().unwrap().clone();
    let values = machines.column("jump_mean").unwrap().f64().unwrap().clone();
    (0..machines.height())
        .filter(|&row| {
            all_rates.get(row) == Some(rates) && indices.get(row) == Some(machine as i64)
        })
        .map(|row| values.get(row).unwrap())
        .collect()
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum();
    // The sample variance.
    (mean, squares / (n - 1.0))
}

/// The mean of side `b` minus the mean of side `a`, and half the width of its 95 % interval. A side is a list of configurations, each
/// with the values of its runs; the mean of a side is the mean of the means of its configurations.
///
/// This is Welch's formula. All sums are over all configurations of both sides:
///
/// - A configuration has n runs, the sample variance s^2 and the weight w = 1 / (number of configurations of its side). Its term is
///   w^2 s^2 / n.
/// - The variance of the difference is V, the sum of the terms.
/// - The number of degrees of freedom is V^2 / D, where D is the sum of term^2 / (n - 1).
/// - The interval is the difference ± t sqrt(V), where t is the 97.5 % quantile of Student's t.
fn welch(a: &[Vec<f64>], b: &[Vec<f64>]) -> (f64, f64) {
    let mut difference = 0.0;
    // V and D of the formula.
    let (mut variance, mut sum_for_degrees) = (0.0, 0.0);
    for (sign, side) in [(-1.0, a), (1.0, b)] {
        let weight = 1.0 / side.len() as f64;
        for values in side {
            let (mean, variance_of_values) = mean_and_variance(values);
            let n = values.len() as f64;
            difference += sign * weight * mean;
            let term = weight * weight * variance_of_values / n;
            variance += term;
            sum_for_degrees += term * term / (n - 1.0);
        }
    }
    let degrees = variance * variance / sum_for_degrees;
    use statrs::distribution::{ContinuousCDF, StudentsT};
    let t = StudentsT::new(0.0, 1.0, degrees)
        .unwrap()
        .inverse_cdf(0.975);
    (difference, t * variance.sqrt())
}

/// Requires that the record has this difference, and an interval with this half-width.
fn assert_has(record: &Value, (difference, half_width): (f64, f64)) {
    let number = |name: &str| record[name].as_f64().unwrap();
    assert!(
        (number("difference") - difference).abs() < 1e-9,
        "{record}: {difference}"
    );
    let half = (number("high") - number("low")) / 2.0;
    assert!((half - half_width).abs() < 1e-6, "{record}: {half_width}");
}

#[test]
fn two_datasets_that_differ_in_one_parameter_are_compared_configuration_by_configuration() {
    let folder = folder();
    let records = records(&["busy", "calm"], folder.path());
    // The two datasets have two sets of rates in common, with three machines each. The last record is the average over all machines.
    assert_eq!(records.len(), 2 * 3 + 1);
    for record in &records[..6] {
        let rates = record["rates"].as_str().unwrap();
        let machine = record["machine"].as_str().unwrap().parse().unwrap();
        let side = |dataset: &str| vec![jumps(folder.path(), dataset, rates, machine)];
        assert_has(record, welch(&side("busy"), &side("calm")));
        // `busy` has 6 runs of each configuration, and `calm` has 8.
        assert_eq!(
            (&record["n_a"], &record["n_b"]),
            (&Value::from(6), &Value::from(8))
        );
    }
    // For each run of a configuration, the mean over its three machines.
    let means_of_runs = |dataset: &str, rates: &str| -> Vec<f64> {
        let machines: Vec<Vec<f64>> = (0..3)
            .map(|machine| jumps(folder.path(), dataset, rates, machine))
            .collect();
        (0..machines[0].len())
            .map(|run| machines.iter().map(|values| values[run]).sum::<f64>() / 3.0)
            .collect()
    };
    let side = |dataset: &str| {
        ["1,3,6", "2,3,4"]
            .map(|rates| means_of_runs(dataset, rates))
            .to_vec()
    };
    assert_eq!(records[6]["machine"], "average");
    assert_has(&records[6], welch(&side("busy"), &side("calm")));
    let (_, out, _) = analyze(&["contrast", "busy", "calm"], folder.path());
    for words in [
        "What differs: internal is 0.4 in A and 0.7 in B.",
        "Left out: rates 1,1,2 (only in B).",
        "Compared: 2 configurations of A, each with the configuration of B that is equal in all other parameters.",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
}

/// The datasets have no set of rates in common. So machines are compared by their role (slowest, between, fastest), and all configurations
/// of a dataset are taken together.
#[test]
fn datasets_with_other_rates_are_compared_by_role() {
    let folder = folder();
    let records = records(&["busy", "mixed"], folder.path());
    let roles: Vec<&str> = records
        .iter()
        .map(|record| record["role"].as_str().unwrap())
        .collect();
    // Three roles, and the average over all machines.
    assert_eq!(records.len(), 4);
    // In all these datasets the rates are in ascending order. So machine 0 is the slowest, and machine 2 the fastest.
    for (machine, role) in ["slowest", "between", "fastest"].into_iter().enumerate() {
        let index = roles.iter().position(|other| *other == role).unwrap();
        let side = |dataset: &str, rates: &[&str]| -> Vec<Vec<f64>> {
            rates
                .iter()
                .map(|rates| jumps(folder.path(), dataset, rates, machine))
                .collect()
        };
        let (a, b) = (
            side("busy", &["1,3,6", "2,3,4"]),
            side("mixed", &["1,4,5", "2,4,6", "3,4,5"]),
        );
        assert_has(&records[index], welch(&a, &b));
        // Two configurations with 6 runs each, and three with 5 each.
        assert_eq!(
            (&records[index]["n_a"], &records[index]["n_b"]),
            (&Value::from(12), &Value::from(15))
        );
    }
    let (_, out, _) = analyze(&["contrast", "busy", "mixed"], folder.path());
    assert!(
        out.contains("2 configurations of A are compared with 3 of B."),
        "{out}"
    );
}

#[test]
fn two_conditions_are_compared_or_an_error_says_why_not() {
    let folder = folder();
    let conditions = ["--a", "rates = '1,3,6'", "--b", "rates = '2,3,4'"];
    // The rates of A and B differ, so there is a record for each of the three roles, and one for the average over all machines.
    let by_condition = records(&[&["calm"][..], &conditions].concat(), folder.path());
    assert_eq!(by_condition.len(), 4);
    // `contrast` accepts `--sort` and `--having`. Rows with rates 1,3,6 meet the condition, so these rates are printed. The order of the
    // rows is not checked here.
    let sorted = [
        "contrast",
        "busy",
        "calm",
        "--sort",
        "mean jump asc",
        "--having",
        "jump_mean_low > 0",
    ];
    let (code, out, err) = analyze(&sorted, folder.path());
    assert!(code == 0 && out.contains("1,3,6"), "{out}{err}");
    // Both sides have the same sets of rates and the same values of `internal`, but no combination of the two is on both sides.
    let crossed = experiment("crossed", "[[1, 3, 6], [2, 3, 4]]", "[0.4, 0.7]", 3);
    fixture::simulated(&folder.path().join("crossed"), &crossed);
    let a = "rates = '1,3,6' and internal = 0.4 or rates = '2,3,4' and internal = 0.7";
    let b = "rates = '1,3,6' and internal = 0.7 or rates = '2,3,4' and internal = 0.4";
    let (code, _, err) = analyze(&["contrast", "crossed", "--a", a, "--b", b], folder.path());
    assert_eq!(code, 2);
    assert!(
        err.contains(
            "A and B have no combination of rates and internal in common. To compare them, let only one of these parameters differ: with --a and --b, choose one value of rates or internal for A, and another value for B"
        ),
        "{err}"
    );
    let (code, _, err) = analyze(&["contrast", "busy"], folder.path());
    assert!(
        code == 2 && err.contains("contrast compares two datasets"),
        "{err}"
    );
    // `.40` is the same number as `0.4`.
    let same = [
        "contrast", "crossed", "--of", "internal", "--from", "0.4", "--to", ".40",
    ];
    let (code, _, err) = analyze(&same, folder.path());
    assert!(
        code == 2 && err.contains("--from and --to are both 0.4"),
        "{err}"
    );
}

#[test]
fn contrasts_fit_terminals_of_all_widths() {
    let folder = folder();
    for width in ["60", "80", "120", "200"] {
        let output = assert_cmd::Command::cargo_bin("analyze")
            .unwrap()
            .args(["contrast", "busy", "mixed"])
            .current_dir(folder.path())
            .env("COLUMNS", width)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let columns: usize = width.parse().unwrap();
        assert!(
            text.lines().all(|line| line.chars().count() <= columns),
            "{text}"
        );
        insta::assert_snapshot!(format!("contrast_{width}"), text);
    }
}
