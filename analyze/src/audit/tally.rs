//! What was found: how often each check was made, how often it failed, and where first.

use super::checks::{CHECKS, Check};

/// Where in a run something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// In its row of the journal.
    Journal,
    /// In a row of its events, counted from 0.
    Row(u64),
}

/// The first violation of a check.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct First {
    /// Which of the dataset's audited runs, in their order.
    pub(super) ordinal: usize,
    pub(super) at: At,
    pub(super) words: String,
}

/// What became of one check.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) checked: u64,
    pub(super) violations: u64,
    pub(super) first: Option<First>,
}

/// What became of every check, over some runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    lines: [Line; CHECKS],
    /// Runs whose events were audited.
    pub(super) runs: u64,
    /// Messages sent: a broadcast is one to each peer.
    pub(super) messages: u64,
    /// Rows of the event log, readable ones.
    pub(super) events: u64,
}

impl Tally {
    pub(super) fn line(&self, check: Check) -> &Line {
        &self.lines[check as usize]
    }

    /// Adds what was found in other runs. Whichever run comes first has the first violation, so the order of the additions does
    /// not matter.
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

    /// The page on which one run's findings are noted.
    pub(super) fn page(&mut self, ordinal: usize) -> RunFindings<'_> {
        RunFindings {
            tally: self,
            ordinal,
        }
    }
}

/// Where one run's findings are noted.
pub(super) struct RunFindings<'t> {
    tally: &'t mut Tally,
    ordinal: usize,
}

impl RunFindings<'_> {
    /// Notes that `check` was made `times` times.
    pub(super) fn checked(&mut self, check: Check, times: u64) {
        self.tally.lines[check as usize].checked += times;
    }

    /// Notes that `check` failed. The words are needed only for the first time.
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

    /// Counts a run and what it is made of.
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
        let mut page = tally.page(ordinal);
        page.checked(Check::Stamp, 10);
        for row in 0..violations {
            page.violated(Check::Stamp, At::Row(row), || {
                format!("run {ordinal}, row {row}")
            });
        }
        tally
    }

    #[test]
    fn the_first_violation_is_that_of_the_first_run_in_whatever_order_they_come() {
        for order in [[2, 0, 1], [0, 1, 2], [1, 2, 0]] {
            let mut sum = Tally::default();
            // Run 0 has none.
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
