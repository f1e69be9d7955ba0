//! The options that choose, sort and combine the rows of a table. `drift`, `jumps`, `backlog` and `causality` have all of them, and
//! print their tables with [`print_table_of`].

use std::collections::HashSet;
use std::convert::Infallible;
use std::str::FromStr;

use analyze::measures::{self, Measure, notes};
use analyze::read::runs::parameters;
use analyze::read::sql::{NotSql, SqlCondition, nearest_in_words};
use analyze::stats::row_columns::RowColumn;
use analyze::stats::row_query::{RowQuery, SortKey};
use analyze::stats::tables::{self, Deviations, TableSpec};
use analyze::stats::{pool, repetitions};
use anyhow::{Context, bail};
use clap::Args;
use sim::console::tell;
use sim::sweep::words::grouped;
use sim::value_completions::parser_with_completions;

use super::Datasets;
use super::output::Output;

/// Accepts any text as the name of a column or measure. Whether there is one with this name is checked later. Then the error message
/// lists the known names.
pub fn parse_name(text: &str) -> Result<String, Infallible> {
    Ok(text.to_owned())
}

/// The names of the columns by which rows can be sorted (possible values of --sort). Shells complete them.
fn row_columns() -> Vec<&'static str> {
    RowColumn::names().collect()
}

/// The names by which runs can be combined (all possible values of --by). Shells complete them.
fn pool_columns() -> Vec<&'static str> {
    [parameters(), &pool::OTHERS].concat()
}

/// The names of all measures. Shells complete them.
pub fn measure_names() -> Vec<&'static str> {
    measures::all().map(|measure| measure.name).collect()
}

/// The options that choose rows by their values, and order them.
#[derive(Debug, Args)]
pub struct RowOptions {
    /// Print only rows that meet this condition in SQL, such as "backlog_growth > 0.1 and regime = 'overloaded'". It can use parameters,
    /// machine, rate, role, n (number of runs), regime (stable, critical or overloaded, as predicted) and regime_measured. Each measure has
    /// several columns. For example, for the measure lag_final, the column lag_final has the mean (in `contrast`, the difference B - A),
    /// lag_final_sd the standard deviation, lag_final_low and lag_final_high the limits of the interval, and lag_final_predicted the
    /// prediction. If this option is given several times, all conditions must hold
    #[arg(long, value_name = "CONDITION", value_parser = SqlCondition::parse)]
    having: Vec<SqlCondition>,
    /// Sort by these columns, named as in the CSV output (backlog_growth) or by their headings in the printed table (growth). Measures
    /// are sorted from the largest to the smallest value, other columns from the smallest to the largest. To reverse this, write
    /// `jump_mean asc` or `rates desc`
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', value_parser = parser_with_completions(SortKey::from_str, row_columns), hide_possible_values = true)]
    sort: Vec<SortKey>,
}

impl RowOptions {
    /// The query that chooses and sorts the rows of a table. The table shows the measures `shown`; --sort accepts their headings too.
    pub fn query(&self, shown: &[&'static Measure]) -> Result<RowQuery, NotSql> {
        self.having.iter().for_each(tell_renamed);
        RowQuery::new(&self.having, &self.sort, shown)
    }

    /// Whether option --having or --sort is given.
    pub fn is_given(&self) -> bool {
        !self.having.is_empty() || self.has_sort_keys()
    }

    /// Whether option --sort is given.
    pub fn has_sort_keys(&self) -> bool {
        !self.sort.is_empty()
    }
}

/// Reports on stderr which names in a condition are earlier names of columns, and the current names.
pub fn tell_renamed(condition: &SqlCondition) {
    for (earlier, current) in condition.renamed() {
        tell(format_args!("{earlier} is now called {current}"));
    }
}

/// A sentence that says how many configurations are not shown, and how to see them. `None` if all are shown.
pub fn say_what_is_not_shown(count: usize) -> Option<String> {
    let plural = if count == 1 { "" } else { "s" };
    let count_in_words = grouped(count as u64);
    (count > 0).then(|| format!("{count_in_words} more configuration{plural}: --all shows them."))
}

/// The option for a limited number of rows.
#[derive(Debug, Args)]
pub struct Top {
    /// Print only the first N rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    top: Option<u64>,
}

impl Top {
    /// Whether the option is given.
    pub fn is_given(&self) -> bool {
        self.top.is_some()
    }

