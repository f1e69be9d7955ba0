//! `sim plan`: shows which runs would be made, how long they would take, and how much disk space they would need.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::builder::RangedI64ValueParser;
use jiff::{ToSpan, Zoned};
use sim::experiment::{EngineKind, Experiment, Shard};
use sim::log::{Attempts, DatasetWriter, set_options};
use sim::sweep::words::{bytes_in_words, grouped, in_words};
use sim::sweep::{Capacity, Options, Plan, free_bytes};
use sim::table::{pairs, terminal_width};

use super::cluster::Cluster;
use super::{ExperimentArgs, print};

/// The shortest wall time for which the end is shown with its date. For a shorter wall time, the day of the week and the time are enough.
/// Six days and not seven: on a Monday, `Monday` must not stand for the Monday of the next week.
const SHORTEST_WITH_DATE: Duration = Duration::from_secs(6 * 24 * 3600);
/// The longest wall time from which an end is calculated: 10 000 years. Longer ones are shortened to it, because [`ToSpan`] panics at much
/// longer times. This does not change the end that is shown: the calendar of [`Zoned`] ends with the year 9999, and any later end is shown
/// as a date at the end of that year.
const LONGEST_WALL_TIME: Duration = Duration::from_secs(10_000 * 365 * 24 * 3600);

/// Show what would run: configurations, runs done and left to do, wall time, memory, disk space, sockets
#[derive(clap::Args)]
#[command(after_help = "Examples:
  sim plan experiments/overnight.toml
  sim plan experiments/overnight.toml --shard 1/4
  sim plan experiments/overnight.toml --slurm 8 --at-once 4 > overnight.sbatch
  sim plan experiments/overnight.toml --parallel 4 > overnight.sh

The margin of a run says how much delay it tolerates: if the largest delay of a tick plus the largest delay of a message is less than the \
margin, the run has the same events as without delays.")]
pub struct Args {
    #[command(flatten)]
    experiment: ExperimentArgs,
    /// Print a script for Slurm that runs the experiment in N parts (shards), as a job array. The script contains limits of time,
    /// memory and open files, which are taken from the plan. Submit the script with sbatch
    #[arg(long, value_name = "N", value_parser = shards(), help_heading = SCRIPTS, conflicts_with_all = ["shard", "only"])]
    slurm: Option<u32>,
    /// Print a script that runs the experiment in N parts (shards) with GNU parallel, on this computer or several hosts
    #[arg(long, value_name = "N", value_parser = shards(), help_heading = SCRIPTS, conflicts_with_all = ["slurm", "shard", "only"])]
    parallel: Option<u32>,
    /// Run at most M shards at the same time. With --slurm this is the limit for all computers together, with --parallel for each host
    #[arg(long, value_name = "M", value_parser = shards(), help_heading = SCRIPTS)]
    at_once: Option<u32>,
}

/// The heading of options for several computers.
const SCRIPTS: &str = "Scripts for several computers";

/// Parses a number of shards.
fn shards() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(Shard::MAX))
}

/// Returns the script of --slurm or --parallel. Without these options, returns `None`.
fn script(
    args: &Args,
    experiment: &Experiment,
    options: &Options,
    capacity: &Capacity,
) -> Result<Option<String>> {
    let Some(shards) = args.slurm.or(args.parallel) else {
        if args.at_once.is_some() {
            bail!("--at-once limits the shards of a script; add --slurm N or --parallel N");
        }
        return Ok(None);
    };
    let mut shard = experiment.clone();
    shard.keep_shard(experiment.largest_shard(shards));
    // The script's limits of time and memory must be enough for all runs of a shard. So the plan assumes that no run is done yet.
    let largest = Plan::new(&shard, &Attempts::default(), options, capacity)?;
    let cluster = Cluster {
        experiment,
        largest: &largest,
        capacity,
        shards,
        at_once: args.at_once,
    };
    Ok(Some(match args.slurm {
        Some(_) => cluster.slurm(),
        None => cluster.parallel(),
    }))
}

/// Prints the plan as a table.
pub fn run(args: &Args) -> Result<ExitCode> {
    let experiment = args.experiment.read()?;
    let root = args.experiment.dataset_folder(&experiment)?;
    let options = args.experiment.options();
    let capacity = Capacity::for_this_process();
    Plan::check(&experiment, &options, &capacity)?;
    if let Some(script) = script(args, &experiment, &options, &capacity)? {
        return print(&script);
    }
    let (experiment, attempts) = DatasetWriter::inspect(&root, &experiment)?;
    let plan = Plan::new(&experiment, &attempts, &options, &capacity)?;
    print(&table(&experiment, &plan, &root, &capacity))
}

