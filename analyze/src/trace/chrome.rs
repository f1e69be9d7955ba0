//! The JSON of Chrome's trace viewer, which Perfetto and other programs read too.
//!
//! The format is the "Trace Event Format" of the Chromium project. Times are in microseconds. The field `ph` says what an entry is: `M`
//! names a process (here the run) or a thread (here a machine), `X` is an event with a length, `s` and `f` are the start and the end of
//! an arrow (here a message), and `C` is the new value of a counter. `pid` is the number of the process, and `tid` that of the thread. The
//! two entries of an arrow have the same `id`: the index of the event that receives the message, plus 1, so that no `id` is 0.
//! (`perfetto.rs`, which writes Perfetto's own format, uses the same numbers.) The entry `f` has the field `bp` with the value `e`. This
//! field makes the arrow end at the event that is going on at the entry's time. Without `bp`, the arrow would end at the next event.

use std::io::Write;

use serde_json::Value;

use super::{TraceError, recipients, slices};
use crate::execution::window::Window;
use crate::execution::{Event, Execution, Kind};

/// Writes the events of the window (the part of the run that is chosen) as JSON.
pub(super) fn write(
    execution: &Execution,
    window: &Window,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    let name = Value::from(format!("{}, run {}", execution.dataset, execution.run));
    write!(
        out,
        "{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{{\"name\":{name}}}}}"
    )?;
    for &machine in &window.machines {
        let rate = execution.rates[machine as usize];
        write!(
            out,
            ",\n{{\"ph\":\"M\",\"pid\":1,\"tid\":{machine},\"name\":\"thread_name\",\"args\":{{\"name\":\"machine {machine}, {rate}/s\"}}}}"
        )?;
    }
    // This is added to all times, because a faulty log may have negative times.
    let shift_ns = slices::shift_ns(execution);
    for &index in &window.events {
        let event = &execution.events()[index];
        let at = microseconds(event.time_ns + shift_ns);
        let length = microseconds(slices::length_ns(execution, index));
        // The braces of this entry and of its `args` are closed by `write_arguments`.
        write!(
            out,
            ",\n{{\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":{at},\"dur\":{length},\"name\":\"{}\",\"args\":{{\"tick\":{},\"clock_before\":{},\
             \"clock\":{}",
            event.machine,
            event.kind.name(),
            event.tick,
            event.clock_before,
            event.clock
        )?;
        write_arguments(execution, index, out)?;
        write_arrows(execution, window, index, &at, out)?;
        write_counters(event, &at, out)?;
    }
    writeln!(out, "\n]}}")?;
    Ok(())
}

/// Nanoseconds as a text in microseconds, with three digits after the point, so that no nanosecond is lost: `1234.567` for 1234567.
fn microseconds(ns: i64) -> String {
    format!("{}.{:03}", ns / 1_000, ns % 1_000)
}

/// Writes the arguments that only some events have: the length of the queue, recipients, sender and stamp. Then closes the two JSON objects
/// that the function `write` has opened: the entry of the event, and the object `args` inside it.
fn write_arguments(
    execution: &Execution,
    index: usize,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    let event = &execution.events()[index];
    if let Some(queue) = event.queue {
        write!(out, ",\"queue\":{queue}")?;
    }
    let (stamp, sender) = match event.kind {
        Kind::Internal => (None, None),
        Kind::Send { stamp } => {
            write!(out, ",\"recipients\":\"{}\"", recipients(execution, index))?;
            (Some(stamp), None)
        }
        Kind::Receive { sender, stamp } => (stamp, sender),
    };
    if let Some(sender) = sender {
        write!(out, ",\"sender\":{sender}")?;
    }
    if let Some(stamp) = stamp {
        write!(out, ",\"stamp\":{stamp}")?;
    }
    write!(out, "}}}}")?;
    Ok(())
}

/// Writes the start of an arrow for each message that the event sends, or the end of the arrow of the message that it receives. Messages
/// whose send or receive is not in the window have no arrow.
fn write_arrows(
    execution: &Execution,
    window: &Window,
    index: usize,
    at: &str,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    let machine = execution.events()[index].machine;
    let is_in_window = |event: &usize| window.has(execution, *event);
    let messages = execution.messages_of(index).iter();
    // A message that was never received has no `receive`.
    let receives = messages.filter_map(|message| message.receive);
    for receive in receives.filter(is_in_window) {
        write!(
            out,
            ",\n{{\"ph\":\"s\",\"pid\":1,\"tid\":{machine},\"ts\":{at},\"id\":{},\"cat\":\"message\",\"name\":\"message\"}}",
            receive + 1
        )?;
    }
    if execution.send_of(index).filter(is_in_window).is_some() {
        write!(
            out,
            ",\n{{\"ph\":\"f\",\"bp\":\"e\",\"pid\":1,\"tid\":{machine},\"ts\":{at},\"id\":{},\"cat\":\"message\",\"name\":\"message\"}}",
            index + 1
        )?;
    }
    Ok(())
}

/// Writes the new values of the machine's clock and, if it is known, of its queue.
fn write_counters(event: &Event, at: &str, out: &mut impl Write) -> Result<(), TraceError> {
    let machine = event.machine;
    let counters = [("clock", Some(event.clock)), ("queue", event.queue)];
    for (name, value) in counters {
        if let Some(value) = value {
            write!(
                out,
                ",\n{{\"ph\":\"C\",\"pid\":1,\"ts\":{at},\"name\":\"machine {machine}: {name}\",\"args\":{{\"{name}\":{value}}}}}"
            )?;
        }
    }
    Ok(())
}
