//! `analyze diagram`.

use std::io::{IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};

use analyze::diagram::{Arrows, Diagram, Line, Options, Order, Tone};
use analyze::draw::palette::Theme;
use analyze::execution::EventName;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use sim::console::{shell_word, tell};

use super::file;
use super::output::write_stdout;
use super::part::Part;

/// The values of option --order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// By model time
    Time,
    /// By the Lamport clock after the event: this is all that the clock knows of the order
    Lamport,
}

/// The values of option --arrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ArrowEnd {
    /// At the event that received the message
    Receipt,
    /// Where the message entered the queue; its wait is drawn along the line. In runs over TCP and with random delays the log does not
    /// tell this, and the arrow ends at the receive
    Arrival,
}

/// The values of option --theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colours {
    /// SVG: light or dark, as the reader's system prefers; PNG and PDF: light
    Auto,
    /// Dark on light ground
    Light,
    /// Light on dark ground
    Dark,
}

/// Draw the space-time diagram of one run: a line for each machine, and an arrow for each message
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze diagram data/quickstart --run 0 --out run-0.svg
  analyze diagram data/quickstart --run 0 --around 2:14 --within 3 --out run-0.png
  analyze diagram data/quickstart --run 0 --past-of 0:20 > past.svg
  analyze diagram data/quickstart --run 0 --to 3 --terminal

Where the picture goes: with --out it is written to that file, and the end of its name (.svg, .png or .pdf) decides the format. Without \
--out, a terminal gets it as characters, and a pipe or a file (> run.svg) gets SVG. --terminal prints characters in every case.

A send is a circle, a receive a diamond, an internal event a small ring; the number above is the logical clock after the event. An arrow \
goes from each send to its receive. Messages that were not received before the run ended are dashed, with an open head. Below each line, \
the grey strip is the lag (how far the clock is behind the largest clock of the run), and the area is the length of the queue. With more \
than 2,000 events and messages in the window, a strip shows where events are, and only a part of the window is drawn; stderr says which.")]
pub struct DiagramCommand {
    #[command(flatten)]
    part: Part,
    /// Write to this file; its name ends in .svg, .png or .pdf
    #[arg(long, value_name = "FILE", conflicts_with = "terminal")]
    out: Option<PathBuf>,
    /// Draw with characters, in colour if stdout is a terminal
    #[arg(long)]
    terminal: bool,
    /// What the position of an event along its line means
    #[arg(long, value_enum, default_value_t = By::Time)]
    order: By,
    /// Where the arrow of a received message ends
    #[arg(long, value_enum, default_value_t = ArrowEnd::Receipt)]
    arrows: ArrowEnd,
    /// Show in colour what happened before this event, and fade the rest
    #[arg(long, value_name = "MACHINE:TICK")]
    past_of: Vec<EventName>,
    /// Show in colour what this event happened before, and fade the rest
    #[arg(long, value_name = "MACHINE:TICK")]
    future_of: Vec<EventName>,
    /// Draw the smallest consistent cut that contains these events, such as 0:12,2:40
    #[arg(long, value_name = "MACHINE:TICK,...", value_delimiter = ',')]
    cut: Vec<EventName>,
    /// Mark the event of --around with this text
    #[arg(long, value_name = "TEXT", requires = "around")]
    mark: Option<String>,
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

/// Columns of a diagram made of characters, if there is no terminal that is narrower or wider.
const COLUMNS: u16 = 80;

impl DiagramCommand {
    pub fn run(&self) -> anyhow::Result<()> {
        let file = match &self.out {
            Some(path) => Some((path, FileFormat::from_name(path)?)),
            None => None,
        };
        let (execution, window) = self.part.read()?;
        let diagram = Diagram::new(&execution, window, self.options())?;
        let is_text = file.is_none() && (self.terminal || stdout().is_terminal());
        if let Some(words) = diagram.left_out(!is_text) {
            tell(words);
        }
        match file {
            Some((path, format)) => {
                let bytes = match format {
                    FileFormat::Svg => diagram.svg().into_bytes(),
                    FileFormat::Png => diagram.png()?,
                    FileFormat::Pdf => diagram.pdf()?,
                };
                file::write(path, |out| out.write_all(&bytes))
                    .with_context(|| format!("cannot write {}", path.display()))?;
                tell(format_args!("{} is written", path.display()));
                Ok(())
            }
            None if is_text => {
                let lines = diagram.terminal(width().into());
                Ok(write_stdout(characters(&lines, has_colour()).as_bytes())?)
            }
            None => Ok(write_stdout(diagram.svg().as_bytes())?),
        }
    }

    fn options(&self) -> Options {
        Options {
            order: match self.order {
                By::Time => Order::Time,
                By::Lamport => Order::Lamport,
            },
            arrows: match self.arrows {
                ArrowEnd::Receipt => Arrows::Receipt,
                ArrowEnd::Arrival => Arrows::Arrival,
            },
            past_of: self.past_of.clone(),
            future_of: self.future_of.clone(),
            cut: self.cut.clone(),
            around: self.part.around(),
            mark: self.mark.clone(),
            width: self.width.into(),
            theme: match self.theme {
                Colours::Auto => Theme::Auto,
                Colours::Light => Theme::Light,
                Colours::Dark => Theme::Dark,
            },
        }
    }
}

/// The width of the terminal; 80 columns if stdout is not one.
fn width() -> u16 {
    match stdout().is_terminal() {
        true => sim::table::terminal_width(),
        false => COLUMNS,
    }
}

/// Colours are for terminals, unless the variable NO_COLOR (<https://no-color.org>) is set.
fn has_colour() -> bool {
    let is_unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    stdout().is_terminal() && is_unset("NO_COLOR") && !is_dumb
}

/// The codes of the terminal's colours for machines: blue, yellow, green, magenta, cyan, red.
const HUES: [u8; 6] = [34, 33, 32, 35, 36, 31];

fn characters(lines: &[Line], has_colour: bool) -> String {
    let mut text = String::new();
    for line in lines {
        for span in line {
            let code = match span.tone {
                Tone::Plain => None,
                Tone::Muted => Some("2".to_owned()),
                Tone::Machine(machine) => Some(HUES[machine % HUES.len()].to_string()),
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
