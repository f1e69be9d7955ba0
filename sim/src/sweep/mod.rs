//! A sweep: keeps an engine fed with the runs that are still to do, journals what comes back, and reports progress.
//!
//! # Layout
//!
//! - [`plan`]: which runs are to do, how many at once, how long, how large
//! - [`capacity`]: what this process may hold: files, cores, processes
//! - [`limits`]: what the system allows it: processes, threads, CPU time
//! - [`finished`]: a run's log turned into its rows
//! - [`progress`]: a bar in a terminal, heartbeat lines elsewhere
//! - [`words`]: durations and sizes as a person says them

mod capacity;
mod finished;
mod limits;
mod plan;
mod progress;
pub mod words;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

pub use capacity::{Capacity, Width, WidthLimit, free_bytes};
pub use plan::{Plan, PlanError};
pub use progress::Progress;

use crate::console::tell;
use crate::engine::tcp::{self, PortRange};
use crate::engine::{Control, Ended, RawLog, joined, processes, ticks_in, virtual_time};
use crate::experiment::{EngineKind, Experiment, Isolation, Run, RunName};
use crate::log::{DatasetError, DatasetWriter, Disk, FinishedRun, RealDisk, Recovered};

/// How often what has ended is brought to the disk, unless it is said.
pub const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How often progress is shown while nothing ends.
const SHOW_EVERY: Duration = Duration::from_millis(200);
/// Events of runs under way that are kept in memory: about a quarter of a gigabyte.
const EVENTS_IN_MEMORY: usize = 4_000_000;
/// What Linux calls the lowest priority of a thread.
#[cfg(target_os = "linux")]
const LOWEST_PRIORITY: i32 = 19;
/// Finished runs that may wait for the writer.
const WAITING: usize = 256;

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
    /// Runs that were left, because the sweep was interrupted or had too many failures.
    pub left: u64,
    /// Whether it was for too many failures.
    pub gave_up: bool,
    /// Runs of this sweep that were in order: event for event those of their seed.
    pub in_order: u64,
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
    #[error("the tcp engine cannot go on")]
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
        let (experiment, attempts) = DatasetWriter::look(root, experiment)?;
        Plan::new(&experiment, &attempts, options, &capacity)?;
    }
    let mut writer = DatasetWriter::open_on(Arc::clone(&options.disk), root, experiment)?;
    let experiment = writer.experiment().clone();
    let folder = writer.folder().to_owned();
    let plan = Plan::new(&experiment, writer.attempts(), options, &capacity)?;
    writer.announce(plan.to_do.len() as u64, plan.wall_time)?;
    progress.begin(&plan, &writer);
    if let Some(free) = free_bytes(&folder)
        && free < plan.disk_bytes
    {
        progress.warn_of_disk(plan.disk_bytes, free);
    }
    let started = Instant::now();
    let mut summary = Summary {
        left: plan.to_do.len() as u64,
        recovered: writer.recovered(),
        ..Summary::default()
    };
    let finished = crossbeam_channel::bounded(WAITING);
    thread::scope(|scope| {
        let engine = thread::Builder::new().spawn_scoped(scope, {
            let (experiment, folder, plan, sender) = (&experiment, &*folder, &plan, finished.0);
            move || feed_engine(experiment, folder, plan, options, control, &sender)
        });
        let engine = engine.map_err(no_thread)?;
        let written = write(
            &mut writer,
            options,
            &finished.1,
            &mut summary,
            progress,
            control,
        );
        if written.is_err() {
            control.stop();
            drop(finished.1);
        }
        let ran = joined(engine).and_then(|ran| ran);
        written?;
        ran.map_err(SweepError::Engine)
    })?;
    summary.elapsed = started.elapsed();
    progress.end();
    Ok(summary)
}

fn queue(runs: &[Run]) -> Receiver<Run> {
    let (sender, receiver) = crossbeam_channel::bounded(runs.len().max(1));
    for run in runs {
        sender
            .send(run.clone())
            .unwrap_or_else(|_| unreachable!("the receiver is held here"));
    }
    receiver
}

/// Appends what comes, until the engine hangs up.
fn write(
    writer: &mut DatasetWriter,
    options: &Options,
    finished: &Receiver<FinishedRun>,
    summary: &mut Summary,
    progress: &mut Progress,
    control: &Control,
) -> Result<(), DatasetError> {
    let mut synced = Instant::now();
    loop {
        let run = finished.recv_timeout(SHOW_EVERY);
        // Once there are too many failures, what was under way and fails is left to do.
        if summary.gave_up && run.as_ref().is_ok_and(|run| !run.row.is_ok()) {
            continue;
        }
        if let Ok(run) = &run {
            summary.left -= 1;
            summary.ok += u64::from(run.row.is_ok());
            summary.failed += u64::from(!run.row.is_ok());
            summary.in_order += u64::from(run.row.in_order);
            summary.punctual += u64::from(run.row.punctual);
            summary.bytes += run.events.len() as u64;
            progress.ended(&run.row);
            if options
                .max_failures
                .is_some_and(|most| summary.failed >= most)
            {
                summary.gave_up = true;
                control.stop();
            }
        }
        progress.show(control);
        match run {
            Ok(run) => writer.append(run)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return writer.sync(),
        }
        if synced.elapsed() >= options.sync_every {
            writer.sync()?;
            synced = Instant::now();
        }
    }
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
            let to_do = queue(&plan.to_do);
            let (sender, ended) = crossbeam_channel::unbounded::<Ended<RawLog>>();
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
                step_back();
                for run in ended {
                    let run = run.settle(experiment.seed, experiment.time_scale);
                    if finished.send(finished::rows(experiment, &run)).is_err() {
                        break;
                    }
                }
                joined(engine)?
            })
        }
    }
}

/// Lets this thread's work wait for the event loops': what is not a tick can be late. Where the system does not, it competes.
fn step_back() {
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
        let workers: Vec<Receiver<FinishedRun>> = (0..plan.workers)
            .map(|worker| {
                let (sender, receiver) = crossbeam_channel::bounded(WAITING);
                let runs = plan.to_do.iter().skip(worker).step_by(plan.workers);
                scope.spawn(move || run_virtually(experiment, runs, control, &sender));
                receiver
            })
            .collect();
        for turn in 0..plan.to_do.len() {
            let Ok(run) = workers[turn % workers.len()].recv() else {
                return;
            };
            if finished.send(run).is_err() {
                return;
            }
        }
    });
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
        let log = virtual_time::run(run, experiment.seed);
        let ticks = log.machines.iter().map(|events| ticks_in(events));
        control.ticked(ticks.sum());
        let ended = Ended {
            run: run.clone(),
            result: Ok(log),
            strangers: 0,
        };
        let sent = finished.send(finished::rows(experiment, &ended));
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
    ended: &Sender<Ended<RawLog>>,
) -> io::Result<()> {
    tcp::make_room_for_files(plan.files);
    let serve = |worker| {
        let settings = tcp::Settings {
            seed: experiment.seed,
            time_scale: experiment.time_scale,
            width: plan.width_of(worker),
            ports: options.ports.clone(),
            events_in_memory: EVENTS_IN_MEMORY / plan.workers,
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
                    tell(format!(
                        "the system has no more threads ({error}): {worker} event loops instead of {}",
                        plan.workers
                    ));
                    break;
                }
            }
        }
        let mut result = serve(0);
        for other in others {
            result = result.and(joined(other).and_then(|result| result));
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
