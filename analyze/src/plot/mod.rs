//! Plots of datasets: clocks and queues over time, measures of conditions and of single runs, and measurements beside theory.
//!
//! A *condition* is a configuration, or all configurations with the same values of some parameters ([`Options::by`]). All runs
//! of a condition count as repetitions. A value with an interval is the mean over these runs, and the interval is the 95 % interval of this
//! mean (Student's t).
//!
//! # Layout
//!
//! - [`conditions`]: the conditions of a dataset, and their names
//! - [`estimates`]: the measures of each machine in each condition
//! - [`over_time`]: clock, queue and mean jump against time
//! - [`histogram`]: how often each jump occurs
//! - [`bars`]: measures of all conditions as bars
//! - [`trials`]: measures of single runs, a point for each run
//! - [`regression`]: mean jump against rate, mean backlog against the probability of sending
//! - [`stability`]: backlog growth over rates and probabilities, with the predicted boundary
//! - [`theory`]: measurements against predictions

mod bars;
mod conditions;
mod estimates;
mod histogram;
mod over_time;
mod regression;
mod stability;
mod theory;
mod trials;

use sim::sweep::words::grouped;

use crate::draw::chart::{Figure, Ink, KeyEntry, Mark};
use crate::error::Error;
use crate::measures::Measure;
use crate::output::value::Value;
use crate::read::dataset::Dataset;
use crate::read::runs::parameters;

/// What a plot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Logical clocks against time
    Clock,
    /// Queue lengths against time
    Queue,
    /// Logical rate, mean jump and mean backlog of each machine in each run
    Trials,
    /// How often each jump occurs
    Jumps,
    /// The largest jump, the longest queue and the largest spread (the run's largest clock minus its smallest clock at one moment)
    Maxima,
    /// At the end of the run: how far each clock is ahead of the number of its machine's ticks, and how far it is behind the largest clock
    Drift,
    /// The shares of internal events, sends and receives
    Mix,
    /// Mean jump, final lag and mean backlog of all configurations
    Bars,
    /// Mean jump against time
    JumpsOverTime,
    /// Mean jump against rate, and mean backlog against the probability of sending, with least-squares lines
    Regression,
    /// Backlog growth for each combination of `rates` and `internal`, with the predicted boundary between stable and overloaded
    Stability,
    /// Measurements against predictions
    Theory,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Clock,
        Self::Queue,
        Self::Trials,
        Self::Jumps,
        Self::Maxima,
        Self::Drift,
        Self::Mix,
        Self::Bars,
        Self::JumpsOverTime,
        Self::Regression,
        Self::Stability,
        Self::Theory,
    ];

    /// The name of the kind on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Queue => "queue",
            Self::Trials => "trials",
            Self::Jumps => "jumps",
            Self::Maxima => "maxima",
            Self::Drift => "drift",
            Self::Mix => "mix",
            Self::Bars => "bars",
            Self::JumpsOverTime => "jumps-over-time",
            Self::Regression => "regression",
            Self::Stability => "stability",
            Self::Theory => "theory",
        }
    }

    /// What the kind shows, as a title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Clock => "Logical clock against time",
            Self::Queue => "Queue length against time",
            Self::Trials => "Each run",
            Self::Jumps => "How often each jump occurs",
            Self::Maxima => "Largest jump, queue and spread",
            Self::Drift => "Final drift",
            Self::Mix => "Mix of events",
            Self::Bars => "Jumps, lag and backlog",
            Self::JumpsOverTime => "Mean jump against time",
            Self::Regression => "Jump against rate, backlog against sending",
            Self::Stability => "Where queues grow",
            Self::Theory => "Measured against predicted",
        }
    }

    /// Whether this kind of plot can draw a single run ([`Options::run`]).
    fn can_draw_single_run(self) -> bool {
        matches!(self, Self::Clock | Self::Queue)
    }
}

/// What is drawn, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// All runs with the same values of these parameters form one condition. If the list is empty, each configuration is a condition.
    pub by: Vec<&'static str>,
    /// Draw only this run. The text is the run's number in `runs.csv`, or its key there (such as `rates=1,3,6 internal=0.7 ...`).
    pub run: Option<String>,
    /// The width of the picture in pixels.
    pub width: f64,
    /// The largest number of conditions that are drawn, in plots with one or more panels for each condition. A condition can have several
    /// panels, so a plot can have more panels than `max_panels`.
    pub max_panels: usize,
    /// The largest number of conditions that are drawn, in plots with a row of bars for each condition.
    pub max_rows: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            by: vec![],
            run: None,
            width: 1200.0,
            max_panels: 12,
            max_rows: 30,
        }
    }
}

/// Why a plot could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// The dataset cannot be read.
    #[error(transparent)]
    Data(#[from] Error),
    /// The parameters cannot be read.
    #[error("cannot read the parameters: {0}")]
    Parameters(#[from] polars::error::PolarsError),
    /// There is nothing to draw, or the options do not go together.
    #[error("{0}")]
    Nothing(String),
}

/// A figure, and what it leaves out.
#[derive(Debug)]
pub struct Plot {
    /// The picture, with its titles, notes and key.
    pub figure: Figure,
    /// A sentence about what is not drawn. `None` if everything is drawn.
    pub left_out: Option<String>,
}

/// The parameters whose values tell configurations apart, such as `rates` and `internal`. `values` has a list for each configuration, with
/// the values of all parameters.
pub(crate) fn distinguishing_parameters(values: &[Vec<Value>]) -> Vec<&'static str> {
    // With an empty list, each configuration is a condition ([`Options::by`]).
    conditions::names(values, &[])
}

