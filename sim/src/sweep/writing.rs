//! The loop of the thread that writes the dataset of a sweep: appends runs that have ended, counts them, and reports them to the progress
//! display.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::progress::Message;
use super::{Options, Summary};
use crate::engine::Control;
use crate::log::{DatasetError, DatasetWriter, EndedRun};

/// How long to wait for the end of a run before the loop checks again whether it is time to force the appended runs to the disk.
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// Appends each run that has ended, until the engine closes the channel. Forces the runs to the disk every `options.sync_every` and at the
/// end.
pub(super) fn write(
    writer: &mut DatasetWriter,
    options: &Options,
    ended_runs: &Receiver<EndedRun>,
    summary: &mut Summary,
    message_sender: &Sender<Message>,
    control: &Control,
) -> Result<(), DatasetError> {
    let mut last_sync = Instant::now();
    loop {
        let received = ended_runs.recv_timeout(CHECK_EVERY);
        // The sweep gives up after too many failures (see below), but the runs that are under way at that moment can still end. If such a
        // run fails, it is neither counted nor written, so the next sweep makes it again. If it is ok, it is counted and written as usual.
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
            // Counts the finished runs with a margin above 0. Over TCP, only such a run can be punctual: its delays must be less than its
            // margin.
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
