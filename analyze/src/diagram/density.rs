//! The user chooses a window (a part of a run). If it has too many events to draw them all, only a part of the window is drawn. This module
//! chooses this part. It also draws the density strip, which lies above the diagram and shows how many events each machine has at each time
//! of the whole window.

use std::fmt::{Display, Write};

use super::frame::label;
use super::layout::{Layout, MARGIN, MAX_STRIP_ROWS, STRIP_ROW};
use super::{Diagram, MAX_MARKS, seconds};
use crate::draw::palette::hue_class;
use crate::draw::svg::{Label, Svg, px};
use crate::draw::text::Anchor;
use crate::execution::Execution;
use crate::execution::window::Window;

/// Width of a bin in pixels. A bin is a short piece of a machine's row in the strip. It stands for the events of this machine
/// in a short time.
const BIN_WIDTH: f64 = 4.0;
/// The opacities (shades) of bins. The first is for bins with few events, the last for bins with many.
const SHADES: [f64; 4] = [0.2, 0.42, 0.68, 1.0];

/// The longest part of `window` with at most [`MAX_MARKS`] marks (events and messages). The part lies around the event `centre`, or
/// at the start of the window if there is no `centre`, or if it is outside the window.
pub(super) fn drawable_part(
    execution: &Execution,
    window: &Window,
    centre: Option<usize>,
) -> Window {
    if count_marks(execution, window, window.from_ns, window.to_ns) <= MAX_MARKS {
        return window.clone();
    }
    let time_ns = |index: usize| execution.events()[index].time_ns;
    // The start and the end of a part: from `reach_ns` before the centre to `reach_ns` after the centre. If there is no centre, the part
    // begins at the start of the window and has the length `reach_ns`. A part never extends beyond the window.
    let centre_ns = centre
        .map(time_ns)
        .filter(|at_ns| (window.from_ns..=window.to_ns).contains(at_ns));
    let part = |reach_ns: i64| match centre_ns {
        Some(at_ns) => (
            at_ns.saturating_sub(reach_ns).max(window.from_ns),
            at_ns.saturating_add(reach_ns).min(window.to_ns),
        ),
        None => (
            window.from_ns,
            window.from_ns.saturating_add(reach_ns).min(window.to_ns),
        ),
    };
    let count = |reach_ns: i64| {
        let (from_ns, to_ns) = part(reach_ns);
        count_marks(execution, window, from_ns, to_ns)
    };
    // The longest part is found by bisection. This works because a longer part never has fewer marks. `part(too_far_ns)` always has too
    // many marks. At the start it is the whole window, and the `if` above has found too many marks there. `part(fitting_ns)` always has few
    // enough marks. At the start it is a single moment. That this moment has few enough marks is assumed, not checked.
    let (mut fitting_ns, mut too_far_ns) = (0, window.to_ns.saturating_sub(window.from_ns));
    while too_far_ns - fitting_ns > 1 {
        let reach_ns = fitting_ns + (too_far_ns - fitting_ns) / 2;
        match count(reach_ns) <= MAX_MARKS {
            true => fitting_ns = reach_ns,
            false => too_far_ns = reach_ns,
        }
    }
    let (from_ns, to_ns) = part(fitting_ns);
    Window::new(execution, from_ns, to_ns, window.machines.clone())
}

/// The number of marks from `from_ns` to `to_ns`: the events in this time, and the messages that are sent or received in it. A message
/// counts only if both its sender and its recipient are machines of the window.
fn count_marks(execution: &Execution, window: &Window, from_ns: i64, to_ns: i64) -> usize {
    let time_ns = |index: usize| execution.events()[index].time_ns;
    let first = window
        .events
        .partition_point(|&index| time_ns(index) < from_ns);
    let end = window
        .events
        .partition_point(|&index| time_ns(index) <= to_ns);
    let marks_of_event = |&index: &usize| {
        let sent = execution.messages_of(index).iter();
        let sent = sent.filter(|message| window.has_machine(message.recipient));
        // A message that is sent in this time is counted at its send. At its receive, a message counts only if it is sent at another time.
        let counts_at_receive = |send: usize| {
            window.has_machine(execution.events()[send].machine)
                && !(from_ns..=to_ns).contains(&time_ns(send))
        };
        let received_count = usize::from(execution.send_of(index).is_some_and(counts_at_receive));
        // The event itself, the messages that it sends, and the message that it receives, if this message is not counted at its send.
        1 + sent.count() + received_count
    };
    window.events[first..end].iter().map(marks_of_event).sum()
}

/// Draws the strip if the diagram shows only a part of the window. The strip shows the whole window.
pub(super) fn draw(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    if !diagram.is_trimmed {
        return;
    }
    let strip = Strip::new(diagram, layout);
    svg.open(&[("class", &"strip")]);
    strip.draw_rows(diagram, svg);
    strip.draw_part(diagram, layout, svg);
    svg.close();
}

/// Positions in the strip. The strip shows the window that the user asked for (`diagram.asked`). The diagram below the strip shows only a
/// part of this window (`diagram.drawn`).
struct Strip {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    row_height: f64,
    /// Start of the window.
    from_ns: i64,
    /// Length of the window.
    length_ns: f64,
}

