//! What this process may hold - files, cores - and how many runs at once that carries.

use std::fmt;
use std::path::Path;

use super::{Options, memory};
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
/// What systems allow that do not say.
const FILES_IF_UNKNOWN: u64 = 1024;

/// What this process may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Files and sockets open at once.
    pub files: u64,
    /// Cores it may use.
    pub cores: usize,
    /// Bytes of memory that it can still have.
    pub memory_bytes: u64,
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
        match experiment.engine {
            EngineKind::Virtual => {
                limits.extend(options.jobs.map(|jobs| (jobs as u64, WidthLimit::Jobs)));
                limits.push((self.cores as u64, WidthLimit::Cores));
            }
            EngineKind::Tcp => {
                limits.push((self.runs_by_files(heaviest), WidthLimit::Files(self.files)));
                if experiment.isolation == Isolation::Process && options.jobs.is_none() {
                    let processes = PROCESSES_PER_CORE * self.cores as u64;
                    let runs = processes / u64::from(heaviest.rates.machines());
                    limits.push((runs, WidthLimit::Processes));
                }
                limits.push(match options.jobs {
                    Some(jobs) => (jobs as u64, WidthLimit::Jobs),
                    None => (self.runs_by_ticks(experiment, heaviest), WidthLimit::Ticks),
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
        (runs_per_core * self.cores as f64) as u64
    }
}

/// Bytes of memory that the largest run takes.
fn largest_run_bytes(experiment: &Experiment) -> u64 {
    let configurations = experiment.configurations().iter();
    let bytes = configurations.map(|configuration| memory::bytes_of_run(configuration));
    bytes.max().unwrap_or(0)
}

/// Bytes that can still be written where `folder` is or will be, where the system tells.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let folder = std::path::absolute(folder).ok()?;
        let disk = folder
            .ancestors()
            .find_map(|place| rustix::fs::statvfs(place).ok())?;
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
