//! Measurements against the predictions of theory: a scatter plot for each quantity. Each point is one machine of one configuration.

use super::over_time::subtitle;
use super::{Kind, MAX_MACHINES, Options, Plot, PlotError, interval_note, left_out, machine_key};
use crate::draw::chart::{Axis, Figure, Ink, KeyEntry, Mark, Panel, Point, Series};
use crate::output::table::number;
use crate::read::dataset::Dataset;
use crate::read::runs::shown;
use crate::stats::intervals::estimate_words;
use crate::stats::repetitions;
use crate::theory::{self, Compared, PredictionComparison, Quantity};

/// The quantities that have a panel: all that theory predicts, except the slope of the lag.
const QUANTITIES: [Quantity; 6] = [
    Quantity::BacklogGrowth,
    Quantity::BacklogFinal,
    Quantity::ReceiveShare,
    Quantity::LogicalRate,
    Quantity::LagFinal,
    Quantity::JumpMean,
];

/// Makes the plot of all quantities.
pub(super) fn plot(dataset: &Dataset, options: &Options) -> Result<Plot, PlotError> {
    if !options.by.is_empty() {
        return Err(PlotError::Nothing(
            "--by: each prediction is for one configuration, so configurations cannot be combined; choose with --where".to_owned(),
        ));
    }
    let groups = repetitions::groups_with(std::slice::from_ref(dataset), &theory::measures())?;
    let comparisons = theory::compare(&groups);
    let machines = groups
        .iter()
        .map(|group| group.machine as usize + 1)
        .max()
        .unwrap_or_default();
    let panels = QUANTITIES.map(|quantity| panel(&comparisons, quantity));
    // The first series of each panel is the diagonal. A panel without another series is left out.
    let panels: Vec<Panel> = panels
        .into_iter()
        .filter(|panel| panel.series.len() > 1)
        .collect();
    if panels.is_empty() {
        let measures = theory::measures();
        return Err(super::bars::nothing_to_draw(dataset, &measures));
    }
    let mut key = machine_key(machines, Mark::Dots);
    key.push(KeyEntry {
        name: "with a caveat: theory neglects something".to_owned(),
        ink: Ink::Text,
        mark: Mark::Hollow,
    });
    key.push(KeyEntry {
        name: "measured = predicted".to_owned(),
        ink: Ink::Muted,
        mark: Mark::Reference,
    });
    let runs = groups.iter().map(|group| group.n as usize);
    Ok(Plot {
        // All configurations are drawn, so only machines can be left out. With the two zeros, `left_out` mentions no configurations.
        left_out: left_out(dataset, 0, 0, machines),
        figure: Figure {
            title: format!("{}: {}", Kind::Theory.title(), dataset.label()),
            subtitle: subtitle(dataset),
            description: format!(
                "{} panels. Each point is a machine of a configuration. Points on the diagonal agree with theory.",
                panels.len()
            ),
            panels,
            key,
            notes: vec![
                "Predictions are computed from the configuration alone. `analyze theory` lists all values, and the caveats.".to_owned(),
                interval_note("Whisker", runs),
            ],
            width: options.width,
            columns: 3,
        },
    })
}

/// The panel of one quantity. Each machine has one point for each configuration. The points of a machine are in up to two series: one for
/// its points with a caveat (something that theory neglects), and one for its other points.
fn panel(comparisons: &[PredictionComparison<'_>], quantity: Quantity) -> Panel {
    let mut series: Vec<Series> = vec![];
    let mut values = vec![];
    let measure = crate::measures::named(quantity.name());
    for comparison in comparisons {
        let machine = comparison.group.machine as usize;
        // Only the first MAX_MACHINES machines are drawn.
        if machine >= MAX_MACHINES {
            continue;
        }
        let compared = comparison.of(quantity);
        let Some(point) = point(comparison, &compared) else {
            continue;
        };
        let (low, high) = point.interval.unwrap_or((point.y, point.y));
        values.extend([point.x, point.y, low, high]);
        let mark = if compared.caveats.is_empty() {
            Mark::Dots
        } else {
            Mark::Hollow
        };
        let ink = Ink::Machine(machine);
        match series
            .iter_mut()
            .find(|series| (series.ink, series.mark) == (ink, mark))
        {
            Some(series) => series.points.push(point),
            None => series.push(Series {
                name: super::machine_name(machine),
                ink,
                mark,
                points: vec![point],
            }),
        }
    }
    // The diagonal is drawn from the smallest to the largest value of both axes. It always includes 0.
    let smallest = values.iter().copied().fold(0.0, f64::min);
    let largest = values.iter().copied().fold(0.0, f64::max);
    let on_diagonal = |value: f64| Point {
        x: value,
        y: value,
        ..Point::default()
    };
    series.insert(
        0,
        Series {
            name: "measured = predicted".to_owned(),
            ink: Ink::Muted,
            mark: Mark::Reference,
            points: vec![on_diagonal(smallest), on_diagonal(largest)],
        },
    );
    Panel {
        title: super::heading(measure),
        x: Axis::from_zero("predicted", values.iter().copied()).with_room(),
        y: Axis::from_zero("measured", values.into_iter()).with_room(),
        series,
    }
}

/// The point of a machine of a configuration for one quantity. `None` if the quantity was not measured or not predicted.
fn point(comparison: &PredictionComparison<'_>, compared: &Compared) -> Option<Point> {
    let (estimate, predicted) = (compared.measured?, compared.predicted?);
    let parameters = &comparison.group.parameters;
    let decimals = compared.measure.decimals;
    let caveats: Vec<&str> = compared
        .caveats
        .iter()
        .map(|caveat| caveat.name())
        .collect();
    let caveats = match caveats.as_slice() {
        [] => String::new(),
        caveats => format!("; caveats: {}", caveats.join(", ")),
    };
    Some(Point {
        x: predicted,
        y: estimate.mean,
        interval: estimate.interval(),
        words: format!(
            "rates {}, internal {}: measured {}, predicted {}{caveats}",
            shown(parameters, "rates"),
            shown(parameters, "internal"),
            estimate_words(&estimate, compared.measure.digits()).join(" "),
            number(predicted, decimals)
        ),
        ..Point::default()
    })
}
