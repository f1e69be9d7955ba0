//! Test of the picture of `analyze diagram --order lamport`, in which events are placed by their clocks instead of their times.

use analyze::diagram::{MAX_MARKS, Options, Order};
use analyze::execution::window::Choice;
use resvg::usvg::roxmltree::{Document, Node};

use crate::drawn::{draw, simulated};
use crate::fixture;

#[test]
fn with_order_lamport_events_are_placed_by_their_clocks() {
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
    // The window has the events of the first 5 s. The axis shows clocks, and it ends at the largest clock of these events. So the picture
    // also has the events after 5 s whose clock is not larger.
    let largest_clock = window
        .events
        .iter()
        .map(|&index| execution.events()[index].clock)
        .max()
        .unwrap();
    let expected = execution
        .events()
        .iter()
        .filter(|event| event.clock <= largest_clock)
        .count();
    let document = Document::parse(&svg).unwrap();
    // The x coordinate at which the path of an event or arrow begins: 10 if the path is `M10 20L30 40`.
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
    // An event with a larger clock is further to the right. But `x` is the left edge of an event's mark, and the marks of receives are
    // wider than other marks. So a receive with clock 8 can begin further left than a send with clock 7. Therefore only events whose clocks
    // differ by 2 or more are compared.
    let mut pairs = 0;
    for (index, &(clock, x)) in drawn.iter().enumerate() {
        for &(larger_clock, larger_x) in drawn[index..]
            .iter()
            .filter(|(other, _)| *other >= clock + 2)
        {
            assert!(
                x < larger_x,
                "clock {clock} at {x}, {larger_clock} at {larger_x}"
            );
            pairs += 1;
        }
    }
    assert!(pairs > 100);
    let mut arrows = 0;
    for node in document
        .descendants()
        .filter(|node| node.attribute("data-to").is_some())
    {
        let path = node.attribute("d").unwrap();
        // The path of an arrow begins with its line, such as `M10 20L30 40`. The line ends at the tip.
        let tip = path.split('L').nth(1).unwrap();
        let tip_x: f64 = tip.split(' ').next().unwrap().parse().unwrap();
        assert!(x(&node) < tip_x, "{path} does not go to the right");
        arrows += 1;
    }
    assert!(arrows > 10);
}

/// The slow machine of rates 1,3,6 is overloaded. After 1,190 s its clock is far behind the others, so almost all events of the run have clocks
/// between its clock and the largest one. They are too many for a picture, so only the events of the window are drawn.
#[test]
fn with_order_lamport_clocks_far_apart_do_not_make_the_picture_too_large() {
    let text = fixture::SMALL.replace("duration_s = 20", "duration_s = 1200");
    let (_folder, execution) = simulated(&text);
    let choice = Choice {
        from_s: Some(1190.0),
        ..Choice::default()
    };
    let options = Options {
        order: Order::Lamport,
        ..Options::default()
    };
    let (window, svg) = draw(&execution, &choice, &options);
    let clocks = || {
        window
            .events
            .iter()
            .map(|&index| execution.events()[index].clock)
    };
    let range = clocks().min().unwrap()..=clocks().max().unwrap();
    let events = execution.events().iter();
    let in_range = events.filter(|event| range.contains(&event.clock)).count();
    assert!(in_range > 2 * MAX_MARKS, "{in_range}");
    let document = Document::parse(&svg).unwrap();
    let drawn = document
        .descendants()
        .filter(|node| node.attribute("data-event").is_some());
    assert_eq!(drawn.count(), window.events.len());
}
