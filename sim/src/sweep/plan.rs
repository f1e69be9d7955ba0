//! The plan of a sweep: which runs are to do, how many at once, how long that takes and how large it gets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::capacity::threads_per_run;
use super::words::{bytes_in_words, grouped};
use super::{Capacity, Options, Width, memory};
use crate::engine::tcp::{self, PortsTaken};
use crate::experiment::{Configuration, EngineKind, Experiment, Run, RunName};
use crate::log::Attempts;

/// Bytes of an event's row, about: Unix times are longer than virtual ones.
const ROW_BYTES: [(EngineKind, u64); 2] = [(EngineKind::Tcp, 53), (EngineKind::Virtual, 44)];
/// Bytes of a journal row, about.
const JOURNAL_ROW_BYTES: u64 = 400;
/// Ticks per second of the virtual engine on one core, logs included, about.
const VIRTUAL_TICKS_PER_SECOND: f64 = 4e6;
/// Wall time to set up a run's mesh, about: per connection.
const SETUP_PER_CONNECTION: Duration = Duration::from_micros(50);

/// Why a plan cannot be carried out here.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// One run alone needs too much.
    #[error(
        "a run of {machines} machines needs {sockets} sockets, but this process may open {files} files; raise the limit (ulimit -n), take fewer machines, or use --engine virtual"
    )]
    TooFewFiles {
        /// Machines of the largest run.
        machines: u32,
        /// Sockets that it needs.
        sockets: u64,
        /// Files that may be open at once.
        files: u64,
    },
    /// One run alone needs more memory than there is.
    #[error(
        "a run of {machines} machines for {duration_s} s logs about {} events and takes about {} of memory, but this process can have {}; take a shorter duration_s or lower rates, or a computer or limit (ulimit -v, control group) with more memory",
        grouped(*.events), bytes_in_words(*.needed), bytes_in_words(*.available)
    )]
    TooLittleMemory {
        /// Machines of the largest run.
        machines: u32,
        /// Model time that it observes, in seconds.
        duration_s: f64,
        /// Events that it logs, about.
        events: u64,
        /// Bytes that it takes, about.
        needed: u64,
        /// Bytes that there are.
        available: u64,
    },
    /// One run alone needs too many processes.
    #[error(
        "a run of {machines} machines in processes needs {needed} processes and threads, but {threads} may still be started; raise the limit (ulimit -u, the cgroup's pids.max), take fewer machines, or use --isolation shared"
    )]
    TooFewThreads {
        /// Machines of the largest run.
        machines: u32,
        /// Processes and threads that it needs.
        needed: u64,
        /// Processes and threads that may still be started.
        threads: u64,
    },
    /// A run that was asked for is not planned.
    #[error("--only {0}: no such run; runs have numbers from 0, and keys as in runs.csv")]
    NoSuchRun(RunName),
    /// Machines find no ports.
    #[error(transparent)]
    Ports(#[from] PortsTaken),
}

/// What a sweep is about to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Runs planned in all.
    pub planned: u64,
    /// Of these, done.
    pub done: u64,
    /// Of these, failed, and not to be tried again.
    pub failed: u64,
    /// Runs that an earlier, larger plan had and that were attempted: they stay.
    pub beyond: u64,
    /// The runs to do, in order.
    pub to_do: Vec<Run>,
    /// Runs at once.
    pub width: Width,
    /// Threads that run them.
    pub workers: usize,
    /// Wall time, about.
    pub wall_time: Duration,
    /// Bytes of memory that the sweep takes, about: the plan itself, the runs that go at once, and those that wait to be written.
    pub memory_bytes: u64,
    /// Events of runs under way that the tcp engine keeps in memory.
    pub events_in_memory: usize,
    /// Finished runs that may wait in each queue on the way to the writer.
    pub waiting: usize,
    /// Bytes on disk when all is done, about.
    pub disk_bytes: u64,
    /// Sockets at once.
    pub sockets: u64,
    /// Files that may be open at once, listeners and all else counted.
    pub files: u64,
    /// Ticks of the runs to do.
    pub ticks: u64,
}

