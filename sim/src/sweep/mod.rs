//! A sweep is what one `sim run` does: it gives an engine the runs that are still to do, writes their results, and reports progress.
//!
//! # Layout
//!
//! - [`plan`]: which runs must be made, how many at once, how long they take, and how much space they need
//! - [`capacity`]: the resources of this process: files, cores, processes, memory
//! - [`memory`]: the memory that runs need, and the memory that is available
//! - [`limits`]: the limits of the system: processes, threads, CPU time
//! - [`finished`]: turns the log of a run that has ended into its rows of the journal and of the event log
//! - [`writing`]: appends ended runs to the dataset, counts and reports them
//! - [`progress`]: shows a bar in a terminal, or writes a line every half minute
//! - [`progress_line`]: the line that says how far a sweep has come
//! - [`advice`]: what to do if few runs are punctual
//! - [`supply`]: limits how many runs are in progress
//! - [`words`]: durations and sizes in words

pub mod advice;
mod capacity;
mod finished;
mod limits;
mod memory;
mod plan;
mod progress;
pub(crate) mod progress_line;
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
use crate::log::{DatasetError, DatasetWriter, Disk, EndedRun, RealDisk, Recovered};

/// How often the rows of ended runs are forced to the disk, by default.
pub const SYNC_EVERY: Duration = Duration::from_secs(1);
/// The lowest priority of a thread on Linux.
#[cfg(target_os = "linux")]
const LOWEST_PRIORITY: i32 = 19;

/// Options of a sweep.
#[derive(Clone, Debug)]
pub struct Options {
    /// Number of runs at once. `None`: as many as this computer can run without late ticks.
    pub jobs: Option<usize>,
    /// The ports on which machines listen.
    pub ports: PortRange,
    /// Whether to repeat runs that failed before.
    pub retry_failed: bool,
    /// If this list is not empty, the sweep makes only runs of this list: those that were not made yet, and those that failed before.
    pub only: Vec<RunName>,
    /// The number of failures after which the sweep stops. `None`: it does not stop.
    pub max_failures: Option<u64>,
    /// How often the rows of ended runs are forced to the disk.
    pub sync_every: Duration,
    /// The disk to which the dataset is written.
    pub disk: Arc<dyn Disk>,
    /// The program `sim`, for machines in their own processes.
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
    /// Number of runs that were ok.
    pub ok: u64,
    /// Number of runs that failed.
    pub failed: u64,
    /// Number of runs that failed in earlier sweeps and were not tried again.
    pub failed_before: u64,
    /// Number of runs that were to do but not made, because the sweep was interrupted or had too many failures.
    pub left: u64,
    /// Whether the sweep stopped because of too many failures.
    pub gave_up: bool,
    /// Number of runs of this sweep that were as scheduled: all messages arrived as in the schedule, so their events are those of the
    /// virtual run with the same seed.
    pub as_scheduled: u64,
    /// Number of runs of this sweep that were punctual.
    pub punctual: u64,
    /// Number of runs of this sweep that were ok and whose margin is not 0. (The margin is the shortest time between two ticks whose order
    /// can change the run's events. If it is 0, a run over TCP cannot be punctual.)
    pub with_margin: u64,
    /// Bytes of events written.
    pub bytes: u64,
    /// Wall time.
    pub elapsed: Duration,
    /// How much unfinished data of an earlier sweep was removed.
    pub recovered: Recovered,
}

/// Why a sweep cannot start or continue. (If only a run fails, the sweep continues, and the failure is a row of the journal.)
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The plan is not possible on this computer.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The dataset cannot be written.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The engine cannot start or continue. For example, the system refuses another thread, or the logs of runs cannot be stored.
    #[error("the engine cannot go on")]
    Engine(#[from] io::Error),
}

