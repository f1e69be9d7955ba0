//! Wall time that never goes backwards: the system's time when the engine started, carried on by its monotonic clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often both clocks are read at the start.
const READINGS: u32 = 8;

#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    started: Instant,
    started_unix_ns: u64,
}

impl WallClock {
    /// Reads both clocks, some times over, and takes the readings that lie closest together: whoever is held up between the two
    /// would be late, by all others' clocks, for the whole run.
    pub(super) fn start() -> Self {
        let readings = (0..READINGS).map(|_| {
            let before = Instant::now();
            let unix = SystemTime::now().duration_since(UNIX_EPOCH);
            (before.elapsed(), before, unix.unwrap_or_default())
        });
        let (_, started, unix) = readings
            .min_by_key(|(apart, _, _)| *apart)
            .unwrap_or_else(|| unreachable!("there are several"));
        Self {
            started,
            started_unix_ns: unix.as_nanos() as u64,
        }
    }

    /// A clock that is `ahead_ns` ahead of this one.
    #[cfg(test)]
    pub(super) fn ahead_by(self, ahead_ns: u64) -> Self {
        Self {
            started_unix_ns: self.started_unix_ns + ahead_ns,
            ..self
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
