//! `sim run`: makes the runs of an experiment that are still to do.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use sim::console::{command_line, tell};
use sim::engine::Control;
use sim::experiment::{EngineKind, Experiment};
use sim::log::DatasetError;
use sim::sweep::words::{bytes_in_words, grouped, in_words};
use sim::sweep::{self, Options, Progress, SYNC_EVERY, Summary, SweepError, advice};

use super::{ExperimentArgs, INTERRUPTED, WHEN_TO_STOP, analyze_command, typed_command};

/// Exit code: some runs failed. `runs.csv` has the reasons.
const SOME_FAILED: u8 = 3;

/// Run an experiment, and write its dataset; runs that are already done are skipped
#[derive(clap::Args)]
#[command(after_help = "Examples:
  sim run experiments/quickstart.toml
  sim run experiments/quickstart.toml --set internal=0.4 --repetitions 20 --data data/changed
  sim run experiments/overnight.toml --engine virtual --data data/overnight-virtual
  sim run experiments/overnight.toml --shard 1/4
  nohup sim run experiments/overnight.toml &

To resume after an interruption, run the same command again. Runs that are done are skipped. You may add values or repetitions to \
the experiment file first: then the new runs are added to the dataset. Press Ctrl+C once to stop in good order: no new run starts, runs \
that are about to end are completed, the others are dropped, and all finished runs are saved. Press Ctrl+C twice to stop at once.

At the end, the number of punctual runs over TCP is shown. In a punctual run, delays were too short to change the order of events: the \
largest delay of a tick plus the largest delay of a message is less than the run's margin, which `sim plan --help` explains.")]
pub struct Args {
    #[command(flatten)]
    experiment: ExperimentArgs,
    /// Stop after N failed runs [default: never]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = WHEN_TO_STOP)]
    max_failures: Option<u64>,
    /// Every S seconds, make sure that all data written so far is on the disk (with fsync). If S is 0, do this after every run
    #[arg(long, value_name = "S", default_value_t = SYNC_EVERY.as_secs_f64(), value_parser = seconds, help_heading = WHEN_TO_STOP)]
    sync_every: f64,
    /// Show no progress
    #[arg(long, short, help_heading = WHEN_TO_STOP)]
    quiet: bool,
}

/// Makes the runs that are still to do (a *sweep*), and reports how many were ok and how many failed.
pub fn run(args: &Args) -> Result<ExitCode> {
    let experiment = args.experiment.read()?;
    let root = args.experiment.dataset_folder(&experiment)?;
    let options = Options {
        max_failures: args.max_failures,
        sync_every: Duration::from_secs_f64(args.sync_every),
        ..args.experiment.options()
    };
    let control = Control::default();
    let interrupted = stop_on_signals(&control)?;
    let progress = if args.quiet {
        Progress::quiet()
    } else {
        Progress::on_stderr()
    };
    let mut progress = progress.with_repeat_command(command_for_one_run());
    let summary = sweep::run(&experiment, &root, &options, &control, &mut progress)
        .map_err(with_command_to_resume)?;
    if !args.quiet {
        tell(describe(&experiment, &summary, &root));
    }
    // If no run is left to do, the sweep is complete, even if a signal has come. Then the exit code is not `INTERRUPTED`.
    Ok(match summary {
        Summary { left: 1.., .. } if interrupted.load(Ordering::Relaxed) => {
            ExitCode::from(INTERRUPTED)
        }
        Summary { failed: 1.., .. } => ExitCode::from(SOME_FAILED),
        _ => ExitCode::SUCCESS,
    })
}

/// Arranges that the first signal (Ctrl+C or SIGTERM) stops the sweep in good order, and the second one at once. The returned flag says
/// whether a signal has come. SIGHUP is not handled: it ends the process (unless `nohup` is used), and no finished run is lost.
fn stop_on_signals(control: &Control) -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    // The actions of a signal happen in the order in which they are registered. At the first signal, `interrupted` is still false, so the
    // first action does nothing, and the next two set the flags. At the second signal, the first action ends the process.
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(
            signal,
            i32::from(INTERRUPTED),
            Arc::clone(&interrupted),
        )
        .and_then(|_| flag::register(signal, Arc::clone(&interrupted)))
        .and_then(|_| flag::register(signal, control.stop_switch()))
        .context("cannot watch for signals")?;
    }
    // With this call, a write that would make a file larger than its limit (`ulimit -f`) returns an error. Without this call, such a write
    // causes a signal that ends the process.
    super::turn_file_limits_into_errors()?;
    Ok(interrupted)
}

/// Returns the command that resumes this sweep: the command that started it.
fn command_to_resume() -> String {
    command_line(typed_command())
}

