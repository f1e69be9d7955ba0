//! The measures of many machines as columns of a data frame.

use polars::prelude::*;
use polars_core::utils::arrow::bitmap::BitmapBuilder;
use sim::log::Imported;

use super::backlog::Arrivals;
use super::concurrency::Pairs;
use super::machine_totals::{MachineTotals, Scratch};
use super::run_totals::RunTotals;
use super::timeline::timeline;
use super::{Observed, Value, all, unmeasured};
use crate::read::run_log::Run;

/// The measures of machines, one row per run and machine in the order in which the runs were measured.
pub(crate) struct MeasureColumns {
    run: Vec<i64>,
    machine: Vec<i64>,
    /// A column for each measure, in the order of [`all`].
    measured: Vec<Values>,
    /// Memory that is used again for each run.
    scratch: Scratch,
}

/// The values of one measure, and for each value a bit that says whether the value is known. An unknown value is stored as 0.
enum Values {
    /// Values of a measure with whole numbers.
    Integers(Vec<i64>, BitmapBuilder),
    /// Values of a measure with real numbers.
    Numbers(Vec<f64>, BitmapBuilder),
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
    /// Measures the machines of `run` and appends a row for each machine. If the dataset was imported from logs of another program,
    /// `imported` says which parts of these logs are missing.
    pub(crate) fn push(&mut self, run: &Run<'_>, imported: Option<&Imported>) {
        // The events in the order of their times, and for each receive the index of its send.
        let (timeline, sends) = (timeline(run), run.sends());
        let mut machines: Vec<MachineTotals> = run
            .logs()
            .map(|log| MachineTotals::of_log(run, log, &sends, &mut self.scratch))
            .collect();
        // This also adds the lags to `machines`. A lag depends on the clocks of all machines, so `of_log` cannot calculate it.
        let totals = RunTotals::of_run(run, &timeline, &mut machines);
        let pairs = Pairs::of_run(run, &sends, &timeline);
        let arrivals = Arrivals::of_run(run);
        let is_measurable = unmeasured::is_measurable(run, imported);
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
            self.push_measures(&observed, &is_measurable);
        }
    }

    /// Appends the value of each measure to its column. `is_measurable` has a flag for each measure. If the flag is false, or the measure is
    /// not defined for this machine, the value is unknown.
    fn push_measures(&mut self, observed: &Observed<'_>, is_measurable: &[bool]) {
        let columns = all().zip(&mut self.measured);
        for ((measure, column), &is_measurable) in columns.zip(is_measurable) {
            // `measure.value` contains the function that calculates the measure.
            match (measure.value, column) {
                (Value::Integer(calculate), Values::Integers(values, are_known)) => {
                    let value = is_measurable.then(|| calculate(observed)).flatten();
                    values.push(value.unwrap_or_default());
                    are_known.push(value.is_some());
                }
                (Value::Number(calculate), Values::Numbers(values, are_known)) => {
                    let value = is_measurable.then(|| calculate(observed)).flatten();
                    values.push(value.unwrap_or_default());
                    are_known.push(value.is_some());
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
            // Polars takes the bits in `are_known` as the column's `validity`: unknown values become null. If all values are known,
            // `validity` is `None`.
            Column::from(match values {
                Values::Integers(values, are_known) => {
                    let validity = are_known.into_opt_validity();
                    Int64Chunked::from_vec_validity(name, values, validity).into_series()
                }
                Values::Numbers(values, are_known) => {
                    let validity = are_known.into_opt_validity();
                    Float64Chunked::from_vec_validity(name, values, validity).into_series()
                }
            })
        }));
        DataFrame::new(height, columns)
    }
}

impl Values {
    fn new(value: Value) -> Self {
        match value {
            Value::Integer(_) => Self::Integers(vec![], BitmapBuilder::new()),
            Value::Number(_) => Self::Numbers(vec![], BitmapBuilder::new()),
        }
    }
}
