//! `analyze contrast`: how much the measures differ between two datasets, two conditions, or two values of a parameter.

use analyze::measures::{self, Measure};
use analyze::output::words::counted;
use analyze::read::choice::Choice;
use analyze::stats::contrast::{self, AllRuns, Contrast as TwoValues, NoContrast, Pair};
use analyze::stats::repetitions::Repetitions;
use analyze::stats::side_tables::{self, Sides};
use analyze::stats::sides::{self, Cell};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use sim::value_completions::parser_with_completions;

use super::Datasets;
use super::output::Output;
use super::rows::{RowOptions, Top, measure_names, parse_name};

/// The measures that are compared if the user names none.
const DEFAULT_MEASURES: [&str; 4] = [
    "logical_rate",
    "jump_mean",
    "backlog_mean",
    "backlog_growth",
];

/// How the measures change from one dataset to another, or when one parameter changes and all others stay the same
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze contrast data/quickstart data/calm
  analyze contrast data/quickstart --of internal --from 0.4 --to 0.7
  analyze contrast data/quickstart --a \"internal = 0.7\" \\
    --b \"internal = 0.4 and rates = '3,3,3'\"

The command compares A with B. In the first example, A and B are two datasets. In the second, A is the runs with internal 0.4, and B \
the runs with internal 0.7. In the third, A is the runs that meet the first condition, and B those that meet the second. (B has \
only rates 3,3,3. Runs of A with other rates have nothing to be compared with, and are left out.)

In the second example, the parameter internal changes, and all others stay the same: the configuration of A with rates 1,3,6 is compared \
with the configuration of B with rates 1,3,6. Two datasets, or the runs of --a and --b, can differ in several parameters. \
A text above the table lists these parameters. Machine 0 is compared with machine 0, machine 1 with machine 1, and so on. There is one exception: if two \
datasets, or --a and --b, have no set of rates in common, machines are compared by their role (slowest with slowest, fastest with fastest).

In --having and --sort, the column of a measure, such as lag_final, has the difference B - A. lag_final_low and lag_final_high have the \
limits of its interval. lag_final_sd and the predicted columns have no value.")]
pub struct Contrast {
    #[command(flatten)]
    datasets: Datasets,
    /// The parameter that changes
    #[arg(long, value_name = "PARAMETER", requires_all = ["from", "to"])]
    of: Option<String>,
    /// The first value of the parameter
    #[arg(long, value_name = "VALUE", requires = "of")]
    from: Option<String>,
    /// The second value of the parameter
    #[arg(long, value_name = "VALUE", requires = "of")]
    to: Option<String>,
    /// Side A: the runs that meet this condition. A condition is written as for --where
    #[arg(long, value_name = "CONDITION", requires = "b", conflicts_with = "of")]
    a: Option<Choice>,
    /// Side B: the runs that meet this condition
    #[arg(long, value_name = "CONDITION", requires = "a")]
    b: Option<Choice>,
    /// Compare this measure, named by its column; may be given several times
    #[arg(long, value_name = "NAME", value_parser = parser_with_completions(parse_name, measure_names), hide_possible_values = true)]
    measure: Vec<String>,
    #[command(flatten)]
    options: RowOptions,
    #[command(flatten)]
    top: Top,
    #[command(flatten)]
    output: Output,
}

impl Contrast {
    pub fn run(&self) -> anyhow::Result<()> {
        let measures = self.measures()?;
        let (Some(of), Some(from), Some(to)) = (&self.of, &self.from, &self.to) else {
            return self.contrast_sides(&measures);
        };
        let values = TwoValues::new(of, from, to).context("--of")?;
        let datasets = self.datasets.open()?;
        let query = self.options.query(&measures)?;
        // --having and --sort can use measures that the table does not show.
        let all_measures = query.with_measures(&measures);
        let repetitions = Repetitions::read(&datasets, &all_measures)?;
        let groups = repetitions.groups()?;
        let pairs = values
            .pairs(&groups)
            .map_err(|error| self.with_conditions(error))?;
        let pair_count = pairs.len();
        let chosen = query.choose(pair_count, |row, column| column.of_pair(&pairs[row]))?;
        let mut pairs: Vec<Pair<'_>> = chosen.iter().map(|&row| pairs[row]).collect();
        self.top.truncate(&mut pairs);
        // Below the pairs, the table has an average for each dataset with several pairs. The interval of an average is calculated from one
        // value for each run: the mean over its machines. If the table leaves out pairs, this mean can include machines that the table does
        // not show. So `all_runs` is `None` if pairs are left out, and the averages are printed without intervals.
        let all_runs = (pairs.len() == pair_count).then_some(AllRuns {
            repetitions: &repetitions,
            groups: &groups,
        });
        if self.output.is_structured() {
            let records = contrast::records(&values, &pairs, &measures, all_runs)?;
            return self.output.print(&[], &[], || records);
        }
        let table = contrast::table(&values, &pairs, &measures, all_runs)?;
        self.output.print(&[], &[table], Vec::new)
    }

    /// Compares two datasets, or the runs of two conditions.
    fn contrast_sides(&self, measures: &[&'static Measure]) -> anyhow::Result<()> {
        let (sides, a, b) = match (&self.a, &self.b, self.datasets.roots.as_slice()) {
            (Some(a), Some(b), _) => {
                // Both sides come from the same datasets. `open_also(a)` keeps the runs that meet both condition `a` and the other options,
                // such as --where.
                let sides = Sides {
                    a: a.to_string(),
                    b: b.to_string(),
                };
                (
                    sides,
                    self.datasets.open_also(a)?,
                    self.datasets.open_also(b)?,
                )
            }
            (None, None, [a, b]) => {
                let sides = Sides {
                    a: a.display().to_string(),
                    b: b.display().to_string(),
                };
                let mut a = self.datasets.selection.open(&self.datasets.roots)?;
                // At first, `a` has both datasets. Then the second one moves to `b`.
                let b = a.split_off(1);
                (sides, a, b)
            }
            (_, _, roots) => bail!(
                "contrast compares two datasets, or two conditions (--a and --b), or two values of a parameter (--of, --from and --to); \
                 here is {}",
                counted(roots.len(), "dataset")
            ),
        };
        let query = self.options.query(measures)?;
        // Each of `contrast.cells` compares runs of A with runs of B, for one machine or one role (such as the slowest machine).
        let contrast = sides::Contrast::new(&a, &b, &query.with_measures(measures))?;
        let chosen = query.choose(contrast.cells.len(), |row, column| {
            column.of_cell(&contrast.cells[row], &contrast.common)
        })?;
        let mut cells: Vec<&Cell> = chosen.iter().map(|&row| &contrast.cells[row]).collect();
        self.top.truncate(&mut cells);
        let words = side_tables::words(&contrast, &sides);
        self.output.print_words_to_stderr_with_csv_or_json(&words);
        let table = side_tables::table(&contrast, &cells, measures);
        self.output.print(&words, &[table], || {
            side_tables::records(&contrast, &cells, measures)
        })
    }

    /// Adds the conditions of --where to an error, because they can be its reason.
    fn with_conditions(&self, error: NoContrast) -> anyhow::Error {
        match self.datasets.selection.conditions_in_words().as_slice() {
            [] => error.into(),
            conditions => anyhow!(
                "{error} (only what --where chooses is compared: {})",
                conditions.join(" and ")
            ),
        }
    }

    /// The measures of --measure, or else the default measures.
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
