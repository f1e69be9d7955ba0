//! Measures of each run of a condition.

use std::collections::HashMap;

use polars::prelude::DataType;
use sim::log::JournalRow;

use super::conditions::{Condition, Conditions};
use super::over_time::subtitle;
use super::{Kind, MOST_MACHINES, Options, Plot, PlotError, left_out, machine_key};
use crate::draw::chart::{Axis, Figure, Ink, Mark, Panel, Point, Series};
use crate::measures::{self, Measure};
use crate::output::table::number;
use crate::read::dataset::Dataset;
use crate::stats::tables::described;

/// The measures: one for each column of panels.
const MEASURES: [&str; 3] = ["logical_rate", "jump_mean", "backlog_mean"];

/// The most conditions, each with a row of panels.
const MOST_CONDITIONS: usize = 4;

/// For each run, the index of its first row; and for each measure, its values: one for each run and machine.
struct Values {
    first: HashMap<u64, usize>,
    columns: Vec<Vec<Option<f64>>>,
}

impl Values {
    fn read(dataset: &Dataset, measures: &[&Measure]) -> Result<Self, PlotError> {
        let frame = dataset.measures_of(dataset.finished(), measures)?;
        let mut first = HashMap::new();
        let mut next = 0;
        for row in dataset.finished() {
            first.insert(row.run, next);
            next += row.machines() as usize;
        }
        let mut columns = vec![];
        for measure in measures {
            let column = frame.column(measure.name)?.cast(&DataType::Float64)?;
            columns.push(column.f64()?.iter().collect());
        }
        Ok(Self { first, columns })
    }

    fn get(&self, row: &JournalRow, machine: usize, measure: usize) -> Option<f64> {
        let first = self.first.get(&row.run)?;
        let is_there = machine < row.machines() as usize;
        is_there
            .then(|| self.columns[measure][first + machine])
            .flatten()
    }
}

pub(super) fn plot(dataset: &Dataset, options: &Options) -> Result<Plot, PlotError> {
    let measured = MEASURES.map(measures::named);
    let values = Values::read(dataset, &measured)?;
    let conditions = Conditions::new(dataset, options)?;
    let most = options.most_panels.min(MOST_CONDITIONS);
    let shown = conditions.spread(most);
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
        left_out: left_out(dataset, conditions.all.len(), most, machines),
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

fn panel(
    values: &Values,
    condition: &Condition<'_>,
    (index, measure): (usize, &Measure),
    names: &[&'static str],
) -> Panel {
    let mut series = vec![];
    for machine in 0..condition.machines().min(MOST_MACHINES) {
        let points = condition
            .runs
            .iter()
            .enumerate()
            .filter_map(|(number_of_run, row)| {
                let value = values.get(row, machine, index)?;
                Some(Point {
                    x: number_of_run as f64,
                    y: value,
                    words: format!("run {}: {}", row.run, number(value, measure.decimals)),
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
    let last = condition.runs.len().saturating_sub(1) as f64;
    Panel {
        title: condition.title(names),
        x: Axis::around(
            "run of the condition, from 0",
            [-0.5, last + 0.5].into_iter(),
        ),
        y: Axis::from_zero(measure.heading(), heights).with_room(),
        series,
    }
}
