//! A map of configurations: a row for each set of rates, and a column for each probability of internal events. The shade of a cell shows
//! how fast the fastest-growing queue of the configuration grows.
//!
//! Theory calls a machine overloaded if more messages arrive per second than it has ticks. The predicted boundary is drawn between the
//! configurations in which a machine is overloaded and those in which no machine is overloaded.

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

/// The largest number of rows of a map.
const MAX_ROWS: usize = 250;

/// If a map has more rows than this, the boundary is drawn only between cells of the same row, because neighbouring rows can have very
/// different rates. For example, in the map of all 216 sets of three rates from 1 to 6, the rows 1,1,6 and 1,2,1 are neighbours.
const MAX_RELATED_ROWS: usize = 40;

/// The colour of the cells. In other pictures it belongs to machine 1; here it stands for no machine.
const CELL_INK: Ink = Ink::Machine(1);

/// A cell of the map: one configuration.
struct Cell {
    /// Names and values of the parameters that differ between configurations, without rates and internal: for example `stamp before`.
    /// Each combination of these values has a panel of its own.
    others: String,
    /// The row of the cell.
    rates: String,
    /// The column of the cell: the probability of internal events.
    internal: String,
    /// The mean backlog growth of the machine whose backlog grows fastest, in messages per second. `None` if no machine has a value.
    growth: Option<f64>,
    /// What is shown while the pointer is on the cell.
    words: String,
    /// Whether theory predicts that a machine is overloaded. `None` if a machine has no prediction.
    is_overloaded: Option<bool>,
}

