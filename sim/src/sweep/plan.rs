//! The plan of a sweep (of one `sim run`): which runs must be made, how many at once, how long they take, and how much space they need.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::capacity::threads_per_run;
use super::words::{bytes_in_words, grouped};
use super::{Capacity, Options, Width, memory};
use crate::engine::tcp::{self, PortsTaken};
use crate::experiment::{Configuration, EngineKind, Experiment, Run, RunName};
use crate::log::Attempts;

/// Approximate length of a row of the event log in bytes, for estimates of space on the disk. Rows of runs over TCP are longer, because
/// Unix times have more digits than virtual times.
const ROW_BYTES: [(EngineKind, u64); 2] = [(EngineKind::Tcp, 53), (EngineKind::Virtual, 44)];
/// Approximate length of a row of the journal (`runs.csv`) in bytes.
const JOURNAL_ROW_BYTES: u64 = 400;
/// Approximate number of ticks that the virtual engine does on one core per wall second, including the writing of logs.
const VIRTUAL_TICKS_PER_SECOND: f64 = 4e6;
/// Approximate wall time to set up one connection.
const SETUP_PER_CONNECTION: Duration = Duration::from_micros(50);

/// Why a plan is not possible on this computer.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A single run needs too many open files. Each socket counts as an open file, and this process may have only so many open files.
    #[error(
        "a run of {machines} machines needs {needed} open files ({sockets} of them sockets), but this process may open {files}; raise the limit (ulimit -n), use fewer machines, or use --engine virtual"
    )]
    TooFewFiles {
        /// Number of machines of the run.
        machines: u32,
        /// Number of sockets that the run needs.
        sockets: u64,
        /// Number of files that the process needs to have open at once, including the sockets.
        needed: u64,
        /// Number of files that this process may have open at once.
        files: u64,
    },
    /// A single run needs more memory than is available.
    #[error(
        "a run of {machines} machines for {duration_s} s has about {} events and needs about {} of memory, but this process can get {}; use a shorter duration_s, lower rates, or more memory (see ulimit -v and control groups)",
        grouped(*.events), bytes_in_words(*.needed), bytes_in_words(*.available)
    )]
    TooLittleMemory {
        /// Number of machines of the run.
        machines: u32,
        /// Length of the run in model seconds.
        duration_s: f64,
        /// Approximate number of its events.
        events: u64,
        /// Approximate number of bytes that it needs.
        needed: u64,
        /// Number of bytes that are available.
        available: u64,
    },
    /// A single run needs more processes and threads than may be started.
    #[error(
        "a run of {machines} machines in processes needs {needed} processes and threads, but {threads} may still be started; raise the limit (ulimit -u, the cgroup's pids.max), use fewer machines, or use --isolation shared"
    )]
    TooFewThreads {
        /// Number of machines of the run.
        machines: u32,
        /// Number of processes and threads that the run needs.
        needed: u64,
        /// Number of processes and threads that may still be started.
        threads: u64,
    },
    /// The option `--only` names a run that is not planned.
    #[error("--only {0}: no such run; runs have numbers from 0, and keys as in runs.csv")]
    NoSuchRun(RunName),
    /// Machines find no free ports.
    #[error(transparent)]
    Ports(#[from] PortsTaken),
}

/// What a sweep is going to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Number of all planned runs.
    pub planned: u64,
    /// Number of planned runs that are done.
    pub done: u64,
    /// Number of planned runs that failed. They are not tried again, except those that the user chose with `--only`.
    pub failed: u64,
    /// Number of runs in the dataset that are not planned any more, because the experiment file was made smaller. They stay in the dataset.
    pub no_longer_planned: u64,
    /// The runs to do, in order.
    pub to_do: Vec<Run>,
    /// How many runs are made at once, and what limits this number.
    pub width: Width,
    /// Number of threads that make the runs. If each machine is a process of its own, this number is not used: then each run that is made
    /// has a thread (`width.runs` threads).
    pub workers: usize,
    /// Approximate wall time.
    pub wall_time: Duration,
    /// Approximate bytes of memory that the sweep needs: for the runs under way, for ended runs that wait for the writer (the thread that
    /// writes the event log), and what this process already uses.
    pub memory_bytes: u64,
    /// How many events the tcp engine keeps in memory at most, of all runs under way together. Further events go to files.
    pub events_in_memory: usize,
    /// How many ended runs can wait in the writer's queue. The workers have queues of the same size for their ended runs: one for each worker
    /// in virtual time, and a common one over TCP.
    pub max_waiting_runs: usize,
    /// Approximate number of bytes that the runs to do will add to the disk.
    pub disk_bytes: u64,
    /// Number of sockets that are open at once.
    pub sockets: u64,
    /// Number of files that the sweep needs to have open at once, including the sockets.
    pub files: u64,
    /// Number of ticks of the runs to do.
    pub ticks: u64,
}

