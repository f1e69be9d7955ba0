//! The resources of this process (files, cores, memory, processes), and how many runs can be made at the same time with them.

use std::fmt;
use std::path::Path;

use super::{Options, limits, memory};
use crate::engine::tcp;
use crate::experiment::{Configuration, Connection, EngineKind, Experiment, Isolation};

/// Number of files that are kept free for other things than runs: the dataset, the terminal, the event loops.
const SPARE_FILES: u64 = 64;
/// Number of ticks per second that an event loop (a thread that runs machines) can do on one core with a lateness of less than a
/// millisecond. It can do several times as many ticks, but then they are later.
const TICKS_PER_SECOND_PER_CORE: f64 = 60_000.0;
/// If each message has its own connection, a message counts as this number of ticks. The message takes about 60 to 80 µs of a core's time,
/// and a tick takes about 17 µs (a second divided by [`TICKS_PER_SECOND_PER_CORE`]). The ratio, at most 4.7, is rounded up.
const TICKS_PER_CONNECTION: f64 = 5.0;
/// Number of machines in their own processes that one core can run with a lateness of less than a millisecond.
const PROCESSES_PER_CORE: u64 = 48;
/// Number of threads of a machine's process: one for the machine, and one that ends the process when stdin closes. Stdin is a pipe from
/// `sim run`, so it closes when `sim run` ends.
const THREADS_PER_PROCESS: u64 = 2;
/// Number of threads that are kept free for other things than runs: the writer, the engine, signals, and other programs of the user.
const SPARE_THREADS: u64 = 8;
/// The limit of open files if the system does not report one.
const FILES_IF_UNKNOWN: u64 = 1024;

/// The resources of this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// Number of files and sockets that may be open at once.
    pub files: u64,
    /// Number of cores that the process may use at the same time. With a quota of 1.5 cores, this is 2.
    pub cores: usize,
    /// Bytes of memory that the process can still get.
    pub memory_bytes: u64,
    /// Processor time that the process may use, in cores: 1.5 means 1.5 seconds of processor time per second. `None` if no control group
    /// (of a container, for example) limits it.
    pub cpu_quota: Option<f64>,
    /// Number of processes and threads that the process may still start. `None` if they are not limited by `ulimit -u` or a control
    /// group's `pids.max`.
    pub threads: Option<u64>,
}

/// How many runs are made at the same time, and why not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    /// Number of runs at once.
    pub runs: usize,
    /// What limits this number.
    pub limit: WidthLimit,
}

/// What limits the number of runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WidthLimit {
    /// The number of runs to do: all of them are made at once.
    Runs,
    /// The option `--jobs`.
    Jobs,
    /// The number of files that this process may open.
    Files(u64),
    /// The number of ticks per second that the cores can do on time.
    Ticks,
    /// The memory of the runs.
    Memory,
    /// The number of cores: one run for each core.
    Cores,
    /// The number of processes that the cores can run on time.
    Processes,
    /// The number of processes and threads that this process may start.
    Threads(u64),
    /// The processor time that the control group allows, in hundredths of a core: 150 means 1.5 cores.
    CpuQuota(u64),
}

