//! Draws what is below each machine's line: a strip whose shade shows the lag (the darker, the larger), and below it a band whose height
//! shows the length of the queue.

use std::fmt::{Display, Write};

use super::Diagram;
use super::layout::{LAG_HEIGHT, Layout};
use crate::draw::palette::hue_class;
use crate::draw::svg::{Svg, px};
use crate::execution::lag::{self, Step};
use crate::execution::to_s;

/// The opacities of the shades, from the smallest lags to the largest. A lag of 0 is not drawn.
pub(super) const SHADES: [f64; 5] = [0.1, 0.25, 0.42, 0.6, 0.8];

/// The full height of a band stands for the longest queue in the window (the time that is drawn), but for at least this many messages. So a
/// queue with a single message is never drawn as a tall area.
const MIN_LONGEST_QUEUE: u64 = 5;
/// Distance from a machine's line to the strip of its lags, in pixels.
const LAG_DISTANCE: f64 = 6.0;

/// The scales of all bands and strips: the heights of bands are relative to the longest queue, and the shades of strips are relative to the
/// largest lag.
#[derive(Debug)]
pub(super) struct Scales {
    /// The longest queue in the window, or `None` if no queue length is known.
    pub(super) longest_queue: Option<u64>,
    /// The largest lag of a drawn machine in the window.
    pub(super) largest_lag: u64,
    /// For each drawn machine, its lag over time, in steps.
    lags: Vec<Vec<Step>>,
}

impl Scales {
    pub(super) fn new(diagram: &Diagram<'_>) -> Self {
        let events = diagram.execution.events();
        let indices = diagram
            .drawn
            .machines
            .iter()
            .flat_map(|&machine| queue_event_indices(diagram, machine));
        let drawn = &diagram.drawn;
        let bounds_ns = (drawn.from_ns, drawn.to_ns);
        let lags = lag::steps(diagram.execution, &drawn.machines, bounds_ns);
        Self {
            longest_queue: indices.filter_map(|index| events[index].queue).max(),
            largest_lag: lags
                .iter()
                .flatten()
                .map(|step| step.lag)
                .max()
                .unwrap_or(0),
            lags,
        }
    }
}

/// The indices of a machine's events in the window. Before them comes the index of the machine's last event before the window, because this
/// event says how long the queue is when the window starts.
fn queue_event_indices(diagram: &Diagram<'_>, machine: u32) -> Vec<usize> {
    let events = diagram.execution.events();
    let mut range = diagram.execution.range_of(machine);
    let log = &events[range.clone()];
    let first = log
        .iter()
        .position(|event| event.time_ns >= diagram.drawn.from_ns);
    // Begins one event before the window, if there is such an event.
    range.start += first.unwrap_or(log.len()).saturating_sub(1);
    range
        .filter(|&index| events[index].time_ns <= diagram.drawn.to_ns)
        .collect()
}

pub(super) fn draw(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    let Some(scales) = &layout.scales else {
        return;
    };
    for (row, &machine) in diagram.drawn.machines.iter().enumerate() {
        let Some(y) = layout.y(machine) else {
            continue;
        };
        draw_lag(diagram, layout, scales, (row, y + LAG_DISTANCE), svg);
        // The band of the queue begins one pixel below the strip of lags.
        let top = y + LAG_DISTANCE + 1.0 + LAG_HEIGHT;
        let paths = queue_paths(
            diagram,
            layout,
            machine,
            top,
            scales.longest_queue.unwrap_or(0),
        );
        let class = format!("queue {}", hue_class(machine as usize));
        for path in paths {
            svg.element("path", &[("class", &class), ("d", &path)], "");
        }
    }
}

/// Draws the lags of the machine in this `row` of the diagram. `y` is the top of the strip.
fn draw_lag(
    diagram: &Diagram<'_>,
    layout: &Layout,
    scales: &Scales,
    (row, y): (usize, f64),
    svg: &mut Svg,
) {
    let steps = &scales.lags[row];
    // A step ends where the next one begins.
    let ends_ns = steps.iter().skip(1).map(|step| step.from_ns);
    let ends_ns = ends_ns.chain([diagram.drawn.to_ns]);
    // A path for each shade: the rectangles of all steps with this shade.
    let mut paths = [const { String::new() }; SHADES.len()];
    for (step, end_ns) in steps.iter().zip(ends_ns) {
        if step.lag > 0 && end_ns > step.from_ns {
            let shade = shade_index(step.lag, scales.largest_lag);
            let (from, to) = (layout.x(to_s(step.from_ns)), layout.x(to_s(end_ns)));
            let _ = write!(
                paths[shade],
                "M{} {}H{}v{}H{}z",
                px(from),
                px(y),
                px(to),
                px(LAG_HEIGHT),
                px(from)
            );
        }
    }
    for (path, opacity) in paths.iter().zip(SHADES) {
        if !path.is_empty() {
            let attributes: [(&str, &dyn Display); 3] =
                [("class", &"lag"), ("fill-opacity", &opacity), ("d", path)];
            svg.element("path", &attributes, "");
        }
    }
}

/// The index in [`SHADES`] for `lag`. With five shades, lags up to a fifth of the `largest` lag have the first shade, lags up to two fifths
/// the second, and so on.
fn shade_index(lag: u64, largest: u64) -> usize {
    let share = lag as f64 / largest.max(1) as f64;
    ((share * SHADES.len() as f64).ceil() as usize).clamp(1, SHADES.len()) - 1
}

/// The areas that show the length of the queue, as paths that hang down from `top`. An area ends where the queue is empty or its length is
/// not known. `longest` is the longest queue in the window.
fn queue_paths(
    diagram: &Diagram<'_>,
    layout: &Layout,
    machine: u32,
    top: f64,
    longest: u64,
) -> Vec<String> {
    let events = diagram.execution.events();
    let indices = queue_event_indices(diagram, machine);
    // `layout.band_height` also includes the strip of lags.
    let full_height = layout.band_height - LAG_HEIGHT;
    let height = |queue: u64| full_height * queue as f64 / longest.max(MIN_LONGEST_QUEUE) as f64;
    // The first event may be before the window. Its queue is drawn from the start of the window.
    let x = |ns: i64| layout.x(to_s(ns.max(diagram.drawn.from_ns)));
    let mut paths = vec![];
    let mut path = String::new();
    for (number, &index) in indices.iter().enumerate() {
        let from = x(events[index].time_ns);
        let end_ns = indices
            .get(number + 1)
            .map_or(diagram.drawn.to_ns, |&next| events[next].time_ns);
        match events[index].queue {
            // The lower border of the area moves to `height(queue)` below `top`. Then it goes right until the next event or the end of the
            // window.
            Some(queue) if queue > 0 => {
                if path.is_empty() {
                    let _ = write!(path, "M{} {}", px(from), px(top));
                }
                let _ = write!(path, "V{}H{}", px(top + height(queue)), px(x(end_ns)));
            }
            // The area that was begun ends here.
            _ if !path.is_empty() => {
                let _ = write!(path, "V{}z", px(top));
                paths.push(std::mem::take(&mut path));
            }
            _ => {}
        }
    }
    if !path.is_empty() {
        let _ = write!(path, "V{}z", px(top));
        paths.push(path);
    }
    paths
}
