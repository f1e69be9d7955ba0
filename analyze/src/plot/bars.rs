//! Measures of all conditions as bars. A condition is a configuration, or all configurations with the same values of some parameters.
//! Two kinds of plots are made here: bars of measures, and stacked bars with the shares of internal events, sends and receives.

use super::conditions::axis_names;
use super::estimates::Estimates;
use super::over_time::subtitle;
use super::{Kind, MAX_MACHINES, Options, Plot, PlotError, interval_note, left_out, machine_key};
use crate::draw::chart::{Axis, Figure, Ink, KeyEntry, Mark, Panel, Point, Series};
use crate::measures::{self, Measure};
use crate::output::table::number;
use crate::read::dataset::Dataset;
use crate::stats::intervals::estimate_words;
use crate::stats::tables::described;

/// The names of the measures that a kind of plot shows: one for each panel. A spread is the run's largest clock minus its smallest
/// clock at one moment. `own_drift` is the drift at the end of the run.
fn measures_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Maxima => &["jump_max", "backlog_max", "spread_max"],
        Kind::Drift => &["own_drift", "lag_final"],
        // `Kind::Bars`. This function is called only for these three kinds.
        _ => &["jump_mean", "lag_final", "backlog_mean"],
    }
}

/// Makes a plot that shows measures as bars, with a panel for each measure. `kind` decides which measures.
pub(super) fn plot(dataset: &Dataset, kind: Kind, options: &Options) -> Result<Plot, PlotError> {
    let (title, measured) = (kind.title(), measures_of(kind));
    let measured: Vec<&'static Measure> =
        measured.iter().map(|name| measures::named(name)).collect();
    let mut estimates = Estimates::new(dataset, &measured, options)?;
    // `left_out` needs the numbers of all conditions and machines, for sentences such as `30 of 40 conditions are drawn`. So they are
    // counted before `keep_evenly` removes conditions.
    let (condition_count, machines) = (estimates.conditions.len(), estimates.machines());
    estimates.keep_evenly(options.max_rows);
    let (axis_title, names) = axis_names(&estimates.names, &estimates.values());
    let panels = measured.iter().enumerate().map(|(index, measure)| {
        panel(
            &estimates,
            index,
            measure,
            Axis::names(axis_title.clone(), names.clone()),
        )
    });
    let panels: Vec<Panel> = panels.filter(|panel| !panel.series.is_empty()).collect();
    if panels.is_empty() {
        return Err(nothing_to_draw(dataset, &measured));
    }
    let mut notes: Vec<String> = measured
        .iter()
        .map(|measure| format!("{}: {}.", super::label(measure), described(measure)))
        .collect();
    let runs = estimates
        .conditions
        .iter()
        .map(|condition| condition.n as usize);
    notes.push(interval_note("Whisker", runs));
    Ok(Plot {
        left_out: left_out(dataset, condition_count, options.max_rows, machines),
        figure: Figure {
            title: format!("{title}: {}", dataset.label()),
            subtitle: subtitle(dataset),
            description: format!(
                "{title} as bars, one for each machine of {} conditions ({axis_title}).",
                estimates.conditions.len()
            ),
            panels,
            key: machine_key(machines, Mark::Bars),
            notes,
            width: options.width,
            columns: 3,
        },
    })
}

/// The error if no run has a value of any of `measures`.
pub(super) fn nothing_to_draw(dataset: &Dataset, measures: &[&Measure]) -> PlotError {
    let labels: Vec<&str> = measures
        .iter()
        .map(|measure| super::label(measure))
        .collect();
    PlotError::Nothing(format!(
        "{}: nothing to draw, because the logs do not tell {}",
        dataset.label(),
        labels.join(" or ")
    ))
}

/// The panel of one measure. `index` is its position in the list of estimated measures. The axis `y` has the names of the conditions.
fn panel(estimates: &Estimates, index: usize, measure: &Measure, y: Axis) -> Panel {
    let mut series = vec![];
    for machine in 0..estimates.machines().min(MAX_MACHINES) {
        let conditions = estimates.conditions.iter().enumerate();
        let points = conditions.filter_map(|(row, condition)| {
            let estimate = condition.machines.get(machine)?[index]?;
            Some(Point {
                x: estimate.mean,
                y: row as f64,
                interval: estimate.interval(),
                words: estimate_words(&estimate, measure.digits()).join(" "),
                ..Point::default()
            })
        });
        let points: Vec<Point> = points.collect();
        if !points.is_empty() {
            series.push(Series {
                name: super::machine_name(machine),
                ink: Ink::Machine(machine),
                mark: Mark::Bars,
                points,
            });
        }
    }
    // The horizontal axis must be long enough for all bars and for both ends of all intervals.
    let points = series.iter().flat_map(|series| &series.points);
    let values = points.flat_map(|point| {
        let (low, high) = point.interval.unwrap_or((point.x, point.x));
        [low, high, point.x]
    });
    Panel {
        title: super::label(measure).to_owned(),
        x: Axis::from_zero(super::heading(measure), values),
        y,
        series,
    }
}

