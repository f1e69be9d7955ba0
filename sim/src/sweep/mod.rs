//! A sweep: keeps an engine fed with the runs that are still to do, journals what comes back, and reports progress.
//!
//! # Layout
//!
//! - [`plan`]: which runs are to do, how many at once, how long, how large
//! - [`capacity`]: what this process may hold: files, cores, processes, memory
//! - [`memory`]: what runs take of the memory, and what there is
//! - [`limits`]: what the system allows it: processes, threads, CPU time
//! - [`finished`]: a run's log turned into its rows
//! - [`writing`]: what has ended appended to the dataset, counted and reported
//! - [`progress`]: a bar in a terminal, heartbeat lines elsewhere
//! - [`supply`]: the runs that the event loops may take
//! - [`words`]: durations and sizes as a person says them

mod capacity;
mod finished;
mod limits;
mod memory;
mod plan;
mod progress;
mod supply;
pub mod words;
mod writing;

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

pub use capacity::{Capacity, Width, WidthLimit, free_bytes};
pub use plan::{Plan, PlanError};
pub use progress::Progress;

use self::supply::Supply;
use crate::engine::tcp::{self, PortRange};
use crate::engine::{
    Control, RawLog, RunOutcome, count_ticks, join_thread, processes, virtual_time,
};
use crate::experiment::{EngineKind, Experiment, Isolation, Run, RunName};
use crate::log::{DatasetError, DatasetWriter, Disk, FinishedRun, RealDisk, Recovered};

/// How often what has ended is brought to the disk, unless it is said.
pub const SYNC_EVERY: Duration = Duration::from_secs(1);
/// What Linux calls the lowest priority of a thread.
#[cfg(target_os = "linux")]
const LOWEST_PRIORITY: i32 = 19;

/// What a sweep may use.
#[derive(Clone, Debug)]
pub struct Options {
    /// Runs at once; as many as the machine carries if not given.
    pub jobs: Option<usize>,
    /// Where machines listen.
    pub ports: PortRange,
    /// Whether to run again what failed before.
    pub retry_failed: bool,
    /// The only runs to do; all if empty. They are done even if they failed before.
    pub only: Vec<RunName>,
    /// After how many failures to stop; never if not given.
    pub max_failures: Option<u64>,
    /// How often what has ended is brought to the disk.
    pub sync_every: Duration,
    /// Where the dataset is written.
    pub disk: Arc<dyn Disk>,
    /// The `sim` program, for machines in processes of their own.
    pub program: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: None,
            ports: PortRange::default(),
            retry_failed: false,
            only: vec![],
            max_failures: None,
            sync_every: SYNC_EVERY,
            disk: Arc::new(RealDisk),
            program: PathBuf::from("sim"),
        }
    }
}

/// How a sweep ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Runs that ended well.
    pub ok: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that failed in earlier sweeps and were not to be tried again.
    pub failed_before: u64,
    /// Runs that were left, because the sweep was interrupted or had too many failures.
    pub left: u64,
    /// Whether it was for too many failures.
    pub gave_up: bool,
    /// Runs of this sweep that were in order: event for event those of their seed.
    pub as_scheduled: u64,
    /// Runs of this sweep that were punctual.
    pub punctual: u64,
    /// Bytes of events written.
    pub bytes: u64,
    /// Wall time.
    pub elapsed: Duration,
    /// What an earlier sweep had left unfinished.
    pub recovered: Recovered,
}

/// Why a sweep cannot go on. Runs that fail are no such reason: they stand in the journal.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The plan cannot be carried out on this machine.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The dataset cannot be written.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// An event loop cannot go on: its sockets cannot be watched, or its logs kept.
    #[error("the engine cannot go on")]
    Engine(#[from] io::Error),
}

/// Runs what is still to do of `experiment` into the dataset at `root`.
///
/// # Errors
///
/// [`SweepError`] if the sweep cannot start or go on. What was synced before is whole, and the same call goes on from there.
pub fn run(
    experiment: &Experiment,
    root: &Path,
    options: &Options,
    control: &Control,
    progress: &mut Progress,
) -> Result<Summary, SweepError> {
    let capacity = Capacity::of_this_process();
    Plan::check(experiment, options, &capacity)?;
    if !options.only.is_empty() {
        // A slip in a run's name makes no dataset.
        let (experiment, attempts) = DatasetWriter::inspect(root, experiment)?;
        Plan::new(&experiment, &attempts, options, &capacity)?;
    }
    let mut writer = DatasetWriter::open_on(Arc::clone(&options.disk), root, experiment)?;
    let plan = Plan::new(writer.experiment(), writer.attempts(), options, &capacity)?;
    writer.announce(plan.to_do.len() as u64, plan.wall_time)?;
    progress.begin(&plan, &writer);
    if let Some(free) = free_bytes(writer.folder())
        && free < plan.disk_bytes
    {
        progress.warn_of_disk(plan.disk_bytes, free);
    }
    let mut summary = Summary {
        failed_before: if options.only.is_empty() {
            plan.failed
        } else {
            0
        },
        left: plan.to_do.len() as u64,
        recovered: writer.recovered(),
        ..Summary::default()
    };
    carry_out(&plan, &mut writer, options, control, progress, &mut summary)?;
    Ok(summary)
}

