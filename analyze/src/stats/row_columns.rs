//! The columns that users can name in `--having` (which rows a table shows) and `--sort` (in which order). Some of these columns say what
//! a row is about. The others are estimates of measures, predictions of theory, and regimes (whether a machine is stable, critical or
//! overloaded).

use crate::measures::{self, Measure};
use crate::output::value::Value;
use crate::read::roles::roles;
use crate::read::runs::parameters;
use crate::stats::contrast::Pair;
use crate::stats::difference::Difference;
use crate::stats::estimate::Estimate;
use crate::stats::pool::Pool;
use crate::stats::repetitions::{Configured, Group};
use crate::stats::sides::Cell;
use crate::stats::tables::parameter_heading;
use crate::theory::{Prediction, Quantity, Regime, measured_regime};

/// The columns that say what a row is about, without the parameters.
const KEYS: [&str; 6] = ["dataset", "machine", "rate", "n", "machines", "role"];

/// A part of an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The mean.
    Mean,
    /// The standard deviation of the values.
    Sd,
    /// The lower end of the 95 % interval.
    Low,
    /// The upper end of the 95 % interval.
    High,
    /// The number of values.
    N,
}

/// Endings of column names, and the part of an estimate that each ending stands for. For example, column `lag_final_sd` is the standard
/// deviation of the measure `lag_final`.
const PARTS: [(&str, Part); 5] = [
    ("_mean", Part::Mean),
    ("_sd", Part::Sd),
    ("_low", Part::Low),
    ("_high", Part::High),
    ("_n", Part::N),
];

