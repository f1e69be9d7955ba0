//! Writes a run in the log format of ShiViz (<https://bestchai.bitbucket.io/shiviz/>), a program that draws space-time diagrams.
//!
//! The first line of a file is the regular expression that reads its events. The second line is the regular expression that separates
//! several executions; here it is empty, because a file has one run. All further lines are the log, one line for each event. Each line
//! has a time (which only the related program TSViz shows), a host (here a machine), a vector clock as JSON, and a text. The host's own
//! entry of the vector clock must begin with 1 and grow by 1 at each event. Therefore the vector clocks count only events of the window
//! (the part of the run that is chosen).

use std::fmt::Write as _;
use std::io::Write;

use super::{TraceError, causes, slices, words};
use crate::execution::Execution;
use crate::execution::window::Window;

/// The regular expression that reads the events, in the syntax of JavaScript. `timestamp` is the model time in nanoseconds, `clock` is
/// the vector clock. For example, it reads this line:
///
/// ```text
/// 2000000000 machine-0 {"machine-0":3,"machine-1":3} send to 1; clock 4 to 5; tick 2; queue 0
/// ```
pub const PARSER: &str = r"(?<timestamp>\d+) (?<host>\S+) (?<clock>\{.*\}) (?<event>.*)";

/// Writes the events of the window.
pub(super) fn write(
    execution: &Execution,
    window: &Window,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    writeln!(out, "{PARSER}\n")?;
    // `\d+` allows no sign. If a faulty log has events before the start of the run, all times are shifted so that none is negative.
    let shift_ns = slices::shift_ns(execution);
    let mut line = String::new();
    causes::visit(execution, window, |index, vector_clock| {
        let event = &execution.events()[index];
        line.clear();
        let _ = write!(
            line,
            "{} machine-{} {{",
            event.time_ns + shift_ns,
            event.machine
        );
        let mut separator = "";
        // Entries that are 0 are left out.
        let entries = vector_clock.iter().enumerate();
        for (machine, count) in entries.filter(|(_, count)| **count > 0) {
            let _ = write!(line, "{separator}\"machine-{machine}\":{count}");
            separator = ",";
        }
        line.push('}');
        let _ = write!(
            line,
            " {}; clock {} to {}; tick {}",
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
