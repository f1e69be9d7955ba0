//! Draws what lies over a diagram: a consistent cut, rings around events, and a text beside one event.
//!
//! A cut contains, for each machine, all its events up to some point. It is drawn as a line, with the events of the cut on the left. The
//! cut is consistent if every message that is received on the left is also sent on the left.

use super::Diagram;
use super::frame::label;
use super::layout::Layout;
use crate::draw::svg::{Label, Svg, px};
use crate::draw::text::{self, Weight};

/// Radius of the ring around an event, in pixels.
pub(super) const RING_RADIUS: f64 = 9.0;
/// On each machine's line, the cut is this many pixels to the right of the machine's last event before the cut, but never beyond the
/// middle between this event and the machine's next event. If the machine has no event before the cut, the cut is this many pixels to the
/// left of the machine's first event.
const CUT_DISTANCE: f64 = 7.0;

pub(super) fn draw(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    draw_cut(diagram, layout, svg);
    for &index in &diagram.ringed {
        if let Some((x, y)) = position(diagram, layout, index) {
            let attributes: [(&str, &dyn std::fmt::Display); 4] = [
                ("class", &"ring"),
                ("cx", &px(x)),
                ("cy", &px(y)),
                ("r", &px(RING_RADIUS)),
            ];
            svg.element("circle", &attributes, "");
        }
    }
    draw_mark(diagram, layout, svg);
}

/// The position of an event. `None` if the event is not drawn.
fn position(diagram: &Diagram<'_>, layout: &Layout, index: usize) -> Option<(f64, f64)> {
    let is_drawn = diagram.is_drawn[index];
    let y = layout.y(diagram.execution.events()[index].machine)?;
    is_drawn.then(|| (layout.x(diagram.value(index)), y))
}

/// Draws the cut as one path. The path crosses each machine's line between the machine's last event before the cut and the machine's first
/// event after the cut.
fn draw_cut(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    let Some(cut) = &diagram.cut else {
        return;
    };
    let mut path = String::new();
    for &machine in &diagram.drawn.machines {
        let range = diagram.execution.range_of(machine);
        // `cut[machine]` is the number of the machine's events before the cut. These events are the first ones in `range`. So `first_after`
        // is the index of the machine's first event after the cut. If there is no such event, `first_after` is `range.end`.
        let first_after = range.start + cut[machine as usize];
        let x = |index: usize| layout.x(diagram.value(index));
        let before = (first_after > range.start).then(|| x(first_after - 1));
        let after = (first_after < range.end).then(|| x(first_after));
        let x = match (before, after) {
            (Some(before), Some(after)) => before + ((after - before) / 2.0).min(CUT_DISTANCE),
            (Some(before), None) => before + CUT_DISTANCE,
            (None, Some(after)) => after - CUT_DISTANCE,
            // The machine has no events.
            (None, None) => layout.left,
        };
        let x = px(x.clamp(layout.left, layout.right));
        let y = layout.y(machine).unwrap_or(layout.top);
        // At each machine's line, the cut is vertical, from this height above the line to this height below the line.
        let half_height = (layout.row_height * 0.3).min(20.0);
        let command = if path.is_empty() { "M" } else { "L" };
        path += &format!(
            "{command}{x} {}V{}",
            px(y - half_height),
            px(y + half_height)
        );
    }
    svg.element("path", &[("class", &"cut"), ("d", &path)], "The smallest consistent cut with the chosen events: every message that is received before the cut is also sent before the cut");
}

/// Writes the text `mark` beside the event `around` (both from the options): to the right of the event, or to the left if the text does
/// not fit on the right.
fn draw_mark(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    let (Some(words), Some(name)) = (&diagram.options.mark, diagram.options.around) else {
        return;
    };
    let Ok(events) = diagram.execution.find(name) else {
        return;
    };
    // `around` names a machine and a tick. A tick that receives several messages has several events: the text is beside the first of them.
    let Some((x, y)) = position(diagram, layout, events.start) else {
        return;
    };
    let size = 12.0;
    let width = text::width(words, size, Weight::Bold);
    let right_of_ring = x + RING_RADIUS + 8.0;
    let x = match right_of_ring + width > layout.right {
        true => (x - RING_RADIUS - 8.0 - width).max(layout.left),
        false => right_of_ring,
    };
    svg.label(&Label {
        text: words,
        x,
        // The text is at about the height of the clock value above the ring, and stands beside this value.
        y: y - RING_RADIUS - 9.0,
        size,
        weight: Weight::Bold,
        ..label("alarm")
    });
}
