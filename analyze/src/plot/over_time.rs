//! Plots against time: clocks, queue lengths and mean jumps. There is a panel for each condition, with means over its runs. A condition is
//! a configuration, or all configurations with the same values of the parameters that the user names (`--by`). Clocks and queue lengths
//! can also be drawn for a single run, in one panel.

use sim::log::JournalRow;

use super::conditions::{Condition, Conditions};
use super::{Kind, MAX_MACHINES, Options, Plot, PlotError, interval_note, left_out};
use crate::draw::chart::{Axis, Figure, Ink, Mark, Panel, Point, Series};
use crate::execution::{Execution, pick, to_s};
use crate::read::dataset::Dataset;
use crate::read::events::known;
use crate::read::run_log::Run;
use crate::stats::estimate::Estimate;
use crate::threads::on_all_cores;

/// Clocks and queue lengths are averaged over runs at equally spaced times. This is the number of intervals between these times: 120
/// intervals have 121 times.
const INTERVALS: usize = 120;
/// For mean jumps, the time axis is cut into this number of intervals, and the jumps of all events in an interval are averaged. The
/// label of the vertical axis says "each thirtieth of the run", so it must change with this number.
const JUMP_INTERVALS: usize = 30;

/// The name of the horizontal axis.
const TIME: &str = "model time (s)";

/// For a kind of plot: the name of the vertical axis, and a sentence about what a point is.
fn words(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Queue => [
            "messages in the queue after the latest tick",
            "The queue's length after a machine's latest tick. Messages that arrived since then are not counted.",
        ],
        Kind::JumpsOverTime => [
            "mean jump of the events in each thirtieth of the run",
            "The mean of the jumps of all events in an interval of time.",
        ],
        _ => [
            "logical clock",
            "At each time, the clock after the machine's latest event; 0 before its first event.",
        ],
    }
}