/// Has the engine do the plan's runs, and writes what comes back.
fn carry_out(
    plan: &Plan,
    writer: &mut DatasetWriter,
    options: &Options,
    control: &Control,
    progress: &mut Progress,
    summary: &mut Summary,
) -> Result<(), SweepError> {
    let (experiment, folder) = (writer.experiment().clone(), writer.folder().to_owned());
    let started = Instant::now();
    let finished = crossbeam_channel::bounded(plan.waiting);
    let (told, news) = crossbeam_channel::unbounded();
    thread::scope(|scope| {
        // In a thread of its own: a terminal that is stopped, or a reader that does not read, holds up what is said and no run.
        // Where there can be no such thread, nothing is said.
        let follow = || progress.follow(&news, control);
        let _ = thread::Builder::new().spawn_scoped(scope, follow);
        let engine = thread::Builder::new().spawn_scoped(scope, {
            let (experiment, folder, plan, sender) = (&experiment, &*folder, plan, finished.0);
            move || feed_engine(experiment, folder, plan, options, control, &sender)
        });
        let engine = engine.map_err(no_thread)?;
        let written = panic::catch_unwind(AssertUnwindSafe(|| {
            writing::write(writer, options, &finished.1, summary, &told, control)
        }));
        drop(told);
        if !matches!(written, Ok(Ok(()))) {
            // Nobody takes what the engine sends any more: it must not wait for that.
            control.stop();
            drop(finished.1);
        }
        let ran = join_thread(engine).and_then(|ran| ran);
        summary.elapsed = started.elapsed();
        written.unwrap_or_else(|panic| {
            // What has ended counts; the panic is what there is to report, whatever becomes of that.
            let _ = writer.sync();
            panic::resume_unwind(panic)
        })?;
        ran.map_err(SweepError::Engine)
    })
}

/// Runs the engine's workers until there is nothing more to do.
fn feed_engine(
    experiment: &Experiment,
    root: &Path,
    plan: &Plan,
    options: &Options,
    control: &Control,
    finished: &Sender<FinishedRun>,
) -> io::Result<()> {
    match experiment.engine {
        EngineKind::Virtual => {
            run_in_order(experiment, plan, control, finished);
            Ok(())
        }
        EngineKind::Tcp => {
            let most = match experiment.isolation {
                Isolation::Shared => plan.width.runs + plan.waiting,
                // Whoever looks after processes may wait for the disk, and holds no more than its run.
                Isolation::Process => plan.to_do.len().max(1),
            };
            let (mut supply, to_do) = Supply::new(plan.to_do.iter().cloned(), most);
            let (sender, ended) = match experiment.isolation {
                // There is room for all that are handed out: an event loop never waits.
                Isolation::Shared => crossbeam_channel::bounded::<RunOutcome<RawLog>>(most),
                Isolation::Process => crossbeam_channel::bounded(plan.waiting),
            };
            // The engine only runs: logs are turned into rows in a thread of its own, off every tick's way.
            thread::scope(|scope| {
                let serve = move || match experiment.isolation {
                    Isolation::Shared => {
                        run_event_loops(experiment, root, plan, options, &to_do, control, &sender)
                    }
                    Isolation::Process => {
                        let settings = process_settings(experiment, root, plan, options);
                        processes::serve(&settings, &to_do, control, &sender)
                    }
                };
                let engine = thread::Builder::new().spawn_scoped(scope, serve);
                let engine = engine.map_err(no_thread)?;
                lower_priority();
                for ended in ended {
                    let run = ended.run.clone();
                    let finalize = || ended.finalize(experiment.seed, experiment.time_scale);
                    let rows = finished::rows(experiment, &run, finalize);
                    if finished.send(rows).is_err() {
                        break;
                    }
                    supply.hand_out_one();
                }
                join_thread(engine)?
            })
        }
    }
}

/// Lets this thread's work wait for the event loops': what is not a tick can be late. Where the system does not, it competes.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, LOWEST_PRIORITY);
}