/// The parameter with this name, for [`Options::by`]. `None` if there is no such parameter.
pub fn parameter(name: &str) -> Option<&'static str> {
    parameters().iter().copied().find(|known| *known == name)
}

/// Makes the plot `kind` of `dataset`.
///
/// # Errors
///
/// [`PlotError`] if the dataset cannot be read, has no such run, or has nothing to draw.
pub fn plot(dataset: &Dataset, kind: Kind, options: &Options) -> Result<Plot, PlotError> {
    if options.run.is_some() && !kind.can_draw_single_run() {
        return Err(PlotError::Nothing(format!(
            "--run: only clock and queue draw a single run; {} needs all runs of a configuration, so choose them with --where",
            kind.name()
        )));
    }
    match kind {
        Kind::Clock | Kind::Queue | Kind::JumpsOverTime => over_time::plot(dataset, kind, options),
        Kind::Trials => trials::plot(dataset, options),
        Kind::Jumps => histogram::plot(dataset, options),
        Kind::Maxima | Kind::Drift | Kind::Bars => bars::plot(dataset, kind, options),
        Kind::Mix => bars::plot_mix(dataset, options),
        Kind::Regression => regression::plot(dataset, options),
        Kind::Stability => stability::plot(dataset, options),
        Kind::Theory => theory::plot(dataset, options),
    }
}

/// The largest number of machines that are drawn. If there were more lines or bars, their colours could not be told apart.
const MAX_MACHINES: usize = 12;

/// The key (legend) with an entry for each of `machines` machines.
fn machine_key(machines: usize, mark: Mark) -> Vec<KeyEntry> {
    let entry = |machine| KeyEntry {
        name: machine_name(machine),
        ink: Ink::Machine(machine),
        mark,
    };
    (0..machines.min(MAX_MACHINES)).map(entry).collect()
}

fn machine_name(machine: usize) -> String {
    format!("machine {machine}")
}

/// The label of a measure in a plot. Labels of tables can be too short here: `growth` does not say what grows.
fn label(measure: &Measure) -> &'static str {
    match measure.name {
        "backlog_growth" => "backlog growth",
        "backlog_final" => "final backlog",
        "backlog_max" => "largest backlog",
        "jump_max" => "largest jump",
        _ => measure.label,
    }
}

/// The label of a measure with its unit.
pub(crate) fn heading(measure: &Measure) -> String {
    // `measure.heading()` begins with the label for tables. Here the label for plots takes its place.
    measure.heading().replacen(measure.label, label(measure), 1)
}

/// Chooses at most `max` of the indices below `count`, evenly spread from the first to the last.
fn choose_evenly(count: usize, max: usize) -> Vec<usize> {
    match (count, max) {
        (count, max) if count <= max => (0..count).collect(),
        (_, 0) => vec![],
        // A single index cannot be spread from the first to the last, so the first one is taken.
        (_, 1) => vec![0],
        (count, max) => (0..max)
            .map(|index| index * (count - 1) / (max - 1))
            .collect(),
    }
}

/// A sentence about the conditions and machines that are not drawn. `conditions` and `machines` say how many there are, drawn or
/// not. `max` is the largest number of conditions that the plot draws. `None` if everything is drawn.
fn left_out(dataset: &Dataset, conditions: usize, max: usize, machines: usize) -> Option<String> {
    let mut words = vec![];
    if conditions > max {
        words.push(format!(
            "{max} of {} conditions are drawn, evenly spread; choose with --where, or combine them with --by",
            grouped(conditions as u64)
        ));
    }
    if machines > MAX_MACHINES {
        words.push(format!(
            "only the first {MAX_MACHINES} of {} machines are drawn",
            grouped(machines as u64)
        ));
    }
    (!words.is_empty()).then(|| format!("{}: {}", dataset.label(), words.join("; ")))
}

/// The sentence about intervals. `mark` is what shows an interval in the plot, such as `Whisker`. `runs` has the number of runs of each
/// condition.
fn interval_note(mark: &str, runs: impl Iterator<Item = usize> + Clone) -> String {
    let (fewest, most) = (runs.clone().min(), runs.max());
    let (Some(fewest), Some(most)) = (fewest, most) else {
        return String::new();
    };
    match (fewest, most) {
        (1, 1) => "Each condition has one run, so there are no intervals.".to_owned(),
        (fewest, most) if fewest == most => {
            format!("{mark}: 95 % interval of the mean over {fewest} runs (Student's t).")
        }
        (fewest, most) => format!(
            "{mark}: 95 % interval of the mean over the {fewest} to {most} runs of a condition (Student's t)."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_indices_are_evenly_spread_and_different() {
        assert_eq!(choose_evenly(3, 12), [0, 1, 2]);
        // 6 indices from 0 to 1,943 are 1,943 / 5 = 388.6 apart. Each index is rounded down.
        assert_eq!(choose_evenly(1_944, 6), [0, 388, 777, 1_165, 1_554, 1_943]);
        for count in 0..40 {
            let chosen = choose_evenly(count, 7);
            assert!(
                chosen.windows(2).all(|pair| pair[0] < pair[1]),
                "{chosen:?}"
            );
            assert_eq!(chosen.len(), count.min(7));
        }
    }
}
