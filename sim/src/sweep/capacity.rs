//! What this process may hold - files, cores, processes - and how many runs at once that carries.

use std::fmt;
use std::path::Path;

use super::{Options, limits, memory};
use crate::engine::tcp;
use crate::experiment::{Configuration, Connection, EngineKind, Experiment, Isolation};

/// Files kept free for everything but runs: the dataset, the terminal, the event loops.
const SPARE_FILES: u64 = 64;
/// Ticks per second that one core's event loop carries with most deadlines kept to fractions of a millisecond. It carries several
/// times as many, later.
const TICKS_PER_SECOND_PER_CORE: f64 = 60_000.0;
/// A message over a connection of its own takes some 60 to 80 us of a core, as long as so many ticks.
const TICKS_PER_CONNECTION: f64 = 5.0;
/// Machines in processes of their own that one core carries with their deadlines kept to fractions of a millisecond.
const PROCESSES_PER_CORE: u64 = 48;
/// Threads of a machine's process: the machine, and one that waits for the end of its stdin.
const THREADS_PER_PROCESS: u64 = 2;
/// Threads kept free for everything but runs: the writer, the engine, signals, and what else the user may start meanwhile.
const SPARE_THREADS: u64 = 8;
/// What systems allow that do not say.
const FILES_IF_UNKNOWN: u64 = 1024;

/// What this process may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// Files and sockets open at once.
    pub files: u64,
    /// Cores it may use.
    pub cores: usize,
    /// Bytes of memory that it can still have.
    pub memory_bytes: u64,
    /// Processor time it may take, in cores, where that is limited (a control group's quota).
    pub cpu_quota: Option<f64>,
    /// Processes and threads that it may start, where that is limited (`ulimit -u`, a control group's pids.max).
    pub threads: Option<u64>,
}

/// How many runs go at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    /// Runs at once.
    pub runs: usize,
    /// What keeps it from being more.
    pub limit: WidthLimit,
}

/// What limits the number of runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WidthLimit {
    /// There are no more runs.
    Runs,
    /// `--jobs` says so.
    Jobs,
    /// The files this process may open.
    Files(u64),
    /// The ticks per second its cores carry on time.
    Ticks,
    /// The memory that they take.
    Memory,
    /// Its cores, one run each.
    Cores,
    /// The processes its cores carry on time.
    Processes,
    /// The processes and threads it may start.
    Threads(u64),
    /// The processor time that its control group allows, in hundredths of a core.
    CpuQuota(u64),
}

impl fmt::Display for WidthLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs => f.write_str("all that are to do"),
            Self::Jobs => f.write_str("as --jobs says"),
            Self::Files(files) => write!(f, "limited by the {files} files a process may open"),
            Self::Ticks => f.write_str("limited by the ticks per second the cores carry on time"),
            Self::Memory => f.write_str("limited by the memory that they take"),
            Self::Cores => f.write_str("one a core"),
            Self::Processes => f.write_str("limited by the processes the cores carry on time"),
            Self::Threads(threads) => write!(
                f,
                "limited by the {threads} processes and threads that may still be started (ulimit -u, the cgroup's pids.max)"
            ),
            Self::CpuQuota(hundredths) => {
                let (cores, rest) = (hundredths / 100, hundredths % 100);
                write!(
                    f,
                    "limited by the cgroup's CPU quota of {cores}.{rest:02} cores"
                )
            }
        }
    }
}

impl Capacity {
    /// What this process may hold. Raises its limit of open files as far as it is allowed to.
    pub fn of_this_process() -> Self {
        let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(FILES_IF_UNKNOWN);
        Self {
            files,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory::available_bytes(),
            cpu_quota: limits::cpu_quota(),
            threads: limits::free_tasks(),
        }
    }

    /// Processor time it has, in cores.
    fn processor(&self) -> f64 {
        let cores = self.cores as f64;
        self.cpu_quota.map_or(cores, |quota| quota.min(cores))
    }

    /// `limit`, or the quota of processor time if that is less than the cores.
    fn or_quota(&self, limit: WidthLimit) -> WidthLimit {
        match self.cpu_quota {
            Some(quota) if quota <= self.cores as f64 => {
                WidthLimit::CpuQuota((quota * 100.0).round() as u64)
            }
            _ => limit,
        }
    }

    /// How many runs of `configuration` fit into the processes and threads there may be; nothing where those are not limited.
    pub fn runs_by_threads(
        &self,
        experiment: &Experiment,
        configuration: &Configuration,
    ) -> Option<u64> {
        let free = self.threads?.saturating_sub(SPARE_THREADS);
        match (experiment.engine, experiment.isolation) {
            (EngineKind::Virtual, _) => Some(free),
            // Event loops, one a core at the most: where they cannot all be started, fewer do.
            (EngineKind::Tcp, Isolation::Shared) => None,
            (EngineKind::Tcp, Isolation::Process) => Some(free / threads_per_run(configuration)),
        }
    }

