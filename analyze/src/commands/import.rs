//! `analyze import`: turns the logs of other programs into a dataset.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use analyze::import::{self, Kind, Mapping, When};
use analyze::output::{prose, terminal};
use analyze::submissions::{self, Submissions};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use sim::console::{printable, shell_word, tell};
use sim::input::read_text;
use sim::table::terminal_width;

use super::output::{self, Format, Output, write_stdout};

/// The largest accepted size of a mapping file (the file of --mapping). A mapping has a few lines, so a larger file is a mistake.
const MAX_MAPPING_BYTES: u64 = 1 << 20;

/// Turn the logs of another program into a dataset, which the other commands can read
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze import vm1.csv vm2.csv vm3.csv --into data/mine
  analyze import trial-1/ trial-2/ --into data/mine --rates 1,3,6 --internal 0.7
  analyze import logs/ --explain
  analyze import --each submissions/ --into data/class --pages pages
  analyze import all.log --into data/mine --separator ';' --columns machine=vm --time ms

A log is a list of events. Each event needs at least these values: system time, kind of event, logical clock, and the machine (not needed \
if each machine has its own file). The format of the log is recognised. It can be one of these:
  - a table, with or without a header
  - values with labels, such as `clock: 5`
  - `key=value`
  - JSON
  - free text, with one or several lines for each event
--explain shows how the logs are read.

--columns says which column holds which value, by the column's title or by its number. For a value that the log does not have, write \
`-` in place of the column: queue_length=-. Optional columns are `queue_length`, `run`, `tick`, `recipients`, `sender` (or a single column \
`peers` that contains both recipients and senders), `stamp` and `sent_tick`. `stamp` is the timestamp that a message carries, and \
`sent_tick` is the number of the sender's tick at which the message was sent. With more columns, more can be measured and checked. After \
the import, the command prints what cannot be measured or checked.

Queue lengths may be missing. Then the length after an internal event or a send is taken as 0, because a machine has such an event only \
when its queue is empty. The length after a receive is counted from the messages, if the log has the sender and the recipients of each \
message.

Log files that are given directly form one run, unless their names contain run numbers, such as run1_vm2.csv. Each folder among the LOGS \
is one run, unless it contains folders, or files with run numbers: then it contains several runs.

