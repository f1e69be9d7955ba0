//! Writes one run, or a *window* of it (some machines, and a part of the time), as a trace that other programs can open.
//!
//! # Layout
//!
//! - [`causes`]: a vector clock for each event of the window. It counts the events of the window that happened before this event.
//!   Happens-before is computed from the whole run, not from the window alone
//! - [`slices`]: the length of the bar that programs such as Perfetto draw for an event (in the model, an event takes no time)
//! - [`shiviz`], [`perfetto`], [`chrome`], [`mermaid`], [`dot`]: one format each

mod causes;
mod chrome;
mod dot;
mod mermaid;
pub mod perfetto;
mod shiviz;
mod slices;

use std::io::{self, Write};

use crate::error::Error;
use crate::execution::window::Window;
use crate::execution::{Execution, Kind, to_s};
use crate::output::table::number;

pub use mermaid::MAX_CHARACTERS;
pub use shiviz::PARSER;

/// A format of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A log with vector clocks, for ShiViz and TSViz.
    Shiviz,
    /// TrackEvents in protobuf, for Perfetto.
    Perfetto,
    /// JSON of Chrome's trace viewer.
    Chrome,
    /// A sequence diagram of Mermaid.
    Mermaid,
    /// A graph of happens-before for Graphviz.
    Dot,
}

/// Why a trace could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// According to the log, an event happened before itself (a contradiction). Or there are too many events for the format.
    #[error(transparent)]
    Execution(#[from] Error),
    /// Writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes the window as a trace. Returns a sentence about the events that were left out, if any. Only Mermaid's format leaves out
/// events.
///
/// # Errors
///
/// [`TraceError`] if `out` cannot be written, or if the window has too many events for the format. The formats for ShiViz and Graphviz show
/// happens-before. They also fail if, according to the log, an event happened before itself.
pub fn write(
    execution: &Execution,
    window: &Window,
    format: Format,
    mut out: impl Write,
) -> Result<Option<String>, TraceError> {
    let mut left_out = None;
    match format {
        Format::Shiviz => shiviz::write(execution, window, &mut out)?,
        Format::Perfetto => perfetto::write(execution, window, &mut out)?,
        Format::Chrome => chrome::write(execution, window, &mut out)?,
        Format::Mermaid => left_out = mermaid::write(execution, window, &mut out)?,
        Format::Dot => dot::write(execution, window, &mut out)?,
    }
    out.flush()?;
    Ok(left_out)
}

/// A time in nanoseconds as a text in seconds, rounded to milliseconds, without zeros at the end: `1.5` for 1 500 000 000 ns.
fn seconds(ns: i64) -> String {
    let text = number(to_s(ns), 3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Says what an event did, such as `send to 1, 2` or `receive from 0`.
fn words(execution: &Execution, index: usize) -> String {
    let event = &execution.events()[index];
    match event.kind {
        Kind::Internal => "internal".to_owned(),
        Kind::Send { .. } => {
            let recipients = recipients(execution, index);
            match recipients.is_empty() {
                true => "send".to_owned(),
                false => format!("send to {recipients}"),
            }
        }
        Kind::Receive { sender, .. } => match sender {
            Some(sender) => format!("receive from {sender}"),
            None => "receive".to_owned(),
        },
    }
}

/// The recipients of the event `send`, joined by commas. The text is empty if the log does not say who they are.
fn recipients(execution: &Execution, send: usize) -> String {
    let messages = execution.messages_of(send).iter();
    let mut recipients: Vec<u32> = messages.map(|message| message.recipient).collect();
    // In the log of a faulty program, a machine can receive the same message twice. Then the machine is in the list twice. The messages
    // of a send are ordered by recipient, so equal recipients are side by side, and `dedup` removes the second one.
    recipients.dedup();
    let recipients: Vec<String> = recipients.iter().map(ToString::to_string).collect();
    recipients.join(", ")
}