impl Plan {
    /// Checks whether each run of `experiment` is possible on this computer if no other run is made at the same time. For runs over TCP,
    /// opens sockets for a moment, to find out whether enough ports are free.
    ///
    /// # Errors
    ///
    /// Returns [`PlanError`] if a run is not possible.
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
        // `runs_by_files` says how many runs of a configuration the limit of open files allows at once. If it is 0, not even
        // one run is possible.
        let too_large =
            configurations().find(|configuration| capacity.runs_by_files(configuration) == 0);
        if let Some(configuration) = too_large {
            let machines = machines(configuration);
            let sockets = tcp::sockets_per_run(configuration);
            return Err(PlanError::TooFewFiles {
                machines,
                sockets,
                needed: sockets + capacity.spare_files(machines),
                files: capacity.files,
            });
        }
        // `runs_by_threads` says the same for the limit of processes and threads. It is `None` if there is no limit.
        let too_large = configurations()
            .find(|configuration| capacity.runs_by_threads(experiment, configuration) == Some(0));
        if let Some(configuration) = too_large {
            return Err(PlanError::TooFewThreads {
                machines: machines(configuration),
                needed: threads_per_run(configuration),
                threads: capacity.threads.unwrap_or(0),
            });
        }
        // An experiment has at least one configuration, so there is a maximum, and the 2 is never used.
        let max_machines = configurations().map(machines).max().unwrap_or(2);
        Ok(tcp::probe(&options.ports, max_machines)?)
    }

    /// Plans the runs of `experiment` that are still to do, given the runs that were attempted.
    ///
    /// # Errors
    ///
    /// Returns [`PlanError::NoSuchRun`] if `--only` names a run that is not planned.
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
            // `Some(true)`: an attempt was successful. `Some(false)`: all attempts failed. `None`: the run was not attempted.
            match attempts.finished(run.index) {
                Some(true) => done += 1,
                Some(false) if !options.retry_failed => failed += 1,
                None | Some(false) => to_do.push(run),
            }
        }
        let tried_again = to_do
            .iter()
            .filter(|run| attempts.finished(run.index).is_some());
        // A planned run that was attempted is counted in `done`, in `failed` or in `tried_again`. All other attempted runs are not planned
        // any more.
        let no_longer_planned = attempts.len() - done - failed - tried_again.count() as u64;
        if !options.only.is_empty() {
            to_do = select_only(&options.only, experiment, attempts)?;
        }
        let heaviest = heaviest(experiment);
        let by_configuration = by_configuration(&to_do);
        let width = capacity.width(experiment, options, to_do.len() as u64, heaviest);
        let workers = capacity.workers(experiment, &width);
        // In virtual time, each worker has a queue of ended runs, and the writer has one. Over TCP, the workers share one queue, so there are
        // only two. `workers + 1` is at least 2, so it is large enough there too.
        let queues = workers as u64 + 1;
        let max_waiting_runs = memory::max_waiting_runs(largest(experiment), queues);
        let machines = heaviest.rates.machines();
        let sockets = match experiment.engine {
            EngineKind::Tcp => width.runs as u64 * tcp::sockets_per_run(heaviest),
            EngineKind::Virtual => 0,
        };
        Ok(Self {
            planned,
            done,
            failed,
            no_longer_planned,
            wall_time: wall_time(experiment, &by_configuration, &width, capacity),
            memory_bytes: memory_bytes(
                experiment,
                &width,
                // How many ended runs can wait for the writer: as many as all queues hold, but at most all runs to do.
                (max_waiting_runs as u64 * queues).min(to_do.len() as u64),
                capacity,
            ),
            events_in_memory: memory::events_in_memory(capacity.memory_bytes) as usize,
            max_waiting_runs,
            disk_bytes: disk_bytes(experiment, &by_configuration),
            // Spare files are needed for the dataset, the terminal and the set-up of runs.
            files: sockets + capacity.spare_files(machines),
            ticks: ticks(&by_configuration),
            workers,
            sockets,
            width,
            to_do,
        })
    }

    /// Estimates the wall time of a sweep of `experiment`. `runs` says for each configuration how many runs of it the sweep makes.
    pub fn wall_time_of(
        experiment: &Experiment,
        runs: &[(&Configuration, u64)],
        options: &Options,
        capacity: &Capacity,
    ) -> Duration {
        let groups: Vec<Group<'_>> = runs
            .iter()
            .map(|&(configuration, runs)| Group {
                configuration,
                runs,
            })
            .collect();
        let run_count = count_runs(&groups);
        let width = capacity.width(experiment, options, run_count, heaviest(experiment));
        wall_time(experiment, &groups, &width, capacity)
    }

    /// Returns how many runs worker `worker` makes at once. The runs are distributed evenly.
    pub fn width_of(&self, worker: usize) -> usize {
        let each = self.width.runs / self.workers;
        // The runs that are left over go to the first workers, one to each.
        let left_over = self.width.runs % self.workers;
        if worker < left_over { each + 1 } else { each }
    }
}