/// Makes the runs of `experiment` that are still to do, and writes them to the dataset at `root`. With `control`, another thread can stop
/// the sweep.
///
/// # Errors
///
/// Returns [`SweepError`] if the sweep cannot start or continue. The runs whose rows were forced to the disk are kept. To make the other
/// runs, call this function again with the same `experiment` and `root`.
pub fn run(
    experiment: &Experiment,
    root: &Path,
    options: &Options,
    control: &Control,
    progress: &mut Progress,
) -> Result<Summary, SweepError> {
    let capacity = Capacity::for_this_process();
    Plan::check(experiment, options, &capacity)?;
    if !options.only.is_empty() {
        // This first plan is only a check: it reports a wrong run name before the dataset is created or changed. The plan that is used is
        // made below, when the dataset is locked.
        let (experiment, attempts) = DatasetWriter::inspect(root, experiment)?;
        Plan::new(&experiment, &attempts, options, &capacity)?;
    }
    let mut writer = DatasetWriter::open_on(Arc::clone(&options.disk), root, experiment)?;
    let plan = Plan::new(writer.experiment(), writer.attempts(), options, &capacity)?;
    // For `sim status`.
    writer.announce(plan.to_do.len() as u64, plan.wall_time)?;
    progress.begin(&plan, &writer);
    if let Some(free) = free_bytes(writer.folder())
        && free < plan.disk_bytes
    {
        progress.warn_of_disk(plan.disk_bytes, free);
    }
    let mut summary = Summary {
        // With `--only`, the user asked only for some runs, so the other runs that failed before are not counted.
        failed_before: if options.only.is_empty() {
            plan.failed
        } else {
            0
        },
        // All runs to do, at first. `writing::write` subtracts 1 for each run that has ended.
        left: plan.to_do.len() as u64,
        recovered: writer.recovered(),
        ..Summary::default()
    };
    carry_out(&plan, &mut writer, options, control, progress, &mut summary)?;
    Ok(summary)
}

/// Lets the engine make the plan's runs, and writes the results. Three threads work at the same time: one shows progress, one feeds the
/// engine, and this thread writes.
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
    let (ended_sender, ended_runs) = crossbeam_channel::bounded(plan.max_waiting_runs);
    let (message_sender, messages) = crossbeam_channel::unbounded();
    thread::scope(|scope| {
        // Progress is shown by a thread of its own, so that a stopped terminal or a slow reader does not delay runs. If the
        // thread cannot be started, no progress is shown.
        let follow = || progress.follow(&messages, control);
        let _ = thread::Builder::new().spawn_scoped(scope, follow);
        let engine = thread::Builder::new().spawn_scoped(scope, {
            // The thread owns the sender, so the channel closes when the thread ends. The other values are only borrowed.
            let (experiment, folder, plan, sender) = (&experiment, &*folder, plan, ended_sender);
            move || feed_engine(experiment, folder, plan, options, control, &sender)
        });
        let engine = engine.map_err(no_thread)?;
        // The outer result is an error if writing has panicked, the inner one if writing has failed.
        let written = panic::catch_unwind(AssertUnwindSafe(|| {
            writing::write(
                writer,
                options,
                &ended_runs,
                summary,
                &message_sender,
                control,
            )
        }));
        drop(message_sender);
        let has_written_all = matches!(written, Ok(Ok(())));
        if !has_written_all {
            // Nobody takes the engine's results any more. Without the receiver, sending a result fails at once. So the engine does not wait
            // for space in the channel.
            control.stop();
            drop(ended_runs);
        }
        // `engine_result` is an error if the thread has panicked (`join_thread` returns this error) or if `feed_engine` has returned an
        // error.
        let engine_result = join_thread(engine).and_then(|result| result);
        summary.elapsed = started.elapsed();
        written.unwrap_or_else(|panic| {
            // The rows that wait in the writer are still written. The panic is reported, even if writing fails too.
            let _ = writer.sync();
            panic::resume_unwind(panic)
        })?;
        engine_result.map_err(SweepError::Engine)
    })
}

