//! Evaluates the tests of claims, and combines their verdicts into the verdict on each claim.

use std::collections::HashSet;
use std::fmt;

use super::data::ValueSelection;
use super::estimates::{RunValue, difference};
use super::{Claim, Data, Estimated, NotEvaluated, Statistic, Subject, Test, Verdict};
use crate::audit;

/// The evaluation of a claim: the results of its tests, and the verdict.
#[derive(Clone, Debug)]
pub struct EvaluatedClaim<'c> {
    /// The claim.
    pub claim: &'c Claim,
    /// The result of the audit that the claim requires. There are four cases:
    ///
    /// - `None`: the claim requires no audit.
    /// - `Some(Ok(None))`: the audit found no violation.
    /// - `Some(Ok(Some(description)))`: the audit found violations.
    /// - `Some(Err(reason))`: the audit could not be made.
    pub audit: Option<Result<Option<String>, NotEvaluated>>,
    /// The outcome of each test, or the reason why it could not be evaluated.
    pub tests: Vec<Result<Outcome, NotEvaluated>>,
    /// The verdict on the claim.
    pub verdict: ClaimVerdict,
}

/// The outcome of a test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The measured statistic.
    pub estimated: Estimated,
    /// The verdict of the criterion.
    pub verdict: Verdict,
}

/// The verdict on a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimVerdict {
    /// All tests hold.
    Confirmed,
    /// All tests fail.
    Refuted,
    /// Some tests hold and some fail; others may be undecided. [`Claim::depends_on`] says what the outcome depends on.
    Depends,
    /// At least one test is undecided. The others, if there are any, all hold or all fail.
    Undecided,
    /// At least one test could not be evaluated.
    NotEvaluated,
}

/// Evaluates each claim with the datasets in `data`.
pub fn evaluate<'c>(claims: &'c [Claim], data: &Data) -> Vec<EvaluatedClaim<'c>> {
    claims
        .iter()
        .map(|claim| evaluate_claim(claim, data))
        .collect()
}

impl EvaluatedClaim<'_> {
    /// The reasons why tests, or the audit, could not be evaluated.
    pub fn not_evaluated(&self) -> impl Iterator<Item = &NotEvaluated> {
        let audit = self.audit.iter().filter_map(|found| found.as_ref().err());
        audit.chain(self.tests.iter().filter_map(|test| test.as_ref().err()))
    }
}

fn evaluate_claim<'c>(claim: &'c Claim, data: &Data) -> EvaluatedClaim<'c> {
    let audit = claim.audited.as_ref().map(|experiment| {
        let found = data.audit(experiment)?;
        Ok(audit::describe_failures(&found))
    });
    let tests: Vec<Result<Outcome, NotEvaluated>> = claim
        .tests
        .iter()
        .map(|test| evaluate_test(test, data))
        .collect();
    // The audit counts as one more test.
    let verdict_of_audit = audit.as_ref().map(|found| match found {
        Ok(None) => Some(Verdict::Holds),
        Ok(Some(_)) => Some(Verdict::Fails),
        Err(_) => None,
    });
    let verdicts_of_tests = tests.iter().map(|test| Some(test.as_ref().ok()?.verdict));
    let verdict = ClaimVerdict::combine(verdict_of_audit.into_iter().chain(verdicts_of_tests));
    EvaluatedClaim {
        claim,
        audit,
        tests,
        verdict,
    }
}

