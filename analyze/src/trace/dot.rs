//! The graph of happens-before for Graphviz, without edges that follow from others (its transitive reduction).

use std::io::Write;

use serde_json::Value;

use super::{TraceError, causes, seconds, words};
use crate::execution::Execution;
use crate::execution::window::Window;

/// The most entries of vector clocks that are held at a time.
const MOST_ENTRIES: usize = 1 << 29;

pub(super) fn write(
    execution: &Execution,
    window: &Window,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    let machines = execution.machines();
    if window.events.len().saturating_mul(machines) > MOST_ENTRIES {
        let problem = "the graph of this many events and machines is too large; choose a part with --from and --to";
        return Err(execution.choice(problem.to_owned()).into());
    }
    let name = Value::from(format!("{}, run {}", execution.dataset, execution.run));
    writeln!(
        out,
        "digraph {name} {{\n  rankdir=LR;\n  node [shape=box, fontsize=10];"
    )?;
    let mut graph = Graph {
        events: vec![vec![]; machines],
        clocks: vec![vec![]; machines],
    };
    causes::visit::<TraceError>(execution, window, |index, clock| {
        let event = &execution.events()[index];
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

/// The events so far, for each machine, with their vector clocks one after the other.
struct Graph {
    events: Vec<Vec<usize>>,
    clocks: Vec<Vec<u32>>,
}

impl Graph {
    fn push(&mut self, index: usize, machine: usize, clock: &[u32]) {
        self.events[machine].push(index);
        self.clocks[machine].extend_from_slice(clock);
    }

    /// The vector clock of the event number `count` (from 1) of a machine.
    fn clock(&self, machine: usize, count: u32) -> &[u32] {
        let machines = self.events.len();
        let start = (count as usize - 1) * machines;
        &self.clocks[machine][start..start + machines]
    }

    /// The causes of the next event of `machine` that are not causes of its other causes.
    fn direct_causes(&self, machine: usize, clock: &[u32]) -> Vec<usize> {
        let own = self.events[machine].len() as u32;
        // What the machine's previous event knew of is a cause of that event.
        let known = |other: usize| match own {
            0 => 0,
            own => self.clock(machine, own)[other],
        };
        let last_of = |other: usize| if other == machine { own } else { clock[other] };
        let is_new = |other: &usize| match *other == machine {
            true => own > 0,
            false => clock[*other] > known(*other),
        };
        let causes: Vec<usize> = (0..clock.len()).filter(is_new).collect();
        let follows = |&cause: &usize| {
            let others = causes.iter().filter(|&&other| other != cause);
            let mut clocks = others.map(|&other| self.clock(other, last_of(other)));
            clocks.any(|clock| clock[cause] >= last_of(cause))
        };
        let direct = causes.iter().filter(|cause| !follows(cause));
        direct
            .map(|&cause| self.events[cause][last_of(cause) as usize - 1])
            .collect()
    }
}
