//! Tests of the tables of claims (statements of other authors) in experiments/claims/README.md and experiments/papers/README.md: each
//! claim has a row, and its verdict is the one that `analyze claims` computes.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use analyze::claims::{self, Claim, Subject};
use sim::experiment::{EngineKind, Experiment, Overrides};

use crate::notebooks::run;
use crate::readme::{COLLECTIONS, folder_to_work_in, project, read, sim};

/// The experiments in `experiments/claims` that have few events. Every test run evaluates the claims that are only about these experiments.
const QUICK_EXPERIMENTS: [&str; 9] = [
    "draining",
    "equal-rates",
    "gap-of-two",
    "one-against-six",
    "one-against-six-100s",
    "rate-gaps",
    "rate-sets",
    "tied-fastest",
    "time-keeper",
];

/// The number of the column with the verdict, from 0.
const VERDICT: usize = 3;

/// The claims of the collection `name` (`claims` or `papers`), from the file `experiments/{name}.toml`.
fn claims(name: &str) -> Vec<Claim> {
    claims::read(&project().join(format!("experiments/{name}.toml"))).unwrap()
}

/// The names of the experiments that a claim is about: the experiments in its tests. A claim can also require that `analyze audit` finds no
/// error in the logs of an experiment. Then the claim's field `audited` is the name of this experiment.
fn experiments_of(claim: &Claim) -> BTreeSet<String> {
    let mut experiments: BTreeSet<String> = claim.audited.iter().cloned().collect();
    for test in &claim.tests {
        match &test.subject {
            Subject::Cell(cell, _) => experiments.extend([cell.experiment.clone()]),
            Subject::Difference { from, to } => {
                experiments.extend([from.experiment.clone(), to.experiment.clone()]);
            }
        }
    }
    experiments
}

/// Tells whether the experiment `experiments/{name}/{experiment}.toml` runs in virtual time, so that its results are the same on every
/// computer.
fn is_virtual(name: &str, experiment: &str) -> bool {
    let file = project().join(format!("experiments/{name}/{experiment}.toml"));
    Experiment::read(&file, Overrides::default())
        .unwrap()
        .engine
        == EngineKind::Virtual
}

/// The rows of the table of claims in `experiments/{name}/README.md`: the id of the claim, and all cells of its row.
fn rows_of_claims(name: &str) -> Vec<(String, Vec<String>)> {
    let page = read(&format!("experiments/{name}/README.md"));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| **"));
    rows.map(|row| {
        let id = row.split("**").next().unwrap().to_owned();
        // The stars before the id are a part of the first cell.
        let cells = format!("**{row}");
        let cells = cells.strip_suffix(" |").expect("a row ends with a bar");
        (id, cells.split(" | ").map(str::to_owned).collect())
    })
    .collect()
}

/// Every claim has a row, and the cells of this row agree with the file of claims. The verdicts are not computed here. So the test accepts
/// `confirmed`, `refuted`, `undecided`, and `depends on` with the text `depends_on` of the claim. The test also checks the numbers in the
/// page's sentence `Of ... claims, ... are confirmed, ...`.
#[test]
fn the_tables_of_claims_are_complete() {
    COLLECTIONS
        .iter()
        .for_each(|name| require_complete_table(name));
}