/// The value of the row `shortest margin`, such as `at least 55.556 ms (rates 1,3,6, phase spread)`. Only a configuration with the phase rule
/// `spread` has a guaranteed margin: each of its runs has at least this margin. The row shows the shortest guaranteed margin of all
/// configurations, in wall time. If some configurations have other phase rules, the row says so. `None` if no configuration has the rule
/// `spread`.
fn margin(experiment: &Experiment) -> Option<String> {
    let configurations = experiment.configurations();
    let guaranteed = configurations
        .iter()
        .filter(|configuration| configuration.guaranteed_margin_ns() > 0);
    let shortest = guaranteed
        .clone()
        .min_by_key(|configuration| configuration.guaranteed_margin_ns())?;
    // Margins are in model time.
    let wall_ms = shortest.guaranteed_margin_ns() as f64 / experiment.time_scale / 1e6;
    let others = match guaranteed.count() == configurations.len() {
        true => "",
        false => "; other phases have no guaranteed margin",
    };
    Some(format!(
        "at least {wall_ms:.3} ms (rates {}, phase {}){others}",
        shortest.rates, shortest.phase
    ))
}

/// Returns when `sim run` would end if it started now: day of the week and time, with the date if the end is six or more days away.
fn end_if_started_now(wall_time: Duration) -> String {
    let seconds = wall_time.as_secs().min(LONGEST_WALL_TIME.as_secs()) as i64;
    let end = Zoned::now().saturating_add(seconds.seconds());
    let format = if wall_time < SHORTEST_WITH_DATE {
        "%A %H:%M"
    } else {
        "%A %Y-%m-%d %H:%M"
    };
    end.strftime(format).to_string()
}

/// The planned memory (`needed` bytes) in words, and the available memory, if it is known.
fn memory(needed: u64, capacity: &Capacity) -> String {
    let available = match capacity.memory_bytes {
        // Not known.
        u64::MAX => String::new(),
        available => format!(" of {} available", bytes_in_words(available)),
    };
    format!("about {}{available}", bytes_in_words(needed))
}

/// How many repetitions each configuration has, such as `10`. Some configurations can have more repetitions than the others. For example,
/// `10; up to 40 in 2 of the configurations` means: two configurations have more than 10, at most 40, and all others have 10.
fn repetitions(experiment: &Experiment) -> String {
    let each = grouped(u64::from(experiment.repetitions));
    // The configurations with more repetitions, each with its number of repetitions.
    let more = &experiment.more_repetitions;
    match more.values().max() {
        None => each,
        Some(&largest) => format!(
            "{each}; up to {} in {} of the configurations",
            grouped(u64::from(largest)),
            grouped(more.len() as u64)
        ),
    }
}

/// The plan as a table with two columns: names and values. If no run is left to do, the table does not say what the runs to do need.
fn table(experiment: &Experiment, plan: &Plan, root: &Path, capacity: &Capacity) -> String {
    let mut rows = vec![];
    let runs = format!(
        "{} ({} done, {} failed, {} to do)",
        grouped(plan.planned),
        grouped(plan.done),
        grouped(plan.failed),
        grouped(plan.to_do.len() as u64)
    );
    let engine = match experiment.engine {
        EngineKind::Tcp if experiment.time_scale == 1.0 => "tcp, in real time".to_owned(),
        EngineKind::Tcp => format!("tcp, {} times faster than real time", experiment.time_scale),
        EngineKind::Virtual => "virtual time".to_owned(),
    };
    let mut row = |name: &'static str, value: String| rows.push((name, value));
    row("experiment", experiment.name.clone());
    if !experiment.changes().is_empty() {
        row("changed by", set_options(experiment.changes()));
    }
    row("dataset", root.display().to_string());
    if let Some(shard) = experiment.shard() {
        row("shard", shard.to_string());
    }
    row(
        "configurations",
        grouped(experiment.configurations().len() as u64),
    );
    row("repetitions", repetitions(experiment));
    row("runs", runs);
    row("engine", engine);
    if experiment.engine == EngineKind::Tcp
        && let Some(margin) = margin(experiment)
    {
        row("shortest margin", margin);
    }
    if plan.to_do.is_empty() {
        return pairs(rows, terminal_width());
    }
    row(
        "runs at once",
        format!("{} ({})", grouped(plan.width.runs as u64), plan.width.limit),
    );
    if experiment.engine == EngineKind::Tcp {
        row("sockets at once", grouped(plan.sockets));
    }
    row("wall time", format!("about {}", in_words(plan.wall_time)));
    row("would finish", end_if_started_now(plan.wall_time));
    row("memory", memory(plan.memory_bytes, capacity));
    row("disk", disk(plan.disk_bytes, free_bytes(root)));
    pairs(rows, terminal_width())
}

/// How much disk space the runs to do need, and how much is free.
fn disk(needed: u64, free: Option<u64>) -> String {
    let needed_in_words = bytes_in_words(needed);
    match free {
        Some(free) if free < needed => format!(
            "about {needed_in_words}, but only {} are free: the sweep would stop when the disk is full",
            bytes_in_words(free)
        ),
        Some(free) => format!("about {needed_in_words} of {} free", bytes_in_words(free)),
        None => format!("about {needed_in_words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_says_if_the_disk_is_too_small() {
        assert_eq!(
            disk(2_000_000, Some(30_000_000)),
            "about 2.00 MB of 30.0 MB free"
        );
        let too_small = disk(30_000_000, Some(2_000_000));
        assert!(
            too_small.starts_with("about 30.0 MB, but only 2.00 MB are free"),
            "{too_small}"
        );
    }
}
