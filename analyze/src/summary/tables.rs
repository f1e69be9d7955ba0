//! The overview of datasets as text: two paragraphs about regimes (stable, critical, overloaded), and a table with a row for each
//! configuration.

use sim::sweep::words::grouped;

use super::overview::{Overview, RegimeCounts, Row};
use crate::measures::{self, Measure};
use crate::output::table::{ShortColumn, Table, keep_together, number};
use crate::output::tones::tone_of_verdict;
use crate::stats::estimate::{Estimate, IntervalKind};
use crate::stats::intervals::estimate_words;
use crate::stats::repetitions::Group;
use crate::stats::tables::Varying;
use crate::theory::Regime;

/// The measures of the slowest machine that the table shows. Each of them has a column.
const SLOWEST: [&str; 3] = ["backlog_growth", "lag_final", "jump_mean"];

/// Two paragraphs: how many machines have each regime, as measured and as predicted.
pub fn regimes(overview: &Overview<'_>) -> [String; 2] {
    let words = |counts: &RegimeCounts| {
        let RegimeCounts {
            stable,
            critical,
            overloaded,
            unknown,
        } = *counts;
        let mut parts = vec![
            format!("{} stable", grouped(stable as u64)),
            format!("{} critical", grouped(critical as u64)),
            format!("{} overloaded", grouped(overloaded as u64)),
        ];
        if unknown > 0 {
            parts.push(format!("{} not known", grouped(unknown as u64)));
        }
        parts.join(", ")
    };
    [
        format!("Machines, measured: {}.", words(&overview.measured)),
        format!("Machines, predicted: {}.", words(&overview.predicted)),
    ]
}

/// A table of `rows`, which are some or all of the overview's rows. `not_shown` is a sentence that says how many rows are not shown; none if
/// all are shown.
pub fn table(rows: &[Row<'_>], not_shown: Option<String>) -> Table {
    // A group is one machine of one configuration; here it is the slowest machine.
    let groups: Vec<&Group> = rows.iter().map(|row| row.slowest).collect();
    // The columns that tell configurations apart: `rates`, `internal`, and what else differs between the rows.
    let varying = Varying::among(&groups);
    let mut headings = varying.headings();
    headings.push("regime".to_owned());
    let first_number = headings.len();
    headings.extend(SLOWEST.map(|name| measures::named(name).heading()));
    headings.extend(["fastest clock (1/s)", "n"].map(str::to_owned));
    let cells = |row: &Row<'_>| {
        let mut cells = varying.cells(row.slowest);
        cells.push(regime(row));
        let measures_of_slowest = SLOWEST.map(measures::named);
        cells.extend(
            measures_of_slowest.map(|measure| cell(row.slowest.estimate(measure), measure)),
        );
        cells.push(cell(row.fastest_clock, measures::named("logical_rate")));
        cells.push(grouped(row.slowest.n));
        cells
    };
    Table {
        title: "Slowest machine of each configuration",
        numeric: (0..headings.len())
            .map(|column| column >= first_number)
            .collect(),
        rows: rows.iter().map(cells).collect(),
        // The column before the first number is the regime. `tone_of_verdict` has colours for regimes too, not only for verdicts.
        coloured: Some((first_number - 1, tone_of_verdict)),
        // Counted from the first column of numbers, 0 is the backlog growth, 1 the final lag, 2 the mean jump, 3 the fastest clock, 4 is n.
        // A narrow terminal leaves out n first, then the mean jump, and so on.
        optional: [4, 2, 3, 1].map(|column| first_number + column).to_vec(),
        short: vec![fastest_without_interval(rows, first_number + SLOWEST.len())],
        headings,
        caption: caption(rows, &varying, &groups, not_shown),
        ..Table::default()
    }
}

/// The column of the fastest clock in the form for narrow terminals: without intervals. `index` is the column's index in the table.
fn fastest_without_interval(rows: &[Row<'_>], index: usize) -> ShortColumn {
    let decimals = measures::named("logical_rate").decimals;
    let cell = |row: &Row<'_>| {
        let mean = row
            .fastest_clock
            .map(|estimate| number(estimate.mean, decimals));
        mean.unwrap_or_else(|| "none".to_owned())
    };
    ShortColumn {
        index,
        heading: "fastest".to_owned(),
        cells: rows.iter().map(cell).collect(),
    }
}

/// The measured regime, with an asterisk if the predicted regime differs. If there is no measured regime: the predicted regime.
fn regime(row: &Row<'_>) -> String {
    let name = |regime: Option<Regime>| regime.map_or("not known", Regime::name);
    match differs_from_prediction(row) {
        true => format!("{}*", name(row.measured)),
        false => name(row.measured.or(row.predicted())).to_owned(),
    }
}

/// Whether there are a measured and a predicted regime, and they differ.
fn differs_from_prediction(row: &Row<'_>) -> bool {
    let both = row.measured.zip(row.predicted());
    both.is_some_and(|(measured, predicted)| measured != predicted)
}

fn cell(estimate: Option<Estimate>, measure: &Measure) -> String {
    match estimate {
        Some(estimate) => keep_together(&estimate_words(&estimate, measure.digits()).join(" ")),
        None => "none".to_owned(),
    }
}

fn caption(
    rows: &[Row<'_>],
    varying: &Varying,
    groups: &[&Group],
    not_shown: Option<String>,
) -> Vec<String> {
    let mut caption: Vec<String> = not_shown.into_iter().collect();
    if rows.iter().any(differs_from_prediction) {
        caption.push("*: the prediction has another regime; `analyze theory` shows it.".to_owned());
    }
    let measures_of_slowest = SLOWEST.map(measures::named);
    let mut estimates = rows.iter().flat_map(|row| {
        measures_of_slowest
            .iter()
            .filter_map(|measure| row.slowest.estimate(measure))
            .chain(row.fastest_clock)
    });
    let is_rough = |estimate: Estimate| estimate.interval_kind == IntervalKind::Rough;
    let rough = match estimates.any(is_rough) {
        true => " ±~: a rough interval (few different values).",
        false => "",
    };
    // On narrow terminals, `fastest` is the heading of the column.
    caption.push(format!("fastest: highest clock rate, 1/s.{rough}"));
    // The values of the parameters that have no column.
    caption.extend(varying.constant(groups));
    caption
}
