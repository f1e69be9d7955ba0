//! If a window has too much to draw one by one: the part that is drawn, and a strip that shows how many events there are elsewhere.

use std::fmt::{Display, Write};

use super::frame::ink;
use super::layout::{Layout, MARGIN, MOST_STRIP_ROWS, STRIP_ROW};
use super::{Diagram, MOST_MARKS, seconds};
use crate::draw::palette::hue_class;
use crate::draw::svg::{Label, Svg, px};
use crate::draw::text::Anchor;
use crate::execution::Execution;
use crate::execution::window::Window;

/// The opacities of events, from few to many.
const SHADES: [f64; 4] = [0.2, 0.42, 0.68, 1.0];
/// Width of a bin in pixels.
const BIN: f64 = 4.0;

/// The longest part of `window` with at most [`MOST_MARKS`] events and messages: around the event `centre`, or from the start.
pub(super) fn drawable(execution: &Execution, window: &Window, centre: Option<usize>) -> Window {
    if marks(execution, window, window.from_ns, window.to_ns) <= MOST_MARKS {
        return window.clone();
    }
    let time_ns = |index: usize| execution.events()[index].time_ns;
    let part = |half_ns: i64| match centre.map(time_ns) {
        Some(at_ns) => (
            at_ns.saturating_sub(half_ns).max(window.from_ns),
            at_ns.saturating_add(half_ns).min(window.to_ns),
        ),
        None => (
            window.from_ns,
            window.from_ns.saturating_add(half_ns).min(window.to_ns),
        ),
    };
    let count = |half_ns: i64| {
        let (from_ns, to_ns) = part(half_ns);
        marks(execution, window, from_ns, to_ns)
    };
    // The longest part is found by bisection: a longer part never has fewer marks.
    let (mut enough, mut too_much) = (0, window.to_ns.saturating_sub(window.from_ns));
    while too_much - enough > 1 {
        let half_ns = enough + (too_much - enough) / 2;
        match count(half_ns) <= MOST_MARKS {
            true => enough = half_ns,
            false => too_much = half_ns,
        }
    }
    let (from_ns, to_ns) = part(enough);
    Window::new(execution, from_ns, to_ns, window.machines.clone())
}

/// The number of events from `from_ns` to `to_ns`, and of messages with an end there.
fn marks(execution: &Execution, window: &Window, from_ns: i64, to_ns: i64) -> usize {
    let time_ns = |index: usize| execution.events()[index].time_ns;
    let first = window
        .events
        .partition_point(|&index| time_ns(index) < from_ns);
    let last = window
        .events
        .partition_point(|&index| time_ns(index) <= to_ns);
    let of_event = |&index: &usize| {
        let sent = execution.messages_of(index).iter();
        let sent = sent.filter(|message| window.has_machine(message.recipient));
        let is_sent_elsewhere = |send: usize| {
            window.has_machine(execution.events()[send].machine)
                && !(from_ns..=to_ns).contains(&time_ns(send))
        };
        1 + sent.count() + usize::from(execution.send_of(index).is_some_and(is_sent_elsewhere))
    };
    window.events[first..last].iter().map(of_event).sum()
}

/// Draws the strip with the whole window, if only a part of it is drawn.
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

/// Positions in the strip.
struct Strip {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    row_height: f64,
    from_ns: i64,
    length_ns: f64,
}

impl Strip {
    fn new(diagram: &Diagram<'_>, layout: &Layout) -> Self {
        let rows = diagram.asked.machines.len() as f64;
        let height = rows.min(MOST_STRIP_ROWS) * STRIP_ROW;
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

    fn share(&self, ns: i64) -> f64 {
        (ns as f64 - self.from_ns as f64) / self.length_ns
    }

    fn x(&self, ns: i64) -> f64 {
        self.left + self.share(ns) * (self.right - self.left)
    }

    fn draw_rows(&self, diagram: &Diagram<'_>, svg: &mut Svg) {
        let bins = (((self.right - self.left) / BIN) as usize).max(1);
        let mut counts = vec![vec![0_u32; bins]; diagram.asked.machines.len()];
        let events = diagram.execution.events();
        for &index in &diagram.asked.events {
            let bin = (self.share(events[index].time_ns) * bins as f64) as usize;
            if let Ok(row) = diagram.asked.machines.binary_search(&events[index].machine) {
                counts[row][bin.min(bins - 1)] += 1;
            }
        }
        let most = counts.iter().flatten().copied().max().unwrap_or(0).max(1);
        for (row, counts) in counts.iter().enumerate() {
            let machine = diagram.asked.machines[row];
            let y = self.top + self.row_height * row as f64;
            for (shade, opacity) in SHADES.iter().enumerate() {
                let path = self.cells(counts, most, shade, y);
                let class = format!("density {}", hue_class(machine as usize));
                let attributes: [(&str, &dyn Display); 3] =
                    [("class", &class), ("fill-opacity", opacity), ("d", &path)];
                if !path.is_empty() {
                    svg.element("path", &attributes, "");
                }
            }
        }
    }

    /// The bins of a row that have this shade; neighbours are joined.
    fn cells(&self, counts: &[u32], most: u32, shade: usize, y: f64) -> String {
        let width = (self.right - self.left) / counts.len() as f64;
        let shade_of = |count: u32| {
            let share = f64::from(count) / f64::from(most);
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
                bin += 1;
                continue;
            }
            let (x, wide) = (self.left + width * from as f64, width * (bin - from) as f64);
            let height = px((self.row_height - 1.0).max(0.5));
            let _ = write!(
                path,
                "M{} {}h{}v{height}h-{}z",
                px(x),
                px(y),
                px(wide),
                px(wide)
            );
        }
        path
    }

    /// Marks the part that is drawn below, and names the times of both ends.
    fn draw_part(&self, diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
        let (from, to) = (self.x(diagram.drawn.from_ns), self.x(diagram.drawn.to_ns));
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
                ..ink("halo")
            });
        }
        svg.label(&Label {
            text: "all events",
            x: MARGIN,
            y: self.top + 9.0,
            ..ink("muted")
        });
    }
}
