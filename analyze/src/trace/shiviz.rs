//! The log format of ShiViz (<https://bestchai.bitbucket.io/shiviz/>), with the timestamps that TSViz reads.
//!
//! The first line of a file is the regular expression that reads its events, the second the expression that separates executions (here
//! empty), the rest is the log. Each event has a host, a vector clock as JSON, and a text. The host's own entry of the clock must
//! begin with 1 and grow by 1 at each event.

use std::fmt::Write as _;
use std::io::Write;

use super::{TraceError, causes, slices, words};
use crate::execution::Execution;
use crate::execution::window::Window;

/// The expression that reads the events, in the syntax of JavaScript. The timestamp is in model nanoseconds.
pub const PARSER: &str = r"(?<timestamp>\d+) (?<host>\S+) (?<clock>\{.*\}) (?<event>.*)";

pub(super) fn write(
    execution: &Execution,
    window: &Window,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    writeln!(out, "{PARSER}\n")?;
    let shift_ns = slices::shift_ns(execution);
    let mut line = String::new();
    causes::visit(execution, window, |index, clock| {
        let event = &execution.events()[index];
        line.clear();
        let _ = write!(
            line,
            "{} machine-{} {{",
            event.time_ns + shift_ns,
            event.machine
        );
        let mut separator = "";
        for (machine, count) in clock.iter().enumerate().filter(|(_, count)| **count > 0) {
            let _ = write!(line, "{separator}\"machine-{machine}\":{count}");
            separator = ",";
        }
        let _ = write!(
            line,
            "}} {}; clock {} to {}; tick {}",
            words(execution, index),
            event.clock_before,
            event.clock,
            event.tick
        );
        if let Some(queue) = event.queue {
            let _ = write!(line, "; queue {queue}");
        }
        line.push('\n');
        Ok(out.write_all(line.as_bytes())?)
    })
}
