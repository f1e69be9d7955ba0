//! The loop of the writer: appends finished runs to the dataset, counts them, and reports them.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::progress::Message;
use super::{Options, Summary};
use crate::engine::Control;
use crate::log::{DatasetError, DatasetWriter, FinishedRun};

/// How often to check whether a sync is due if no run ends.
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// Appends each finished run until the engine closes the channel.
pub(super) fn write(
    writer: &mut DatasetWriter,
    options: &Options,
    finished: &Receiver<FinishedRun>,
    summary: &mut Summary,
    message_sender: &Sender<Message>,
    control: &Control,
) -> Result<(), DatasetError> {
    let mut synced = Instant::now();
    loop {
        let run = finished.recv_timeout(CHECK_EVERY);
        // After too many failures, further runs that fail are not written, so the next sweep makes them again.
        if summary.gave_up && run.as_ref().is_ok_and(|run| !run.row.is_ok()) {
            continue;
        }
        if let Ok(run) = &run {
            summary.left -= 1;
            summary.ok += u64::from(run.row.is_ok());
            summary.failed += u64::from(!run.row.is_ok());
            summary.as_scheduled += u64::from(run.row.as_scheduled);
            summary.punctual += u64::from(run.row.punctual);
            summary.with_margin += u64::from(run.row.is_ok() && run.row.margin_us > 0.0);
            summary.bytes += run.events.len() as u64;
            // This fails if no progress is shown.
            let _ = message_sender.send(Message::from_row(&run.row));
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
                let _ = message_sender.send(Message::Over);
                return writer.sync();
            }
        }
        if synced.elapsed() >= options.sync_every {
            writer.sync()?;
            synced = Instant::now();
        }
    }
}
