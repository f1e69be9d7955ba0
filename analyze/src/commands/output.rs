//! The formats that every table can be had in, and where they go.

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

use super::Datasets;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal, and as wide as it
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
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Output {
    /// For this format.
    pub fn new(format: Format) -> Self {
        Self { format }
    }

    /// Prints, for people, `words` and below them `tables`; for machines, `records` alone.
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
        Ok(write_stdout(&text)?)
    }

    /// Says `words` on stderr if stdout is for machines, who get none.
    pub fn say_aside(&self, words: &[String]) {
        if matches!(self.format, Format::Csv | Format::Json) {
            tell(output::prose(words, terminal_width()).trim_end());
        }
    }
}

/// The options that choose and order a table's rows.
#[derive(Debug, Args)]
pub struct Rows {
    /// Combine all runs that have the same values of these, such as rates,internal: parameters, machines, machine, rate
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    by: Vec<String>,
    /// Print the rows with the largest mean of this measure first; give the name of its column
    #[arg(long, value_name = "MEASURE")]
    sort: Option<String>,
    /// Print only the first N rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    top: Option<u64>,
}

impl Rows {
    fn choose<G>(
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

    /// The names to pool by.
    fn names(&self) -> anyhow::Result<Vec<&'static str>> {
        let known = |name: &String| {
            pool::known(name.trim()).with_context(|| {
                let names = [parameters(), &pool::OTHERS].concat().join(", ");
                format!("--by: no parameter `{name}`; there are {names}")
            })
        };
        let names: Vec<&'static str> = self.by.iter().map(known).collect::<Result<_, _>>()?;
        let mut seen = HashSet::new();
        if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
            bail!("--by: {name} is named twice; once is enough");
        }
        Ok(names)
    }
}

/// Prints the table that answers `question`.
pub fn answer(
    question: &TableSpec,
    datasets: &Datasets,
    rows: &Rows,
    output: &Output,
) -> anyhow::Result<()> {
    let measures = question.measures();
    let names = rows.names()?;
    let datasets = datasets.open()?;
    let notes = notes(&datasets, &measures);
    if !names.is_empty() {
        let pools = rows.choose(pool::pools(&datasets, &names)?, Pool::estimate)?;
        let mut table = pool::table(question.title, &names, &measures, &pools);
        table.caption.extend(notes);
        return output.print(&[], &[table], || pool::records(&names, &measures, &pools));
    }
    let groups = rows.choose(repetitions::groups(&datasets)?, Group::estimate)?;
    let mut table = tables::table(question.title, &measures, &groups);
    table.caption.extend(notes);
    output.print(&[], &[table], || tables::records(&measures, &groups))
}

/// Stdout does not take what is to be written.
#[derive(Debug, thiserror::Error)]
#[error("stdout: {0}")]
pub struct StdoutError(io::Error);

impl StdoutError {
    /// The reader went away, as `head` does: no mistake of anybody's.
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
pub fn print_answer(answer: &clap::Error) -> anyhow::Result<()> {
    Ok(answer.print().map_err(StdoutError)?)
}

/// What a check found stands, even if stdout takes no table; that it does not is told all the same.
pub fn checked(exception: Option<String>, printed: anyhow::Result<()>) -> anyhow::Result<()> {
    let Some(exception) = exception else {
        return printed;
    };
    if let Err(error) = printed
        && !is_closed_pipe(&error)
    {
        tell(format_args!("error: {error:#}"));
    }
    Err(super::CheckFailed(exception).into())
}

/// Whether all that happened is that the reader of stdout went away.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<StdoutError>()
        .is_some_and(StdoutError::is_closed_pipe)
}
