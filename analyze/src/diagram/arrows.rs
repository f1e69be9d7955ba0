//! Draws the messages of a diagram: an arrow for each, and its wait in the queue.

use std::fmt::Display;

use super::layout::Layout;
use super::{Arrows, Diagram, Order, seconds};
use crate::draw::palette::hue_class;
use crate::draw::svg::{Svg, px};
use crate::execution::{EventName, Message, to_s};

/// Length of an arrow head, in pixels.
const HEAD: f64 = 6.0;
/// Half the width of an arrow head, as a share of its length.
const HALF_WIDTH: f64 = 0.34;
/// If a message was not received, and its arrival is not known or not shown, its arrow goes this far to the right, in pixels.
const STUB: f64 = 14.0;

pub(super) fn draw(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    svg.open(&[("class", &"messages")]);
    for message in diagram.messages() {
        draw_message(diagram, layout, message, svg);
    }
    svg.close();
}

fn draw_message(diagram: &Diagram<'_>, layout: &Layout, message: &Message, svg: &mut Svg) {
    let send = &diagram.execution.events()[message.send];
    // Both positions are known, because `Diagram::messages` has only messages between drawn machines.
    let (Some(from_y), Some(to_y)) = (layout.y(send.machine), layout.y(message.recipient)) else {
        return;
    };
    let from = (layout.x(diagram.value(message.send)), from_y);
    let to = (end_x(diagram, layout, message, from.0), to_y);
    let class = class(diagram, message);
    let wait_class = class.replace("message", "wait");
    let wait = wait_path(diagram, layout, message);
    match Clipped::new(layout, from, to) {
        Some(line) => {
            let path = line.path(message.receive.is_some(), layout.radius(message.recipient));
            if let Some(wait) = &wait {
                svg.element("path", &[("class", &wait_class), ("d", wait)], "");
            }
            draw_named(diagram, message, (&class, &path), svg);
        }
        // No part of the arrow is in the picture. If the message arrived before the start of the picture, its wait in the queue can still
        // reach into the picture. If no part of the wait is in the picture either, the SVG gets an empty path: the path shows nothing, but
        // its attributes still name the message.
        None => {
            let path = wait.unwrap_or_default();
            draw_named(diagram, message, (&wait_class, &path), svg);
        }
    }
}

/// Draws a path that stands for the message: its attributes name the send and the receive.
fn draw_named(
    diagram: &Diagram<'_>,
    message: &Message,
    (class, path): (&str, &str),
    svg: &mut Svg,
) {
    let name = |index: usize| {
        let event = &diagram.execution.events()[index];
        EventName {
            machine: event.machine,
            tick: event.tick,
        }
    };
    let (send, receive) = (name(message.send), message.receive.map(name));
    let mut attributes: Vec<(&str, &dyn Display)> =
        vec![("class", &class), ("d", &path), ("data-from", &send)];
    match &receive {
        Some(name) => attributes.push(("data-to", name)),
        None => attributes.push(("data-not-received-by", &message.recipient)),
    }
    svg.element("path", &attributes, &words(diagram, message));
}

/// The CSS classes of a message. It has the colour of its sender. It is dashed if it was not received. If the user asked for a causal past or
/// future (`cone`), only the events in it are in colour. Then a message is faded unless both its send and its receive are in colour.
fn class(diagram: &Diagram<'_>, message: &Message) -> String {
    let sender = diagram.execution.events()[message.send].machine;
    let mut class = format!("message {}", hue_class(sender as usize));
    if message.receive.is_none() {
        class += " open";
    }
    let is_in_colour = |index: usize| !diagram.is_faded(index);
    let are_both_in_colour =
        is_in_colour(message.send) && message.receive.is_some_and(is_in_colour);
    if diagram.cone.is_some() && !are_both_in_colour {
        class += " faded";
    }
    class
}

/// The horizontal position at which the arrow ends. It is the first of these positions that is possible:
///
/// 1. The arrival, if the user wants arrows to the arrival ([`Arrows::Arrival`]) or the message was not received. This is possible only if
///    the arrival is known and events are placed by time.
/// 2. The receive, if the message was received.
/// 3. [`STUB`] pixels to the right of the send.
fn end_x(diagram: &Diagram<'_>, layout: &Layout, message: &Message, from_x: f64) -> f64 {
    if diagram.options.order == Order::Time
        && (diagram.options.arrows == Arrows::Arrival || message.receive.is_none())
        && let Some(arrival_ns) = message.arrival_ns
    {
        return layout.x(to_s(arrival_ns));
    }
    match message.receive {
        Some(receive) => layout.x(diagram.value(receive)),
        None => from_x + STUB,
    }
}

