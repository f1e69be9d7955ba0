//! `analyze contrast`.

use analyze::measures::{self, Measure};
use analyze::stats::contrast::{self, Contrast as Values};
use analyze::stats::repetitions::Repetitions;
use anyhow::Context;
use clap::Args;

use super::Datasets;
use super::output::Output;

/// The measures that are compared if the user names none.
const DEFAULT_MEASURES: [&str; 4] = [
    "logical_rate",
    "jump_mean",
    "backlog_mean",
    "backlog_growth",
];

/// How the measures change when one parameter changes and all others stay the same
#[derive(Debug, Args)]
#[command(
    after_help = "Example: analyze contrast data/quickstart --of internal --from 0.4 --to 0.7"
)]
pub struct Contrast {
    #[command(flatten)]
    datasets: Datasets,
    /// The parameter that changes
    #[arg(long, value_name = "PARAMETER")]
    of: String,
    /// The first value of the parameter
    #[arg(long, value_name = "A")]
    from: String,
    /// The second value of the parameter
    #[arg(long, value_name = "B")]
    to: String,
    /// Compare this measure, named by its column; may be given several times
    #[arg(long, value_name = "NAME")]
    measure: Vec<String>,
    #[command(flatten)]
    output: Output,
}

impl Contrast {
    pub fn run(&self) -> anyhow::Result<()> {
        let values = Values::new(&self.of, &self.from, &self.to).context("--of")?;
        let measures = self.measures()?;
        let datasets = self.datasets.open()?;
        let repetitions = Repetitions::read(&datasets, &measures)?;
        let groups = repetitions.groups()?;
        let pairs = values.pairs(&groups)?;
        let table = contrast::table(&values, &pairs, &measures, &repetitions)?;
        self.output.print(&[], &[table], || {
            contrast::records(&values, &pairs, &measures)
        })
    }

    fn measures(&self) -> anyhow::Result<Vec<&'static Measure>> {
        if self.measure.is_empty() {
            return Ok(DEFAULT_MEASURES.map(measures::named).to_vec());
        }
        self.measure
            .iter()
            .map(|name| super::measure(name))
            .collect()
    }
}
