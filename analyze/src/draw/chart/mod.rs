//! Charts: panels with axes, and series of points in them.
//!
//! A [`Figure`] holds values and words. It is drawn as SVG or with characters; PNG and PDF are made from the SVG. In an SVG, lines, bars,
//! cells and circles have their values as data attributes (such as `data-x`), with six significant digits. If a panel has very many
//! circles, all circles of a series are drawn as one path, and the path has no values.
//!
//! # Layout
//!
//! - [`layout`]: the positions of the panels, titles and notes
//! - [`frame`]: title, axes, key (what colours and marks mean) and notes
//! - [`marks`]: the series
//! - [`labels`]: the names at the ends of lines
//! - [`terminal`], [`canvas`]: the chart as characters

mod canvas;
mod frame;
mod labels;
mod layout;
mod marks;
mod terminal;

use super::characters::Line;
use super::image::{self, ImageError};
use super::palette::{Colours, Theme, style_sheet};
use super::scale::Scale;
use super::svg::{Form, Labels, Svg};
use layout::Layout;

/// A chart of one or more panels.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The title.
    pub title: String,
    /// What is shown, in smaller letters.
    pub subtitle: String,
    /// What the figure shows, in words, for people who cannot see it.
    pub description: String,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// The meaning of the colours and marks.
    pub key: Vec<KeyEntry>,
    /// Sentences below the panels.
    pub notes: Vec<String>,
    /// The width of the picture in pixels.
    pub width: f64,
    /// The largest number of panels beside each other.
    pub columns: usize,
}

/// An entry of the key: a sample of a mark, and what the mark means.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    /// The words beside the sample.
    pub name: String,
    /// The colour of the sample.
    pub ink: Ink,
    /// The mark of the sample.
    pub mark: Mark,
}

/// Two axes, and what is drawn between them.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The title of the panel; it can be empty.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn. Later series are drawn over earlier ones.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What the axis shows, with its unit.
    pub name: String,
    /// Whether numbers or names are along the axis.
    pub positions: Positions,
}

/// What is along an axis: numbers or names.
#[derive(Clone, Debug)]
pub enum Positions {
    /// Numbers between two ends.
    Numbers {
        /// The left or lower end.
        from: f64,
        /// The right or upper end.
        to: f64,
    },
    /// Names. The first one is at position 0, the second at 1 and so on, from left to right or from top to bottom.
    Names(Vec<String>),
}

/// Points of one colour and one mark.
#[derive(Clone, Debug)]
pub struct Series {
    /// The name. If the mark is a line, the name is written at the right end of the line.
    pub name: String,
    /// The colour.
    pub ink: Ink,
    /// How the points are drawn.
    pub mark: Mark,
    /// The points.
    pub points: Vec<Point>,
}

/// A colour that follows the theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// The hue of the machine with this index: the same in all pictures.
    Machine(usize),
    /// The colour of text.
    Text,
    /// The colour of less important text.
    Muted,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A line through the points, with a band over their intervals ([`Point::interval`]).
    Line,
    /// A line with steps: a value holds until the next point.
    Steps,
    /// A bar from 0 to each point, along the axis that has numbers. The bars of several series are beside each other.
    Bars,
    /// A horizontal bar from the point's `base` to the point. The bars of several series are in the same row, one after the other.
    Stack,
    /// A filled circle, with a line over the interval.
    Dots,
    /// A hollow circle, with a line over the interval.
    Hollow,
    /// A dashed line through the points.
    Reference,
    /// A rectangle whose shade is the point's `value`.
    Cells,
    /// Thick lines: from the first point to the second, from the third to the fourth, and so on.
    Segments,
}

/// A point of a series.
#[derive(Clone, Debug, Default)]
pub struct Point {
    /// The position along the horizontal axis.
    pub x: f64,
    /// The position along the vertical axis.
    pub y: f64,
    /// If the point shows a mean: the two ends of the mean's 95 % interval, on the axis that has numbers (on the vertical axis if both
    /// have numbers).
    pub interval: Option<(f64, f64)>,
    /// Where a bar of [`Mark::Stack`] begins, along the horizontal axis.
    pub base: f64,
    /// The value of a cell.
    pub value: Option<f64>,
    /// What the point shows, in words, such as `4.0 ± 1.2`. Horizontal bars have these words at their ends. Most marks show the words while
    /// the pointer is on the mark.
    pub words: String,
}

impl Axis {
    /// An axis with names.
    pub fn names(name: impl Into<String>, names: Vec<String>) -> Self {
        let positions = Positions::Names(names);
        let name = name.into();
        Self { name, positions }
    }

    /// An axis with numbers that is just long enough for 0 and all finite `values`.
    pub fn from_zero(name: impl Into<String>, values: impl Iterator<Item = f64>) -> Self {
        Self::around(name, values.chain([0.0]))
    }

