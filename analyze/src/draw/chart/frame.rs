//! Draws what is around the series of a chart: title, key (what colours and marks mean), notes, and the axes of panels.

use super::layout::{
    Area, LABEL, LEADING, Layout, MARGIN, PANEL_TITLE, SAMPLE_WIDTH, TICK_HEIGHT, TITLE,
    key_positions,
};
use super::{Figure, KeyEntry, Mark, Panel, Positions};
use crate::draw::svg::{Label, Svg, px};
use crate::draw::text::{self, Anchor, Weight};

/// Draws the title, the subtitle, the key and the notes. ([`draw_axes`] draws the axes of a panel.)
pub(super) fn draw(figure: &Figure, layout: &Layout, svg: &mut Svg) {
    // The baseline of the next line of text. The title comes first. Letters reach about 0.8 times their size above their baseline.
    let mut y = MARGIN + TITLE * 0.8;
    for line in &layout.title {
        svg.label(&Label {
            text: line,
            x: MARGIN,
            y,
            size: TITLE,
            weight: Weight::Bold,
            ..label("ink")
        });
        y += TITLE + 5.0;
    }
    for line in &layout.subtitle {
        svg.label(&Label {
            text: line,
            x: MARGIN,
            y,
            ..label("muted")
        });
        y += LEADING;
    }
    svg.open(&[("class", &"key")]);
    for (entry, (x, line)) in figure.key.iter().zip(key_positions(figure)) {
        let y = layout.key_top + (LEADING + 3.0) * line as f64 + 8.0;
        draw_sample(entry, (x, y), svg);
        svg.label(&Label {
            text: &entry.name,
            x: x + SAMPLE_WIDTH,
            y: y + 4.0,
            ..label("ink")
        });
    }
    svg.close();
    for (index, note) in layout.notes.iter().enumerate() {
        svg.label(&Label {
            text: note,
            x: MARGIN,
            y: layout.notes_top + LEADING * index as f64,
            ..label("muted")
        });
    }
}

/// A label of the usual size with this CSS class, which gives the colour: `ink`, or `muted` for less important text. The caller sets the
/// text and the position.
pub(super) fn label(class: &str) -> Label<'_> {
    Label::of_class(class, LABEL)
}

/// Draws the sample of an entry of the key: a short line, a dot or another mark, as in the panels. The sample lies between `x` and `x + 18`,
/// and its middle is at the height `y`. ([`SAMPLE_WIDTH`] is these 18 pixels and the space between the sample and the entry's name.)
fn draw_sample(entry: &KeyEntry, (x, y): (f64, f64), svg: &mut Svg) {
    let class = |mark: &str| format!("{mark} {}", entry.ink.class());
    match entry.mark {
        Mark::Line | Mark::Steps => {
            let path = format!("M{} {}h18", px(x), px(y));
            svg.element("path", &[("class", &class("curve")), ("d", &path)], "");
        }
        Mark::Reference | Mark::Segments => {
            // The classes `reference` and `boundary` have colours of their own, so `entry.ink` is not used here.
            let class = if entry.mark == Mark::Reference {
                "reference"
            } else {
                "boundary"
            };
            svg.line(class, (x, y), (x + 18.0, y));
        }
        Mark::Dots | Mark::Hollow => {
            let class = class(circle_class(entry.mark));
            super::marks::circle(&class, (x + 9.0, y), 4.0, svg);
        }
        Mark::Bars | Mark::Stack => super::marks::rectangle(
            &[("class", &class("bar"))],
            (x + 3.0, y - 5.0),
            (x + 15.0, y + 5.0),
            "",
            svg,
        ),
        Mark::Cells => {
            // Six shades beside each other, from transparent to almost opaque.
            for step in 0..6 {
                let left = x + 3.0 * f64::from(step);
                let opacity = super::marks::opacity(f64::from(step) / 5.0);
                super::marks::rectangle(
                    &[("class", &class("cell")), ("fill-opacity", &opacity)],
                    (left, y - 5.0),
                    (left + 3.0, y + 5.0),
                    "",
                    svg,
                );
            }
        }
    }
}

/// The CSS class of the circles of [`Mark::Dots`] and [`Mark::Hollow`].
pub(super) fn circle_class(mark: Mark) -> &'static str {
    if mark == Mark::Hollow {
        "hollow"
    } else {
        "dot"
    }
}