/// Returns the beginning of the command that repeats one run of this sweep. This beginning ends with `--only`; the number
/// of a failed run is added later.
fn command_for_one_run() -> String {
    command_line(with_only(typed_command()))
}

/// Removes each option `--only` and its value from the words of a command, and adds `--only` at the end. The caller then adds the number
/// of a run.
fn with_only(mut words: Vec<OsString>) -> Vec<OsString> {
    // No word after `--` counts as an option, not even the `--only` that is added at the end. So the `--` is removed. A path such as
    // `-e.toml` would then count as an option, so it becomes `./-e.toml`.
    if let Some(index) = words.iter().position(|word| word == "--") {
        words.remove(index);
        for word in &mut words[index..] {
            if word.as_encoded_bytes().starts_with(b"-") {
                *word = Path::new(".").join(&*word).into_os_string();
            }
        }
    }
    while let Some(index) = words.iter().position(|word| word == "--only") {
        // The option and its value.
        words.drain(index..(index + 2).min(words.len()));
    }
    words.retain(|word| !word.as_encoded_bytes().starts_with(b"--only="));
    words.push("--only".into());
    words
}

/// If the disk caused `error`, adds to the error's message how to resume the sweep.
fn with_command_to_resume(error: SweepError) -> anyhow::Error {
    match error {
        SweepError::Dataset(error @ DatasetError::Io { .. }) => anyhow!(
            "{error}\nfinished runs are not repeated; after you have solved the problem, resume with: {}",
            command_to_resume()
        ),
        other => other.into(),
    }
}

/// Parses the value of --sync-every.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give a number of seconds from 0 to 3600".to_owned()),
    }
}

/// The report at the end: how many runs were ok, failed or punctual, and the next command.
fn describe(experiment: &Experiment, summary: &Summary, root: &Path) -> String {
    let Summary {
        ok,
        failed,
        left,
        gave_up,
        failed_before,
        as_scheduled,
        punctual,
        with_margin,
        bytes,
        elapsed,
        ..
    } = summary;
    // The next command reads the whole dataset, even if this sweep made only a shard. The other lines name the folder of the shard.
    let next = format!("next: {}", analyze_command("summary", root));
    let root = match experiment.shard() {
        None => root.to_owned(),
        Some(shard) => root.join(shard.folder()),
    };
    let root = root.display();
    let mut lines = vec![if ok + failed + left == 0 {
        format!("nothing to do: all requested runs are already in {root}")
    } else {
        format!(
            "{} runs ok, {} failed in {} -> {root} ({})",
            grouped(*ok),
            grouped(*failed),
            in_words(*elapsed),
            bytes_in_words(*bytes)
        )
    }];
    if experiment.engine == EngineKind::Tcp && *ok > 0 {
        let ok = grouped(*ok);
        lines.push(format!(
            "{} of {ok} runs are identical to the simulated run with the same seed",
            grouped(*as_scheduled)
        ));
        lines.push(format!(
            "{} of {ok} runs were punctual: their delays were too short to change the order of events (the largest delay \
             of a tick plus the largest delay of a message is less than the margin)",
            grouped(*punctual)
        ));
    }
    if experiment.engine == EngineKind::Tcp {
        // `with_margin` counts the runs whose margin is above 0: only these can be punctual.
        lines.extend(advice::on_punctuality(
            *punctual,
            *with_margin,
            *ok,
            experiment.time_scale,
        ));
    }
    if *failed > 0 {
        lines.push(format!(
            "the reasons are in {root}/runs.csv; to repeat the failed runs, add --retry-failed"
        ));
    }
    if *failed_before > 0 {
        lines.push(format!(
            "{} runs failed in an earlier `sim run` and were not tried again; to repeat them, add --retry-failed",
            grouped(*failed_before)
        ));
    }
    lines.push(match left {
        0 => next,
        _ => format!(
            "{} with {} runs to do; to resume: {}",
            if *gave_up {
                "stopped after too many failures,"
            } else {
                "interrupted"
            },
            grouped(*left),
            command_to_resume()
        ),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_repeats_a_run_ends_with_an_only_option() {
        for (typed, wanted) in [
            ("sim run e.toml -q", "sim run e.toml -q --only"),
            ("sim run --only 3 e.toml --only=4", "sim run e.toml --only"),
            (
                "sim run --jobs 2 -- -e.toml",
                "sim run --jobs 2 ./-e.toml --only",
            ),
        ] {
            let words = typed.split(' ').map(OsString::from).collect();
            assert_eq!(command_line(with_only(words)), wanted);
        }
    }
}