impl Plan {
    /// Whether `experiment` can be run here at all. Opens sockets for a moment.
    ///
    /// # Errors
    ///
    /// [`PlanError`] if not.
    pub fn check(
        experiment: &Experiment,
        options: &Options,
        capacity: &Capacity,
    ) -> Result<(), PlanError> {
        check_memory(experiment, capacity)?;
        if experiment.engine == EngineKind::Virtual {
            return Ok(());
        }
        let configurations = || experiment.configurations().iter();
        let machines = |configuration: &Arc<Configuration>| configuration.rates.machines();
        let too_large =
            configurations().find(|configuration| capacity.runs_by_files(configuration) == 0);
        if let Some(configuration) = too_large {
            return Err(PlanError::TooFewFiles {
                machines: machines(configuration),
                sockets: tcp::sockets_per_run(configuration),
                files: capacity.files,
            });
        }
        let too_large = configurations()
            .find(|configuration| capacity.runs_by_threads(experiment, configuration) == Some(0));
        if let Some(configuration) = too_large {
            return Err(PlanError::TooFewThreads {
                machines: machines(configuration),
                needed: threads_per_run(configuration),
                threads: capacity.threads.unwrap_or(0),
            });
        }
        let most = configurations().map(machines).max().unwrap_or(2);
        Ok(tcp::probe(&options.ports, most)?)
    }

    /// What is to do of `experiment` after what was attempted.
    ///
    /// # Errors
    ///
    /// [`PlanError::NoSuchRun`] if only runs are wanted that are not planned.
    pub fn new(
        experiment: &Experiment,
        attempts: &Attempts,
        options: &Options,
        capacity: &Capacity,
    ) -> Result<Self, PlanError> {
        let (mut planned, mut done, mut failed) = (0, 0, 0);
        let mut to_do = vec![];
        for run in experiment.runs() {
            planned += 1;
            match attempts.finished(run.index) {
                Some(true) => done += 1,
                Some(false) if !options.retry_failed => failed += 1,
                _ => to_do.push(run),
            }
        }
        let again = to_do
            .iter()
            .filter(|run| attempts.finished(run.index).is_some());
        let beyond = attempts.len() - done - failed - again.count() as u64;
        if !options.only.is_empty() {
            to_do = only(&options.only, experiment, attempts)?;
        }
        let demand = |configuration: &&Configuration| {
            (
                tcp::sockets_per_run(configuration),
                configuration.expected_ticks(),
            )
        };
        let heaviest = experiment
            .configurations()
            .iter()
            .map(|configuration| &**configuration)
            .max_by_key(demand)
            .unwrap_or_else(|| {
                unreachable!("an experiment without configurations is refused when it is read")
            });
        let by_configuration = by_configuration(&to_do);
        let width = capacity.width(experiment, options, to_do.len() as u64, heaviest);
        let workers = capacity.workers(experiment, &width, heaviest);
        // The workers' and the one that they lead to.
        let queues = workers as u64 + 1;
        let waiting = memory::waiting(largest(experiment), queues);
        let machines = heaviest.rates.machines();
        let sockets = match experiment.engine {
            EngineKind::Tcp => width.runs as u64 * tcp::sockets_per_run(heaviest),
            EngineKind::Virtual => 0,
        };
        Ok(Self {
            planned,
            done,
            failed,
            beyond,
            wall_time: wall_time(experiment, &by_configuration, &width, capacity),
            memory_bytes: memory_bytes(
                experiment,
                &width,
                (waiting as u64 * queues).min(to_do.len() as u64),
                capacity,
            ),
            events_in_memory: memory::events_in_memory(capacity.memory_bytes) as usize,
            waiting,
            disk_bytes: disk_bytes(experiment, &by_configuration),
            files: sockets + capacity.spare_files(machines),
            ticks: ticks(&by_configuration),
            workers,
            sockets,
            width,
            to_do,
        })
    }

    /// Runs at once in worker `worker`: the width shared out evenly.
    pub fn width_of(&self, worker: usize) -> usize {
        let (each, more) = (
            self.width.runs / self.workers,
            self.width.runs % self.workers,
        );
        each + usize::from(worker < more)
    }
}

