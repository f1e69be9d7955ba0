//! The commands of the program `sim`, each in its own file.

mod cluster;
pub mod completions;
pub mod help;
pub mod machine;
pub mod man;
pub mod plan;
pub mod run;
pub mod status;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};
use sim::engine::tcp::PortRange;
use sim::experiment::{
    Change, EngineKind, Experiment, ExperimentError, Isolation, Overrides, RunName, Shard,
};
use sim::sweep::Options;
use sim::value_completions::parser_with_completions;

/// The largest number of bytes in the name of a file or folder, on the usual systems.
const MAX_NAME_BYTES: usize = 255;
/// An example of the longest file name in a dataset: while `experiment.toml` is being written, the file has a name like this, with other
/// digits. `sim` checks that the system allows a path that consists of the dataset's folder and this name.
const LONGEST_FILE_NAME: &str = ".experiment.toml.0123456789abcdef.partial";

/// Exit code: a signal has ended the command. If the same `sim run` is started again, it makes the runs that are left to do.
const INTERRUPTED: u8 = 130;

/// The headings of groups of options in the help.
pub const WHAT: &str = "What to run";
const HOW: &str = "How to run it";
pub const WHEN_TO_STOP: &str = "When to stop, and what to show";

/// The options of `sim plan` and `sim run`: which experiment, which of its runs, and how they are made.
#[derive(Args)]
pub struct ExperimentArgs {
    /// The experiment file (TOML)
    #[arg(value_hint = ValueHint::FilePath)]
    pub experiment: PathBuf,
    /// The dataset's folder [default: data/<name of the experiment>]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = WHAT)]
    data: Option<PathBuf>,
    /// Change a value of the experiment without editing its file, for example --set internal=0.4, or --set 'internal=[0.1,0.4]' for
    /// two values of internal; may be repeated. The dataset records the changed experiment
    // For completion, shells offer each key with an equals sign, such as `internal=`.
    #[arg(long, value_name = "KEY=VALUE", help_heading = WHAT, value_parser = parser_with_completions(Change::from_str, Change::beginnings), hide_possible_values = true)]
    set: Vec<Change>,
    /// Number of runs of each configuration, in place of the value in the file; short for --set repetitions=N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = WHAT)]
    repetitions: Option<u32>,
    /// Split the runs into N parts (shards), run only part K, and write it to the folder shard-K-of-N in the dataset; for example 1/4
    #[arg(long, value_name = "K/N", help_heading = WHAT)]
    pub shard: Option<Shard>,
    /// Run only this run, even if it failed before. Give its number or its key, as in the columns run and key of runs.csv; may be
    /// given several times
    #[arg(long, value_name = "RUN", help_heading = WHAT)]
    only: Vec<RunName>,
    /// Also repeat the runs that failed before
    #[arg(long, help_heading = WHAT)]
    retry_failed: bool,
    /// Engine: tcp (real sockets, real time) or virtual (simulated time); replaces the value in the file
    #[arg(long, value_parser = one_of::<EngineKind>(EngineKind::NAMES), help_heading = HOW)]
    engine: Option<EngineKind>,
    /// Model seconds that pass in a second of real time; replaces the value in the file. Only for the tcp engine
    #[arg(long, value_name = "X", value_parser = time_scale, help_heading = HOW)]
    time_scale: Option<f64>,
    /// Where machines run: shared (many runs in one process) or process (each machine has its own process); replaces the value in
    /// the file. Only for the tcp engine
    #[arg(long, value_parser = one_of::<Isolation>(Isolation::NAMES), help_heading = HOW)]
    isolation: Option<Isolation>,
    /// Largest number of runs at the same time [default: as many as this computer can run without late ticks; in virtual time, one for
    /// each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = HOW)]
    jobs: Option<u32>,
    /// Ports on which the machines listen. Several runs at the same time can use the same ports, because each run has its own
    /// loopback address (127.x.y.z). If the system has no such addresses, the system chooses the ports, and this option has no effect
    #[arg(long, value_name = "FIRST-LAST", default_value_t, help_heading = HOW)]
    ports: PortRange,
}

/// Parses one of the named values of `T`. The names are shown in the help, and shells complete them.
fn one_of<T: FromStr + Clone + Send + Sync + 'static>(
    names: &'static [&'static str],
) -> impl TypedValueParser<Value = T>
where
    T::Err: std::error::Error + Send + Sync,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse())
}

impl ExperimentArgs {
    /// Reads the experiment file, and applies the options that change the experiment. With --shard, the experiment keeps only the runs of
    /// the shard.
    fn read(&self) -> Result<Experiment, ExperimentError> {
        let mut experiment = Experiment::read(
            &self.experiment,
            Overrides {
                engine: self.engine,
                time_scale: self.time_scale,
                isolation: self.isolation,
                changes: self.changes(),
            },
        )?;
        if let Some(shard) = self.shard {
            experiment.keep_shard(shard);
        }
        Ok(experiment)
    }