fn require_complete_table(name: &str) {
    let (rows, claims) = (rows_of_claims(name), claims(name));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    assert_eq!(rows.len(), claims.len());
    for ((id, cells), claim) in rows.iter().zip(&claims) {
        let experiments = experiments_of(claim);
        let in_virtual_time = experiments
            .iter()
            .all(|experiment| is_virtual(name, experiment));
        let time = if in_virtual_time {
            "virtual"
        } else {
            "**real**"
        };
        // The file of claims has no verdicts, so `wanted` gets the verdict of the row itself. The `match` below checks this verdict.
        let verdict = cells.get(VERDICT).cloned().unwrap_or_default();
        let wanted = vec![
            format!("**{}**<br>{}", claim.id, claim.says),
            claim.source.clone(),
            time.to_owned(),
            verdict.clone(),
            // What theory predicts. It need not agree with the verdict.
            claim.expected.clone(),
        ];
        assert_eq!(cells, &wanted);
        let depends = format!("depends on {}", claim.depends_on);
        let kind = match verdict.as_str() {
            "confirmed" => "confirmed",
            "refuted" => "refuted",
            "undecided" => "undecided",
            _ if verdict == depends => "depends",
            _ => panic!("{id}: {verdict:?} is neither a verdict nor {depends:?}"),
        };
        *counts.entry(kind).or_default() += 1;
    }
    let count = |kind: &str| counts.get(kind).copied().unwrap_or(0);
    let sentence = format!(
        "Of {} claims, {} are confirmed, {} are refuted, {} depend on something, and {} is undecided.",
        rows.len(),
        count("confirmed"),
        count("refuted"),
        count("depends"),
        count("undecided")
    );
    assert!(
        read(&format!("experiments/{name}/README.md")).contains(&sentence),
        "wanted: {sentence}"
    );
}

/// Compares the verdicts in the table with the computed ones, for the claims that are only about [`QUICK_EXPERIMENTS`]. There must be at
/// least 15 such claims.
#[test]
fn verdicts_of_quick_claims_are_as_computed() {
    let is_quick = |experiment: &str| QUICK_EXPERIMENTS.contains(&experiment);
    compare_verdicts("claims", is_quick, 15);
}

/// Compares the verdicts in the table with the computed ones, for all claims of the collection `papers`. There must be at least 12 such
/// claims. Their experiments have few events, so every test run evaluates these claims.
#[test]
fn verdicts_of_papers_are_as_computed() {
    compare_verdicts("papers", |_| true, 12);
}

/// Compares the verdicts in the table with the computed ones, for all claims of the collection `claims` whose experiments run in virtual
/// time. There must be at least 23 such claims.
#[test]
#[ignore = "simulates and reads about 25 million events: minutes on two cores"]
fn verdicts_of_all_claims_in_virtual_time_are_as_computed() {
    compare_verdicts("claims", |experiment| is_virtual("claims", experiment), 23);
}

/// Chooses the claims of the file `experiments/{name}.toml` that are only about experiments for which `is_wanted` is true. Runs these
/// experiments, evaluates the claims, and compares the verdicts with the table. Requires at least `fewest` such claims, so that the test
/// cannot pass without comparing anything.
fn compare_verdicts(name: &str, is_wanted: impl Fn(&str) -> bool, fewest: usize) {
    let folder = folder_to_work_in();
    let wanted: Vec<Claim> = claims(name)
        .into_iter()
        .filter(|claim| {
            experiments_of(claim)
                .iter()
                .all(|experiment| is_wanted(experiment))
        })
        .collect();
    assert!(wanted.len() >= fewest, "only {} claims", wanted.len());
    let experiments: BTreeSet<String> = wanted.iter().flat_map(experiments_of).collect();
    for experiment in experiments {
        let file = format!("experiments/{name}/{experiment}.toml");
        run(Command::new(sim())
            .args(["run", "--quiet", &file])
            .current_dir(folder.path()));
    }
    let mut evaluate = Command::new(env!("CARGO_BIN_EXE_analyze"));
    let file = format!("experiments/{name}.toml");
    evaluate.args(["claims", &file, "--format", "json"]);
    for claim in &wanted {
        evaluate.args(["--claim", &claim.id]);
    }
    let records: Vec<serde_json::Value> =
        serde_json::from_str(&run(evaluate.current_dir(folder.path()))).unwrap();
    let computed: BTreeMap<String, String> = records
        .iter()
        .map(|record| {
            let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
            let verdict = match text("verdict").as_str() {
                "depends" => format!("depends on {}", text("depends_on")),
                verdict => verdict.to_owned(),
            };
            (text("claim"), verdict)
        })
        .collect();
    let shown: BTreeMap<String, String> = rows_of_claims(name)
        .into_iter()
        .filter(|(id, _)| computed.contains_key(id))
        .map(|(id, cells)| (id, cells[VERDICT].clone()))
        .collect();
    assert_eq!(computed.len(), wanted.len());
    assert_eq!(shown, computed);
}