/// Lets the engine make the runs of the plan, and sends the rows of each ended run to `ended_sender`.
fn feed_engine(
    experiment: &Experiment,
    root: &Path,
    plan: &Plan,
    options: &Options,
    control: &Control,
    ended_sender: &Sender<EndedRun>,
) -> io::Result<()> {
    match experiment.engine {
        EngineKind::Virtual => {
            run_in_order(experiment, plan, control, ended_sender);
            Ok(())
        }
        EngineKind::Tcp => {
            // `Shared`: event loops in this process run all machines. `Process`: each machine is a process of its own.
            let max_in_progress = match experiment.isolation {
                // The runs that are under way, and ended runs that wait for the writer.
                Isolation::Shared => plan.width.runs + plan.max_waiting_runs,
                // No limit is needed. Each worker (a thread of the engine) makes one run at a time. If the disk is slow, the workers wait,
                // so ended runs do not fill the memory. This makes no tick late, because the ticks are in the machines' processes.
                // Without any runs, the limit is 1. Then the supply looks for a first run, finds none, and closes its channel.
                Isolation::Process => plan.to_do.len().max(1),
            };
            // The supply gives runs to the engine through the channel `to_do`: first `max_in_progress` runs, and then one more each
            // time that the rows of a run were sent.
            let (mut supply, to_do) = Supply::new(plan.to_do.iter().cloned(), max_in_progress);
            let (outcome_sender, outcomes) = match experiment.isolation {
                // The channel has space for all runs in progress, so an event loop never waits.
                Isolation::Shared => {
                    crossbeam_channel::bounded::<RunOutcome<RawLog>>(max_in_progress)
                }
                Isolation::Process => crossbeam_channel::bounded(plan.max_waiting_runs),
            };
            // The engine has threads of its own, and this thread turns logs into rows. So no tick waits for this work.
            thread::scope(|scope| {
                let serve = move || match experiment.isolation {
                    Isolation::Shared => run_event_loops(
                        experiment,
                        root,
                        plan,
                        options,
                        &to_do,
                        control,
                        &outcome_sender,
                    ),
                    Isolation::Process => {
                        let settings = process_settings(experiment, root, plan, options);
                        processes::serve(&settings, &to_do, control, &outcome_sender)
                    }
                };
                let engine = thread::Builder::new().spawn_scoped(scope, serve);
                let engine = engine.map_err(no_thread)?;
                lower_priority();
                for outcome in outcomes {
                    let run = outcome.run.clone();
                    // The engine leaves the log of a run in pieces. `finalize` joins them, and calculates how late ticks and messages were.
                    let finalize = || outcome.finalize(experiment.seed, experiment.time_scale);
                    let rows = finished::rows(experiment, &run, finalize);
                    // Sending fails if the writer has stopped.
                    if ended_sender.send(rows).is_err() {
                        break;
                    }
                    supply.hand_out_one();
                }
                join_thread(engine)?
            })
        }
    }
}

/// Gives this thread a lower priority than the threads of the event loops, whose ticks must be on time. If the system refuses, or is not
/// Linux, nothing changes.
fn lower_priority() {
    // On Linux, `None` means only the calling thread.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, LOWEST_PRIORITY);
}

/// Returns an error whose message says that a thread could not be started, why (`error`), and what the user can do.
fn no_thread(error: io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!(
            "the system cannot start another thread ({error}); raise the limit of processes and threads (ulimit -u, the cgroup's pids.max)"
        ),
    )
}

/// Makes the runs in virtual time. Gives them to the workers in turn, and sends the results to `ended_sender` in the order of the runs. So
/// the bytes of the dataset do not depend on the number of workers.
fn run_in_order(
    experiment: &Experiment,
    plan: &Plan,
    control: &Control,
    ended_sender: &Sender<EndedRun>,
) {
    thread::scope(|scope| {
        let mut workers: Vec<(Sender<Share>, Receiver<EndedRun>)> = vec![];
        for _ in 0..plan.workers {
            // The worker gets its share of the runs through this channel, after this loop. Only then is it known how many workers the
            // system could start.
            let (share_sender, share) = crossbeam_channel::bounded::<Share>(1);
            let (sender, receiver) = crossbeam_channel::bounded(plan.max_waiting_runs);
            let work = move || {
                if let Ok(Share { first, workers }) = share.recv() {
                    let runs = plan.to_do.iter().skip(first).step_by(workers);
                    run_virtually(experiment, runs, control, &sender);
                }
            };
            if let Err(error) = thread::Builder::new().spawn_scoped(scope, work) {
                // Without workers, this thread makes the runs itself, one at a time (see below).
                let runs_at_once = workers.len().max(1);
                if runs_at_once < plan.workers {
                    control.remark(format!(
                        "the system has no more threads ({error}): {runs_at_once} runs at once instead of {}",
                        plan.workers
                    ));
                }
                break;
            }
            workers.push((share_sender, receiver));
        }
        // If no thread could be started, this thread makes all runs.
        if workers.is_empty() {
            return run_virtually(experiment, plan.to_do.iter(), control, ended_sender);
        }
        for (first, (share_sender, _)) in workers.iter().enumerate() {
            // This fails only if the worker has panicked. Then the loop below finds that its runs are missing.
            let _ = share_sender.send(Share {
                first,
                workers: workers.len(),
            });
        }
        for turn in 0..plan.to_do.len() {
            let (_, results) = &workers[turn % workers.len()];
            // This fails if the worker was stopped or has panicked.
            let Ok(run) = results.recv() else {
                return;
            };
            if ended_sender.send(run).is_err() {
                return;
            }
        }
    });
}