fn no_thread(error: io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!(
            "the system has no thread for it ({error}); raise the limit of processes and threads (ulimit -u, the cgroup's pids.max)"
        ),
    )
}

/// Shares the runs out among the workers in turn and hands them on in the same order: the dataset's bytes do not depend on how
/// many workers there are.
fn run_in_order(
    experiment: &Experiment,
    plan: &Plan,
    control: &Control,
    finished: &Sender<FinishedRun>,
) {
    thread::scope(|scope| {
        let mut workers: Vec<(Sender<Share>, Receiver<FinishedRun>)> = vec![];
        for _ in 0..plan.workers {
            let (give, share) = crossbeam_channel::bounded::<Share>(1);
            let (sender, receiver) = crossbeam_channel::bounded(plan.waiting);
            let work = move || {
                if let Ok(Share { first, workers }) = share.recv() {
                    let runs = plan.to_do.iter().skip(first).step_by(workers);
                    run_virtually(experiment, runs, control, &sender);
                }
            };
            if let Err(error) = thread::Builder::new().spawn_scoped(scope, work) {
                let at_once = workers.len().max(1);
                if at_once < plan.workers {
                    control.remark(format!(
                        "the system has no more threads ({error}): {at_once} at once instead of {}",
                        plan.workers
                    ));
                }
                break;
            }
            workers.push((give, receiver));
        }
        if workers.is_empty() {
            return run_virtually(experiment, plan.to_do.iter(), control, finished);
        }
        for (first, (give, _)) in workers.iter().enumerate() {
            // A worker that has ended has panicked; that shows when its runs do not come.
            let _ = give.send(Share {
                first,
                workers: workers.len(),
            });
        }
        for turn in 0..plan.to_do.len() {
            let Ok(run) = workers[turn % workers.len()].1.recv() else {
                return;
            };
            if finished.send(run).is_err() {
                return;
            }
        }
    });
}

/// What a worker does of the runs: every one of so many, from the first.
struct Share {
    first: usize,
    workers: usize,
}

fn run_virtually<'r>(
    experiment: &Experiment,
    runs: impl Iterator<Item = &'r Run>,
    control: &Control,
    finished: &Sender<FinishedRun>,
) {
    for run in runs {
        if control.is_stopped() {
            return;
        }
        control.begin();
        let rows = finished::rows(experiment, run, || {
            let log = virtual_time::run(run, experiment.seed);
            let ticks = log.machines.iter().map(|events| count_ticks(events));
            control.ticked(ticks.sum());
            RunOutcome {
                run: run.clone(),
                result: Ok(log),
                rejected_connections: 0,
            }
        });
        let sent = finished.send(rows);
        control.end();
        if sent.is_err() {
            return;
        }
    }
}

fn run_event_loops(
    experiment: &Experiment,
    root: &Path,
    plan: &Plan,
    options: &Options,
    to_do: &Receiver<Run>,
    control: &Control,
    ended: &Sender<RunOutcome<RawLog>>,
) -> io::Result<()> {
    tcp::make_room_for_files(plan.files);
    let serve = |worker| {
        let settings = tcp::Settings {
            seed: experiment.seed,
            time_scale: experiment.time_scale,
            width: plan.width_of(worker),
            ports: options.ports.clone(),
            events_in_memory: plan.events_in_memory / plan.workers,
            spill_folder: root.to_owned(),
            hold_back: options.jobs.is_none(),
        };
        // Nobody listens any more once the writer has given up; then the loop is about to stop.
        tcp::serve(&settings, to_do, control, |run| drop(ended.send(run)))
            .inspect_err(|_| control.stop())
    };
    thread::scope(|scope| {
        let mut others = vec![];
        // This thread has a loop of its own: where no other can be started, there is that one.
        for worker in 1..plan.workers {
            let serve = &serve;
            match thread::Builder::new().spawn_scoped(scope, move || serve(worker)) {
                Ok(other) => others.push(other),
                Err(error) => {
                    control.remark(format!(
                        "the system has no more threads ({error}): {worker} event loops instead of {}",
                        plan.workers
                    ));
                    break;
                }
            }
        }
        let mut result = serve(0);
        for other in others {
            result = result.and(join_thread(other).and_then(|result| result));
        }
        result
    })
}

fn process_settings(
    experiment: &Experiment,
    root: &Path,
    plan: &Plan,
    options: &Options,
) -> processes::Settings {
    processes::Settings {
        program: options.program.clone(),
        // The dataset's own copy: the original may change while the sweep goes on.
        experiment: root.join("experiment.toml"),
        seed: experiment.seed,
        time_scale: experiment.time_scale,
        width: plan.width.runs,
        ports: options.ports.clone(),
    }
}
