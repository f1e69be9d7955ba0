//! The scripts that `sim plan --slurm` and `sim plan --parallel` print. A script makes the runs of an experiment in shards, one shard
//! in each job. With `--slurm`, the jobs are a job array of Slurm. With `--parallel`, GNU parallel starts the jobs. The limits of time and
//! memory in a script come from the plan of the largest shard.

use std::env;
use std::fmt::Write;
use std::time::Duration;

use sim::console::command_line;
use sim::experiment::{EngineKind, Experiment};
use sim::sweep::words::{bytes_in_words, grouped, in_words};
use sim::sweep::{Capacity, Plan};

/// A ready-made script for Slurm. The scripts for Slurm that are generated here have other options, but the same commands (the *body*).
const SBATCH: &str = include_str!("../../../experiments/slurm/sweep.sbatch");
/// The first line of the body of [`SBATCH`]. The lines above it are options and comments.
const BODY_START: &str = "set -euo pipefail\n";
/// The beginning of one line of the body. This line sets the variable `submit` to the command that submits the script. The script's error
/// messages show this command.
const SUBMIT: &str = "submit='sbatch ";
/// Options of `sim plan` that `sim run` does not have.
const OWN_OPTIONS: [&str; 3] = ["--slurm", "--parallel", "--at-once"];

/// The time limit is the planned time multiplied by this, plus [`TIME_FOR_START`].
const TIME_FACTOR: f64 = 1.5;
/// Time for the start of a job, in addition to the time of its runs.
const TIME_FOR_START: Duration = Duration::from_secs(5 * 60);
/// The time limit is rounded up to a multiple of this.
const MINUTES_STEP: u64 = 5;
/// The memory limit is the planned memory multiplied by this. It is at least [`MIN_MEGABYTES`].
const MEMORY_FACTOR: f64 = 1.5;
/// The smallest memory limit.
const MIN_MEGABYTES: u64 = 500;
/// The memory limit is rounded up to a multiple of this.
const MEGABYTES_STEP: u64 = 100;

/// What a script is made from.
pub struct Cluster<'p> {
    /// The whole experiment.
    pub experiment: &'p Experiment,
    /// The plan for the experiment's largest shard, as if it ran on this computer.
    pub largest: &'p Plan,
    /// The resources of this computer.
    pub capacity: &'p Capacity,
    /// Number of shards.
    pub shards: u32,
    /// The largest number of shards that run at the same time (--at-once). For GNU parallel, this is the number on each
    /// host. `None` means no limit for Slurm, and one shard for GNU parallel.
    pub at_once: Option<u32>,
}

