//! `analyze methods`: prints how datasets were made and evaluated, as a paragraph for a paper.

use analyze::methods::{Methods, format};
use clap::{Args, ValueEnum};
use sim::console::printable;
use sim::table::terminal_width;

use super::Datasets;
use super::output::write_stdout;

/// The formats of the paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Plain text as wide as the terminal
    Text,
    /// Markdown
    Markdown,
    /// LaTeX, with the BibTeX entries as comments
    Latex,
    /// A JSON object
    Json,
}

/// Print a paragraph for a paper: how each dataset was made and evaluated, with the commands and BibTeX entries
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze methods data/quickstart
  analyze methods data/quickstart data/stability --warm-up 5
  analyze methods data/quickstart --format latex > methods.tex

The paragraph says what a machine does at a tick, which values the parameters had, how the runs were made (engine, seed, number of \
runs, programs, computers, punctuality), and how they were evaluated. With an option that chooses runs, such as \
--where, the paragraph describes only these runs. All facts come from the files of the dataset.")]
pub struct MethodsCommand {
    #[command(flatten)]
    datasets: Datasets,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl MethodsCommand {
    pub fn run(&self) -> anyhow::Result<()> {
        // The paragraph describes whole runs, so `--where` may choose runs, but not single machines of them.
        self.datasets
            .selection
            .refuse_conditions_on_machines("methods")?;
        let datasets = self.datasets.open()?;
        let conditions = self.datasets.selection.conditions_in_words();
        let all: Vec<Methods> = datasets
            .iter()
            .map(|dataset| Methods::new(dataset, &conditions))
            .collect();
        let text = match self.format {
            Format::Text => format::text(&all, terminal_width()),
            Format::Markdown => format::markdown(&all),
            Format::Latex => format::latex(&all),
            Format::Json => format::json(&all),
        };
        // Names in the dataset's files may contain characters that control a terminal. `printable` escapes them.
        Ok(write_stdout(printable(&text).as_bytes())?)
    }
}
