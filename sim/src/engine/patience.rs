//! Patience that does not run out while this process sleeps.
//!
//! A laptop is closed, a process is stopped (SIGSTOP) or frozen and goes on later: its clocks have moved on, but nobody who waits in
//! it has waited, because its peers could not be heard. So patience counts only the time in which the waiting loop was awake.

/// A loop looks several times a second. After a gap longer than this between two looks it was asleep.
const LONGEST_GAP_NS: u64 = 1_000_000_000;

/// Time that a loop has spent asleep.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sleep {
    last_look_ns: Option<u64>,
    asleep_ns: u64,
}

impl Sleep {
    /// How long it has slept so far.
    pub(crate) fn asleep_ns(&self) -> u64 {
        self.asleep_ns
    }

    /// The loop is awake at `now_ns` of a monotonic clock. To be called in each of its turns. Returns how long it has slept so far.
    pub(crate) fn inspect(&mut self, now_ns: u64) -> u64 {
        let last_ns = self.last_look_ns.replace(now_ns).unwrap_or(now_ns);
        let gap_ns = now_ns.saturating_sub(last_ns);
        if gap_ns > LONGEST_GAP_NS {
            self.asleep_ns += gap_ns;
        }
        self.asleep_ns
    }
}

/// A deadline that moves on by the time that its loop sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    until_ns: u64,
    asleep_ns: u64,
}

impl Patience {
    /// Ends at `until_ns`, plus what the loop sleeps beyond the `asleep_ns` that it has slept so far.
    pub(crate) fn until(until_ns: u64, asleep_ns: u64) -> Self {
        Self {
            until_ns,
            asleep_ns,
        }
    }

    /// When it ends, if the loop has slept `asleep_ns` so far.
    pub(crate) fn end_ns(&self, asleep_ns: u64) -> u64 {
        let slept_ns = asleep_ns.saturating_sub(self.asleep_ns);
        self.until_ns.saturating_add(slept_ns)
    }

    /// Whether it is over at `now_ns`. A sleep that has only just ended is taken into account.
    pub(crate) fn is_over(&self, now_ns: u64, sleep: &mut Sleep) -> bool {
        now_ns > self.end_ns(sleep.inspect(now_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn sleep_does_not_count() {
        let mut sleep = Sleep::default();
        let patience = Patience::until(10 * SECOND, sleep.inspect(0));
        assert_eq!(patience.end_ns(sleep.inspect(SECOND)), 10 * SECOND);
        // Stopped for an hour: what was left is left still.
        let woken_ns = 3600 * SECOND;
        assert_eq!(
            patience.end_ns(sleep.inspect(woken_ns)),
            10 * SECOND + 3599 * SECOND
        );
        // Slow but awake: that counts.
        for second in 1..=9 {
            assert!(!patience.is_over(woken_ns + second * SECOND, &mut sleep));
        }
        assert!(patience.is_over(woken_ns + 10 * SECOND, &mut sleep));
    }

    #[test]
    fn a_patience_without_end_is_no_overflow() {
        assert_eq!(Patience::until(u64::MAX, 0).end_ns(SECOND), u64::MAX);
    }
}
