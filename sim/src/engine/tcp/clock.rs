//! Wall time that never goes backwards: the system's time at the start of the engine, continued by the monotonic clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often both clocks are read at the start.
const READINGS: u32 = 8;

#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    started: Instant,
    started_unix_ns: u64,
}

impl WallClock {
    /// Reads both clocks several times, and uses the two readings that are closest together in time. Otherwise, if a process is
    /// interrupted between the two readings, its wall time is wrong for the whole run.
    pub(super) fn start() -> Self {
        let readings = (0..READINGS).map(|_| {
            let before = Instant::now();
            let unix = SystemTime::now().duration_since(UNIX_EPOCH);
            (before.elapsed(), before, unix.unwrap_or_default())
        });
        let (_, started, unix) = readings
            .min_by_key(|(apart, _, _)| *apart)
            .unwrap_or_else(|| unreachable!("both clocks were read at least once"));
        Self {
            started,
            started_unix_ns: unix.as_nanos() as u64,
        }
    }

    /// Returns a clock that is `ahead_ns` ahead of this one.
    #[cfg(test)]
    pub(super) fn ahead_by(self, ahead_ns: u64) -> Self {
        Self {
            started_unix_ns: self.started_unix_ns + ahead_ns,
            ..self
        }
    }

    /// Returns the Unix time in nanoseconds.
    pub(super) fn now_ns(&self) -> u64 {
        self.started_unix_ns + self.started.elapsed().as_nanos() as u64
    }

    /// Converts a Unix time to an instant. If the time is before the engine's start, returns the start.
    pub(super) fn instant(&self, unix_ns: u64) -> Instant {
        self.started + Duration::from_nanos(unix_ns.saturating_sub(self.started_unix_ns))
    }
}
