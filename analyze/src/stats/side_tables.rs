//! A contrast of two sides as paragraphs, as a table and as records.

use sim::sweep::words::grouped;

use crate::measures::Measure;
use crate::output::table::Table;
use crate::output::value::{Record, Value};
use crate::output::words::counted;
use crate::read::runs::is_in_full;
use crate::stats::contrast::{both_counts, difference_cells};
use crate::stats::difference::Difference;
use crate::stats::intervals::notes;
use crate::stats::sides::{Cell, Contrast, Differing};
use crate::stats::tables::{few_warning, parameter_heading};

/// Most values of a parameter that a paragraph lists.
const MOST_VALUES: usize = 5;

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
    let (disjoint, partly): (Vec<&Differing>, Vec<&Differing>) = contrast
        .differing
        .iter()
        .partition(|differing| differing.is_disjoint);
    words.push(match disjoint.is_empty() {
        true => {
            "No parameter differs: A and B have values of every parameter in common.".to_owned()
        }
        false => {
            let each = disjoint.iter().map(|differing| {
                let Differing { name, a, b, .. } = differing;
                format!("{name} is {} in A and {} in B", listed(a), listed(b))
            });
            format!("What differs: {}.", each.collect::<Vec<_>>().join("; "))
        }
    });
    words.extend(partly.iter().map(|differing| {
        let Differing { name, a, b, .. } = differing;
        let only = |these: &[String], others: &[String]| -> Vec<String> {
            let only = these.iter().filter(|value| !others.contains(value));
            only.cloned().collect()
        };
        let sides = [("A", only(a, b)), ("B", only(b, a))];
        let left_out = sides.iter().filter(|(_, values)| !values.is_empty());
        let left_out =
            left_out.map(|(side, values)| format!("{} (only in {side})", listed(values)));
        format!(
            "Left out: {name} {}.",
            left_out.collect::<Vec<_>>().join(", ")
        )
    }));
    let configurations =
        |of: fn(&Cell) -> usize| -> usize { contrast.run_cells.iter().map(of).sum() };
    let (a, b) = (
        configurations(|cell| cell.a.len()),
        configurations(|cell| cell.b.len()),
    );
    let is_paired = contrast
        .run_cells
        .iter()
        .all(|cell| cell.a.len() == 1 && cell.b.len() == 1);
    words.push(match is_paired {
        true => format!("{} of A, each with one of B that is equal in everything else.", counted(a, "configuration")),
        false => format!(
            "{} configurations of A are compared with {} of B. Those with equal other parameters are pooled, each with equal weight.",
            grouped(a as u64),
            grouped(b as u64)
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

fn listed(values: &[String]) -> String {
    match values {
        [] => "nothing".to_owned(),
        [first, .., last] if values.len() > MOST_VALUES => {
            format!("{} values from {first} to {last}", values.len())
        }
        values => values.join(" | "),
    }
}

/// The parameters that have a column: those with more than one value.
fn varying(contrast: &Contrast) -> Vec<(usize, &'static str)> {
    let names = contrast.common.iter().copied().enumerate();
    let varies = |index: usize| {
        let mut pairs = contrast.cells.windows(2);
        pairs.any(|pair| pair[0].values[index] != pair[1].values[index])
    };
    names
        .filter(|(index, name)| *name == "rates" && !contrast.by_role || varies(*index))
        .filter(|(_, name)| !is_in_full(name))
        .collect()
}

/// A table with a row for each of `cells`, some of the contrast's, and a last row with the average of all.
pub fn table(contrast: &Contrast, cells: &[&Cell], measures: &[&Measure]) -> Table {
    let varying = varying(contrast);
    let names = varying
        .iter()
        .map(|(_, name)| parameter_heading(name).to_owned());
    let mut headings: Vec<String> = names.collect();
    headings.push(if contrast.by_role { "role" } else { "machine" }.to_owned());
    let keys = headings.len();
    headings.extend(measures.iter().map(|measure| measure.heading()));
    headings.push("runs".to_owned());
    let differences = |cell: &Cell| {
        measures
            .iter()
            .map(|measure| cell.difference(measure))
            .collect()
    };
    let mut shown: Vec<Vec<Option<Difference>>> =
        cells.iter().map(|cell| differences(cell)).collect();
    let mut rows: Vec<Vec<String>> = std::iter::zip(cells, &shown)
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
    let mut row = vec![String::new(); keys];
    row[0] = "average".to_owned();
    row.extend(difference_cells(&averages, measures));
    row.push(String::new());
    rows.push(row);
    shown.push(averages);
    let kinds = shown
        .iter()
        .flatten()
        .flatten()
        .map(|difference| difference.interval_kind);
    let mut caption = vec![
        "Difference of the means, B minus A, ± half the width of its 95 % interval (Welch). The interval is valid for these \
         configurations. If it includes 0, these runs do not show a difference."
            .to_owned(),
        "average: everything that is compared; each run is one value, the mean of its machines, and each pair or pool has equal weight.".to_owned(),
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
        numeric: (0..headings.len()).map(|column| column >= keys).collect(),
        optional: std::iter::once(headings.len() - 1)
            .chain((keys + 1..keys + measures.len()).rev())
            .collect(),
        headings,
        rows,
        caption,
        ..Table::default()
    }
}

/// The average over all that is compared: each run is one value.
pub fn average(contrast: &Contrast, measure: &Measure) -> Option<Difference> {
    let differences = contrast
        .run_cells
        .iter()
        .map(|cell| cell.difference(measure));
    Difference::average(&differences.collect::<Option<Vec<_>>>()?)
}

/// A record for each of `cells` and measure, in full precision, and one for each average, without machine.
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

fn record(contrast: &Contrast, cell: Option<&Cell>, measure: &Measure) -> Record {
    let mut record: Record = vec![];
    for name in &contrast.common {
        let value = cell.map(|cell| cell.value(name));
        record.push(((*name).to_owned(), value.unwrap_or(Value::Missing)));
    }
    let machine = cell.map_or(Some("average".to_owned()), |cell| cell.machine.clone());
    let key = if contrast.by_role { "role" } else { "machine" };
    let difference = match cell {
        Some(cell) => cell.difference(measure),
        None => average(contrast, measure),
    };
    let all = || contrast.run_cells.iter();
    let [configurations, runs] = [false, true].map(|of_runs| {
        let count = |pools: &[_]| {
            if of_runs {
                Cell::runs(pools) as i64
            } else {
                pools.len() as i64
            }
        };
        match cell {
            Some(cell) => [count(&cell.a), count(&cell.b)],
            None => [
                all().map(|cell| count(&cell.a)).sum(),
                all().map(|cell| count(&cell.b)).sum(),
            ],
        }
    });
    let mean = |of: fn(&Cell) -> &[_]| match cell {
        Some(cell) => Cell::mean(of(cell), measure),
        None => {
            let means = all().map(|cell| Cell::mean(of(cell), measure));
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
        let both = both_counts(10, 1_200);
        assert_eq!(both.replace('\u{a0}', " "), "10 and 1,200");
    }
}