    /// The changes of --set and --repetitions.
    fn changes(&self) -> Vec<Change> {
        let repetitions = self.repetitions.map(Change::repetitions);
        self.set.iter().cloned().chain(repetitions).collect()
    }

    /// Returns the path of the dataset's folder. With --shard, the shard's folder is inside this folder.
    ///
    /// # Errors
    ///
    /// Fails if the path of the folder, or of a file in it, is longer than the system allows.
    fn dataset_folder(&self, experiment: &Experiment) -> Result<PathBuf> {
        let root = match &self.data {
            Some(data) => data.clone(),
            None => Path::new("data").join(&experiment.name),
        };
        let folder = match experiment.shard() {
            Some(shard) => root.join(shard.folder()),
            None => root.clone(),
        };
        let is_too_long = |name: &OsStr| name.len() > MAX_NAME_BYTES;
        // No file has the name `LONGEST_FILE_NAME`, so looking it up fails. If the error is `InvalidFilename`, the path is too long. But if a
        // folder of the path does not exist, the look-up ends at this folder with another error, even if a later name is too long. So
        // `is_too_long` checks the length of each name.
        let looked_up = folder.join(LONGEST_FILE_NAME).symlink_metadata();
        if folder.iter().any(is_too_long)
            || looked_up.is_err_and(|error| error.kind() == io::ErrorKind::InvalidFilename)
        {
            bail!(
                "{}: the name of the folder or its path is longer than this system allows; give a shorter path with --data",
                root.display()
            );
        }
        Ok(root)
    }

    /// The options that decide which runs are made and how many at the same time.
    fn options(&self) -> Options {
        Options {
            program: this_program(),
            jobs: self.jobs.map(|jobs| jobs as usize),
            ports: self.ports.clone(),
            retry_failed: self.retry_failed,
            only: self.only.clone(),
            ..Options::default()
        }
    }
}

/// Returns the path of this program, for starting machines as processes. On Linux the path is `/proc/self/exe`. It leads to the running
/// program even if the program was rebuilt meanwhile, so all machines of a `sim run` have the same version.
fn this_program() -> PathBuf {
    let running = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() {
        return running.to_owned();
    }
    env::current_exe().unwrap_or_else(|_| PathBuf::from("sim"))
}

/// After this call, writing fails with an error if a file has reached its largest allowed size (`ulimit -f`). Without this call, the
/// system would end the process.
fn turn_file_limits_into_errors() -> Result<()> {
    // Without a handler, the signal SIGXFSZ ends the process. With any handler, the write returns an error instead. This handler sets a
    // flag that nobody reads.
    #[cfg(unix)]
    signal_hook::flag::register(
        signal_hook::consts::SIGXFSZ,
        Arc::new(AtomicBool::default()),
    )
    .context("cannot watch for signals")?;
    Ok(())
}

/// Prints text to stdout.
fn print(text: &dyn Display) -> Result<ExitCode> {
    let mut stdout = io::stdout();
    exit_code_of_printing(writeln!(stdout, "{text}").and_then(|()| stdout.flush()))
}

/// Turns the result of writing to stdout into an exit code. A pipe that the reader has closed is not an error.
fn exit_code_of_printing(written: io::Result<()>) -> Result<ExitCode> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("stdout"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Prints what clap answers instead of running a command: help and version to stdout, mistakes in the arguments to stderr.
///
/// # Errors
///
/// Fails if stdout cannot be written. If stderr cannot be written, nothing is reported.
pub fn print_help_or_mistake(answer: &clap::Error) -> Result<ExitCode> {
    let written = answer.print().and_then(|()| io::stdout().flush());
    if answer.use_stderr() {
        return Ok(ExitCode::from(crate::UNUSABLE));
    }
    exit_code_of_printing(written)
}

/// Returns the command line as the user typed it: `cargo sim` in place of the path of the program, if Cargo started it.
fn typed_command() -> Vec<OsString> {
    let mut words: Vec<OsString> = env::args_os().collect();
    if env::var_os("CARGO").is_some() {
        // The first word is the path of the program. `min` is needed because the system may give no words at all.
        words.splice(..1.min(words.len()), ["cargo".into(), "sim".into()]);
    }
    words
}

/// Returns the command that analyses the dataset at `root`. If the user started this program with `cargo sim`, the command begins with
/// `cargo analyze`, otherwise with `analyze`.
fn analyze_command(verb: &str, root: &Path) -> String {
    let cargo = if env::var_os("CARGO").is_some() {
        "cargo "
    } else {
        ""
    };
    format!("{cargo}analyze {verb} {}", sim::console::shell_word(root))
}

/// Parses the value of --time-scale.
fn time_scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(scale) if (0.001..=10_000.0).contains(&scale) => Ok(scale),
        _ => Err("give a factor from 0.001 to 10000".to_owned()),
    }
}
