//! Tests of `analyze claims`, which tests claims of other authors against datasets and gives verdicts. The tests here use a small
//! experiment, datasets with missing data, and the project's own claims.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use analyze::claims::{self, Cell, Claim, Data, Subject};
use insta::assert_snapshot;
use sim::experiment::{Experiment, Overrides};

use crate::command_line::analyze;
use crate::fixture;

/// An experiment with two rate sets, two probabilities of internal events and six repetitions.
pub const SWEEP: &str = "
name = \"sweep\"
seed = 262
repetitions = 6
duration_s = 30
engine = \"virtual\"
[parameters]
rates = [[1, 3, 6], [3, 3, 3]]
internal = [0.4, 0.7]
";

/// Five claims about [`SWEEP`]. In the order of the claims, the verdicts are: depends (some tests hold and some fail), confirmed, depends,
/// undecided, refuted. The texts `expected` are shown in a column of the table and have no effect on the verdicts. A test with `from` and
/// `to` is about the difference: the value of `to` minus that of `from`.
pub const CLAIMS: &str = r#"
[[claim]]
id = "slow-queues-grow"
says = "A slow machine's queue grows"
source = "a notebook"
experiment = "sweep"
expected = "at 1,3,6"
depends_on = "the rates"

[[claim.test]]
where = ["rates=1,3,6", "internal=0.4"]
machine = "slowest"
measure = "backlog_growth"
expect = { above = 0.5 }

[[claim.test]]
where = ["rates=3,3,3", "internal=0.4"]
machine = 0
measure = "backlog_growth"
expect = { above = 0.5 }

[[claim]]
id = "internal-shortens"
says = "More internal events, shorter queues, in every machine that queues; and a fast machine queues less than a slow one"
source = "a notebook"
experiment = "sweep"
expected = "less and less"
depends_on = "nothing"

[[claim.test]]
where = ["rates=1,3,6"]
machine = 0
measure = "backlog_mean"
from = { where = ["internal=0.4"] }
to = { where = ["internal=0.7"] }
expect = { below = 0 }

[[claim.test]]
machine = 0
measure = "backlog_mean"
from = { where = ["internal=0.4"] }
to = { where = ["internal=0.7"] }
expect = { below = 0 }

[[claim.test]]
where = ["rates=1,3,6"]
measure = "backlog_mean"
from = { machine = "slowest" }
to = { machine = "fastest" }
expect = { below = 0 }

[[claim]]
id = "all-in-order"
says = "Every run finishes, and its messages arrive as scheduled; no clock jumps by more than 1; and the clocks follow Lamport's rules"
source = "another notebook"
experiment = "sweep"
expected = "there are larger jumps"
depends_on = "what is asked"
audit = "clean"

[[claim.test]]
measure = "finished"
statistic = { share = ">= 1" }
expect = { above = 0.8 }

[[claim.test]]
measure = "as_scheduled"
expect = { between = [1, 1] }

[[claim.test]]
measure = "jump_max"
statistic = "largest"
expect = { between = [1, 1] }

[[claim]]
id = "varied"
says = "Final clocks differ from run to run by about 12, whatever happens in the first ten seconds"
source = "another notebook"
experiment = "sweep"
expected = "six runs are not enough to decide"

[[claim.test]]
where = ["rates=1,3,6", "internal=0.7"]
machine = 0
warm_up_s = 10
measure = "clock_final"
statistic = "sd"
expect = { between = [9, 15] }

[[claim]]
id = "never"
says = "Half of all idle ticks are internal"
source = "another notebook"
experiment = "sweep"
expected = "never"

[[claim.test]]
where = ["internal=0.7"]
measure = "internal_share"
expect = { below = 0.5 }
"#;

/// A folder with the experiment, its dataset and the claims.
pub fn with_sweep(claims: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let experiments = folder.path().join("experiments");
    fs::create_dir_all(experiments.join("claims")).unwrap();
    fs::write(experiments.join("claims/sweep.toml"), SWEEP).unwrap();
    fs::write(experiments.join("claims.toml"), claims).unwrap();
    fixture::simulated(&folder.path().join("data/sweep"), SWEEP);
    folder
}

