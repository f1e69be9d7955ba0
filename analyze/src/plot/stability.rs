//! Backlog growth over rates and probabilities of internal events, with the boundary that theory predicts.
//!
//! Theory calls a machine overloaded if more messages arrive per second than it has ticks. The boundary is drawn between configurations
//! in which a machine is overloaded and configurations in which none is.

use super::over_time::subtitle;
use super::{Kind, Options, Plot, PlotError};
use crate::draw::chart::{Axis, Figure, Ink, KeyEntry, Mark, Panel, Point, Series};
use crate::measures;
use crate::output::table::number;
use crate::output::value::Value;
use crate::read::dataset::Dataset;
use crate::read::runs::shown;
use crate::stats::intervals::estimate_words;
use crate::stats::repetitions::{self, Group};
use crate::theory::{self, PredictionComparison};

/// The most rows of a map.
const MOST_ROWS: usize = 250;

/// A map with more rows has the boundary only within rows.
const MOST_RELATED_ROWS: usize = 40;

/// A configuration of the map.
struct Cell {
    /// The values of all parameters other than rates and internal that differ.
    others: String,
    rates: String,
    internal: String,
    /// The machine whose queue grows fastest, and how fast.
    growth: Option<(i64, f64)>,
    words: String,
    /// Whether theory predicts that a machine is overloaded; none if it predicts nothing.
    is_overloaded: Option<bool>,
}

pub(super) fn plot(dataset: &Dataset, options: &Options) -> Result<Plot, PlotError> {
    if !options.by.is_empty() {
        return Err(PlotError::Nothing(
            "--by: the map has a cell for each configuration, so runs cannot be combined; choose with --where".to_owned(),
        ));
    }
    let growth = measures::named("backlog_growth");
    let groups = repetitions::groups_with(std::slice::from_ref(dataset), &[growth])?;
    let cells = cells(&groups);
    if cells.iter().all(|cell| cell.growth.is_none()) {
        return Err(super::bars::nothing(dataset, &[growth]));
    }
    let panels: Vec<Panel> = distinct(&cells, |cell| &cell.others)
        .iter()
        .map(|others| panel(others, &cells))
        .collect();
    let rows = distinct(&cells, |cell| &cell.rates).len();
    let most = cells
        .iter()
        .filter_map(|cell| cell.growth)
        .map(|(_, growth)| growth);
    let most = most.fold(0.0, f64::max);
    let overloaded = cells
        .iter()
        .filter(|cell| cell.is_overloaded == Some(true))
        .count();
    Ok(Plot {
        left_out: (rows > MOST_ROWS).then(|| {
            format!("{}: only the first {MOST_ROWS} of {rows} rate sets are drawn; choose with --where", dataset.label())
        }),
        figure: Figure {
            title: format!("{}: {}", Kind::Stability.title(), dataset.label()),
            subtitle: subtitle(dataset),
            description: format!(
                "A map of {} configurations: the darker, the faster the queue of the most loaded machine grows, at most {} messages/s. \
                 Theory predicts an overloaded machine in {overloaded} of them.",
                cells.len(),
                number(most, 2)
            ),
            columns: panels.len().min(3),
            panels,
            key: vec![
                KeyEntry {
                    name: format!("backlog growth of the most loaded machine, 0 to {} messages/s", number(most, 2)),
                    ink: Ink::Machine(1),
                    mark: Mark::Cells,
                },
                KeyEntry {
                    name: "predicted boundary: a machine is overloaded on the dark side".to_owned(),
                    ink: Ink::Text,
                    mark: Mark::Segments,
                },
            ],
            notes: vec![
                "A machine is overloaded if more messages arrive per second than it has ticks. Growth is the mean over the runs of a \
                 configuration. The prediction uses the configuration alone."
                    .to_owned(),
            ],
            width: options.width,
        },
    })
}

/// The configurations: the groups of the same configuration are consecutive.
fn cells(groups: &[Group]) -> Vec<Cell> {
    let values: Vec<Vec<Value>> = groups
        .iter()
        .map(|group| group.parameters.clone())
        .collect();
    let names = super::conditions::names(&values, &[]);
    let compared = theory::compare(groups);
    let mut cells = vec![];
    let mut rest = compared.as_slice();
    while let [first, others @ ..] = rest {
        let more = others
            .iter()
            .take_while(|other| other.group.machine > 0)
            .count();
        let (machines, after) = rest.split_at(more + 1);
        cells.push(cell(&names, first.group, machines));
        rest = after;
    }
    cells
}

