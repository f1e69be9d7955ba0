//! Deadlines that are postponed by the time for which this process is suspended.
//!
//! If a laptop is closed or a process is stopped (SIGSTOP), time goes on, but the process does not run and receives nothing. So
//! the time of a suspension does not count as waiting.

/// An event loop calls [`Suspension::note_awake`] several times a second. If two calls are further apart than this, the process was
/// suspended in between.
const LONGEST_GAP_NS: u64 = 1_000_000_000;

/// For how long an event loop was suspended since its start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Suspension {
    /// When the loop was last known to be awake; `None` before the first call of [`Self::note_awake`].
    last_awake_ns: Option<u64>,
    /// The sum of all suspensions.
    suspended_ns: u64,
}

impl Suspension {
    /// Returns for how long the loop was suspended so far.
    pub(crate) fn suspended_ns(&self) -> u64 {
        self.suspended_ns
    }

    /// Notes that the loop is awake at `now_ns` of a monotonic clock. The loop calls this in each turn. Returns for how long the loop
    /// was suspended so far.
    pub(crate) fn note_awake(&mut self, now_ns: u64) -> u64 {
        let last_ns = self.last_awake_ns.replace(now_ns).unwrap_or(now_ns);
        let gap_ns = now_ns.saturating_sub(last_ns);
        if gap_ns > LONGEST_GAP_NS {
            self.suspended_ns += gap_ns;
        }
        self.suspended_ns
    }
}

/// A deadline that is postponed by the time for which the event loop is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// The deadline as it was set, not postponed.
    until_ns: u64,
    /// For how long the loop had been suspended in total when the deadline was set.
    suspended_ns: u64,
}

impl Patience {
    /// Creates a deadline at `until_ns`, for a loop that was suspended for `suspended_ns` so far. Later suspensions postpone the deadline.
    pub(crate) fn until(until_ns: u64, suspended_ns: u64) -> Self {
        Self {
            until_ns,
            suspended_ns,
        }
    }

    /// Returns the postponed deadline. `suspended_ns` is the total time for which the loop was suspended so far.
    pub(crate) fn end_ns(&self, suspended_ns: u64) -> u64 {
        let postponed_by_ns = suspended_ns.saturating_sub(self.suspended_ns);
        self.until_ns.saturating_add(postponed_by_ns)
    }

    /// Returns whether the deadline has passed at `now_ns`. First notes in `suspension` that the loop is awake, so that a suspension that
    /// has only just ended postpones the deadline too.
    pub(crate) fn is_over(&self, now_ns: u64, suspension: &mut Suspension) -> bool {
        now_ns > self.end_ns(suspension.note_awake(now_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_suspension_postpones_the_deadline_and_slow_turns_do_not() {
        let mut suspension = Suspension::default();
        let patience = Patience::until(10 * SECOND, suspension.note_awake(0));
        assert_eq!(patience.end_ns(suspension.note_awake(SECOND)), 10 * SECOND);
        // The process is suspended from second 1 to second 3600, so the deadline is 3599 seconds later.
        let woken_ns = 3600 * SECOND;
        assert_eq!(
            patience.end_ns(suspension.note_awake(woken_ns)),
            10 * SECOND + 3599 * SECOND
        );
        // A loop with one turn in each second is slow but awake, so its time counts. The postponed deadline is at 10 + 3599 = 3609
        // seconds. At exactly 3609 seconds, `is_over` is still false.
        for second in 1..=9 {
            assert!(!patience.is_over(woken_ns + second * SECOND, &mut suspension));
        }
        assert!(patience.is_over(woken_ns + 10 * SECOND, &mut suspension));
    }

    #[test]
    fn the_longest_deadline_does_not_overflow() {
        assert_eq!(Patience::until(u64::MAX, 0).end_ns(SECOND), u64::MAX);
    }
}
