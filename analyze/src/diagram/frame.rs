//! Title, axis, names of the machines, and legend.

use super::bands::{SHADES, Scales};
use super::layout::{LABEL, LEADING, Layout, MARGIN, TITLE};
use super::{Arrows, Diagram, Order, rate};
use crate::draw::palette::hue_class;
use crate::draw::svg::{Label, Svg, px};
use crate::draw::text::{self, Anchor, Weight};

pub(super) fn draw(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    heading(diagram, layout, svg);
    axis(diagram, layout, svg);
    machines(diagram, layout, svg);
    legend(diagram, layout, svg);
}

fn heading(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    svg.label(&Label {
        text: &diagram.title(),
        x: MARGIN,
        y: MARGIN + TITLE * 0.8,
        size: TITLE,
        weight: Weight::Bold,
        ..ink("ink")
    });
    for (index, line) in layout.subtitle.iter().enumerate() {
        svg.label(&Label {
            text: line,
            x: MARGIN,
            y: MARGIN + TITLE + 4.0 + LEADING * (index as f64 + 0.8),
            ..ink("muted")
        });
    }
}

/// A label of the usual size with this class.
pub(super) fn ink(class: &str) -> Label<'_> {
    Label::of_class(class, LABEL)
}

fn axis(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    let (ticks, decimals) =
        match diagram.drawn.events.is_empty() && diagram.options.order == Order::Lamport {
            true => (vec![], 0),
            false => layout.scale.ticks(62.0),
        };
    svg.open(&[("class", &"ticks")]);
    for tick in ticks {
        // Half clocks do not exist.
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
            ..ink("muted")
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
        ..ink("muted")
    });
}

fn machines(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    for &machine in &diagram.drawn.machines {
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
        let is_wide = layout.left > 100.0;
        let name = format!("machine {machine}");
        svg.label(&Label {
            text: &name,
            x: MARGIN,
            y: y - 1.0,
            weight: Weight::Bold,
            size: if is_wide { 12.0 } else { LABEL },
            ..ink("ink")
        });
        svg.label(&Label {
            text: &rate(diagram.execution, machine),
            x: MARGIN,
            y: y + 13.0,
            size: if is_wide { LABEL } else { 10.0 },
            ..ink("muted")
        });
    }
}

/// A sample of the legend: how it is drawn, and its words.
struct Entry {
    sample: Sample,
    words: String,
}

enum Sample {
    Internal,
    Send,
    Receive,
    Message,
    Open,
    Queue,
    Lag,
    Wait,
}

/// Room for the sample of an entry.
const SAMPLE: f64 = 28.0;

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
    entries.push((Sample::Open, "not received before the end".to_owned()));
    if let Some(scales) = scales {
        if let Some(longest) = scales.longest_queue {
            entries.push((Sample::Queue, format!("queue, highest {longest}")));
        }
        entries.push((Sample::Lag, format!("lag, darkest {}", scales.largest_lag)));
    }
    let entries = entries.into_iter();
    entries
        .map(|(sample, words)| Entry { sample, words })
        .collect()
}

/// For each entry, its left end and its line.
fn positions(entries: &[Entry], width: f64) -> Vec<(f64, usize)> {
    let (mut x, mut line) = (MARGIN, 0);
    let mut positions = vec![];
    for entry in entries {
        let wide = SAMPLE + text::width(&entry.words, LABEL, Weight::Regular) + 18.0;
        if x > MARGIN && x + wide > width - MARGIN {
            (x, line) = (MARGIN, line + 1);
        }
        positions.push((x, line));
        x += wide;
    }
    positions
}

pub(super) fn legend_height(diagram: &Diagram<'_>, scales: Option<&Scales>, width: f64) -> f64 {
    let positions = positions(&entries(diagram, scales), width);
    positions
        .last()
        .map_or(0.0, |(_, line)| (line + 1) as f64 * (LEADING + 3.0))
}

fn legend(diagram: &Diagram<'_>, layout: &Layout, svg: &mut Svg) {
    let entries = entries(diagram, layout.scales.as_ref());
    svg.open(&[("class", &"legend")]);
    for (entry, (x, line)) in entries.iter().zip(positions(&entries, layout.width)) {
        let y = layout.legend_top + (LEADING + 3.0) * line as f64 + 8.0;
        sample(&entry.sample, (x, y), svg);
        svg.label(&Label {
            text: &entry.words,
            x: x + SAMPLE,
            y: y + 4.0,
            ..ink("muted")
        });
    }
    svg.close();
}

fn sample(sample: &Sample, (x, y): (f64, f64), svg: &mut Svg) {
    let middle = x + 10.0;
    match sample {
        Sample::Internal => super::marks::symbol("internal sample", middle, y, 4.0, svg),
        Sample::Send => super::marks::symbol("send sample", middle, y, 4.0, svg),
        Sample::Receive => super::marks::symbol("receive sample", middle, y, 4.0, svg),
        Sample::Message => {
            let path = super::arrows::arrow((x, y + 5.0), (x + 20.0, y - 5.0), true);
            svg.element("path", &[("class", &"message sample"), ("d", &path)], "");
        }
        Sample::Open => {
            let path = super::arrows::arrow((x, y + 5.0), (x + 20.0, y - 5.0), false);
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
