//! Tests of the formats of `analyze trace` that contain the happens-before order: ShiViz (a vector clock for each event) and Graphviz's
//! dot (a graph of events). A trace has the events of a *window*: a part of a run's machines and time.

use std::collections::{BTreeMap, BTreeSet};

use analyze::execution::Execution;
use analyze::execution::window::Window;
use analyze::trace::Format;
use regex::Regex;

use crate::traced::{examples, traced};

/// For each event, the events that happened before it. An event stands here as its index in the run's log.
type Causes = BTreeMap<usize, BTreeSet<usize>>;

/// For each event of the window, the events of the window that happened before it.
fn happened_before(execution: &Execution, window: &Window) -> Causes {
    let causes_of = |&index: &usize| {
        let past = execution.past_of([index]);
        let before = window
            .events
            .iter()
            .copied()
            .filter(|&other| other != index && past[other]);
        (index, before.collect())
    };
    window.events.iter().map(causes_of).collect()
}

#[test]
fn shiviz_reads_every_event_and_its_vector_clock() {
    for (execution, window) in examples() {
        let text = String::from_utf8(traced(&execution, &window, Format::Shiviz)).unwrap();
        // The first line is the regular expression with which ShiViz parses every line of the log below. It has a named group for each part
        // of a line, such as `clock`.
        let (parser, rest) = text.split_once('\n').unwrap();
        let log = rest.strip_prefix('\n').expect("an empty second line");
        // ShiViz requires that a whole line matches. With `(?m)`, `^` and `$` stand for the start and the end of each line.
        let parser = Regex::new(&format!("(?m)^{parser}$")).unwrap();
        // The vector clock of each event.
        let mut clocks = BTreeMap::new();
        // For each machine (ShiViz calls it a host), the number of its events so far.
        let mut counts = BTreeMap::<String, u64>::new();
        // The indices of the events of each machine.
        let mut of_machine: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for &index in &window.events {
            of_machine
                .entry(execution.events()[index].machine)
                .or_default()
                .push(index);
        }
        // `window.events` is ordered by time. In the trace, the events of a machine are in the order of the log. If a log is faulty, the
        // two orders can differ. So each machine's events are put into the order of the log, which is the order of their indices.
        of_machine
            .values_mut()
            .for_each(|events| events.sort_unstable());
        assert_eq!(parser.captures_iter(log).count(), log.lines().count());
        for line in parser.captures_iter(log) {
            let clock: BTreeMap<String, u64> = serde_json::from_str(&line["clock"]).unwrap();
            let count = counts.entry(line["host"].to_owned()).or_default();
            *count += 1;
            assert_eq!(
                clock[&line["host"]], *count,
                "the machine's own entry grows by 1"
            );
            let machine: u32 = line["host"]
                .strip_prefix("machine-")
                .unwrap()
                .parse()
                .unwrap();
            // `count` is 1 at the first event.
            let index = of_machine[&machine][*count as usize - 1];
            let logged = &execution.events()[index];
            assert_eq!(line["timestamp"].parse(), Ok(logged.time_ns as u64));
            assert!(line["event"].starts_with(logged.kind.name()));
            assert!(line["event"].contains(&format!(
                "clock {} to {}; tick {}",
                logged.clock_before, logged.clock, logged.tick
            )));
            clocks.insert(index, clock);
        }
        assert_eq!(clocks.len(), window.events.len());
        for (index, before) in happened_before(&execution, &window) {
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            // An entry of an event's vector clock is the number of events of one machine that happened before this event. In the entry of
            // its own machine, the event itself counts too.
            for other in before.into_iter().chain([index]) {
                *expected
                    .entry(format!("machine-{}", execution.events()[other].machine))
                    .or_default() += 1;
            }
            assert_eq!(clocks[&index], expected);
        }
    }
}

/// Reads the graph in `text`, in which node `e12` is the event with index 12. The first result has, for each node, the nodes from which a
/// path leads to this node. The second result has all edges of the graph.
fn causes_and_edges(text: &str) -> (Causes, BTreeSet<(usize, usize)>) {
    let node = Regex::new(r"(?m)^  e(\d+) \[").unwrap();
    let edge = Regex::new(r"(?m)^  e(\d+) -> e(\d+);$").unwrap();
    let number = |text: &str| text.parse::<usize>().unwrap();
    let edges: BTreeSet<_> = edge
        .captures_iter(text)
        .map(|edge| (number(&edge[1]), number(&edge[2])))
        .collect();
    let mut causes: Causes = node
        .captures_iter(text)
        .map(|node| (number(&node[1]), BTreeSet::new()))
        .collect();
    // The text has the nodes in causal order. So when the loop comes to a node, the entries of all nodes with an edge to it are complete.
    for node in node.captures_iter(text).map(|node| number(&node[1])) {
        let mut all = BTreeSet::new();
        for &(from, _) in edges.iter().filter(|(_, to)| *to == node) {
            all.insert(from);
            all.extend(&causes[&from]);
        }
        causes.insert(node, all);
    }
    (causes, edges)
}

#[test]
fn the_graph_of_dot_is_happens_before_without_redundant_edges() {
    for (execution, window) in examples() {
        let text = String::from_utf8(traced(&execution, &window, Format::Dot)).unwrap();
        assert!(text.starts_with("digraph \"") && text.ends_with("}\n"));
        let (causes, edges) = causes_and_edges(&text);
        assert_eq!(causes, happened_before(&execution, &window));
        for &(from, to) in &edges {
            // The edge would be redundant if `from` happened before a node `other`, and `other` has an edge to `to`.
            let mut others = edges
                .iter()
                .filter(|(other, target)| *target == to && *other != from);
            assert!(
                !others.any(|(other, _)| causes[other].contains(&from)),
                "{from} -> {to} follows from other edges"
            );
        }
    }
}
