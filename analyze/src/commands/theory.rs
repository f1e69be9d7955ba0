//! `analyze theory`.

use analyze::stats::repetitions;
use analyze::theory;
use clap::Args;

use super::Datasets;
use super::output::Output;

/// Predicted backlog, receive share and clocks, next to the measured ones
///
/// Every variant of the model has some predictions, but some values cannot be predicted. Row `z` shows how many standard errors the
/// measured mean is above the prediction (a negative z: below it). `none` means that the value was not measured or cannot be
/// predicted. In row `z`, `none` can also mean that all measured values are equal, so there is no standard error. A letter below a
/// value is a caveat: the theory neglects something that affects this value.
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
        let measures = theory::measures();
        let groups = repetitions::groups_with(&self.datasets.open()?, &measures)?;
        let machines = theory::compare(&groups);
        self.output.print(&[], &[theory::table(&machines)], || {
            theory::records(&machines)
        })
    }
}
