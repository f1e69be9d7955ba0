//! Clock, queue and mean jump against time.

use sim::log::JournalRow;

use super::conditions::{Condition, Conditions};
use super::{Kind, MOST_MACHINES, Options, Plot, PlotError, interval_note, left_out};
use crate::draw::chart::{Axis, Figure, Ink, Mark, Panel, Point, Series};
use crate::execution::{Execution, pick, to_s};
use crate::read::dataset::Dataset;
use crate::read::events::known;
use crate::read::run_log::Run;
use crate::stats::estimate::Estimate;
use crate::threads::on_all_cores;

/// Number of intervals between the times at which values are averaged over runs.
const INTERVALS: usize = 120;
/// Number of intervals in which jumps are averaged.
const JUMP_INTERVALS: usize = 30;

const TIME: &str = "model time (s)";

/// The words of a kind: the vertical axis, and what a point is.
fn words(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Queue => [
            "messages in the queue after the last tick",
            "The queue's length after a machine's last tick. Messages that arrived since then are not counted.",
        ],
        Kind::JumpsOverTime => [
            "mean jump of the events in each thirtieth of the run",
            "The mean of the jumps of all events in an interval of time.",
        ],
        _ => [
            "logical clock",
            "The clock after a machine's last event; 0 before its first.",
        ],
    }
}

pub(super) fn plot(dataset: &Dataset, kind: Kind, options: &Options) -> Result<Plot, PlotError> {
    if kind == Kind::Queue && dataset.missing_fields().queue_lengths {
        return Err(PlotError::Nothing(format!(
            "{}: the log does not tell how long the queues are",
            dataset.label()
        )));
    }
    if let Some(name) = &options.run {
        return plot_run(dataset, kind, name, options);
    }
    let conditions = Conditions::new(dataset, options)?;
    let shown = conditions.spread(options.most_panels);
    let mut panels = vec![];
    for condition in &shown {
        panels.push(panel(dataset, kind, &conditions.names, condition)?);
    }
    let machines = shown.iter().map(|condition| condition.machines()).max();
    let machines = machines.unwrap_or_default();
    let (title, [_, meaning]) = (kind.title(), words(kind));
    let runs = shown.iter().map(|condition| condition.runs.len());
    Ok(Plot {
        left_out: left_out(dataset, conditions.all.len(), options.most_panels, machines),
        figure: Figure {
            title: format!("{title}: {}", dataset.label()),
            subtitle: subtitle(dataset),
            description: format!(
                "{title}, in {} panels, one for each condition: {}.",
                panels.len(),
                titles(&panels)
            ),
            panels,
            key: vec![],
            notes: vec![meaning.to_owned(), interval_note("Band", runs)],
            width: options.width,
            columns: 3,
        },
    })
}

/// What the dataset is about, in its author's words, and how its runs were made: not always as the experiment says.
pub(super) fn subtitle(dataset: &Dataset) -> String {
    let made = match (dataset.manifest().imported.is_some(), dataset.is_virtual()) {
        (true, _) => "logs of another program",
        (false, true) => "runs in simulated time",
        (false, false) => "runs over TCP",
    };
    match dataset.manifest().description.as_str() {
        "" => made.to_owned(),
        description => format!("{description} ({made})"),
    }
}

pub(super) fn titles(panels: &[Panel]) -> String {
    let titles: Vec<&str> = panels.iter().map(|panel| panel.title.as_str()).collect();
    titles.join("; ")
}

