//! `analyze theory`.

use analyze::stats::repetitions;
use analyze::theory;
use clap::Args;

use super::Datasets;
use super::output::Output;

/// What theory predicts of backlog, receive share and clocks, beside what was measured
///
/// Of all variants of the model but modelled delays; `none` stands where no derivation holds.
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze theory data/quickstart --format csv > theory.csv")]
pub struct Theory {
    #[command(flatten)]
    datasets: Datasets,
    #[command(flatten)]
    output: Output,
}

impl Theory {
    pub fn run(&self) -> anyhow::Result<()> {
        let groups = repetitions::groups(&self.datasets.open()?)?;
        let machines = theory::beside(&groups);
        self.output.print(&[], &[theory::table(&machines)], || {
            theory::records(&machines)
        })
    }
}
