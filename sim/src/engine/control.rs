//! The connection between a sweep (all runs of an experiment) and the engines that make its runs: the sweep can stop the engines, and the
//! engines count their ticks and the runs under way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A tick counts as late if its lateness (how much later it is done than it is due) is more than this.
pub const LATE: Duration = Duration::from_millis(1);

/// A stop switch and counters, shared by all threads of a sweep.
#[derive(Debug, Default)]
pub struct Control {
    stop: Arc<AtomicBool>,
    /// Number of runs under way.
    active: AtomicU64,
    /// The runs under way whose ticks are not counted yet.
    timed: Mutex<TimedRuns>,
    /// Number of ticks done so far, without the ticks of the runs in `timed`.
    ticks: AtomicU64,
    /// How many of the ticks that `ticks` counts were late.
    late_ticks: AtomicU64,
    /// True while no new runs are started because too many ticks are late.
    holding_back: AtomicBool,
    /// Sentences about the runs. Those that the progress display has shown are removed.
    remarks: Mutex<Vec<String>>,
}

/// The runs under way whose machines are processes of their own. The ticks of such a run are counted only when the run has ended. Until
/// then, its progress is estimated from the time since its start.
#[derive(Debug, Default)]
struct TimedRuns {
    /// When each of these runs began, by its serial number (0 for the first run of this kind, then 1, and so on).
    begun: BTreeMap<u64, Instant>,
    next_serial: u64,
}

/// Stands for one run of the [`TimedRuns`]. When this value is dropped, the run is removed from them.
#[derive(Debug)]
pub(crate) struct TimedRun<'c> {
    control: &'c Control,
    serial: u64,
}

impl Drop for TimedRun<'_> {
    fn drop(&mut self) {
        self.control.lock_timed().begun.remove(&self.serial);
    }
}

impl Control {
    /// Notes the start of a run whose ticks are counted only when it has ended. The caller calls [`Self::begin`] too, as for every run.
    pub(crate) fn begin_timed(&self) -> TimedRun<'_> {
        let mut timed = self.lock_timed();
        let serial = timed.next_serial;
        timed.next_serial += 1;
        timed.begun.insert(serial, Instant::now());
        TimedRun {
            control: self,
            serial,
        }
    }

    /// Returns the sum of the progress of all runs whose ticks are not counted yet. The progress of one run is estimated as
    /// (time since its start) / `run_time`, but never more than 1; `run_time` is the duration of a run. For example, if a run takes 60 s, and
    /// two such runs began 30 s and 70 s ago, the result is 0.5 + 1 = 1.5.
    pub fn timed_runs_done(&self, run_time: Duration) -> f64 {
        let timed = self.lock_timed();
        let share =
            |begun: &Instant| (begun.elapsed().as_secs_f64() / run_time.as_secs_f64()).min(1.0);
        timed.begun.values().map(share).sum()
    }

    fn lock_timed(&self) -> MutexGuard<'_, TimedRuns> {
        self.timed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the engines to stop. They start no new run. A run under way is dropped, unless its engine completes it, for example
    /// because the run is about to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Returns the stop switch itself, for signal handlers. Setting it to true stops the engines.
    pub fn stop_switch(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Returns whether the engines were asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Returns the number of runs under way.
    pub fn active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }

    /// Returns the number of ticks done so far.
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Returns the number of late ticks: those whose lateness is more than [`LATE`].
    pub fn late_ticks(&self) -> u64 {
        self.late_ticks.load(Ordering::Relaxed)
    }

    /// Returns whether new runs wait at the moment because too many ticks are late.
    pub fn is_holding_back(&self) -> bool {
        self.holding_back.load(Ordering::Relaxed)
    }

    /// Adds a sentence about the runs, which the progress display shows.
    pub(crate) fn remark(&self, line: String) {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        remarks.push(line);
    }

    /// Returns and removes the sentences that were added since the last call.
    pub(crate) fn take_remarks(&self) -> Vec<String> {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *remarks)
    }

    /// Notes whether new runs wait from now on because too many ticks are late.
    pub(crate) fn hold_back(&self, is_holding_back: bool) {
        self.holding_back.store(is_holding_back, Ordering::Relaxed);
    }

    /// Counts `ticks` ticks. The number of late ticks stays the same.
    pub(crate) fn ticked(&self, ticks: u64) {
        self.ticks.fetch_add(ticks, Ordering::Relaxed);
    }

    /// Counts a tick that was done `lateness_ns` after it was due. The tick also counts as late if `lateness_ns` is more than
    /// [`LATE`].
    pub(crate) fn ticked_with_lateness(&self, lateness_ns: u64) {
        self.ticked(1);
        if u128::from(lateness_ns) > LATE.as_nanos() {
            self.late_ticks.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that a run has begun.
    pub(crate) fn begin(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a run has ended.
    pub(crate) fn end(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }
}
