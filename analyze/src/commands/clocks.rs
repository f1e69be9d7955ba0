//! `analyze clocks`: compares kinds of logical clocks (Lamport, vector, Bloom and others) on the same runs.

use std::str::FromStr;

use analyze::clocks::{ClockOrder, ClockSpec, clock_groups, tables};
use analyze::stats::row_query::SortKey;
use anyhow::bail;
use clap::Args;
use sim::value_completions::parser_with_completions;

use super::Datasets;
use super::output::Output;
use super::rows::Top;

/// Compare the kinds of logical clocks on the same runs: how many bytes the timestamps of messages take, and for what share of the pairs of events they show
/// the right order
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze clocks data/quickstart --clock lamport --clock bloom:m=16,k=3
  analyze clocks data/quickstart --sort ordered_wrongly --top 10

These are the clocks, with the default values of their settings:
  lamport        one counter
  vector         a counter for each machine
  matrix         a vector for each machine
  encoded        a vector, written as one integer (a product of prime powers)
  interval-tree  for machines that can join and leave: a tree of counters (see docs/clocks.md)
  bloom:m=8,k=2  m counters; each event adds 1 to a counter k times
  plausible:r=2  a vector of only r counters; several machines share a counter
  hlc:epsilon=0.1,resolution=0.001            a physical clock and a counter
  hybrid-vector:epsilon=0.1,resolution=0.001  a vector of physical clocks
  physical:epsilon=0.1,resolution=0.001       a physical clock alone

epsilon is the largest difference between two physical clocks, and resolution the smallest step of a physical clock, both in seconds.")]
pub struct Clocks {
    #[command(flatten)]
    datasets: Datasets,
    /// Calculate only this clock; may be given several times. The names of the clocks are below [default: all clocks; matrix only in
    /// runs with at most 32 machines]
    #[arg(long = "clock", value_name = "CLOCK")]
    clocks: Vec<ClockSpec>,
    /// Sort by these columns, named as in CSV or by their headings, such as ordered_wrongly. Measured properties of clocks are sorted from
    /// the largest to the smallest value, other columns from the smallest to the largest.
    /// To reverse this, write `message_bytes asc` or `machines desc`
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', value_parser = parser_with_completions(SortKey::from_str, ClockOrder::columns), hide_possible_values = true)]
    sort: Vec<SortKey>,
    #[command(flatten)]
    top: Top,
    #[command(flatten)]
    output: Output,
}

impl Clocks {
    pub fn run(&self) -> anyhow::Result<()> {
        let mut names: Vec<String> = self.clocks.iter().map(ToString::to_string).collect();
        names.sort_unstable();
        // The names are sorted, so equal names are neighbours.
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("--clock: {} is named twice; name it once", pair[0]);
        }
        // A replay needs the events of all machines of a run, so a condition must not choose single machines.
        self.datasets
            .selection
            .refuse_conditions_on_machines("clocks")?;
        // A wrong column is reported before clocks are replayed.
        let order = ClockOrder::new(&self.sort)?;
        let datasets = self.datasets.open()?;
        // `None` means all clocks.
        let clocks = (!self.clocks.is_empty()).then_some(&self.clocks[..]);
        let mut groups = clock_groups(&datasets, clocks)?;
        order.sort(&mut groups.groups);
        self.top.truncate(&mut groups.groups);
        let table = tables::table(&groups);
        self.output
            .print(&[], &[table], || tables::records(&groups.groups))
    }
}
