//! The JSON of Chrome's trace viewer, which Perfetto and other programs read too.
//!
//! Format: "Trace Event Format" of the Chromium project. Times are in microseconds.

use std::io::Write;

use serde_json::Value;

use super::{TraceError, recipients, slices};
use crate::execution::window::Window;
use crate::execution::{Event, Execution, Kind};

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
    let shift_ns = slices::shift_ns(execution);
    for &index in &window.events {
        let event = &execution.events()[index];
        let at = microseconds(event.time_ns + shift_ns);
        let length = microseconds(slices::length_ns(execution, index));
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
        write_flows(execution, window, index, &at, out)?;
        write_counters(event, &at, out)?;
    }
    writeln!(out, "\n]}}")?;
    Ok(())
}

/// Microseconds with three digits after the point, so that no nanosecond is lost.
fn microseconds(ns: i64) -> String {
    format!("{}.{:03}", ns / 1_000, ns % 1_000)
}

/// Writes the rest of the arguments, and the end of the event.
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

/// Writes the starts of messages that are sent here, and the end of the message that is received here. Both ends must be in the window.
fn write_flows(
    execution: &Execution,
    window: &Window,
    index: usize,
    at: &str,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    let machine = execution.events()[index].machine;
    let is_in = |end: &usize| window.has(execution, *end);
    let receives = execution.messages_of(index).iter();
    for receive in receives.filter_map(|message| message.receive).filter(is_in) {
        write!(
            out,
            ",\n{{\"ph\":\"s\",\"pid\":1,\"tid\":{machine},\"ts\":{at},\"id\":{},\"cat\":\"message\",\"name\":\"message\"}}",
            receive + 1
        )?;
    }
    if execution.send_of(index).filter(is_in).is_some() {
        write!(
            out,
            ",\n{{\"ph\":\"f\",\"bp\":\"e\",\"pid\":1,\"tid\":{machine},\"ts\":{at},\"id\":{},\"cat\":\"message\",\"name\":\"message\"}}",
            index + 1
        )?;
    }
    Ok(())
}

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