impl fmt::Display for WidthLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs => f.write_str("all runs to do"),
            Self::Jobs => f.write_str("set by --jobs"),
            Self::Files(files) => write!(f, "limited by the {files} files that a process may open"),
            Self::Ticks => {
                f.write_str("limited by the ticks per second that the cores can do on time")
            }
            Self::Memory => f.write_str("limited by the memory of the runs"),
            Self::Cores => f.write_str("one for each core"),
            Self::Processes => {
                f.write_str("limited by the processes that the cores can run on time")
            }
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
    /// Determines the resources of this process. Raises the limit of open files to the allowed maximum.
    pub fn for_this_process() -> Self {
        let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(FILES_IF_UNKNOWN);
        let cpu_quota = limits::cpu_quota();
        Self {
            files,
            cores: cores_within(cpu_quota, limits::cores()),
            memory_bytes: memory::available_bytes(),
            cpu_quota,
            threads: limits::free_tasks(),
        }
    }

    /// Returns the processor time that the process may use, in cores: the quota, but at most the number of cores.
    pub(super) fn usable_cores(&self) -> f64 {
        let cores = self.cores as f64;
        self.cpu_quota.map_or(cores, |quota| quota.min(cores))
    }

    /// Returns which limit to report if processor time limits the number of runs. If the control group has a quota, and the quota is at
    /// most the number of cores, the quota is reported. Otherwise `limit` is reported.
    fn quota_or(&self, limit: WidthLimit) -> WidthLimit {
        match self.cpu_quota {
            Some(quota) if quota <= self.cores as f64 => {
                WidthLimit::CpuQuota((quota * 100.0).round() as u64)
            }
            _ => limit,
        }
    }

    /// Returns how many runs of `configuration` the limit of processes and threads allows. `None` if there is no limit.
    pub fn runs_by_threads(
        &self,
        experiment: &Experiment,
        configuration: &Configuration,
    ) -> Option<u64> {
        let free = self.threads?.saturating_sub(SPARE_THREADS);
        match (experiment.engine, experiment.isolation) {
            // In virtual time each run needs one thread.
            (EngineKind::Virtual, _) => Some(free),
            // There is at most one thread for each core, whatever the number of runs. If the system cannot start all these threads,
            // fewer threads do the work.
            (EngineKind::Tcp, Isolation::Shared) => None,
            (EngineKind::Tcp, Isolation::Process) => Some(free / threads_per_run(configuration)),
        }
    }

    /// Returns how many runs of `configuration` the limit of open files allows. Each socket of a run is an open file.
    pub fn runs_by_files(&self, configuration: &Configuration) -> u64 {
        let spare = self.spare_files(configuration.rates.machines());
        self.files.saturating_sub(spare) / tcp::sockets_per_run(configuration)
    }

    /// Returns how many open files this process needs besides the sockets that [`tcp::sockets_per_run`] counts. [`SPARE_FILES`] are needed
    /// in any case. In addition, each event loop needs some files while it sets up runs of `machines` machines. There is at most one event
    /// loop for each core.
    pub(super) fn spare_files(&self, machines: u32) -> u64 {
        SPARE_FILES + self.cores as u64 * tcp::files_for_setup(machines)
    }

    /// Returns how many of `to_do` runs to make at once. `heaviest` is the configuration whose runs need the most sockets. If several
    /// configurations need equally many sockets, `heaviest` is the one whose runs have the most ticks.
    pub fn width(
        &self,
        experiment: &Experiment,
        options: &Options,
        to_do: u64,
        heaviest: &Configuration,
    ) -> Width {
        let mut limits = vec![(to_do.max(1), WidthLimit::Runs)];
        if memory::keeps_every_run_in_memory(experiment) {
            let largest = largest_run_bytes(experiment);
            limits.push((self.memory_bytes / largest.max(1), WidthLimit::Memory));
        }
        if let (Some(threads), Some(runs)) =
            (self.threads, self.runs_by_threads(experiment, heaviest))
        {
            limits.push((runs, WidthLimit::Threads(threads)));
        }
        match experiment.engine {
            // A run in virtual time keeps a core busy. So there are never more runs at once than cores, even with a larger `--jobs`.
            EngineKind::Virtual => {
                limits.extend(options.jobs.map(|jobs| (jobs as u64, WidthLimit::Jobs)));
                limits.push((self.cores as u64, self.quota_or(WidthLimit::Cores)));
            }
            EngineKind::Tcp => {
                limits.push((self.runs_by_files(heaviest), WidthLimit::Files(self.files)));
                // Over TCP, `--jobs` replaces the limits that keep the runs on schedule: those of processes and of ticks.
                if experiment.isolation == Isolation::Process && options.jobs.is_none() {
                    let processes = (PROCESSES_PER_CORE as f64 * self.usable_cores()) as u64;
                    let runs = processes / u64::from(heaviest.rates.machines());
                    limits.push((runs, self.quota_or(WidthLimit::Processes)));
                }
                limits.push(match options.jobs {
                    Some(jobs) => (jobs as u64, WidthLimit::Jobs),
                    None => (
                        self.runs_by_ticks(experiment),
                        self.quota_or(WidthLimit::Ticks),
                    ),
                });
            }
        }
        // If several limits are equal, the first one in the list is reported.
        let (runs, limit) = limits
            .into_iter()
            .min_by_key(|&(runs, _)| runs)
            .unwrap_or((1, WidthLimit::Runs));
        Width {
            runs: runs.max(1) as usize,
            limit,
        }
    }

    /// Returns the number of threads for `width` runs at once. In virtual time there is one thread for each run. Over TCP each thread is an
    /// event loop, and there are only as many loops as the ticks need. With more loops, each loop would have less work. Then it would go to
    /// sleep and wake up more often, which costs processor time. If each machine is a process of its own, there are no event loops. Then
    /// the number is only used to choose the sizes of queues.
    pub(super) fn workers(&self, experiment: &Experiment, width: &Width) -> usize {
        match experiment.engine {
            EngineKind::Virtual => width.runs,
            EngineKind::Tcp => {
                let total_ticks_per_second = width.runs as f64 * most_ticks_per_second(experiment);
                let loops = (total_ticks_per_second / TICKS_PER_SECOND_PER_CORE).ceil() as usize;
                loops.clamp(1, self.cores.min(width.runs))
            }
        }
    }

    /// Returns how many runs can be made at once so that the cores do all ticks on time. This assumes that every run has as many ticks per
    /// second as the run with the most ticks per second.
    fn runs_by_ticks(&self, experiment: &Experiment) -> u64 {
        let runs_per_core = TICKS_PER_SECOND_PER_CORE / most_ticks_per_second(experiment);
        (runs_per_core * self.usable_cores()) as u64
    }
}

