//! Wall time that never goes backwards: the system's time when the engine started, carried on by its monotonic clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    started: Instant,
    started_unix_ns: u64,
}

impl WallClock {
    pub(super) fn start() -> Self {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            started_unix_ns: unix.as_nanos() as u64,
        }
    }

    /// Unix time in nanoseconds.
    pub(super) fn now_ns(&self) -> u64 {
        self.started_unix_ns + self.started.elapsed().as_nanos() as u64
    }

    /// The instant of Unix time `unix_ns`; the start if that is earlier.
    pub(super) fn instant(&self, unix_ns: u64) -> Instant {
        self.started + Duration::from_nanos(unix_ns.saturating_sub(self.started_unix_ns))
    }
}
