//! The loop of the thread that writes the dataset of a sweep (of one `sim run`): appends runs that have ended, counts them, and reports
//! them to the progress display.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::progress::Message;
use super::{Options, Summary};
use crate::engine::Control;
use crate::log::{DatasetError, DatasetWriter, FinishedRun};

/// How long to wait for the end of a run before the loop checks again whether it is time to force the appended runs to the disk.
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// Appends each run that has ended, until the engine closes the channel. Forces the runs to the disk every `options.sync_every` and at the
/// end.
pub(super) fn write(
    writer: &mut DatasetWriter,
    options: &Options,
    finished: &Receiver<FinishedRun>,
    summary: &mut Summary,
    message_sender: &Sender<Message>,
    control: &Control,
) -> Result<(), DatasetError> {
    let mut last_sync = Instant::now();
    loop {
        let received = finished.recv_timeout(CHECK_EVERY);
        // After the sweep has given up (because of too many failures, see below), more runs can end that were under way. Those that failed
        // are neither counted nor written, so the next sweep makes them again. Those that are ok are counted and written.
        let is_failure = received.as_ref().is_ok_and(|run| !run.row.is_ok());
        if summary.gave_up && is_failure {
            continue;
        }
        if let Ok(run) = &received {
            summary.left -= 1;
            summary.ok += u64::from(run.row.is_ok());
            summary.failed += u64::from(!run.row.is_ok());
            summary.as_scheduled += u64::from(run.row.as_scheduled);
            summary.punctual += u64::from(run.row.punctual);
            // A run with margin 0 cannot be punctual: its delays would have to be less than 0.
            summary.with_margin += u64::from(run.row.is_ok() && run.row.margin_us > 0.0);
            summary.bytes += run.events.len() as u64;
            // Sending fails if the thread that shows progress could not be started. Then nothing is shown.
            let _ = message_sender.send(Message::from_row(&run.row));
            let has_too_many_failures = options
                .max_failures
                .is_some_and(|limit| summary.failed >= limit);
            if has_too_many_failures {
                summary.gave_up = true;
                control.stop();
            }
        }
        match received {
            Ok(run) => writer.append(run)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let _ = message_sender.send(Message::Over);
                return writer.sync();
            }
        }
        if last_sync.elapsed() >= options.sync_every {
            writer.sync()?;
            last_sync = Instant::now();
        }
    }
}
