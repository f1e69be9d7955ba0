//! Turns the verdicts on claims, and the outcomes of their tests, into tables and records (for CSV and JSON).

use sim::sweep::words::grouped;

use super::{
    Cell, ClaimVerdict, Estimated, EvaluatedClaim, Outcome, Quantity, Subject, Test, Verdict,
};
use crate::output::table::{
    LINE_BREAK, Table, decimals_for, keep_together, number, rounded, with_groups,
};
use crate::output::tones::tone_of_verdict;
use crate::output::value::{Record, Value};

/// A table with a row for each claim.
pub fn table(evaluated_claims: &[EvaluatedClaim<'_>]) -> Table {
    // `LINE_BREAK` begins a new line within a cell: after the claim's name, and at each comma of the source.
    let row = |evaluated: &EvaluatedClaim<'_>| {
        let claim = evaluated.claim;
        vec![
            format!("{}:{LINE_BREAK}{}", claim.id, claim.says),
            claim.source.replace(", ", LINE_BREAK),
            verdict_on_claim(evaluated),
            claim.expected.clone(),
        ]
    };
    Table {
        title: "Claims",
        headings: ["claim", "source", "verdict", "expected"]
            .map(str::to_owned)
            .to_vec(),
        numeric: vec![false; 4],
        rows: evaluated_claims.iter().map(row).collect(),
        // In a narrow terminal, the source is left out first, and then what is expected.
        optional: vec![1, 3],
        prose: vec![0, 1, 3],
        coloured: Some((2, tone_of_verdict)),
        caption: vec![
            "confirmed: all tests of the claim hold; refuted: all tests fail; depends: some tests hold and \
             some fail; undecided: some tests are undecided, and the others all hold or all fail. expected: what theory \
             predicts; this does not affect the verdict."
                .to_owned(),
        ],
        ..Table::default()
    }
}

/// The verdict on a claim in words. If some tests hold and some fail, the words say what the outcome depends on.
fn verdict_on_claim(evaluated: &EvaluatedClaim<'_>) -> String {
    match evaluated.verdict {
        ClaimVerdict::Depends => format!("depends on {}", evaluated.claim.depends_on),
        verdict => verdict.to_string(),
    }
}

