//! `analyze diagram`: draws the space-time diagram of one run.

use analyze::diagram::{Arrows, Diagram, Options, Order};
use analyze::execution::EventName;
use clap::{Args, ValueEnum};
use sim::console::tell;

use super::part::Part;
use super::picture::Picture;

/// The values of option --order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OrderBy {
    /// By model time
    Time,
    /// By the value of the Lamport clock. Times between events cannot be seen then
    Lamport,
}

/// The values of option --arrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ArrowEnd {
    /// At the event that received the message
    Receipt,
    /// At the time when the message entered the queue. Its wait there is drawn along the recipient's line. Logs of TCP runs and of runs
    /// with random delays do not say when messages entered the queue: in these runs the arrow ends at the event that received the message
    Arrival,
}

/// Draw the space-time diagram of one run: a line for each machine, and an arrow for each message
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze diagram data/quickstart --run 0 --out run-0.svg
  analyze diagram data/quickstart --run 0 --around 2:14 --within 3 --out run-0.png
  analyze diagram data/quickstart --run 0 --past-of 0:20 > past.svg
  analyze diagram data/quickstart --run 0 --to 3 --terminal

Where the picture goes: with --out it is written to that file, and the end of its name (.svg, .png or .pdf) decides the format. Without \
--out, a terminal gets it as characters, and a pipe or a file (> run.svg) gets SVG. With --terminal, stdout gets characters in every case.

A send is a circle, a receive a diamond, an internal event a small ring. The number above each event is the logical clock after it. An arrow \
goes from each send to its receive. Messages that were not received before the run ended are dashed, with an open head. Below each line, \
a grey strip shows the lag (how far the clock is behind the largest clock of the run), and an area shows the length of the queue.

If the chosen time has more than 2,000 events and messages together, only a part of it is drawn. A strip at the top of the picture shows how \
many events the other parts have (a picture of characters has no strip). A message on stderr says which part is drawn.")]
pub struct DiagramCommand {
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    picture: Picture,
    /// What decides the position of an event along its machine's line
    #[arg(long, value_enum, default_value_t = OrderBy::Time)]
    order: OrderBy,
    /// Where the arrow of a received message ends
    #[arg(long, value_enum, default_value_t = ArrowEnd::Receipt)]
    arrows: ArrowEnd,
    /// Show in colour the events that happened before this event (its causal past), and fade all others
    #[arg(long, value_name = "MACHINE:TICK")]
    past_of: Vec<EventName>,
    /// Show in colour the events that causally depend on this event (its causal future), and fade all others
    #[arg(long, value_name = "MACHINE:TICK")]
    future_of: Vec<EventName>,
    /// Draw a line through the diagram: on its left are these events (such as 0:12,2:40) and all events that happened before them, on
    /// its right all others. (This is the smallest consistent cut that contains these events)
    #[arg(long, value_name = "MACHINE:TICK,...", value_delimiter = ',')]
    cut: Vec<EventName>,
    /// Mark the event of --around with this text
    #[arg(long, value_name = "TEXT", requires = "around")]
    mark: Option<String>,
}

impl DiagramCommand {
    pub fn run(&self) -> anyhow::Result<()> {
        self.picture.check()?;
        let (execution, window) = self.part.read()?;
        let diagram = Diagram::new(&execution, window, self.options())?;
        // If there are too many events, a message says which part of them is drawn. The message mentions the strip at the top of the picture
        // only if the picture has a strip. Pictures of characters have none.
        let has_strip = !self.picture.is_text();
        if let Some(words) = diagram.left_out(has_strip) {
            tell(words);
        }
        // The first function draws an SVG. `form` gives the SVG's colours, and says whether its labels are text or outlines. The second
        // function draws with characters, at most `width` in a line.
        self.picture
            .write(|form| diagram.draw(form), |width| diagram.terminal(width))
    }

    fn options(&self) -> Options {
        Options {
            order: match self.order {
                OrderBy::Time => Order::Time,
                OrderBy::Lamport => Order::Lamport,
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
            width: self.picture.width(),
            theme: self.picture.theme(),
        }
    }
}
