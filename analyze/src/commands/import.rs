//! `analyze import`.

use std::fs;
use std::path::PathBuf;

use analyze::import::{self, Kind, Mapping, QueueRule};
use analyze::output;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use sim::console::{printable, shell_word};
use sim::input::read_text;
use sim::table::terminal_width;

use super::output::write_stdout;

/// No mapping has so many bytes.
const MOST_MAPPING_BYTES: u64 = 1 << 20;

/// Turn the logs of another implementation into a dataset, for the same tables and audit
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze import vm1.csv vm2.csv vm3.csv --into data/mine
  analyze import trial-1/ trial-2/ --into data/mine --rates 1,3,6 --internal 0.7
  analyze import logs/ --explain
  analyze import all.log --into data/mine --separator ';' --columns machine=vm,system_time=when --time ms --events send=OUT

Each row is an event. A log needs at least these values: system time, event, logical clock, and the machine (not needed if each machine \
has its own file). How the lines are written is recognised: tables with or without a header, labels, key=value, JSON, free text, events of \
several lines. --explain shows what was understood. --columns names columns by the name in the first line or by number; - says that there \
is none. Optional columns: queue_length, run, tick, recipients, sender (or peers for both), stamp and sent_tick. Stamp is the timestamp \
that a message carries, and sent_tick is the number of the sender's tick at which it was sent. With more columns, more can be measured and \
checked; the report lists what could not be.

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

Exit codes: 0 imported, 2 a log cannot be read, and no dataset is made.")]
pub struct Import {
    /// The log files of one run, or a folder for each run
    #[arg(value_name = "LOGS", required = true)]
    sources: Vec<PathBuf>,
    /// The folder of the new dataset
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
    /// Whether queue lengths are logged before or after the event [default: after]
    #[arg(long, value_name = "WHEN")]
    queue: Option<Queue>,
    /// Whether messages carry the clock before or after the send's increment [default: after]
    #[arg(long, value_name = "RULE", value_parser = ["after", "before"])]
    stamp: Option<String>,
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
enum Queue {
    After,
    Before,
}

impl Import {
    pub fn run(&self) -> anyhow::Result<()> {
        let said = self.mapping()?;
        let width = terminal_width();
        if self.explain || self.write_mapping.is_some() {
            let (report, mapping) = import::understand(&self.sources, &said)?;
            if self.into.is_none() {
                let words = output::prose(&report.reading(), width);
                let text = format!("{}{words}", output::terminal(&report.table(), width));
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
            output::terminal(&report.table(), width),
            output::prose(&report.words(), width),
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
        mapping.queue = match self.queue {
            Some(Queue::After) => Some(QueueRule::After),
            Some(Queue::Before) => Some(QueueRule::Before),
            None => mapping.queue,
        };
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
