//! The options of `show`, `diagram` and `trace` that choose one run of a dataset, and a part of this run by time and machines.

use std::path::PathBuf;

use analyze::Dataset;
use analyze::execution::window::{Choice, Window};
use analyze::execution::{EventName, Execution, pick, shorten};
use anyhow::bail;
use clap::Args;
use sim::console::tell;
use sim::log::JournalRow;
use sim::machine::MachineIndex;

use super::pools;

/// The run that a subcommand shows, and which part of the run.
#[derive(Debug, Args)]
pub struct Part {
    /// A dataset folder, made by `sim run` or `analyze import`
    #[arg(value_name = "DATASET")]
    root: PathBuf,
    /// The run: its number or its key, both from runs.csv. Without this option, a run with much to see is picked
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Start with this model second
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = parse_seconds)]
    from: Option<f64>,
    /// End with this model second
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = parse_seconds)]
    to: Option<f64>,
    /// Show only the time around this event; 2:14 is tick 14 of machine 2
    #[arg(long, value_name = "MACHINE:TICK")]
    around: Option<EventName>,
    /// Model seconds before and after the event of --around
    #[arg(long, value_name = "S", default_value_t = 3.0, requires = "around", value_parser = parse_seconds)]
    within: f64,
    /// Show only these machines, such as 0,2
    #[arg(long, value_name = "MACHINE,...", value_delimiter = ',')]
    machines: Vec<MachineIndex>,
}

/// The largest time that can be given, in model seconds. As nanoseconds (1e18) it still fits into an `i64`.
const LONGEST_S: f64 = 1e9;

/// Parses a time. Negative times are accepted, because a log can have events from before the planned start of the run.
fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (-LONGEST_S..=LONGEST_S).contains(&seconds) => Ok(seconds),
        _ => Err("must be a number of seconds".to_owned()),
    }
}

impl Part {
    /// Reads the run and finds the chosen part of it. Says on stderr how many receives have no send in the log, if any.
    pub fn read(&self) -> anyhow::Result<(Execution, Window)> {
        if self.within < 0.0 {
            bail!("--within: must not be negative");
        }
        pools::start()?;
        let dataset = Dataset::open(&self.root)?;
        let row = self.find_run(&dataset)?;
        let execution = Execution::read(&dataset, row)?;
        let window = self.choice().window(&execution)?;
        if let Some(words) = execution.unmatched() {
            tell(format_args!("{}: {words}", dataset.label()));
        }
        Ok((execution, window))
    }

    /// The event of --around.
    pub fn around(&self) -> Option<EventName> {
        self.around
    }

    /// Finds the run that --run names, and returns its row in runs.csv. Without --run, picks a run and says on stderr which one, and why.
    fn find_run<'d>(&self, dataset: &'d Dataset) -> anyhow::Result<&'d JournalRow> {
        if let Some(name) = &self.run {
            return Ok(pick::find(dataset, name)?);
        }
        let Some((row, reason)) = pick::pick(dataset) else {
            bail!("{} has no finished run", dataset.root().display());
        };
        let advice = match dataset.finished() {
            [_] => "",
            _ => "; --run chooses another",
        };
        tell(format_args!(
            "{}: run {} ({}), because {reason}{advice}",
            dataset.label(),
            row.run,
            shorten(&row.key)
        ));
        Ok(row)
    }

    fn choice(&self) -> Choice {
        Choice {
            from_s: self.from,
            to_s: self.to,
            around: self.around,
            within_s: self.within,
            machines: self.machines.clone(),
        }
    }
}
