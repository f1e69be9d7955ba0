//! The contrast of two sides, A and B, as paragraphs, as a table and as records (rows of CSV or JSON). A side is one dataset, or the runs
//! that meet one condition.
//!
//! A parameter is *common* if at least one of its values occurs on both sides. A *pool* is a group of runs of one configuration. A *cell*
//! compares some pools of side A with some pools of side B. All these pools have the same values of the common parameters. In texts for
//! users, the configurations on one side of a cell are called "pooled".

use sim::sweep::words::grouped;

use crate::measures::Measure;
use crate::output::table::Table;
use crate::output::value::{Record, Value};
use crate::output::words::counted;
use crate::read::runs::has_own_column;
use crate::stats::contrast::{both_counts, difference_cells};
use crate::stats::difference::Difference;
use crate::stats::intervals::notes;
use crate::stats::pool::Pool;
use crate::stats::sides::{Cell, Contrast, Differing};
use crate::stats::tables::{few_warning, parameter_heading};

/// The largest number of values of a parameter that a paragraph lists.
const MAX_LISTED_VALUES: usize = 5;

/// The names of the sides, as the user gave them.
#[derive(Clone, Debug)]
pub struct Sides {
    /// Side A.
    pub a: String,
    /// Side B.
    pub b: String,
}

/// Paragraphs that say what differs between the sides and what is compared.
pub fn words(contrast: &Contrast, sides: &Sides) -> Vec<String> {
    let mut words = vec![format!("A: {}. B: {}.", sides.a, sides.b)];
    let (disjoint, overlapping): (Vec<&Differing>, Vec<&Differing>) = contrast
        .differing
        .iter()
        .partition(|differing| differing.is_disjoint);
    words.push(match disjoint.is_empty() {
        true => "Every parameter has at least one value that A and B share.".to_owned(),
        false => {
            let each = disjoint.iter().map(|differing| {
                let Differing { name, a, b, .. } = differing;
                format!("{name} is {} in A and {} in B", listed(a), listed(b))
            });
            format!("What differs: {}.", each.collect::<Vec<_>>().join("; "))
        }
    });
    // An overlapping parameter has at least one value that both sides have, and at least one that only one side has. Runs with a value that
    // only one side has are not compared.
    words.extend(overlapping.iter().map(|differing| {
        let Differing { name, a, b, .. } = differing;
        let only_in = |side: &[String], others: &[String]| -> Vec<String> {
            let only = side.iter().filter(|value| !others.contains(value));
            only.cloned().collect()
        };
        let sides = [("A", only_in(a, b)), ("B", only_in(b, a))];
        let left_out = sides.iter().filter(|(_, values)| !values.is_empty());
        let left_out =
            left_out.map(|(side, values)| format!("{} (only in {side})", listed(values)));
        format!(
            "Left out: {name} {}.",
            left_out.collect::<Vec<_>>().join(", ")
        )
    }));
    // Each pool of `run_cells` has the runs of one configuration, so the number of pools is the number of configurations. `contrast.cells`
    // would be wrong here: it has the same runs in several pools, one for each machine or role.
    let cells = &contrast.run_cells;
    let configurations_of_a: usize = cells.iter().map(|cell| cell.a.len()).sum();
    let configurations_of_b: usize = cells.iter().map(|cell| cell.b.len()).sum();
    let is_paired = cells
        .iter()
        .all(|cell| cell.a.len() == 1 && cell.b.len() == 1);
    words.push(match is_paired {
        true => format!(
            "Compared: {} of A,{} with the configuration of B that is equal in all other parameters.",
            counted(configurations_of_a, "configuration"),
            if configurations_of_a == 1 { "" } else { " each" }
        ),
        false => format!(
            "{} configurations of A are compared with {} of B. Configurations of a side that agree in all other parameters are pooled, each with equal weight.",
            grouped(configurations_of_a as u64),
            grouped(configurations_of_b as u64)
        ),
    });
    if contrast.by_role {
        words.push(
            "The rates differ, so machines are compared by their role in a run: slowest, between, fastest, or equal if all machines \
             have the same rate."
                .to_owned(),
        );
    }
    words.push(String::new());
    words
}

