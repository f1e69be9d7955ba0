//! Turns the log of a run that has ended into its row of the journal (`runs.csv`) and its rows of the event log (`events-NNNN.csv`).

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use crate::engine::{Punctuality, RunLog, RunOutcome};
use crate::experiment::{EngineKind, Experiment, Run};
use crate::log::{EndedRun, JournalRow, Outcome, checksum, write_machine_rows};

/// Approximate length of a row of the event log in bytes, for estimates of memory.
pub(super) const ROW_BYTES: usize = 56;

/// Returns the row of `run` in the journal and its rows in the event log. `get_outcome` returns the outcome of the run. If `get_outcome`
/// panics, the journal's row says that the run failed, and other runs can go on.
pub(super) fn rows(
    experiment: &Experiment,
    run: &Run,
    get_outcome: impl FnOnce() -> RunOutcome,
) -> EndedRun {
    let rows = panic::catch_unwind(AssertUnwindSafe(|| rows_of(experiment, &get_outcome())));
    rows.unwrap_or_else(|panic| {
        // The message of a panic is a `&str` or, if values were inserted into its text, usually a `String`.
        let message = panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned());
        let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
        let failed = RunOutcome {
            run: run.clone(),
            result: Err(format!(
                "this is a bug of sim: {}",
                message.unwrap_or_default()
            )),
            rejected_connections: 0,
        };
        rows_of(experiment, &failed)
    })
}

fn rows_of(experiment: &Experiment, ended: &RunOutcome) -> EndedRun {
    let (outcome, reason) = match &ended.result {
        Ok(_) => (Outcome::Ok, String::new()),
        // The reason is written on one line, because a row is one line.
        Err(reason) => (Outcome::Failed, reason.replace(char::is_control, " ")),
    };
    let log = ended.result.as_ref().ok();
    let punctuality = log.map(|log| log.punctuality).unwrap_or_default();
    let Punctuality {
        margin_ns,
        lateness,
        latency,
        as_scheduled,
    } = punctuality;
    let events = log.map_or(vec![], |log| {
        event_rows(ended.run.index, log, experiment.has_timestamps())
    });
    let row = JournalRow {
        run: ended.run.index,
        key: ended.run.key(),
        repetition: ended.run.repetition,
        outcome,
        reason,
        engine: experiment.engine.to_string(),
        isolation: experiment.isolation.to_string(),
        time_scale: experiment.time_scale,
        configuration: Arc::clone(&ended.run.configuration),
        started_at_ns: log.map_or(0, |log| log.started_at_ns),
        // Phases are the times of the machines' first ticks. A failed run has no log, so its phases are taken from its schedule.
        phases_ns: log.map_or_else(
            || ended.run.schedule(experiment.seed).phases_ns().collect(),
            |log| log.phases_ns.clone(),
        ),
        margin_us: micros(margin_ns),
        lateness_p50_us: micros(lateness.p50_ns),
        lateness_p99_us: micros(lateness.p99_ns),
        lateness_max_us: micros(lateness.max_ns),
        latency_p50_us: micros(latency.p50_ns),
        latency_p99_us: micros(latency.p99_ns),
        latency_max_us: micros(latency.max_ns),
        // In virtual time nothing is late, so every finished run is punctual.
        punctual: outcome == Outcome::Ok
            && (experiment.engine == EngineKind::Virtual || punctuality.is_punctual()),
        as_scheduled,
        rejected_connections: ended.rejected_connections,
        tool_version: crate::VERSION.to_owned(),
        events: log.map_or(0, |log| {
            log.machines.iter().map(|events| events.len() as u64).sum()
        }),
        // The checksum is calculated here, because this code runs in several threads at once, and the writer has only one thread.
        checksum: checksum(&events),
        // The writer sets `segment`, `offset` and `bytes` later. They say where in the event log the run's events are. The fields
        // `row_checksum` and `part` are used only in rows that were read from a journal.
        ..JournalRow::default()
    };
    EndedRun { row, events }
}

fn micros(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

/// Returns the text of a run's rows in the event log: first all events of machine 0 in their order, then those of machine 1, and so on. This
/// order does not depend on when the events happened, so it is the same for both engines.
fn event_rows(run: u64, log: &RunLog, has_timestamps: bool) -> Vec<u8> {
    let events: usize = log.machines.iter().map(Vec::len).sum();
    let mut buffer = Vec::with_capacity(events * ROW_BYTES);
    for (machine, events) in log.machines.iter().enumerate() {
        write_machine_rows(&mut buffer, run, machine as u32, events, has_timestamps);
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Overrides;

    #[test]
    fn a_run_that_panics_gets_the_outcome_failed() {
        let text = "seed = 1\nengine = \"virtual\"\n[parameters]\nrates = [1, 3]\ninternal = 0.5";
        let experiment = Experiment::parse(text, "e.toml".as_ref(), Overrides::default());
        let experiment = experiment.expect("an experiment");
        let run = experiment.runs().next().expect("a run");
        let finished = rows(&experiment, &run, || panic!("no such\nmachine: {}", 7));
        assert_eq!(finished.row.outcome, Outcome::Failed);
        assert_eq!(
            finished.row.reason,
            "this is a bug of sim: no such machine: 7"
        );
        assert_eq!(finished.row.run, run.index);
        assert!(finished.events.is_empty());
    }
}
