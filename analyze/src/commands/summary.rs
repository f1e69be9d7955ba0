//! `analyze summary`.

use analyze::Dataset;
use analyze::measures::{Measure, notes};
use analyze::output::table::Table;
use analyze::output::words::counted;
use analyze::stats::repetitions::{self, Group};
use analyze::stats::tables::{self, SUMMARY};
use clap::Args;
use sim::sweep::words::grouped;

use super::Datasets;
use super::output::Output;

/// The most important measures of drift, jumps and backlog
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
        let tables: Vec<Table> = SUMMARY
            .iter()
            .map(|spec| {
                let measures = spec.summary_measures();
                let mut table = tables::table(spec.title, &measures, &groups);
                table.caption.extend(notes(&datasets, &measures));
                table
            })
            .collect();
        let measures: Vec<&Measure> = SUMMARY
            .iter()
            .flat_map(tables::TableSpec::measures)
            .collect();
        let headline = headline(&datasets, &groups);
        self.output
            .print(&headline, &tables, || tables::records(&measures, &groups))
    }
}

/// One line for each dataset, which counts its runs, configurations and ticks; then an empty line.
fn headline(datasets: &[Dataset], groups: &[Group]) -> Vec<String> {
    let lines = datasets.iter().map(|dataset| {
        let configurations = groups
            .iter()
            .filter(|group| group.dataset == dataset.label() && group.machine == 0)
            .count();
        let ticks: u64 = dataset.finished().iter().map(|run| run.events).sum();
        format!(
            "{}: {} finished, {} failed; {}{}, {} ticks.",
            dataset.label(),
            counted(finished(dataset), "run"),
            dataset.failed(),
            punctuality(dataset),
            counted(configurations, "configuration"),
            grouped(ticks),
        )
    });
    lines.chain([String::new()]).collect()
}

/// The share of punctual runs. Empty for runs in virtual time, which are always punctual.
fn punctuality(dataset: &Dataset) -> String {
    if dataset.is_virtual() {
        return String::new();
    }
    let punctual = dataset.finished().iter().filter(|run| run.punctual).count();
    let others = match dataset.left_out() {
        [] => "",
        _ => ", the others left out",
    };
    format!("{punctual} of {} punctual{others}; ", finished(dataset))
}

fn finished(dataset: &Dataset) -> usize {
    dataset.finished().len() + dataset.left_out().len()
}
