//! Tests of the pictures of `analyze diagram`: a picture shows exactly the events and messages of the window (the part of a run that the
//! user chooses by time and by machine).

use std::collections::BTreeMap;

use analyze::diagram::{Arrows, Diagram, MAX_MARKS, Options, Order};
use analyze::execution::window::{Choice, Window};
use analyze::execution::{EventName, Execution};
use proptest::prelude::*;
use resvg::usvg::roxmltree::Document;

use crate::command_line::analyze;
use crate::fixture;
use crate::shown::{by_hand, execution, with_lost, without_events};

/// What a picture shows. An event has a name such as `2:14`: tick 14 of machine 2.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// How often each event is drawn.
    events: BTreeMap<String, usize>,
    /// For each received message (its send and its receive), how often it is drawn.
    received: BTreeMap<(String, String), usize>,
    /// For each message without a receive (its send and the recipient), how often it is drawn.
    not_received: BTreeMap<(String, u32), usize>,
}

/// Reads from the attributes of a picture what it shows.
fn read_back(svg: &str) -> Seen {
    let document = Document::parse(svg).expect("well-formed XML");
    let mut seen = Seen::default();
    for node in document.descendants() {
        let attribute = |name: &str| node.attribute(name).map(str::to_owned);
        if let Some(event) = attribute("data-event") {
            *seen.events.entry(event).or_default() += 1;
        }
        if let Some(from) = attribute("data-from") {
            match (attribute("data-to"), attribute("data-not-received-by")) {
                (Some(to), None) => *seen.received.entry((from, to)).or_default() += 1,
                (None, Some(machine)) => {
                    *seen
                        .not_received
                        .entry((from, machine.parse().unwrap()))
                        .or_default() += 1;
                }
                other => panic!("an arrow has a receive or a recipient, and not both: {other:?}"),
            }
        }
    }
    seen
}

/// What a picture of `window` must show.
fn expected(execution: &Execution, window: &Window) -> Seen {
    let mut seen = Seen::default();
    let events = execution.events();
    let name = |index: usize| {
        EventName {
            machine: events[index].machine,
            tick: events[index].tick,
        }
        .to_string()
    };
    for &index in &window.events {
        *seen.events.entry(name(index)).or_default() += 1;
    }
    for message in execution.messages() {
        // A message is drawn if the window has both of its machines, and at least one of its two events.
        let has_both_machines = window.has_machine(events[message.send].machine)
            && window.has_machine(message.recipient);
        let has_event_in_window = window.has(execution, message.send)
            || message
                .receive
                .is_some_and(|receive| window.has(execution, receive));
        if !has_both_machines || !has_event_in_window {
            continue;
        }
        match message.receive {
            Some(receive) => {
                *seen
                    .received
                    .entry((name(message.send), name(receive)))
                    .or_default() += 1;
            }
            None => {
                *seen
                    .not_received
                    .entry((name(message.send), message.recipient))
                    .or_default() += 1;
            }
        }
    }
    seen
}

/// Draws the events of `choice`. Returns the window and the picture as SVG.
pub fn draw(execution: &Execution, choice: &Choice, options: &Options) -> (Window, String) {
    let window = choice.window(execution).unwrap();
    let diagram = Diagram::new(execution, window.clone(), options.clone()).unwrap();
    (window, diagram.svg())
}

/// Simulates the experiment with this text. Returns the folder of the dataset, and the execution (the events and messages) of run 0.
pub fn simulated(text: &str) -> (tempfile::TempDir, Execution) {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), text);
    let execution = execution(&folder.path().join("small"));
    (folder, execution)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The picture has each event and each message of the window exactly once, and has no others.
    #[test]
    fn a_picture_has_the_events_and_messages_of_the_window(
        rates in proptest::collection::vec(1u32..7, 2..5),
        internal in 0.0f64..1.0,
        from_s in 0.0f64..15.0,
        length_s in 0.1f64..8.0,
        sends in prop_oneof![Just("mix"), Just("unicast"), Just("broadcast")],
        delay in prop_oneof![Just("0"), Just("0.3"), Just("{ exponential = 0.5 }")],
        receive in prop_oneof![Just("one"), Just("all")],
        topology in prop_oneof![Just("mesh"), Just("ring"), Just("star")],
        arrows in prop_oneof![Just(Arrows::Receipt), Just(Arrows::Arrival)],
        // Whether only two of the machines are chosen.
        only_two in any::<bool>(),
    ) {
        // The last line of `SMALL` is `internal = [0.4, 0.7]`. This test gives `internal` only one value, and adds more parameters below.
        let text = fixture::SMALL
            .replace("[[1, 3, 6]]", &format!("[{rates:?}]"))
            .replace("[0.4, 0.7]", &format!("[{internal:.3}]\nsends = [\"{sends}\"]\ntopology = [\"{topology}\"]\ndelay_s = [{delay}]\nreceive = [\"{receive}\"]"))
            .replace("repetitions = 3", "repetitions = 1");
        let (_folder, execution) = simulated(&text);
        let choice = Choice {
            from_s: Some(from_s),
            to_s: Some(from_s + length_s),
            // The last and the first machine, in descending order: a user may name machines in any order.
            machines: if only_two { vec![rates.len() as u32 - 1, 0] } else { vec![] },
            ..Choice::default()
        };
        let (window, svg) = draw(&execution, &choice, &Options { arrows, ..Options::default() });
        prop_assert_eq!(read_back(&svg), expected(&execution, &window));
    }
}

