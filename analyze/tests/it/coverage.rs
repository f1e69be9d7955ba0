//! Tests how often the 95 % intervals in tables contain the true mean: a small version of `experiments/bench/run --only coverage`. Two
//! other tests check the average in the table of `analyze contrast`.

use analyze::measures;
use analyze::read::dataset::Dataset;
use analyze::stats::estimate::{Estimate, IntervalKind};
use polars::prelude::*;

use crate::chosen_runs_and_rows::records;
use crate::command_line::analyze;
use crate::fixture;

/// Four sets of rates, so that all classes of queues (regimes) occur. In 1,3,6 the slow machine is overloaded (more messages arrive than it
/// has ticks), in 2,3,4 all machines are stable, and in 1,3,3 the slow machine is critical (between the two). In 3,3,3 all rates are equal.
const REGIMES: &str = "
    seed = 92
    repetitions = 400
    duration_s = 60
    engine = \"virtual\"
    [parameters]
    rates = [[1, 3, 6], [2, 3, 4], [1, 3, 3], [3, 3, 3]]
    internal = 0.7
";
/// Number of runs of each set of rates.
const RUNS: usize = 400;
/// Number of values in a sample. An experiment with ten repetitions has the same number of values for each interval.
const SAMPLE_SIZE: usize = 10;
/// Number of samples for each measure of each machine.
const SAMPLES: usize = 400;

/// Samples of ten values each, drawn from `values` with replacement. The random numbers come from a linear congruential generator with
/// Knuth's MMIX constants, so they are the same each time the test runs.
fn samples(values: &[f64]) -> impl Iterator<Item = Vec<f64>> {
    let mut state = 92u64;
    let mut draw = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // Only the upper bits are used, because the lower bits of such a generator repeat much sooner.
        (state >> 33) as usize
    };
    (0..SAMPLES).map(move |_| {
        (0..SAMPLE_SIZE)
            .map(|_| values[draw() % values.len()])
            .collect()
    })
}

/// Makes an interval from each sample of `values`. Only intervals of the kind `Student` count: tables show them without a mark. All other
/// intervals are rough or missing. Returns the number of intervals that count, and how many of them contain the mean of all `values`.
fn count_intervals(values: &[f64]) -> (usize, usize) {
    let truth = values.iter().sum::<f64>() / values.len() as f64;
    let estimates = samples(values).map(|sample| Estimate::from_values(&sample));
    let unmarked: Vec<Estimate> = estimates
        .filter(|estimate| estimate.interval_kind == IntervalKind::Student)
        .collect();
    let contains = |estimate: &&Estimate| {
        let (low, high) = estimate.interval().unwrap();
        // 1e-12 allows for rounding errors.
        (low - 1e-12..=high + 1e-12).contains(&truth)
    };
    (unmarked.len(), unmarked.iter().filter(contains).count())
}

/// The mean over 400 runs stands for the true mean. Of all intervals that are not marked as rough, 93.5 % to 96.5 % must contain the true
/// mean. For a single measure of a single machine the share varies more, so it must only be above 86 %.
#[test]
fn about_95_percent_of_the_intervals_without_a_mark_contain_the_true_mean() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("regimes");
    fixture::simulated(&root, REGIMES);
    let machines = Dataset::open(&root).unwrap().machines().unwrap();
    // A case is one measure of one machine with one set of rates.
    let (mut cases, mut unmarked, mut contain_mean) = (0, 0, 0);
    for rates in ["1,3,6", "2,3,4", "1,3,3", "3,3,3"] {
        for machine in 0..3i64 {
            let is_machine = col("rates")
                .eq(lit(rates))
                .and(col("machine").eq(lit(machine)));
            let rows = machines
                .clone()
                .lazy()
                .filter(is_machine)
                .collect()
                .unwrap();
            assert_eq!(rows.height(), RUNS);
            for measure in measures::all() {
                let values = rows.column(measure.name).unwrap();
                let values = values.cast(&DataType::Float64).unwrap();
                let values: Vec<f64> = values.f64().unwrap().iter().flatten().collect();
                // A measure that is undefined in more than half of the runs is left out.
                if values.len() < RUNS / 2 {
                    continue;
                }
                let (unmarked_of_case, contain_mean_of_case) = count_intervals(&values);
                let share = contain_mean_of_case as f64 / unmarked_of_case as f64;
                let name = measure.name;
                // The share is checked only if at least a quarter of the intervals have no mark. With fewer, it would vary too much.
                assert!(
                    unmarked_of_case < SAMPLES / 4 || share > 0.86,
                    "{name} of machine {machine} at {rates}: {share}"
                );
                cases += 1;
                unmarked += unmarked_of_case;
                contain_mean += contain_mean_of_case;
            }
        }
    }
    // Most of the about 440 cases (12 machines with 37 measures each) must be used, and most intervals must have no mark. Otherwise the
    // test would say little.
    assert!(
        cases > 380 && unmarked > cases * SAMPLES / 2,
        "{unmarked} in {cases}"
    );
    let share = contain_mean as f64 / unmarked as f64;
    assert!((0.935..0.965).contains(&share), "{share}");
}

