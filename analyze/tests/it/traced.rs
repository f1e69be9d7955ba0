//! Tests of `analyze trace`, which writes one run in a format of another program: each trace is parsed again, and must have the events,
//! messages and clocks of the log. `traced_order.rs` tests the formats that contain the happens-before order.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use analyze::execution::window::{Choice, Window};
use analyze::execution::{Event, Execution, Kind};
use analyze::trace::perfetto::{Trace, TrackEvent, TrackEventType};
use analyze::trace::{Format, MAX_CHARACTERS, write};
use prost::Message;
use serde_json::Value;

use crate::command_line::analyze;
use crate::fixture;
use crate::shown::{by_hand, execution, with_lost, without_events};

/// Simulates the experiment. Returns the folder of the dataset (it is deleted when this value is dropped), and the dataset's first run.
fn simulated(text: &str) -> (tempfile::TempDir, Execution) {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), text);
    let execution = execution(&folder.path().join("small"));
    (folder, execution)
}

/// The trace of the events in `window`, which is a part of the run.
pub fn traced(execution: &Execution, window: &Window, format: Format) -> Vec<u8> {
    let mut bytes = vec![];
    write(execution, window, format, &mut bytes).unwrap();
    bytes
}

/// The runs that every format is tested with, each with a window (the chosen machines and time).
pub fn examples() -> Vec<(Execution, Window)> {
    let whole = Choice::default();
    let part = Choice {
        from_s: Some(3.0),
        to_s: Some(9.5),
        ..Choice::default()
    };
    let part_of_two_machines = Choice {
        machines: vec![0, 2],
        ..part
    };
    let (_folder, small) = simulated(fixture::SMALL);
    // With `receive = ["all"]`, a tick takes all waiting messages, so a tick can have several events. The last line of SMALL is
    // `internal = [0.4, 0.7]`. Here it gets another value, and two lines of parameters follow it.
    let take_all =
        fixture::SMALL.replace("[0.4, 0.7]", "[0.2]\nreceive = [\"all\"]\ndelay_s = [0.4]");
    let (_folder, taking_all) = simulated(&take_all);
    let lost = execution(&with_lost().path().join("lost"));
    let empty = execution(&without_events().path().join("empty"));
    [
        (small.clone(), whole.clone()),
        (small.clone(), part),
        (small, part_of_two_machines),
        (taking_all, whole.clone()),
        (lost, whole.clone()),
        (empty, whole),
    ]
    .into_iter()
    .map(|(execution, choice)| {
        let window = choice.window(&execution).unwrap();
        (execution, window)
    })
    .collect()
}

/// The messages whose send and receive are in the window, as pairs of the indices of these two events.
pub fn messages(execution: &Execution, window: &Window) -> BTreeSet<(usize, usize)> {
    let received = execution
        .messages()
        .iter()
        .filter_map(|message| Some((message.send, message.receive?)));
    received
        .filter(|&(send, receive)| window.has(execution, send) && window.has(execution, receive))
        .collect()
}

/// The values of an event that Perfetto's format and Chrome's format contain: machine, time in nanoseconds, kind, clock before and after,
/// queue length.
fn values_of(event: &Event) -> (u64, u64, String, u64, u64, Option<u64>) {
    (
        u64::from(event.machine),
        event.time_ns as u64,
        event.kind.name().to_owned(),
        event.clock_before,
        event.clock,
        event.queue,
    )
}

