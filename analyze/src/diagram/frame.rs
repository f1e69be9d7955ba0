//! Draws what is around the events of a diagram: the title, the axis, the lines and names of the machines, and the legend.

use super::bands::{SHADES, Scales};
use super::layout::{LABEL, LEADING, Layout, MARGIN, TITLE};
use super::{Arrows, Diagram, Order, rate};
use crate::draw::palette::hue_class;
use crate::draw::svg::{Label, Svg, px};
use crate::draw::text::{self, Anchor, Weight};

/// The width of a number on the axis, with the space around it, in pixels. (The ticks in this file are those of the axis, not of machines.)
const TICK_WIDTH: f64 = 62.0;

pub(super) fn draw(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    draw_heading(diagram, layout, svg);
    draw_axis(diagram, layout, svg);
    draw_machines(diagram, layout, svg);
    draw_legend(diagram, layout, svg);
}

fn draw_heading(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    svg.label(&Label {
        text: &diagram.title(),
        x: MARGIN,
        // `y` is the baseline of the text. The top of the text is at `MARGIN`, and the baseline is 0.8 of the font's size lower.
        y: MARGIN + TITLE * 0.8,
        size: TITLE,
        weight: Weight::Bold,
        ..label("ink")
    });
    for (index, line) in layout.subtitle.iter().enumerate() {
        svg.label(&Label {
            text: line,
            x: MARGIN,
            y: MARGIN + TITLE + 4.0 + LEADING * (index as f64 + 0.8),
            ..label("muted")
        });
    }
}

/// A label of the usual size with this class.
pub(super) fn label(class: &str) -> Label<'_> {
    Label::of_class(class, LABEL)
}

fn draw_axis(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    // Without events there are no clocks that an axis of clocks could show.
    let has_no_clocks = diagram.drawn.events.is_empty() && diagram.options.order == Order::Lamport;
    let (ticks, decimals) = match has_no_clocks {
        true => (vec![], 0),
        false => layout.scale.ticks(TICK_WIDTH),
    };
    svg.open(&[("class", &"ticks")]);
    for tick in ticks {
        // Clocks are whole numbers, so an axis of clocks has no ticks between whole numbers.
        if diagram.options.order == Order::Lamport && tick.fract() != 0.0 {
            continue;
        }
        let x = layout.x(tick);
        svg.line("grid", (x, layout.top), (x, layout.bottom + 4.0));
        svg.label(&Label {
            text: &format!("{tick:.decimals$}"),
            x,
            y: layout.bottom + 17.0,
            anchor: Anchor::Middle,
            ..label("muted")
        });
    }
    svg.close();
    svg.line(
        "axis",
        (layout.left, layout.bottom),
        (layout.right, layout.bottom),
    );
    let name = match diagram.options.order {
        Order::Time => "model seconds since the run's start",
        Order::Lamport => "Lamport clock after the event",
    };
    svg.label(&Label {
        text: name,
        x: (layout.left + layout.right) / 2.0,
        y: layout.bottom + 34.0,
        anchor: Anchor::Middle,
        ..label("muted")
    });
}

/// Draws the line of each machine, with its name and its rate.
fn draw_machines(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    for &machine in &diagram.drawn.machines {
        // Never `None`: the layout has a position for every drawn machine.
        let Some(y) = layout.y(machine) else {
            continue;
        };
        let class = format!("line {}", hue_class(machine as usize));
        let path = format!("M{} {y:.2}H{}", px(layout.left), px(layout.right));
        svg.element(
            "path",
            &[("class", &class), ("d", &path), ("data-machine", &machine)],
            "",
        );
        // The names are to the left of the machines' lines. In narrow pictures, the lines begin less than 100 pixels from the left end of the
        // picture. Then the names have less space and a smaller font.
        let has_wide_name_column = layout.left > 100.0;
        let name = format!("machine {machine}");
        svg.label(&Label {
            text: &name,
            x: MARGIN,
            y: y - 1.0,
            weight: Weight::Bold,
            size: if has_wide_name_column { 12.0 } else { LABEL },
            ..label("ink")
        });
        svg.label(&Label {
            text: &rate(diagram.execution, machine),
            x: MARGIN,
            y: y + 13.0,
            size: if has_wide_name_column { LABEL } else { 10.0 },
            ..label("muted")
        });
    }
}

/// An entry of the legend: a drawn sample, and what it means in words.
struct Entry {
    sample: Sample,
    words: String,
}

/// What the sample of an entry shows.
enum Sample {
    Internal,
    Send,
    Receive,
    Message,
    MessageNotReceived,
    Queue,
    Lag,
    Wait,
}

/// Width of the sample of an entry with the space after it, in pixels.
const SAMPLE_WIDTH: f64 = 28.0;

