//! `analyze report`: writes a page (HTML) with tables and plots of datasets.

use std::io::Write;
use std::path::PathBuf;

use analyze::audit::Audit;
use analyze::claims::{self, Data};
use analyze::report::{self, Extras};
use anyhow::{Context, bail};
use clap::Args;
use sim::console::{shell_word, tell};

use super::claims::say_what_is_not_audited;
use super::selection::say_what_is_left_out;
use super::{Datasets, file};

/// Write a report as one HTML page: tables that sort and filter, plots, theory, audit and a space-time diagram
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze report data/quickstart --out report.html
  analyze report data/quickstart data/stability --out report.html
  analyze report data/quickstart --run 0 --run 40 --out report.html
  analyze report data/quickstart --claims experiments/claims.toml --out report.html

The page is one file. It opens from the disk, needs no network, and can be printed. For each dataset, it says what was run and what \
stands out. It has tables of drift, jumps, backlog and theory, all plots of `analyze plot` (each with its numbers), a space-time diagram, how \
the dataset was made, and the paragraph of `analyze methods`. Tables can be sorted and filtered, and diagrams can be zoomed, \
with the mouse or the keyboard. Without JavaScript, the page shows the first rows of each table and all pictures.")]
pub struct ReportCommand {
    #[command(flatten)]
    datasets: Datasets,
    /// The file to write; its name ends in .html
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Draw this run as a space-time diagram: its number or its key, both from runs.csv; may be given several times. Without this option,
    /// a run with much to see is picked
    #[arg(long, value_name = "RUN")]
    run: Vec<String>,
    /// Do not audit the logs. The audit reads every event, so the report takes less time without it
    #[arg(long)]
    no_audit: bool,
    /// Add the tables of `analyze claims` for the claims in this file (TOML)
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
    /// The folder with the datasets of the claims
    #[arg(long, value_name = "DIR", default_value = "data", requires = "claims")]
    claims_data: PathBuf,
}

impl ReportCommand {
    pub fn run(&self) -> anyhow::Result<()> {
        let ending = self.out.extension();
        if !ending.is_some_and(|ending| ending.eq_ignore_ascii_case("html")) {
            bail!(
                "--out {}: the name must end in .html",
                shell_word(&self.out)
            );
        }
        // A report needs whole runs, so a condition such as `--where machine=0` is refused.
        self.datasets
            .selection
            .refuse_conditions_on_machines("report")?;
        let datasets = self.datasets.open()?;
        let roots: Vec<PathBuf> = datasets
            .iter()
            .map(|dataset| dataset.root().to_owned())
            .collect();
        let audit = match self.no_audit {
            true => None,
            false => Some(Audit::run(&roots)?),
        };
        let extras = Extras {
            runs: self.run.clone(),
            conditions: self.datasets.selection.conditions_in_words(),
            audit,
            claims: self.claims()?,
        };
        let page = report::html(&datasets, &extras)?;
        file::write(&self.out, |out| out.write_all(page.as_bytes()))
            .with_context(|| format!("cannot write {}", self.out.display()))?;
        tell(format_args!("{} is written", self.out.display()));
        Ok(())
    }

    /// Evaluates the claims in the file that --claims names, and returns their tables. Without --claims, there are no tables.
    fn claims(&self) -> anyhow::Result<Vec<analyze::output::table::Table>> {
        let Some(file) = &self.claims else {
            return Ok(vec![]);
        };
        let claims = claims::read(file)?;
        let data = Data::new(&self.claims_data, file);
        let answers = claims::evaluate(&claims, &data);
        // For each dataset whose measures were read, says on stderr how many runs are not done yet or failed, and which shards are missing.
        data.each_opened(say_what_is_left_out);
        data.each_audited(say_what_is_not_audited);
        Ok(vec![claims::table(&answers), claims::tests_table(&answers)])
    }
}
