//! `analyze theory`.

use analyze::stats::repetitions;
use analyze::theory;
use clap::Args;

use super::Datasets;
use super::output::Output;
use super::rows::{RowOptions, Top};

/// Predicted backlog, receive share and clocks, next to the measured ones
///
/// There are predictions for every variant of the model, but not of every value. `none` means that this value was not measured, cannot
/// be predicted, or (in row z) cannot be calculated because the measured values are all equal. A letter below a value is a caveat: the theory neglects something that affects this value.
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze theory data/quickstart --format csv > theory.csv")]
pub struct Theory {
    #[command(flatten)]
    datasets: Datasets,
    #[command(flatten)]
    options: RowOptions,
    #[command(flatten)]
    top: Top,
    #[command(flatten)]
    output: Output,
}

impl Theory {
    pub fn run(&self) -> anyhow::Result<()> {
        let measures = theory::measures();
        let query = self.options.query(&measures)?;
        let datasets = self.datasets.open()?;
        let groups = repetitions::groups_with(&datasets, &query.with_measures(&measures))?;
        let mut groups = query.of_groups(groups)?;
        self.top.truncate(&mut groups);
        let machines = theory::compare(&groups);
        self.output.print(&[], &[theory::table(&machines)], || {
            theory::records(&machines)
        })
    }
}
