//! `analyze summary`.

use analyze::Dataset;
use analyze::measures::{Measure, notes};
use analyze::output::words::counted;
use analyze::stats::repetitions;
use analyze::stats::tables::{self, SUMMARY};
use analyze::summary::{self, Overview};
use clap::Args;
use sim::console::command_line;
use sim::sweep::words::grouped;

use super::Datasets;
use super::output::Output;
use super::rows::RowOptions;

/// Number of rows of the table, if the user names none.
const ROWS: usize = 10;
/// Number of datasets that have a line each. More datasets have one line together.
const DATASET_LINES: usize = 4;

/// How many machines are stable or overloaded, and the configurations with the fastest growing queues
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze summary data/quickstart\n\n\
        The table has a row for each configuration: the growth of the backlog, the final lag and the mean jump of its slowest machine, and \
        the logical rate of its fastest clock (how much the clock grows in a second of model time). The configuration whose slowest machine's queue grows fastest comes first.\n\n\
        --having and --sort use the values of the slowest machine of each configuration. The measured regime of a machine is stable if fewer \
        messages arrive than it has ticks, overloaded if more arrive, and critical if the measurement cannot decide: the 95 % interval of the \
        offered load (arriving messages per tick) contains 1.\n\n\
        CSV and JSON have one record for each machine of every configuration, with all measures of `drift`, `jumps` and `backlog`.")]
pub struct Summary {
    #[command(flatten)]
    datasets: Datasets,
    /// Print only the first N rows [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "all")]
    top: Option<u64>,
    /// Print all rows
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    options: RowOptions,
    #[command(flatten)]
    output: Output,
}

impl Summary {
    pub fn run(&self) -> anyhow::Result<()> {
        let datasets = self.datasets.open()?;
        if self.output.is_structured() {
            return self.print_records(&datasets);
        }
        let query = self.options.query(&summary::measures())?;
        let measures = query.with_measures(&summary::measures());
        let groups = repetitions::groups_with(&datasets, &measures)?;
        let mut overview = Overview::new(&groups);
        let mut words = headline(&datasets, &overview);
        words.extend(summary::regimes(&overview));
        words.push(String::new());
        overview.select(&query)?;
        let shown = match self.top {
            _ if self.all => overview.rows.len(),
            Some(top) => overview.rows.len().min(top as usize),
            None => overview.rows.len().min(ROWS),
        };
        let mut table = summary::table(&overview.rows[..shown], self.more(&overview, shown));
        table.caption.extend(notes(&datasets, &summary::measures()));
        self.output.print(&words, &[table], Vec::new)
    }

    fn print_records(&self, datasets: &[Dataset]) -> anyhow::Result<()> {
        let specs = SUMMARY.iter();
        let measures: Vec<&'static Measure> = specs.flat_map(tables::TableSpec::measures).collect();
        let query = self.options.query(&measures)?;
        let groups = repetitions::groups_with(datasets, &query.with_measures(&measures))?;
        let groups = query.of_groups(groups)?;
        self.output
            .print(&[], &[], || tables::records(&measures, &groups))
    }

    /// A sentence that says how many rows are not shown, and the command that shows them.
    fn more(&self, overview: &Overview<'_>, shown: usize) -> Option<String> {
        let more = overview.rows.len() - shown;
        let roots = self.datasets.roots.iter().map(|root| root.as_os_str());
        let words = ["analyze", "summary", "--all"].map(AsRef::as_ref);
        let command = command_line(words.into_iter().chain(roots));
        (more > 0).then(|| {
            format!(
                "{}{} more configuration{}: {command}",
                if self.options.sorts() {
                    ""
                } else {
                    "Fastest growing queue first. "
                },
                grouped(more as u64),
                if more == 1 { "" } else { "s" },
            )
        })
    }
}

/// One line for each dataset, which counts its runs, configurations and ticks. If there are many datasets, a single line.
fn headline(datasets: &[Dataset], overview: &Overview<'_>) -> Vec<String> {
    let configurations = |dataset: &Dataset| {
        let rows = overview.rows.iter();
        rows.filter(|row| row.slowest.dataset == dataset.label())
            .count()
    };
    let ticks =
        |dataset: &Dataset| -> u64 { dataset.finished().iter().map(|run| run.events).sum() };
    if datasets.len() > DATASET_LINES {
        let runs = datasets.iter().map(finished).sum();
        let failed: usize = datasets.iter().map(Dataset::failed).sum();
        return vec![format!(
            "{}: {} finished, {} failed; {}, {} ticks.",
            counted(datasets.len(), "dataset"),
            counted(runs, "run"),
            grouped(failed as u64),
            counted(overview.rows.len(), "configuration"),
            grouped(datasets.iter().map(ticks).sum()),
        )];
    }
    let line = |dataset: &Dataset| {
        format!(
            "{}: {} finished, {} failed; {}{}, {} ticks.",
            dataset.label(),
            counted(finished(dataset), "run"),
            grouped(dataset.failed() as u64),
            punctuality(dataset),
            counted(configurations(dataset), "configuration"),
            grouped(ticks(dataset)),
        )
    };
    datasets.iter().map(line).collect()
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
    format!(
        "{} of {} punctual{others}; ",
        grouped(punctual as u64),
        grouped(finished(dataset) as u64)
    )
}

fn finished(dataset: &Dataset) -> usize {
    dataset.finished().len() + dataset.left_out().len()
}