/// Values in words. Of many values, only the first and the last are named.
fn listed(values: &[String]) -> String {
    match values {
        [] => "nothing".to_owned(),
        [first, .., last] if values.len() > MAX_LISTED_VALUES => {
            format!("{} values from {first} to {last}", values.len())
        }
        values => values.join(" | "),
    }
}

/// The common parameters that get a column in the table, each with its index in [`Contrast::common`]. A parameter gets a column if it has
/// more than one value. If machines are compared by their index, the rates get a column even with one value. `internal_each` (the
/// probability of internal events of each machine) never gets one.
fn varying(contrast: &Contrast) -> Vec<(usize, &'static str)> {
    let names = contrast.common.iter().copied().enumerate();
    let varies = |index: usize| {
        let mut pairs = contrast.cells.windows(2);
        pairs.any(|pair| pair[0].values[index] != pair[1].values[index])
    };
    names
        .filter(|(index, name)| *name == "rates" && !contrast.by_role || varies(*index))
        .filter(|(_, name)| has_own_column(name))
        .collect()
}

/// A table with a row for each of `cells`, and a last row with the [`average`]. `cells` are the cells of the contrast that the user wants to
/// see. The average is over everything that is compared, whatever the user chose.
pub fn table(contrast: &Contrast, cells: &[&Cell], measures: &[&Measure]) -> Table {
    let varying = varying(contrast);
    let names = varying
        .iter()
        .map(|(_, name)| parameter_heading(name).to_owned());
    let mut headings: Vec<String> = names.collect();
    headings.push(if contrast.by_role { "role" } else { "machine" }.to_owned());
    let key_columns = headings.len();
    headings.extend(measures.iter().map(|measure| measure.heading()));
    headings.push("runs".to_owned());
    let differences = |cell: &Cell| {
        measures
            .iter()
            .map(|measure| cell.difference(measure))
            .collect()
    };
    let mut all_differences: Vec<Vec<Option<Difference>>> =
        cells.iter().map(|cell| differences(cell)).collect();
    let mut rows: Vec<Vec<String>> = std::iter::zip(cells, &all_differences)
        .map(|(cell, differences)| {
            let values = varying.iter().map(|(index, _)| cell.values[*index].clone());
            let mut row: Vec<String> = values.chain(cell.machine.clone()).collect();
            row.extend(difference_cells(differences, measures));
            let (a, b) = (Cell::runs(&cell.a), Cell::runs(&cell.b));
            row.push(both_counts(a, b));
            row
        })
        .collect();
    let averages: Vec<Option<Difference>> = measures
        .iter()
        .map(|measure| average(contrast, measure))
        .collect();
    let mut row = vec![String::new(); key_columns];
    row[0] = "average".to_owned();
    row.extend(difference_cells(&averages, measures));
    row.push(String::new());
    rows.push(row);
    all_differences.push(averages);
    let kinds = all_differences
        .iter()
        .flatten()
        .flatten()
        .map(|difference| difference.interval_kind);
    let mut caption = vec![
        "Difference of the means, B minus A, ± half the width of its 95 % interval (Welch). The interval is valid for these \
         configurations. If it includes 0, these runs do not show a difference."
            .to_owned(),
        "average: the mean over everything that is compared. Each run counts as one value, the mean of its machines. Each pair of configurations or pools has equal weight.".to_owned(),
        "runs: the number of runs of A and of B; one number if they are equal.".to_owned(),
    ];
    caption.extend(notes(kinds));
    let runs = cells
        .iter()
        .flat_map(|cell| cell.a.iter().chain(&cell.b))
        .map(|pool| pool.n);
    caption.extend(few_warning(runs.min()));
    caption.extend(
        measures
            .iter()
            .map(|measure| format!("- {}: {}.", measure.label, measure.brief)),
    );
    Table {
        short: vec![],
        title: "Contrast",
        numeric: (0..headings.len())
            .map(|column| column >= key_columns)
            .collect(),
        // A narrow terminal leaves out these columns in this order: the numbers of runs, then the measures from the last to the second.
        optional: std::iter::once(headings.len() - 1)
            .chain((key_columns + 1..key_columns + measures.len()).rev())
            .collect(),
        headings,
        rows,
        caption,
        ..Table::default()
    }
}

