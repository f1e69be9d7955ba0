//! `analyze import`.

use std::fs;
use std::path::{Path, PathBuf};

use analyze::class::{self, Class};
use analyze::import::{self, Kind, Mapping, When};
use analyze::output::{prose, terminal};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use sim::console::{printable, shell_word};
use sim::input::read_text;
use sim::table::terminal_width;

use super::output::{self, Format, Output, write_stdout};

/// No mapping has so many bytes.
const MOST_MAPPING_BYTES: u64 = 1 << 20;

/// Turn the logs of another implementation into a dataset, for the same tables and audit
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze import vm1.csv vm2.csv vm3.csv --into data/mine
  analyze import trial-1/ trial-2/ --into data/mine --rates 1,3,6 --internal 0.7
  analyze import logs/ --explain
  analyze import --each submissions/ --into data/class
  analyze import all.log --into data/mine --separator ';' --columns machine=vm,system_time=when --time ms --events send=OUT

Each row is an event. A log needs at least these values: system time, event, logical clock, and the machine (not needed if each machine \
has its own file). How the lines are written is recognised: tables with or without a header, labels, key=value, JSON, free text, events of \
several lines. --explain shows what was understood. --columns names columns by the name in the first line or by number; - says that there \
is none. Optional columns: queue_length, run, tick, recipients, sender (or peers for both), stamp and sent_tick. Stamp is the timestamp \
that a message carries, and sent_tick is the number of the sender's tick at which it was sent. With more columns, more can be measured and \
checked; the report lists what could not be. Queue lengths may be missing: after an internal event or a send 0 is taken, and after \
receives they are recounted if the log says who sent what to whom.

