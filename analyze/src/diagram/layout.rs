//! Where everything in a diagram is, in pixels.

use sim::machine::MachineIndex;

use super::bands::Scales;
use super::{Diagram, Order, frame};
use crate::draw::scale::Scale;
use crate::draw::text::{self, Weight};
use crate::execution::{EventName, to_s};

/// Size of most labels.
pub(super) const LABEL: f64 = 11.0;
/// Size of the title.
pub(super) const TITLE: f64 = 17.0;
/// Size of clock values.
pub(super) const CLOCK: f64 = 9.5;
/// Distance between lines of text.
pub(super) const LEADING: f64 = 15.0;
/// Space around the picture.
pub(super) const MARGIN: f64 = 14.0;
/// Height of one machine in the density strip.
pub(super) const STRIP_ROW: f64 = 7.0;
/// The largest mark of an event.
pub(super) const LARGEST_RADIUS: f64 = 4.2;
/// Height of the strip that shows the lag.
pub(super) const LAG_HEIGHT: f64 = 4.0;
/// Pictures narrower than this have a narrower column of names.
const NARROW: f64 = 640.0;

/// Positions of the parts of a diagram.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The subtitle, in lines.
    pub(super) subtitle: Vec<String>,
    /// Left and right end of the lines of machines.
    pub(super) left: f64,
    pub(super) right: f64,
    /// The top of the density strip.
    pub(super) strip_top: f64,
    /// The top and the bottom of the area with the machines.
    pub(super) top: f64,
    pub(super) bottom: f64,
    /// The top of the legend.
    pub(super) legend_top: f64,
    /// From values along the lines to pixels.
    pub(super) scale: Scale,
    /// Height of a machine's part of the picture.
    pub(super) row_height: f64,
    /// Greatest height of the band that shows the queue length; 0 if there are no bands.
    pub(super) band_height: f64,
    /// For each machine of the run, the radius of the marks of its events.
    radii: Vec<f64>,
    /// The scales of bands and shades. `None` in Lamport order, which has neither.
    pub(super) scales: Option<Scales>,
    machines: Vec<MachineIndex>,
}

impl Layout {
    pub(super) fn new(diagram: &Diagram<'_>) -> Self {
        let width = diagram.options.width;
        let is_narrow = width < NARROW;
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
            y += count.min(MOST_STRIP_ROWS) * STRIP_ROW + 34.0;
        }
        let top = y;
        let has_bands = diagram.options.order == Order::Time;
        let row_height = match has_bands {
            true => (720.0 / count).clamp(MIN_ROW, 112.0),
            false => (720.0 / count).clamp(MIN_ROW, 80.0),
        };
        let bottom = top + row_height * count;
        let legend_top = bottom + 52.0;
        let scales = has_bands.then(|| Scales::new(diagram));
        let legend_height = frame::legend_height(diagram, scales.as_ref(), width);
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

    /// The height of a machine's line. `None` if the machine is not drawn.
    pub(super) fn y(&self, machine: MachineIndex) -> Option<f64> {
        let row = self.machines.binary_search(&machine).ok()?;
        Some(self.top + self.row_height * (row as f64 + 0.42))
    }

    /// The radius of the marks of a machine's events.
    pub(super) fn radius(&self, machine: MachineIndex) -> f64 {
        self.radii[machine as usize]
    }

    /// The position of a value along a line, also outside the window.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.scale.at(value)
    }
}

/// The least height of a machine.
const MIN_ROW: f64 = 46.0;
/// The density strip is not higher than this number of machines.
pub(super) const MOST_STRIP_ROWS: f64 = 16.0;

/// The key of the run, and what the options did to the picture.
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
        sentences.push(format!("In colour: what happened before {past_of}"));
    }
    if !options.future_of.is_empty() {
        let future_of = names(&options.future_of);
        sentences.push(format!("In colour: what {future_of} happened before"));
    }
    if !options.cut.is_empty() {
        let cut = names(&options.cut);
        sentences.push(format!(
            "Dashed line: the smallest consistent cut with {cut}"
        ));
    }
    let end = if sentences.len() > 1 { "." } else { "" };
    sentences.join(". ") + end
}

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
            let least = clocks().fold(f64::INFINITY, f64::min);
            let most = clocks().fold(f64::NEG_INFINITY, f64::max);
            if least > most {
                (0.0, 1.0)
            } else {
                (least, most)
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

/// Marks are as large as the mean distance between the events of the machine allows.
fn radii(diagram: &Diagram<'_>, scale: &Scale) -> Vec<f64> {
    let mut counts = vec![0_usize; diagram.execution.machines()];
    for &index in &diagram.drawn.events {
        counts[diagram.execution.events()[index].machine as usize] += 1;
    }
    let radius = |count: usize| {
        let distance = (scale.end - scale.start) / count.max(1) as f64;
        (distance * 0.42).clamp(1.4, LARGEST_RADIUS)
    };
    counts.into_iter().map(radius).collect()
}
