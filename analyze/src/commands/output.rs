//! The option --format, and how commands print: tables for people, CSV or JSON for programs, messages of checks.

use std::io::{self, Write};

use analyze::output;
use analyze::output::table::Table;
use analyze::output::value::Record;
use clap::{Args, ValueEnum};
use sim::console::colour::{coloured, stdout_has_colours};
use sim::console::{printable, tell};
use sim::table::terminal_width;

use super::pager;

/// The formats of a printed table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table as wide as the terminal
    Table,
    /// Comma-separated values, in full precision
    Csv,
    /// A JSON array of objects, in full precision
    Json,
    /// A Markdown table
    Markdown,
}

/// The options that say how the output is printed.
#[derive(Debug, Args)]
pub struct Output {
    /// The format of the output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Do not show the table in a pager. Without this option, a table on a terminal is shown in the program that the environment
    /// variable PAGER names, or in `less -FRX` if PAGER is not set. Other formats are never shown in a pager
    #[arg(long)]
    no_pager: bool,
}

impl Output {
    /// The options with this format and without a pager.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            no_pager: true,
        }
    }

    /// In the formats for people (table and Markdown), prints the paragraphs `words` and then `tables`. In the formats for programs (CSV
    /// and JSON), prints only `records`.
    pub fn print(
        &self,
        words: &[String],
        tables: &[Table],
        records: impl FnOnce() -> Vec<Record>,
    ) -> anyhow::Result<()> {
        let mut text = vec![];
        match self.format {
            Format::Table => {
                let width = terminal_width();
                if stdout_has_colours() {
                    // Marks of width 0 are put around the words that get a colour. After the layout, `coloured` replaces these marks by
                    // colours.
                    let words: Vec<String> = words
                        .iter()
                        .map(|paragraph| output::paragraph_with_marks(paragraph))
                        .collect();
                    let tables = tables.iter().cloned().map(Table::with_marks);
                    let marked = in_terminal(&words, tables, width);
                    text.extend(coloured(&printable(&marked)).bytes());
                } else {
                    let plain = in_terminal(words, tables.iter().cloned(), width);
                    text.extend(printable(&plain).bytes());
                }
            }
            Format::Markdown => {
                let tables: Vec<String> = tables.iter().map(output::markdown).collect();
                let document = format!("{}{}", output::prose_markdown(words), tables.join("\n"));
                text.extend(printable(&document).bytes());
            }
            Format::Csv => output::csv(&records(), &mut text)?,
            Format::Json => output::json(&records(), &mut text)?,
        }
        let is_paged = self.format == Format::Table && !self.no_pager;
        let written = if is_paged {
            pager::show(&text)
        } else {
            write_stdout(&text)
        };
        Ok(written?)
    }

    /// Whether the output is for programs: CSV or JSON.
    pub fn is_structured(&self) -> bool {
        matches!(self.format, Format::Csv | Format::Json)
    }

    /// Prints `words` on stderr if the format is CSV or JSON. With these formats, `print` does not print the words.
    pub fn print_words_to_stderr_with_csv_or_json(&self, words: &[String]) {
        if self.is_structured() {
            tell(output::prose(words, terminal_width()).trim_end());
        }
    }
}

/// Paragraphs and tables as text for a terminal of `width` columns.
fn in_terminal(words: &[String], tables: impl Iterator<Item = Table>, width: u16) -> String {
    let tables: Vec<String> = tables
        .map(|table| output::terminal(&table, width))
        .collect();
    format!("{}{}", output::prose(words, width), tables.join("\n"))
}

/// Writing to stdout failed.
#[derive(Debug, thiserror::Error)]
#[error("stdout: {0}")]
pub struct StdoutError(io::Error);

impl From<io::Error> for StdoutError {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl StdoutError {
    /// An error of writing to stdout or, if the output is shown in a pager, to the pager.
    pub fn new(error: io::Error) -> Self {
        Self(error)
    }

    /// Tells whether stdout is a closed pipe, because its reader ended early (as `head` does). Commands do not report this as an error.
    pub fn is_closed_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Writes `text` to stdout.
pub fn write_stdout(text: &[u8]) -> Result<(), StdoutError> {
    let mut out = io::stdout().lock();
    out.write_all(text)
        .and_then(|()| out.flush())
        .map_err(StdoutError)
}

/// Prints the help or the version. `message` is what clap returns for --help and --version.
pub fn print_help_or_version(message: &clap::Error) -> anyhow::Result<()> {
    Ok(message.print().map_err(StdoutError)?)
}

/// Returns the result of a command that checks something. `failed_check` says what is wrong; it is `None` if the check has passed.
/// `printed` is the result of printing the output. If the check and the printing both failed, the command ends with the exit code of the
/// failed check. In this case the error of printing is written to stderr, unless stdout is a closed pipe.
pub fn report_check(
    failed_check: Option<String>,
    printed: anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Some(failed_check) = failed_check else {
        return printed;
    };
    if let Err(error) = printed
        && !is_closed_pipe(&error)
    {
        tell(format_args!("error: {error:#}"));
    }
    Err(super::CheckFailed(failed_check).into())
}

/// Tells whether `error` says that stdout is a closed pipe (see [`StdoutError::is_closed_pipe`]).
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<StdoutError>()
        .is_some_and(StdoutError::is_closed_pipe)
}
