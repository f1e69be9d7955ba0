//! Experiments: a TOML file becomes configurations, and these an ordered plan of runs with stable keys.
//!
//! # Layout
//!
//! - [`parameter_table`]: every parameter of a configuration, a row each
//! - [`parameters`]: the types of parameters, their texts and ranges
//! - [`rates`]: how often machines tick
//! - [`internal`]: how likely an idle tick is an internal event
//! - [`named_values`]: those of them whose values have names
//! - [`variants`]: variants of the model: what a tick takes, who may send to whom, and what is sent
//! - [`delay`]: laws of message delay
//! - [`grid`]: a plan's dimensions multiplied out
//! - [`exclusions`]: what of it is left out
//! - [`rate_sets`]: rate sets by rule: every ordered or unordered set, random sets
//! - [`file`]: the TOML file read into an [`Experiment`]
//! - [`grid_file`]: the part of it that says which configurations there are
//! - [`values`]: the values of parameters as the file writes them
//! - [`error`]: what can be wrong with it
//! - [`numbering`]: which place in the plan each run has, also after the plan has grown
//! - [`run_name`]: what a person calls a run
//! - [`shard`]: a part of the runs, for one of several hosts
//! - [`schedule`]: when each machine of a run ticks
//! - [`margin`]: the shortest time between two ticks whose order matters

mod delay;
mod error;
mod exclusions;
mod file;
mod grid;
mod grid_file;
mod internal;
mod margin;
mod named_values;
mod numbering;
mod parameter_table;
mod parameters;
mod rate_sets;
mod rates;
mod run_name;
mod schedule;
mod shard;
mod values;
mod variants;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use delay::Delay;
pub use error::ExperimentError;
pub use file::Overrides;
pub use internal::Internal;
pub use numbering::Numbering;
pub use parameter_table::{PARAMETERS, Parameter, ValueKind};
pub use parameters::{EngineKind, Isolation, NotAValue, PhaseRule, Probability, StampRule};
pub use rates::{Rate, Rates};
pub use run_name::RunName;
pub use schedule::Schedule;
pub use shard::Shard;
pub use variants::{Connection, MachineIndex, ReceiveRule, Sends, Topology};

use crate::random;

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Everything that a sweep varies: what can change the events of a run, but the seed and the repetition, and what carries them.
///
/// Its parameters are the rows of [`PARAMETERS`]. The default has the default value of each; rates, internal and duration, which
/// an experiment has to say, are the shortest that there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Ticks per second of each machine.
    pub rates: Rates,
    /// Probability that an idle tick is an internal event.
    pub internal: Internal,
    /// When ticks fall within a machine's period.
    pub phase: PhaseRule,
    /// Which clock value a message carries.
    pub stamp: StampRule,
    /// How long messages are under way.
    pub delay: Delay,
    /// What a tick takes from the message queue.
    pub receive: ReceiveRule,
    /// Who may send to whom.
    pub topology: Topology,
    /// To whom a send goes.
    pub sends: Sends,
    /// Which connections messages take over TCP. Changes no event.
    pub connection: Connection,
    /// Model time observed, in nanoseconds.
    pub duration_ns: u64,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            rates: Rates::default(),
            internal: Internal::default(),
            phase: PhaseRule::default(),
            stamp: StampRule::default(),
            delay: Delay::default(),
            receive: ReceiveRule::default(),
            topology: Topology::default(),
            sends: Sends::default(),
            connection: Connection::default(),
            duration_ns: 60 * NANOS_PER_SECOND,
        }
    }
}

impl Configuration {
    /// The assignment's model with these parameters, and the default of every other.
    pub fn new(rates: Rates, internal: Probability, duration_ns: u64) -> Self {
        Self {
            rates,
            internal: internal.into(),
            duration_ns,
            ..Self::default()
        }
    }

    /// To whom `machine` may send, ascending.
    pub fn neighbours(&self, machine: MachineIndex) -> Vec<MachineIndex> {
        self.topology.neighbours(machine, self.rates.machines())
    }

    fn neighbour_count(&self, machine: MachineIndex) -> u32 {
        self.topology
            .neighbour_count(machine, self.rates.machines())
    }

    /// The margin ([`Schedule::margin_ns`]) that each of its runs has at least, in model nanoseconds, but for two nanoseconds of
    /// rounding: `1 / (L * N)` seconds under [`PhaseRule::Spread`], 0 under the other phase rules, which guarantee none.
    pub fn guaranteed_margin_ns(&self) -> u64 {
        schedule::guaranteed_margin_ns(self)
    }