/// Makes the plot, with a map for each combination of values of the parameters other than rates and internal.
pub(super) fn plot(dataset: &Dataset, options: &Options) -> Result<Plot, PlotError> {
    if !options.by.is_empty() {
        return Err(PlotError::Nothing(
            "--by: the map has a cell for each configuration, so runs cannot be combined; to draw fewer configurations, use --where".to_owned(),
        ));
    }
    let growth = measures::named("backlog_growth");
    let groups = repetitions::groups_with(std::slice::from_ref(dataset), &[growth])?;
    let cells = cells(&groups);
    if cells.iter().all(|cell| cell.growth.is_none()) {
        return Err(super::bars::nothing_to_draw(dataset, &[growth]));
    }
    let panels: Vec<Panel> = distinct(&cells, |cell| &cell.others)
        .iter()
        .map(|others| panel(others, &cells))
        .collect();
    let rows = distinct(&cells, |cell| &cell.rates).len();
    let growths = cells.iter().filter_map(|cell| cell.growth);
    let largest_growth = growths.fold(0.0, f64::max);
    let overloaded = cells
        .iter()
        .filter(|cell| cell.is_overloaded == Some(true))
        .count();
    Ok(Plot {
        left_out: (rows > MAX_ROWS).then(|| {
            format!("{}: only the first {MAX_ROWS} of {rows} rate sets are drawn; choose with --where", dataset.label())
        }),
        figure: Figure {
            title: format!("{}: {}", Kind::Stability.title(), dataset.label()),
            subtitle: subtitle(dataset),
            description: format!(
                "A map of {} configurations. The stronger the colour of a cell, the faster the fastest-growing queue of its machines grows (at most {} messages/s). \
                 Theory predicts an overloaded machine in {overloaded} of the configurations.",
                cells.len(),
                number(largest_growth, 2)
            ),
            columns: panels.len().min(3),
            panels,
            key: vec![
                KeyEntry {
                    name: format!("growth of the fastest-growing queue, 0 to {} messages/s", number(largest_growth, 2)),
                    ink: CELL_INK,
                    mark: Mark::Cells,
                },
                KeyEntry {
                    name: "predicted boundary: a machine is overloaded on the side with stronger colours".to_owned(),
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

/// The cells of all configurations. A group is one machine of one configuration; the groups of a configuration are consecutive, and
/// begin with machine 0.
fn cells(groups: &[Group]) -> Vec<Cell> {
    let values: Vec<Vec<Value>> = groups
        .iter()
        .map(|group| group.parameters.clone())
        .collect();
    // The second argument has the parameters of `--by`. It is empty, because this plot refuses `--by`.
    let names = super::conditions::names(&values, &[]);
    let compared = theory::compare(groups);
    let mut cells = vec![];
    // Each turn of the loop takes the machines of one configuration: machine 0 and those that follow it.
    let mut remaining = compared.as_slice();
    while let [machine_0, rest @ ..] = remaining {
        let other_machines = rest
            .iter()
            .take_while(|other| other.group.machine > 0)
            .count();
        let (machines, next) = remaining.split_at(other_machines + 1);
        cells.push(cell(&names, machine_0.group, machines));
        remaining = next;
    }
    cells
}

/// The cell of one configuration. `machines` has all machines of the configuration, with their predictions. `group` is one of these
/// machines; the values of parameters are the same for all of them. `names` has the parameters that differ between configurations.
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
    // For each machine, whether theory predicts that it is overloaded. A machine with exactly as many arrivals as ticks is not
    // overloaded. The factor `1.0 + 1e-9` keeps a rounding error from changing that.
    let overloads = machines.iter().map(|machine| {
        let arrivals = machine.prediction.as_ref()?.arrival_rate?;
        Some(arrivals > machine.group.rate * (1.0 + 1e-9))
    });
    // `None` if a machine has no prediction.
    let overloads: Option<Vec<bool>> = overloads.collect();
    let is_overloaded = overloads.map(|overloads| overloads.contains(&true));
    let (rates, internal) = (text("rates"), text("internal"));
    let predicted = match is_overloaded {
        Some(true) => "; predicted: overloaded",
        Some(false) => "; predicted: not overloaded",
        None => "; no prediction",
    };
    let words = match &largest {
        Some((machine, estimate)) => format!(
            "rates {rates}, internal {internal}: machine {machine} {} messages/s{predicted}",
            estimate_words(estimate, measure.digits()).join(" ")
        ),
        None => format!("rates {rates}, internal {internal}: backlog not known{predicted}"),
    };
    Cell {
        others: others.collect::<Vec<_>>().join(" · "),
        growth: largest.map(|(_, estimate)| estimate.mean),
        words,
        is_overloaded,
        rates,
        internal,
    }
}

/// The different texts that `read` returns for the cells, in the order of their first occurrence.
fn distinct(cells: &[Cell], read: impl Fn(&Cell) -> &String) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let texts = cells
        .iter()
        .map(read)
        .filter(|text| seen.insert(text.as_str()));
    texts.cloned().collect()
}

/// The panel for one value of [`Cell::others`]. It shows the cells with this value.
fn panel(others: &str, cells: &[Cell]) -> Panel {
    // All panels have the same columns and rows: those of all cells.
    let mut columns = distinct(cells, |cell| &cell.internal);
    columns.sort_by(|a, b| {
        // If `internal` is a list with a value for each machine, it is not a number, and comes last.
        let number = |text: &str| text.parse::<f64>().unwrap_or(f64::INFINITY);
        number(a).total_cmp(&number(b)).then_with(|| a.cmp(b))
    });
    let mut rows = distinct(cells, |cell| &cell.rates);
    rows.truncate(MAX_ROWS);
    let mut points = vec![];
    // For each row and column, whether theory predicts that a machine is overloaded.
    let mut overloads: Vec<Vec<Option<bool>>> = vec![vec![None; columns.len()]; rows.len()];
    let index = |texts: &[String], text: &String| texts.iter().position(|other| other == text);
    for cell in cells.iter().filter(|cell| cell.others == others) {
        let (Some(column), Some(row)) =
            (index(&columns, &cell.internal), index(&rows, &cell.rates))
        else {
            // The row of this cell is beyond the first `MAX_ROWS` rows.
            continue;
        };
        overloads[row][column] = cell.is_overloaded;
        points.push(Point {
            x: column as f64,
            y: row as f64,
            value: cell.growth,
            words: cell.words.clone(),
            ..Point::default()
        });
    }
    Panel {
        title: others.to_owned(),
        x: Axis::names(
            "internal: probability that a tick with an empty queue sends nothing",
            columns,
        ),
        y: Axis::names("rates (ticks/s)", rows),
        series: vec![
            Series {
                name: "backlog growth".to_owned(),
                ink: CELL_INK,
                mark: Mark::Cells,
                points,
            },
            Series {
                name: "predicted boundary".to_owned(),
                ink: Ink::Text,
                mark: Mark::Segments,
                points: boundary(&overloads),
            },
        ],
    }
}

/// The edges between neighbouring cells with different predictions. Each edge is two points, its ends. `overloads` has the prediction
/// for each row and column. In a map with more than [`MAX_RELATED_ROWS`] rows, only cells of the same row are compared.
fn boundary(overloads: &[Vec<Option<bool>>]) -> Vec<Point> {
    let compares_rows = overloads.len() <= MAX_RELATED_ROWS;
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
    for (row, cells) in overloads.iter().enumerate() {
        for (column, &here) in cells.iter().enumerate() {
            // The centre of the cell. Its sides are half a unit away.
            let (x, y) = (column as f64, row as f64);
            if cells
                .get(column + 1)
                .is_some_and(|&right| differ(here, right))
            {
                edge((x + 0.5, y - 0.5), (x + 0.5, y + 0.5));
            }
            if compares_rows
                && overloads
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
    fn the_boundary_is_between_neighbours_with_different_predictions() {
        let (yes, no) = (Some(true), Some(false));
        // Only the cell in row 0 and column 1 is predicted not to be overloaded. The boundary is its left side, and its side towards row 1.
        // The cell in row 2 and column 0 has no prediction, so its sides are not part of the boundary.
        let edges = boundary(&[vec![yes, no], vec![yes, yes], vec![None, yes]]);
        let ends: Vec<(f64, f64)> = edges.iter().map(|point| (point.x, point.y)).collect();
        assert_eq!(ends, [(0.5, -0.5), (0.5, 0.5), (0.5, 0.5), (1.5, 0.5)]);
    }
}
