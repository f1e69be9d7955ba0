//! `analyze show`: prints the events of one run, or follows one message.

use analyze::execution::EventName;
use analyze::show::{self, Followed};
use clap::Args;

use super::output::Output;
use super::part::Part;

/// Print the events of one run as they happened, or follow one message
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze show data/quickstart --run 0 --from 10 --to 12
  analyze show data/quickstart --run 0 --around 2:14 --within 1
  analyze show data/quickstart --run 0 --follow 2:14

Times are model seconds since the run's start. With --format table or markdown, at most 1,000 events are printed. CSV and JSON have all \
events. They also have the timestamp of each message (message_stamp), the sender's tick at which it was sent (sent_tick), and the time from \
the send to the receive (message_age_s).

With --follow, there is a row for every other machine. It shows whether and when the machine received the message. It also shows when \
the machine could first know of the send (known_tick, known_s): at its first event that causally depends on the send. This event receives \
the message itself, or another message whose send causally depends on the followed send. The column known_from has the sender of the \
message that is received at this event.")]
pub struct Show {
    #[command(flatten)]
    part: Part,
    /// Follow the message that is sent at this tick: show when each other machine received it, or learnt of it through other messages. 2:14
    /// is tick 14 of machine 2
    #[arg(long, value_name = "MACHINE:TICK", conflicts_with_all = ["from", "to", "around", "machines"])]
    follow: Option<EventName>,
    #[command(flatten)]
    output: Output,
}

impl Show {
    pub fn run(&self) -> anyhow::Result<()> {
        // `execution` is the whole run. `window` is the part of the run that options such as --from choose; --follow does not use it.
        let (execution, window) = self.part.read()?;
        // `&[]` in both calls of `print`: no paragraphs are printed above the table.
        if let Some(name) = self.follow {
            let followed = Followed::new(&execution, name)?;
            return self
                .output
                .print(&[], &[followed.table()], || followed.records());
        }
        let table = show::table(&execution, &window);
        self.output
            .print(&[], &[table], || show::records(&execution, &window))
    }
}
