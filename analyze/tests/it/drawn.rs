//! Tests of `analyze diagram`: what is in the picture is in the log, and what is in the window is in the picture.

use std::collections::BTreeMap;

use analyze::diagram::{Arrows, Diagram, MAX_MARKS, Options, Order};
use analyze::execution::window::{Choice, Window};
use analyze::execution::{EventName, Execution};
use proptest::prelude::*;
use resvg::usvg::roxmltree::{Document, Node};

use crate::command_line::analyze;
use crate::fixture;
use crate::shown::{by_hand, execution, with_lost, without_events};

/// What a picture shows, read back from it.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// How often each event is drawn.
    events: BTreeMap<String, usize>,
    /// How often each message with a receive is drawn.
    received: BTreeMap<(String, String), usize>,
    /// How often each message without a receive is drawn.
    open: BTreeMap<(String, u32), usize>,
}

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
                        .open
                        .entry((from, machine.parse().unwrap()))
                        .or_default() += 1;
                }
                other => panic!("an arrow needs one end: {other:?}"),
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
        let is_between = window.has_machine(events[message.send].machine)
            && window.has_machine(message.recipient);
        let ends = [Some(message.send), message.receive];
        if !is_between
            || !ends
                .into_iter()
                .flatten()
                .any(|end| window.has(execution, end))
        {
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
                    .open
                    .entry((name(message.send), message.recipient))
                    .or_default() += 1;
            }
        }
    }
    seen
}

fn draw(execution: &Execution, choice: &Choice, options: &Options) -> (Window, String) {
    let window = choice.window(execution).unwrap();
    let diagram = Diagram::new(execution, window.clone(), options.clone()).unwrap();
    (window, diagram.svg())
}

fn simulated(text: &str) -> (tempfile::TempDir, Execution) {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), text);
    let execution = execution(&folder.path().join("small"));
    (folder, execution)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Every event and every message of the window is read back from the picture exactly once, and nothing else.
    #[test]
    fn a_picture_has_what_the_log_has(
        rates in proptest::collection::vec(1u32..7, 2..5),
        internal in 0.0f64..1.0,
        from_s in 0.0f64..15.0,
        length_s in 0.1f64..8.0,
        sends in prop_oneof![Just("mix"), Just("unicast"), Just("broadcast")],
        delay in prop_oneof![Just("0"), Just("0.3"), Just("{ exponential = 0.5 }")],
        receive in prop_oneof![Just("one"), Just("all")],
        topology in prop_oneof![Just("mesh"), Just("ring"), Just("star")],
        arrows in prop_oneof![Just(Arrows::Receipt), Just(Arrows::Arrival)],
        fewer in any::<bool>(),
    ) {
        let text = fixture::SMALL
            .replace("[[1, 3, 6]]", &format!("[{rates:?}]"))
            .replace("[0.4, 0.7]", &format!("[{internal:.3}]\nsends = [\"{sends}\"]\ntopology = [\"{topology}\"]\ndelay_s = [{delay}]\nreceive = [\"{receive}\"]"))
            .replace("repetitions = 3", "repetitions = 1");
        let (_folder, execution) = simulated(&text);
        let choice = Choice {
            from_s: Some(from_s),
            to_s: Some(from_s + length_s),
            machines: if fewer { vec![rates.len() as u32 - 1, 0] } else { vec![] },
            ..Choice::default()
        };
        let (window, svg) = draw(&execution, &choice, &Options { arrows, ..Options::default() });
        prop_assert_eq!(read_back(&svg), expected(&execution, &window));
    }
}