    /// Drops the rows after the first N. Without the option, keeps all rows.
    pub fn truncate<T>(&self, rows: &mut Vec<T>) {
        if let Some(top) = self.top {
            rows.truncate(top as usize);
        }
    }
}

/// The options that choose, order and combine a table's rows.
#[derive(Debug, Args)]
pub struct Rows {
    /// Combine machines and runs. For example, `--by rates,internal` prints one row for each pair of a value of rates and a value of
    /// internal. It has the means over all machines of all runs with these two values. NAME is a parameter or one of these: `machines` (how many machines a run has), `machine` (a machine's number, from 0), `rate`, `role` (slowest, fastest, between
    /// or equal) and `dataset`
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', value_parser = parser_with_completions(parse_name, pool_columns), hide_possible_values = true)]
    by: Vec<String>,
    #[command(flatten)]
    options: RowOptions,
    #[command(flatten)]
    top: Top,
    /// For each measure, add a column that says how much its value varies from run to run (the standard deviation). CSV and JSON always
    /// have these columns
    #[arg(long)]
    sd: bool,
}

impl Rows {
    fn deviations(&self) -> Deviations {
        match self.sd {
            true => Deviations::Shown,
            false => Deviations::Hidden,
        }
    }

    /// The columns that the user gives with --by. It is an error if one is unknown or given twice.
    fn chosen_columns(&self) -> anyhow::Result<Vec<&'static str>> {
        let find_column = |name: &String| {
            pool::known(name.trim()).with_context(|| {
                let names = [parameters(), &pool::OTHERS].concat();
                let nearest = nearest_in_words(name, &names);
                format!(
                    "--by: there is no column `{name}`{nearest}; the columns are {}",
                    names.join(", ")
                )
            })
        };
        let names: Vec<&'static str> = self.by.iter().map(find_column).collect::<Result<_, _>>()?;
        let mut seen = HashSet::new();
        // `insert` returns false if the set already has the name.
        if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
            bail!("--by: {name} is named twice; name it once");
        }
        Ok(names)
    }
}

/// Prints the table of `spec`. It has a row for each machine of each configuration. With --by, it has a row for each *pool*: all
/// runs that have the same values in the named columns.
pub fn print_table_of(
    spec: &TableSpec,
    datasets: &Datasets,
    rows: &Rows,
    output: &Output,
) -> anyhow::Result<()> {
    let measures = spec.measures();
    let names = rows.chosen_columns()?;
    let query = rows.options.query(&measures)?;
    let datasets = datasets.open()?;
    // Sentences about measures that are unknown, because imported logs lack the values for them.
    let notes = notes(&datasets, &measures);
    // `names` is empty without --by. `with_measures` adds the measures that --having and --sort need.
    if !names.is_empty() {
        let pools = pool::pools(&datasets, &names, &query.with_measures(&measures))?;
        let mut pools = query.choose_pools(&names, pools)?;
        rows.top.truncate(&mut pools);
        let mut table = pool::table(spec.title, &names, &measures, &pools, rows.deviations());
        table.caption.extend(notes);
        // Measures in --having and --sort are shown even if the terminal is narrow (provided that the table has them).
        table.keep(&query.headings());
        return output.print(&[], &[table], || pool::records(&names, &measures, &pools));
    }
    let groups = repetitions::groups_with(&datasets, &query.with_measures(&measures))?;
    let mut groups = query.choose_groups(groups)?;
    rows.top.truncate(&mut groups);
    let mut table = tables::table(spec.title, &measures, &groups, rows.deviations());
    table.caption.extend(notes);
    table.keep(&query.headings());
    output.print(&[], &[table], || tables::records(&measures, &groups))
}
