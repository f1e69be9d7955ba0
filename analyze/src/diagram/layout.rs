//! Calculates the positions of everything in a diagram, in pixels.

use sim::machine::MachineIndex;

use super::bands::Scales;
use super::{Diagram, Order, frame};
use crate::draw::scale::Scale;
use crate::draw::text::{self, Weight};
use crate::execution::{EventName, to_s};

/// Font size of labels that have no special size.
pub(super) const LABEL: f64 = 11.0;
/// Font size of the title.
pub(super) const TITLE: f64 = 17.0;
/// Font size of clock values.
pub(super) const CLOCK: f64 = 9.5;
/// Distance between lines of text.
pub(super) const LEADING: f64 = 15.0;
/// Space around the picture.
pub(super) const MARGIN: f64 = 14.0;
/// Height of the row of one machine in the density strip. If the window (the span of time that the user chose) has too many events, the
/// diagram shows only a part of the window. Then the density strip above the diagram shows where in the whole window each machine has many
/// or few events.
pub(super) const STRIP_ROW: f64 = 7.0;
/// The largest radius of the mark of an event.
pub(super) const LARGEST_RADIUS: f64 = 4.2;
/// Height of the strip that shows a machine's lag. This strip is the upper part of the band below the machine's line.
pub(super) const LAG_HEIGHT: f64 = 4.0;
/// In pictures narrower than this, the names of machines get less space.
const NARROW: f64 = 640.0;

/// Positions of the parts of a diagram.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The lines of the subtitle.
    pub(super) subtitle: Vec<String>,
    /// The left end of the machines' lines.
    pub(super) left: f64,
    /// The right end of the machines' lines.
    pub(super) right: f64,
    /// The top of the density strip.
    pub(super) strip_top: f64,
    /// The top of the area with the machines.
    pub(super) top: f64,
    /// The bottom of the area with the machines.
    pub(super) bottom: f64,
    /// The top of the legend.
    pub(super) legend_top: f64,
    /// Converts values along the lines (model seconds or clocks) to pixels from the left.
    pub(super) scale: Scale,
    /// Height of the row of a machine: its line with the space above and below.
    pub(super) row_height: f64,
    /// Height of the band below a machine's line, in which the machine's lag and queue are drawn. The height is 0 if events are placed by
    /// their Lamport clock: then neither is drawn.
    pub(super) band_height: f64,
    /// For each machine of the run, the radius of the marks of its events.
    radii: Vec<f64>,
    /// The scales of queues and lags. `None` if events are placed by their Lamport clock: then neither is drawn.
    pub(super) scales: Option<Scales>,
    /// The drawn machines, in ascending order.
    machines: Vec<MachineIndex>,
}

impl Layout {
    pub(super) fn new(diagram: &Diagram<'_>) -> Self {
        let width = diagram.options.width;
        let is_narrow = width < NARROW;
        // The names of the machines are to the left of their lines.
        let left = MARGIN + if is_narrow { 76.0 } else { 104.0 };
        let right = width - MARGIN - 10.0;
        let subtitle = text::wrap(
            &subtitle(diagram),
            width - 2.0 * MARGIN,
            LABEL,
            Weight::Regular,
        );
        let mut y = MARGIN + TITLE + LEADING * subtitle.len() as f64 + 16.0;
        let machines = diagram.drawn.machines.clone();
        let count = machines.len() as f64;
        let strip_top = y;
        if diagram.is_trimmed {
            // Space for the strip, and for two labels below it: the time of the window's start, and the time of its end.
            y += count.min(MAX_STRIP_ROWS) * STRIP_ROW + 34.0;
        }
        let top = y;
        let has_bands = diagram.options.order == Order::Time;
        // A row with a band below its line can be up to 112 pixels high, a row without a band up to 80.
        let row_height = match has_bands {
            true => (WANTED_HEIGHT / count).clamp(MIN_ROW, 112.0),
            false => (WANTED_HEIGHT / count).clamp(MIN_ROW, 80.0),
        };
        let bottom = top + row_height * count;
        // The numbers and the name of the axis are between the machines and the legend.
        let legend_top = bottom + 52.0;
        let scales = has_bands.then(|| Scales::new(diagram));
        let legend_height = frame::legend_height(diagram, scales.as_ref(), width);
        // The first and the last value are a little inside the lines' ends.
        let scale = scale(diagram, left + 8.0, right - 8.0);
        Self {
            width,
            height: legend_top + legend_height + MARGIN,
            subtitle,
            left,
            right,
            strip_top,
            top,
            bottom,
            legend_top,
            radii: radii(diagram, &scale),
            scale,
            scales,
            row_height,
            band_height: if has_bands { row_height * 0.3 } else { 0.0 },
            machines,
        }
    }