    /// Whether any machine ever sends.
    fn has_senders(&self) -> bool {
        (0..self.rates.machines()).any(|machine| {
            self.neighbour_count(machine) > 0 && self.internal.at(machine as usize).value() < 1.0
        })
    }

    /// Model time observed, in seconds.
    pub fn duration_s(&self) -> f64 {
        self.duration_ns as f64 / NANOS_PER_SECOND as f64
    }

    /// How many machines a send of `machine` goes to, on average; 0 if it may send to none.
    fn mean_recipients(&self, machine: MachineIndex) -> f64 {
        let neighbours = f64::from(self.neighbour_count(machine));
        let to_all = self.topology == Topology::TimeKeeper;
        match self.sends {
            _ if neighbours == 0.0 => 0.0,
            _ if to_all => neighbours,
            Sends::Mix => 2.0 * neighbours / (neighbours + 1.0),
            Sends::Unicast => 1.0,
            Sends::Broadcast => neighbours,
            Sends::Multicast(recipients) => neighbours.min(f64::from(recipients)),
        }
    }

    /// Messages that each machine sends per second if it is never busy receiving: at most, in the long run.
    fn messages_per_second_of_each(&self) -> impl Iterator<Item = f64> + '_ {
        (0..).zip(self.rates.iter()).map(|(machine, rate)| {
            let sends = rate.hertz() * (1.0 - self.internal.at(machine as usize).value());
            sends * self.mean_recipients(machine)
        })
    }

    /// Messages sent per model second, all machines together: at most, in the long run.
    pub fn messages_per_second(&self) -> f64 {
        self.messages_per_second_of_each().sum()
    }

    /// Rows of the log: one a tick, but under [`ReceiveRule::All`] one a message that arrives where that is more.
    pub fn expected_rows(&self) -> u64 {
        if self.receive == ReceiveRule::One {
            return self.expected_ticks();
        }
        let rows = std::iter::zip(self.rates.iter(), self.arrivals_per_second_of_each())
            .map(|(rate, arrivals)| rate.hertz().max(arrivals) * self.duration_s());
        rows.sum::<f64>().round() as u64
    }

    /// Messages that arrive at each machine per second, if none is ever busy receiving.
    fn arrivals_per_second_of_each(&self) -> Vec<f64> {
        let shares: Vec<f64> = (0..)
            .zip(self.messages_per_second_of_each())
            .map(|(machine, sent)| sent / f64::from(self.neighbour_count(machine).max(1)))
            .collect();
        if self.topology == Topology::Mesh {
            // Everybody's share but one's own: not as many additions as there are pairs.
            let of_all: f64 = shares.iter().sum();
            return shares.iter().map(|own| of_all - own).collect();
        }
        let mut arrivals = vec![0.0; shares.len()];
        for (machine, share) in (0..).zip(&shares) {
            for peer in self.neighbours(machine) {
                arrivals[peer as usize] += share;
            }
        }
        arrivals
    }

    /// Ticks of all machines together, give or take one a machine (its phase decides).
    pub fn expected_ticks(&self) -> u64 {
        self.rates
            .iter()
            .map(|rate| (rate.hertz() * self.duration_s()).round() as u64)
            .sum()
    }
}

/// The canonical text: what a run's key starts with. Each parameter as `name=value`, but for those that can be left out.
impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = PARAMETERS
            .iter()
            .filter(|parameter| !parameter.can_be_left_out(self));
        for (place, parameter) in told.enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{}={}", parameter.name, parameter.cell(self))?;
        }
        Ok(())
    }
}

/// One run of an experiment: a configuration and a repetition, at a place in the plan.
#[derive(Clone, Debug)]
pub struct Run {
    /// The run's place in the plan, from 0.
    pub index: u64,
    /// What is run.
    pub configuration: Arc<Configuration>,
    /// Which repetition of it, from 0.
    pub repetition: u32,
}

impl Run {
    /// The run's key: a canonical text of its configuration and repetition, independent of its place in the plan.
    pub fn key(&self) -> String {
        format!("{} repetition={}", self.configuration, self.repetition)
    }