/// The configuration whose runs take the most memory.
fn largest(experiment: &Experiment) -> &Configuration {
    let configurations = experiment.configurations().iter();
    configurations
        .max_by_key(|configuration| memory::bytes_of_run(configuration))
        .unwrap_or_else(|| {
            unreachable!("an experiment without configurations is refused when it is read")
        })
}

/// Whether memory holds the largest run alone.
fn check_memory(experiment: &Experiment, capacity: &Capacity) -> Result<(), PlanError> {
    let largest = largest(experiment);
    let needed = memory::bytes_of_run(largest);
    if needed <= capacity.memory_bytes {
        return Ok(());
    }
    Err(PlanError::TooLittleMemory {
        machines: largest.rates.machines(),
        duration_s: largest.duration_s(),
        events: largest.expected_rows(),
        needed,
        available: capacity.memory_bytes,
    })
}

fn memory_bytes(experiment: &Experiment, width: &Width, waiting: u64, capacity: &Capacity) -> u64 {
    let largest = largest(experiment);
    let at_once = width.runs as u64;
    memory::bytes_at_once(experiment, largest, at_once, capacity.memory_bytes)
        .saturating_add(memory::waiting_bytes(largest, waiting))
        .saturating_add(memory::held_bytes())
}

/// The runs of these names that have not finished, in the order of the plan.
fn only(
    names: &[RunName],
    experiment: &Experiment,
    attempts: &Attempts,
) -> Result<Vec<Run>, PlanError> {
    let mut runs = RunName::find_all(names, experiment).map_err(PlanError::NoSuchRun)?;
    runs.sort_by_key(|run| run.index);
    runs.dedup_by_key(|run| run.index);
    runs.retain(|run| attempts.finished(run.index) != Some(true));
    Ok(runs)
}

/// Some of a configuration's runs.
struct Group<'r> {
    configuration: &'r Configuration,
    runs: u64,
}

/// `runs` by their configurations: what a configuration takes is worked out once, not for each of its runs.
fn by_configuration(runs: &[Run]) -> Vec<Group<'_>> {
    let mut numbers: HashMap<*const Configuration, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = vec![];
    for run in runs {
        let configuration = &*run.configuration;
        let number = *numbers.entry(configuration).or_insert(groups.len());
        if number == groups.len() {
            groups.push(Group {
                configuration,
                runs: 0,
            });
        }
        groups[number].runs += 1;
    }
    groups
}

/// The sum of `value` over all runs; what is beyond 64 bits is as good as infinite.
fn sum(groups: &[Group<'_>], value: impl Fn(&Configuration) -> u64) -> u64 {
    let of_group = |group: &Group<'_>| value(group.configuration).saturating_mul(group.runs);
    groups.iter().map(of_group).fold(0, u64::saturating_add)
}

fn ticks(groups: &[Group<'_>]) -> u64 {
    sum(groups, Configuration::expected_ticks)
}

fn wall_time(
    experiment: &Experiment,
    to_do: &[Group<'_>],
    width: &Width,
    capacity: &Capacity,
) -> Duration {
    match experiment.engine {
        EngineKind::Virtual => {
            let cores = capacity.cores.min(width.runs) as f64;
            Duration::from_secs_f64(ticks(to_do) as f64 / VIRTUAL_TICKS_PER_SECOND / cores)
        }
        EngineKind::Tcp => {
            let waves = sum(to_do, |_| 1).div_ceil(width.runs as u64);
            let observed_s = to_do
                .iter()
                .map(|group| group.configuration.duration_s())
                .fold(0.0, f64::max);
            let connections = sum(to_do, |configuration| {
                tcp::sockets_per_run(configuration) / 2
            });
            let set_up = SETUP_PER_CONNECTION.mul_f64(connections as f64 / capacity.cores as f64);
            Duration::from_secs_f64(waves as f64 * observed_s / experiment.time_scale) + set_up
        }
    }
}

fn disk_bytes(experiment: &Experiment, to_do: &[Group<'_>]) -> u64 {
    let row_bytes = ROW_BYTES
        .iter()
        .find(|(engine, _)| *engine == experiment.engine)
        .map_or(0, |(_, bytes)| *bytes);
    sum(to_do, |configuration| {
        configuration.expected_rows() * row_bytes + JOURNAL_ROW_BYTES
    })
}
