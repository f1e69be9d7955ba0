//! What the outside says to the engines, and they to it, while runs are under way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A tick later than this is counted as late.
pub const LATE: Duration = Duration::from_millis(1);

/// A stop switch, and counts of what is under way, shared by all threads of a sweep.
#[derive(Debug, Default)]
pub struct Control {
    stop: Arc<AtomicBool>,
    active: AtomicU64,
    ticks: AtomicU64,
    late_ticks: AtomicU64,
    holding_back: AtomicBool,
    remarks: Mutex<Vec<String>>,
}

impl Control {
    /// Asks to stop: no new runs, and those under way end soon or are dropped.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The stop switch itself, for signals to turn: true stops.
    pub fn stop_switch(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Whether it was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Runs under way.
    pub fn active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }

    /// Ticks done so far.
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Of these, done more than [`LATE`] after they were due.
    pub fn late_ticks(&self) -> u64 {
        self.late_ticks.load(Ordering::Relaxed)
    }

    /// Whether no more runs are begun because too many ticks are late.
    pub fn is_holding_back(&self) -> bool {
        self.holding_back.load(Ordering::Relaxed)
    }

    /// Says something of how the runs get on, in a sentence: whoever shows the sweep's progress shows it.
    pub(crate) fn remark(&self, line: String) {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        remarks.push(line);
    }

    /// What was said since this was last asked.
    pub(crate) fn take_remarks(&self) -> Vec<String> {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *remarks)
    }

    pub(crate) fn hold_back(&self, late: bool) {
        self.holding_back.store(late, Ordering::Relaxed);
    }

    /// Counts ticks that were on time.
    pub(crate) fn ticked(&self, ticks: u64) {
        self.ticks.fetch_add(ticks, Ordering::Relaxed);
    }

    /// Counts a tick that was this late.
    pub(crate) fn ticked_late(&self, lateness_ns: u64) {
        self.ticked(1);
        if u128::from(lateness_ns) > LATE.as_nanos() {
            self.late_ticks.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn begin(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }
}
