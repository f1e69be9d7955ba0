//! `analyze summary`.

use analyze::Dataset;
use analyze::measures::Measure;
use analyze::repetitions::{self, Group};
use analyze::tables::{self, QUESTIONS, Table};
use clap::Args;

use super::Datasets;
use super::output::Output;

/// Drift, jumps and backlog at a glance
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze summary data/quickstart")]
pub struct Summary {
    #[command(flatten)]
    datasets: Datasets,
    #[command(flatten)]
    output: Output,
}

impl Summary {
    pub fn run(&self) -> anyhow::Result<()> {
        let datasets = self.datasets.open()?;
        let groups = repetitions::groups(&datasets)?;
        let tables: Vec<Table> = QUESTIONS
            .iter()
            .map(|question| tables::table(question.title, &question.telling(), &groups))
            .collect();
        let measures: Vec<&Measure> = QUESTIONS
            .iter()
            .flat_map(tables::Question::measures)
            .collect();
        self.output
            .print(&headline(&datasets, &groups), &tables, &measures, &groups)
    }
}

/// A line a dataset: what there is.
fn headline(datasets: &[Dataset], groups: &[Group]) -> String {
    let lines = datasets.iter().map(|dataset| {
        let configurations = groups
            .iter()
            .filter(|group| group.dataset == dataset.label() && group.machine == 0)
            .count();
        let ticks: u64 = dataset.finished().iter().map(|run| run.events).sum();
        format!(
            "{}: {} finished, {} failed; {}, {ticks} ticks.\n",
            dataset.label(),
            counted(dataset.finished().len(), "run"),
            dataset.failed(),
            counted(configurations, "configuration"),
        )
    });
    lines.chain(["\n".to_owned()]).collect()
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