/// A table with a row for each test.
pub fn tests_table(evaluated_claims: &[EvaluatedClaim<'_>]) -> Table {
    let headings = ["claim", "what", "where", "measured", "wanted", "test", "n"];
    Table {
        title: "Tests",
        headings: headings.map(str::to_owned).to_vec(),
        numeric: vec![false, false, false, true, true, false, true],
        rows: evaluated_claims.iter().flat_map(rows_of).collect(),
        // In a narrow terminal, columns are left out in this order: n, wanted, where, measured.
        optional: vec![6, 4, 2, 3],
        prose: vec![1, 2, 5],
        coloured: Some((5, tone_of_verdict)),
        caption: vec![
            "measured: the statistic [its 95 % interval], over n runs. Intervals: Student's for a mean, \
             Wilson's for a share, Bonett's for an sd, Welch's for a difference. The statistic `largest` is the largest \
             value of all runs and has no interval. The value of a run is the mean over the machines that the test \
             names; with `largest`, it is the largest value among them."
                .to_owned(),
            "wanted: the range in which the interval must lie. A test holds if the whole interval is in this \
             range, fails if the whole interval is outside, and is undecided otherwise; `n 400?` means that \
             about 400 runs would be enough to decide. Do not keep adding runs to the same dataset until the \
             test is decided, because this makes a wrong verdict more likely; make new runs with another seed."
                .to_owned(),
            "~[]: a rough interval, because the runs have few different values. A test with a rough interval \
             is undecided. If all values are equal, a test of their mean is undecided too, unless the values are \
             shares, counts of ticks, or truth values (0 or 1)."
                .to_owned(),
            "If column `where` has the form A -> B, `measured` is the mean in B minus the mean in A. If both have the same \
             configurations, it is calculated for each configuration, and averaged. n is the number of runs in B.".to_owned(),
        ],
        ..Table::default()
    }
}

/// The rows of a claim: one for the audit of a dataset, if the claim requires an audit, and one for each test.
fn rows_of(evaluated: &EvaluatedClaim<'_>) -> Vec<Vec<String>> {
    let claim = evaluated.claim;
    let mut rows = vec![];
    if let (Some(found), Some(experiment)) = (&evaluated.audit, &claim.audited) {
        let (measured, verdict) = match found {
            // The audit found no violation.
            Ok(None) => ("clean".to_owned(), Verdict::Holds.to_string()),
            Ok(Some(violations)) => (violations.clone(), Verdict::Fails.to_string()),
            Err(_) => (String::new(), ClaimVerdict::NotEvaluated.to_string()),
        };
        rows.push(vec![
            claim.id.clone(),
            "audit".to_owned(),
            experiment.clone(),
            measured,
            "clean".to_owned(),
            verdict,
            String::new(),
        ]);
    }
    let tests = std::iter::zip(&claim.tests, &evaluated.tests);
    rows.extend(tests.map(|(test, outcome)| {
        let (measured, verdict, n) = match outcome {
            Ok(Outcome { estimated, verdict }) => (
                measured(estimated),
                verdict_on_test(*verdict),
                grouped(estimated.n),
            ),
            Err(_) => (
                String::new(),
                ClaimVerdict::NotEvaluated.to_string(),
                String::new(),
            ),
        };
        vec![
            claim.id.clone(),
            describe_quantity(test),
            dataset_and_conditions(test),
            measured,
            keep_together(&test.criterion.to_string()),
            verdict,
            n,
        ]
    }));
    // Only the first row of a claim has the claim's name.
    rows.iter_mut().skip(1).for_each(|row| row[0].clear());
    rows
}

/// The verdict on a test in words. For an undecided test, it is `undecided; n 400?` if about 400 runs would be enough to decide it.
fn verdict_on_test(verdict: Verdict) -> String {
    match verdict {
        Verdict::Undecided { runs: Some(runs) } => {
            format!(
                "undecided; {}",
                keep_together(&format!("n {}?", grouped(runs)))
            )
        }
        verdict => verdict.to_string(),
    }
}

/// The statistic, the quantity, and the machines or the clock of a test, such as `mean backlog_growth, machine 0`. A comparison of two cells
/// (groups of runs) always compares means, so no statistic is named. Its machines or clock are named only if they are the same on both
/// sides. Otherwise they are among the conditions ([`dataset_and_conditions`]).
fn describe_quantity(test: &Test) -> String {
    let name = test.quantity.name();
    let warm_up = match test.warm_up_s {
        0.0 => String::new(),
        seconds => format!(" after {seconds} s"),
    };
    let machines_or_clock = |cell: &Cell| match test.quantity {
        Quantity::Machine(_) => format!(", {}", cell.machines),
        _ => cell
            .clock
            .as_ref()
            .map_or(String::new(), |clock| format!(", {clock}")),
    };
    match &test.subject {
        Subject::Cell(cell, statistic) => {
            format!("{statistic} {name}{warm_up}{}", machines_or_clock(cell))
        }
        Subject::Difference { from, to }
            if (from.machines, &from.clock) == (to.machines, &to.clock) =>
        {
            format!("{name}{warm_up}{}", machines_or_clock(from))
        }
        Subject::Difference { .. } => format!("{name}{warm_up}"),
    }
}

/// The dataset and the conditions of a test, such as `rate-gaps: internal=0.7`. A comparison looks like this:
/// `rate-gaps: internal=0.7 rates=3,4,6 -> rates=2,4,6`. Here the dataset and `internal=0.7` belong to both sides. What differs between the
/// sides stands before and after the arrow.
fn dataset_and_conditions(test: &Test) -> String {
    let joined = |parts: &[&str], separator: &str| {
        let parts = parts.iter().copied().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(separator)
    };
    let (from, to) = match &test.subject {
        Subject::Cell(cell, _) => {
            // All conditions: those from index 0 on.
            return joined(&[&cell.experiment, &cell.conditions_in_words(0)], ": ");
        }
        Subject::Difference { from, to } => (from, to),
    };
    let shared_count = from.shared_condition_count();
    // The list of conditions of each side begins with those that belong to both sides. `shared` is a copy of `from` that has only these
    // conditions. It is made only to call its method `conditions_in_words`.
    let shared = Cell {
        conditions: from.conditions[..shared_count].to_vec(),
        ..from.clone()
    };
    let same_dataset = from.experiment == to.experiment;
    // What stands before or after the arrow.
    let side = |cell: &Cell| {
        let dataset = if same_dataset { "" } else { &cell.experiment };
        let machine = if from.machines == to.machines {
            String::new()
        } else {
            cell.machines.to_string()
        };
        let clock = match &cell.clock {
            Some(clock) if from.clock != to.clock => clock.to_string(),
            _ => String::new(),
        };
        let conditions = cell.conditions_in_words(shared_count);
        joined(&[dataset, &conditions, &machine, &clock], " ")
    };
    let dataset = if same_dataset { &from.experiment } else { "" };
    let sides = format!("{} -> {}", side(from), side(to));
    joined(
        &[
            dataset,
            &joined(&[&shared.conditions_in_words(0), &sides], " "),
        ],
        ": ",
    )
}

/// The value and its interval, such as `1.80 [1.51, 2.08]`. All three numbers have the same number of decimals: as many as are needed to
/// show two significant digits of the interval's half-width. Here the half-width is 0.29, so there are two decimals. A `~` before the
/// interval marks it as rough.
fn measured(estimated: &Estimated) -> String {
    let Estimated {
        value,
        is_rough,
        all_equal,
        ..
    } = *estimated;
    // There is no interval if there are too few runs. Most statistics also have no interval if all values are equal.
    let Some((low, high)) = estimated.interval else {
        let value = without_zeros(value);
        return if all_equal {
            keep_together(&format!("{value}, all equal"))
        } else {
            value
        };
    };
    // The statistic `largest` is known exactly, so both ends of its interval are the value itself. Such an interval is not shown.
    if low == high {
        return without_zeros(value);
    }
    let half_width = (high - low) / 2.0;
    let (significant_digits, least_decimals) = (2, 0);
    let decimals = decimals_for(half_width, significant_digits, least_decimals);
    let [value, low, high] = [value, low, high].map(|value| with_groups(&number(value, decimals)));
    let interval = format!("[{low}, {high}]");
    keep_together(&match is_rough {
        true => format!("{value} ~{interval}"),
        false => format!("{value} {interval}"),
    })
}

/// A number with at most three digits after the decimal point, and without zeros at the end.
fn without_zeros(value: f64) -> String {
    let text = rounded(value, 3);
    // If a value is too small for three digits, `rounded` returns a bound, such as `< 0.0005`. A bound keeps all its digits. It is the only
    // text of `rounded` that has a space.
    match text.contains('.') && !text.contains(' ') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => keep_together(&text),
    }
}

