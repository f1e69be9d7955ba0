//! `analyze compare`: compares two datasets run by run, for example runs over TCP with the same runs in virtual time.

use std::path::PathBuf;

use analyze::compare::{self, Comparison};
use clap::Args;

use super::output::{self, Output};
use super::selection::Selection;

/// Check run by run whether two datasets have the same events and the same measures
#[derive(Debug, Args)]
#[command(
    after_help = "Example: analyze compare data/quickstart data/quickstart-virtual\n\n\
        A run of A and a run of B are a pair if they have the same key in runs.csv: the same parameters and repetition. Two events are \
        identical if they have the same values in all columns except run and system_time_ns. If messages arrived as in the \
        schedule in both runs of a pair (column as_scheduled), the two must have the same events. If such a pair has different events, the \
        exit code is 4. If the datasets have different seeds, events are not compared. With --warm-up S, the measures are calculated without the first S model seconds, \
        but events of the whole run are compared.\n\n\
        CSV and JSON have one record for each configuration, machine and measure. The column n has the number of pairs in which both values are \
        defined. The means (mean_a, mean_b), the mean difference B - A (difference), its standard deviation (sd) and its 95 % interval (low, high) are \
        calculated from these n pairs. The column equal has the share of pairs with exactly equal values. For this share, a pair in which \
        only one value is defined counts too, as not equal. With --format table, a summary in words stands above the table. With CSV and JSON, it is printed to stderr."
)]
pub struct Compare {
    /// The folder of dataset A
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The folder of dataset B, for example the same runs in virtual time
    #[arg(value_name = "B")]
    b: PathBuf,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    output: Output,
}

impl Compare {
    pub fn run(&self) -> anyhow::Result<()> {
        self.selection.refuse_conditions_on_machines("compare")?;
        // `None`: there is no condition on the runs besides the user's options.
        let datasets = self.selection.open(&[self.a.clone(), self.b.clone()])?;
        let comparison = Comparison::new(&datasets[0], &datasets[1])?;
        let words = compare::words(&comparison);
        // With the formats CSV and JSON, `print` below leaves out `words`. So this line prints them to stderr.
        self.output.print_words_to_stderr_with_csv_or_json(&words);
        let tables = [compare::table(&comparison)];
        let printed = self
            .output
            .print(&words, &tables, || compare::records(&comparison));
        // A failed check gives the exit code 4, even if printing failed too.
        output::report_check(compare::failed_check(&comparison), printed)
    }
}
