//! The writer's loop: what has ended is appended to the dataset, counted and reported.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::progress::News;
use super::{Options, Summary};
use crate::engine::Control;
use crate::log::{DatasetError, DatasetWriter, FinishedRun};

/// How often it is looked whether a sync is due while nothing ends.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Appends what comes, until the engine hangs up.
pub(super) fn write(
    writer: &mut DatasetWriter,
    options: &Options,
    finished: &Receiver<FinishedRun>,
    summary: &mut Summary,
    told: &Sender<News>,
    control: &Control,
) -> Result<(), DatasetError> {
    let mut synced = Instant::now();
    loop {
        let run = finished.recv_timeout(LOOK_EVERY);
        // Once there are too many failures, what was under way and fails is left to do.
        if summary.gave_up && run.as_ref().is_ok_and(|run| !run.row.is_ok()) {
            continue;
        }
        if let Ok(run) = &run {
            summary.left -= 1;
            summary.ok += u64::from(run.row.is_ok());
            summary.failed += u64::from(!run.row.is_ok());
            summary.as_scheduled += u64::from(run.row.as_scheduled);
            summary.punctual += u64::from(run.row.punctual);
            summary.bytes += run.events.len() as u64;
            // Where nothing is said, nobody listens.
            let _ = told.send(News::of_run(&run.row));
            if options
                .max_failures
                .is_some_and(|most| summary.failed >= most)
            {
                summary.gave_up = true;
                control.stop();
            }
        }
        match run {
            Ok(run) => writer.append(run)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let _ = told.send(News::Over);
                return writer.sync();
            }
        }
        if synced.elapsed() >= options.sync_every {
            writer.sync()?;
            synced = Instant::now();
        }
    }
}
