//! The options that choose runs of datasets (--where, --only), and the options that say how runs are read (--warm-up, --no-cache).

use std::path::PathBuf;

use analyze::Dataset;
use analyze::error::Error;
use analyze::output::words::counted;
use analyze::read::choice::Choice;
use anyhow::bail;
use clap::{Args, ValueEnum};
use sim::console::tell;
use sim::log::JournalRow;

use super::pools;

/// The values of option --only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// Runs in which delays were too short to change the order of events: all runs in virtual time, and each TCP run whose columns
    /// lateness_max_us and latency_max_us have a sum below its margin_us. (With phase=aligned, the margin is 0, and no TCP run is punctual)
    Punctual,
}

/// The options that choose runs, and the options for reading them.
#[derive(Debug, Args)]
pub struct Selection {
    /// Use only the finished runs of this kind
    #[arg(long, value_enum, value_name = "WHICH")]
    only: Option<Only>,
    /// Use only runs, or machines of runs, that meet this condition: internal=0.7, or SQL such as "internal < 0.7 and rates =
    /// '1,3,6'". It can use most columns of runs.csv (the error for a wrong name lists them), and also `dataset` (the folder's name),
    /// `machine` (its number, from 0), `rate` (ticks per second) and `role` (slowest, fastest, between, or equal if all machines have
    /// the same rate). The commands `clocks`, `compare`, `export`, `methods`, `plot` and `report` need whole runs, so they do not accept
    /// machine, rate and role. If this option is given several times, all conditions must hold
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<Choice>,
    /// Leave out the first S model seconds of each run when measures are calculated. An event at exactly S seconds is not left out
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = parse_seconds)]
    warm_up: f64,
    /// Calculate all measures from the events: do not use the cache of measures (the folder .cache in the dataset)
    #[arg(long)]
    no_cache: bool,
    /// The earlier name of --no-cache
    #[arg(long, hide = true)]
    reread: bool,
}

impl Selection {
    /// Returns the warm-up in model seconds, for predictions from an experiment file, which has no runs.
    ///
    /// # Errors
    ///
    /// Fails if there is an option that chooses runs.
    pub fn warm_up_without_runs(&self) -> anyhow::Result<f64> {
        if self.only.is_some() || !self.conditions.is_empty() {
            bail!(
                "--where and --only choose runs of a dataset, but an experiment file has no runs; to change its values, use --set"
            );
        }
        Ok(self.warm_up)
    }

    /// The conditions, as given on the command line.
    pub fn conditions_in_words(&self) -> Vec<String> {
        self.conditions.iter().map(ToString::to_string).collect()
    }

    /// Fails if a condition chooses single machines of runs. `command` is the name of the command that needs all machines.
    pub fn refuse_conditions_on_machines(&self, command: &str) -> anyhow::Result<()> {
        let mut conditions = self.conditions.iter();
        match conditions.find(|condition| condition.chooses_machines()) {
            None => Ok(()),
            Some(condition) => bail!(
                "--where {condition}: {command} needs whole runs, so its conditions cannot name machine, rate or role"
            ),
        }
    }

    /// Opens the datasets in folders `roots`. Keeps only the runs, and machines of runs, that the options choose. Reports on stderr what is
    /// missing or left out (see [`say_what_is_left_out`]). It is an error if a dataset has no such run.
    pub fn open(&self, roots: &[PathBuf]) -> anyhow::Result<Vec<Dataset>> {
        let mut datasets = self.read(roots)?;
        for dataset in &mut datasets {
            self.choose_runs(dataset, &self.conditions)?;
        }
        Ok(datasets)
    }

    /// Like [`open`](Self::open). If there is a condition `also`, runs must meet it too. A dataset without a chosen run is left out, and
    /// this is reported on stderr. It is an error if no dataset is left.
    pub fn open_matching(
        &self,
        roots: &[PathBuf],
        also: Option<&Choice>,
    ) -> anyhow::Result<Vec<Dataset>> {
        let conditions: Vec<Choice> = self.conditions.iter().chain(also).cloned().collect();
        let mut chosen = vec![];
        let mut left_out = vec![];
        for mut dataset in self.read(roots)? {
            match self.choose_runs(&mut dataset, &conditions) {
                Ok(()) => chosen.push(dataset),
                Err(error) if matches!(error.downcast_ref(), Some(Error::NoSuchRun { .. })) => {
                    left_out.push((dataset.label().to_owned(), error));
                }
                Err(error) => return Err(error),
            }
        }
        if chosen.is_empty() && !left_out.is_empty() {
            let (_, first_error) = left_out.remove(0);
            return Err(first_error);
        }
        for (label, error) in left_out {
            tell(format_args!("{label} is left out: {error}"));
        }
        Ok(chosen)
    }