/// The path of the wait from the arrival to the receive, along the recipient's line. `None` if waits are not drawn, the arrival or the
/// receive is not known, or no part of the wait is in the picture.
fn wait_path(diagram: &Diagram<'_>, layout: &Layout, message: &Message) -> Option<String> {
    if diagram.options.order != Order::Time || diagram.options.arrows != Arrows::Arrival {
        return None;
    }
    let from = layout.x(to_s(message.arrival_ns?)).max(layout.left);
    let to = layout.x(diagram.value(message.receive?)).min(layout.right);
    let y = layout.y(message.recipient)?;
    (to > from).then(|| format!("M{} {}H{}", px(from), px(y), px(to)))
}

/// What is shown while the pointer is on the message.
fn words(diagram: &Diagram<'_>, message: &Message) -> String {
    let events = diagram.execution.events();
    let send = &events[message.send];
    let sent = format!(
        "machine {} to machine {}: sent at {} s, clock {}",
        send.machine,
        message.recipient,
        seconds(send.time_ns),
        send.clock
    );
    match message.receive {
        Some(receive) => {
            let receive = &events[receive];
            format!(
                "{sent}; received at {} s, clock {}, {} s old",
                seconds(receive.time_ns),
                receive.clock,
                seconds(receive.time_ns - send.time_ns)
            )
        }
        None => format!("{sent}; not received"),
    }
}

/// The part of an arrow that is in the picture, that is, between the left and the right ends of the machines' lines.
struct Clipped {
    from: (f64, f64),
    to: (f64, f64),
    /// Whether the tip of the whole arrow is in the picture, so that a head is drawn.
    has_tip: bool,
}

impl Clipped {
    /// `None` if no part of the arrow is in the picture.
    fn new(layout: &Layout, from: (f64, f64), to: (f64, f64)) -> Option<Self> {
        let (left, right) = (layout.left, layout.right);
        // A tip on the border is in the picture, also if rounding puts it a little outside.
        let is_in = |x: f64| (left - 0.01..=right + 0.01).contains(&x);
        // The point where the arrow's line crosses the vertical line at `x`.
        let at = |x: f64| {
            let share = (x - from.0) / (to.0 - from.0);
            (x, from.1 + share * (to.1 - from.1))
        };
        let clip = |(x, y): (f64, f64)| match x {
            x if x < left => at(left),
            x if x > right => at(right),
            _ => (x, y),
        };
        if (from.0 < left && to.0 < left) || (from.0 > right && to.0 > right) {
            return None;
        }
        Some(Self {
            from: clip(from),
            to: clip(to),
            has_tip: is_in(to.0),
        })
    }

    /// The arrow as SVG path data (for the attribute `d` of a `path`). `is_received` says whether the message was received: then the
    /// arrow's head is filled. The marks of the recipient's events have this `radius`.
    fn path(&self, is_received: bool, radius: f64) -> String {
        if !self.has_tip {
            return format!(
                "M{} {}L{} {}",
                px(self.from.0),
                px(self.from.1),
                px(self.to.0),
                px(self.to.1)
            );
        }
        let length = distance(self.from, self.to);
        // At a receive, `self.to` is the middle of the event's mark. The tip stops one radius before the middle, at the edge of
        // the mark. (Other arrows stop one radius before `self.to` too, although no mark is there.) A very short arrow goes to the middle of
        // the mark: otherwise almost nothing of the arrow would be left between the marks of the send and the receive.
        let gap = if length > 3.0 * radius { radius } else { 0.0 };
        let tip = along(self.to, self.from, gap);
        arrow(self.from, tip, is_received)
    }
}

fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// The point at `length` from `a` towards `b`.
fn along(a: (f64, f64), b: (f64, f64), length: f64) -> (f64, f64) {
    let whole = distance(a, b);
    if whole == 0.0 {
        return a;
    }
    let share = length / whole;
    (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share)
}

/// An arrow as SVG path data (for the attribute `d` of a `path`): a line and a head. The head is a triangle if `is_filled`; else it is an open angle.
pub(super) fn arrow(from: (f64, f64), to: (f64, f64), is_filled: bool) -> String {
    // The middle of the head's back edge, and the vector from there to the tip. The back edge is at a right angle to this vector.
    let back = along(to, from, HEAD.min(distance(from, to)));
    let (x, y) = (to.0 - back.0, to.1 - back.1);
    let one_side = (back.0 - y * HALF_WIDTH, back.1 + x * HALF_WIDTH);
    let other_side = (back.0 + y * HALF_WIDTH, back.1 - x * HALF_WIDTH);
    let line = format!("M{} {}L{} {}", px(from.0), px(from.1), px(to.0), px(to.1));
    let point = |(x, y): (f64, f64)| format!("{} {}", px(x), px(y));
    let (a, tip, b) = (point(one_side), point(to), point(other_side));
    let end = if is_filled { "Z" } else { "" };
    format!("{line}M{a}L{tip}L{b}{end}")
}