/// A record for each test and each audit, in full precision.
pub fn records(evaluated_claims: &[EvaluatedClaim<'_>]) -> Vec<Record> {
    let records_of_claim = |evaluated: &EvaluatedClaim<'_>| {
        let claim = evaluated.claim;
        let mut records = vec![];
        if let (Some(found), Some(experiment)) = (&evaluated.audit, &claim.audited) {
            let (verdict, problem) = match found {
                Ok(None) => (Verdict::Holds.to_string(), None),
                Ok(Some(violations)) => (Verdict::Fails.to_string(), Some(violations.clone())),
                Err(error) => (
                    ClaimVerdict::NotEvaluated.to_string(),
                    Some(error.to_string()),
                ),
            };
            let texts = ["audit".to_owned(), experiment.clone(), "clean".to_owned()];
            records.push(record(evaluated, texts, (verdict, problem), None));
        }
        let tests = std::iter::zip(&claim.tests, &evaluated.tests);
        records.extend(tests.map(|(test, outcome)| {
            let texts = [
                describe_quantity(test),
                dataset_and_conditions(test),
                test.criterion.to_string(),
            ];
            match outcome {
                Ok(outcome) => {
                    let verdict = (outcome.verdict.to_string(), None);
                    record(evaluated, texts, verdict, Some(outcome))
                }
                Err(error) => {
                    let verdict = ClaimVerdict::NotEvaluated.to_string();
                    record(evaluated, texts, (verdict, Some(error.to_string())), None)
                }
            }
        }));
        records
    };
    evaluated_claims.iter().flat_map(records_of_claim).collect()
}

/// A record for a test or an audit. The three texts say what was measured, where, and the range in which the interval must lie (`clean` for
/// an audit). `verdict` is the verdict on this test or audit. `problem` says why it could not be evaluated, or what the audit found.
/// `outcome` is `None` for an audit, and for a test that could not be evaluated.
fn record(
    evaluated: &EvaluatedClaim<'_>,
    [quantity, dataset_and_conditions, criterion]: [String; 3],
    (verdict, problem): (String, Option<String>),
    outcome: Option<&Outcome>,
) -> Record {
    let claim = evaluated.claim;
    let estimated = outcome.map(|outcome| outcome.estimated);
    let interval = estimated.and_then(|estimated| estimated.interval);
    let runs_to_decide = outcome.and_then(|outcome| match outcome.verdict {
        Verdict::Undecided { runs } => runs,
        _ => None,
    });
    let interval_kind = estimated.and_then(|estimated| match estimated {
        Estimated { is_rough: true, .. } => Some("rough"),
        Estimated {
            all_equal: true, ..
        } => Some("all equal"),
        _ => None,
    });
    let count = |count: Option<u64>| count.map_or(Value::Missing, |n| Value::Integer(n as i64));
    let text = |text: Option<String>| text.map_or(Value::Missing, Value::Text);
    let depends_on = (evaluated.verdict == ClaimVerdict::Depends).then(|| claim.depends_on.clone());
    let values = [
        ("claim", Value::Text(claim.id.clone())),
        ("says", Value::Text(claim.says.clone())),
        ("source", Value::Text(claim.source.clone())),
        ("verdict", Value::Text(evaluated.verdict.to_string())),
        ("depends_on", text(depends_on)),
        ("expected", Value::Text(claim.expected.clone())),
        ("what", Value::Text(quantity)),
        ("where", Value::Text(dataset_and_conditions)),
        ("criterion", Value::Text(criterion)),
        ("value", estimated.map(|estimated| estimated.value).into()),
        ("low", interval.map(|(low, _)| low).into()),
        ("high", interval.map(|(_, high)| high).into()),
        ("interval", text(interval_kind.map(str::to_owned))),
        // In a comparison A -> B, `n` is the number of runs in B, and `n_from` the number in A.
        ("n", count(estimated.map(|estimated| estimated.n))),
        (
            "n_from",
            count(estimated.and_then(|estimated| estimated.n_from)),
        ),
        // The verdict on this test or audit. (The column `verdict` has the verdict on the whole claim.)
        ("test", Value::Text(verdict)),
        // About how many runs would be enough to decide an undecided test.
        ("runs_to_tell", count(runs_to_decide)),
        ("problem", text(problem)),
    ];
    let named = values.map(|(name, value)| (name.to_owned(), value));
    named.to_vec()
}
