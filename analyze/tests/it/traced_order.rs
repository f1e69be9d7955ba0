//! Tests of the traces that tell which event happened before which: ShiViz and Graphviz.

use std::collections::{BTreeMap, BTreeSet};

use analyze::execution::Execution;
use analyze::execution::window::Window;
use analyze::trace::Format;
use regex::Regex;

use crate::traced::{examples, traced};

/// For each event of the window, which events of the window happened before it.
fn happened_before(execution: &Execution, window: &Window) -> Causes {
    let past = |&index: &usize| {
        let past = execution.past_of([index]);
        let before = window
            .events
            .iter()
            .copied()
            .filter(|&other| other != index && past[other]);
        (index, before.collect())
    };
    window.events.iter().map(past).collect()
}

#[test]
fn shiviz_reads_every_event_and_its_vector_clock() {
    for (execution, window) in examples() {
        let text = String::from_utf8(traced(&execution, &window, Format::Shiviz)).unwrap();
        let (parser, rest) = text.split_once('\n').unwrap();
        let log = rest.strip_prefix('\n').expect("an empty second line");
        // ShiViz adds the anchors and reads line by line.
        let parser = Regex::new(&format!("(?m)^{parser}$")).unwrap();
        let (mut clocks, mut hosts) = (BTreeMap::new(), BTreeMap::<String, u64>::new());
        let mut own: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for &index in &window.events {
            own.entry(execution.events()[index].machine)
                .or_default()
                .push(index);
        }
        // Events of a machine are numbered in the order of the log, not of their times.
        own.values_mut().for_each(|events| events.sort_unstable());
        assert_eq!(parser.captures_iter(log).count(), log.lines().count());
        for event in parser.captures_iter(log) {
            let clock: BTreeMap<String, u64> = serde_json::from_str(&event["clock"]).unwrap();
            let count = hosts.entry(event["host"].to_owned()).or_default();
            *count += 1;
            assert_eq!(clock[&event["host"]], *count, "the own entry grows by 1");
            let machine: u32 = event["host"]
                .strip_prefix("machine-")
                .unwrap()
                .parse()
                .unwrap();
            let index = own[&machine][*count as usize - 1];
            let logged = &execution.events()[index];
            assert_eq!(event["timestamp"].parse(), Ok(logged.time_ns as u64));
            assert!(event["event"].starts_with(logged.kind.name()));
            assert!(event["event"].contains(&format!(
                "clock {} to {}; tick {}",
                logged.clock_before, logged.clock, logged.tick
            )));
            clocks.insert(index, clock);
        }
        assert_eq!(clocks.len(), window.events.len());
        for (index, before) in happened_before(&execution, &window) {
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            for other in before.into_iter().chain([index]) {
                *expected
                    .entry(format!("machine-{}", execution.events()[other].machine))
                    .or_default() += 1;
            }
            assert_eq!(clocks[&index], expected);
        }
    }
}

/// For each event, the events that happened before it.
type Causes = BTreeMap<usize, BTreeSet<usize>>;

/// The causes of each node of the graph in `text`, and its edges.
fn reachable(text: &str) -> (Causes, BTreeSet<(usize, usize)>) {
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
    // Nodes are in causal order, so the causes of a cause are complete.
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
fn the_graph_of_dot_is_happens_before_without_edges_that_follow() {
    for (execution, window) in examples() {
        let text = String::from_utf8(traced(&execution, &window, Format::Dot)).unwrap();
        assert!(text.starts_with("digraph \"") && text.ends_with("}\n"));
        let (causes, edges) = reachable(&text);
        assert_eq!(causes, happened_before(&execution, &window));
        for &(from, to) in &edges {
            let mut others = edges
                .iter()
                .filter(|(other, end)| *end == to && *other != from);
            assert!(
                !others.any(|(other, _)| causes[other].contains(&from)),
                "{from} -> {to} follows from others"
            );
        }
    }
}