/// A column by which rows can be chosen or sorted.
#[derive(Clone, Copy, Debug)]
pub enum RowColumn {
    /// A column that says what a row is about: a parameter, `dataset`, `machine` (its number in the run), `machines` (how many the run has),
    /// `rate`, `role` (such as `slowest`), or `n` (the number of runs).
    Key(&'static str),
    /// A part of the estimate of a measure.
    Estimate(&'static Measure, Part),
    /// The predicted value of a quantity.
    Predicted(Quantity),
    /// The predicted regime of the machine.
    Regime,
    /// The measured regime of the machine.
    MeasuredRegime,
}

impl RowColumn {
    /// Finds the column with this name. A measure's name stands for its mean.
    pub fn named(name: &str) -> Option<Self> {
        let measure = |name: &str| measures::all().find(|measure| measure.name == name);
        let part = || {
            PARTS.iter().find_map(|(end, part)| {
                Some(Self::Estimate(measure(name.strip_suffix(end)?)?, *part))
            })
        };
        let predicted = || {
            let name = name.strip_suffix("_predicted")?;
            let quantity = Quantity::ALL
                .into_iter()
                .find(|quantity| quantity.name() == name)?;
            Some(Self::Predicted(quantity))
        };
        let key = || keys().find(|key| *key == name).map(Self::Key);
        match name {
            "regime" => Some(Self::Regime),
            "regime_measured" => Some(Self::MeasuredRegime),
            _ => key()
                .or_else(|| measure(name).map(|measure| Self::Estimate(measure, Part::Mean)))
                .or_else(part)
                .or_else(predicted),
        }
    }

    /// Finds the column with this name or heading. The heading can be given with or without its unit. `shown` are the measures of the
    /// table.
    ///
    /// Some headings, such as `max`, belong to several measures. Of these measures, the one in `shown` is found. If none of them is in
    /// `shown`, no column is found. A measure with a heading of its own is found even if the table does not show the measure.
    pub fn find_by_name_or_heading(name: &str, shown: &[&'static Measure]) -> Option<Self> {
        let is_match = |measure: &Measure| measure.label == name || measure.heading() == name;
        let measure = || {
            let in_table = shown.iter().copied().find(|measure| is_match(measure));
            let mut matches = measures::all().filter(|measure| is_match(measure));
            in_table.or_else(|| match (matches.next(), matches.next()) {
                // Exactly one measure has the heading.
                (Some(measure), None) => Some(measure),
                _ => None,
            })
        };
        // In tables, the heading of column `rate` is `rate (1/s)`, but `parameter_heading` returns `rate` without the unit.
        let key = || {
            let name = if name == "rate (1/s)" { "rate" } else { name };
            keys().find(|key| parameter_heading(key) == name)
        };
        Self::named(name)
            .or_else(|| measure().map(|measure| Self::Estimate(measure, Part::Mean)))
            .or_else(|| key().map(Self::Key))
    }

    /// The names of the key columns, of the measures and of the regimes. (The name of a measure stands for its mean.)
    pub fn names() -> impl Iterator<Item = &'static str> {
        let regimes = ["regime", "regime_measured"];
        keys()
            .chain(measures::all().map(|measure| measure.name))
            .chain(regimes)
    }

    /// The measure whose values the column needs, if it needs one.
    pub fn measure(self) -> Option<&'static Measure> {
        match self {
            Self::Estimate(measure, _) => Some(measure),
            // A machine's regime depends on its offered load: how many messages arrive per tick of the machine.
            Self::MeasuredRegime => Some(measures::named("offered_load")),
            Self::Key(_) | Self::Predicted(_) | Self::Regime => None,
        }
    }

    /// Whether the column is a prediction or a regime. Only rows about one machine of one configuration have these.
    pub fn is_prediction_or_regime(self) -> bool {
        matches!(
            self,
            Self::Predicted(_) | Self::Regime | Self::MeasuredRegime
        )
    }

    /// Whether the largest value comes first if the user does not give a direction. This is so only for measures and predicted values.
    pub fn is_descending_by_default(self) -> bool {
        matches!(self, Self::Estimate(..) | Self::Predicted(_))
    }

    /// The value in the row of `group`: one machine of one configuration.
    pub fn of_group(self, group: &Group, prediction: Option<&Prediction>) -> Value {
        let regime = |regime: Option<Regime>| {
            regime.map_or(Value::Missing, |regime| {
                Value::Text(regime.name().to_owned())
            })
        };
        match self {
            Self::Key("dataset") => Value::Text(group.dataset.clone()),
            Self::Key("machine") => Value::Integer(group.machine),
            Self::Key("rate") => Value::Number(group.rate),
            Self::Key("n") => Value::Integer(group.n as i64),
            Self::Key("machines") => Value::Integer(group.configuration.rates.machines().into()),
            Self::Key("role") => role(group),
            Self::Key(name) => group.parameter(name).cloned().unwrap_or(Value::Missing),
            Self::Estimate(measure, part) => part_of_estimate(group.estimate(measure), part),
            Self::Predicted(quantity) => prediction
                .and_then(|prediction| prediction.value(quantity))
                .into(),
            Self::Regime => regime(prediction.and_then(|prediction| prediction.regime)),
            Self::MeasuredRegime => regime(measured_regime(group)),
        }
    }

    /// The value in the row of a contrast between two groups. For a measure, the value is the difference between the groups. For any other
    /// column, it is the value of the first group. Predictions are missing.
    pub fn of_pair(self, pair: &Pair<'_>) -> Value {
        match self {
            Self::Estimate(measure, part) => part_of_difference(pair.difference(measure), part),
            // Contrasts have no predictions, so predicted values and predicted regimes are missing.
            column => column.of_group(pair.a, None),
        }
    }

    /// The value in the row of `cell`, which compares runs of side A with runs of side B. For a measure, the value is the difference B
    /// minus A. `common` has the names of the parameters that have the same value in all runs of the cell. `cell.values` has the values
    /// of these parameters, in the same order.
    pub fn of_cell(self, cell: &Cell, common: &[&str]) -> Value {
        match self {
            // `cell.machine` is an index if machines are compared by index, and a role if they are compared by role.
            Self::Key("machine" | "role") => cell.machine.clone().into(),
            Self::Key(name) => {
                let index = common.iter().position(|other| *other == name);
                index.map(|index| cell.values[index].clone()).into()
            }
            Self::Estimate(measure, part) => part_of_difference(cell.difference(measure), part),
            Self::Predicted(_) | Self::Regime | Self::MeasuredRegime => Value::Missing,
        }
    }

    /// The value in the row of `pool`. `names` are the columns by which runs were pooled: all runs of a pool have the same values there. `None` if the rows of pools do not
    /// have this column, for example `machine` if it is not in `names`.
    pub fn of_pool(self, pool: &Pool, names: &[&str]) -> Option<Value> {
        match self {
            Self::Key("dataset") => Some(Value::Text(pool.dataset.clone())),
            Self::Key("n") => Some(Value::Integer(pool.n as i64)),
            Self::Key(name) => {
                let index = names.iter().position(|other| *other == name)?;
                Some(pool.values[index].clone())
            }
            Self::Estimate(measure, part) => Some(part_of_estimate(pool.estimate(measure), part)),
            Self::Predicted(_) | Self::Regime | Self::MeasuredRegime => None,
        }
    }
}

/// All columns that can say what a row is about.
fn keys() -> impl Iterator<Item = &'static str> {
    parameters().iter().copied().chain(KEYS)
}

/// The role of a group's machine: slowest, between, fastest or equal.
fn role(group: &Group) -> Value {
    let rates = group.configuration.rates.iter().map(|rate| rate.hertz());
    let rates: Vec<f64> = rates.collect();
    let role = roles(&rates).nth(group.machine as usize);
    role.map(str::to_owned).into()
}

/// A part of a difference between means. Such a difference has no standard deviation and no n, so these two parts are missing.
fn part_of_difference(difference: Option<Difference>, part: Part) -> Value {
    let interval = difference.and_then(|difference| difference.interval());
    match part {
        Part::Mean => difference.map(|difference| difference.mean).into(),
        Part::Low => interval.map(|(low, _)| low).into(),
        Part::High => interval.map(|(_, high)| high).into(),
        Part::Sd | Part::N => Value::Missing,
    }
}

/// A part of an estimate.
fn part_of_estimate(estimate: Option<Estimate>, part: Part) -> Value {
    let interval = estimate.and_then(|estimate| estimate.interval());
    match part {
        Part::Mean => estimate.map(|estimate| estimate.mean).into(),
        Part::Sd => estimate.and_then(|estimate| estimate.sd).into(),
        Part::Low => interval.map(|(low, _)| low).into(),
        Part::High => interval.map(|(_, high)| high).into(),
        Part::N => Value::Integer(estimate.map_or(0, |estimate| estimate.n as i64)),
    }
}