All files named directly form one run; each folder among the LOGS is a separate run. Names such as run1_vm2.csv, and folders within \
folders, tell of several runs. A file given with --mapping can contain every option, and patterns of lines and of file names; \
--write-mapping writes one:

  line = '^\\[(?<system_time>[^]]+)\\] VM (?<machine>\\d+) (?<event>\\w+).* clock=(?<logical_clock>\\d+) queue=(?<queue_length>\\d+)'
  files = 'run(?<run>\\d+)_vm(?<machine>\\d+)'
  time = \"%H:%M:%S%.f\"
  [events]
  internal = [\"TICK\"]
  send_all = [\"SHOUT\"]
  ignore = [\"HELLO\"]

With --each, every folder in FOLDER is a submission. Each becomes a dataset of its own in DATASET, is audited and measured, and gets a \
row of the table. A submission that cannot be imported has its error in its row, and stops no other.

Exit codes: 0 imported, 2 a log cannot be read, and no dataset is made. With --each: 0 all were imported and passed the audit, 4 one was \
not imported or failed it, 2 FOLDER cannot be read or has no folder in it.")]
pub struct Import {
    /// The log files of one run, or a folder for each run
    #[arg(value_name = "LOGS", required_unless_present = "each")]
    sources: Vec<PathBuf>,
    /// A class: import each folder in this folder as a submission of its own, and print a table with a row for each
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["sources", "explain", "write_mapping"], requires = "into")]
    each: Option<PathBuf>,
    /// How to print the table of a class
    #[arg(long, value_enum, requires = "each")]
    format: Option<Format>,
    /// The folder of the new dataset; with --each, the folder of the new datasets
    #[arg(long, value_name = "DATASET", required_unless_present_any = ["explain", "write_mapping"])]
    into: Option<PathBuf>,
    /// Only show how the logs would be read: where each field was found, and what was assumed
    #[arg(long, conflicts_with = "into")]
    explain: bool,
    /// Write how the logs are read into a TOML file, which can be corrected and given with --mapping
    #[arg(long, value_name = "FILE")]
    write_mapping: Option<PathBuf>,
    /// A TOML file that says how to read the logs. Where an option says something else, the option is used
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// The character between cells, or `blanks` [default: recognised]
    #[arg(long, value_name = "CHARACTER")]
    separator: Option<String>,
    /// The first line is an event, and not the names of the columns
    #[arg(long)]
    no_header: bool,
    /// Names of columns, or their numbers from 1, such as system_time=when,event=3
    #[arg(long, value_name = "COLUMN=TITLE,...", value_delimiter = ',', value_parser = pair)]
    columns: Vec<(String, String)>,
    /// The words of the log for the kinds of events: internal, send, send_all (to all others), receive, or ignore (no event), such as send=OUT,send_all=OUT_ALL
    #[arg(long, value_name = "EVENT=WORD,...", value_delimiter = ',', value_parser = pair)]
    events: Vec<(String, String)>,
    /// The format of times: s, ms, us, ns, or a strftime format [default: recognised]
    #[arg(long, value_name = "UNIT")]
    time: Option<String>,
    /// Whether logical clocks are logged before or after the event [default: what fits the rows]
    #[arg(long, value_name = "WHEN")]
    clock: Option<BeforeOrAfter>,
    /// Whether queue lengths are logged before or after the event [default: what fits the rows]
    #[arg(long, value_name = "WHEN")]
    queue: Option<BeforeOrAfter>,
    /// Whether messages carry the clock before or after the send's increment [default: what fits the rows]
    #[arg(long, value_name = "RULE", value_parser = ["after", "before"])]
    stamp: Option<String>,
    /// How idle machines choose recipients: mix, unicast, broadcast or multicast(2), as in experiments. Then `analyze audit` checks it
    #[arg(long, value_name = "RULE")]
    sends: Option<String>,
    /// Ticks per second of each machine, such as 1,3,6 [default: measured]
    #[arg(long, value_name = "RATE,...", value_delimiter = ',')]
    rates: Vec<f64>,
    /// Probability that an idle tick is an internal event [default: measured]
    #[arg(long, value_name = "P")]
    internal: Option<f64>,
    /// How many seconds each run was observed [default: to the last event]
    #[arg(long, value_name = "SECONDS")]
    duration: Option<f64>,
    /// Model seconds per second of the logs [default: 1]
    #[arg(long, value_name = "X")]
    time_scale: Option<f64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BeforeOrAfter {
    After,
    Before,
}

impl From<BeforeOrAfter> for When {
    fn from(when: BeforeOrAfter) -> Self {
        match when {
            BeforeOrAfter::After => Self::After,
            BeforeOrAfter::Before => Self::Before,
        }
    }
}

impl Import {
    pub fn run(&self) -> anyhow::Result<()> {
        match (&self.each, &self.into) {
            (Some(folder), Some(into)) => self.mark(folder, into),
            _ => self.import(),
        }
    }

    /// Imports and marks every submission in `folder`.
    fn mark(&self, folder: &Path, into: &Path) -> anyhow::Result<()> {
        let class = Class::mark(folder, &self.mapping()?, into)?;
        let output = Output::new(self.format.unwrap_or(Format::Table));
        let words = class::words(&class);
        output.tell_words_beside_records(&words);
        let printed = output.print(&words, &[class::table(&class)], || class::records(&class));
        output::report_check(class::exception(&class), printed)
    }

    fn import(&self) -> anyhow::Result<()> {
        let said = self.mapping()?;
        let width = terminal_width();
        if self.explain || self.write_mapping.is_some() {
            let (report, mapping) = import::understand(&self.sources, &said)?;
            if self.into.is_none() {
                let words = prose(&report.reading(), width);
                let text = format!("{}{words}", terminal(&report.table(), width));
                write_stdout(printable(&text).as_bytes())?;
            }
            if let Some(path) = &self.write_mapping {
                let text = mapping.to_toml()?;
                fs::write(path, text).with_context(|| path.display().to_string())?;
            }
        }
        let Some(into) = &self.into else {
            return Ok(());
        };
        let report = import::import(&self.sources, &said, into)?;
        let word = shell_word(into);
        // Not wrapped: commands are pasted.
        let text = format!(
            "{}{}\nIn {}. Next: analyze summary {word}, analyze audit {word}\n",
            terminal(&report.table(), width),
            prose(&report.words(), width),
            into.display(),
        );
        Ok(write_stdout(printable(&text).as_bytes())?)
    }

    fn mapping(&self) -> anyhow::Result<Mapping> {
        let mut mapping = match &self.mapping {
            None => Mapping::default(),
            Some(path) => {
                let text = read_text(path, MOST_MAPPING_BYTES)
                    .with_context(|| path.display().to_string())?;
                Mapping::parse(&text, path)?
            }
        };
        let said = |option: &Option<String>, file: &mut Option<String>| {
            if option.is_some() {
                file.clone_from(option);
            }
        };
        said(&self.separator, &mut mapping.separator);
        said(&self.time, &mut mapping.time);
        said(&self.stamp, &mut mapping.stamp);
        said(&self.sends, &mut mapping.sends);
        if self.no_header {
            mapping.header = Some(false);
        }
        for (index, (name, _)) in self.columns.iter().enumerate() {
            if self.columns[..index].iter().any(|(other, _)| other == name) {
                bail!("--columns: {name} is given twice; leave one out");
            }
        }
        mapping.columns.extend(self.columns.iter().cloned());
        for (event, word) in &self.events {
            let Some(kind) = Kind::named(event) else {
                bail!(
                    "--events: no event `{event}`; there are internal, send, send_all, receive and ignore"
                );
            };
            mapping.events.entry(kind).or_default().push(word.clone());
        }
        if !self.rates.is_empty() {
            mapping.rates = Some(self.rates.clone());
        }
        mapping.clock = self.clock.map(When::from).or(mapping.clock);
        mapping.queue = self.queue.map(When::from).or(mapping.queue);
        mapping.internal = self.internal.or(mapping.internal);
        mapping.duration_s = self.duration.or(mapping.duration_s);
        mapping.time_scale = self.time_scale.or(mapping.time_scale);
        mapping.check().map_err(anyhow::Error::msg)?;
        Ok(mapping)
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(format!("`{text}` is not NAME=VALUE")),
    }
}
