//! The verbs of the `sim` program, one file each.

pub mod completions;
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
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};
use clap::Args;
use sim::engine::tcp::PortRange;
use sim::experiment::{
    EngineKind, Experiment, ExperimentError, Isolation, Overrides, RunName, Shard,
};
use sim::sweep::Options;

/// The longest name that a file or folder has on the usual systems, in bytes.
const LONGEST_NAME: usize = 255;
/// The longest name of a file that a sweep makes.
const LONGEST_FILE_NAME: &str = ".experiment.toml.0123456789abcdef.partial";

/// What an experiment is run as: shared by all verbs that take one.
#[derive(Args)]
pub struct ExperimentArgs {
    /// The experiment file (TOML)
    pub experiment: PathBuf,
    /// The dataset's folder [default: data/<name of the experiment>]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Run only part K of N of the runs, into the folder shard-K-of-N of the dataset
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Run only this run (its number or key), even if it failed before; may be given several times
    #[arg(long, value_name = "RUN")]
    only: Vec<RunName>,
    /// Use this engine instead of the file's: tcp (real sockets, wall clock) or virtual (discrete events)
    #[arg(long)]
    engine: Option<EngineKind>,
    /// Model seconds per wall second, instead of what the file says; only for the tcp engine
    #[arg(long, value_name = "X", value_parser = time_scale)]
    time_scale: Option<f64>,
    /// Where machines run, instead of what the file says; only for the tcp engine: shared (many runs in one process) or process (each machine has its own process)
    #[arg(long)]
    isolation: Option<Isolation>,
    /// Runs at the same time [default: as many as this computer can keep on schedule]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    /// Ports on which the machines listen; where the system allows it, each run has its own loopback address (127.x.y.z)
    #[arg(long, value_name = "FIRST-LAST", default_value_t)]
    ports: PortRange,
    /// Run failed runs again
    #[arg(long)]
    retry_failed: bool,
}

impl ExperimentArgs {
    fn read(&self) -> Result<Experiment, ExperimentError> {
        let mut experiment = Experiment::read(
            &self.experiment,
            Overrides {
                engine: self.engine,
                time_scale: self.time_scale,
                isolation: self.isolation,
            },
        )?;
        if let Some(shard) = self.shard {
            experiment.keep_shard(shard);
        }
        Ok(experiment)
    }

    /// The dataset's folder.
    ///
    /// # Errors
    ///
    /// If its path, or that of a file in it, is longer than a path may be.
    fn dataset(&self, experiment: &Experiment) -> Result<PathBuf> {
        let root = match &self.data {
            Some(data) => data.clone(),
            None => Path::new("data").join(&experiment.name),
        };
        let folder = match experiment.shard() {
            Some(shard) => root.join(shard.folder()),
            None => root.clone(),
        };
        let is_too_long = |name: &OsStr| name.len() > LONGEST_NAME;
        let found = folder.join(LONGEST_FILE_NAME).symlink_metadata();
        if folder.iter().any(is_too_long)
            || found.is_err_and(|error| error.kind() == io::ErrorKind::InvalidFilename)
        {
            bail!(
                "{}: the name of the folder or its path is longer than this system allows; name a shorter one with --data",
                root.display()
            );
        }
        Ok(root)
    }

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

/// The path of this program. On Linux it leads to the program that runs, even if another is at its place now because it was built
/// again: the machines of a sweep are all of one version.
fn this_program() -> PathBuf {
    let running = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() {
        return running.to_owned();
    }
    env::current_exe().unwrap_or_else(|_| PathBuf::from("sim"))
}

/// Lets a file that may not grow any more (`ulimit -f`) be the disk's error, which would end this process otherwise.
fn survive_file_limits() -> Result<()> {
    #[cfg(unix)]
    signal_hook::flag::register(
        signal_hook::consts::SIGXFSZ,
        Arc::new(AtomicBool::default()),
    )
    .context("cannot watch for signals")?;
    Ok(())
}

/// Prints a line or more to stdout.
fn print(text: &dyn Display) -> Result<ExitCode> {
    let mut stdout = io::stdout();
    printed(writeln!(stdout, "{text}").and_then(|()| stdout.flush()))
}

/// What writing to stdout came to. A reader that has read enough and gone is no error.
fn printed(written: io::Result<()>) -> Result<ExitCode> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("stdout"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Prints what clap has to say where it runs no verb: help and version to stdout, mistakes in the arguments to stderr.
///
/// # Errors
///
/// What the system says if stdout does not take it. Mistakes that stderr does not take are dropped, as all else there is.
pub fn print_answer(answer: &clap::Error) -> Result<ExitCode> {
    let written = answer.print().and_then(|()| io::stdout().flush());
    if answer.use_stderr() {
        return Ok(ExitCode::from(crate::UNUSABLE));
    }
    printed(written)
}

/// The command line as it was typed: behind `cargo sim`, that and not the program that it built.
fn typed_command() -> Vec<OsString> {
    let mut words: Vec<OsString> = env::args_os().collect();
    if env::var_os("CARGO").is_some() {
        words.splice(..1.min(words.len()), ["cargo".into(), "sim".into()]);
    }
    words
}

/// The command that analyses the dataset at `root`, as the user would type it here: after `cargo sim` it is `cargo analyze`.
fn analyze_command(verb: &str, root: &Path) -> String {
    let cargo = if env::var_os("CARGO").is_some() {
        "cargo "
    } else {
        ""
    };
    format!("{cargo}analyze {verb} {}", sim::console::shell_word(root))
}

fn time_scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(scale) if (0.001..=10_000.0).contains(&scale) => Ok(scale),
        _ => Err("a factor from 0.001 to 10000".to_owned()),
    }
}