#[test]
fn all_claims_about_a_small_experiment_get_their_verdicts() {
    let folder = with_sweep(CLAIMS);
    let (code, out, err) = analyze(&["claims", "--format", "markdown"], folder.path());
    assert_eq!((code, err.as_str()), (0, ""));
    let tables: Vec<&str> = out.lines().filter(|line| line.starts_with('|')).collect();
    // `share >= 1 finished` is the share of runs whose value of `finished` is at least 1. All 24 runs
    // finished as scheduled, so this share and the mean of `as_scheduled` are both 1. The low ends of their intervals differ, because
    // shares and means have different formulas: 24 / (24 + 1.96^2) = 0.862 for a share (by Wilson), and 0.025^(1/24) = 0.858 for a mean of
    // equal values (by Clopper and Pearson).
    //
    // `n 13?` means that about 13 runs would be enough to decide.
    assert_snapshot!(tables.join("\n"), @"
    | claim | source | verdict | expected |
    | --- | --- | --- | --- |
    | slow-queues-grow:<br>A slow machine's queue grows | a notebook | depends on the rates | at 1,3,6 |
    | internal-shortens:<br>More internal events, shorter queues, in every machine that queues; and a fast machine queues less than a slow one | a notebook | confirmed | less and less |
    | all-in-order:<br>Every run finishes, and its messages arrive as scheduled; no clock jumps by more than 1; and the clocks follow Lamport's rules | another notebook | depends on what is asked | there are larger jumps |
    | varied:<br>Final clocks differ from run to run by about 12, whatever happens in the first ten seconds | another notebook | undecided | six runs are not enough to decide |
    | never:<br>Half of all idle ticks are internal | another notebook | refuted | never |
    | claim | what | where | measured | wanted | test | n |
    | --- | --- | --- | ---: | ---: | --- | ---: |
    | slow-queues-grow | mean backlog_growth, slowest machine | sweep: rates=1,3,6 internal=0.4 | 1.80 [1.51, 2.08] | > 0.5 | holds | 6 |
    |  | mean backlog_growth, machine 0 | sweep: rates=3,3,3 internal=0.4 | -0.0015 [-0.0056, 0.0025] | > 0.5 | fails | 6 |
    | internal-shortens | backlog_mean, machine 0 | sweep: rates=1,3,6 internal=0.4 -> internal=0.7 | -18.1 [-22.2, -14.0] | < 0 | holds | 6 |
    |  | backlog_mean, machine 0 | sweep: internal=0.4 -> internal=0.7 | -9.1 [-11.2, -7.1] | < 0 | holds | 12 |
    |  | backlog_mean | sweep: rates=1,3,6 slowest machine -> fastest machine | -17.2 [-23.5, -10.8] | < 0 | holds | 12 |
    | all-in-order | audit | sweep | clean | clean | holds |  |
    |  | share >= 1 finished | sweep | 1.000 [0.862, 1.000] | > 0.8 | holds | 24 |
    |  | mean as_scheduled | sweep | 1.000 [0.858, 1.000] | 1 | undecided | 24 |
    |  | largest jump_max, all machines | sweep | 22 | 1 | fails | 24 |
    | varied | sd clock_final after 10 s, machine 0 | sweep: rates=1,3,6 internal=0.7 | 22 [12, 63] | 9 to 15 | undecided; n 13? | 6 |
    | never | mean internal_share, all machines | sweep: internal=0.7 | 0.718 [0.649, 0.787] | < 0.5 | fails | 12 |
    ");
}

#[test]
fn claims_are_sorted_by_their_columns() {
    let folder = with_sweep(CLAIMS);
    // Sorts the claims by a column, and returns the cells of this column. `key` is the column's name, or the name and ` desc`. Equal cells
    // that follow each other count as one, because the JSON repeats the cells of a claim for each of its tests.
    let sorted = |key: &str| -> Vec<String> {
        let arguments = ["claims", "--format", "json", "--sort", key];
        let (_, out, _) = analyze(&arguments, folder.path());
        let records: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
        let name = key.split(' ').next().unwrap();
        let column = records.iter().map(|record| record[name].as_str());
        let mut column: Vec<String> = column.map(|cell| cell.unwrap().to_owned()).collect();
        column.dedup();
        column
    };
    for column in ["claim", "verdict", "expected"] {
        let ascending = sorted(column);
        assert!(
            ascending.len() > 1 && ascending.is_sorted(),
            "{ascending:?}"
        );
        let mut descending = sorted(&format!("{column} desc"));
        descending.reverse();
        assert_eq!(descending, ascending);
    }
    let (code, _, err) = analyze(&["claims", "--sort", "verdcit"], folder.path());
    assert!(
        code == 2 && err.contains("no column `verdcit` (did you mean `verdict`?)"),
        "{err}"
    );
}

/// Long texts are broken between words. Columns that still do not fit are left out, and a line below the table names them.
#[test]
fn narrow_terminals_show_fewer_columns() {
    let folder = with_sweep(CLAIMS);
    let claims = claims::read(&folder.path().join("experiments/claims.toml")).unwrap();
    let data = Data::new(
        &folder.path().join("data"),
        &folder.path().join("experiments/claims.toml"),
    );
    let verdicts = claims::evaluate(&claims, &data);
    for width in [60, 80, 120, 200] {
        let tables = [claims::table(&verdicts), claims::tests_table(&verdicts)];
        let tables = tables.map(|table| analyze::output::terminal(&table, width));
        let text = tables.join("\n");
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= width.into()),
            "{text}"
        );
        assert_snapshot!(format!("claims_{width}"), text);
    }
}

