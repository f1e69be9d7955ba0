//! Audits a dataset: makes all checks on its runs, on all cores, and collects the results. Each core audits one run at a time.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use sim::log::{Dataset, DatasetError, JournalRow, Sources};

use super::checks::Check;
use super::event_frequencies::EventFrequencies;
use super::journal::{self, Planned};
use super::lines::Lines;
use super::log::Log;
use super::setup::{Known, Setup};
use super::tally::{At, RunFindings, Tally};
use super::{
    Audited, CheckResult, CounterExample, clocks, in_flight, messages, pictures, queues, ticks,
    timestamps,
};
use crate::error::Error;
use crate::read::labels::folder_name;
use crate::threads;

/// Audits the dataset in folder `root`.
pub(super) fn audit(root: &Path) -> Result<Audited, Error> {
    // A damaged journal is reported as a failed check. Any other problem of opening the dataset is an error.
    let dataset = match Dataset::open(root) {
        Err(
            error @ (DatasetError::Journal { .. }
            | DatasetError::JournalHeader { .. }
            | DatasetError::JournalCell { .. }
            | DatasetError::ChangedRow { .. }),
        ) => {
            return Ok(unreadable(root, error));
        }
        opened => opened?,
    };
    let mut finished: Vec<&JournalRow> = dataset.finished().collect();
    // A stable sort: if a run has two rows, they stay in the order in which they were written. So `check_is_new` reports the later row.
    finished.sort_by_key(|row| row.run);
    let failed = count_failed(dataset.attempted(), finished.iter().copied());
    if finished.is_empty() {
        return Err(Error::NoFinishedRun {
            path: root.to_owned(),
            failed,
        });
    }
    let (mut tally, frequencies) = audit_on_all_cores(&dataset, &finished);
    // Makes the two checks that need the counts of all runs: `Check::InternalShare` and `Check::Recipients`.
    frequencies.check(&mut tally);
    let lines = Lines::new(&dataset);
    // The sources of an imported dataset: from which file and line each event was read.
    let (sources, sources_problem) = match Sources::open(&dataset) {
        Ok(sources) => (sources, None),
        Err(problem) => (None, Some(problem)),
    };
    // `analyze diagram` refuses a dataset in which a run is finished twice.
    let can_be_drawn = finished.windows(2).all(|pair| pair[0].run < pair[1].run);
    let results = Check::ALL.map(|check| {
        let counts = tally.counts(check);
        let first = counts.first.as_ref().map(|first| {
            let run = finished[first.run_index];
            let (file, line) = lines.find(run, first.at);
            CounterExample {
                file,
                line,
                run: Some(run.run),
                source: source_of(sources.as_ref(), run, first.at),
                words: first.words.clone(),
                diagram: can_be_drawn
                    .then(|| pictures::diagram_command(root, &dataset, run, (check, first.at)))
                    .flatten(),
            }
        });
        CheckResult {
            check,
            checked: counts.checked,
            violations: counts.violations,
            first,
        }
    });
    Ok(Audited {
        label: folder_name(root),
        runs: tally.runs,
        failed: failed as u64,
        to_do: dataset.to_do(),
        missing_shards: dataset.missing_shards().to_vec(),
        events: tally.events,
        messages: tally.messages,
        imported: dataset.manifest().imported.is_some(),
        sources_problem,
        results: results.into(),
    })
}

/// Finds the imported file and the line (from 1) from which the event at `at` was read. `None` if they are not known.
fn source_of(sources: Option<&Sources<'_>>, run: &JournalRow, at: At) -> Option<(String, u64)> {
    let At::Row(row) = at else {
        return None;
    };
    let (file, line) = sources?.find(run.run, row)?;
    Some((file.to_owned(), line))
}

