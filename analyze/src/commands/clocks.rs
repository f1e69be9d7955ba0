//! `analyze clocks`: compares kinds of logical clocks (Lamport, vector, Bloom and others) on the same runs.

use std::str::FromStr;

use analyze::clocks::{ClockOrder, ClockSpec, clock_groups, tables};
use analyze::stats::row_query::SortKey;
use anyhow::bail;
use clap::Args;
use sim::offering::offering;

use super::Datasets;
use super::output::Output;
use super::rows::Top;

/// Compare the kinds of logical clocks on the same runs: how many bytes the timestamps of messages take, and for what share of the pairs of events they show
/// the right order
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze clocks data/quickstart --clock lamport --clock vector --clock bloom:m=16,k=3 --clock hlc:epsilon=0.5
  analyze clocks data/quickstart --sort ordered_wrongly --top 10")]
pub struct Clocks {
    #[command(flatten)]
    datasets: Datasets,
    /// Replay this clock instead of all of them: lamport, vector, matrix, encoded, interval-tree, bloom:m=8,k=2, plausible:r=2,
    /// hlc:epsilon=0.1,resolution=0.001, hybrid-vector:epsilon=0.1,resolution=0.001 or physical:epsilon=0.1,resolution=0.001 (in seconds).
    /// The values shown here are the defaults. matrix: on each machine, a vector for every machine of the run; encoded: a vector as one integer; interval-tree: a tree of counters; bloom: m
    /// counters, and each event adds 1 to k of them; plausible: a vector with only r numbers, so several machines count in the same number; hlc: a
    /// physical clock and a counter; hybrid-vector: a vector of physical clocks. epsilon is the largest difference between two
    /// physical clocks, and resolution the smallest step of a physical clock. May be given several times
    #[arg(long = "clock", value_name = "CLOCK")]
    clocks: Vec<ClockSpec>,
    /// Sort by these columns, named as in CSV or by their headings, such as ordered_wrongly or "message_bytes asc". Measured properties of
    /// clocks are sorted from the largest to the smallest value, other columns (parameters, replayed_clock, machines, n, dataset) from the
    /// smallest to the largest
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', value_parser = offering(SortKey::from_str, ClockOrder::columns), hide_possible_values = true)]
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