/// The average of the differences of all [`Contrast::run_cells`]. In these cells, each run counts as one value: the mean over its machines.
/// `None` if one of these cells has no difference.
pub fn average(contrast: &Contrast, measure: &Measure) -> Option<Difference> {
    let differences = contrast
        .run_cells
        .iter()
        .map(|cell| cell.difference(measure));
    Difference::average(&differences.collect::<Option<Vec<_>>>()?)
}

/// A record for each of `cells` and each measure, in full precision. Then, for each measure, a record for the average.
pub fn records(contrast: &Contrast, cells: &[&Cell], measures: &[&Measure]) -> Vec<Record> {
    let of_cells = cells.iter().flat_map(|cell| {
        measures
            .iter()
            .map(|measure| record(contrast, Some(cell), measure))
    });
    let averages = measures
        .iter()
        .map(|measure| record(contrast, None, measure));
    of_cells.chain(averages).collect()
}

/// The record of a cell, or of the average if `cell` is `None`.
fn record(contrast: &Contrast, cell: Option<&Cell>, measure: &Measure) -> Record {
    let mut record: Record = vec![];
    for name in &contrast.common {
        let value = cell.map(|cell| cell.value(name));
        record.push(((*name).to_owned(), value.unwrap_or(Value::Missing)));
    }
    // The record of the average has the word `average` in place of a machine.
    let machine = cell.map_or(Some("average".to_owned()), |cell| cell.machine.clone());
    let key = if contrast.by_role { "role" } else { "machine" };
    let difference = match cell {
        Some(cell) => cell.difference(measure),
        None => average(contrast, measure),
    };
    // The cells over which the average is taken.
    let averaged = || contrast.run_cells.iter();
    // Calls `count` with the pools of side A, and with the pools of side B. For the average, adds up the counts of all averaged cells.
    let on_both_sides = |count: fn(&[Pool]) -> i64| -> [i64; 2] {
        match cell {
            Some(cell) => [count(&cell.a), count(&cell.b)],
            None => [
                averaged().map(|cell| count(&cell.a)).sum(),
                averaged().map(|cell| count(&cell.b)).sum(),
            ],
        }
    };
    let configurations = on_both_sides(|pools| pools.len() as i64);
    let runs = on_both_sides(|pools| Cell::runs(pools) as i64);
    // The mean of the measure on one side. For the average, this is the mean over cells, each with equal weight.
    let mean = |side: fn(&Cell) -> &[Pool]| match cell {
        Some(cell) => Cell::mean(side(cell), measure),
        None => {
            let means = averaged().map(|cell| Cell::mean(side(cell), measure));
            let means: Option<Vec<f64>> = means.collect();
            means.map(|means| means.iter().sum::<f64>() / means.len() as f64)
        }
    };
    let interval = difference.and_then(|difference| difference.interval());
    let kind = difference.and_then(|difference| difference.interval_kind.name());
    record.extend([
        (key.to_owned(), machine.into()),
        ("measure".to_owned(), Value::Text(measure.name.to_owned())),
        (
            "configurations_a".to_owned(),
            Value::Integer(configurations[0]),
        ),
        (
            "configurations_b".to_owned(),
            Value::Integer(configurations[1]),
        ),
        ("n_a".to_owned(), Value::Integer(runs[0])),
        ("n_b".to_owned(), Value::Integer(runs[1])),
        ("mean_a".to_owned(), mean(|cell| &cell.a).into()),
        ("mean_b".to_owned(), mean(|cell| &cell.b).into()),
        (
            "difference".to_owned(),
            difference.map(|difference| difference.mean).into(),
        ),
        ("low".to_owned(), interval.map(|(low, _)| low).into()),
        ("high".to_owned(), interval.map(|(_, high)| high).into()),
        ("interval".to_owned(), kind.map(str::to_owned).into()),
    ]);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_of_runs_are_shown_only_if_they_differ() {
        assert_eq!(both_counts(1_200, 1_200), "1,200");
        // The blanks are no-break spaces.
        let both = both_counts(10, 1_200);
        assert_eq!(both.replace('\u{a0}', " "), "10 and 1,200");
    }
}
