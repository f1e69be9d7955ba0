//! Counts how often each check was made and failed, and keeps the first violation of each check.

use super::checks::{CHECKS, Check};

/// Where a violation is, in the data of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// In the run's row in the journal.
    Journal,
    /// In this row of the run's events. The rows of each run are counted from 0.
    Row(u64),
}

/// The first violation of a check.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FirstViolation {
    /// The index of the run among the audited runs of the dataset.
    pub(super) run_index: usize,
    /// Where the violation is in the run.
    pub(super) at: At,
    /// A description of the violation.
    pub(super) words: String,
}

/// The result of one check over some runs.
#[derive(Clone, Debug, Default)]
pub(super) struct CheckCounts {
    /// How often the check was made.
    pub(super) checked: u64,
    /// How often the check failed.
    pub(super) violations: u64,
    /// The violation that was found first in the first run that violates the check. "First run" means the lowest index, even if another
    /// run was audited earlier. `None` if no run violates the check.
    pub(super) first: Option<FirstViolation>,
}

/// The results of all checks over some runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// The result of each check, in the order of [`Check::ALL`].
    counts: [CheckCounts; CHECKS],
    /// Number of runs whose events were audited.
    pub(super) runs: u64,
    /// Number of messages. A send to several machines counts once for each recipient.
    pub(super) messages: u64,
    /// Number of events in the logs. Rows that were left out, such as damaged rows, do not count.
    pub(super) events: u64,
}

impl Tally {
    /// The result of `check`.
    pub(super) fn counts(&self, check: Check) -> &CheckCounts {
        &self.counts[check as usize]
    }

    /// Adds the results of other runs. The tallies of several runs may be added in any order: the first violation is not the one that
    /// was added first, but the one in the run with the lowest index.
    pub(super) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.messages += other.messages;
        self.events += other.events;
        // The index of the run with the first violation. It is `usize::MAX` if there is no violation, so that any violation is earlier.
        let run_index = |first: &Option<FirstViolation>| {
            first.as_ref().map_or(usize::MAX, |first| first.run_index)
        };
        for (counts, other) in self.counts.iter_mut().zip(other.counts) {
            counts.checked += other.checked;
            counts.violations += other.violations;
            if run_index(&other.first) < run_index(&counts.first) {
                counts.first = other.first;
            }
        }
    }

    /// Returns a value that adds the findings of one run to this tally. `run_index` is the index of the run among the audited runs.
    pub(super) fn findings(&mut self, run_index: usize) -> RunFindings<'_> {
        RunFindings {
            tally: self,
            run_index,
        }
    }
}

/// Adds the findings of one run to a tally.
pub(super) struct RunFindings<'t> {
    tally: &'t mut Tally,
    run_index: usize,
}

impl RunFindings<'_> {
    /// Records that `check` was made `times` times.
    pub(super) fn checked(&mut self, check: Check, times: u64) {
        self.tally.counts[check as usize].checked += times;
    }

    /// Records that `check` failed. The failure becomes the first violation of the check if none is recorded yet, or if the recorded one is
    /// in a later run (with a higher index). Only then is the function `words` called, which describes the failure.
    #[cold]
    pub(super) fn violated(&mut self, check: Check, at: At, words: impl FnOnce() -> String) {
        let counts = &mut self.tally.counts[check as usize];
        counts.violations += 1;
        let first = counts.first.as_ref();
        if first.is_none_or(|first| self.run_index < first.run_index) {
            counts.first = Some(FirstViolation {
                run_index: self.run_index,
                at,
                words: words(),
            });
        }
    }

    /// Counts a run with its events and messages.
    pub(super) fn count(&mut self, events: u64, messages: u64) {
        self.tally.runs += 1;
        self.tally.events += events;
        self.tally.messages += messages;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tally of one run: `Check::Stamp` was made 10 times, and failed in the first `violations` rows.
    fn tally(run_index: usize, violations: u64) -> Tally {
        let mut tally = Tally::default();
        let mut findings = tally.findings(run_index);
        findings.checked(Check::Stamp, 10);
        for row in 0..violations {
            findings.violated(Check::Stamp, At::Row(row), || {
                format!("run {run_index}, row {row}")
            });
        }
        tally
    }

    #[test]
    fn the_first_violation_does_not_depend_on_the_order_of_the_tallies() {
        for order in [[2, 0, 1], [0, 1, 2], [1, 2, 0]] {
            let mut sum = Tally::default();
            // Run 0 has no violation, run 1 has two, and run 2 has four.
            for run in order {
                sum.add(tally(run, 2 * run as u64));
            }
            let counts = sum.counts(Check::Stamp);
            assert_eq!((counts.checked, counts.violations), (30, 6));
            assert_eq!(
                counts.first.as_ref().map(|first| first.words.as_str()),
                Some("run 1, row 0")
            );
        }
    }
}