/// The result for a dataset whose journal (`runs.csv`) is damaged: one violation of [`Check::Journal`]. No run can be audited, because
/// only the journal says which runs there are.
fn unreadable(root: &Path, error: DatasetError) -> Audited {
    let results = Check::ALL.map(|check| CheckResult {
        check,
        checked: 0,
        violations: 0,
        first: None,
    });
    let mut results: Vec<CheckResult> = results.into();
    let (file, line, words) = match error {
        DatasetError::Journal { path, cause } => {
            let line = cause.position().map(csv::Position::line);
            (path, line, format!("{cause}; none of the runs is audited"))
        }
        DatasetError::ChangedRow { path, line } => {
            let words = "the checksum of the row is wrong, so it was changed or damaged; none of the runs is audited";
            (path, Some(line), words.to_owned())
        }
        DatasetError::JournalHeader {
            path,
            column,
            problem,
        } => {
            let words =
                format!("the header: column {column} {problem}; none of the runs is audited");
            (path, Some(1), words)
        }
        DatasetError::JournalCell {
            path,
            line,
            column,
            problem,
        } => {
            let words = format!("column {column}: {problem}; none of the runs is audited");
            (path, Some(line), words)
        }
        // `audit` calls this function only with the four errors above.
        other => (root.to_owned(), None, other.to_string()),
    };
    // The results have the order of `Check::ALL`, which is the order of the enum.
    let journal = &mut results[Check::Journal as usize];
    journal.checked = 1;
    journal.violations = 1;
    journal.first = Some(CounterExample {
        file,
        line,
        run: None,
        source: None,
        words,
        diagram: None,
    });
    Audited {
        label: folder_name(root),
        runs: 0,
        failed: 0,
        to_do: 0,
        missing_shards: vec![],
        events: 0,
        messages: 0,
        imported: false,
        sources_problem: None,
        results,
    }
}

/// Audits the finished runs. Two checks cannot be made run by run, because they compare frequencies over all runs of a configuration:
/// [`Check::InternalShare`] and [`Check::Recipients`]. Returns the results of all other checks, and the counts for these two.
fn audit_on_all_cores(dataset: &Dataset, finished: &[&JournalRow]) -> (Tally, EventFrequencies) {
    let shared = Shared {
        dataset,
        finished,
        planned: Planned::new(&dataset.manifest().experiment),
        first_with_key: first_with_key(finished),
        next: AtomicUsize::new(0),
    };
    let (mut tally, mut frequencies) = (Tally::default(), EventFrequencies::default());
    // `on_each_core` uses at most as many cores as there are runs.
    for (core_tally, core_frequencies) in
        threads::on_each_core(finished.len(), || shared.audit_runs())
    {
        tally.add(core_tally);
        frequencies.add(core_frequencies);
    }
    (tally, frequencies)
}

/// For each key, the index in `finished` of the first row with this key. The key of a run is the text of all its parameters and its
/// repetition.
fn first_with_key<'d>(finished: &[&'d JournalRow]) -> HashMap<&'d str, usize> {
    let mut first = HashMap::with_capacity(finished.len());
    for (run_index, row) in finished.iter().enumerate() {
        first.entry(row.key.as_str()).or_insert(run_index);
    }
    first
}

/// Data that all cores share.
struct Shared<'d> {
    dataset: &'d Dataset,
    /// The journal's rows of the finished runs, ordered by the number of the run.
    finished: &'d [&'d JournalRow],
    planned: Planned<'d>,
    /// See [`first_with_key`].
    first_with_key: HashMap<&'d str, usize>,
    /// The index in `finished` of the run that is audited next.
    next: AtomicUsize,
}

