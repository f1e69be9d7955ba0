//! Histograms: how often each jump occurs. A jump is a machine's clock after an event minus its clock after the previous event. There is
//! a panel for each condition. A condition is one configuration or, with `--by`, all configurations that have the same values of the
//! parameters that `--by` names.

use std::collections::BTreeMap;

use super::conditions::{Condition, Conditions};
use super::over_time::{subtitle, titles};
use super::{Kind, MAX_MACHINES, Options, Plot, PlotError, interval_note, left_out, machine_key};
use crate::draw::chart::{Axis, Figure, Ink, Mark, Panel, Point, Series};
use crate::output::table::number;
use crate::read::dataset::Dataset;
use crate::read::run_log::Run;
use crate::stats::estimate::Estimate;
use crate::threads::on_all_cores;

/// The largest number of bins (the bars of one machine). If no jump is greater than this number, each bin is for one jump. Otherwise each
/// bin is for a range of jumps, such as `4-6`.
const MAX_BINS: u64 = 16;

/// For each machine of a run, a map from each jump to the number of events with this jump.
type Counts = Vec<BTreeMap<u64, u64>>;

pub(super) fn plot(dataset: &Dataset, options: &Options) -> Result<Plot, PlotError> {
    let conditions = Conditions::new(dataset, options)?;
    let shown = conditions.choose_evenly(options.max_panels);
    let mut panels = vec![];
    for condition in &shown {
        panels.push(panel(dataset, &conditions.names, condition)?);
    }
    let machines = shown
        .iter()
        .map(|condition| condition.machines())
        .max()
        .unwrap_or_default();
    let runs = shown.iter().map(|condition| condition.runs.len());
    Ok(Plot {
        left_out: left_out(dataset, conditions.all.len(), options.max_panels, machines),
        figure: Figure {
            title: format!("{}: {}", Kind::Jumps.title(), dataset.label()),
            subtitle: subtitle(dataset),
            description: format!(
                "Histograms of jumps, in {} panels, one for each condition: {}.",
                panels.len(),
                titles(&panels)
            ),
            panels,
            key: machine_key(machines, Mark::Bars),
            notes: vec![
                "A jump is a machine's clock after an event minus its clock after the previous event.".to_owned(),
                interval_note("Whisker", runs),
            ],
            width: options.width,
            columns: 3,
        },
    })
}