    /// The position of a machine's line, in pixels from the top. `None` if the machine is not drawn.
    pub(super) fn y(&self, machine: MachineIndex) -> Option<f64> {
        let row = self.machines.binary_search(&machine).ok()?;
        Some(self.top + self.row_height * (row as f64 + LINE_IN_ROW))
    }

    /// The radius of the marks of a machine's events.
    pub(super) fn radius(&self, machine: MachineIndex) -> f64 {
        self.radii[machine as usize]
    }

    /// The position of a value along a line, in pixels from the left. If the value is outside the window, its position can be beyond the
    /// ends of the line.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.scale.at(value)
    }
}

/// The height of the area with the machines, shared equally by their rows. The area gets another height if the rows would be lower than
/// [`MIN_ROW`], or higher than the limits in [`Layout::new`].
const WANTED_HEIGHT: f64 = 720.0;
/// Position of a machine's line in its row, on a scale from 0 (the top of the row) to 1 (the bottom).
const LINE_IN_ROW: f64 = 0.42;
/// The least height of a machine's row.
const MIN_ROW: f64 = 46.0;
/// The largest height of the density strip, as a multiple of [`STRIP_ROW`]. If there are more machines than this number, the strip keeps
/// this height, and each row is lower than [`STRIP_ROW`].
pub(super) const MAX_STRIP_ROWS: f64 = 16.0;

/// The key of the run (its parameters and repetition), and a sentence for each option that changes the picture.
fn subtitle(diagram: &Diagram<'_>) -> String {
    let options = &diagram.options;
    let names = |names: &[EventName]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let mut sentences = vec![diagram.execution.short_key()];
    if options.order == Order::Lamport {
        sentences.push("Events are placed by their Lamport clock, not by time".to_owned());
    }
    if !options.past_of.is_empty() {
        let past_of = names(&options.past_of);
        sentences.push(format!(
            "In colour: the events that happened before {past_of}"
        ));
    }
    if !options.future_of.is_empty() {
        let future_of = names(&options.future_of);
        sentences.push(format!(
            "In colour: the events that {future_of} can have influenced"
        ));
    }
    if !options.cut.is_empty() {
        let cut = names(&options.cut);
        sentences.push(format!(
            "Dashed line: the smallest consistent cut with {cut}"
        ));
    }
    // The key alone is no sentence, so it has no full stop.
    let end = if sentences.len() > 1 { "." } else { "" };
    sentences.join(". ") + end
}

/// The scale along the lines, between two positions in pixels.
fn scale(diagram: &Diagram<'_>, start: f64, end: f64) -> Scale {
    let (from, to) = match diagram.options.order {
        Order::Time => (to_s(diagram.drawn.from_ns), to_s(diagram.drawn.to_ns)),
        Order::Lamport => {
            let clocks = || {
                diagram
                    .drawn
                    .events
                    .iter()
                    .map(|&index| diagram.value(index))
            };
            let smallest = clocks().fold(f64::INFINITY, f64::min);
            let largest = clocks().fold(f64::NEG_INFINITY, f64::max);
            // Without events, both are still infinite.
            if smallest > largest {
                (0.0, 1.0)
            } else {
                (smallest, largest)
            }
        }
    };
    Scale {
        from,
        to,
        start,
        end,
    }
}

/// For each machine of the run, the radius of the marks of its events.
fn radii(diagram: &Diagram<'_>, scale: &Scale) -> Vec<f64> {
    let mut counts = vec![0_usize; diagram.execution.machines()];
    for &index in &diagram.drawn.events {
        counts[diagram.execution.events()[index].machine as usize] += 1;
    }
    let radius = |count: usize| {
        let mean_distance = (scale.end - scale.start) / count.max(1) as f64;
        // Two circles at the mean distance do not overlap, because their radius is less than half of this distance. Two diamonds overlap by
        // at most 1 % of it, because their corners are a little farther out. But if there are very many events, the smallest radius is
        // used, and marks overlap.
        (mean_distance * 0.42).clamp(1.4, LARGEST_RADIUS)
    };
    counts.into_iter().map(radius).collect()
}