    /// How many runs of `configuration` fit into the files, connections and listeners counted.
    pub fn runs_by_files(&self, configuration: &Configuration) -> u64 {
        let spare = self.spare_files(configuration.rates.machines());
        self.files.saturating_sub(spare) / tcp::sockets_per_run(configuration)
    }

    /// Files to be had beside the connections of runs of `machines` machines.
    pub(super) fn spare_files(&self, machines: u32) -> u64 {
        SPARE_FILES + self.cores as u64 * tcp::files_for_setup(machines)
    }

    /// How many of `to_do` runs to have at once. `heaviest` is the most demanding configuration among them.
    pub fn width(
        &self,
        experiment: &Experiment,
        options: &Options,
        to_do: u64,
        heaviest: &Configuration,
    ) -> Width {
        let mut limits = vec![(to_do.max(1), WidthLimit::Runs)];
        if memory::holds_every_run(experiment) {
            let largest = largest_run_bytes(experiment);
            limits.push((self.memory_bytes / largest.max(1), WidthLimit::Memory));
        }
        if let (Some(threads), Some(runs)) =
            (self.threads, self.runs_by_threads(experiment, heaviest))
        {
            limits.push((runs, WidthLimit::Threads(threads)));
        }
        match experiment.engine {
            EngineKind::Virtual => {
                limits.extend(options.jobs.map(|jobs| (jobs as u64, WidthLimit::Jobs)));
                limits.push((self.cores as u64, self.or_quota(WidthLimit::Cores)));
            }
            EngineKind::Tcp => {
                limits.push((self.runs_by_files(heaviest), WidthLimit::Files(self.files)));
                if experiment.isolation == Isolation::Process && options.jobs.is_none() {
                    let processes = (PROCESSES_PER_CORE as f64 * self.processor()) as u64;
                    let runs = processes / u64::from(heaviest.rates.machines());
                    limits.push((runs, self.or_quota(WidthLimit::Processes)));
                }
                limits.push(match options.jobs {
                    Some(jobs) => (jobs as u64, WidthLimit::Jobs),
                    None => (
                        self.runs_by_ticks(experiment, heaviest),
                        self.or_quota(WidthLimit::Ticks),
                    ),
                });
            }
        }
        let (runs, limit) = limits
            .into_iter()
            .min_by_key(|&(runs, _)| runs)
            .unwrap_or((1, WidthLimit::Runs));
        Width {
            runs: runs.max(1) as usize,
            limit,
        }
    }

    /// Threads for `width` runs at once: a core each in virtual time; over TCP as many event loops as carry the ticks, because
    /// one busy loop sleeps and wakes less often than two half idle ones.
    pub(super) fn workers(
        &self,
        experiment: &Experiment,
        width: &Width,
        heaviest: &Configuration,
    ) -> usize {
        match experiment.engine {
            EngineKind::Virtual => width.runs,
            EngineKind::Tcp => {
                let ticks_per_second = width.runs as f64 * ticks_per_second(experiment, heaviest);
                let loops = (ticks_per_second / TICKS_PER_SECOND_PER_CORE).ceil() as usize;
                loops.clamp(1, self.cores.min(width.runs))
            }
        }
    }

    fn runs_by_ticks(&self, experiment: &Experiment, heaviest: &Configuration) -> u64 {
        let runs_per_core = TICKS_PER_SECOND_PER_CORE / ticks_per_second(experiment, heaviest);
        (runs_per_core * self.processor()) as u64
    }
}

/// Bytes of memory that the largest run takes.
fn largest_run_bytes(experiment: &Experiment) -> u64 {
    let configurations = experiment.configurations().iter();
    let bytes = configurations.map(|configuration| memory::bytes_of_run(configuration));
    bytes.max().unwrap_or(0)
}

/// Processes and threads of a run in processes: its machines', and the one here that looks after them.
pub(super) fn threads_per_run(configuration: &Configuration) -> u64 {
    1 + THREADS_PER_PROCESS * u64::from(configuration.rates.machines())
}

/// Bytes that can still be written where `folder` is or will be, where the system tells.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let folder = std::path::absolute(folder).ok()?;
        let disk = folder
            .ancestors()
            .find_map(|index| rustix::fs::statvfs(index).ok())?;
        Some(disk.f_bavail * disk.f_frsize)
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Ticks per wall second of a run; a message that takes a new connection is worth as many as take its processor time.
fn ticks_per_second(experiment: &Experiment, configuration: &Configuration) -> f64 {
    let ticks: f64 = configuration.rates.iter().map(|rate| rate.hertz()).sum();
    let connections = match configuration.connection {
        Connection::Persistent => 0.0,
        Connection::PerMessage => configuration.messages_per_second(),
    };
    (ticks + TICKS_PER_CONNECTION * connections) * experiment.time_scale
}