#[test]
fn the_numbers_of_claims_are_those_of_the_other_tables() {
    let folder = with_sweep(CLAIMS);
    let json = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let arguments = [arguments, &["--format", "json"]].concat();
        let (code, out, err) = analyze(&arguments, folder.path());
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    };
    // The tests of all claims, in the order of the file. Test 0 is about the growth of a queue, and tests 2 and 3 are differences.
    let tests = json(&["claims"]);
    let number = |record: &serde_json::Value, name: &str| record[name].as_f64().unwrap();
    let growth = json(&["backlog", "data/sweep", "--where", "rates=1,3,6"]);
    let growth = growth
        .iter()
        .find(|record| record["internal"] == 0.4 && record["machine"] == 0)
        .unwrap();
    for (in_claims, in_table) in [("value", "mean"), ("low", "low"), ("high", "high")] {
        let in_table = number(growth, &format!("backlog_growth_{in_table}"));
        assert!((number(&tests[0], in_claims) - in_table).abs() < 1e-9);
    }
    let contrast = "contrast data/sweep --of internal --from 0.4 --to 0.7 --measure backlog_mean";
    let contrasts = json(&contrast.split(' ').collect::<Vec<_>>());
    let of_slow_machine = contrasts
        .iter()
        .find(|record| record["rates"] == "1,3,6" && record["machine"] == 0)
        .unwrap();
    for (in_claims, in_table) in [("value", "difference"), ("low", "low"), ("high", "high")] {
        assert!((number(&tests[2], in_claims) - number(of_slow_machine, in_table)).abs() < 1e-9);
    }
    // The value of test 3 is the average of two differences of machine 0 in `contrast`: one for each set of rates.
    let of_machine_0 = contrasts.iter().filter(|record| record["machine"] == 0);
    let differences: Vec<f64> = of_machine_0
        .map(|record| number(record, "difference"))
        .collect();
    assert_eq!(differences.len(), 2);
    let average = differences.iter().sum::<f64>() / 2.0;
    assert!((number(&tests[3], "value") - average).abs() < 1e-9);
}