    /// What the run's randomness is drawn by: its key without what changes no event. So runs that differ only in that are twins.
    pub fn stream_key(&self) -> String {
        let configuration = Configuration {
            connection: Connection::Persistent,
            ..(*self.configuration).clone()
        };
        format!("{configuration} repetition={}", self.repetition)
    }

    /// When the run's machines tick.
    pub fn schedule(&self, seed: u64) -> Schedule {
        Schedule::draw(
            &self.configuration,
            &mut random::run_stream(seed, &self.stream_key()),
        )
    }
}

/// An experiment, read and checked: every configuration in it can be run.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Name of the dataset it makes.
    pub name: String,
    /// What it is for, in the author's words.
    pub description: String,
    /// What all randomness is drawn from.
    pub seed: u64,
    /// Runs of each configuration.
    pub repetitions: u32,
    /// What interprets the machines.
    pub engine: EngineKind,
    /// Model seconds per wall second; 1 in the virtual engine, whose clock is the model's own.
    pub time_scale: f64,
    /// Where machines live; shared in the virtual engine.
    pub isolation: Isolation,
    configurations: Vec<Arc<Configuration>>,
    numbering: Numbering,
    shard: Option<Shard>,
    source: String,
}

impl Experiment {
    /// The most runs one experiment may plan.
    pub const MAX_RUNS: u64 = 2_000_000;
    /// The most machines that all configurations of one experiment may have together: memory holds each one's rate, also as text.
    pub const MAX_MACHINES: u64 = 20_000_000;

    /// The configurations, in the order of the file's dimensions.
    pub fn configurations(&self) -> &[Arc<Configuration>] {
        &self.configurations
    }

    /// The file's text, as given.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The places of the runs in the plan.
    pub fn numbering(&self) -> &Numbering {
        &self.numbering
    }

    /// The part of the runs that is planned, if not all.
    pub fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// Plans only the runs of one shard.
    pub fn keep_shard(&mut self, shard: Shard) {
        self.shard = Some(shard);
    }

    /// Makes this experiment the continuation of an earlier one with `configurations`, canonical texts, and `numbering`: every run
    /// of that one keeps its place, and new runs come after.
    ///
    /// # Errors
    ///
    /// The configurations that this experiment has no more. Nothing is changed then.
    pub fn continue_from(
        &mut self,
        configurations: &[String],
        numbering: &Numbering,
    ) -> Result<(), Vec<String>> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (place, text) in configurations.iter().enumerate() {
            places.insert(text, place);
        }
        let mut earlier = vec![None; configurations.len()];
        let mut new = vec![];
        for configuration in &self.configurations {
            match places.get(configuration.to_string().as_str()) {
                Some(&place) => earlier[place] = Some(Arc::clone(configuration)),
                None => new.push(Arc::clone(configuration)),
            }
        }
        let missing: Vec<String> = std::iter::zip(&earlier, configurations)
            .filter(|(kept, _)| kept.is_none())
            .map(|(_, text)| text.clone())
            .collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        self.configurations = earlier.into_iter().flatten().chain(new).collect();
        self.numbering = numbering.clone();
        self.numbering
            .grow(self.configurations.len(), self.repetitions);
        Ok(())
    }

    /// The runs planned, in order: first every configuration's repetition 0, then every configuration's repetition 1, and so on. A
    /// sweep cut short has seen every configuration about equally often. Runs that an earlier plan had come first.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        std::iter::zip(0.., self.numbering.cells())
            .filter_map(|(index, cell)| self.run_of(index, cell))
            .filter(|run| self.plans(run))
    }

    /// Whether `run` is one of those planned: not a repetition beyond, nor another shard's.
    pub fn plans(&self, run: &Run) -> bool {
        run.repetition < self.repetitions && self.shard.is_none_or(|shard| shard.has(&run.key()))
    }

    /// Number of runs planned.
    pub fn run_count(&self) -> u64 {
        match self.shard {
            None => self.configurations.len() as u64 * u64::from(self.repetitions),
            Some(_) => self.runs().count() as u64,
        }
    }

    /// The run at place `index`, whether it is still planned or only was.
    pub fn run(&self, index: u64) -> Option<Run> {
        self.run_of(index, self.numbering.cell(index)?)
    }

    fn run_of(&self, index: u64, (configuration, repetition): (usize, u32)) -> Option<Run> {
        Some(Run {
            index,
            configuration: Arc::clone(self.configurations.get(configuration)?),
            repetition,
        })
    }
}