#[test]
fn all_events_and_messages_of_the_run_written_by_hand_are_drawn() {
    let folder = by_hand();
    let execution = execution(&folder.path().join("by-hand"));
    let (_, svg) = draw(&execution, &Choice::default(), &Options::default());
    let seen = read_back(&svg);
    // (1 + 2) ticks per second for 4 s.
    assert_eq!(seen.events.len(), 12);
    let arrows: Vec<String> = seen
        .received
        .keys()
        .map(|(from, to)| format!("{from}>{to}"))
        .collect();
    assert_eq!(arrows, ["0:0>1:0", "1:1>0:1", "1:2>0:2", "1:3>0:3"]);
    assert!(seen.not_received.is_empty());
    for words in [
        "<title id=\"run-0-of-by-hand-title\">Run 0 of by-hand</title>",
        "of 2 machines from 0 s to 4 s of model time: machine 0 with 1 tick/s, machine 1 with 2 ticks/s. It has 12 events and 4 messages, \
         of which 0 are not received before the run ends.",
        "machine 0, tick 2, 2 s: receive, clock 4 to 5, queue 1",
        "machine 1 to machine 0: sent at 1.25 s, clock 4; received at 2 s, clock 5, 0.75 s old",
    ] {
        assert!(svg.contains(words), "{words}");
    }
}

/// In the log, one message is sent and never received, and one receive has no send.
#[test]
fn an_arrow_without_receive_says_not_received_and_a_receive_without_send_has_no_arrow() {
    let folder = with_lost();
    let execution = execution(&folder.path().join("lost"));
    let (window, svg) = draw(&execution, &Choice::default(), &Options::default());
    let seen = read_back(&svg);
    assert_eq!(seen, expected(&execution, &window));
    assert_eq!(
        seen.not_received.keys().collect::<Vec<_>>(),
        [&("1:2".to_owned(), 0)]
    );
    // The run written by hand has 4 messages. In this log, one of them is not received.
    assert_eq!(seen.received.len(), 3);
    assert!(svg.contains("receive of a message whose send is not in the log"));
    assert!(svg.contains("machine 1 to machine 0: sent at 1.25 s, clock 4; not received"));
}

