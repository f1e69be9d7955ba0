//! `analyze summary`: how many machines are stable or overloaded, and a table of configurations.

use analyze::Dataset;
use analyze::measures::{Measure, notes};
use analyze::output::words::counted;
use analyze::stats::repetitions;
use analyze::stats::tables::{self, SUMMARY};
use analyze::summary::{self, Overview};
use clap::Args;
use sim::sweep::words::grouped;

use super::Datasets;
use super::output::Output;
use super::rows::{RowOptions, say_what_is_not_shown};

/// Number of rows of the table without --top and --all.
const DEFAULT_ROWS: usize = 10;
/// With at most this many datasets, the text above the table has a line for each dataset. With more datasets, a single line has the totals.
const MAX_DATASET_LINES: usize = 4;

/// How many machines are stable or overloaded, and the configurations with the fastest growing queues
#[derive(Debug, Args)]
#[command(after_help = "Example: analyze summary data/quickstart\n\n\
        The table has a row for each configuration. The first row is the configuration in which the queue of the slowest machine \
        grows fastest.\n\n\
        The growth of the backlog, the final lag and the mean jump are those of the slowest machine. The logical rate (how much a clock \
        grows in a second of model time) is that of the fastest clock. But --having and --sort always use the values of the slowest machine. So for the logical rate, they use \
        a value that is not in the table.\n\n\
        The measured regime of a machine is stable if fewer messages arrive than it has ticks, and overloaded if more arrive. It is \
        critical if the measurement cannot decide: the 95 % interval of the offered load (arriving messages per tick) contains 1.\n\n\
        CSV and JSON have one record for each machine of every configuration, with all measures of `drift`, `jumps` and `backlog`.")]
pub struct Summary {
    #[command(flatten)]
    datasets: Datasets,
    /// Print only the first N rows, or in CSV and JSON the first N records [default: 10 in a table, all in CSV and JSON]
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
        // The measures that the table shows, and the measures that --having and --sort name.
        let measures = query.with_measures(&summary::measures());
        let groups = repetitions::groups_with(&datasets, &measures)?;
        let mut overview = Overview::new(&groups);
        // The words above the table count all configurations. So they are made before `select` removes rows that the user does not want.
        let mut words = headline(&datasets, &overview);
        words.extend(summary::regimes(&overview));
        words.push(String::new());
        overview.select(&query)?;
        let row_limit = match self.top {
            _ if self.all => usize::MAX,
            Some(top) => top as usize,
            None => DEFAULT_ROWS,
        };
        let shown = overview.rows.len().min(row_limit);
        let mut table = summary::table(
            &overview.rows[..shown],
            self.describe_rows_not_shown(&overview, shown),
        );
        table.caption.extend(notes(&datasets, &summary::measures()));
        // `Vec::new` stands for no records. Only CSV and JSON have records, and `print_records` prints these two formats.
        self.output.print(&words, &[table], Vec::new)
    }

    /// Prints CSV or JSON: a record for each machine of every configuration.
    fn print_records(&self, datasets: &[Dataset]) -> anyhow::Result<()> {
        let specs = SUMMARY.iter();
        let measures: Vec<&'static Measure> = specs.flat_map(tables::TableSpec::measures).collect();
        let query = self.options.query(&measures)?;
        let groups = repetitions::groups_with(datasets, &query.with_measures(&measures))?;
        let mut groups = query.choose_groups(groups)?;
        groups.truncate(self.top.map_or(usize::MAX, |top| top as usize));
        self.output
            .print(&[], &[], || tables::records(&measures, &groups))
    }

    /// Says how many rows are not shown, and how to see them. Unless the user gave an order (--sort), also says how the rows are sorted.
    /// `None` if all rows are shown.
    fn describe_rows_not_shown(&self, overview: &Overview<'_>, shown: usize) -> Option<String> {
        let more = overview.rows.len() - shown;
        let order = match self.options.has_sort_keys() {
            true => "",
            false => "Fastest growing queue first. ",
        };
        say_what_is_not_shown(more).map(|sentence| format!("{order}{sentence}"))
    }
}

/// A line for each dataset with the numbers of its runs, configurations and events. If there are more than
/// [`MAX_DATASET_LINES`] datasets, a single line with the totals.
fn headline(datasets: &[Dataset], overview: &Overview<'_>) -> Vec<String> {
    let configurations = |dataset: &Dataset| {
        // Each row of the overview is a configuration.
        let rows = overview.rows.iter();
        rows.filter(|row| row.slowest.dataset == dataset.label())
            .count()
    };
    // The option `--only punctual` leaves out runs that were not punctual. The headline's number of runs includes these runs, but its number
    // of events does not include their events.
    let events =
        |dataset: &Dataset| -> u64 { dataset.finished().iter().map(|run| run.events).sum() };
    if datasets.len() > MAX_DATASET_LINES {
        let runs = datasets.iter().map(all_finished).sum();
        let failed: usize = datasets.iter().map(Dataset::failed).sum();
        return vec![format!(
            "{}: {} finished, {} failed; {}, {} events.",
            counted(datasets.len(), "dataset"),
            counted(runs, "run"),
            grouped(failed as u64),
            counted(overview.rows.len(), "configuration"),
            grouped(datasets.iter().map(events).sum()),
        )];
    }
    let line = |dataset: &Dataset| {
        format!(
            "{}: {} finished, {} failed; {}{}, {} events.",
            dataset.label(),
            counted(all_finished(dataset), "run"),
            grouped(dataset.failed() as u64),
            punctuality(dataset),
            counted(configurations(dataset), "configuration"),
            grouped(events(dataset)),
        )
    };
    datasets.iter().map(line).collect()
}

/// How many of the finished runs were punctual, in words. Empty for runs in virtual time, which are always punctual.
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
        grouped(all_finished(dataset) as u64)
    )
}

/// Number of finished runs. Unlike [`Dataset::finished`], it includes the runs that are left out because they were not punctual.
fn all_finished(dataset: &Dataset) -> usize {
    dataset.finished().len() + dataset.left_out().len()
}
