//! `analyze claims`: tests the claims of other authors on datasets, and prints a verdict on each.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use analyze::audit::{self, Audited};
use analyze::claims::{self, Claim, ClaimOrder, Data, EvaluatedClaim};
use analyze::output::words::counted;
use analyze::stats::row_query::SortKey;
use anyhow::bail;
use clap::Args;
use sim::console::tell;
use sim::value_completions::parser_with_completions;

use super::output::{Output, is_closed_pipe};
use super::pools;
use super::selection::say_what_is_left_out;

/// Test what other authors claimed about this model
#[derive(Debug, Args)]
#[command(
    after_help = "Example: analyze claims --claim slow-machine-mostly-receives\n\n\
        Each test of a claim has a range. The test holds if the whole 95 % interval of the measured value is in that range. It fails \
        if the whole interval is outside. Otherwise the test is undecided. The tests of a claim decide the verdict on it:\n\
        \x20 confirmed       all hold\n\
        \x20 refuted         all fail\n\
        \x20 depends on X    at least one holds and at least one fails; X says on what this depends\n\
        \x20 undecided       at least one is undecided, and the others all hold or all fail\n\
        \x20 not evaluated   for example because a dataset is missing\n\n\
        If a dataset is missing, the command that makes it is printed, the other claims are tested anyway, and the exit code is 2.\n\n\
        CSV and JSON have one record for each test."
)]
pub struct Claims {
    /// The file with the claims (TOML). The experiments that test them are in the folder with the same name, without .toml
    #[arg(value_name = "FILE", default_value = "experiments/claims.toml")]
    file: PathBuf,
    /// The folder with the datasets
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Test only this claim; may be given several times
    #[arg(long = "claim", value_name = "ID")]
    ids: Vec<String>,
    /// Sort by these columns. The columns are claim (its id), says (its text), source, verdict, depends_on (the parameters on which
    /// the verdict depends) and expected (what theory predicts). For example, `--sort verdict` sorts by the verdict, and `--sort "verdict desc"` in
    /// the reverse order. Without this option, claims have the order of the file
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', value_parser = parser_with_completions(SortKey::from_str, claim_columns), hide_possible_values = true)]
    sort: Vec<SortKey>,
    #[command(flatten)]
    output: Output,
}

/// The columns by which claims can be sorted. Shells complete them.
fn claim_columns() -> Vec<&'static str> {
    ClaimOrder::COLUMNS.to_vec()
}

impl Claims {
    pub fn run(&self) -> anyhow::Result<()> {
        pools::start()?;
        let claims = self.choose(claims::read(&self.file)?)?;
        let data = Data::new(&self.data, &self.file);
        // A wrong column is reported before claims are evaluated.
        let order = ClaimOrder::new(&self.sort)?;
        let mut answers = claims::evaluate(&claims, &data);
        order.sort(&mut answers);
        // Runs that do not count (failed, not done yet, or of a missing shard) are reported on stderr: first for the datasets whose
        // measures were read, then for the datasets that were only audited.
        data.each_opened(say_what_is_left_out);
        data.each_audited(say_what_is_not_audited);
        let tables = [claims::table(&answers), claims::tests_table(&answers)];
        // `&[]`: no paragraphs stand above the tables.
        let printed = self
            .output
            .print(&[], &tables, || claims::records(&answers));
        // Claims that could not be evaluated are reported even if stdout is a closed pipe, as after `analyze claims | head`.
        match printed {
            Err(error) if !is_closed_pipe(&error) => Err(error),
            _ => require_all_evaluated(&answers),
        }
    }

    /// Keeps the claims that --claim names. Without this option, keeps all.
    fn choose(&self, claims: Vec<Claim>) -> anyhow::Result<Vec<Claim>> {
        let exists = |id: &String| claims.iter().any(|claim| claim.id == *id);
        if let Some(unknown) = self.ids.iter().find(|id| !exists(id)) {
            let ids: Vec<&str> = claims.iter().map(|claim| claim.id.as_str()).collect();
            bail!(
                "there is no claim `{unknown}`; the claims are {}",
                ids.join(", ")
            );
        }
        let is_chosen = |claim: &Claim| self.ids.is_empty() || self.ids.contains(&claim.id);
        Ok(claims.into_iter().filter(is_chosen).collect())
    }
}

/// Reports on stderr which runs of a dataset were not audited, if any.
pub(super) fn say_what_is_not_audited(dataset: &Audited) {
    let sentences = audit::not_audited(dataset);
    if !sentences.is_empty() {
        // Each sentence begins with a space, so none is needed after the colon.
        tell(format_args!("{}:{sentences}", dataset.label));
    }
}

/// Returns an error if a claim could not be evaluated. The error lists the reasons, such as a missing dataset, each reason once.
fn require_all_evaluated(answers: &[EvaluatedClaim<'_>]) -> anyhow::Result<()> {
    let not_evaluated: Vec<&EvaluatedClaim<'_>> = answers
        .iter()
        .filter(|answer| answer.not_evaluated().next().is_some())
        .collect();
    if not_evaluated.is_empty() {
        return Ok(());
    }
    let reasons: BTreeSet<String> = not_evaluated
        .iter()
        .flat_map(|answer| answer.not_evaluated())
        .map(|reason| format!("\n- {reason}"))
        .collect();
    bail!(
        "{} of {} could not be evaluated:{}",
        not_evaluated.len(),
        counted(answers.len(), "claim"),
        reasons.into_iter().collect::<String>()
    )
}
