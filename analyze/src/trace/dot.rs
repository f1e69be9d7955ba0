//! Writes the graph of happens-before for Graphviz, without the edges that follow from other edges (its transitive reduction).

use std::io::Write;

use serde_json::Value;

use super::{TraceError, causes, seconds, words};
use crate::execution::Execution;
use crate::execution::window::Window;

/// Maximum number of entries in the vector clocks of all events of a graph. Each event's vector clock has an entry for each machine. All
/// these clocks are held in memory. An entry has four bytes, so the clocks take at most 2 GiB.
const MAX_ENTRIES: usize = 1 << 29;

/// Writes the events of the window (the part of the run that is chosen) as nodes, and their direct causes as edges.
pub(super) fn write(
    execution: &Execution,
    window: &Window,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    let machines = execution.machines();
    if window.events.len().saturating_mul(machines) > MAX_ENTRIES {
        let problem = "the graph of this many events and machines is too large; choose a part with --from and --to";
        return Err(execution.choice(problem.to_owned()).into());
    }
    // As a JSON value, the name is written in quotes, which Graphviz needs.
    let name = Value::from(format!("{}, run {}", execution.dataset, execution.run));
    writeln!(
        out,
        "digraph {name} {{\n  rankdir=LR;\n  node [shape=box, fontsize=10];"
    )?;
    let mut graph = Graph {
        events: vec![vec![]; machines],
        clocks: vec![vec![]; machines],
    };
    // Visits the events of the window in causal order. `clock` is an event's vector clock. It counts only events of the window.
    causes::visit::<TraceError>(execution, window, |index, clock| {
        let event = &execution.events()[index];
        // Graphviz keeps the edges between nodes of the same `group` straight.
        writeln!(
            out,
            "  e{index} [group=m{}, label=\"{}:{} at {} s\\n{}\\nclock {} to {}\"];",
            event.machine,
            event.machine,
            event.tick,
            seconds(event.time_ns),
            words(execution, index),
            event.clock_before,
            event.clock
        )?;
        for cause in graph.direct_causes(event.machine as usize, clock) {
            writeln!(out, "  e{cause} -> e{index};")?;
        }
        graph.push(index, event.machine as usize, clock);
        Ok(())
    })?;
    writeln!(out, "}}")?;
    Ok(())
}

/// The events that have been written so far.
struct Graph {
    /// For each machine, the indices of its events in the execution.
    events: Vec<Vec<usize>>,
    /// For each machine, the vector clocks of its events, one after the other.
    clocks: Vec<Vec<u32>>,
}

impl Graph {
    /// Adds an event with its vector clock.
    fn push(&mut self, index: usize, machine: usize, clock: &[u32]) {
        self.events[machine].push(index);
        self.clocks[machine].extend_from_slice(clock);
    }

    /// The vector clock of the event with this `number` on `machine`. A machine's first event has the number 1.
    fn clock(&self, machine: usize, number: u32) -> &[u32] {
        let machines = self.events.len();
        let start = (number as usize - 1) * machines;
        &self.clocks[machine][start..start + machines]
    }

    /// The indices of the direct causes of a new event of `machine`, whose vector clock is `clock`. A cause is an event that happened
    /// before the new event. It is direct if it did not happen before another cause.
    fn direct_causes(&self, machine: usize, clock: &[u32]) -> Vec<usize> {
        // The number of this machine's previous event; 0 if there is none.
        let previous = self.events[machine].len() as u32;
        // Of each machine `source`, only the last event that happened before the new event can be a direct cause. `last_of(source)` is the
        // number of this last event. For `machine` itself the number is `previous`, because `clock[machine]` counts the new event too.
        let last_of = |source: usize| match source == machine {
            true => previous,
            false => clock[source],
        };
        // How many events of `source` happened before the previous event of `machine`. These events are only indirect causes of the new
        // event.
        let known_before = |source: usize| match previous {
            0 => 0,
            previous => self.clock(machine, previous)[source],
        };
        let is_candidate = |source: &usize| match *source == machine {
            true => previous > 0,
            false => clock[*source] > known_before(*source),
        };
        // The machines whose last event before the new event can be a direct cause.
        let candidates: Vec<usize> = (0..clock.len()).filter(is_candidate).collect();
        // Let a be the event number `last_of(candidate)` of the machine `candidate`, and let b be the event number `last_of(other)` of
        // another candidate. If a happened before b, a is only an indirect cause. Then the vector clock of b counts a.
        let happened_before_other = |&candidate: &usize| {
            let others = candidates.iter().filter(|&&other| other != candidate);
            let mut clocks = others.map(|&other| self.clock(other, last_of(other)));
            clocks.any(|clock| clock[candidate] >= last_of(candidate))
        };
        let direct = candidates
            .iter()
            .filter(|candidate| !happened_before_other(candidate));
        direct
            .map(|&source| self.events[source][last_of(source) as usize - 1])
            .collect()
    }
}
