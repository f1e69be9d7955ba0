//! `analyze trace`: writes one run as a trace (a log in the format of another program that can show it).

use std::io::{BufWriter, IsTerminal, stdout};
use std::path::PathBuf;

use analyze::trace::{self, Format, TraceError};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use sim::console::tell;

use super::file;
use super::output::StdoutError;
use super::part::Part;

/// The values of option --format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TraceFormat {
    /// A log with vector clocks for ShiViz or TSViz. Its first line is the regular expression with which these programs parse it
    #[value(alias = "tsviz")]
    Shiviz,
    /// Perfetto's protobuf: machines as tracks, messages as flows, clocks and queues as counters
    Perfetto,
    /// The JSON of chrome://tracing, with the same contents as perfetto
    Chrome,
    /// A sequence diagram, of at most 50,000 characters
    Mermaid,
    /// The graph of happens-before for Graphviz, with direct edges only: if a happened before b, and b before c, there is no edge from
    /// a to c
    Dot,
}

impl TraceFormat {
    fn format(self) -> Format {
        match self {
            Self::Shiviz => Format::Shiviz,
            Self::Perfetto => Format::Perfetto,
            Self::Chrome => Format::Chrome,
            Self::Mermaid => Format::Mermaid,
            Self::Dot => Format::Dot,
        }
    }

    /// How to open a file of this format.
    fn advice(self) -> &'static str {
        match self {
            Self::Shiviz => {
                "open it in ShiViz with \"choose file\"; its first line is the regular expression with which ShiViz parses it"
            }
            Self::Perfetto => "open it at https://ui.perfetto.dev",
            Self::Chrome => "open it in chrome://tracing or at https://ui.perfetto.dev",
            Self::Mermaid => {
                "paste it at https://mermaid.live, or into a ```mermaid block of Markdown"
            }
            Self::Dot => "draw it with: dot -Tsvg FILE",
        }
    }
}

/// Write one run as a trace for ShiViz, Perfetto, Chrome, Mermaid or Graphviz
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze trace data/quickstart --run 0 --format perfetto --out run-0.pftrace
  analyze trace data/quickstart --run 0 --to 10 --format shiviz --out run-0.log
  analyze trace data/quickstart --run 0 --to 3 --format dot | dot -Tsvg > run-0.svg

Times are model time since the run's start. A message whose send or receive is outside the chosen part has no arrow. (Only mermaid draws an \
arrow if the send is inside and the receive is not: this arrow has an open head.) Whether one event \
happened before another is computed from the whole run, so chains of messages outside the chosen part count too.")]
pub struct TraceCommand {
    #[command(flatten)]
    part: Part,
    /// The format of the trace
    #[arg(long, value_enum)]
    format: TraceFormat,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl TraceCommand {
    pub fn run(&self) -> anyhow::Result<()> {
        if self.format == TraceFormat::Perfetto && self.out.is_none() && stdout().is_terminal() {
            bail!("a trace of Perfetto is not text; write it to a file with --out FILE");
        }
        // The execution is the whole run, with its events and messages. The window is the part that the user chose.
        let (execution, window) = self.part.read()?;
        let format = self.format.format();
        // If a Mermaid diagram would be too long, its last events are left out, and `left_out` is a sentence about these events.
        let left_out = match &self.out {
            Some(path) => {
                let write = |out: &mut _| trace::write(&execution, &window, format, out);
                file::write(path, write)
                    .with_context(|| format!("cannot write {}", path.display()))?
            }
            None => {
                match trace::write(&execution, &window, format, BufWriter::new(stdout().lock())) {
                    // If stdout is a pipe, writing fails when the reader of the pipe has ended (as in `| head`). `main` does not report
                    // this as an error. It recognises the case by the type `StdoutError`.
                    Err(TraceError::Io(error)) => return Err(StdoutError::from(error).into()),
                    written => written?,
                }
            }
        };
        if let Some(sentence) = left_out {
            tell(sentence);
        }
        if let Some(path) = &self.out {
            tell(format_args!(
                "{} is written; {}",
                path.display(),
                self.format.advice()
            ));
        }
        Ok(())
    }
}
