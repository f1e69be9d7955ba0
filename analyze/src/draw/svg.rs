//! Writes SVG documents: groups, lines, labels and other elements, as text.

use std::fmt::{Display, Write};

use super::palette::Theme;
use super::text::{self, Anchor, Weight};

/// How labels are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// As text, in a font of the reader's system.
    #[default]
    Text,
    /// As outlines, which need no font.
    Outlines,
}

/// The form of an SVG: how its labels are written, and its colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// How labels are written.
    pub labels: Labels,
    /// The colours.
    pub theme: Theme,
}

impl Form {
    /// The form for PNG and PDF. The labels are outlines, which need no font. A PNG or PDF cannot take its colours from the reader's system
    /// ([`Theme::Auto`]) or from a page ([`Theme::Page`]), so the light theme replaces these two themes.
    pub fn fixed(theme: Theme) -> Self {
        Self {
            labels: Labels::Outlines,
            theme: match theme {
                Theme::Dark => Theme::Dark,
                Theme::Auto | Theme::Light | Theme::Page => Theme::Light,
            },
        }
    }
}

/// A label.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// The text.
    pub text: &'a str,
    /// Position of the point that `anchor` chooses, in pixels from the left.
    pub x: f64,
    /// Position of the baseline (the line on which the letters stand), in pixels from the top.
    pub y: f64,
    /// Size of the font in pixels.
    pub size: f64,
    /// Which point of the label is at `x`: its left end, its middle or its right end.
    pub anchor: Anchor,
    /// Whether the label is bold.
    pub weight: Weight,
    /// CSS classes, which give the colour.
    pub class: &'a str,
}

impl<'a> Label<'a> {
    /// An empty label of this size and class, at the upper left corner. The caller sets the other fields.
    pub fn of_class(class: &'a str, size: f64) -> Self {
        Self {
            text: "",
            x: 0.0,
            y: 0.0,
            size,
            anchor: Anchor::Start,
            weight: Weight::Regular,
            class,
        }
    }
}

/// An SVG document that is being written.
#[derive(Debug)]
pub struct Svg {
    labels: Labels,
    /// The elements so far.
    body: String,
    /// Number of groups that are not closed yet.
    open_groups: usize,
}

impl Svg {
    /// Starts an empty document.
    pub fn new(labels: Labels) -> Self {
        Self {
            labels,
            body: String::new(),
            open_groups: 0,
        }
    }

    /// Opens a group of elements with these attributes.
    pub fn open(&mut self, attributes: &[(&str, &dyn Display)]) {
        self.body.push_str("<g");
        self.write_attributes(attributes);
        self.body.push_str(">\n");
        self.open_groups += 1;
    }

    /// Closes the group that was opened last.
    pub fn close(&mut self) {
        self.body.push_str("</g>\n");
        self.open_groups -= 1;
    }

    /// Writes an element. A browser shows the `title` while the pointer is on the element. An empty title is left out.
    pub fn element(&mut self, name: &str, attributes: &[(&str, &dyn Display)], title: &str) {
        self.body.push('<');
        self.body.push_str(name);
        self.write_attributes(attributes);
        if title.is_empty() {
            self.body.push_str("/>\n");
            return;
        }
        let _ = writeln!(self.body, "><title>{}</title></{name}>", escape(title));
    }

    fn write_attributes(&mut self, attributes: &[(&str, &dyn Display)]) {
        for (name, value) in attributes {
            let _ = write!(self.body, " {name}=\"{}\"", escape(&value.to_string()));
        }
    }

