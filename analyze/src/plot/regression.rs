//! Two scatter plots with least-squares lines: mean jump against rate, and mean backlog (messages that wait) against the probability of
//! sending. Each point is one machine of one configuration.

use super::over_time::subtitle;
use super::{Kind, MAX_MACHINES, Options, Plot, PlotError, left_out, machine_key};
use crate::draw::chart::{Axis, Figure, Ink, KeyEntry, Mark, Panel, Point, Series};
use crate::measures::{self, Measure};
use crate::output::table::number;
use crate::read::dataset::Dataset;
use crate::stats::intervals::estimate_words;
use crate::stats::repetitions::{self, Configured, Group};

/// A point of a panel: the machine, its value on the horizontal axis, and its value on the vertical axis.
type MachinePoint = (usize, f64, f64);

/// Makes the plot of both regressions.
pub(super) fn plot(dataset: &Dataset, options: &Options) -> Result<Plot, PlotError> {
    if !options.by.is_empty() {
        return Err(PlotError::Nothing(
            "--by: the regression has points for each configuration, so configurations cannot be combined; choose with --where".to_owned(),
        ));
    }
    let measured = [
        measures::named("jump_mean"),
        measures::named("backlog_mean"),
    ];
    // A group is one machine of one configuration.
    let groups = repetitions::groups_with(std::slice::from_ref(dataset), &measured)?;
    let machines = groups
        .iter()
        .map(|group| group.machine as usize + 1)
        .max()
        .unwrap_or_default();
    let rate = |group: &Group| Some(group.rate);
    let sends = |group: &Group| Some(1.0 - group.parameter("internal")?.as_number()?);
    let panels = vec![
        panel(&groups, measured[0], "rate of the machine (ticks/s)", rate),
        panel(
            &groups,
            measured[1],
            "send probability at an empty queue (1 - internal)",
            sends,
        ),
    ];
    // The name of a fitted line is its equation.
    let equations: Vec<String> = panels
        .iter()
        .flat_map(|panel| &panel.series)
        .filter(|series| series.mark == Mark::Reference)
        .map(|line| line.name.clone())
        .collect();
    let mut key = machine_key(machines, Mark::Dots);
    if !equations.is_empty() {
        key.push(KeyEntry {
            name: "least-squares line".to_owned(),
            ink: Ink::Muted,
            mark: Mark::Reference,
        });
    }
    let about_points = match equations.len() {
        0 => {
            "Each point is a machine of a configuration. There are no lines, because all points of a panel have the same x."
        }
        _ => {
            "Each point is a machine of a configuration. The lines give every point the same weight; the \
             points are not a random sample, so the lines have no intervals."
        }
    };
    Ok(Plot {
        // All configurations are drawn, so only machines can be left out. With 0 configurations and a limit of 0, `left_out` says nothing
        // about configurations.
        left_out: left_out(dataset, 0, 0, machines),
        figure: Figure {
            title: format!("{}: {}", Kind::Regression.title(), dataset.label()),
            subtitle: subtitle(dataset),
            description: format!(
                "Each point is the mean of a machine over the runs of a configuration. {}",
                equations.join(" ")
            ),
            panels,
            key,
            notes: equations
                .into_iter()
                .chain([about_points.to_owned()])
                .collect(),
            width: options.width,
            columns: 2,
        },
    })
}