In a file given with --mapping, every option that says how to read the logs can be set, under the name of the option. Two names \
differ: `duration_s` stands for --duration, and `header = false` for --no-header. The file can also contain patterns of lines and of file names. An example:

  line = '^(?<system_time>\\S+) VM(?<machine>\\d+) (?<event>\\w+) (?<logical_clock>\\d+)'
  files = 'run(?<run>\\d+)_vm(?<machine>\\d+)'
  time = \"%H:%M:%S%.f\"
  [events]
  internal = [\"TICK\"]
  send_all = [\"SHOUT\"]
  ignore = [\"HELLO\"]

With --each, every folder in FOLDER is a submission. Each submission becomes a dataset of its own in the folder given with --into, is \
audited and measured, and gets a row in the table. If a submission cannot be imported, its row contains the error, and the other \
submissions are imported all the same.

Exit codes: 0 the dataset is made; 2 a log cannot be read, and no dataset is made. With --each: 0 all submissions were imported and passed \
the audit; 4 a submission was not imported or failed the audit; 2 FOLDER cannot be read or has no folder in it.")]
pub struct Import {
    /// The log files of one run, or a folder for each run
    #[arg(value_name = "LOGS", required_unless_present = "each")]
    sources: Vec<PathBuf>,
    /// Import the work of a whole class of students: each folder in FOLDER becomes a dataset of its own and a row of the printed table
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["sources", "explain", "write_mapping"], requires = "into")]
    each: Option<PathBuf>,
    /// Also write pages into this folder: index.html with the table of --each, and a report for each submission, as `analyze report`
    /// writes it
    #[arg(long, value_name = "FOLDER", requires = "each")]
    pages: Option<PathBuf>,
    /// The format of the table that --each prints [default: table]
    #[arg(long, value_enum, requires = "each")]
    format: Option<Format>,
    /// The folder of the new dataset. With --each: the folder in which each submission gets a dataset of its own
    #[arg(long, value_name = "DATASET", required_unless_present_any = ["explain", "write_mapping"])]
    into: Option<PathBuf>,
    /// Only show how the logs would be read: where each value was found, and what was assumed. No dataset is made
    #[arg(long, conflicts_with = "into")]
    explain: bool,
    /// Write a file (TOML) that says how the logs are read. You can correct this file, and use it with --mapping
    #[arg(long, value_name = "FILE.toml", value_parser = super::file::toml_path)]
    write_mapping: Option<PathBuf>,
    /// A TOML file that says how to read the logs. Other options replace the values in this file, except --events: its words are added to
    /// the words in the file
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// The character between the values of a line, or `blanks` (one or several blanks) [default: found out from the logs]
    #[arg(long, value_name = "CHARACTER")]
    separator: Option<String>,
    /// The first line is an event (and not the names of the columns)
    #[arg(long)]
    no_header: bool,
    /// Which column has which value: NAME=TITLE, or NAME=NUMBER (the first column has the number 1), such as system_time=Time,event=3 (the time is in the column with the title `Time`, the event in the third column).
    /// NAME=- means that the log does not have this value
    #[arg(long, value_name = "NAME=COLUMN,...", value_delimiter = ',', value_parser = parse_pair)]
    columns: Vec<(String, String)>,
    /// Which word of the log stands for which kind of event, such as send=OUT,send_all=OUT_ALL. The kinds are internal, send,
    /// send_all (to all other machines), receive, and ignore (not an event)
    #[arg(long, value_name = "EVENT=WORD,...", value_delimiter = ',', value_parser = parse_pair)]
    events: Vec<(String, String)>,
    /// The format of times: s, ms, us, ns, or a strftime format [default: found out from the logs]
    #[arg(long, value_name = "UNIT")]
    time: Option<String>,
    /// Whether a logged clock is the clock's value before or after the event [default: whichever fits the logs]
    #[arg(long, value_name = "WHEN")]
    clock: Option<BeforeOrAfter>,
    /// Whether a logged queue length is the length before or after the event [default: whichever fits the logs]
    #[arg(long, value_name = "WHEN")]
    queue: Option<BeforeOrAfter>,
    /// Which value of the sender's clock a message carries: the value after the send (which adds 1), or the value before it [default: whichever fits the
    /// logs]
    #[arg(long, value_name = "RULE", value_parser = ["after", "before"])]
    stamp: Option<String>,
    /// How machines choose the recipients of a message, as in experiment files: mix (at random: one other machine or all), unicast (one),
    /// broadcast (all) or multicast(2) (two). With this option `analyze audit` checks that the logs agree with the rule
    #[arg(long, value_name = "RULE")]
    sends: Option<String>,
    /// Ticks per second of each machine, such as 1,3,6 [default: measured]
    #[arg(long, value_name = "RATE,...", value_delimiter = ',')]
    rates: Vec<f64>,
    /// Probability of an internal event at a tick at which no message waits [default: measured]
    #[arg(long, value_name = "P")]
    internal: Option<f64>,
    /// The duration of each run in model seconds [default: until the last event]
    #[arg(long, value_name = "SECONDS")]
    duration: Option<f64>,
    /// How many model seconds pass in a second of the logs [default: 1]
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
            (Some(folder), Some(into)) => self.import_submissions(folder, into),
            _ => self.import(),
        }
    }

    /// Imports, audits and measures every submission in `folder`.
    fn import_submissions(&self, folder: &Path, into: &Path) -> anyhow::Result<()> {
        if let Some(pages) = &self.pages
            && fs::read_dir(pages).is_ok_and(|mut entries| entries.next().is_some())
        {
            bail!(
                "--pages {}: the folder is not empty; choose another",
                shell_word(pages)
            );
        }
        let mapping = self.mapping()?;
        // Starts the threads of Polars, which computes the measures. If the system does not allow all these threads, `start` restarts
        // the whole program with fewer threads. So `start` is called before any dataset is written.
        super::pools::start()?;
        let submissions = Submissions::evaluate(folder, &mapping, into)?;
        if let Some(pages) = &self.pages {
            write_pages(&submissions, into, pages)?;
        }
        let output = Output::new(self.format.unwrap_or(Format::Table));
        // The lines above the table. With CSV or JSON they go to stderr, so that stdout has only the data.
        let words = submissions::words(&submissions);
        output.print_words_to_stderr_with_csv_or_json(&words);
        let printed = output.print(&words, &[submissions::table(&submissions)], || {
            submissions::records(&submissions)
        });
        output::report_check(submissions::failed_check(&submissions), printed)
    }

    /// Makes one dataset of all logs (with --into), or only shows how the logs are read. With --write-mapping, also writes
    /// the mapping file.
    fn import(&self) -> anyhow::Result<()> {
        let mapping = self.mapping()?;
        let width = terminal_width();
        if self.explain || self.write_mapping.is_some() {
            // Reads the logs, but makes no dataset.
            let (report, complete_mapping) = import::understand(&self.sources, &mapping)?;
            // With --write-mapping, the user can also give --into. Then the import below prints a report, so nothing is printed here.
            if self.into.is_none() {
                let words = prose(&report.reading(), width);
                let text = format!("{}{words}", terminal(&report.table(), width));
                write_stdout(printable(&text).as_bytes())?;
            }
            if let Some(path) = &self.write_mapping {
                let text = complete_mapping.to_toml()?;
                super::file::write(path, |out| out.write_all(text.as_bytes()))
                    .with_context(|| path.display().to_string())?;
            }
        }
        let Some(into) = &self.into else {
            return Ok(());
        };
        let report = import::import(&self.sources, &mapping, into)?;
        let dataset = shell_word(into);
        // The last line is not wrapped, so that users can copy its commands.
        let text = format!(
            "{}{}\nThe dataset is in {}. Next: analyze summary {dataset}, analyze audit {dataset}\n",
            terminal(&report.table(), width),
            prose(&report.words(), width),
            into.display(),
        );
        Ok(write_stdout(printable(&text).as_bytes())?)
    }

    /// Returns the mapping, which says how to read the logs. It has the values of the file of --mapping. Other options replace these values,
    /// except --events: its words are added to the words of the file.
    fn mapping(&self) -> anyhow::Result<Mapping> {
        let mut mapping = match &self.mapping {
            None => Mapping::default(),
            Some(path) => {
                let text = read_text(path, MAX_MAPPING_BYTES)
                    .with_context(|| path.display().to_string())?;
                Mapping::parse(&text, path)?
            }
        };
        let override_with = |option: &Option<String>, value: &mut Option<String>| {
            if option.is_some() {
                value.clone_from(option);
            }
        };
        override_with(&self.separator, &mut mapping.separator);
        override_with(&self.time, &mut mapping.time);
        override_with(&self.stamp, &mut mapping.stamp);
        override_with(&self.sends, &mut mapping.sends);
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
            let Some(kind) = Kind::from_name(event) else {
                bail!(
                    "--events: no event `{event}`; use internal, send, send_all, receive or ignore"
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

/// Writes the pages of --pages into `folder`. The datasets of the submissions are in the folder `datasets`.
fn write_pages(submissions: &Submissions, datasets: &Path, folder: &Path) -> anyhow::Result<()> {
    let files = analyze::report::pages_of_submissions(submissions, datasets)?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, page) in files {
        let path = folder.join(name);
        super::file::write(&path, |out| out.write_all(page.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    tell(format_args!(
        "{} is written",
        folder.join("index.html").display()
    ));
    Ok(())
}

/// Parses NAME=VALUE.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=');
    match pair.map(|(name, value)| (name.trim(), value.trim())) {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err(format!("`{text}` is not NAME=VALUE")),
    }
}