/// Makes the plot of a kind that shows values against time.
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
    let shown = conditions.choose_evenly(options.max_panels);
    let mut panels = vec![];
    for condition in &shown {
        panels.push(panel(dataset, kind, &conditions.names, condition)?);
    }
    let machines = shown.iter().map(|condition| condition.machines()).max();
    let machines = machines.unwrap_or_default();
    let (title, [_, meaning]) = (kind.title(), words(kind));
    let runs = shown.iter().map(|condition| condition.runs.len());
    Ok(Plot {
        left_out: left_out(dataset, conditions.all.len(), options.max_panels, machines),
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

/// The description of the dataset by its author, and in brackets how its runs were made.
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

/// The titles of all panels in one text.
pub(super) fn titles(panels: &[Panel]) -> String {
    let titles: Vec<&str> = panels.iter().map(|panel| panel.title.as_str()).collect();
    titles.join("; ")
}

/// The panel of one condition: at each of several times, the mean over its runs. `names` are the parameters that tell conditions apart.
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
    for machine in 0..condition.machines().min(MAX_MACHINES) {
        let points = (0..times.len()).filter_map(|index| {
            let values_by_run = sampled.iter().filter_map(|run| run.get(machine));
            let values: Vec<f64> = values_by_run
                .map(|values| values[index])
                // NaN means that the run has no events in this interval.
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
    // `with_axes` ends the time axis at the last point. For mean jumps, the last point is only the middle of the last interval. So here the
    // time axis is made longer, up to the end of that interval.
    panel.x = Axis::from_zero(TIME, [end_s(&condition.runs)].into_iter());
    Ok(panel)
}

/// A panel of these series, with axes that contain all points.
fn with_axes(kind: Kind, title: String, series: Vec<Series>) -> Panel {
    let points = || series.iter().flat_map(|series| &series.points);
    // The vertical axis begins at 0, because clocks, queues and jumps are never negative. A band (the confidence intervals of a line) can
    // reach below 0, but that part is cut off. So only the high end of each confidence interval counts here.
    let values =
        points().flat_map(|point| [point.y, point.interval.map_or(point.y, |(_, high)| high)]);
    let [y, _] = words(kind);
    Panel {
        title,
        x: Axis::from_zero(TIME, points().map(|point| point.x)),
        y: Axis::from_zero(y, values),
        series,
    }
}

/// The duration of the shortest of these runs, in model seconds.
fn end_s(runs: &[&JournalRow]) -> f64 {
    let ends = runs.iter().map(|run| run.duration_s());
    ends.fold(f64::INFINITY, f64::min)
}

/// The times at which values are averaged, in model seconds. They lie between the end of the warm-up (the first seconds of each run, which
/// users can leave out) and the end of the shortest run. For mean jumps, the times are the middles of the intervals.
fn times(dataset: &Dataset, kind: Kind, runs: &[&JournalRow]) -> Vec<f64> {
    let end = end_s(runs);
    let start = dataset.warm_up_s();
    let at = |step: f64, steps: usize| start + (end - start) * step / steps as f64;
    match kind {
        Kind::JumpsOverTime => (0..JUMP_INTERVALS)
            .map(|index| at(index as f64 + 0.5, JUMP_INTERVALS))
            .collect(),
        _ => (0..=INTERVALS)
            .map(|index| at(index as f64, INTERVALS))
            .collect(),
    }
}

/// For each machine, its values at `times`. For mean jumps, `times` are the middles of the intervals. An interval without events has the
/// value NaN.
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

/// For each of `times`, the value after the machine's last event up to this time. Before the first event it is 0. An event for which
/// `value` returns `None` changes nothing.
fn last_values(
    run: &Run<'_>,
    log: std::ops::Range<usize>,
    times: &[f64],
    value: impl Fn(usize) -> Option<u64>,
) -> Vec<f64> {
    // `next` is the index of the first event that is not counted yet, and `last` is the value after the events before it.
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

/// The mean jump of the events in each interval of time. `middles` are the middles of the intervals. The mean is NaN if an interval has
/// no events.
fn mean_jumps(run: &Run<'_>, log: std::ops::Range<usize>, middles: &[f64]) -> Vec<f64> {
    let Some(first) = middles.first() else {
        return vec![];
    };
    let length = match middles {
        [first, second, ..] => second - first,
        // Never the case, because there are JUMP_INTERVALS intervals.
        _ => 1.0,
    };
    let start = first - length / 2.0;
    // Slightly later than the end of the last interval, so that a rounding error does not leave out an event exactly at the end.
    let end = start + length * middles.len() as f64 * (1.0 + 1e-9);
    // For each interval, the sum of the jumps and their number.
    let mut sums = vec![(0.0, 0.0); middles.len()];
    let mut previous_clock = 0;
    for index in log {
        let (time_s, clock) = (run.times_s()[index], run.events().logical_clock[index]);
        let jump = clock.saturating_sub(previous_clock);
        previous_clock = clock;
        // Longer runs of the condition have events after the last interval. These events are not drawn.
        if run.is_after_warm_up(time_s) && time_s <= end {
            // Because of a rounding error, an event can be just before `start`. It counts in the first interval.
            let interval = ((time_s - start) / length).floor().max(0.0) as usize;
            // An event exactly at the end counts in the last interval.
            let (sum, count) = &mut sums[interval.min(middles.len() - 1)];
            *sum += jump as f64;
            *count += 1.0;
        }
    }
    // Without events this is 0.0 / 0.0, which is NaN.
    sums.into_iter().map(|(sum, count)| sum / count).collect()
}

/// Makes the plot of a single run, with a step at each event. `name` is the run's number, or its key (column `key` of `runs.csv`).
fn plot_run(
    dataset: &Dataset,
    kind: Kind,
    name: &str,
    options: &Options,
) -> Result<Plot, PlotError> {
    let row = pick::find(dataset, name)?;
    let execution = Execution::read(dataset, row)?;
    let shown = execution.machines().min(MAX_MACHINES);
    let series = (0..shown).map(|machine| {
        let events = &execution.events()[execution.range_of(machine as u32)];
        // The point (0, 0): clocks and queue lengths are 0 at time 0.
        let start = Point::default();
        let points = events.iter().filter_map(|event| {
            let value = match kind {
                Kind::Queue => event.queue?,
                // The kind is `Clock` here: the only kinds that can draw a single run are clock and queue.
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
    // The time axis contains the whole run, and also any event that is later than the end of the run.
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
        // There is one panel with one run, so only machines can be left out.
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