/// For each kind of events: the name of the measure that counts them, their name in the key (legend), and the number of their colour. In
/// plots of machines, colour 0 is that of machine 0, colour 1 that of machine 1, and so on. The colours of the first three machines are not
/// used here.
const MIX: [(&str, &str, usize); 3] = [
    ("internal_events", "internal", 3),
    ("send_events", "send", 4),
    ("receive_events", "receive", 5),
];

/// Makes the plot with the shares of internal events, sends and receives, with a panel for each machine.
pub(super) fn plot_mix(dataset: &Dataset, options: &Options) -> Result<Plot, PlotError> {
    let measured = MIX.map(|(name, _, _)| measures::named(name));
    let mut estimates = Estimates::new(dataset, &measured, options)?;
    // `left_out` needs the numbers of all conditions and machines, for sentences such as `30 of 40 conditions are drawn`. So they are
    // counted before `keep_evenly` removes conditions.
    let (condition_count, machines) = (estimates.conditions.len(), estimates.machines());
    estimates.keep_evenly(options.max_rows);
    let (axis_title, names) = axis_names(&estimates.names, &estimates.values());
    let panels = (0..machines.min(MAX_MACHINES)).map(|machine| Panel {
        title: super::machine_name(machine),
        x: Axis::from_zero("share of the machine's events (%)", [100.0].into_iter()),
        y: Axis::names(axis_title.clone(), names.clone()),
        series: stacked_shares(&estimates, machine),
    });
    let panels: Vec<Panel> = panels.collect();
    if panels
        .iter()
        .all(|panel| panel.series.iter().all(|series| series.points.is_empty()))
    {
        return Err(nothing_to_draw(dataset, &measured));
    }
    let key = MIX.map(|(_, name, hue)| KeyEntry {
        name: name.to_owned(),
        ink: Ink::Machine(hue),
        mark: Mark::Stack,
    });
    Ok(Plot {
        left_out: left_out(dataset, condition_count, options.max_rows, machines),
        figure: Figure {
            title: format!("{}: {}", Kind::Mix.title(), dataset.label()),
            subtitle: subtitle(dataset),
            description: format!(
                "The shares of internal events, sends and receives of each machine in {} conditions ({axis_title}).",
                estimates.conditions.len()
            ),
            panels,
            key: key.to_vec(),
            notes: vec![
                "Share: the mean number of these events, divided by the mean number of all events. A send to several machines is one event."
                    .to_owned(),
            ],
            width: options.width,
            columns: 3,
        },
    })
}

/// For one machine, a series for each kind of events. Each point of a series is a bar. It shows the kind's share of the machine's events
/// in one condition. The three bars of a condition lie end to end, in the order of [`MIX`].
fn stacked_shares(estimates: &Estimates, machine: usize) -> Vec<Series> {
    let mut series: Vec<Series> = MIX
        .iter()
        .map(|(_, name, hue)| Series {
            name: (*name).to_owned(),
            ink: Ink::Machine(*hue),
            mark: Mark::Stack,
            points: vec![],
        })
        .collect();
    for (row, condition) in estimates.conditions.iter().enumerate() {
        let Some(machine_estimates) = condition.machines.get(machine) else {
            continue;
        };
        let means = machine_estimates
            .iter()
            .map(|estimate| estimate.map_or(0.0, |estimate| estimate.mean));
        let all_events: f64 = means.clone().sum();
        // Where the next bar starts: the sum of the shares so far, in percent.
        let mut base = 0.0;
        for (series, mean) in series.iter_mut().zip(means) {
            if all_events > 0.0 {
                let share = 100.0 * mean / all_events;
                // The bar goes from `base` to `x`, so its length is the share.
                series.points.push(Point {
                    x: base + share,
                    y: row as f64,
                    base,
                    value: Some(share),
                    words: format!("{} %", number(share, 1)),
                    ..Point::default()
                });
                base += share;
            }
        }
    }
    series
}
