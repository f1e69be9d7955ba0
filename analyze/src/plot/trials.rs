//! Scatter plots with a point for each machine of each run. Each column of panels is a measure: logical rate (growth of the clock per
//! second), mean jump or mean backlog. Each row of panels is a condition: a configuration, or all configurations with the same values of
//! some parameters.

use std::collections::HashMap;

use polars::prelude::DataType;
use sim::log::JournalRow;

use super::conditions::{Condition, Conditions};
use super::over_time::subtitle;
use super::{Kind, MAX_MACHINES, Options, Plot, PlotError, left_out, machine_key};
use crate::draw::chart::{Axis, Figure, Ink, Mark, Panel, Point, Series};
use crate::measures::{self, Measure};
use crate::output::table::number;
use crate::read::dataset::Dataset;
use crate::stats::tables::described;

/// The measures: one for each column of panels.
const MEASURES: [&str; 3] = ["logical_rate", "jump_mean", "backlog_mean"];

/// The largest number of conditions that are drawn. Each has a row of panels.
const MAX_CONDITIONS: usize = 4;

/// The values of some measures. A row is one machine of one run.
struct Values {
    /// For each run number: the index of the row of machine 0 of this run. The rows of the run's machines 1, 2, ... follow.
    first_rows: HashMap<u64, usize>,
    /// For each measure, its value in each row. `None` if the measure is undefined for this machine.
    columns: Vec<Vec<Option<f64>>>,
}

impl Values {
    /// Reads the values of `measures` for all finished runs.
    fn read(dataset: &Dataset, measures: &[&Measure]) -> Result<Self, PlotError> {
        let frame = dataset.measures_of(dataset.finished(), measures)?;
        let mut first_rows = HashMap::new();
        let mut next_row = 0;
        for run in dataset.finished() {
            first_rows.insert(run.run, next_row);
            next_row += run.machines() as usize;
        }
        let mut columns = vec![];
        for measure in measures {
            let column = frame.column(measure.name)?.cast(&DataType::Float64)?;
            columns.push(column.f64()?.iter().collect());
        }
        Ok(Self {
            first_rows,
            columns,
        })
    }

    /// The value of a measure for a machine of a run. `measure_index` is the index of the measure in `columns`. `None` if the run has no
    /// such machine, or if the measure is undefined for this machine.
    fn get(&self, run: &JournalRow, machine: usize, measure_index: usize) -> Option<f64> {
        let first_row = self.first_rows.get(&run.run)?;
        let has_machine = machine < run.machines() as usize;
        has_machine
            .then(|| self.columns[measure_index][first_row + machine])
            .flatten()
    }
}

/// Makes the plot of the measures of each run.
pub(super) fn plot(dataset: &Dataset, options: &Options) -> Result<Plot, PlotError> {
    let measured = MEASURES.map(measures::named);
    let values = Values::read(dataset, &measured)?;
    let conditions = Conditions::new(dataset, options)?;
    // `max_panels` counts conditions, not panels.
    let max_conditions = options.max_panels.min(MAX_CONDITIONS);
    let shown = conditions.choose_evenly(max_conditions);
    let mut panels = vec![];
    for condition in &shown {
        for (index, measure) in measured.iter().enumerate() {
            panels.push(panel(
                &values,
                condition,
                (index, measure),
                &conditions.names,
            ));
        }
    }
    let machines = shown
        .iter()
        .map(|condition| condition.machines())
        .max()
        .unwrap_or_default();
    Ok(Plot {
        left_out: left_out(dataset, conditions.all.len(), max_conditions, machines),
        figure: Figure {
            title: format!("{}: {}", Kind::Trials.title(), dataset.label()),
            subtitle: subtitle(dataset),
            description: format!(
                "Logical rate, mean jump and mean backlog of each machine in each run, for {} conditions.",
                shown.len()
            ),
            panels,
            key: machine_key(machines, Mark::Dots),
            notes: measured
                .iter()
                .map(|measure| format!("{}: {}.", measure.label, described(measure)))
                .collect(),
            width: options.width,
            columns: MEASURES.len(),
        },
    })
}

/// The panel of one measure in one condition. `index` is the measure's index among [`MEASURES`]. `names` are the parameters that tell
/// conditions apart.
fn panel(
    values: &Values,
    condition: &Condition<'_>,
    (index, measure): (usize, &Measure),
    names: &[&'static str],
) -> Panel {
    let mut series = vec![];
    for machine in 0..condition.machines().min(MAX_MACHINES) {
        let points = condition
            .runs
            .iter()
            .enumerate()
            .filter_map(|(run_index, run)| {
                let value = values.get(run, machine, index)?;
                Some(Point {
                    x: run_index as f64,
                    y: value,
                    words: format!("run {}: {}", run.run, number(value, measure.decimals)),
                    ..Point::default()
                })
            });
        series.push(Series {
            name: super::machine_name(machine),
            ink: Ink::Machine(machine),
            mark: Mark::Dots,
            points: points.collect(),
        });
    }
    let heights = series
        .iter()
        .flat_map(|series| &series.points)
        .map(|point| point.y);
    // The horizontal axis begins half a position before the first run and ends half a position after the last, so that no point is at an
    // end. For the same reason, the vertical axis gets some room above the largest value.
    let last = condition.runs.len().saturating_sub(1) as f64;
    Panel {
        title: condition.title(names),
        x: Axis::around(
            "number of the run in its condition, from 0",
            [-0.5, last + 0.5].into_iter(),
        ),
        y: Axis::from_zero(measure.heading(), heights).with_room(),
        series,
    }
}