    /// Opens the datasets. Reports on stderr which names of options and columns are earlier names.
    fn read(&self, roots: &[PathBuf]) -> anyhow::Result<Vec<Dataset>> {
        pools::start()?;
        if self.reread {
            tell("--reread is now called --no-cache");
        }
        for condition in &self.conditions {
            // A condition can contain names that columns had in earlier versions. `renamed` returns each such name with the current name,
            // such as `in_order` with `as_scheduled`.
            for (earlier, current) in condition.renamed() {
                tell(format_args!("{earlier} is now called {current}"));
            }
        }
        Ok(analyze::open(roots)?)
    }

    /// Keeps only the runs, and machines of runs, of a dataset that meet `conditions` and the other options.
    fn choose_runs(&self, dataset: &mut Dataset, conditions: &[Choice]) -> anyhow::Result<()> {
        // `keep_chosen` drops the runs that the conditions do not choose. If a condition asks for a value that no run has, perhaps
        // because the user mistyped it, `keep_chosen` returns the column and this value.
        for (name, value) in dataset.keep_chosen(conditions)? {
            let label = dataset.label();
            tell(format_args!("{label}: no run has {name} {value}"));
        }
        if let Some(Only::Punctual) = self.only {
            dataset.keep_punctual()?;
        }
        dataset.cut_warm_up(self.warm_up)?;
        if !(self.no_cache || self.reread) {
            // If the cache cannot be written (for example in a read-only folder), continue without it.
            dataset.cache_measures().unwrap_or_else(|error| {
                tell(format_args!("the cache is not written: {error}"));
            });
        }
        say_what_is_left_out(dataset);
        Ok(())
    }
}

/// The longest duration that a run can have, in model seconds: 7 days.
const LONGEST_S: f64 = 604_800.0;

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=LONGEST_S).contains(&seconds) => Ok(seconds),
        _ => Err(format!("must be a number of seconds from 0 to {LONGEST_S}")),
    }
}

/// Reports on stderr which shards of a dataset are missing, and how many runs are not done yet, have failed, or are left out by --only.
pub fn say_what_is_left_out(dataset: &Dataset) {
    let label = dataset.label();
    let is_or_are = |count: usize| if count == 1 { "is" } else { "are" };
    if let missing @ [_, ..] = dataset.missing_shards() {
        let shards: Vec<String> = missing.iter().map(ToString::to_string).collect();
        let verb = is_or_are(missing.len());
        tell(format_args!(
            "{label}: {} {verb} missing: {}",
            counted(missing.len(), "shard"),
            shards.join(" ")
        ));
    }
    if let to_do @ 1.. = dataset.to_do() as usize {
        let (runs, verb) = (counted(to_do, "planned run"), is_or_are(to_do));
        tell(format_args!("{label}: {runs} {verb} not done yet"));
    }
    // `left_out` has the runs that --only punctual left out, but not the failed runs.
    let (failed, unpunctual) = (dataset.failed(), dataset.left_out().len());
    if failed > 0 {
        let runs = counted(failed, "failed run");
        tell(format_args!(
            "{label}: {runs} {} left out",
            is_or_are(failed)
        ));
    }
    if unpunctual > 0 {
        let runs = counted(unpunctual, "unpunctual run");
        let finished = dataset.finished().len() + unpunctual;
        // A run over TCP is punctual only if its delays are below its margin, so a run with a margin of 0 is never punctual. But in datasets
        // of earlier versions, a margin of 0 can also mean that the margin is not known.
        let has_no_margin =
            |run: &&JournalRow| run.margin_us == 0.0 && !dataset.has_unknown_margin(run);
        let margins = match dataset.left_out().iter().filter(has_no_margin).count() {
            0 => String::new(),
            count @ 1 => {
                format!("; {count} of them has a margin of 0, so it can never be punctual")
            }
            count => format!("; {count} of them have a margin of 0, so they can never be punctual"),
        };
        tell(format_args!(
            "{label}: {runs} of {finished} finished {} left out{margins}",
            is_or_are(unpunctual)
        ));
    }
}
