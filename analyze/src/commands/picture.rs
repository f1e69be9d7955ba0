//! The options of `diagram` and `plot` that say how a picture looks and where it is written: a file, stdout or the terminal.

use std::io::{IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};

use analyze::draw::characters::{Line, Tone};
use analyze::draw::image;
use analyze::draw::palette::Theme;
use analyze::draw::svg::{Form, Labels};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use sim::console::{shell_word, tell};

use super::file;
use super::output::write_stdout;

/// The values of option --theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colours {
    /// SVG pictures are light or dark, as the reader's system prefers; PNG and PDF pictures are light
    Auto,
    /// Dark lines on a light background
    Light,
    /// Light lines on a dark background
    Dark,
}

/// Where a picture goes, and how it looks.
#[derive(Debug, Args)]
pub struct Picture {
    /// Write to this file; its name ends in .svg, .png or .pdf
    #[arg(long, value_name = "FILE", conflicts_with = "terminal")]
    out: Option<PathBuf>,
    /// Print the picture as characters to stdout, in colour if stdout is a terminal
    #[arg(long)]
    terminal: bool,
    /// Width of the picture in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 1200, value_parser = clap::value_parser!(u32).range(320..=20_000))]
    width: u32,
    /// The colours
    #[arg(long, value_enum, default_value_t = Colours::Auto)]
    theme: Colours,
}

/// The formats of files.
enum FileFormat {
    Svg,
    Png,
    Pdf,
}

impl FileFormat {
    fn from_name(path: &Path) -> anyhow::Result<Self> {
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        match ending.as_ref().and_then(|ending| ending.to_str()) {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            Some("pdf") => Ok(Self::Pdf),
            _ => bail!(
                "--out {}: the name must end in .svg, .png or .pdf",
                shell_word(path)
            ),
        }
    }
}

/// Number of columns of a picture made of characters, if stdout is not a terminal.
const DEFAULT_COLUMNS: u16 = 80;

impl Picture {
    /// Fails if the name of the file in `--out` has no known ending. Commands call this before they read a dataset, because reading can
    /// take long.
    pub fn check(&self) -> anyhow::Result<()> {
        let path = self.out.as_deref();
        path.map(FileFormat::from_name).transpose().map(|_| ())
    }

    /// Width in pixels.
    pub fn width(&self) -> f64 {
        self.width.into()
    }

    /// The colours.
    pub fn theme(&self) -> Theme {
        match self.theme {
            Colours::Auto => Theme::Auto,
            Colours::Light => Theme::Light,
            Colours::Dark => Theme::Dark,
        }
    }

    /// Whether the picture goes to stdout as characters: `--out` is not given, and either `--terminal` is given or stdout is a terminal.
    /// With neither option, a stdout that is not a terminal (such as a pipe) gets SVG.
    pub fn is_text(&self) -> bool {
        self.out.is_none() && (self.terminal || stdout().is_terminal())
    }

    /// Writes the picture. `draw` makes an SVG. Its argument gives the SVG's colours, and says whether the labels are text or outlines.
    /// `lines` makes lines of characters. Its argument is the number of columns.
    pub fn write(
        &self,
        draw: impl Fn(Form) -> String,
        lines: impl Fn(usize) -> Vec<Line>,
    ) -> anyhow::Result<()> {
        let theme = self.theme();
        let svg_form = Form {
            labels: Labels::Text,
            theme,
        };
        let Some(path) = &self.out else {
            let picture = match self.is_text() {
                true => characters(&lines(columns().into()), has_colour()),
                false => draw(svg_form),
            };
            return Ok(write_stdout(picture.as_bytes())?);
        };
        // `Form::fixed` is for PNG and PDF: it draws the letters of labels as outlines, and replaces the theme `auto` by `light`.
        let bytes = match FileFormat::from_name(path)? {
            FileFormat::Svg => draw(svg_form).into_bytes(),
            FileFormat::Png => image::png(&draw(Form::fixed(theme)))?,
            FileFormat::Pdf => image::pdf(&draw(Form::fixed(theme)))?,
        };
        file::write(path, |out| out.write_all(&bytes))
            .with_context(|| format!("cannot write {}", path.display()))?;
        tell(format_args!("{} is written", path.display()));
        Ok(())
    }
}

/// The number of columns of the terminal; [`DEFAULT_COLUMNS`] if stdout is not a terminal.
fn columns() -> u16 {
    match stdout().is_terminal() {
        true => sim::table::terminal_width(),
        false => DEFAULT_COLUMNS,
    }
}

/// Whether stdout gets colours: it is a terminal that can show them (not `TERM=dumb`), and the variable NO_COLOR
/// (<https://no-color.org>) is not set.
fn has_colour() -> bool {
    // By the rules of no-color.org, an empty value counts as not set.
    let is_unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    stdout().is_terminal() && is_unset("NO_COLOR") && !is_dumb
}

/// The terminal's codes for the colours of machines 0 to 5: blue, yellow, green, magenta, cyan, red. Machine 6 is blue again.
const MACHINE_COLOURS: [u8; 6] = [34, 33, 32, 35, 36, 31];

/// Joins lines to a text, with the terminal's codes for colours if `has_colour`.
fn characters(lines: &[Line], has_colour: bool) -> String {
    let mut text = String::new();
    for line in lines {
        for span in line {
            let code = match span.tone {
                Tone::Plain => None,
                // Faint.
                Tone::Muted => Some("2".to_owned()),
                Tone::Machine(machine) => {
                    Some(MACHINE_COLOURS[machine % MACHINE_COLOURS.len()].to_string())
                }
                // Bold and red.
                Tone::Alarm => Some("1;31".to_owned()),
            };
            match code.filter(|_| has_colour) {
                Some(code) => text += &format!("\u{1b}[{code}m{}\u{1b}[0m", span.text),
                None => text += &span.text,
            }
        }
        text.push('\n');
    }
    text
}