/// The runs that one worker makes. With `first` = 1 and `workers` = 3, these are the runs 1, 4, 7 and so on of [`Plan::to_do`], counted
/// from 0.
struct Share {
    first: usize,
    /// The number of workers.
    workers: usize,
}

/// Makes `runs` one after the other in virtual time, and sends their rows to `ended_sender`.
fn run_virtually<'r>(
    experiment: &Experiment,
    runs: impl Iterator<Item = &'r Run>,
    control: &Control,
    ended_sender: &Sender<EndedRun>,
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
        let sent = ended_sender.send(rows);
        control.end();
        if sent.is_err() {
            return;
        }
    }
}

/// Makes runs over TCP in `plan.workers` event loops, one in each thread, until there are no more runs in `to_do`.
fn run_event_loops(
    experiment: &Experiment,
    root: &Path,
    plan: &Plan,
    options: &Options,
    to_do: &Receiver<Run>,
    control: &Control,
    outcome_sender: &Sender<RunOutcome<RawLog>>,
) -> io::Result<()> {
    // Makes the table of open files large enough now. If it had to grow later, ticks would be late.
    tcp::make_room_for_files(plan.files);
    let serve = |worker| {
        let settings = tcp::Settings {
            seed: experiment.seed,
            time_scale: experiment.time_scale,
            width: plan.width_of(worker),
            ports: options.ports.clone(),
            max_events_in_memory: plan.events_in_memory / plan.workers,
            spill_folder: root.to_owned(),
            // Without `--jobs`, no new runs are started while many ticks are late.
            hold_back: options.jobs.is_none(),
        };
        // Sending fails if writing to the dataset has failed. Then `control` has already told this event loop to stop, so `drop` ignores
        // the failure.
        tcp::serve(&settings, to_do, control, |run| {
            drop(outcome_sender.send(run));
        })
        // If one event loop fails, the others stop too.
        .inspect_err(|_| control.stop())
    };
    thread::scope(|scope| {
        let mut other_loops = vec![];
        // This thread runs one event loop itself. If no other thread can be started, that loop makes all runs.
        for worker in 1..plan.workers {
            let serve = &serve;
            match thread::Builder::new().spawn_scoped(scope, move || serve(worker)) {
                Ok(other) => other_loops.push(other),
                Err(error) => {
                    // The loops 0 to `worker` - 1 can run, so `worker` is also the number of loops.
                    control.remark(format!(
                        "the system has no more threads ({error}): {worker} event loops instead of {}",
                        plan.workers
                    ));
                    break;
                }
            }
        }
        let mut result = serve(0);
        for other in other_loops {
            result = result.and(join_thread(other).and_then(|result| result));
        }
        result
    })
}

/// Returns the settings for runs whose machines are processes of their own.
fn process_settings(
    experiment: &Experiment,
    root: &Path,
    plan: &Plan,
    options: &Options,
) -> processes::Settings {
    processes::Settings {
        program: options.program.clone(),
        // The machines read the dataset's copy of the experiment file, because the original may change during the sweep.
        experiment: root.join("experiment.toml"),
        seed: experiment.seed,
        time_scale: experiment.time_scale,
        width: plan.width.runs,
        ports: options.ports.clone(),
    }
}
