//! `analyze theory`: compares measurements with predictions, or prints the predictions for an experiment file.

use std::path::Path;
use std::str::FromStr;

use analyze::stats::repetitions;
use analyze::theory;
use anyhow::bail;
use clap::Args;
use sim::experiment::{Change, Experiment, Overrides};
use sim::value_completions::parser_with_completions;

use super::Datasets;
use super::output::Output;
use super::rows::{RowOptions, Top};

/// Compare predicted and measured values (backlog, share of ticks that receive, clocks), or predict them for an experiment file
///
/// For each machine of a configuration, the table shows the measured mean, its 95 % interval, the prediction, the difference (measured minus
/// predicted) and `z`: the difference divided by the standard error of the mean. `none` means that the value was not measured or cannot be
/// predicted. As a value of `z`, `none` can also mean that all measured values are equal: the standard error is 0 then. A letter below a
/// value is a caveat: the theory neglects something that affects this value.
///
/// If an experiment file (TOML) is given in place of datasets, the command prints the predictions for every configuration. It also prints
/// the predicted regime of every machine (stable, critical or overloaded). If the experiment varies `internal` or the rate of a machine, it also
/// prints the value at which a machine becomes overloaded.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze theory data/quickstart --format csv > theory.csv
  analyze theory experiments/stability.toml
  analyze theory experiments/quickstart.toml --set 'internal=[0.1,0.5,0.9]'")]
pub struct Theory {
    #[command(flatten)]
    datasets: Datasets,
    /// Change a value of the experiment file, for example --set internal=0.4; may be given several times
    // Shells offer the keys for completion, such as `internal=`. The help does not list the keys as possible values, because a key alone is
    // not a valid value of --set.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parser_with_completions(Change::from_str, Change::beginnings), hide_possible_values = true)]
    set: Vec<Change>,
    #[command(flatten)]
    options: RowOptions,
    #[command(flatten)]
    top: Top,
    #[command(flatten)]
    output: Output,
}

impl Theory {
    pub fn run(&self) -> anyhow::Result<()> {
        if let Some(file) = self.datasets.experiment_file()? {
            return self.predict(file);
        }
        if !self.set.is_empty() {
            bail!(
                "--set changes a value of an experiment file; give such a file in place of a dataset"
            );
        }
        let measures = theory::measures();
        let query = self.options.query(&measures)?;
        let datasets = self.datasets.open()?;
        // --having and --sort can name measures that the table does not show. The groups get these measures too.
        let groups = repetitions::groups_with(&datasets, &query.with_measures(&measures))?;
        // The groups that fulfil --having, in the order of --sort.
        let mut groups = query.choose_groups(groups)?;
        self.top.truncate(&mut groups);
        let machines = theory::compare(&groups);
        self.output.print(&[], &[theory::table(&machines)], || {
            theory::records(&machines)
        })
    }

    /// Prints the predictions for an experiment file.
    fn predict(&self, file: &Path) -> anyhow::Result<()> {
        let overrides = Overrides {
            changes: self.set.clone(),
            ..Overrides::default()
        };
        if self.options.is_given() || self.top.is_given() {
            bail!(
                "--having, --sort and --top choose rows of a table about datasets; for an experiment file, the table has all rows"
            );
        }
        let experiment = Experiment::read(file, overrides)?;
        // This call fails if --where or --only is given: these options choose runs, but an experiment file has no runs.
        let warm_up_s = self.datasets.selection.warm_up_without_runs()?;
        let configurations = experiment.configurations().iter();
        let shortest_s = configurations
            .map(|configuration| configuration.duration_s())
            .fold(f64::INFINITY, f64::min);
        if warm_up_s >= shortest_s {
            bail!(
                "--warm-up {warm_up_s}: the shortest runs take {shortest_s} s; give a shorter warm-up"
            );
        }
        let predictions = theory::predict_experiment(&experiment, warm_up_s);
        let boundaries = theory::boundaries(experiment.configurations());
        let mut tables = vec![theory::planned_table(&predictions)];
        tables.extend(theory::boundary_table(&predictions, &boundaries));
        let overview = theory::planned_overview(&predictions);
        self.output.print(&[overview], &tables, || {
            theory::planned_records(&predictions, &boundaries)
        })
    }
}
