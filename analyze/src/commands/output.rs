//! The formats in which every table can be printed.

use std::collections::HashSet;
use std::io::{self, Write};

use analyze::measures::{Measure, notes};
use analyze::output;
use analyze::output::table::Table;
use analyze::output::value::Record;
use analyze::read::runs::parameters;
use analyze::stats::estimate::Estimate;
use analyze::stats::pool::{self, Pool};
use analyze::stats::repetitions::{self, Group};
use analyze::stats::tables::{self, TableSpec};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use sim::console::{printable, tell};
use sim::table::terminal_width;

use super::{Datasets, pager};

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

/// The option that chooses a format.
#[derive(Debug, Args)]
pub struct Output {
    /// The format of the output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Do not show the table in a pager. Without this option it is shown in the program that the environment variable PAGER names,
    /// or in `less -FRX`, if the format is table and stdout is a terminal
    #[arg(long)]
    no_pager: bool,
}

impl Output {
    /// Makes the option with this format.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            no_pager: true,
        }
    }

    /// Prints `words` and then `tables` as text or Markdown, or only `records` as CSV or JSON.
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
                let tables: Vec<String> = tables
                    .iter()
                    .map(|table| output::terminal(table, width))
                    .collect();
                let table = format!("{}{}", output::prose(words, width), tables.join("\n"));
                text.extend(printable(&table).bytes());
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
        Ok(if is_paged {
            pager::show(&text)?
        } else {
            write_stdout(&text)?
        })
    }

    /// Whether the output is for programs: CSV or JSON.
    pub fn is_structured(&self) -> bool {
        matches!(self.format, Format::Csv | Format::Json)
    }

    /// Prints `words` on stderr if the format is CSV or JSON. (With these formats, `print` does not print them.)
    pub fn tell_words_beside_records(&self, words: &[String]) {
        if self.is_structured() {
            tell(output::prose(words, terminal_width()).trim_end());
        }
    }
}

/// The options that choose and order a table's rows.
#[derive(Debug, Args)]
pub struct Rows {
    /// Combine all runs that have the same values in the named columns, such as rates,internal. A name is a parameter, or
    /// `machines`, `machine` or `rate`
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    by: Vec<String>,
    /// Sort by the mean of this measure, the largest first; give the measure by its column's name, such as jump_mean
    #[arg(long, value_name = "MEASURE")]
    sort: Option<String>,
    /// Print only the first N rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    top: Option<u64>,
}

impl Rows {
    fn sort_and_truncate<G>(
        &self,
        mut groups: Vec<G>,
        estimate: impl Fn(&G, &Measure) -> Option<Estimate>,
    ) -> anyhow::Result<Vec<G>> {
        if let Some(name) = &self.sort {
            let measure = super::measure(name)?;
            let mean = |group: &G| estimate(group, measure).map_or(f64::MIN, |e| e.mean);
            groups.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
        }
        if let Some(top) = self.top {
            groups.truncate(top as usize);
        }
        Ok(groups)
    }

    /// The measures of the table, and the one that --sort names.
    fn read_measures(&self, shown: &[&'static Measure]) -> anyhow::Result<Vec<&'static Measure>> {
        let mut measures = shown.to_vec();
        if let Some(name) = &self.sort {
            let sorted_by = super::measure(name)?;
            if shown.iter().all(|measure| measure.name != sorted_by.name) {
                measures.push(sorted_by);
            }
        }
        Ok(measures)
    }

    /// The columns that --by names. Each may be named once.
    fn pool_columns(&self) -> anyhow::Result<Vec<&'static str>> {
        let known = |name: &String| {
            pool::known(name.trim()).with_context(|| {
                let names = [parameters(), &pool::OTHERS].concat().join(", ");
                format!("--by: there is no column `{name}`; the columns are {names}")
            })
        };
        let names: Vec<&'static str> = self.by.iter().map(known).collect::<Result<_, _>>()?;
        let mut seen = HashSet::new();
        if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
            bail!("--by: {name} is named twice; name it once");
        }
        Ok(names)
    }
}

/// Prints the table of `spec`.
pub fn print_table_of(
    spec: &TableSpec,
    datasets: &Datasets,
    rows: &Rows,
    output: &Output,
) -> anyhow::Result<()> {
    let measures = spec.measures();
    let names = rows.pool_columns()?;
    let datasets = datasets.open()?;
    let notes = notes(&datasets, &measures);
    if !names.is_empty() {
        let pools = pool::pools(&datasets, &names, &rows.read_measures(&measures)?)?;
        let pools = rows.sort_and_truncate(pools, Pool::estimate)?;
        let mut table = pool::table(spec.title, &names, &measures, &pools);
        table.caption.extend(notes);
        return output.print(&[], &[table], || pool::records(&names, &measures, &pools));
    }
    let groups = repetitions::groups_with(&datasets, &rows.read_measures(&measures)?)?;
    let groups = rows.sort_and_truncate(groups, Group::estimate)?;
    let mut table = tables::table(spec.title, &measures, &groups);
    table.caption.extend(notes);
    output.print(&[], &[table], || tables::records(&measures, &groups))
}

/// Writing to stdout failed.
#[derive(Debug, thiserror::Error)]
#[error("stdout: {0}")]
pub struct StdoutError(io::Error);

impl StdoutError {
    /// An error of writing to stdout, or to the pager that stands for it.
    pub fn new(error: io::Error) -> Self {
        Self(error)
    }

    /// Tells whether stdout is a closed pipe, because its reader ended early (as `head` does). This is not an error.
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

/// Prints the help or the version that was asked for.
pub fn print_help_or_version(message: &clap::Error) -> anyhow::Result<()> {
    Ok(message.print().map_err(StdoutError)?)
}

/// Returns the result of a command with a check. A failed check determines the exit code, even if the table could not be printed.
/// The printing error is then written to stderr.
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

/// Tells whether the only error is that stdout is a closed pipe.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<StdoutError>()
        .is_some_and(StdoutError::is_closed_pipe)
}