/// Returns how many of `cores` the process may use at the same time with the quota `cpu_quota`: the quota, rounded up.
fn cores_within(cpu_quota: Option<f64>, cores: usize) -> usize {
    cpu_quota.map_or(cores, |quota| cores.min(quota.ceil() as usize).max(1))
}

/// Returns how many bytes of memory the largest run needs.
fn largest_run_bytes(experiment: &Experiment) -> u64 {
    let configurations = experiment.configurations().iter();
    let bytes = configurations.map(|configuration| memory::bytes_of_run(configuration));
    bytes.max().unwrap_or(0)
}

/// Returns how many processes and threads a run needs if each machine is a process of its own: those of the machines, and one thread of
/// `sim run` that watches them.
pub(super) fn threads_per_run(configuration: &Configuration) -> u64 {
    1 + THREADS_PER_PROCESS * u64::from(configuration.rates.machines())
}

/// Returns how many bytes can still be written to the disk of `folder`. If the folder does not exist, the nearest existing folder above it
/// is used. `None` if the system does not say.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let folder = std::path::absolute(folder).ok()?;
        let disk = folder
            .ancestors()
            .find_map(|ancestor| rustix::fs::statvfs(ancestor).ok())?;
        // The number of free blocks, times the size of a block.
        Some(disk.f_bavail * disk.f_frsize)
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Returns the largest number of ticks that a run of the experiment has per second of real time.
fn most_ticks_per_second(experiment: &Experiment) -> f64 {
    let configurations = experiment.configurations().iter();
    let ticks = configurations.map(|configuration| ticks_per_second(experiment, configuration));
    ticks.fold(0.0, f64::max)
}

/// Returns the number of ticks of a run per second of real time. If each message has its own connection, a message counts as
/// [`TICKS_PER_CONNECTION`] ticks.
fn ticks_per_second(experiment: &Experiment, configuration: &Configuration) -> f64 {
    let ticks_per_model_second: f64 = configuration.rates.iter().map(|rate| rate.hertz()).sum();
    let connections_per_model_second = match configuration.connection {
        Connection::Persistent => 0.0,
        Connection::PerMessage => configuration.messages_per_second(),
    };
    (ticks_per_model_second + TICKS_PER_CONNECTION * connections_per_model_second)
        * experiment.time_scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Overrides;

    #[test]
    fn a_quota_that_is_not_whole_is_rounded_up_to_cores() {
        assert_eq!(cores_within(None, 8), 8);
        assert_eq!(cores_within(Some(1.5), 8), 2);
        assert_eq!(cores_within(Some(0.5), 8), 1);
        assert_eq!(cores_within(Some(16.0), 8), 8);
    }

    /// With a quota of 1.5 cores, two runs in virtual time are made at the same time. The estimate of their duration assumes 1.5 cores.
    #[test]
    fn all_of_a_quota_is_used() {
        let experiment = "seed = 1\nrepetitions = 9\nduration_s = 60\nengine = \"virtual\"\n[parameters]\nrates = [[1, 3, 6]]\ninternal = [0.7]";
        let experiment = Experiment::parse(experiment, Path::new("e.toml"), Overrides::default())
            .expect("an experiment");
        let capacity = Capacity {
            files: 1000,
            cores: cores_within(Some(1.5), 8),
            memory_bytes: u64::MAX,
            cpu_quota: Some(1.5),
            threads: None,
        };
        let heaviest = &experiment.configurations()[0];
        let width = capacity.width(&experiment, &Options::default(), 9, heaviest);
        let expected = Width {
            runs: 2,
            limit: WidthLimit::CpuQuota(150),
        };
        assert_eq!((width, capacity.usable_cores()), (expected, 1.5));
    }

    /// The run with four machines needs the most sockets, but the run with three has by far the most ticks. 60,000 ticks per second on one
    /// core are enough for 20 of the latter.
    #[test]
    fn the_limit_of_ticks_is_that_of_the_run_with_the_most_ticks_per_second() {
        let experiment = "seed = 1\nrepetitions = 100\nduration_s = 60\n[parameters]\nrates = [[1, 1, 1, 1], [1000, 1000, 1000]]\ninternal = [0.7]\nphase = \"uniform\"";
        let experiment = Experiment::parse(experiment, Path::new("e.toml"), Overrides::default());
        let experiment = experiment.expect("an experiment");
        let capacity = Capacity {
            files: 20_000,
            cores: 1,
            memory_bytes: u64::MAX,
            cpu_quota: None,
            threads: None,
        };
        let heaviest = &experiment.configurations()[0];
        assert_eq!(heaviest.rates.machines(), 4);
        let width = capacity.width(&experiment, &Options::default(), 200, heaviest);
        assert_eq!((width.runs, width.limit), (20, WidthLimit::Ticks));
    }
}
