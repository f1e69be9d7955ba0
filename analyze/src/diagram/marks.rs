//! Draws the events of a space-time diagram: a mark for each event (a circle or a diamond), and the clock's value above the mark. A value
//! that would touch another value is left out.

use std::fmt::Display;

use super::layout::{CLOCK as CLOCK_FONT_SIZE, LARGEST_RADIUS, Layout};
use super::overlay::RING_RADIUS;
use super::{Diagram, seconds};
use crate::draw::palette::hue_class;
use crate::draw::svg::{Label, Svg, px};
use crate::draw::text::{self, Anchor, Weight};
use crate::execution::{EventName, Kind};

/// The least space between two clock values, in pixels.
const GAP: f64 = 4.0;
/// The space between a mark or ring and the clock value above it, in pixels.
const SPACE_BELOW_CLOCK: f64 = 4.0;

pub(super) fn draw(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    for &machine in &diagram.drawn.machines {
        let Some(y) = layout.y(machine) else {
            continue;
        };
        let class = format!("events {}", hue_class(machine as usize));
        svg.open(&[("class", &class)]);
        let events = &diagram.execution.events();
        let machine_events: Vec<usize> = diagram
            .drawn
            .events
            .iter()
            .copied()
            .filter(|&index| events[index].machine == machine)
            .collect();
        machine_events
            .iter()
            .for_each(|&index| draw_event(diagram, layout, index, y, svg));
        svg.close();
        draw_clocks(diagram, layout, &machine_events, y, svg);
    }
}

fn draw_event(diagram: &Diagram<'_>, layout: &Layout, index: usize, y: f64, svg: &mut Svg) {
    let event = &diagram.execution.events()[index];
    let mut class = event.kind.name().to_owned();
    if diagram.is_faded(index) {
        class += " faded";
    }
    let name = EventName {
        machine: event.machine,
        tick: event.tick,
    };
    // `diagram.value` returns the time or the clock of the event, whichever the horizontal axis shows.
    let x = layout.x(diagram.value(index));
    let path = shape(event.kind.name(), x, y, layout.radius(event.machine));
    let attributes: [(&str, &dyn Display); 4] = [
        ("class", &class),
        ("d", &path),
        ("data-event", &name),
        ("data-clock", &event.clock),
    ];
    svg.element("path", &attributes, &tooltip(diagram, index));
}

/// Draws a mark in the legend. The first word of `class` is the kind of event: `send` in `send sample`.
pub(super) fn symbol(class: &str, x: f64, y: f64, radius: f64, svg: &mut Svg) {
    let kind = class.split(' ').next().unwrap_or_default();
    let path = shape(kind, x, y, radius);
    svg.element("path", &[("class", &class), ("d", &path)], "");
}

/// The outline of a mark, as the attribute `d` of an SVG path: a circle for a send, a smaller circle for an internal event, a diamond for a
/// receive.
fn shape(kind: &str, x: f64, y: f64, radius: f64) -> String {
    // Two half circles, because a single arc of a path cannot be a whole circle.
    let circle = |radius: f64| {
        let (r, d) = (px(radius), px(2.0 * radius));
        format!(
            "M{} {}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z",
            px(x - radius),
            px(y)
        )
    };
    match kind {
        "send" => circle(radius),
        // A diamond has less area than a circle with the same radius, so its corners are a little farther out.
        "receive" => {
            let r = px(radius * 1.2);
            format!(
                "M{} {}l{r} {r}l{r} -{r}l-{r} -{r}z",
                px(x - radius * 1.2),
                px(y)
            )
        }
        _ => circle(radius * 0.72),
    }
}

/// What is shown while the pointer is on the event.
fn tooltip(diagram: &Diagram<'_>, index: usize) -> String {
    let event = &diagram.execution.events()[index];
    let queue = event
        .queue
        .map_or(String::new(), |queue| format!(", queue {queue}"));
    let unmatched = match event.kind {
        Kind::Receive { .. } if diagram.execution.send_of(index).is_none() => {
            match diagram.execution.identifies_send(index) {
                true => " of a message whose send is not in the log",
                false => " of a message whose send is not known",
            }
        }
        _ => "",
    };
    format!(
        "machine {}, tick {}, {} s: {}{unmatched}, clock {} to {}{queue}",
        event.machine,
        event.tick,
        seconds(event.time_ns),
        event.kind.name(),
        event.clock_before,
        event.clock
    )
}

/// Writes clock values above a machine's line. A value is left out if it would touch a value that is already there. So the most important
/// values are written first, in this order:
///
/// 1. values of events with a ring (the events whose past or future is in colour, and the event with a text beside it),
/// 2. values of events in colour, if the clock jumped by more than 1 at the event,
/// 3. values of other events in colour,
/// 4. values of faded events (all events that are not in colour).
fn draw_clocks(
    diagram: &Diagram<'_>,
    layout: &Layout,
    machine_events: &[usize],
    y: f64,
    svg: &mut Svg,
) {
    let events = diagram.execution.events();
    // Values with a lower rank are written first.
    let rank = |index: usize| {
        let event = &events[index];
        let has_jumped = event.clock > event.clock_before + 1;
        if diagram.ringed.contains(&index) {
            0
        } else if diagram.is_faded(index) {
            3
        } else if has_jumped {
            1
        } else {
            2
        }
    };
    let mut order: Vec<usize> = machine_events.to_vec();
    order.sort_by_key(|&index| rank(index));
    // The left and right ends of the values that are written already, in pixels, with half of `GAP` added on each side.
    let mut taken: Vec<(f64, f64)> = vec![];
    svg.open(&[("class", &"clocks")]);
    for index in order {
        let text = events[index].clock.to_string();
        let half = text::width(&text, CLOCK_FONT_SIZE, Weight::Regular) / 2.0;
        let x = layout.x(diagram.value(index));
        let (from, to) = (x - half - GAP / 2.0, x + half + GAP / 2.0);
        // A value can go beyond the right end of the machine's line, but not beyond the edge of the picture.
        if to > layout.width || !insert(&mut taken, (from, to)) {
            continue;
        }
        // The upper edge of a ring or of the largest circle is this far above the machine's line. (The corner of a diamond can be up to
        // 1 pixel higher. `SPACE_BELOW_CLOCK` is large enough for that.)
        let mark_height = match diagram.ringed.contains(&index) {
            true => RING_RADIUS,
            false => LARGEST_RADIUS,
        };
        svg.label(&Label {
            text: &text,
            x,
            y: y - mark_height - SPACE_BELOW_CLOCK,
            size: CLOCK_FONT_SIZE,
            anchor: Anchor::Middle,
            weight: Weight::Regular,
            class: if diagram.is_faded(index) {
                "halo faded"
            } else {
                "halo"
            },
        });
    }
    svg.close();
}

/// Inserts an interval into a sorted list, if it overlaps no interval of the list. Returns whether it was inserted.
fn insert(taken: &mut Vec<(f64, f64)>, (from, to): (f64, f64)) -> bool {
    let at = taken.partition_point(|other| other.0 < from);
    let overlaps_previous = at > 0 && taken[at - 1].1 > from;
    let overlaps_next = taken.get(at).is_some_and(|other| other.0 < to);
    if overlaps_previous || overlaps_next {
        return false;
    }
    taken.insert(at, (from, to));
    true
}