#[test]
fn a_single_machine_and_a_run_without_events_are_drawn() {
    let folder = without_events();
    let empty = execution(&folder.path().join("empty"));
    for order in [Order::Time, Order::Lamport] {
        let (_, svg) = draw(
            &empty,
            &Choice::default(),
            &Options {
                order,
                ..Options::default()
            },
        );
        assert_eq!(read_back(&svg), Seen::default());
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
    let (_folder, execution) = simulated(fixture::SMALL);
    let single = Choice {
        machines: vec![1],
        ..Choice::default()
    };
    let (_, svg) = draw(&execution, &single, &Options::default());
    let seen = read_back(&svg);
    // Machine 1 has 3 ticks per second for 20 s. The picture has no other machine, so it has no messages.
    assert_eq!((seen.events.len(), seen.received.len()), (60, 0));
}

/// A cut contains, for each machine, all its events up to some point. It is consistent if, for each receive in the cut, the send of the
/// message is in the cut too. This test draws a picture with a dashed line at the smallest consistent cut that contains the event `0:9`.
#[test]
fn a_cut_that_has_a_receive_also_has_its_send() {
    let (_folder, execution) = simulated(fixture::SMALL);
    let name = EventName {
        machine: 0,
        tick: 9,
    };
    // In this run an event's tick is also its index among the events of its machine. So tick 9 is the tenth event of machine 0.
    let cut = execution.cut([execution.range_of(0).start + 9]);
    assert_eq!(cut[0], 10);
    let is_in_cut = |index: usize| {
        let machine = execution.events()[index].machine;
        index < execution.range_of(machine).start + cut[machine as usize]
    };
    // If the receive of a message is in the cut, its send is too.
    for message in execution.messages() {
        assert!(!message.receive.is_some_and(is_in_cut) || is_in_cut(message.send));
    }
    let options = Options {
        cut: vec![name],
        ..Options::default()
    };
    let (_, svg) = draw(&execution, &Choice::default(), &options);
    assert_eq!(svg.matches("<path class=\"cut\"").count(), 1);
    assert!(svg.contains("Dashed line: the smallest consistent cut with 0:9.</text>"));
}

/// The causal past of an event has the event itself and all events that happened before it. Its causal future has the event itself and all
/// events that can depend on it. If `past_of` or `future_of` names an event, the picture fades all events outside the causal past or future
/// of this event, and draws a ring around this event.
#[test]
fn events_outside_the_causal_past_or_future_are_faded() {
    let (_folder, execution) = simulated(fixture::SMALL);
    let name = EventName {
        machine: 0,
        tick: 7,
    };
    let index = execution.range_of(0).start + 7;
    for (options, is_inside) in [
        (
            Options {
                past_of: vec![name],
                ..Options::default()
            },
            execution.past_of([index]),
        ),
        (
            Options {
                future_of: vec![name],
                ..Options::default()
            },
            execution.future_of([index]),
        ),
    ] {
        let (_, svg) = draw(&execution, &Choice::default(), &options);
        let document = Document::parse(&svg).unwrap();
        let in_colour: Vec<&str> = document
            .descendants()
            .filter(|node| {
                !node
                    .attribute("class")
                    .unwrap_or_default()
                    .contains("faded")
            })
            .filter_map(|node| node.attribute("data-event"))
            .collect();
        let events = execution.events().iter().zip(&is_inside);
        let mut expected: Vec<String> = events
            .filter(|(_, is_in)| **is_in)
            .map(|(event, _)| format!("{}:{}", event.machine, event.tick))
            .collect();
        let mut in_colour: Vec<String> = in_colour.into_iter().map(str::to_owned).collect();
        expected.sort();
        in_colour.sort();
        assert_eq!(in_colour, expected);
        assert_eq!(svg.matches("class=\"ring\"").count(), 1);
    }
}

/// If a window has too many events, a strip at the top of the picture shows the whole window. Below the strip, the events and messages of a
/// part of the window are drawn. The part lies around a chosen event, or at the start of the window if no event is chosen. The number of
/// events and messages in the part is at most [`MAX_MARKS`]; the test demands at least 80 % of [`MAX_MARKS`].
#[test]
fn a_long_window_is_drawn_as_a_strip_and_a_part() {
    let folder = tempfile::tempdir().unwrap();
    // Three machines with 1 + 3 + 6 ticks per second have 6,000 events in 600 s.
    let text = fixture::SMALL.replace("duration_s = 20", "duration_s = 600");
    fixture::simulated(&folder.path().join("long"), &text);
    let execution = execution(&folder.path().join("long"));
    let whole = Choice::default().window(&execution).unwrap();
    let around = EventName {
        machine: 0,
        tick: 300,
    };
    for around in [None, Some(around)] {
        let options = Options {
            around,
            ..Options::default()
        };
        let diagram = Diagram::new(&execution, whole.clone(), options).unwrap();
        let svg = diagram.svg();
        let seen = read_back(&svg);
        let drawn = seen.events.len() + seen.received.len() + seen.not_received.len();
        assert!((MAX_MARKS * 8 / 10..=MAX_MARKS).contains(&drawn), "{drawn}");
        assert!(svg.contains("the part that is drawn below") && svg.len() < 1_000_000);
        // `left_out` says that only a part of the window is drawn. `has_strip` says that the picture has a strip.
        let has_strip = true;
        assert!(
            diagram
                .left_out(has_strip)
                .unwrap()
                .starts_with("6,000 events from 0 s to 600 s are too many")
        );
        // The part has the chosen event, or begins with the first events.
        let expected = if around.is_some() { "0:300" } else { "0:0" };
        assert!(seen.events.contains_key(expected));
    }
    // The chosen event (at 300 s) is outside the window, so the part begins at the start of the window.
    let late = Choice {
        from_s: Some(400.0),
        ..Choice::default()
    };
    let late = late.window(&execution).unwrap();
    let from_ns = late.from_ns;
    let options = Options {
        around: Some(around),
        ..Options::default()
    };
    let diagram = Diagram::new(&execution, late, options).unwrap();
    let seen = read_back(&diagram.svg());
    assert!(seen.events.len() > MAX_MARKS / 4, "{}", seen.events.len());
    assert!(diagram.left_out(true).unwrap().contains("only 400 s to"));
    assert_eq!(from_ns, 400_000_000_000);
    let (code, _, err) = analyze(
        &["diagram", "long", "--run", "0", "--out", "long.svg"],
        folder.path(),
    );
    assert!(
        code == 0 && err.contains("too many to draw one by one"),
        "{err}"
    );
}

/// In wide and narrow pictures, no two labels overlap, and no label is cut off.
#[test]
fn labels_do_not_overlap() {
    let (_folder, execution) = simulated(fixture::SMALL);
    for width in [360.0, 800.0, 1600.0] {
        let options = Options {
            width,
            ..Options::default()
        };
        let (_, svg) = draw(&execution, &Choice::default(), &options);
        let document = Document::parse(&svg).unwrap();
        // For each label: left, right, top, bottom and text.
        let mut boxes: Vec<(f64, f64, f64, f64, String)> = vec![];
        for node in document
            .descendants()
            .filter(|node| node.has_tag_name("text"))
        {
            let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
            let text = node.text().unwrap();
            let weight = match node.attribute("font-weight") {
                Some(_) => analyze::draw::text::Weight::Bold,
                None => analyze::draw::text::Weight::Regular,
            };
            let text_width = analyze::draw::text::width(text, number("font-size"), weight);
            let left = match node.attribute("text-anchor") {
                Some("middle") => number("x") - text_width / 2.0,
                Some("end") => number("x") - text_width,
                _ => number("x"),
            };
            assert!(
                left >= 0.0 && left + text_width <= width + 0.1,
                "{text} is cut off at {width}"
            );
            // `y` is the line on which the letters stand. Capital letters and digits are three quarters of the font size high.
            let (top, bottom) = (number("y") - number("font-size") * 0.75, number("y"));
            for (other_left, other_right, other_top, other_bottom, other) in &boxes {
                let is_apart = left >= *other_right
                    || left + text_width <= *other_left
                    || top >= *other_bottom
                    || bottom <= *other_top;
                assert!(is_apart, "{text} and {other} overlap at {width}");
            }
            boxes.push((left, left + text_width, top, bottom, text.to_owned()));
        }
        assert!(boxes.len() > 30, "{}", boxes.len());
    }
}

/// A run's key lists its parameters, for example `rates=1,3,6 internal=0.4`. With 300 machines, the list of rates is a very long word. The
/// picture shows only the start of this word.
#[test]
fn long_keys_are_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let rates: Vec<u32> = (0..300).map(|machine| 1 + machine % 6).collect();
    let text = fixture::SMALL
        .replace("[[1, 3, 6]]", &format!("[{rates:?}]"))
        .replace("duration_s = 20", "duration_s = 1");
    fixture::simulated(&folder.path().join("many"), &text);
    let execution = execution(&folder.path().join("many"));
    let (window, svg) = draw(&execution, &Choice::default(), &Options::default());
    assert!(svg.contains(">rates=1,2,3,4,5,6,1,2,3,4,5,6,1,2,3,4,5,6,1,2,3,… internal=0.4 "));
    assert_eq!(window.machines.len(), 300);
    let seen = read_back(&svg);
    assert_eq!(seen, expected(&execution, &window));
}

/// `--around` names an event, and `--mark` gives it a ring and a text. The text can have characters with a meaning in SVG.
#[test]
fn the_text_of_a_mark_is_escaped() {
    let folder = by_hand();
    let execution = execution(&folder.path().join("by-hand"));
    let options = Options {
        mark: Some("</text><script> & \"1\" → 2".to_owned()),
        around: Some(EventName {
            machine: 0,
            tick: 1,
        }),
        ..Options::default()
    };
    let (_, svg) = draw(&execution, &Choice::default(), &options);
    let document = Document::parse(&svg).unwrap();
    let mut texts = document.descendants().filter_map(|node| node.text());
    assert!(texts.any(|text| Some(text) == options.mark.as_deref()));
    assert_eq!(svg.matches("class=\"ring\"").count(), 1);
}
