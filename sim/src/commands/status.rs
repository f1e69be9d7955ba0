//! `sim status`: shows how many runs of a dataset are done, and how late their ticks were.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use jiff::{Timestamp, tz::TimeZone};
use sim::console::colour::{Tone, coloured, marked, stdout_has_colours};
use sim::log::{Status, Sweep};
use sim::sweep::advice;
use sim::sweep::words::{self, bytes_in_words, grouped, in_words, micros_in_words};
use sim::table::{pairs, terminal_width};
use sim::watch::watch;

use super::{INTERRUPTED, analyze_command, print};

/// At most this many reasons for failures are shown. `runs.csv` has all of them.
const MAX_REASONS: usize = 5;

/// At most this many commands for resuming the dataset are shown. If the dataset has shards, each unfinished shard has a command of its own.
const MAX_COMMANDS: usize = 3;

/// Show the state of an experiment's runs: done, failed and left to do, speed, expected end, punctual runs, size
#[derive(clap::Args)]
#[command(after_help = "Examples:
  sim status data/overnight
  sim status data/overnight --format json
  sim status data/overnight --watch

A run over TCP is punctual if its delays were too short to change the order of events: the largest delay of a tick plus the largest delay \
of a message is less than the run's margin, which `sim plan --help` explains.

A run was as scheduled if its messages arrived as in the simulated run with the same seed: each one between the same two ticks of its \
recipient, and in the same order. Then both runs have the same events. Every punctual run is as scheduled; other runs can be, too.")]
pub struct Args {
    /// The dataset's folder. If the dataset is made in parts (shards, with `sim run --shard`), give its folder, or the folder of one shard.
    /// Several folders may be given
    #[arg(required = true, value_name = "DATASET")]
    datasets: Vec<PathBuf>,
    /// Format of the output. For several datasets, there is one JSON object after the other
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Show the state on the full screen of the terminal, updated every second, until q, Esc or Ctrl+C is pressed. `sim status` only reads
    /// files, so `sim run` may work in another terminal or on other computers. Tab shows the next of several datasets
    #[arg(long, conflicts_with = "format")]
    watch: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A table for people
    Table,
    /// JSON for programs; times are in seconds or microseconds, sizes in bytes
    Json,
}

/// Prints the status, or with --watch shows it until a key is pressed. This works while a sweep (a `sim run`) is writing.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.watch {
        let watched = watch(&args.datasets)?;
        // The full screen is gone now. A line for each dataset stays in the terminal.
        let printed = print(&watched.lines.join("\n"))?;
        return Ok(match watched.is_interrupted {
            true => ExitCode::from(INTERRUPTED),
            false => printed,
        });
    }
    let mut texts = vec![];
    for dataset in &args.datasets {
        let status = Status::read(dataset)?;
        texts.push(match args.format {
            Format::Table => table(dataset, &status),
            Format::Json => serde_json::to_string_pretty(&status)?,
        });
    }
    let gap = match args.format {
        Format::Table => "\n\n",
        Format::Json => "\n",
    };
    print(&texts.join(gap))
}

