//! A run's log turned into its rows: the journal's and the event log's.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use crate::engine::{Punctuality, RunLog, RunOutcome};
use crate::experiment::{EngineKind, Experiment, Run};
use crate::log::{EventRow, FinishedRun, JournalRow, Outcome, checksum, write_row};

/// Bytes of a row, about.
pub(super) const ROW_BYTES: usize = 56;

/// The rows of `run` as `end` has it end. A panic in there costs this run and no other: it has failed.
pub(super) fn rows(
    experiment: &Experiment,
    run: &Run,
    end: impl FnOnce() -> RunOutcome,
) -> FinishedRun {
    let rows = panic::catch_unwind(AssertUnwindSafe(|| rows_of(experiment, &end())));
    rows.unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned());
        let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
        let failed = RunOutcome {
            run: run.clone(),
            result: Err(format!(
                "the program has a fault: {}",
                message.unwrap_or_default()
            )),
            rejected_connections: 0,
        };
        rows_of(experiment, &failed)
    })
}

fn rows_of(experiment: &Experiment, ended: &RunOutcome) -> FinishedRun {
    let (outcome, reason) = match &ended.result {
        Ok(_) => (Outcome::Ok, String::new()),
        // On one line, as a row is.
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
    let events = log.map_or(vec![], |log| event_rows(ended.run.index, log));
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
        phases_ns: ended.run.schedule(experiment.seed).phases_ns().collect(),
        margin_us: micros(margin_ns),
        lateness_p50_us: micros(lateness.p50_ns),
        lateness_p99_us: micros(lateness.p99_ns),
        lateness_max_us: micros(lateness.max_ns),
        latency_p50_us: micros(latency.p50_ns),
        latency_p99_us: micros(latency.p99_ns),
        latency_max_us: micros(latency.max_ns),
        punctual: outcome == Outcome::Ok
            && (experiment.engine == EngineKind::Virtual || punctuality.is_punctual()),
        as_scheduled,
        rejected_connections: ended.rejected_connections,
        tool_version: crate::VERSION.to_owned(),
        events: log.map_or(0, |log| {
            log.machines.iter().map(|events| events.len() as u64).sum()
        }),
        // Here and not by the writer, of which there is only one.
        checksum: checksum(&events),
        ..JournalRow::default()
    };
    FinishedRun { row, events }
}

fn micros(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

/// Machine by machine, tick by tick: the rows of the same run by either engine lie in the same order.
fn event_rows(run: u64, log: &RunLog) -> Vec<u8> {
    let events: usize = log.machines.iter().map(Vec::len).sum();
    let mut buffer = Vec::with_capacity(events * ROW_BYTES);
    for (machine, events) in log.machines.iter().enumerate() {
        for logged in events {
            write_row(
                &mut buffer,
                &EventRow {
                    run,
                    machine: machine as u32,
                    logged: logged.clone(),
                },
            );
        }
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Overrides;

    #[test]
    fn a_panic_costs_its_own_run_and_is_its_reason() {
        let text = "seed = 1\nengine = \"virtual\"\n[parameters]\nrates = [1, 3]\ninternal = 0.5";
        let experiment = Experiment::parse(text, "e.toml".as_ref(), Overrides::default());
        let experiment = experiment.expect("an experiment");
        let run = experiment.runs().next().expect("a run");
        let finished = rows(&experiment, &run, || panic!("no such\nmachine: {}", 7));
        assert_eq!(finished.row.outcome, Outcome::Failed);
        assert_eq!(
            finished.row.reason,
            "the program has a fault: no such machine: 7"
        );
        assert_eq!((finished.row.run, finished.events.len()), (0, 0));
    }
}
