//! `analyze precision`: how many repetitions are needed for an interval of a wanted width.

use analyze::Dataset;
use analyze::measures::{Measure, notes};
use analyze::precision::{self, Extension, HalfWidth, MachineNeed};
use analyze::stats::repetitions;
use clap::Args;
use sim::console::tell;
use sim::value_completions::parser_with_completions;

use super::Datasets;
use super::output::Output;
use super::rows::{RowOptions, measure_names, parse_name, say_what_is_not_shown};

/// Number of rows of the table without --top and --all.
const DEFAULT_ROWS: usize = 10;

/// How many repetitions make the 95 % intervals of a measure as narrow as wanted
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze precision data/quickstart --measure lag_final --half-width 5% --where \"role = 'slowest'\"
  analyze precision data/quickstart --measure backlog_mean --half-width 0.5

The table has a row for each configuration. If the machines of a configuration need different numbers of repetitions, the row shows the \
machine that needs most. The configuration that needs most comes first. Below the table, the command prints lines for the \
experiment file. With these lines, `sim run` makes the additional runs. The command also prints how long this will take. The \
column `needed` has the total number of repetitions, including those that are done. The width of an interval depends on chance. So `needed` \
includes a reserve: with this number of repetitions, the interval is very probably as narrow as wanted.

CSV and JSON have one record for each machine.")]
pub struct Precision {
    #[command(flatten)]
    datasets: Datasets,
    /// The measure, named by its column, such as lag_final
    #[arg(long, value_name = "NAME", value_parser = parser_with_completions(parse_name, measure_names), hide_possible_values = true)]
    measure: String,
    /// Half the width of the 95 % interval: a number in the unit of the measure, such as 0.2, or a share of the mean, such as 5%
    #[arg(long, value_name = "WIDTH", allow_hyphen_values = true)]
    half_width: HalfWidth,
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

impl Precision {
    pub fn run(&self) -> anyhow::Result<()> {
        let measure = super::measure(&self.measure)?;
        let query = self.options.query(&[measure])?;
        let datasets = self.datasets.open()?;
        // A group is one machine of one configuration, with its repetitions. `with_measures` adds the measures that --having and --sort
        // name, because `choose_groups` chooses and sorts the groups by these measures.
        let groups = repetitions::groups_with(&datasets, &query.with_measures(&[measure]))?;
        let groups = query.choose_groups(groups)?;
        let mut needs = precision::needs(&groups, measure, self.half_width)?;
        // For each configuration, the machine that needs the most repetitions.
        let mut configurations = needs.configurations();
        if !self.options.has_sort_keys() {
            // The configuration that needs the most repetitions comes first. The sort is stable, so configurations that need equally many
            // keep their order.
            configurations.sort_by_key(|need| std::cmp::Reverse(need.rank()));
        }
        let extensions = extensions(&datasets, &configurations)?;
        if self.output.is_structured() {
            // CSV and JSON have a record for each machine of `needs`. Only --top limits their number: DEFAULT_ROWS is for tables.
            if let (Some(top), false) = (self.top, self.all) {
                needs.machines.truncate(top as usize);
            }
            // For some machines, the needed number of repetitions cannot be computed (for example if the mean is about 0 and the half-width
            // is a share of the mean). CSV and JSON have no record of these machines, so a message on stderr says which machines are left
            // out. (A table says it in its caption.)
            for sentence in precision::left_out(&needs, measure, self.half_width) {
                tell(sentence);
            }
        }
        let row_limit = match self.top {
            _ if self.all => usize::MAX,
            Some(top) => top as usize,
            None => DEFAULT_ROWS,
        };
        let shown = configurations.len().min(row_limit);
        let wanted = (measure, self.half_width);
        let not_shown = say_what_is_not_shown(configurations.len() - shown);
        let mut table = precision::table(
            &configurations[..shown],
            &needs,
            wanted,
            &extensions,
            not_shown,
        );
        table
            .caption
            .extend(notes(&datasets, &[measure as &Measure]));
        self.output.print(&[], &[table], || {
            precision::records(&needs, measure, &extensions)
        })
    }
}

/// For each dataset, how to make the further runs that it needs. Imported datasets are left out, because `sim` cannot add runs to them.
fn extensions(datasets: &[Dataset], needs: &[MachineNeed<'_>]) -> anyhow::Result<Vec<Extension>> {
    let mut extensions = vec![];
    for dataset in datasets {
        extensions.extend(Extension::new(dataset, needs)?);
    }
    Ok(extensions)
}