#[test]
fn perfetto_has_every_event_message_and_counter() {
    for (execution, window) in examples() {
        let bytes = traced(&execution, &window, Format::Perfetto);
        let trace = Trace::decode(&bytes[..]).unwrap();
        // Decoding drops fields that `Trace` does not declare. If the trace had such fields, the decoded trace would
        // encode to fewer bytes.
        assert_eq!(trace.encode_to_vec(), bytes);
        // The name of each track, by its id.
        let mut names = BTreeMap::new();
        // In a trace, each event is a slice (a bar on the machine's track). A counter is a value that is drawn as a curve.
        let (mut slices, mut counter_values) = (vec![], vec![]);
        // Each message is a flow (an arrow between two slices). `flow_starts` maps the id of each flow to the index of the slice
        // in which the flow starts. `flow_ends` does the same for the flow's end.
        let (mut flow_starts, mut flow_ends) = (BTreeMap::new(), BTreeMap::new());
        // For each machine, the time at which its last slice ended.
        let mut slice_ends: BTreeMap<u64, u64> = BTreeMap::new();
        for packet in trace.packet {
            if let Some(track) = packet.track_descriptor {
                assert_eq!(
                    names.insert(track.uuid.unwrap(), track.name.unwrap_or_default()),
                    None
                );
                continue;
            }
            let at_ns = packet.timestamp.unwrap();
            let event = packet.track_event.unwrap();
            let track = &names[&event.track_uuid.unwrap()];
            match event.r#type() {
                TrackEventType::SliceBegin => {
                    // A track is called `machine 0, 1/s`.
                    let machine: u64 = track.split([' ', ',']).nth(1).unwrap().parse().unwrap();
                    let value = |name: &str| annotation(&event, name);
                    for &id in &event.flow_ids {
                        assert_eq!(flow_starts.insert(id, slices.len()), None);
                    }
                    for &id in &event.terminating_flow_ids {
                        assert_eq!(flow_ends.insert(id, slices.len()), None);
                    }
                    // Slices of a track do not overlap.
                    assert!(slice_ends.get(&machine).is_none_or(|end| *end <= at_ns));
                    slices.push((
                        machine,
                        at_ns,
                        event.name.clone().unwrap(),
                        value("clock_before").unwrap(),
                        value("clock").unwrap(),
                        value("queue"),
                    ));
                }
                TrackEventType::SliceEnd => {
                    // The trace has the end of each slice directly after its beginning. So this end belongs to the last of `slices`.
                    let machine = slices.last().unwrap().0;
                    slice_ends.insert(machine, at_ns);
                }
                TrackEventType::Counter => {
                    counter_values.push((track.clone(), at_ns, event.counter_value.unwrap()));
                }
                other => panic!("{other:?}"),
            }
        }
        let expected: Vec<_> = window
            .events
            .iter()
            .map(|&index| values_of(&execution.events()[index]))
            .collect();
        assert_eq!(slices, expected);
        let flows: BTreeSet<(usize, usize)> = flow_starts
            .iter()
            .map(|(id, start)| (window.events[*start], window.events[flow_ends[id]]))
            .collect();
        // There is one flow for each message, with a start and an end.
        let expected = messages(&execution, &window);
        assert_eq!(
            (flow_starts.len(), flow_ends.len()),
            (expected.len(), expected.len())
        );
        assert_eq!(flows, expected);
        // Each event sets the counter `machine N: clock` of its machine.
        let clocks = counter_values
            .iter()
            .filter(|(track, ..)| track.ends_with(": clock"));
        assert_eq!(clocks.count(), window.events.len());
    }
}

/// The value of the annotation `name`, which Perfetto shows when the event is selected.
fn annotation(event: &TrackEvent, name: &str) -> Option<u64> {
    let found = event
        .debug_annotations
        .iter()
        .find(|annotation| annotation.name.as_deref() == Some(name));
    found.and_then(|annotation| annotation.uint_value)
}

