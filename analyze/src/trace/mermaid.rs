//! A sequence diagram of Mermaid. It shows the order of messages, not their times.

use std::fmt::Write as _;
use std::io::Write;

use super::{TraceError, seconds, words};
use crate::execution::window::Window;
use crate::execution::{Execution, Kind, Message};
use crate::output::words::counted;

/// The most characters that Mermaid draws (its default `maxTextSize`).
pub const MOST_CHARACTERS: usize = 50_000;
/// Characters that are kept for the line that says what was left out.
const RESERVE: usize = 200;

/// Writes as many events as Mermaid draws, from the start of the window. Says what was left out.
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
    for (at, &index) in window.events.iter().enumerate() {
        let lines = lines(execution, window, index);
        let more = lines.chars().count();
        if characters + more + RESERVE > MOST_CHARACTERS {
            left_out = Some(format!(
                "Mermaid draws at most {MOST_CHARACTERS} characters: {} from {} s on are left out; choose with --from, --to and --machines",
                counted(window.events.len() - at, "event"),
                seconds(execution.events()[index].time_ns)
            ));
            break;
        }
        text += &lines;
        characters += more;
    }
    if let Some(words) = &left_out {
        let _ = writeln!(text, "    %% {words}");
    }
    out.write_all(text.as_bytes())?;
    Ok(left_out)
}

/// The lines of an event. A message is drawn at its receive if both ends are in the window, and else at the end that is.
fn lines(execution: &Execution, window: &Window, index: usize) -> String {
    let event = &execution.events()[index];
    match event.kind {
        Kind::Receive { .. } => match execution.send_of(index) {
            Some(send) if window.has(execution, send) => message(execution, send, index),
            _ => note(execution, index),
        },
        Kind::Send { .. } => {
            let messages = execution.messages_of(index);
            let is_elsewhere = |message: &&Message| {
                window.has_machine(message.recipient)
                    && !message
                        .receive
                        .is_some_and(|receive| window.has(execution, receive))
            };
            let open: String = messages
                .iter()
                .filter(is_elsewhere)
                .map(|message| open(execution, index, message))
                .collect();
            let is_drawn = |message: &Message| window.has_machine(message.recipient);
            match messages.iter().any(is_drawn) {
                true => open,
                false => note(execution, index),
            }
        }
        Kind::Internal => note(execution, index),
    }
}

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

fn open(execution: &Execution, send: usize, message: &Message) -> String {
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