/// Draws the titles and the axes of a panel.
pub(super) fn draw_axes(panel: &Panel, area: &Area, svg: &mut Svg) {
    // Two lines of text stand above the panel: the title, and below the title the name of the vertical axis. If the axis has no name, the
    // title moves down to the lower line. So the lower line is written first. `y` is the baseline of the line to write next.
    let mut y = area.top - 10.0;
    if !panel.y.name.is_empty() {
        svg.label(&Label {
            text: &shorten(
                &panel.y.name,
                area.outer_right - area.outer_left,
                (LABEL, Weight::Regular),
            ),
            x: area.outer_left,
            y,
            ..label("muted")
        });
        y -= LEADING + 2.0;
    }
    if !panel.title.is_empty() {
        svg.label(&Label {
            text: &shorten(
                &panel.title,
                area.outer_right - area.outer_left,
                (PANEL_TITLE, Weight::Bold),
            ),
            x: area.outer_left,
            y,
            size: PANEL_TITLE,
            weight: Weight::Bold,
            ..label("ink")
        });
    }
    draw_vertical_axis(panel, area, svg);
    draw_horizontal_axis(panel, area, svg);
}

fn draw_vertical_axis(panel: &Panel, area: &Area, svg: &mut Svg) {
    let (_, scale) = area.scales(panel);
    let write_beside = |text: &str, y: f64, svg: &mut Svg| {
        svg.label(&Label {
            text,
            x: area.left - 6.0,
            // With its baseline here, the middle of the text is at about `y`.
            y: y + LABEL * 0.35,
            anchor: Anchor::End,
            ..label("muted")
        });
    };
    match &panel.y.positions {
        Positions::Names(names) => {
            // If the names are less than 12 pixels apart, only every second or third (and so on) name is written.
            let distance = (area.bottom - area.top) / names.len().max(1) as f64;
            let step = (12.0 / distance).ceil().max(1.0) as usize;
            for (index, name) in names.iter().enumerate().step_by(step) {
                let name = shorten(
                    name,
                    area.left - 6.0 - area.outer_left,
                    (LABEL, Weight::Regular),
                );
                write_beside(&name, scale.at(index as f64), svg);
            }
        }
        Positions::Numbers { .. } => {
            // Each number gets at least `TICK_HEIGHT` pixels. The minus sign tells `ticks` that larger numbers are higher up, where `y` is
            // smaller.
            let (ticks, decimals) = scale.ticks(-TICK_HEIGHT);
            for tick in ticks {
                let y = scale.at(tick);
                svg.line("grid", (area.left, y), (area.right, y));
                write_beside(&format!("{tick:.decimals$}"), y, svg);
            }
        }
    }
    svg.line("axis", (area.left, area.top), (area.left, area.bottom));
}

fn draw_horizontal_axis(panel: &Panel, area: &Area, svg: &mut Svg) {
    let (scale, _) = area.scales(panel);
    let write_below = |text: &str, x: f64, svg: &mut Svg| {
        svg.label(&Label {
            text,
            x,
            y: area.bottom + 15.0,
            anchor: Anchor::Middle,
            ..label("muted")
        });
    };
    match &panel.x.positions {
        Positions::Names(names) => {
            let distance = (area.right - area.left) / names.len().max(1) as f64;
            let widths = names
                .iter()
                .map(|name| text::width(name, LABEL, Weight::Regular));
            let widest = widths.fold(0.0, f64::max) + 8.0;
            // If the widest name does not fit between two positions, only every second or third (and so on) name is written.
            let step = (widest / distance).ceil().max(1.0) as usize;
            for (index, name) in names.iter().enumerate().step_by(step) {
                write_below(name, scale.at(index as f64), svg);
            }
        }
        Positions::Numbers { .. } => {
            // Each number gets at least 56 pixels.
            let (ticks, decimals) = scale.ticks(56.0);
            for tick in ticks {
                let x = scale.at(tick);
                svg.line("grid", (x, area.top), (x, area.bottom));
                write_below(&format!("{tick:.decimals$}"), x, svg);
            }
        }
    }
    svg.line("axis", (area.left, area.bottom), (area.right, area.bottom));
    svg.label(&Label {
        text: &panel.x.name,
        x: (area.left + area.right) / 2.0,
        y: area.bottom + 31.0,
        anchor: Anchor::Middle,
        ..label("muted")
    });
}

/// If a text is wider than `max_width` pixels in this size and weight, replaces its end by "…".
fn shorten(text: &str, max_width: f64, (size, weight): (f64, Weight)) -> String {
    let is_wide = |text: &str| text::width(text, size, weight) > max_width;
    if !is_wide(text) {
        return text.to_owned();
    }
    let mut shorter: Vec<char> = text.chars().collect();
    while shorter.len() > 1 && is_wide(&format!("{}…", shorter.iter().collect::<String>())) {
        shorter.pop();
    }
    format!("{}…", shorter.iter().collect::<String>())
}