/// A panel with the means of `measure` against the values that `read_x` returns. `x_name` is the name of the horizontal axis.
fn panel(
    groups: &[Group],
    measure: &Measure,
    x_name: &str,
    read_x: impl Fn(&Group) -> Option<f64>,
) -> Panel {
    let mut series: Vec<Series> = vec![];
    let mut values: Vec<MachinePoint> = vec![];
    for group in groups {
        let machine = group.machine as usize;
        let (Some(x), Some(estimate)) = (read_x(group), group.estimate(measure)) else {
            continue;
        };
        values.push((machine, x, estimate.mean));
        // Only the first MAX_MACHINES machines are drawn, but the line is fitted to the values of all machines.
        if machine >= MAX_MACHINES {
            continue;
        }
        // Adds the missing series up to this machine, so that the index of each series is the index of its machine.
        while series.len() <= machine {
            series.push(Series {
                name: super::machine_name(series.len()),
                ink: Ink::Machine(series.len()),
                mark: Mark::Dots,
                points: vec![],
            });
        }
        series[machine].points.push(Point {
            x,
            y: estimate.mean,
            interval: estimate.interval(),
            words: format!(
                "at {x}: {}",
                estimate_words(&estimate, measure.digits()).join(" ")
            ),
            ..Point::default()
        });
    }
    let xs = || values.iter().map(|(_, x, _)| *x);
    let axis = Axis::around(x_name, xs()).with_room();
    if let Some(fit) = Fit::new(&values) {
        let smallest_x = xs().fold(f64::INFINITY, f64::min);
        let largest_x = xs().fold(f64::NEG_INFINITY, f64::max);
        let on_line = |x: f64| Point {
            x,
            y: fit.at(x),
            ..Point::default()
        };
        series.push(Series {
            name: format!("{}: {}.", measure.label, fit.words()),
            ink: Ink::Muted,
            mark: Mark::Reference,
            points: vec![on_line(smallest_x), on_line(largest_x)],
        });
    }
    let points = series.iter().flat_map(|series| &series.points);
    let heights = points.flat_map(|point| {
        let (low, high) = point.interval.unwrap_or((point.y, point.y));
        [low, high]
    });
    Panel {
        title: measure.label.to_owned(),
        x: axis,
        y: Axis::from_zero(measure.heading(), heights).with_room(),
        series,
    }
}

/// A least-squares line.
struct Fit {
    slope: f64,
    intercept: f64,
    /// The square of Pearson's correlation coefficient. `None` if all points have the same y.
    r2: Option<f64>,
    /// Number of points.
    n: usize,
}

impl Fit {
    /// The least-squares line of the points. `None` if all points have the same x.
    fn new(points: &[MachinePoint]) -> Option<Self> {
        let n = points.len() as f64;
        let mean = |read: fn(&MachinePoint) -> f64| points.iter().map(read).sum::<f64>() / n;
        let (mean_x, mean_y) = (mean(|&(_, x, _)| x), mean(|&(_, _, y)| y));
        // The sum of `term(dx, dy)` over all points. `dx` is a point's x minus `mean_x`, `dy` is its y minus `mean_y`.
        let sum = |term: &dyn Fn(f64, f64) -> f64| {
            let terms = points.iter().map(|&(_, x, y)| term(x - mean_x, y - mean_y));
            terms.sum::<f64>()
        };
        let xx = sum(&|dx, _| dx * dx);
        let xy = sum(&|dx, dy| dx * dy);
        let yy = sum(&|_, dy| dy * dy);
        (xx > 0.0).then(|| Self {
            slope: xy / xx,
            intercept: mean_y - xy / xx * mean_x,
            r2: (yy > 0.0).then(|| xy * xy / (xx * yy)),
            n: points.len(),
        })
    }

    /// The height of the line at `x`.
    fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }

    /// The equation of the line, r² and the number of points.
    fn words(&self) -> String {
        let sign = if self.slope < 0.0 { '-' } else { '+' };
        let r2 = self
            .r2
            .map_or(String::new(), |r2| format!(", r² = {}", number(r2, 2)));
        format!(
            "y = {} {sign} {} x{r2}, {} points",
            number(self.intercept, 3),
            number(self.slope.abs(), 3),
            self.n
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fitted_line_has_the_expected_slope_and_r2() {
        let values: Vec<MachinePoint> = (0..5)
            .map(|x| (0, f64::from(x), 2.0 - 0.5 * f64::from(x)))
            .collect();
        let fit = Fit::new(&values).expect("they differ in x");
        assert_eq!(fit.words(), "y = 2.000 - 0.500 x, r² = 1.00, 5 points");
        // The means are x = 1 and y = 2. Sums of products of the differences from the means: xx = 2, xy = 1, yy = 2. So the slope is
        // xy / xx = 1/2, and r² is xy² / (xx yy) = 1/4.
        let points = [(0, 0.0, 1.0), (0, 1.0, 3.0), (0, 2.0, 2.0)];
        let fit = Fit::new(&points).expect("they differ in x");
        assert!(
            (fit.slope - 0.5).abs() < 1e-12
                && (fit.r2.expect("they differ in y") - 0.25).abs() < 1e-12
        );
        // Both points have the same x.
        assert!(Fit::new(&[(0, 1.0, 2.0), (0, 1.0, 3.0)]).is_none());
    }
}