/// The status as a table with two columns: names and values.
fn table(root: &Path, status: &Status) -> String {
    let mut rows = vec![];
    let mut row = |name: &'static str, value: String| rows.push((name, value));
    row("dataset", root.display().to_string());
    row("started", describe_start(status));
    row("engine", status.engine.clone());
    row("runs planned", grouped(status.planned));
    row("done", with_share(status.done, status.planned));
    // Finished runs that are not planned any more, because the user made the experiment smaller. The row `done` does not count them.
    if status.no_longer_planned > 0 {
        let runs = grouped(status.no_longer_planned);
        row(
            "no longer planned",
            format!("{runs} finished, which `done` does not count"),
        );
    }
    row("failed", failures(status.failed));
    row("to do", grouped(status.to_do));
    for sweep in &status.sweeps {
        // On a file system without locks, a sweep that was killed looks like one that is running.
        let name = if sweep.is_certain {
            "running"
        } else {
            "perhaps running"
        };
        row(name, describe_sweep(sweep));
    }
    match (status.finishes_at_s, status.last_run_at_s) {
        (Some(at_s), _) => row("finishes", describe_end(at_s)),
        // No `sim run` is at work.
        (None, Some(at_s)) if status.sweeps.is_empty() => row("last run ended", local_time(at_s)),
        _ => {}
    }
    if !status.missing_shards.is_empty() {
        row("missing shards", status.missing_shards.join(" "));
    }
    let finished = status.done + status.no_longer_planned;
    if status.engine == "tcp" && finished > 0 {
        row("as scheduled", with_share(status.as_scheduled, finished));
        row("punctual", with_share(status.punctual, finished));
        let advice = advice::on_punctuality(
            status.punctual,
            status.with_margin,
            finished,
            status.time_scale,
        );
        if let Some(advice) = advice {
            row("advice", advice);
        }
        row(
            "lateness",
            format!(
                "99 % of ticks within {} in the median run; largest in all runs: {}",
                micros_in_words(status.lateness_p99_us),
                micros_in_words(status.lateness_max_us)
            ),
        );
        row("rejected connections", grouped(status.rejected_connections));
    }
    row(
        "size",
        format!(
            "{} events, {}",
            grouped(status.events),
            bytes_in_words(status.bytes)
        ),
    );
    for reason in status.reasons.iter().take(MAX_REASONS) {
        row(
            "failures",
            format!("{} x {}", grouped(reason.runs), reason.reason),
        );
    }
    for command in status.resume.iter().take(MAX_COMMANDS) {
        row("to resume", command.clone());
    }
    let more = status.resume.len().saturating_sub(MAX_COMMANDS);
    if more > 0 {
        row("to resume", format!("{more} more shards in the same way"));
    }
    if status.sweeps.is_empty() && status.to_do == 0 {
        if status.failed > 0 {
            row(
                "failed runs",
                "to repeat them, run `sim run` again with --retry-failed".to_owned(),
            );
        }
        row("next", analyze_command("summary", root));
    }
    coloured(&pairs(rows, terminal_width()))
}

/// The number of failed runs, red on a terminal if it is not 0.
fn failures(failed: u64) -> String {
    match failed > 0 && stdout_has_colours() {
        true => marked(&grouped(failed), Tone::Bad),
        false => grouped(failed),
    }
}

/// A number, with its share of `whole` in percent.
fn with_share(part: u64, whole: u64) -> String {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    format!("{} ({percent:.1} %)", grouped(part))
}

/// When the dataset was started, as local time.
fn describe_start(status: &Status) -> String {
    match status.started_at.parse::<Timestamp>() {
        Ok(started) => local_time(started.as_second()),
        Err(_) => status.started_at.clone(),
    }
}

/// Which process makes runs, on which computer and how fast. A running process holds a lock on the dataset. If the file system has no locks,
/// the text adds that the process may have ended.
fn describe_sweep(sweep: &Sweep) -> String {
    let rate = match sweep.runs_per_hour {
        Some(rate) => format!("{} runs an hour", grouped(rate.round() as u64)),
        None => "no run has ended yet".to_owned(),
    };
    let doubt = if sweep.is_certain {
        ""
    } else {
        "; it may have ended: on this file system there are no locks, so this is not known"
    };
    format!(
        "process {} on {} since {}, {rate}{doubt}",
        sweep.process,
        sweep.host,
        local_time(sweep.since_s)
    )
}

/// When the last run will end, as local time and as time from now.
fn describe_end(at_s: i64) -> String {
    let left_s = at_s - Timestamp::now().as_second();
    let left = Duration::from_secs(left_s.max(0) as u64);
    format!("{}, in {}", local_time(at_s), in_words(left))
}

/// Returns a Unix time as local time.
fn local_time(unix_s: i64) -> String {
    words::local_time(unix_s, &TimeZone::system())
}