#[test]
fn the_run_written_by_hand_is_drawn_as_it_is() {
    let folder = by_hand();
    let execution = execution(&folder.path().join("by-hand"));
    let (_, svg) = draw(&execution, &Choice::default(), &Options::default());
    let seen = read_back(&svg);
    assert_eq!(seen.events.len(), 12);
    let arrows: Vec<String> = seen
        .received
        .keys()
        .map(|(from, to)| format!("{from}>{to}"))
        .collect();
    assert_eq!(arrows, ["0:0>1:0", "1:1>0:1", "1:2>0:2", "1:3>0:3"]);
    assert!(seen.open.is_empty());
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

#[test]
fn a_message_without_receive_is_open_and_a_receive_without_send_has_no_arrow() {
    let folder = with_lost();
    let execution = execution(&folder.path().join("lost"));
    let (window, svg) = draw(&execution, &Choice::default(), &Options::default());
    let seen = read_back(&svg);
    assert_eq!(seen, expected(&execution, &window));
    assert_eq!(
        seen.open.keys().collect::<Vec<_>>(),
        [&("1:2".to_owned(), 0)]
    );
    assert_eq!(seen.received.len(), 3);
    assert!(svg.contains("receive of a message whose send is not in the log"));
    assert!(svg.contains("machine 1 to machine 0: sent at 1.25 s, clock 4; not received"));
}

#[test]
fn runs_without_events_and_single_machines_are_drawn() {
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
    assert_eq!((seen.events.len(), seen.received.len()), (60, 0));
}

#[test]
fn events_can_be_placed_by_their_clocks() {
    let (_folder, execution) = simulated(fixture::SMALL);
    let choice = Choice {
        to_s: Some(5.0),
        ..Choice::default()
    };
    let (window, svg) = draw(
        &execution,
        &choice,
        &Options {
            order: Order::Lamport,
            ..Options::default()
        },
    );
    let most = window
        .events
        .iter()
        .map(|&index| execution.events()[index].clock)
        .max()
        .unwrap();
    let expected = execution
        .events()
        .iter()
        .filter(|event| event.clock <= most)
        .count();
    let document = Document::parse(&svg).unwrap();
    let x = |node: &Node<'_, '_>| {
        let path = node.attribute("d").unwrap();
        path[1..].split(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let mut drawn: Vec<(u64, f64)> = document
        .descendants()
        .filter(|node| node.attribute("data-event").is_some())
        .map(|node| {
            (
                node.attribute("data-clock").unwrap().parse().unwrap(),
                x(&node),
            )
        })
        .collect();
    assert_eq!(drawn.len(), expected);
    drawn.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    for pair in drawn.windows(2).filter(|pair| pair[0].0 + 1 < pair[1].0) {
        assert!(pair[0].1 < pair[1].1, "{pair:?}");
    }
    let mut arrows = 0;
    for node in document
        .descendants()
        .filter(|node| node.attribute("data-to").is_some())
    {
        let path = node.attribute("d").unwrap();
        let end = path.split('L').nth(1).unwrap();
        let end_x: f64 = end.split(' ').next().unwrap().parse().unwrap();
        assert!(x(&node) < end_x, "{path} does not go to the right");
        arrows += 1;
    }
    assert!(arrows > 10);
}

/// The message of no arrow is received before the cut and sent after it, and the line of the cut is drawn.
#[test]
fn a_cut_has_the_send_of_each_receive() {
    let (_folder, execution) = simulated(fixture::SMALL);
    let name = EventName {
        machine: 0,
        tick: 9,
    };
    let cut = execution.cut([execution.range_of(0).start + 9]);
    let is_before = |index: usize| {
        let machine = execution.events()[index].machine;
        index < execution.range_of(machine).start + cut[machine as usize]
    };
    assert_eq!(cut[0], 10);
    for message in execution.messages() {
        assert!(!message.receive.is_some_and(is_before) || is_before(message.send));
    }
    let options = Options {
        cut: vec![name],
        ..Options::default()
    };
    let (_, svg) = draw(&execution, &Choice::default(), &options);
    assert_eq!(svg.matches("<path class=\"cut\"").count(), 1);
    assert!(svg.contains("Dashed line: the smallest consistent cut with 0:9.</text>"));
}

/// A cone: exactly the events outside it are faded.
#[test]
fn what_is_not_in_the_cone_is_faded() {
    let (_folder, execution) = simulated(fixture::SMALL);
    let name = EventName {
        machine: 0,
        tick: 7,
    };
    let index = execution.range_of(0).start + 7;
    for (options, cone) in [
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
        let events = execution.events().iter().zip(&cone);
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

#[test]
fn a_long_window_becomes_a_strip_and_a_part_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
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
        let marks = seen.events.len() + seen.received.len() + seen.open.len();
        assert!((MAX_MARKS * 8 / 10..=MAX_MARKS).contains(&marks), "{marks}");
        assert!(svg.contains("the part that is drawn below") && svg.len() < 1_000_000);
        assert!(
            diagram
                .left_out(true)
                .unwrap()
                .starts_with("6,000 events from 0 s to 600 s are too many")
        );
        let expected = if around.is_some() { "0:300" } else { "0:0" };
        assert!(seen.events.contains_key(expected));
    }
    let (code, _, err) = analyze(
        &["diagram", "long", "--run", "0", "--out", "long.svg"],
        folder.path(),
    );
    assert!(
        code == 0 && err.contains("too many to draw one by one"),
        "{err}"
    );
}

/// No two labels touch each other, in wide and narrow pictures.
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
            let wide = analyze::draw::text::width(text, number("font-size"), weight);
            let left = match node.attribute("text-anchor") {
                Some("middle") => number("x") - wide / 2.0,
                Some("end") => number("x") - wide,
                _ => number("x"),
            };
            assert!(
                left >= 0.0 && left + wide <= width + 0.1,
                "{text} is cut off at {width}"
            );
            // Capital letters and digits are three quarters of the size high.
            let (top, bottom) = (number("y") - number("font-size") * 0.75, number("y"));
            for (other_left, other_right, other_top, other_bottom, other) in &boxes {
                let apart = left >= *other_right
                    || left + wide <= *other_left
                    || top >= *other_bottom
                    || bottom <= *other_top;
                assert!(apart, "{text} and {other} overlap at {width}");
            }
            boxes.push((left, left + wide, top, bottom, text.to_owned()));
        }
        assert!(boxes.len() > 30, "{}", boxes.len());
    }
}

/// The rates of hundreds of machines are one long word.
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

/// The text of a mark can have any character.
#[test]
fn marks_are_escaped() {
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