fn cell(names: &[&'static str], group: &Group, machines: &[PredictionComparison<'_>]) -> Cell {
    let text = |name: &str| shown(&group.parameters, name);
    let others = names
        .iter()
        .filter(|name| !["rates", "internal"].contains(name));
    let others = others.map(|name| format!("{name} {}", text(name)));
    let measure = measures::named("backlog_growth");
    let estimates = machines
        .iter()
        .filter_map(|machine| Some((machine.group.machine, machine.group.estimate(measure)?)));
    let largest = estimates.max_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    let loads = machines.iter().map(|machine| {
        let arrivals = machine.prediction.as_ref()?.arrival_rate?;
        Some(arrivals > machine.group.rate * (1.0 + 1e-9))
    });
    let loads: Option<Vec<bool>> = loads.collect();
    let is_overloaded = loads.map(|loads| loads.contains(&true));
    let (rates, internal) = (text("rates"), text("internal"));
    let predicted = match is_overloaded {
        Some(true) => "; predicted: overloaded",
        Some(false) => "; predicted: not overloaded",
        None => "; no prediction",
    };
    let words = match &largest {
        Some((machine, estimate)) => format!(
            "{rates}, internal {internal}: machine {machine} {} messages/s{predicted}",
            estimate_words(estimate, measure.digits()).join(" ")
        ),
        None => format!("rates {rates}, internal {internal}: backlog not known{predicted}"),
    };
    Cell {
        others: others.collect::<Vec<_>>().join(" · "),
        growth: largest.map(|(machine, estimate)| (machine, estimate.mean)),
        words,
        is_overloaded,
        rates,
        internal,
    }
}

/// The different texts, in the order of their first occurrence.
fn distinct(cells: &[Cell], read: impl Fn(&Cell) -> &String) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let texts = cells
        .iter()
        .map(read)
        .filter(|text| seen.insert(text.as_str()));
    texts.cloned().collect()
}

fn panel(others: &str, cells: &[Cell]) -> Panel {
    let mut columns = distinct(cells, |cell| &cell.internal);
    columns.sort_by(|a, b| {
        let number = |text: &str| text.parse::<f64>().unwrap_or(f64::INFINITY);
        number(a).total_cmp(&number(b)).then_with(|| a.cmp(b))
    });
    let mut rows = distinct(cells, |cell| &cell.rates);
    rows.truncate(MOST_ROWS);
    let mut points = vec![];
    let mut grid: Vec<Vec<Option<bool>>> = vec![vec![None; columns.len()]; rows.len()];
    let index = |texts: &[String], text: &String| texts.iter().position(|other| other == text);
    for cell in cells.iter().filter(|cell| cell.others == others) {
        let (Some(column), Some(row)) =
            (index(&columns, &cell.internal), index(&rows, &cell.rates))
        else {
            continue;
        };
        grid[row][column] = cell.is_overloaded;
        points.push(Point {
            x: column as f64,
            y: row as f64,
            value: cell.growth.map(|(_, growth)| growth),
            words: cell.words.clone(),
            ..Point::default()
        });
    }
    Panel {
        title: others.to_owned(),
        x: Axis::names(
            "internal: probability that an idle tick sends nothing",
            columns,
        ),
        y: Axis::names("rates (ticks/s)", rows),
        series: vec![
            Series {
                name: "backlog growth".to_owned(),
                ink: Ink::Machine(1),
                mark: Mark::Cells,
                points,
            },
            Series {
                name: "predicted boundary".to_owned(),
                ink: Ink::Text,
                mark: Mark::Segments,
                points: boundary(&grid),
            },
        ],
    }
}

/// The edges between cells with different predictions, each as two points. In a map with many rows, neighbouring rows have little in
/// common, so there are only the edges within rows.
fn boundary(grid: &[Vec<Option<bool>>]) -> Vec<Point> {
    let is_across_rows = grid.len() <= MOST_RELATED_ROWS;
    let mut points = vec![];
    let mut edge = |(x1, y1): (f64, f64), (x2, y2): (f64, f64)| {
        points.extend([(x1, y1), (x2, y2)].map(|(x, y)| Point {
            x,
            y,
            ..Point::default()
        }));
    };
    let differ =
        |one: Option<bool>, other: Option<bool>| one.zip(other).is_some_and(|(a, b)| a != b);
    for (row, cells) in grid.iter().enumerate() {
        for (column, &here) in cells.iter().enumerate() {
            let (x, y) = (column as f64, row as f64);
            if cells
                .get(column + 1)
                .is_some_and(|&right| differ(here, right))
            {
                edge((x + 0.5, y - 0.5), (x + 0.5, y + 0.5));
            }
            if is_across_rows
                && grid
                    .get(row + 1)
                    .is_some_and(|below| differ(here, below[column]))
            {
                edge((x - 0.5, y + 0.5), (x + 0.5, y + 0.5));
            }
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_is_between_different_predictions() {
        let (yes, no) = (Some(true), Some(false));
        let edges = boundary(&[vec![yes, no], vec![yes, yes], vec![None, yes]]);
        let ends: Vec<(f64, f64)> = edges.iter().map(|point| (point.x, point.y)).collect();
        assert_eq!(ends, [(0.5, -0.5), (0.5, 0.5), (0.5, 0.5), (1.5, 0.5)]);
    }
}