/// The entries of the legend. If `scales` is `None`, neither queues nor lags are drawn, and the legend does not explain them.
fn entries(diagram: &Diagram<'_>, scales: Option<&Scales>) -> Vec<Entry> {
    let mut entries = vec![
        (Sample::Send, "send".to_owned()),
        (Sample::Receive, "receive".to_owned()),
        (Sample::Internal, "internal event".to_owned()),
    ];
    match diagram.options.arrows {
        Arrows::Receipt => entries.push((Sample::Message, "message, to its receive".to_owned())),
        Arrows::Arrival => {
            entries.push((Sample::Message, "message, to its arrival".to_owned()));
            entries.push((Sample::Wait, "wait in the queue".to_owned()));
        }
    }
    entries.push((
        Sample::MessageNotReceived,
        "not received before the end".to_owned(),
    ));
    if let Some(scales) = scales {
        if let Some(longest) = scales.longest_queue {
            entries.push((Sample::Queue, format!("queue, at most {longest}")));
        }
        entries.push((Sample::Lag, format!("lag, at most {}", scales.largest_lag)));
    }
    let entries = entries.into_iter();
    entries
        .map(|(sample, words)| Entry { sample, words })
        .collect()
}

/// For each entry of the legend, the position of its left end in pixels, and the number of its line, from 0.
fn positions(entries: &[Entry], picture_width: f64) -> Vec<(f64, usize)> {
    let (mut x, mut line) = (MARGIN, 0);
    let mut positions = vec![];
    for entry in entries {
        let width = SAMPLE_WIDTH + text::width(&entry.words, LABEL, Weight::Regular) + 18.0;
        // The first entry of a line (at `MARGIN`) stays there, even if it is too wide.
        if x > MARGIN && x + width > picture_width - MARGIN {
            (x, line) = (MARGIN, line + 1);
        }
        positions.push((x, line));
        x += width;
    }
    positions
}

/// The height of the legend in a picture of this width.
pub(super) fn legend_height(diagram: &Diagram<'_>, scales: Option<&Scales>, width: f64) -> f64 {
    let positions = positions(&entries(diagram, scales), width);
    positions
        .last()
        .map_or(0.0, |(_, line)| (line + 1) as f64 * (LEADING + 3.0))
}

fn draw_legend(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    let entries = entries(diagram, layout.scales.as_ref());
    svg.open(&[("class", &"legend")]);
    for (entry, (x, line)) in entries.iter().zip(positions(&entries, layout.width)) {
        let y = layout.legend_top + (LEADING + 3.0) * line as f64 + 8.0;
        draw_sample(&entry.sample, (x, y), svg);
        svg.label(&Label {
            text: &entry.words,
            x: x + SAMPLE_WIDTH,
            y: y + 4.0,
            ..label("muted")
        });
    }
    svg.close();
}

fn draw_sample(sample: &Sample, (x, y): (f64, f64), svg: &mut Svg) {
    let middle = x + 10.0;
    match sample {
        Sample::Internal => super::marks::symbol("internal sample", middle, y, 4.0, svg),
        Sample::Send => super::marks::symbol("send sample", middle, y, 4.0, svg),
        Sample::Receive => super::marks::symbol("receive sample", middle, y, 4.0, svg),
        Sample::Message => {
            let has_filled_head = true;
            let path = super::arrows::arrow((x, y + 5.0), (x + 20.0, y - 5.0), has_filled_head);
            svg.element("path", &[("class", &"message sample"), ("d", &path)], "");
        }
        Sample::MessageNotReceived => {
            let has_filled_head = false;
            let path = super::arrows::arrow((x, y + 5.0), (x + 20.0, y - 5.0), has_filled_head);
            svg.element(
                "path",
                &[("class", &"message sample open"), ("d", &path)],
                "",
            );
        }
        Sample::Wait => {
            let path = format!("M{} {}h20", px(x), px(y));
            svg.element("path", &[("class", &"wait sample"), ("d", &path)], "");
        }
        Sample::Queue => {
            // A queue that grows in two steps: from left to right, the area is 2, 4 and 8 pixels high. As in the diagram, the area hangs down
            // from a straight upper edge.
            let path = format!("M{} {}h20v8h-8v-4h-6v-2h-6z", px(x), px(y - 4.0));
            svg.element("path", &[("class", &"queue sample"), ("d", &path)], "");
        }
        Sample::Lag => {
            for (step, opacity) in SHADES.iter().enumerate() {
                let left = px(x + 4.0 * step as f64);
                let attributes: [(&str, &dyn std::fmt::Display); 6] = [
                    ("class", &"lag"),
                    ("x", &left),
                    ("y", &px(y - 2.0)),
                    ("width", &4),
                    ("height", &4),
                    ("fill-opacity", opacity),
                ];
                svg.element("rect", &attributes, "");
            }
        }
    }
}
