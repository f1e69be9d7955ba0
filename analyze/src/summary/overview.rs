//! An overview of some datasets. It shows the slowest machine and the fastest clock of each configuration. It also counts the machines of
//! all configurations by regime: stable (fewer messages arrive than the machine has ticks), critical (about as many) or overloaded (more).

use crate::error::Error;
use crate::measures::{self, Measure};
use crate::stats::estimate::Estimate;
use crate::stats::repetitions::Group;
use crate::stats::row_query::RowQuery;
use crate::theory::{Prediction, PredictionComparison, Regime, compare, measured_regime};

/// The names of the measures that an [`Overview`] needs.
const MEASURES: [&str; 5] = [
    "backlog_growth",
    "lag_final",
    "jump_mean",
    "logical_rate",
    "offered_load",
];

/// The measures that an [`Overview`] needs.
pub fn measures() -> Vec<&'static Measure> {
    MEASURES.map(measures::named).to_vec()
}

/// The row of a configuration.
#[derive(Clone, Debug)]
pub struct Row<'g> {
    /// The slowest machine of the configuration; the first one if several are equally slow.
    pub slowest: &'g Group,
    /// The measured regime of the slowest machine; none if its offered load (messages that arrive per tick) is unknown.
    pub measured: Option<Regime>,
    /// The prediction for the slowest machine; none if the configuration has no machine with this index.
    pub prediction: Option<Prediction>,
    /// The largest logical rate (advance of the clock per second) among the machines of the configuration. None if no machine has a
    /// logical rate.
    pub fastest_clock: Option<Estimate>,
}

/// The machines of a configuration, counted by regime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegimeCounts {
    /// Stable machines.
    pub stable: usize,
    /// Critical machines.
    pub critical: usize,
    /// Overloaded machines.
    pub overloaded: usize,
    /// Machines whose regime is not known.
    pub unknown: usize,
}

impl RegimeCounts {
    fn add(&mut self, regime: Option<Regime>) {
        let count = match regime {
            Some(Regime::Stable) => &mut self.stable,
            Some(Regime::Critical) => &mut self.critical,
            Some(Regime::Overloaded) => &mut self.overloaded,
            None => &mut self.unknown,
        };
        *count += 1;
    }
}

/// The configurations of some datasets.
#[derive(Clone, Debug)]
pub struct Overview<'g> {
    /// A row for each configuration. [`Overview::new`] sorts the rows by the backlog growth of the slowest machine; the largest is first.
    pub rows: Vec<Row<'g>>,
    /// How many machines of all configurations are predicted to be in each regime.
    pub predicted: RegimeCounts,
    /// How many machines of all configurations were measured to be in each regime.
    pub measured: RegimeCounts,
}

impl<'g> Overview<'g> {
    /// The overview of `groups`. Each group is a machine of a configuration and has the measures [`measures()`]. The groups of one
    /// configuration must follow each other.
    pub fn new(groups: &'g [Group]) -> Self {
        let machines = compare(groups);
        let mut overview = Self {
            rows: vec![],
            predicted: RegimeCounts::default(),
            measured: RegimeCounts::default(),
        };
        for machine in &machines {
            overview.predicted.add(predicted_regime(machine));
            overview.measured.add(measured_regime(machine.group));
        }
        let is_same = |a: &PredictionComparison<'_>, b: &PredictionComparison<'_>| {
            a.group.is_of_same_configuration(b.group)
        };
        overview.rows.extend(machines.chunk_by(is_same).map(row));
        let growth = measures::named("backlog_growth");
        // Rows without an estimate come last.
        let mean_growth = |row: &Row<'_>| {
            row.slowest
                .estimate(growth)
                .map_or(f64::MIN, |estimate| estimate.mean)
        };
        overview
            .rows
            .sort_by(|a, b| mean_growth(b).total_cmp(&mean_growth(a)));
        overview
    }
}

impl Overview<'_> {
    /// Keeps the rows that `query` chooses, and sorts them. The columns of a row are those of its slowest machine.
    ///
    /// # Errors
    ///
    /// The errors of [`RowQuery::choose`].
    pub fn select(&mut self, query: &RowQuery) -> Result<(), Error> {
        let chosen = query.choose(self.rows.len(), |row, column| {
            let Row {
                slowest,
                prediction,
                ..
            } = &self.rows[row];
            column.of_group(slowest, prediction.as_ref())
        })?;
        self.rows = chosen.iter().map(|&row| self.rows[row].clone()).collect();
        Ok(())
    }
}

/// The row of a configuration, from its machines. `machines` must not be empty.
fn row<'g>(machines: &[PredictionComparison<'g>]) -> Row<'g> {
    let slowest = machines
        .iter()
        .min_by(|a, b| a.group.rate.total_cmp(&b.group.rate))
        .unwrap_or(&machines[0]);
    let logical_rate = measures::named("logical_rate");
    Row {
        slowest: slowest.group,
        measured: measured_regime(slowest.group),
        prediction: slowest.prediction.clone(),
        fastest_clock: machines
            .iter()
            .filter_map(|machine| machine.group.estimate(logical_rate))
            .max_by(|a, b| a.mean.total_cmp(&b.mean)),
    }
}

impl Row<'_> {
    /// The predicted regime of the slowest machine; none if it cannot be derived.
    pub fn predicted(&self) -> Option<Regime> {
        self.prediction.as_ref()?.regime
    }
}

fn predicted_regime(machine: &PredictionComparison<'_>) -> Option<Regime> {
    machine.prediction.as_ref()?.regime
}
