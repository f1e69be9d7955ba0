//! The command line of `analyze`: the subcommands, each in its own file, and the options that they share.

mod audit;
mod backlog;
mod causality;
mod claims;
mod clocks;
mod compare;
mod completions;
mod contrast;
mod diagram;
mod dictionary;
mod drift;
mod export;
mod file;
mod import;
mod jumps;
mod man;
mod methods;
mod output;
mod pager;
mod part;
mod picture;
mod plot;
mod pools;
mod precision;
mod report;
mod rows;
mod selection;
mod show;
mod summary;
mod theory;
mod trace;

use std::path::{Path, PathBuf};

use analyze::Dataset;
use analyze::measures::{self, Measure};
use analyze::read::choice::Choice;
use analyze::read::sql::nearest_in_words;
use anyhow::bail;
use clap::{Args, CommandFactory, Parser, Subcommand};
use sim::console::tell;

use selection::Selection;

pub use output::{is_closed_pipe, print_help_or_version};

/// Make tables and data files from the logs of logical clocks.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done; 2 the command line or a dataset cannot be used; 4 a check failed."
)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Summary(summary::Summary),
    Drift(drift::Drift),
    Jumps(jumps::Jumps),
    Backlog(backlog::Backlog),
    Causality(causality::Causality),
    /// The earlier name of `causality`
    #[command(hide = true)]
    Order(causality::Causality),
    Clocks(clocks::Clocks),
    // In a box, because this struct is large, and a `Verb` takes as much memory as its largest variant.
    Contrast(Box<contrast::Contrast>),
    Precision(precision::Precision),
    Theory(theory::Theory),
    Claims(claims::Claims),
    Compare(compare::Compare),
    Audit(audit::Audit),
    Show(show::Show),
    Diagram(diagram::DiagramCommand),
    Plot(plot::PlotCommand),
    Report(report::ReportCommand),
    Methods(methods::MethodsCommand),
    Trace(trace::TraceCommand),
    Export(export::Export),
    Import(import::Import),
    Dictionary(dictionary::Dictionary),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Cli {
    /// Runs the subcommand.
    pub fn run(&self) -> anyhow::Result<()> {
        match &self.verb {
            Verb::Summary(summary) => summary.run(),
            Verb::Drift(drift) => drift.run(),
            Verb::Jumps(jumps) => jumps.run(),
            Verb::Backlog(backlog) => backlog.run(),
            Verb::Causality(causality) => causality.run(),
            Verb::Order(causality) => {
                tell("`analyze order` is now called `analyze causality`");
                causality.run()
            }
            Verb::Clocks(clocks) => clocks.run(),
            Verb::Contrast(contrast) => contrast.run(),
            Verb::Precision(precision) => precision.run(),
            Verb::Theory(theory) => theory.run(),
            Verb::Claims(claims) => claims.run(),
            Verb::Compare(compare) => compare.run(),
            Verb::Audit(audit) => audit.run(),
            Verb::Show(show) => show.run(),
            Verb::Diagram(diagram) => diagram.run(),
            Verb::Plot(plot) => plot.run(),
            Verb::Report(report) => report.run(),
            Verb::Methods(methods) => methods.run(),
            Verb::Trace(trace) => trace.run(),
            Verb::Export(export) => export.run(),
            Verb::Import(import) => import.run(),
            Verb::Dictionary(dictionary) => dictionary.run(),
            // `Self::command()` describes the whole command line. The shell completions and the manual pages are made from it.
            Verb::Completions(completions) => completions.run(Self::command()),
            Verb::Man(man) => man.run(Self::command()),
        }
    }
}

/// The error of a command that has done its work, but found that a check failed: the logs break a rule, or two runs that should be equal
/// differ. The exit code is 4.
#[derive(Debug, thiserror::Error)]
#[error("check failed: {0}")]
pub struct CheckFailed(String);

/// Finds the measure with this name.
fn measure(name: &str) -> anyhow::Result<&'static Measure> {
    if let Some(measure) = measures::all().find(|measure| measure.name == name) {
        return Ok(measure);
    }
    let known: Vec<&str> = measures::all().map(|measure| measure.name).collect();
    bail!(
        "there is no measure `{name}`{}; the measures are {}",
        nearest_in_words(name, &known),
        known.join(", ")
    )
}

/// The datasets that a subcommand reads.
#[derive(Debug, Args)]
struct Datasets {
    /// Dataset folders, made by `sim run` or `analyze import`. If a dataset was made in parts (shards, with `sim run --shard`), give its
    /// folder, or the folders of some of its shards
    #[arg(value_name = "DATASET", required = true)]
    roots: Vec<PathBuf>,
    #[command(flatten)]
    selection: Selection,
}

impl Datasets {
    /// Returns the experiment file, if one is given instead of datasets. `analyze theory` uses this, because it can also make predictions for
    /// an experiment that has no runs yet.
    ///
    /// # Errors
    ///
    /// Fails if a file is given together with other files or folders.
    fn experiment_file(&self) -> anyhow::Result<Option<&Path>> {
        match &self.roots[..] {
            [only] if only.is_file() => Ok(Some(only)),
            roots => match roots.iter().find(|root| root.is_file()) {
                Some(file) => bail!(
                    "{} is a file: give one experiment file alone, or only dataset folders",
                    file.display()
                ),
                None => Ok(None),
            },
        }
    }

    /// Opens the datasets that have chosen runs. Reports on stderr which runs and datasets are missing or left out.
    fn open(&self) -> anyhow::Result<Vec<Dataset>> {
        self.selection.open_matching(&self.roots, None)
    }

    /// Like [`open`](Self::open), but uses a run only if the options select it and it also meets `condition`.
    fn open_also(&self, condition: &Choice) -> anyhow::Result<Vec<Dataset>> {
        self.selection.open_matching(&self.roots, Some(condition))
    }
}