/// The histogram of one condition. `names` are the parameters that tell conditions apart.
fn panel(
    dataset: &Dataset,
    names: &[&'static str],
    condition: &Condition<'_>,
) -> Result<Panel, PlotError> {
    let counts = on_all_cores(condition.runs.len(), |index| {
        let row = condition.runs[index];
        let run = Run::new(row, dataset.events_of(row)?, dataset.warm_up_s());
        Ok::<_, crate::error::Error>(count(&run))
    })?;
    // The keys of a machine's counts are sorted, so the last one is its largest jump.
    let largest_jumps = counts
        .iter()
        .flatten()
        .filter_map(|counts| counts.keys().last());
    // At least 1: for 0, `Bins::up_to` would divide by 0.
    let largest_jump = largest_jumps.copied().max().unwrap_or(1).max(1);
    let bins = Bins::up_to(largest_jump);
    let mut series = vec![];
    for machine in 0..condition.machines().min(MAX_MACHINES) {
        // The machine's counts in each run.
        let of_runs = || counts.iter().filter_map(|run| run.get(machine));
        let points = (0..bins.count).filter_map(|bin| {
            // Runs in which the machine has no events are left out. If no run remains, there is no bar.
            let shares = of_runs().filter_map(|counts| bins.share(counts, bin));
            let shares: Vec<f64> = shares.collect();
            let estimate = (!shares.is_empty()).then(|| Estimate::from_values(&shares))?;
            Some(Point {
                x: bin as f64,
                y: estimate.mean,
                interval: estimate.interval(),
                words: format!("{} %", number(estimate.mean, 2)),
                ..Point::default()
            })
        });
        series.push(Series {
            name: condition.machine_name(machine),
            ink: Ink::Machine(machine),
            mark: Mark::Bars,
            points: points.collect(),
        });
    }
    // The axis must be long enough for all bars and for the upper ends of all intervals. A bar without an interval gives a 0 instead of an
    // upper end. This 0 does not make the axis longer, because the axis always contains 0.
    let points = series.iter().flat_map(|series| &series.points);
    let values = points.flat_map(|point| [point.y, point.interval.map_or(0.0, |(_, high)| high)]);
    Ok(Panel {
        title: condition.title(names),
        x: Axis::names("jump", (0..bins.count).map(|bin| bins.name(bin)).collect()),
        y: Axis::from_zero("share of the machine's events (%)", values),
        series,
    })
}

/// Counts the jumps of each machine. Jumps in the warm-up are left out. (The warm-up is the beginning of a run. With `--warm-up 10` it is
/// the first 10 seconds.)
fn count(run: &Run<'_>) -> Counts {
    // `log` has the indices of one machine's events.
    let of_machine = |log: std::ops::Range<usize>| {
        let mut counts = BTreeMap::new();
        let mut previous_clock = 0;
        for index in log {
            let clock = run.events().logical_clock[index];
            // A clock that goes back counts as a jump of 0.
            let jump = clock.saturating_sub(previous_clock);
            previous_clock = clock;
            if run.is_after_warm_up(run.times_s()[index]) {
                *counts.entry(jump).or_default() += 1;
            }
        }
        counts
    };
    run.logs().map(of_machine).collect()
}

/// Bins of equal width. If the width is 3, the first bin is for the jumps 1 to 3, the second for 4 to 6, and so on. Jumps of 0, which only
/// logs of other programs have, are counted in the first bin too.
struct Bins {
    /// How many different jumps a bin counts. For example, it is 3 if a bin counts the jumps 4, 5 and 6.
    width: u64,
    /// Number of bins.
    count: u64,
}

impl Bins {
    /// Bins for all jumps up to the `largest`, which is at least 1.
    fn up_to(largest: u64) -> Self {
        let width = largest.div_ceil(MAX_BINS);
        let count = largest.div_ceil(width);
        Self { width, count }
    }

    /// The name of a bin on the axis: a jump, or the first and the last jump of its range.
    fn name(&self, bin: u64) -> String {
        let first = bin * self.width + 1;
        match self.width {
            1 => first.to_string(),
            width => format!("{first}-{}", first + width - 1),
        }
    }

    /// The share of events whose jump is in the bin, in percent. `None` if there are no events.
    fn share(&self, counts: &BTreeMap<u64, u64>, bin: u64) -> Option<f64> {
        let all: u64 = counts.values().sum();
        // The first bin also counts jumps of 0.
        let first = if bin == 0 { 0 } else { bin * self.width + 1 };
        let in_bin: u64 = counts
            .range(first..=(bin + 1) * self.width)
            .map(|(_, count)| count)
            .sum();
        (all > 0).then(|| 100.0 * in_bin as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_jump_is_in_exactly_one_bin() {
        for largest in [1, 2, 15, 16, 17, 33, 1_000] {
            let bins = Bins::up_to(largest);
            assert!(bins.count <= MAX_BINS && bins.count * bins.width >= largest);
            let counts: BTreeMap<u64, u64> = (0..=largest).map(|jump| (jump, 1)).collect();
            let shares = (0..bins.count).filter_map(|bin| bins.share(&counts, bin));
            assert!((shares.sum::<f64>() - 100.0).abs() < 1e-9, "{largest}");
        }
        // At most 16 bins for 33 jumps: the width is 33 / 16, rounded up to 3. So bin 0 is `1-3`, and bin 1 is `4-6`.
        assert_eq!(Bins::up_to(33).name(1), "4-6");
        assert_eq!(Bins::up_to(3).share(&BTreeMap::new(), 0), None);
    }
}