impl Shared<'_> {
    /// Audits runs until none is left. Each core calls this.
    fn audit_runs(&self) -> (Tally, EventFrequencies) {
        let (mut tally, mut frequencies) = (Tally::default(), EventFrequencies::default());
        loop {
            let run_index = self.next.fetch_add(1, Ordering::Relaxed);
            if run_index >= self.finished.len() {
                return (tally, frequencies);
            }
            self.audit_run(run_index, &mut tally.findings(run_index), &mut frequencies);
        }
    }

    /// Makes all checks on one run, except the two that need all runs. `frequencies` collects the counts for those two.
    fn audit_run(
        &self,
        run_index: usize,
        findings: &mut RunFindings<'_>,
        frequencies: &mut EventFrequencies,
    ) {
        let row = self.finished[run_index];
        let mut problems = vec![];
        let is_new = self.check_is_new(run_index, &mut problems);
        self.planned.check(row, &mut problems);
        if is_new && let Some(bytes) = self.read_events(row, findings) {
            let imported = self.dataset.manifest().imported.as_ref();
            // `Known` says which facts about the run are known: all of them, unless the run was imported.
            let setup = Setup::from_row(row, Known::new(imported, row.run));
            let log = Log::read(
                (&bytes, self.dataset.row_format(row)),
                row.run,
                &setup,
                findings,
            );
            // `log` has its own copy of all readable rows. Freeing `bytes` before the checks saves memory.
            drop(bytes);
            let largest_lateness_ns = check_events(&setup, &log, findings);
            frequencies.count(run_index, &setup, &log);
            // Checks the columns of the row that were measured in the run, such as its largest lateness, against the log.
            let schema = self.dataset.schema_of(row);
            journal::check_measured(
                row,
                &setup,
                log.rows,
                largest_lateness_ns,
                schema,
                &mut problems,
            );
        }
        findings.checked(Check::Journal, 1);
        if !problems.is_empty() {
            findings.violated(Check::Journal, At::Journal, || problems.join("; "));
        }
    }

    /// Checks that no earlier row has the same run number or the same key. If there is such a row, adds a problem and returns false. Then
    /// the events of this row are not audited, so that no run is counted twice.
    fn check_is_new(&self, run_index: usize, problems: &mut Vec<String>) -> bool {
        let row = self.finished[run_index];
        // Rows are ordered by run number, so an earlier row of the same run is directly before this row.
        let before = run_index.checked_sub(1);
        let row_before = before.map(|before| self.finished[before]);
        if row_before.is_some_and(|before| before.run == row.run) {
            problems.push("the run is finished twice".to_owned());
            return false;
        }
        match self.first_with_key.get(row.key.as_str()) {
            Some(&first_index) if first_index < run_index => {
                let first_run = self.finished[first_index].run;
                problems.push(format!("it has the same key as run {first_run}"));
                false
            }
            _ => true,
        }
    }

    /// Reads the events of a run, and checks [`Check::Files`]. Returns `None` if the events cannot be read or were changed.
    fn read_events(&self, row: &JournalRow, findings: &mut RunFindings<'_>) -> Option<Vec<u8>> {
        findings.checked(Check::Files, 1);
        self.dataset
            .read_events(row)
            .map_err(|error| {
                let words = || format!("{error}; the events of this run are not audited");
                // It is not known which rows are missing or changed, so the violation is reported at the first row.
                findings.violated(Check::Files, At::Row(0), words);
            })
            .ok()
    }
}

/// Makes all checks of the events of a run. Returns the largest lateness of an event, in nanoseconds.
fn check_events(setup: &Setup, log: &Log, findings: &mut RunFindings<'_>) -> u64 {
    ticks::check_phases(setup, findings);
    let largest_lateness_ns = ticks::check(setup, log, findings);
    clocks::check(setup, log, findings);
    timestamps::check(setup, log, findings);
    // The mailbox of a machine is the list of all messages that were sent to it.
    let mailboxes = in_flight::make_mailboxes(setup, log);
    for (machine, mailbox) in mailboxes.iter().enumerate() {
        // For each receive of the machine, the index of the received message in the mailbox, if it is known.
        let received = match setup.known.send_of_each_receive {
            true => messages::check(setup, log, machine, mailbox, findings),
            false => messages::all_unknown(log, machine),
        };
        // Checks that no message waits when the machine has an internal event or a send.
        queues::check_idle(setup, log, machine, findings);
        // `queues::check` compares the logged queue length of each event with the number of messages that can have arrived until the event.
        // For this, the recipients of sends must be known, and the times of different machines must be comparable.
        if setup.known.recipients && setup.known.queue_lengths && setup.known.shared_time {
            queues::check(setup, log, machine, mailbox, &received, findings);
        }
    }
    let messages = mailboxes
        .iter()
        .map(|mailbox| mailbox.messages.len() as u64)
        .sum();
    findings.count(log.events(), messages);
    largest_lateness_ns
}

/// Counts the runs that have a failed attempt and are not among the `finished` runs.
fn count_failed<'r>(
    attempted: &[JournalRow],
    finished: impl IntoIterator<Item = &'r JournalRow>,
) -> usize {
    let finished: HashSet<u64> = finished.into_iter().map(|row| row.run).collect();
    let failed = attempted
        .iter()
        .filter(|row| !row.is_ok() && !finished.contains(&row.run));
    failed.map(|row| row.run).collect::<HashSet<_>>().len()
}
