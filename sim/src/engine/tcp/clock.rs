//! Wall time that never goes backwards: the system's time at the start of the engine, continued by the monotonic clock. (The monotonic
//! clock is a clock of the system that nobody can set, so it only goes forwards.)

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many times the system's time and the monotonic clock are read at the start.
const READINGS: u32 = 8;

/// A clock that shows the Unix time, and never goes backwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    /// The reading of the monotonic clock when this clock was started.
    started: Instant,
    /// The system's time when this clock was started.
    started_unix_ns: u64,
}

impl WallClock {
    /// Reads the monotonic clock and then the system's time. Makes several such pairs of readings, and uses the pair that took the least
    /// time. (If the process is interrupted between the two readings of a pair, the readings belong to different moments. A clock that starts
    /// from such a pair is always wrong by the length of the interruption.)
    pub(super) fn start() -> Self {
        let readings = (0..READINGS).map(|_| {
            let before = Instant::now();
            let unix = SystemTime::now().duration_since(UNIX_EPOCH);
            let time_taken = before.elapsed();
            // If the system's time is before 1970, 0 is used.
            (time_taken, before, unix.unwrap_or_default())
        });
        let (_, started, unix) = readings
            .min_by_key(|(time_taken, _, _)| *time_taken)
            .unwrap_or_else(|| unreachable!("both clocks were read at least once"));
        Self {
            started,
            started_unix_ns: unix.as_nanos() as u64,
        }
    }

    /// Returns a clock that is `ahead_ns` ahead of this one, like the clock of another computer.
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

    /// Converts a Unix time to an instant. If the time is before the start of this clock, returns the start.
    pub(super) fn instant(&self, unix_ns: u64) -> Instant {
        self.started + Duration::from_nanos(unix_ns.saturating_sub(self.started_unix_ns))
    }
}