impl Strip {
    fn new(diagram: &Diagram<'_>, layout: &Layout) -> Self {
        let rows = diagram.asked.machines.len() as f64;
        let height = rows.min(MAX_STRIP_ROWS) * STRIP_ROW;
        Self {
            left: layout.left,
            right: layout.right,
            top: layout.strip_top,
            bottom: layout.strip_top + height,
            row_height: height / rows,
            from_ns: diagram.asked.from_ns,
            length_ns: (diagram.asked.to_ns as f64 - diagram.asked.from_ns as f64).max(1.0),
        }
    }

    /// The share of the window that is before this time: 0 at its start, 1 at its end.
    fn share(&self, ns: i64) -> f64 {
        (ns as f64 - self.from_ns as f64) / self.length_ns
    }

    /// The position of a time, in pixels from the left.
    fn x(&self, ns: i64) -> f64 {
        self.left + self.share(ns) * (self.right - self.left)
    }

    /// Draws a row of bins for each machine. The shade of a bin shows how many events it has.
    fn draw_rows(&self, diagram: &Diagram<'_>, svg: &mut Svg) {
        let bins = (((self.right - self.left) / BIN_WIDTH) as usize).max(1);
        let mut counts = vec![vec![0_u32; bins]; diagram.asked.machines.len()];
        let events = diagram.execution.events();
        for &index in &diagram.asked.events {
            let bin = (self.share(events[index].time_ns) * bins as f64) as usize;
            if let Ok(row) = diagram.asked.machines.binary_search(&events[index].machine) {
                counts[row][bin.min(bins - 1)] += 1;
            }
        }
        let largest_count = counts.iter().flatten().copied().max().unwrap_or(0).max(1);
        for (row, counts) in counts.iter().enumerate() {
            let machine = diagram.asked.machines[row];
            let y = self.top + self.row_height * row as f64;
            for (shade, opacity) in SHADES.iter().enumerate() {
                let path = self.bins_of_shade(counts, largest_count, shade, y);
                let class = format!("density {}", hue_class(machine as usize));
                let attributes: [(&str, &dyn Display); 3] =
                    [("class", &class), ("fill-opacity", opacity), ("d", &path)];
                if !path.is_empty() {
                    svg.element("path", &attributes, "");
                }
            }
        }
    }

    /// The SVG path of one shade in one row: it covers the bins that have this shade. Neighbouring bins of the same shade are joined.
    fn bins_of_shade(&self, counts: &[u32], largest_count: u32, shade: usize, y: f64) -> String {
        let width = (self.right - self.left) / counts.len() as f64;
        let shade_of = |count: u32| {
            let share = f64::from(count) / f64::from(largest_count);
            // A bin without events has no shade.
            ((share * SHADES.len() as f64).ceil() as usize).checked_sub(1)
        };
        let mut path = String::new();
        let mut bin = 0;
        while bin < counts.len() {
            let from = bin;
            while bin < counts.len() && shade_of(counts[bin]) == Some(shade) {
                bin += 1;
            }
            if bin == from {
                // This bin has another shade, or none.
                bin += 1;
                continue;
            }
            let x = self.left + width * from as f64;
            let joined_width = width * (bin - from) as f64;
            // A gap of 1 pixel separates the rows.
            let height = px((self.row_height - 1.0).max(0.5));
            // A rectangle: the upper left corner, then lines to the right, down, to the left, and back to the corner.
            let _ = write!(
                path,
                "M{} {}h{}v{height}h-{}z",
                px(x),
                px(y),
                px(joined_width),
                px(joined_width)
            );
        }
        path
    }

    /// Draws a frame around the part of the strip that the diagram below shows, and lines from the frame to the left and right ends of the
    /// diagram. Writes the start and the end of the whole window below the strip.
    fn draw_part(&self, diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
        let (from, to) = (self.x(diagram.drawn.from_ns), self.x(diagram.drawn.to_ns));
        // The frame of a very short part would be too narrow to see.
        let width = px((to - from).max(2.0));
        let attributes: [(&str, &dyn Display); 5] = [
            ("class", &"part"),
            ("x", &px(from)),
            ("y", &px(self.top - 3.0)),
            ("width", &width),
            ("height", &px(self.bottom - self.top + 5.0)),
        ];
        svg.element("rect", &attributes, "the part that is drawn below");
        let y = self.bottom + 2.0;
        svg.line("grid", (from, y), (layout.left, layout.top - 2.0));
        svg.line("grid", (to, y), (layout.right, layout.top - 2.0));
        for (ns, x, anchor) in [
            (diagram.asked.from_ns, self.left, Anchor::Start),
            (diagram.asked.to_ns, self.right, Anchor::End),
        ] {
            svg.label(&Label {
                text: &format!("{} s", seconds(ns)),
                x,
                y: self.bottom + 17.0,
                anchor,
                ..label("halo")
            });
        }
        svg.label(&Label {
            text: "all events",
            x: MARGIN,
            y: self.top + 9.0,
            ..label("muted")
        });
    }
}