#[test]
fn missing_datasets_are_named_and_other_claims_are_evaluated() {
    // In `missing`, three claims ask for something that does not exist: the first claim for a dataset, the claim `varied` for runs, and the
    // claim `never` for a machine.
    let missing = CLAIMS
        .replacen("experiment = \"sweep\"", "experiment = \"gone\"", 1)
        .replace("\"internal=0.7\"]\nmachine", "\"internal=0.9\"]\nmachine")
        .replace(
            "measure = \"internal_share\"",
            "machine = 3\nmeasure = \"internal_share\"",
        );
    let folder = with_sweep(&missing);
    let (code, out, err) = analyze(&["claims", "--format", "csv"], folder.path());
    assert_eq!(code, 2);
    // The reasons are in alphabetical order.
    assert_snapshot!(err, @"
    error: 3 of 5 claims could not be evaluated:
    - data/sweep has no finished run with rates=1,3,6 internal=0.9; `cargo sim run experiments/claims/sweep.toml` makes these runs if the experiment has them
    - some runs in data/sweep with internal=0.7 have no machine 3
    - the dataset data/gone is missing; `cargo sim run experiments/claims/gone.toml` makes it
    ");
    // The claim `all-in-order` is evaluated although the dataset of another claim is missing. It has four rows: one for its audit, and one
    // for each of its three tests. Each of these rows contains the claim's text (`says`), which begins with "Every run".
    let rows_of_claim: BTreeSet<&str> = out
        .lines()
        .skip(1)
        .filter(|row| row.contains("Every run"))
        .collect();
    assert_eq!(rows_of_claim.len(), 4, "{out}");
    assert!(
        rows_of_claim.iter().all(|row| row.contains(",depends,")),
        "{out}"
    );
    // The folder `other` does not exist. The suggested command must make the dataset in it.
    let elsewhere = ["claims", "--data", "other", "--claim", "never"];
    let (code, _, err) = analyze(&elsewhere, folder.path());
    assert_eq!(code, 2);
    let command = "`cargo sim run experiments/claims/sweep.toml --data other/sweep`";
    assert!(err.contains(command), "{err}");
}

#[test]
fn a_single_claim_can_be_chosen() {
    let folder = with_sweep(CLAIMS);
    let (code, out, _) = analyze(&["claims", "--claim", "never"], folder.path());
    assert!(
        code == 0 && out.contains("never:") && !out.contains("varied"),
        "{out}"
    );
    let (code, _, err) = analyze(&["claims", "--claim", "nevre"], folder.path());
    assert!(
        code == 2 && err.contains("no claim `nevre`; the claims are slow-queues-grow, "),
        "{err}"
    );
}

/// The root folder of the project.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn own_claims() -> Vec<Claim> {
    claims::read(&project().join("experiments/claims.toml"))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The cells of a claim. A [`Cell`] (not a cell of a table) says which runs and machines a test of the claim is about. A test that compares
/// two groups has two cells.
fn cells(claim: &Claim) -> Vec<&Cell> {
    let mut cells = vec![];
    for test in &claim.tests {
        match &test.subject {
            Subject::Cell(cell, _) => cells.push(cell),
            Subject::Difference { from, to } => cells.extend([from, to]),
        }
    }
    cells
}

/// The experiment of each claim exists and has the runs that the claim is about. Each experiment in `experiments/claims`
/// belongs to a claim.
#[test]
fn the_projects_own_claims_have_their_experiments() {
    let folder = project().join("experiments/claims");
    let mut used = BTreeSet::new();
    for claim in own_claims() {
        // The experiment whose dataset is audited for the claim, if any.
        used.extend(claim.audited.clone());
        for cell in cells(&claim) {
            used.insert(cell.experiment.clone());
            let file = folder.join(format!("{}.toml", cell.experiment));
            let experiment = Experiment::read(&file, Overrides::default())
                .unwrap_or_else(|error| panic!("{}: {error}", claim.id));
            let meets_conditions = |row| {
                cell.conditions
                    .iter()
                    .all(|condition| condition.holds(&row))
            };
            // With N configurations, the first N runs are the first repetition of each configuration. The other runs have the
            // same configurations again.
            let found = experiment
                .runs()
                .take(experiment.configurations().len())
                .any(|run| meets_conditions(fixture::journal_row(&experiment, &run)));
            assert!(found, "{}: no run meets {:?}", claim.id, cell.conditions);
        }
    }
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let existing: BTreeSet<String> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    assert_eq!(used, existing);
}

/// A claim that only an audit decides. Its id contains control characters, which would clear the screen of a terminal.
const AUDITED: &str = r#"
[[claim]]
id = "complete\u001b[2J"
says = "Every receive has its send"
source = "a notebook"
experiment = "part"
expected = "nothing found"
audit = "clean"
"#;

#[test]
fn missing_runs_of_an_audited_dataset_are_reported_and_control_characters_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(fixture::SMALL);
    // The dataset has only the first of the planned runs.
    let run = experiment.runs().next().unwrap();
    let log = sim::engine::virtual_time::run(&run, experiment.seed);
    let runs = vec![fixture::finished(&experiment, &run, &log.machines)];
    fixture::write(&folder.path().join("data/part"), &experiment, runs);
    fs::write(folder.path().join("claims.toml"), AUDITED).unwrap();
    let (code, out, err) = analyze(&["claims", "claims.toml"], folder.path());
    assert_eq!(code, 0, "{err}");
    let missing = experiment.runs().count() - 1;
    let wanted = format!(": {missing} planned runs are not done yet.\n");
    assert!(err.ends_with(&wanted), "{err}");
    assert!(
        out.contains(r"complete\u{1b}[2J") && !out.contains('\u{1b}'),
        "{out}"
    );
}
