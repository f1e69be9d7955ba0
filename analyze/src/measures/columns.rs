//! The measures of many machines as columns of a data frame.

use polars::prelude::*;
use sim::log::Imported;

use super::backlog::Arrivals;
use super::concurrency::Pairs;
use super::machine_totals::{MachineTotals, Scratch};
use super::run_totals::RunTotals;
use super::timeline::timeline;
use super::{Observed, Value, all, unmeasured};
use crate::read::run_log::Run;

/// The measures of machines, one row per run and machine in the order in which the runs were measured.
#[derive(Debug)]
pub(crate) struct MeasureColumns {
    run: Vec<i64>,
    machine: Vec<i64>,
    /// One column for each of [`all`] measures.
    measured: Vec<Values>,
    scratch: Scratch,
}

#[derive(Debug)]
enum Values {
    Integers(Vec<Option<i64>>),
    Numbers(Vec<Option<f64>>),
}

impl Default for MeasureColumns {
    fn default() -> Self {
        Self {
            run: vec![],
            machine: vec![],
            measured: all().map(|measure| Values::new(measure.value)).collect(),
            scratch: Scratch::default(),
        }
    }
}

impl MeasureColumns {
    /// Measures the machines of `run` and appends a row for each. `imported` is what is known of the run's dataset if that was
    /// imported.
    pub(crate) fn push(&mut self, run: &Run<'_>, imported: Option<&Imported>) {
        let (timeline, sends) = (timeline(run), run.sends());
        let mut machines: Vec<MachineTotals> = run
            .logs()
            .map(|log| MachineTotals::of_log(run, log, &sends, &mut self.scratch))
            .collect();
        let totals = RunTotals::of_run(run, &timeline, &mut machines);
        let pairs = Pairs::of_run(run, &sends, &timeline);
        let arrivals = Arrivals::of_run(run);
        let is_known = unmeasured::is_known(run, imported);
        let (from_s, to_s) = run.observed_s();
        let rates = run.row().configuration.rates.iter();
        for (index, (machine, rate)) in std::iter::zip(&machines, rates).enumerate() {
            self.run.push(run.row().run as i64);
            self.machine.push(index as i64);
            let observed = Observed {
                machine,
                run: &totals,
                arrivals: arrivals[index],
                pairs,
                rate_hz: rate.hertz(),
                observed_s: to_s - from_s,
            };
            self.push_measures(&observed, &is_known);
        }
    }

    fn push_measures(&mut self, observed: &Observed<'_>, is_known: &[bool]) {
        for ((measure, column), &is_known) in all().zip(&mut self.measured).zip(is_known) {
            match (measure.value, column) {
                (Value::Integer(value), Values::Integers(values)) => {
                    values.push(is_known.then(|| value(observed)).flatten());
                }
                (Value::Number(value), Values::Numbers(values)) => {
                    values.push(is_known.then(|| value(observed)).flatten());
                }
                _ => unreachable!("the columns have the types of the measures"),
            }
        }
    }

    /// The data frame: columns `run`, `machine` and all measures.
    pub(crate) fn finish(self) -> PolarsResult<DataFrame> {
        let height = self.run.len();
        let mut columns: Vec<Column> = vec![
            Series::new("run".into(), self.run).into(),
            Series::new("machine".into(), self.machine).into(),
        ];
        columns.extend(all().zip(self.measured).map(|(measure, values)| {
            let name = PlSmallStr::from_static(measure.name);
            Column::from(match values {
                Values::Integers(values) => Series::new(name, values),
                Values::Numbers(values) => Series::new(name, values),
            })
        }));
        DataFrame::new(height, columns)
    }
}

impl Values {
    fn new(value: Value) -> Self {
        match value {
            Value::Integer(_) => Self::Integers(vec![]),
            Value::Number(_) => Self::Numbers(vec![]),
        }
    }
}
