//! `sim run`: runs what is still to do of an experiment.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use sim::engine::Control;
use sim::experiment::{EngineKind, Experiment};
use sim::sweep::words::{bytes_in_words, grouped, in_words};
use sim::sweep::{self, Progress, Summary};

use super::{ExperimentArgs, analyze_command};

/// Some runs failed; their reasons stand in runs.csv.
const SOME_FAILED: u8 = 3;
/// Interrupted: the same command goes on.
const INTERRUPTED: u8 = 130;

/// Run what is still to do of an experiment, into its dataset
#[derive(clap::Args)]
#[command(after_help = "Examples:
  sim run experiments/quickstart.toml
  sim run experiments/overnight.toml --engine virtual --data data/overnight-virtual

Run it again to go on where it was interrupted: what is done is skipped.")]
pub struct Args {
    #[command(flatten)]
    experiment: ExperimentArgs,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the sweep.
pub fn run(args: &Args) -> Result<ExitCode> {
    let experiment = args.experiment.read()?;
    let root = args.experiment.dataset(&experiment);
    let control = Arc::new(Control::default());
    stop_on_interrupt(&control)?;
    let mut progress = if args.quiet {
        Progress::quiet()
    } else {
        Progress::on_stderr()
    };
    let summary = sweep::run(
        &experiment,
        &root,
        &args.experiment.options(),
        &control,
        &mut progress,
    )?;
    if !args.quiet {
        eprintln!("{}", in_sentences(&experiment, &summary, &root));
    }
    Ok(match summary {
        Summary { left: 1.., .. } => ExitCode::from(INTERRUPTED),
        Summary { failed: 1.., .. } => ExitCode::from(SOME_FAILED),
        _ => ExitCode::SUCCESS,
    })
}

/// The first interrupt stops the sweep in good order, the second at once.
fn stop_on_interrupt(control: &Arc<Control>) -> Result<()> {
    let control = Arc::clone(control);
    let interrupted = AtomicBool::new(false);
    let stop = move || {
        if interrupted.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        control.stop();
    };
    ctrlc::set_handler(stop).context("cannot watch for interrupts")
}

fn in_sentences(experiment: &Experiment, summary: &Summary, root: &Path) -> String {
    let Summary {
        ok,
        failed,
        left,
        in_order,
        punctual,
        bytes,
        elapsed,
        ..
    } = summary;
    let next = format!("next: {}", analyze_command("summary", root));
    let root = root.display();
    if ok + failed + left == 0 {
        return format!("nothing to do: every run is in {root}\n{next}");
    }
    let mut lines = vec![format!(
        "{} runs ok, {} failed in {} -> {root} ({})",
        grouped(*ok),
        grouped(*failed),
        in_words(*elapsed),
        bytes_in_words(*bytes)
    )];
    if experiment.engine == EngineKind::Tcp && *ok > 0 {
        lines.push(format!(
            "{} of {} went event by event as their seed says, {} of {0} were punctual throughout",
            grouped(*in_order),
            grouped(*ok),
            grouped(*punctual)
        ));
    }
    if *failed > 0 {
        lines.push(format!(
            "the reasons are in {root}/runs.csv; run again with --retry-failed to repeat them"
        ));
    }
    lines.push(match left {
        0 => next,
        _ => format!(
            "interrupted with {} runs to do; the same command goes on from here",
            grouped(*left)
        ),
    });
    lines.join("\n")
}