    /// Writes a straight line from one point (x, y) to another, in pixels.
    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let path = format!("M{} {}L{} {}", px(from.0), px(from.1), px(to.0), px(to.1));
        self.element("path", &[("class", &class), ("d", &path)], "");
    }

    /// Writes a label.
    pub fn label(&mut self, label: &Label<'_>) {
        let Label {
            text,
            x,
            y,
            size,
            anchor,
            weight,
            class,
        } = *label;
        match self.labels {
            Labels::Outlines => {
                let left = anchor.left(x, text::width(text, size, weight));
                let path = text::outline(text, left, y, size, weight);
                self.element("path", &[("class", &class), ("d", &path)], "");
            }
            Labels::Text => {
                let _ = write!(
                    self.body,
                    "<text class=\"{class}\" x=\"{}\" y=\"{}\" font-size=\"{}\"",
                    px(x),
                    px(y),
                    px(size)
                );
                if anchor != Anchor::Start {
                    let _ = write!(self.body, " text-anchor=\"{}\"", anchor.name());
                }
                if weight == Weight::Bold {
                    self.body.push_str(" font-weight=\"bold\"");
                }
                let _ = writeln!(self.body, ">{}</text>", escape(text));
            }
        }
    }

    /// Returns the complete document. `title` and `description` say in words what the drawing shows, and `style` is its style sheet. If
    /// `style` is empty, the document has no style sheet. This is for drawings in a page that has one style sheet for all its drawings.
    pub fn finish(
        self,
        (width, height): (f64, f64),
        title: &str,
        description: &str,
        style: &str,
    ) -> String {
        debug_assert_eq!(self.open_groups, 0, "a group is still open");
        let (width, height) = (px(width), px(height));
        let style = match style {
            "" => String::new(),
            style => format!("<style>svg{{max-width:100%;height:auto}}{style}</style>\n"),
        };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-description\" font-family=\"{family}\">\n<title id=\"{id}-title\">{title}</title>\n\
             <desc id=\"{id}-description\">{description}</desc>\n{style}\
             <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n{body}</svg>\n",
            id = id(title),
            family = text::FAMILY,
            title = escape(title),
            description = escape(description),
            body = self.body,
        )
    }
}

/// Turns a drawing's title into the first part of the ids of its elements, so that drawings on one page normally have
/// different ids. Two titles get equal ids if they differ only in case, or in characters other than ASCII letters and digits.
fn id(title: &str) -> String {
    let letter = |letter: char| match letter.is_ascii_alphanumeric() {
        true => letter.to_ascii_lowercase(),
        false => '-',
    };
    title.chars().map(letter).collect()
}

/// Writes a length in pixels with at most two digits after the decimal point.
pub fn px(pixels: f64) -> String {
    let text = format!("{pixels:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    // A negative length near 0, such as -0.001, was rounded to "-0.00", and has then become "-0".
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// Escapes the characters that have a meaning in XML, such as `<`. A character that XML forbids, such as most control characters, becomes
/// the replacement character. So does a carriage return, which XML allows, but which an XML parser would turn into a line feed.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => escaped.push(letter),
            _ if letter < ' ' || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_have_at_most_two_decimals() {
        assert_eq!(
            [0.0, -0.001, 3.0, 3.456, 10.1, 1e3].map(px),
            ["0", "0", "3", "3.46", "10.1", "1000"]
        );
    }

    proptest! {
        /// A document with any text as title can be parsed. The parsed title is the text, except that `escape` has put the replacement
        /// character in place of some characters.
        #[test]
        fn any_text_is_escaped(name in any::<String>()) {
            let mut svg = Svg::new(Labels::Text);
            svg.open(&[("data-name", &name)]);
            svg.close();
            let document = svg.finish((1.0, 1.0), &name, "", "");
            let tree = resvg::usvg::roxmltree::Document::parse(&document).expect("well-formed");
            let title = tree.descendants().find(|node| node.has_tag_name("title")).and_then(|node| node.text()).unwrap_or_default();
            let is_replaced = |letter: char| (letter < ' ' && letter != '\t' && letter != '\n') || letter == '\u{fffe}' || letter == '\u{ffff}';
            let expected: String = name.chars().map(|letter| if is_replaced(letter) { '\u{fffd}' } else { letter }).collect();
            prop_assert_eq!(title, expected);
        }
    }
}
