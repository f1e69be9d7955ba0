//! What the outside says to the engines, and they to it, while runs are under way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A stop switch and a count of the runs under way, shared by all threads of a sweep.
#[derive(Debug, Default)]
pub struct Control {
    stop: AtomicBool,
    active: AtomicU64,
}

impl Control {
    /// Asks to stop: no new runs, and those under way end soon or are dropped.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Runs under way.
    pub fn active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }
}