/// Returns the configuration whose runs need the most sockets. If several configurations need equally many sockets, returns one of those
/// whose runs have the most ticks. Over TCP, the number of runs at once depends on the sockets and ticks of one run of this configuration.
/// (The runs of another configuration can need more memory: see [`largest`].)
fn heaviest(experiment: &Experiment) -> &Configuration {
    let demand = |configuration: &&Configuration| {
        (
            tcp::sockets_per_run(configuration),
            configuration.expected_ticks(),
        )
    };
    let configurations = experiment.configurations().iter();
    configurations
        .map(|configuration| &**configuration)
        .max_by_key(demand)
        .unwrap_or_else(|| {
            unreachable!("an experiment without configurations is refused when it is read")
        })
}

/// Returns the configuration whose runs need the most memory.
fn largest(experiment: &Experiment) -> &Configuration {
    let configurations = experiment.configurations().iter();
    configurations
        .max_by_key(|configuration| memory::bytes_of_run(configuration))
        .unwrap_or_else(|| {
            unreachable!("an experiment without configurations is refused when it is read")
        })
}

/// Checks that memory can hold the largest run alone.
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

/// Returns approximately how many bytes of memory a sweep needs: for the runs under way, for `waiting_runs` runs that wait for the writer,
/// and what this process already uses.
fn memory_bytes(
    experiment: &Experiment,
    width: &Width,
    waiting_runs: u64,
    capacity: &Capacity,
) -> u64 {
    let largest = largest(experiment);
    let at_once = width.runs as u64;
    memory::bytes_at_once(experiment, largest, at_once, capacity.memory_bytes)
        .saturating_add(memory::waiting_bytes(largest, waiting_runs))
        .saturating_add(memory::used_bytes())
}

/// Returns the runs with these names, in the order of the plan. Leaves out the runs that were successful in an earlier attempt. If a run is
/// named twice, it is returned once.
fn select_only(
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

/// A configuration, and how many of its runs the sweep makes.
struct Group<'r> {
    configuration: &'r Configuration,
    runs: u64,
}

/// Groups `runs` by configuration, so that the needs of a configuration are calculated only once.
fn by_configuration(runs: &[Run]) -> Vec<Group<'_>> {
    // All runs of a configuration point to the same `Configuration` in memory (through an `Arc`). So the address identifies the
    // configuration.
    let mut indices: HashMap<*const Configuration, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = vec![];
    for run in runs {
        let configuration = &*run.configuration;
        let index = *indices.entry(configuration).or_insert(groups.len());
        // If the configuration has no group yet, `index` is the length of the list. The new group is added there.
        if index == groups.len() {
            groups.push(Group {
                configuration,
                runs: 0,
            });
        }
        groups[index].runs += 1;
    }
    groups
}

/// Returns the sum of `value` over all runs; each run has the value of its configuration. If the sum needs more than 64 bits, returns
/// `u64::MAX`.
fn sum(groups: &[Group<'_>], value: impl Fn(&Configuration) -> u64) -> u64 {
    let of_group = |group: &Group<'_>| value(group.configuration).saturating_mul(group.runs);
    groups.iter().map(of_group).fold(0, u64::saturating_add)
}

fn count_runs(groups: &[Group<'_>]) -> u64 {
    sum(groups, |_| 1)
}

fn ticks(groups: &[Group<'_>]) -> u64 {
    sum(groups, Configuration::expected_ticks)
}

/// Returns approximately how long the runs in `groups` take.
fn wall_time(
    experiment: &Experiment,
    groups: &[Group<'_>],
    width: &Width,
    capacity: &Capacity,
) -> Duration {
    match experiment.engine {
        EngineKind::Virtual => {
            let cores = capacity.usable_cores().min(width.runs as f64);
            Duration::from_secs_f64(ticks(groups) as f64 / VIRTUAL_TICKS_PER_SECOND / cores)
        }
        EngineKind::Tcp => {
            // The estimate assumes that runs start in waves of `width.runs` runs, and that each wave takes as long as the longest run.
            let waves = count_runs(groups).div_ceil(width.runs as u64);
            let longest_run_s = groups
                .iter()
                .map(|group| group.configuration.duration_s())
                .fold(0.0, f64::max);
            // A connection has a socket at each side.
            let connections = sum(groups, |configuration| {
                tcp::sockets_per_run(configuration) / 2
            });
            let set_up = SETUP_PER_CONNECTION.mul_f64(connections as f64 / capacity.usable_cores());
            Duration::from_secs_f64(waves as f64 * longest_run_s / experiment.time_scale) + set_up
        }
    }
}

/// Returns approximately how many bytes the runs in `groups` will add to the files of the dataset.
fn disk_bytes(experiment: &Experiment, groups: &[Group<'_>]) -> u64 {
    let row_bytes = ROW_BYTES
        .iter()
        .find(|(engine, _)| *engine == experiment.engine)
        .map_or(0, |(_, bytes)| *bytes);
    sum(groups, |configuration| {
        configuration.expected_rows() * row_bytes + JOURNAL_ROW_BYTES
    })
}