fn panel(
    dataset: &Dataset,
    kind: Kind,
    names: &[&'static str],
    condition: &Condition<'_>,
) -> Result<Panel, PlotError> {
    let times = times(dataset, kind, &condition.runs);
    let sampled = on_all_cores(condition.runs.len(), |index| {
        let row = condition.runs[index];
        let run = Run::new(row, dataset.events_of(row)?, dataset.warm_up_s());
        Ok::<_, crate::error::Error>(sample(kind, &run, &times))
    })?;
    let mut series = vec![];
    for machine in 0..condition.machines().min(MOST_MACHINES) {
        let points = (0..times.len()).filter_map(|index| {
            let of_runs = sampled.iter().filter_map(|run| run.get(machine));
            let values: Vec<f64> = of_runs
                .map(|values| values[index])
                .filter(|value| !value.is_nan())
                .collect();
            let estimate = (!values.is_empty()).then(|| Estimate::from_values(&values))?;
            Some(Point {
                x: times[index],
                y: estimate.mean,
                interval: estimate.interval(),
                ..Point::default()
            })
        });
        series.push(Series {
            name: condition.machine_name(machine),
            ink: Ink::Machine(machine),
            mark: Mark::Line,
            points: points.collect(),
        });
    }
    let mut panel = with_axes(kind, condition.title(names), series);
    panel.x = Axis::from_zero(TIME, [end_s(&condition.runs)].into_iter());
    Ok(panel)
}

fn with_axes(kind: Kind, title: String, series: Vec<Series>) -> Panel {
    let points = || series.iter().flat_map(|series| &series.points);
    // Clocks, queues and jumps are never negative, so the part of a band below 0 is cut off.
    let values =
        points().flat_map(|point| [point.y, point.interval.map_or(point.y, |ends| ends.1)]);
    let [y, _] = words(kind);
    Panel {
        title,
        x: Axis::from_zero(TIME, points().map(|point| point.x)),
        y: Axis::from_zero(y, values),
        series,
    }
}

/// The end of the shortest of these runs.
fn end_s(runs: &[&JournalRow]) -> f64 {
    let ends = runs.iter().map(|run| run.duration_s());
    ends.fold(f64::INFINITY, f64::min)
}

/// The times at which values are averaged: from the end of the warm-up to the end of the shortest run.
fn times(dataset: &Dataset, kind: Kind, runs: &[&JournalRow]) -> Vec<f64> {
    let end = end_s(runs);
    let start = dataset.warm_up_s();
    let at = |step: f64, of: usize| start + (end - start) * step / of as f64;
    match kind {
        Kind::JumpsOverTime => (0..JUMP_INTERVALS)
            .map(|index| at(index as f64 + 0.5, JUMP_INTERVALS))
            .collect(),
        _ => (0..=INTERVALS)
            .map(|index| at(index as f64, INTERVALS))
            .collect(),
    }
}

/// The values of each machine at these times.
fn sample(kind: Kind, run: &Run<'_>, times: &[f64]) -> Vec<Vec<f64>> {
    let logs = run.logs();
    logs.map(|log| match kind {
        Kind::JumpsOverTime => mean_jumps(run, log, times),
        Kind::Queue => last_values(run, log, times, |index| {
            known(run.events().queue_length[index])
        }),
        _ => last_values(run, log, times, |index| {
            Some(run.events().logical_clock[index])
        }),
    })
    .collect()
}

/// At each time, the value of the last event until then. Before the first event it is 0.
fn last_values(
    run: &Run<'_>,
    log: std::ops::Range<usize>,
    times: &[f64],
    value: impl Fn(usize) -> Option<u64>,
) -> Vec<f64> {
    let (mut next, mut last) = (log.start, 0.0);
    let at = |time: &f64| {
        while next < log.end && run.times_s()[next] <= *time {
            last = value(next).map_or(last, |value| value as f64);
            next += 1;
        }
        last
    };
    times.iter().map(at).collect()
}

/// The mean jump of the events around each time; NaN if there are none.
fn mean_jumps(run: &Run<'_>, log: std::ops::Range<usize>, middles: &[f64]) -> Vec<f64> {
    let Some(first) = middles.first() else {
        return vec![];
    };
    let length = match middles {
        [first, second, ..] => second - first,
        _ => 1.0,
    };
    let start = first - length / 2.0;
    let mut sums = vec![(0.0, 0.0); middles.len()];
    let mut before = 0;
    for index in log {
        let clock = run.events().logical_clock[index];
        let jump = clock.saturating_sub(std::mem::replace(&mut before, clock));
        let interval = ((run.times_s()[index] - start) / length).floor();
        if run.is_after_warm_up(run.times_s()[index])
            && let Some((sum, count)) =
                sums.get_mut((interval.max(0.0) as usize).min(middles.len() - 1))
        {
            *sum += jump as f64;
            *count += 1.0;
        }
    }
    sums.into_iter().map(|(sum, count)| sum / count).collect()
}

/// A single run, with a step at each event.
fn plot_run(
    dataset: &Dataset,
    kind: Kind,
    name: &str,
    options: &Options,
) -> Result<Plot, PlotError> {
    let row = pick::find(dataset, name)?;
    let execution = Execution::read(dataset, row)?;
    let shown = execution.machines().min(MOST_MACHINES);
    let series = (0..shown).map(|machine| {
        let events = &execution.events()[execution.range_of(machine as u32)];
        let start = Point::default();
        let points = events.iter().filter_map(|event| {
            let value = match kind {
                Kind::Queue => event.queue?,
                _ => event.clock,
            };
            Some(Point {
                x: to_s(event.time_ns),
                y: value as f64,
                ..Point::default()
            })
        });
        Series {
            name: format!("machine {machine}, {}/s", execution.rates[machine]),
            ink: Ink::Machine(machine),
            mark: Mark::Steps,
            points: std::iter::once(start).chain(points).collect(),
        }
    });
    let mut panel = with_axes(kind, String::new(), series.collect());
    panel.x = Axis::from_zero(
        TIME,
        [to_s(execution.duration_ns)].into_iter().chain(
            panel
                .series
                .iter()
                .flat_map(|series| &series.points)
                .map(|point| point.x),
        ),
    );
    let (title, [_, meaning]) = (kind.title(), words(kind));
    Ok(Plot {
        left_out: left_out(dataset, 1, 1, execution.machines()),
        figure: Figure {
            title: format!("{title}: run {} of {}", row.run, dataset.label()),
            subtitle: execution.short_key(),
            description: format!("{title} in one run, with a step at each event."),
            panels: vec![panel],
            key: vec![],
            notes: vec![meaning.to_owned()],
            width: options.width,
            columns: 1,
        },
    })
}