/// `contrast` prints the difference that another value of a parameter makes. Its table has one row for each machine of each set of rates,
/// here five rows, and then a row with the average. All five rows count equally in the average, so the set with three machines counts more
/// than the set with two.
#[test]
fn the_average_of_a_contrast_is_the_mean_of_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = "
        seed = 5
        repetitions = 10
        duration_s = 30
        engine = \"virtual\"
        [parameters]
        rates = [[1, 3, 6], [2, 4]]
        internal = [0.4, 0.7]
    ";
    fixture::simulated(&folder.path().join("mixed"), experiment);
    let arguments = "contrast mixed --of internal --from 0.7 --to 0.4 --measure backlog_mean";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let printed = |format: &str| {
        let arguments = [&arguments[..], &["--format", format]].concat();
        let (code, out, err) = analyze(&arguments, folder.path());
        assert_eq!(code, 0, "{err}");
        out
    };
    let csv = printed("csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names = reader.headers().unwrap().clone();
    let column = names.iter().position(|name| name == "difference").unwrap();
    let rows = reader
        .records()
        .map(|record| record.unwrap()[column].parse::<f64>().unwrap());
    let mut rows: Vec<f64> = rows.collect();
    let last = rows.pop().unwrap();
    // The last column says what a row is: `pair` (a machine of a set of rates) or `average`.
    assert!(csv.ends_with(",average\n"), "{csv}");
    assert_eq!(rows.len(), 5);
    let mean = rows.iter().sum::<f64>() / rows.len() as f64;
    assert!((last - mean).abs() < 1e-12, "{last}: {mean}");
    let markdown = printed("markdown");
    let average = markdown
        .lines()
        .find(|line| line.starts_with("| average"))
        .unwrap();
    // The cell in the third column is, for example, "1.23 ± 0.45", with non-breaking spaces.
    let average_row = average.replace('\u{a0}', " ");
    let cell = average_row.split('|').nth(3).unwrap().trim();
    let shown = cell.split(' ').next().unwrap();
    assert!(
        (shown.parse::<f64>().unwrap() - mean).abs() < 0.01,
        "{average}: {mean}"
    );
}

/// `--where` can choose one machine of some sets of rates, and two of others: two machines of `[1, 2, 1]` are slowest. The average is still
/// the mean of all rows, and it has an interval. But if a machine is chosen for only one of the two values of `internal`, it has no row, and
/// the average has no interval.
#[test]
fn the_average_of_a_contrast_counts_only_chosen_machines() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = "
        seed = 6
        repetitions = 10
        duration_s = 30
        engine = \"virtual\"
        [parameters]
        rates = [[1, 3, 6], [1, 2, 1]]
        internal = [0.4, 0.7]
    ";
    fixture::simulated(&folder.path().join("mixed"), experiment);
    for (condition, row_count, has_interval) in [
        // The rows: machine 0 of `[1, 3, 6]`, and machines 0 and 2 of `[1, 2, 1]`.
        ("role = 'slowest'", 3, true),
        // The rows: machine 0 of both sets. Machine 1 is chosen only for `internal = 0.4`.
        ("machine = 0 or machine = 1 and internal = 0.4", 2, false),
        // The rows: machines 0 and 1 of both sets. Machine 1 is chosen only in the first 5 repetitions.
        ("machine = 0 or machine = 1 and repetition < 5", 4, false),
    ] {
        let options = ["--of", "internal", "--from", "0.7", "--to", "0.4"];
        let measure = ["--measure", "backlog_mean", "--where", condition];
        let arguments = [&["contrast", "mixed"][..], &options, &measure].concat();
        let mut rows = records(&arguments, folder.path());
        let average = rows.pop().unwrap();
        assert_eq!(
            (rows.len(), &average["row"]),
            (row_count, &"average".into())
        );
        let differences = rows.iter().map(|row| row["difference"].as_f64().unwrap());
        let mean = differences.sum::<f64>() / row_count as f64;
        let value = average["difference"].as_f64().unwrap();
        assert!((value - mean).abs() < 1e-12, "{condition}: {value}, {mean}");
        assert_eq!(average["low"].is_number(), has_interval, "{condition}");
    }
    // Here nothing can be compared, and an error says why. With the first condition, machine 2 of `[1, 3, 6]` and machine 1 of `[1, 2, 1]`
    // are chosen. Only machines with the same number are compared. With the second condition, no machine of `[1, 2, 1]` is chosen.
    for (condition, expected) in [
        (
            "role = 'fastest'",
            "no two configurations differ only in rates (only what --where chooses is compared: role = 'fastest')",
        ),
        (
            "rate = 6",
            "no run has rates 1,2,1; the values in the data are 1,3,6 (only what --where chooses is compared: rate = 6)",
        ),
    ] {
        let options = ["--of", "rates", "--from", "1,3,6", "--to", "1,2,1"];
        let arguments = [&["contrast", "mixed", "--where", condition][..], &options].concat();
        let (code, _, err) = analyze(&arguments, folder.path());
        assert!(code == 2 && err.contains(expected), "{err}");
    }
}
