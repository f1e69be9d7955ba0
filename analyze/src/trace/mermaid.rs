//! Writes a run as a sequence diagram of Mermaid. The diagram shows the order of messages, not their times.

use std::fmt::Write as _;
use std::io::Write;

use super::{TraceError, seconds, words};
use crate::execution::window::Window;
use crate::execution::{Execution, Kind, Message};
use crate::output::words::counted;

/// The longest text that Mermaid draws, in characters (its default `maxTextSize`).
pub const MAX_CHARACTERS: usize = 50_000;
/// Number of characters that stay free for the line that says what was left out.
const RESERVE: usize = 200;

/// Writes as many events as Mermaid can draw, from the start of the window (the chosen part of the run: some machines,
/// from one time to another).
///
/// Returns a sentence about the events that were left out, if any.
pub(super) fn write(
    execution: &Execution,
    window: &Window,
    out: &mut impl Write,
) -> Result<Option<String>, TraceError> {
    let mut text = "sequenceDiagram\n".to_owned();
    for &machine in &window.machines {
        let rate = execution.rates[machine as usize];
        let _ = writeln!(
            text,
            "    participant m{machine} as machine {machine}, {rate}/s"
        );
    }
    let mut characters = text.chars().count();
    let mut left_out = None;
    for (written, &index) in window.events.iter().enumerate() {
        let lines = lines_of_event(execution, window, index);
        let added = lines.chars().count();
        if characters + added + RESERVE > MAX_CHARACTERS {
            left_out = Some(format!(
                "Mermaid draws at most {MAX_CHARACTERS} characters: {} from {} s on are left out; choose with --from, --to and --machines",
                counted(window.events.len() - written, "event"),
                seconds(execution.events()[index].time_ns)
            ));
            break;
        }
        text += &lines;
        characters += added;
    }
    if let Some(sentence) = &left_out {
        // Mermaid ignores lines that begin with `%%`.
        let _ = writeln!(text, "    %% {sentence}");
    }
    out.write_all(text.as_bytes())?;
    Ok(left_out)
}

/// The lines of an event:
///
/// - a receive: the arrow of its message. If the send is not in the window, a note instead.
/// - a send: an arrow for each message that goes to a machine of the window, but is not received in the window. (If a message is received
///   in the window, its arrow is written at the receive.) If none of the messages goes to a machine of the window, a note instead.
/// - an internal event: a note.
fn lines_of_event(execution: &Execution, window: &Window, index: usize) -> String {
    let event = &execution.events()[index];
    match event.kind {
        Kind::Receive { .. } => match execution.send_of(index) {
            Some(send) if window.has(execution, send) => message(execution, send, index),
            _ => note(execution, index),
        },
        Kind::Send { .. } => {
            let messages = execution.messages_of(index);
            let has_recipient_in_window = |message: &Message| window.has_machine(message.recipient);
            let has_receive_in_window = |message: &Message| {
                message
                    .receive
                    .is_some_and(|receive| window.has(execution, receive))
            };
            if !messages.iter().any(has_recipient_in_window) {
                return note(execution, index);
            }
            messages
                .iter()
                .filter(|message| {
                    has_recipient_in_window(message) && !has_receive_in_window(message)
                })
                .map(|message| message_without_receive(execution, index, message))
                .collect()
        }
        Kind::Internal => note(execution, index),
    }
}

/// A note on the lifeline (the vertical line) of the event's machine.
fn note(execution: &Execution, index: usize) -> String {
    let event = &execution.events()[index];
    format!(
        "    Note over m{}: {} s {}, clock {}\n",
        event.machine,
        seconds(event.time_ns),
        words(execution, index),
        event.clock
    )
}

/// An arrow for a message whose send and receive are in the window.
fn message(execution: &Execution, send: usize, receive: usize) -> String {
    let (send, receive) = (&execution.events()[send], &execution.events()[receive]);
    format!(
        "    m{}->>m{}: sent {} s, clock {}, received {} s, clock {}\n",
        send.machine,
        receive.machine,
        seconds(send.time_ns),
        send.clock,
        seconds(receive.time_ns),
        receive.clock
    )
}

/// An arrow for a message whose receive is not in the window. If the message is received outside the window, the arrow is `-)`, a solid line
/// with an open head. If it is never received, the arrow is `--x`, a dotted line that ends with a cross.
fn message_without_receive(execution: &Execution, send: usize, message: &Message) -> String {
    let event = &execution.events()[send];
    let (arrow, fate) = match message.receive {
        Some(receive) => {
            let received_ns = execution.events()[receive].time_ns;
            (
                "-)",
                format!("received {} s, not drawn", seconds(received_ns)),
            )
        }
        None => ("--x", "not received".to_owned()),
    };
    format!(
        "    m{}{arrow}m{}: sent {} s, clock {}, {fate}\n",
        event.machine,
        message.recipient,
        seconds(event.time_ns),
        event.clock
    )
}
