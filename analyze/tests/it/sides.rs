//! Tests of contrasts between two datasets or two conditions, against an independent computation.

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

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, rates, internal, repetitions) in [
        ("busy", "[[1, 3, 6], [2, 3, 4]]", "[0.4]", 6),
        ("calm", "[[1, 3, 6], [2, 3, 4], [1, 1, 2]]", "[0.7]", 8),
        ("drawn", "[[1, 4, 5], [2, 4, 6], [3, 4, 5]]", "[0.7]", 5),
    ] {
        fixture::simulated(
            &folder.path().join(name),
            &experiment(name, rates, internal, repetitions),
        );
    }
    folder
}

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

/// The mean jumps of the machines with this index in each run of a configuration.
fn jumps(folder: &Path, dataset: &str, rates: &str, machine: usize) -> Vec<f64> {
    let dataset = ::analyze::Dataset::open(&folder.join(dataset)).unwrap();
    let machines = dataset.machines().unwrap();
    let text = |name: &str| machines.column(name).unwrap().str().unwrap().clone();
    let (all_rates, indices) = (
        text("rates"),
        machines.column("machine").unwrap().i64().unwrap().clone(),
    );
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
    (mean, squares / (n - 1.0))
}

/// The difference of two sides, each with the values of some configurations, and half the width of its interval: Welch's formula,
/// written out, with a quantile of Student's t.
fn welch(a: &[Vec<f64>], b: &[Vec<f64>]) -> (f64, f64) {
    let mut difference = 0.0;
    let (mut variance, mut terms) = (0.0, 0.0);
    for (sign, side) in [(-1.0, a), (1.0, b)] {
        let weight = 1.0 / side.len() as f64;
        for values in side {
            let (mean, var) = mean_and_variance(values);
            let n = values.len() as f64;
            difference += sign * weight * mean;
            let term = weight * weight * var / n;
            variance += term;
            terms += term * term / (n - 1.0);
        }
    }
    let degrees = variance * variance / terms;
    use statrs::distribution::{ContinuousCDF, StudentsT};
    let t = StudentsT::new(0.0, 1.0, degrees)
        .unwrap()
        .inverse_cdf(0.975);
    (difference, t * variance.sqrt())
}

fn assert_is(record: &Value, (difference, half_width): (f64, f64)) {
    let number = |name: &str| record[name].as_f64().unwrap();
    assert!(
        (number("difference") - difference).abs() < 1e-9,
        "{record}: {difference}"
    );
    let half = (number("high") - number("low")) / 2.0;
    assert!((half - half_width).abs() < 1e-6, "{record}: {half_width}");
}

#[test]
fn two_datasets_that_differ_in_one_parameter_are_compared_in_pairs() {
    let folder = folder();
    let records = records(&["busy", "calm"], folder.path());
    assert_eq!(records.len(), 2 * 3 + 1);
    for record in &records[..6] {
        let (rates, machine) = (
            record["rates"].as_str().unwrap(),
            record["machine"].as_str().unwrap(),
        );
        let machine = machine.parse().unwrap();
        let of = |dataset: &str| vec![jumps(folder.path(), dataset, rates, machine)];
        assert_is(record, welch(&of("busy"), &of("calm")));
        assert_eq!(
            (&record["n_a"], &record["n_b"]),
            (&Value::from(6), &Value::from(8))
        );
    }
    let of_runs = |dataset: &str, rates: &str| -> Vec<f64> {
        let machines: Vec<Vec<f64>> = (0..3)
            .map(|machine| jumps(folder.path(), dataset, rates, machine))
            .collect();
        (0..machines[0].len())
            .map(|run| machines.iter().map(|values| values[run]).sum::<f64>() / 3.0)
            .collect()
    };
    let side = |dataset: &str| {
        ["1,3,6", "2,3,4"]
            .map(|rates| of_runs(dataset, rates))
            .to_vec()
    };
    assert_eq!(records[6]["machine"], "average");
    assert_is(&records[6], welch(&side("busy"), &side("calm")));
    let (_, out, _) = analyze(&["contrast", "busy", "calm"], folder.path());
    for words in [
        "What differs: internal is 0.4 in A and 0.7 in B.",
        "Left out: rates 1,1,2 (only in B).",
        "Compared: 2 configurations of A, each with the one of B that is equal in everything else.",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
}

/// Other rates were drawn: machines are compared by their role, and configurations are pooled.
#[test]
fn other_rates_are_pooled_by_role() {
    let folder = folder();
    let records = records(&["busy", "drawn"], folder.path());
    let roles: Vec<&str> = records
        .iter()
        .map(|record| record["role"].as_str().unwrap())
        .collect();
    assert_eq!(records.len(), 4);
    for (machine, role) in ["slowest", "between", "fastest"].into_iter().enumerate() {
        let index = roles.iter().position(|other| *other == role).unwrap();
        let of = |dataset: &str, rates: &[&str]| -> Vec<Vec<f64>> {
            rates
                .iter()
                .map(|rates| jumps(folder.path(), dataset, rates, machine))
                .collect()
        };
        let (a, b) = (
            of("busy", &["1,3,6", "2,3,4"]),
            of("drawn", &["1,4,5", "2,4,6", "3,4,5"]),
        );
        assert_is(&records[index], welch(&a, &b));
        assert_eq!(
            (&records[index]["n_a"], &records[index]["n_b"]),
            (&Value::from(12), &Value::from(15))
        );
    }
    let (_, out, _) = analyze(&["contrast", "busy", "drawn"], folder.path());
    assert!(
        out.contains("2 configurations of A are compared with 3 of B."),
        "{out}"
    );
}

#[test]
fn two_conditions_are_compared_and_words_say_what_stands_in_the_way() {
    let folder = folder();
    let conditions = ["--a", "rates = '1,3,6'", "--b", "rates = '2,3,4'"];
    let by_condition = records(&[&["calm"][..], &conditions].concat(), folder.path());
    assert_eq!(by_condition.len(), 4);
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
    let crossed = experiment("crossed", "[[1, 3, 6], [2, 3, 4]]", "[0.4, 0.7]", 3);
    fixture::simulated(&folder.path().join("crossed"), &crossed);
    let a = "rates = '1,3,6' and internal = 0.4 or rates = '2,3,4' and internal = 0.7";
    let b = "rates = '1,3,6' and internal = 0.7 or rates = '2,3,4' and internal = 0.4";
    let (code, _, err) = analyze(&["contrast", "crossed", "--a", a, "--b", b], folder.path());
    assert_eq!(code, 2);
    assert!(
        err.contains(
            "they agree in no combination of rates, internal. They would agree if rates or internal could differ"
        ),
        "{err}"
    );
    let (code, _, err) = analyze(&["contrast", "busy"], folder.path());
    assert!(
        code == 2 && err.contains("contrast compares two datasets"),
        "{err}"
    );
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
fn contrasts_at_all_widths() {
    let folder = folder();
    for width in ["60", "80", "120", "200"] {
        let output = assert_cmd::Command::cargo_bin("analyze")
            .unwrap()
            .args(["contrast", "busy", "drawn"])
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