fn evaluate_test(test: &Test, data: &Data) -> Result<Outcome, NotEvaluated> {
    // A test can compare two sides, such as runs with `phase = "spread"` and runs with `phase = "aligned"`. If both sides have the
    // same configurations, `difference` compares them one by one. But the phase would make the configurations of the two sides different.
    // So if a condition belongs to only one side, its parameter (here `phase`) is left out of the configurations.
    let mut differing_parameters: HashSet<&'static str> = HashSet::new();
    if let Subject::Difference { from, to } = &test.subject {
        differing_parameters.extend(from.own_parameters().chain(to.own_parameters()));
    }
    // Reads the value of each run of a cell. (A cell chooses some runs of a dataset, and some machines of these runs.) The value is the
    // largest value of the run's chosen machines if `takes_largest` is true, and otherwise their mean.
    let values = |cell, takes_largest| {
        let selection = ValueSelection {
            quantity: test.quantity,
            warm_up_s: test.warm_up_s,
            ignored_parameters: &differing_parameters,
            takes_largest,
        };
        data.values(cell, selection)
    };
    let estimated = match &test.subject {
        Subject::Cell(cell, statistic) => {
            let takes_largest = *statistic == Statistic::Largest;
            statistic.estimate(&values(cell, takes_largest)?)
        }
        Subject::Difference { from, to } => {
            let (from_values, to_values) = (values(from, false)?, values(to, false)?);
            let same_dataset = from.experiment == to.experiment;
            // Both sides have the same runs if they have the same dataset and the same conditions. (Then they differ in something else,
            // such as the machines.)
            let same_runs = same_dataset && from.conditions == to.conditions;
            let shared = count_shared_runs(&from_values, &to_values);
            if same_runs && shared == 0 {
                return Err(NotEvaluated::NoSharedRun);
            }
            // Sides with different conditions must have no run in common. (Runs of different datasets are different runs, even if they have
            // the same number.)
            if same_dataset && !same_runs && shared > 0 {
                return Err(NotEvaluated::SharedRuns(shared));
            }
            difference(&from_values, &to_values, same_runs)
        }
    };
    Ok(Outcome {
        estimated,
        verdict: test.criterion.verdict(&estimated),
    })
}

/// Counts the runs that have a value on both sides of a comparison.
fn count_shared_runs(from: &[RunValue], to: &[RunValue]) -> usize {
    let runs = |values: &[RunValue]| -> HashSet<u64> { values.iter().map(|v| v.run).collect() };
    runs(from).intersection(&runs(to)).count()
}

impl ClaimVerdict {
    /// Combines the verdicts of a claim's tests. `None` stands for a test that could not be evaluated.
    fn combine(tests: impl IntoIterator<Item = Option<Verdict>>) -> Self {
        let (mut holds, mut fails, mut undecided) = (false, false, false);
        for test in tests {
            match test {
                None => return Self::NotEvaluated,
                Some(Verdict::Holds) => holds = true,
                Some(Verdict::Fails) => fails = true,
                Some(Verdict::Undecided { .. }) => undecided = true,
            }
        }
        // A claim has at least one test, so at least one of the three is true.
        match (holds, fails, undecided) {
            (true, true, _) => Self::Depends,
            (_, _, true) => Self::Undecided,
            (true, false, false) => Self::Confirmed,
            _ => Self::Refuted,
        }
    }
}

impl fmt::Display for ClaimVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::Depends => "depends",
            Self::Undecided => "undecided",
            Self::NotEvaluated => "not evaluated",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_of_tests_are_combined_into_the_verdict_on_the_claim() {
        let (holds, fails) = (Some(Verdict::Holds), Some(Verdict::Fails));
        // `runs`, the number of runs that would be enough to decide, has no effect here.
        let undecided = Some(Verdict::Undecided { runs: None });
        for (tests, verdict) in [
            (vec![holds], ClaimVerdict::Confirmed),
            (vec![holds, holds], ClaimVerdict::Confirmed),
            (vec![fails, fails], ClaimVerdict::Refuted),
            (vec![holds, fails], ClaimVerdict::Depends),
            (vec![fails, undecided, holds], ClaimVerdict::Depends),
            (vec![holds, undecided], ClaimVerdict::Undecided),
            (vec![fails, undecided], ClaimVerdict::Undecided),
            (vec![holds, fails, None], ClaimVerdict::NotEvaluated),
        ] {
            assert_eq!(ClaimVerdict::combine(tests.clone()), verdict, "{tests:?}");
        }
    }
}