/// The expected bytes are written here by hand, from Perfetto's protobuf schema. Each field begins with a key: the number of the field
/// times 8, plus 0 for an integer or 2 for bytes with a length. For example, field 10 with an integer has the key 80 = 0x50. A key below 128
/// is one byte. A larger key has two bytes: first its lowest 7 bits plus 128, then its other bits. For example, field 60 with bytes has the
/// key 60 * 8 + 2 = 482 = 3 * 128 + 98. Its two bytes are 98 + 128 = 0xe2 and 0x03. The run has a track of its own, track 1. A trace
/// describes the run as a *process*. The description of the process is a field of the description of track 1, which is a field of a packet.
/// So the test builds the bytes from the inside: process, track, packet.
#[test]
fn perfetto_has_the_field_numbers_of_its_schema() {
    let execution = execution(&by_hand().path().join("by-hand"));
    let window = Choice {
        to_s: Some(0.0),
        ..Choice::default()
    }
    .window(&execution)
    .unwrap();
    let bytes = traced(&execution, &window, Format::Perfetto);
    let name = "by-hand, run 0";
    // Fields 1 (the id of the process) and 6 (its name).
    let mut process = vec![0x08, 1, 0x32, name.len() as u8];
    process.extend(name.bytes());
    // Fields 1 (the id of the track) and 3 (its process).
    let mut track = vec![0x08, 1, 0x1a, process.len() as u8];
    track.extend(process);
    // Fields 10 (the number of the sequence to which the packet belongs; a trace has only one) and 60 (the track).
    let mut packet = vec![0x50, 1, 0xe2, 0x03, track.len() as u8];
    packet.extend(track);
    // Field 1 of the trace (a packet).
    let mut expected = vec![0x0a, packet.len() as u8];
    expected.extend(packet);
    assert!(bytes.starts_with(&expected), "{bytes:x?}");
    // The window ends at time 0 and has one event: a send of machine 0. Track 2 has the events of machine 0. The trace says that a
    // slice begins (1 in field 9) on track 2 (field 11), with a name of 4 bytes (field 23): send.
    let begin: Vec<u8> = [&[0x48, 1, 0x58, 2, 0xba, 0x01, 4][..], b"send"].concat();
    assert!(
        bytes.windows(begin.len()).any(|part| part == begin),
        "{bytes:x?}"
    );
}

#[test]
fn chrome_json_has_every_event_message_and_counter() {
    for (execution, window) in examples() {
        let bytes = traced(&execution, &window, Format::Chrome);
        let trace: Value = serde_json::from_slice(&bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let entries = trace["traceEvents"].as_array().unwrap();
        // Returns the entries whose `ph` is `phase`: X for slices, s and f for starts and ends of flows, C for counters, M for names.
        let entries_of = |phase: &str| {
            entries
                .iter()
                .filter(move |entry| entry["ph"] == phase)
                .collect::<Vec<_>>()
        };
        let integer = |value: &Value| value.as_u64().unwrap();
        // Times are in microseconds, with a fraction.
        let ns = |value: &Value| (value.as_f64().unwrap() * 1e3).round() as u64;
        let slices: Vec<_> = entries_of("X")
            .into_iter()
            .map(|entry| {
                let arguments = &entry["args"];
                (
                    integer(&entry["tid"]),
                    ns(&entry["ts"]),
                    entry["name"].as_str().unwrap().to_owned(),
                    integer(&arguments["clock_before"]),
                    integer(&arguments["clock"]),
                    arguments["queue"].as_u64(),
                )
            })
            .collect();
        let expected: Vec<_> = window
            .events
            .iter()
            .map(|&index| values_of(&execution.events()[index]))
            .collect();
        assert_eq!(slices, expected, "{text}");
        // `ends` maps the id of each flow to the machine and the time of the flow's end. `starts` does the same for the flow's start.
        let ends: BTreeMap<u64, (u64, u64)> = entries_of("f")
            .into_iter()
            .map(|entry| {
                (
                    integer(&entry["id"]),
                    (integer(&entry["tid"]), ns(&entry["ts"])),
                )
            })
            .collect();
        let starts: BTreeMap<u64, (u64, u64)> = entries_of("s")
            .into_iter()
            .map(|entry| {
                (
                    integer(&entry["id"]),
                    (integer(&entry["tid"]), ns(&entry["ts"])),
                )
            })
            .collect();
        let machine_and_time = |index: usize| {
            let event = &execution.events()[index];
            (u64::from(event.machine), event.time_ns as u64)
        };
        let expected: BTreeSet<_> = messages(&execution, &window)
            .into_iter()
            .map(|(send, receive)| (machine_and_time(send), machine_and_time(receive)))
            .collect();
        let flows: BTreeSet<_> = starts
            .iter()
            .map(|(id, start)| (*start, ends[id]))
            .collect();
        // There is one flow for each message, with a start and an end.
        assert_eq!((starts.len(), ends.len()), (expected.len(), expected.len()));
        assert_eq!(flows, expected);
        // A name for the run, and one for each machine.
        assert_eq!(entries_of("M").len(), window.machines.len() + 1);
        // Each event sets the counter of the clock, and the counter of the queue if the queue's length is known.
        assert!(entries_of("C").len() >= window.events.len());
    }
}

#[test]
fn mermaid_draws_each_message_once() {
    for (execution, window) in examples() {
        let text = String::from_utf8(traced(&execution, &window, Format::Mermaid)).unwrap();
        assert!(text.starts_with("sequenceDiagram\n"));
        assert_eq!(text.matches("participant ").count(), window.machines.len());
        assert_eq!(
            text.matches("->>").count(),
            messages(&execution, &window).len()
        );
        // An arrow that ends in a cross is a message that was never received. (If a message is received outside the window, its arrow has
        // an open head instead.)
        let is_lost = |message: &&analyze::execution::Message| {
            message.receive.is_none()
                && window.has(&execution, message.send)
                && window.has_machine(message.recipient)
        };
        assert_eq!(
            text.matches("--x").count(),
            execution.messages().iter().filter(is_lost).count()
        );
        // An internal event is a note, such as `Note over m0: 1.5 s internal, clock 4`.
        let internal = |index: &&usize| execution.events()[**index].kind == Kind::Internal;
        assert_eq!(
            text.matches(" s internal, clock ").count(),
            window.events.iter().filter(internal).count()
        );
    }
}

#[test]
fn mermaid_leaves_out_what_exceeds_its_limit_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(
        &folder.path().join("long"),
        &fixture::SMALL.replace("duration_s = 20", "duration_s = 200"),
    );
    let (code, text, err) = analyze(
        &["trace", "long", "--run", "0", "--format", "mermaid"],
        folder.path(),
    );
    assert_eq!(code, 0);
    let characters = text.chars().count();
    // The diagram must not exceed the limit, but should use at least 90 % of it.
    assert!(
        (MAX_CHARACTERS * 9 / 10..=MAX_CHARACTERS).contains(&characters),
        "{characters}"
    );
    assert!(
        err.starts_with("Mermaid draws at most 50000 characters: "),
        "{err}"
    );
    // The last line of the diagram is a comment (`%%`) with the same text as stderr.
    assert!(
        text.trim_end().ends_with(&format!("%% {}", err.trim_end())),
        "{err}"
    );
}