impl Cluster<'_> {
    /// The time limit of a shard in minutes.
    fn time_limit_minutes(&self) -> u64 {
        let limit = self.largest.wall_time.mul_f64(TIME_FACTOR) + TIME_FOR_START;
        let minutes = limit.as_secs().div_ceil(60);
        minutes.next_multiple_of(MINUTES_STEP)
    }

    /// The memory limit of a shard in megabytes.
    fn memory_limit_megabytes(&self) -> u64 {
        let megabytes = self.largest.memory_bytes as f64 * MEMORY_FACTOR / 1e6;
        (megabytes.ceil() as u64)
            .max(MIN_MEGABYTES)
            .next_multiple_of(MEGABYTES_STEP)
    }

    fn is_tcp(&self) -> bool {
        self.experiment.engine == EngineKind::Tcp
    }

    /// Comments of the script: how many runs the largest shard has, and how much time, memory and disk it needs.
    fn size_comments(&self) -> String {
        let plan = self.largest;
        let mut text = format!(
            "# The largest of the {} shards has {} runs, {} at once. It needs about {}, {} of memory and {} of disk.\n",
            grouped(self.shards.into()),
            grouped(plan.to_do.len() as u64),
            grouped(plan.width.runs as u64),
            in_words(plan.wall_time),
            bytes_in_words(plan.memory_bytes),
            bytes_in_words(plan.disk_bytes),
        );
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "# These sizes hold for {} cores and {} open files, as on the computer where this script was made.",
            self.capacity.cores, self.capacity.files
        );
        text
    }

    /// Lines of the script that warn if fewer open files are allowed than planned. Empty for virtual time, which needs no sockets.
    fn open_files_check(&self) -> String {
        let files = self.largest.files;
        match self.is_tcp() {
            true => format!(
                "# Sockets are open files. If fewer files are allowed, sim makes fewer runs at once and takes longer.\n\
                 limit=$(ulimit -Hn)\n\
                 [[ $limit == unlimited ]] || ((limit >= {files})) || echo \"only $limit open files are allowed here, {files} were planned\" >&2\n"
            ),
            false => String::new(),
        }
    }

    /// Returns a script for `sbatch`.
    pub fn slurm(&self) -> String {
        let mut options = vec![
            format!("--job-name={}", self.experiment.name),
            // `1-4%2` stands for tasks 1 to 4, of which at most two run at the same time.
            match self.at_once {
                Some(at_once) => format!("--array=1-{}%{at_once}", self.shards),
                None => format!("--array=1-{}", self.shards),
            },
            "--nodes=1".to_owned(),
            "--ntasks=1".to_owned(),
            format!("--cpus-per-task={}", self.capacity.cores),
            format!("--time={}", slurm_duration(self.time_limit_minutes())),
            format!("--mem={}M", self.memory_limit_megabytes()),
        ];
        if self.is_tcp() {
            options.push("--exclusive".to_owned());
        }
        // A minute before the time limit, Slurm sends the signal USR1 to the script, which then stops `sim` and requeues itself.
        options
            .extend(["--requeue", "--open-mode=append", "--signal=B:USR1@60"].map(str::to_owned));
        let options = options.iter().map(|option| format!("#SBATCH {option}\n"));
        let reason_for_exclusive = match self.is_tcp() {
            true => {
                "# --exclusive: each shard has a node of its own, because other work on the node makes ticks late.\n"
            }
            false => "",
        };
        // The script's line `set -- ...` sets the arguments that its body passes to `sim run`.
        format!(
            "#!/usr/bin/env bash\n{options}\
             # If your cluster needs an account or a partition, fill them in and remove one # in each line:\n\
             ##SBATCH --account=ACCOUNT\n\
             ##SBATCH --partition=PARTITION\n\
             #\n\
             # Submit it in the project's folder: sbatch FILE. The environment variable SIM is the path of the program [default: target/release/sim].\n{sizes}\
             {reason_for_exclusive}\
             set -- {arguments}\n{files}{body}",
            options = options.collect::<String>(),
            sizes = self.size_comments(),
            arguments = run_arguments(),
            files = self.open_files_check(),
            body = body()
        )
    }

    /// Returns a script that runs the shards with GNU parallel, on this computer or on the hosts (computers) that a file names.
    pub fn parallel(&self) -> String {
        // In the script, `${HOSTS:+...}` adds options only if HOSTS is set. `parallel` replaces `{}` by the number of a shard.
        let at_once = self.at_once.unwrap_or(1);
        let megabytes = self.memory_limit_megabytes();
        let minutes = self.time_limit_minutes();
        format!(
            "#!/usr/bin/env bash\n\
             # Runs {shards} shards with GNU parallel, {at_once} at once on each host. To resume, run it again.\n\
             # The environment variable HOSTS is the path of a file with the name of a host (computer) in each line [default: only this computer].\n\
             # All hosts must see this folder.\n\
             # The environment variable SIM is the path of the program [default: target/release/sim].\n{sizes}\
             # A shard that takes more than {minutes} minutes is stopped; the next start resumes it.\n\
             set -euo pipefail\n{files}\
             parallel ${{HOSTS:+--sshloginfile \"$HOSTS\" --workdir .}} --jobs {at_once} --memfree {megabytes}M --timeout {seconds} \\\n  \
             \"${{SIM:-target/release/sim}}\" run {arguments} --shard '{{}}/{shards}' ::: $(seq {shards})",
            shards = self.shards,
            sizes = self.size_comments(),
            files = self.open_files_check(),
            seconds = minutes * 60,
            arguments = run_arguments(),
        )
    }
}

/// The arguments of `sim run` for the same experiment: the arguments of this `sim plan` without the options that `sim run` does not have.
fn run_arguments() -> String {
    let words: Vec<_> = env::args_os().collect();
    let after_plan = words.iter().position(|word| word == "plan").unwrap_or(0) + 1;
    let mut arguments = vec![];
    let mut words = words.into_iter().skip(after_plan);
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        let is_own_option = OWN_OPTIONS
            .iter()
            .any(|option| text == *option || text.starts_with(&format!("{option}=")));
        if !is_own_option {
            arguments.push(word);
        } else if !text.contains('=') {
            // The value of the option is the next word.
            words.next();
        }
    }
    command_line(arguments)
}

/// The body of [`SBATCH`], but its variable `submit` has the value `sbatch FILE`: the command that submits a generated script.
fn body() -> String {
    let (_, body) = SBATCH.split_once(BODY_START).unwrap_or(("", SBATCH));
    let lines = body.lines().map(|line| match line.starts_with(SUBMIT) {
        true => "submit='sbatch FILE'",
        false => line,
    });
    BODY_START.to_owned() + &lines.collect::<Vec<_>>().join("\n")
}

/// Writes minutes as Slurm wants them: `D-HH:MM:00`.
fn slurm_duration(minutes: u64) -> String {
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match days {
        0 => format!("{hours:02}:{minutes:02}:00"),
        _ => format!("{days}-{hours:02}:{minutes:02}:00"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_written_as_days_hours_and_minutes() {
        let times = [5, 65, 1440 + 61].map(slurm_duration);
        assert_eq!(times, ["00:05:00", "01:05:00", "1-01:01:00"]);
    }

    #[test]
    fn the_body_has_the_new_submit_command_and_no_slurm_options() {
        assert!(SBATCH.contains(BODY_START) && SBATCH.contains(SUBMIT));
        let body = body();
        assert!(body.starts_with(BODY_START) && body.contains("submit='sbatch FILE'"));
        assert!(!body.contains("#SBATCH"), "{body}");
    }
}
