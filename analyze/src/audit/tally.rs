//! Counts how often each check was made and failed, and keeps the first violation.

use super::checks::{CHECKS, Check};

/// Where a violation is in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// In the run's row in the journal.
    Journal,
    /// In this row of the run's events (from 0).
    Row(u64),
}

/// The first violation of a check.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct First {
    /// The index of the run among the audited runs of the dataset.
    pub(super) ordinal: usize,
    /// Where the violation is in the run.
    pub(super) at: At,
    /// A description of the violation.
    pub(super) words: String,
}

/// The result of one check.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) checked: u64,
    pub(super) violations: u64,
    pub(super) first: Option<First>,
}

/// The results of all checks over some runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    lines: [Line; CHECKS],
    /// Number of runs whose events were audited.
    pub(super) runs: u64,
    /// Number of messages. A send to several machines counts once for each recipient.
    pub(super) messages: u64,
    /// Number of readable rows of the event log.
    pub(super) events: u64,
}

impl Tally {
    pub(super) fn line(&self, check: Check) -> &Line {
        &self.lines[check as usize]
    }

    /// Adds the results of other runs. The first violation is the one in the run with the lowest index, so the order of the
    /// additions does not matter.
    pub(super) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.messages += other.messages;
        self.events += other.events;
        for (line, other) in self.lines.iter_mut().zip(other.lines) {
            line.checked += other.checked;
            line.violations += other.violations;
            let ordinal =
                |first: &Option<First>| first.as_ref().map_or(usize::MAX, |first| first.ordinal);
            if ordinal(&other.first) < ordinal(&line.first) {
                line.first = other.first;
            }
        }
    }

    /// Creates a recorder. It adds what is found in the run with this index.
    pub(super) fn findings(&mut self, ordinal: usize) -> RunFindings<'_> {
        RunFindings {
            tally: self,
            ordinal,
        }
    }
}

/// Adds the findings of one run to a tally.
pub(super) struct RunFindings<'t> {
    tally: &'t mut Tally,
    ordinal: usize,
}

impl RunFindings<'_> {
    /// Records that `check` was made `times` times.
    pub(super) fn checked(&mut self, check: Check, times: u64) {
        self.tally.lines[check as usize].checked += times;
    }

    /// Records that `check` failed. `words` is called only for the first violation.
    #[cold]
    pub(super) fn violated(&mut self, check: Check, at: At, words: impl FnOnce() -> String) {
        let line = &mut self.tally.lines[check as usize];
        line.violations += 1;
        if line
            .first
            .as_ref()
            .is_none_or(|first| self.ordinal < first.ordinal)
        {
            line.first = Some(First {
                ordinal: self.ordinal,
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

    fn tally(ordinal: usize, violations: u64) -> Tally {
        let mut tally = Tally::default();
        let mut findings = tally.findings(ordinal);
        findings.checked(Check::Stamp, 10);
        for row in 0..violations {
            findings.violated(Check::Stamp, At::Row(row), || {
                format!("run {ordinal}, row {row}")
            });
        }
        tally
    }

    #[test]
    fn the_first_violation_is_that_of_the_first_run() {
        for order in [[2, 0, 1], [0, 1, 2], [1, 2, 0]] {
            let mut sum = Tally::default();
            // Run 0 has no violation.
            order
                .into_iter()
                .for_each(|run| sum.add(tally(run, 2 * run as u64)));
            let line = sum.line(Check::Stamp);
            assert_eq!((line.checked, line.violations), (30, 6));
            assert_eq!(
                line.first.as_ref().map(|first| first.words.as_str()),
                Some("run 1, row 0")
            );
        }
    }
}