#[test]
fn a_trace_is_written_to_a_file_or_to_stdout() {
    let folder = by_hand();
    for (format, name, advice) in [
        ("perfetto", "a.pftrace", "https://ui.perfetto.dev"),
        ("chrome", "a.json", "chrome://tracing"),
        ("shiviz", "a.log", "ShiViz"),
        // TSViz reads the same format as ShiViz, so the advice is the same.
        ("tsviz", "b.log", "ShiViz"),
        ("mermaid", "a.mmd", "https://mermaid.live"),
        ("dot", "a.dot", "dot -Tsvg"),
    ] {
        let arguments = ["trace", "by-hand", "--run", "0", "--format", format];
        let (code, _, err) = analyze(&[&arguments[..], &["--out", name]].concat(), folder.path());
        assert!(
            code == 0 && err.starts_with(&format!("{name} is written; ")) && err.contains(advice),
            "{err}"
        );
        let written = fs::read(folder.path().join(name)).unwrap();
        // Without --out, the trace goes to stdout. Perfetto's format is not text, so the tests' function
        // `analyze` cannot read it from there.
        if format != "perfetto" {
            let (_, out, err) = analyze(&arguments, folder.path());
            assert_eq!((out.into_bytes(), err.as_str()), (written, ""));
        }
    }
    // The folder `none` does not exist.
    let (code, _, err) = analyze(
        &["trace", "by-hand", "--format", "dot", "--out", "none/a"],
        folder.path(),
    );
    assert!(code == 2 && err.contains("cannot write none/a"), "{err}");
    // `--format` is required.
    assert_eq!(analyze(&["trace", "by-hand"], folder.path()).0, 2);
}