    /// An axis with numbers that is just long enough for all finite `values`. If all of them are equal, the value is in the middle,
    /// and the axis extends a quarter of the value to both sides. If the only value is 0, or if no value is finite, the axis goes from 0
    /// to 1.
    pub fn around(name: impl Into<String>, values: impl Iterator<Item = f64>) -> Self {
        let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            (from, to) = (from.min(value), to.max(value));
        }
        // Without a finite value, `from` is still infinity, and `to` minus infinity.
        if from > to || (from, to) == (0.0, 0.0) {
            (from, to) = (0.0, 1.0);
        } else if from == to {
            let quarter = from.abs() / 4.0;
            (from, to) = (from - quarter, to + quarter);
        }
        Self {
            name: name.into(),
            positions: Positions::Numbers { from, to },
        }
    }

    /// The axis, made a little longer at both ends, so that no point is at an end. But an end at 0 stays at 0.
    #[must_use]
    pub fn with_room(mut self) -> Self {
        if let Positions::Numbers { from, to } = &mut self.positions {
            let room = (*to - *from) * 0.04;
            *from -= if *from == 0.0 { 0.0 } else { room };
            *to += if *to == 0.0 { 0.0 } else { room };
        }
        self
    }

    /// The names of the axis. `None` if it has numbers.
    fn names_of(&self) -> Option<&[String]> {
        match &self.positions {
            Positions::Names(names) => Some(names),
            Positions::Numbers { .. } => None,
        }
    }

    /// Maps the axis to the positions from `start` to `end` in the picture. An axis with names begins at -0.5, half a step before the first
    /// name, and ends half a step after the last name.
    fn scale(&self, start: f64, end: f64) -> Scale {
        let (from, to) = match &self.positions {
            Positions::Numbers { from, to } => (*from, *to),
            Positions::Names(names) => (-0.5, names.len() as f64 - 0.5),
        };
        Scale {
            from,
            to,
            start,
            end,
        }
    }
}

impl Figure {
    /// The figure as SVG. `form` says whether labels are text or outlines, and which colours are used.
    pub fn draw(&self, form: Form) -> String {
        let layout = Layout::new(self);
        let mut svg = Svg::new(form.labels);
        frame::draw(self, &layout, &mut svg);
        for (index, (panel, area)) in self.panels.iter().zip(&layout.areas).enumerate() {
            svg.open(&[
                ("class", &"panel"),
                ("data-panel", &index),
                ("data-title", &panel.title),
            ]);
            frame::draw_axes(panel, area, &mut svg);
            marks::draw(panel, area, &mut svg);
            labels::draw(panel, area, &mut svg);
            svg.close();
        }
        svg.finish(
            (self.width, layout.height),
            &self.title,
            &self.description,
            &style_sheet(form.theme, rules),
        )
    }

    /// The figure as SVG with text and with the colours of `theme`.
    pub fn svg(&self, theme: Theme) -> String {
        self.draw(Form {
            labels: Labels::Text,
            theme,
        })
    }

    /// The figure as PNG. It is twice as wide and as high as the SVG, unless the SVG is very large (see [`image::png`]).
    ///
    /// # Errors
    ///
    /// [`ImageError`] if the image is too large.
    pub fn png(&self, theme: Theme) -> Result<Vec<u8>, ImageError> {
        // Outlines instead of text, and colours that do not change with the reader's settings.
        image::png(&self.draw(Form::fixed(theme)))
    }

    /// The figure as PDF, on a page of the figure's size.
    ///
    /// # Errors
    ///
    /// [`ImageError`] if the drawing cannot be converted.
    pub fn pdf(&self, theme: Theme) -> Result<Vec<u8>, ImageError> {
        image::pdf(&self.draw(Form::fixed(theme)))
    }

    /// The figure as lines of characters, at most `width` wide.
    pub fn terminal(&self, width: usize) -> Vec<Line> {
        terminal::lines(self, width)
    }
}

/// The CSS rules of charts in these colours.
pub fn rules(colours: &Colours) -> String {
    let Colours {
        ground, muted, ink, ..
    } = colours;
    // `.dot` is one circle. In a panel with very many circles, all circles of a series are one path. In the path, each circle is a line
    // without length, and the round end of the line looks like a dot. The class is `.dots` for filled circles. It is `.rings` for hollow
    // circles, which become smaller and more transparent dots.
    format!(
        ".curve{{stroke-width:1.8;fill:none;stroke-linejoin:round}}.band{{stroke:none;fill-opacity:.2}}.bar,.cell{{stroke:none}}\
         .dot{{stroke:{ground};stroke-width:.7}}.dots{{fill:none;stroke-width:4;stroke-linecap:round;stroke-opacity:.6}}\
         .rings{{fill:none;stroke-width:2.2;stroke-linecap:round;stroke-opacity:.35}}\
         .whisker{{stroke:{ink};stroke-width:1;stroke-opacity:.75;fill:none}}.interval{{stroke-width:1;stroke-opacity:.6;fill:none}}\
         .reference{{stroke:{muted};stroke-width:1.3;stroke-dasharray:5 4;fill:none}}\
         .boundary{{stroke:{ink};stroke-width:2.5;fill:none;stroke-linecap:square}}.text{{stroke:{ink};fill:{ink}}}\
         .faint{{stroke:{muted};fill:{muted}}}.hollow{{fill:{ground};stroke-width:1.2}}"
    )
}

/// Writes a number with six significant digits, for data attributes.
fn brief(value: f64) -> String {
    // One digit before the decimal point and five after it.
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    rounded.to_string()
}

impl Ink {
    /// The CSS class of this colour.
    fn class(self) -> String {
        match self {
            Self::Machine(index) => super::palette::hue_class(index),
            Self::Text => "text".to_owned(),
            Self::Muted => "faint".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_around_a_single_value_has_room_at_both_sides() {
        let ends = |values: &[f64]| match Axis::around("", values.iter().copied()).positions {
            Positions::Numbers { from, to } => (from, to),
            Positions::Names(_) => unreachable!("an axis around values has numbers"),
        };
        assert_eq!(ends(&[0.4, 0.4]), (0.4 - 0.1, 0.4 + 0.1));
        assert_eq!(ends(&[-4.0]), (-5.0, -3.0));
        assert_eq!(ends(&[0.0]), (0.0, 1.0));
        assert_eq!(ends(&[f64::NAN]), (0.0, 1.0));
        assert_eq!(ends(&[1.0, 3.0]), (1.0, 3.0));
    }
}
