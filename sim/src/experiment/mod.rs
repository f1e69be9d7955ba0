//! Experiments. A TOML file describes configurations. The plan is an ordered list of the runs of these configurations. Each run has a
//! key (a text of its configuration and its repetition), which does not change if the plan grows.
//!
//! # Layout
//!
//! - [`parameter_table`]: the table of all parameters of a configuration
//! - [`parameters`]: the types of parameters, their texts and ranges
//! - [`rates`]: how often machines tick
//! - [`internal`]: the probability that an idle tick (a tick at which no message waits) is an internal event
//! - [`named_values`]: a macro for parameters whose values have names, such as `mesh` or `ring`
//! - [`variants`]: variants of the model: how many messages a tick takes, which machines may send to each other, and to which of
//!   them a send goes
//! - [`delay`]: distributions of message delays
//! - [`grid`]: makes every combination of values
//! - [`exclusions`]: removes excluded combinations
//! - [`repeats`]: reads the blocks `[[repeat]]` of the file, which give some configurations more repetitions
//! - [`repetition_lines`]: writes such blocks and the line `repetitions = ...`
//! - [`rate_sets`]: rules for rate sets: every ordered or unordered set, random sets
//! - [`file`]: reads the TOML file into an [`Experiment`]
//! - [`changes`]: changes values of the file (`--set`)
//! - [`grid_file`]: reads the part of the file that describes the configurations
//! - [`values`]: reads the values of parameters from the file
//! - [`error`]: errors of experiment files
//! - [`numbering`]: the number of each run in the plan. A run keeps its number when the plan grows
//! - [`run_name`]: how a user names a run: by number or by key
//! - [`shard`]: a part of the runs, for one of several computers
//! - [`schedule`]: the times at which each machine of a run ticks
//! - [`margin`]: the margin of a run, which is the shortest time between two ticks whose order can change the run's events

mod changes;
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
mod repeats;
mod repetition_lines;
mod run_name;
mod schedule;
mod shard;
mod values;
mod variants;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

pub use changes::Change;
pub use delay::Delay;
pub use error::ExperimentError;
pub use file::Overrides;
pub use internal::Internal;
pub use numbering::Numbering;
pub use parameter_table::{PARAMETERS, Parameter, ValueKind};
pub use parameters::{EngineKind, Isolation, NotAValue, PhaseRule, Probability, StampRule};
pub use rates::{Rate, Rates};
pub use repetition_lines::RepetitionLines;
pub use run_name::RunName;
pub use schedule::Schedule;
pub use shard::{Shard, ShardRule};
pub use variants::{ClockKind, Connection, MachineIndex, ReceiveRule, Sends, Topology};

use crate::random;

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A configuration: one value for each parameter. Together with the seed and the repetition it determines the events of a run.
///
/// The rows of [`PARAMETERS`] describe the parameters. `default()` has the default value of each parameter. Experiment files must give
/// `rates` and `internal`, so their defaults are only for code: two machines with 1 tick per second, which never have internal events.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Ticks per second of each machine.
    pub rates: Rates,
    /// Probability that an idle tick is an internal event.
    pub internal: Internal,
    /// How the times of the first ticks are chosen.
    pub phase: PhaseRule,
    /// A send adds 1 to the sender's clock. The stamp rule says whether the message carries the value before or after this addition.
    pub stamp: StampRule,
    /// How long messages travel.
    pub delay: Delay,
    /// How many messages a tick takes from the queue.
    pub receive: ReceiveRule,
    /// Which machines may send to each other.
    pub topology: Topology,
    /// To which neighbours a send goes. The neighbours are the machines that the sender may send to.
    pub sends: Sends,
    /// The TCP connections that messages use. The choice does not change the events.
    pub connection: Connection,
    /// Which timestamps messages carry. This does not change what machines do.
    pub clock: ClockKind,
    /// Length of the run in model time, in nanoseconds.
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
            clock: ClockKind::default(),
            duration_ns: 60 * NANOS_PER_SECOND,
        }
    }
}

impl Configuration {
    /// Creates a configuration with these values. All other parameters have their default.
    pub fn new(rates: Rates, internal: Probability, duration_ns: u64) -> Self {
        Self {
            rates,
            internal: internal.into(),
            duration_ns,
            ..Self::default()
        }
    }

    /// Returns the machines to which `machine` may send, in ascending order.
    pub fn neighbours(&self, machine: MachineIndex) -> Vec<MachineIndex> {
        self.topology.neighbours(machine, self.rates.machines())
    }

    fn neighbour_count(&self, machine: MachineIndex) -> u32 {
        self.topology
            .neighbour_count(machine, self.rates.machines())
    }

    /// Returns a lower limit for the margins of all runs of this configuration, in model nanoseconds. The margin of a run is the shortest
    /// time between two ticks whose order can change the run's events ([`Schedule::margin_ns`]). With [`PhaseRule::Spread`], the limit is
    /// `1 / (L * N)` seconds, where L is the least common multiple of the rates and N the number of machines. For example, the rates 1, 3
    /// and 6 give 1 / (6 * 3) seconds, about 56 ms. But the times of ticks are rounded to nanoseconds, which can make the margin of a run up
    /// to two nanoseconds shorter than this limit. The other phase rules guarantee no margin, so the limit is 0.
    pub fn guaranteed_margin_ns(&self) -> u64 {
        schedule::guaranteed_margin_ns(self)
    }

    /// Returns whether any machine can ever send: it has a neighbour, and not all its idle ticks are internal events.
    fn has_senders(&self) -> bool {
        (0..self.rates.machines()).any(|machine| {
            self.neighbour_count(machine) > 0 && self.internal.at(machine as usize).value() < 1.0
        })
    }

    /// Returns the length of the run in model time, in seconds.
    pub fn duration_s(&self) -> f64 {
        self.duration_ns as f64 / NANOS_PER_SECOND as f64
    }

    /// Returns the mean number of recipients of a send of `machine`; 0 if the machine may not send to any other.
    fn mean_recipients(&self, machine: MachineIndex) -> f64 {
        let neighbours = f64::from(self.neighbour_count(machine));
        if neighbours == 0.0 {
            return 0.0;
        }
        if self.topology == Topology::TimeKeeper {
            // Only machine 0, the time-keeper, has neighbours here, and each of its sends goes to all of them.
            return neighbours;
        }
        match self.sends {
            // With d neighbours, a send has d + 1 equally likely outcomes: a single neighbour (d outcomes) or all d neighbours (1
            // outcome). So the mean number of recipients is (d * 1 + 1 * d) / (d + 1).
            Sends::Mix => 2.0 * neighbours / (neighbours + 1.0),
            Sends::Unicast => 1.0,
            Sends::Broadcast => neighbours,
            Sends::Multicast(recipients) => neighbours.min(f64::from(recipients)),
        }
    }

    /// Returns how many messages each machine sends per model second on average if it never receives. In the long run, a machine cannot
    /// send more, because it does not send at a tick that receives.
    fn messages_per_second_of_each(&self) -> impl Iterator<Item = f64> + '_ {
        (0..).zip(self.rates.iter()).map(|(machine, rate)| {
            let sends_per_second =
                rate.hertz() * (1.0 - self.internal.at(machine as usize).value());
            sends_per_second * self.mean_recipients(machine)
        })
    }

    /// Returns how many messages all machines together send per model second on average if none of them ever receives. In the long run,
    /// they cannot send more.
    pub fn messages_per_second(&self) -> f64 {
        self.messages_per_second_of_each().sum()
    }

    /// Returns the expected number of rows in the log: one for each tick. With [`ReceiveRule::All`], a tick that takes several messages
    /// has a row for each of them. Then the result is only an estimate: the sum of `max(ticks, arriving messages)` over all
    /// machines.
    pub fn expected_rows(&self) -> u64 {
        if self.receive == ReceiveRule::One {
            return self.expected_ticks();
        }
        let rows = std::iter::zip(self.rates.iter(), self.arrivals_per_second_of_each())
            .map(|(rate, arrivals)| rate.hertz().max(arrivals) * self.duration_s());
        rows.sum::<f64>().round() as u64
    }

    /// Returns how many messages arrive at each machine per model second if every machine sends as many messages as
    /// `messages_per_second_of_each` says.
    fn arrivals_per_second_of_each(&self) -> Vec<f64> {
        // For each machine: how many messages it sends to each of its neighbours per second.
        let to_each_neighbour: Vec<f64> = (0..)
            .zip(self.messages_per_second_of_each())
            .map(|(machine, sent)| sent / f64::from(self.neighbour_count(machine).max(1)))
            .collect();
        if self.topology == Topology::Mesh {
            // In a mesh, each machine gets messages from all others: the sum over all machines, minus what the machine itself sends to
            // each of its neighbours. This needs fewer additions than a sum over all pairs.
            let sum: f64 = to_each_neighbour.iter().sum();
            return to_each_neighbour.iter().map(|own| sum - own).collect();
        }
        let mut arrivals = vec![0.0; to_each_neighbour.len()];
        for (machine, messages) in (0..).zip(&to_each_neighbour) {
            for neighbour in self.neighbours(machine) {
                arrivals[neighbour as usize] += messages;
            }
        }
        arrivals
    }

    /// Returns the expected number of ticks of all machines together. In a run, each machine can have one tick more or less, depending
    /// on the time of its first tick.
    pub fn expected_ticks(&self) -> u64 {
        self.rates
            .iter()
            .map(|rate| (rate.hertz() * self.duration_s()).round() as u64)
            .sum()
    }
}

/// The canonical text, with which a run's key begins: each parameter as `name=value`. Some parameters, such as `rates`, are always in the
/// text. The others, such as `delay_s`, are left out if they have their default value.
impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = PARAMETERS
            .iter()
            .filter(|parameter| !parameter.can_be_left_out(self));
        for (index, parameter) in written.enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{}={}", parameter.name, parameter.cell(self))?;
        }
        Ok(())
    }
}

/// One run of an experiment: a repetition of a configuration.
#[derive(Clone, Debug)]
pub struct Run {
    /// The run's number in the plan, from 0.
    pub index: u64,
    /// The configuration of the run.
    pub configuration: Arc<Configuration>,
    /// The number of the repetition, from 0.
    pub repetition: u32,
}

impl Run {
    /// Returns the run's key: a canonical text of its configuration and repetition. It does not depend on the run's number.
    pub fn key(&self) -> String {
        key(&self.configuration, self.repetition)
    }

    /// Returns the text from which the run's random streams are made: the key without `connection` and `clock`, because these two
    /// parameters do not change what machines do. Runs that differ only in `connection` have the same events. Runs that differ only in
    /// `clock` have the same events too, but with different additional timestamps.
    pub fn stream_key(&self) -> String {
        // The key leaves out both parameters if they have their default values, which are set here.
        let configuration = Configuration {
            connection: Connection::Persistent,
            clock: ClockKind::Lamport,
            ..(*self.configuration).clone()
        };
        key(configuration, self.repetition)
    }

    /// Returns when the run's machines tick.
    pub fn schedule(&self, seed: u64) -> Schedule {
        Schedule::draw(
            &self.configuration,
            &mut random::run_stream(seed, &self.stream_key()),
        )
    }
}

fn key(configuration: impl fmt::Display, repetition: u32) -> String {
    format!("{configuration} repetition={repetition}")
}

/// An experiment that has been read and checked: every configuration in it can be run.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Name of the dataset.
    pub name: String,
    /// The purpose of the experiment, in the author's words.
    pub description: String,
    /// The seed, from which all random draws come.
    pub seed: u64,
    /// Number of runs of each configuration that is not in `more_repetitions`.
    pub repetitions: u32,
    /// Number of runs of each configuration that has more than `repetitions`. The keys are the canonical texts of these configurations.
    pub more_repetitions: BTreeMap<String, u32>,
    /// The engine that runs the machines.
    pub engine: EngineKind,
    /// Model seconds per real second; 1 in the virtual engine, which does not use real time.
    pub time_scale: f64,
    /// Whether the machines share a process or each has a process of its own. It is `shared` in the virtual engine.
    pub isolation: Isolation,
    configurations: Vec<Arc<Configuration>>,
    numbering: Numbering,
    shard: Option<Shard>,
    shard_rule: ShardRule,
    source: String,
    changes: Vec<String>,
}

impl Experiment {
    /// The maximum number of runs of an experiment.
    pub const MAX_RUNS: u64 = 2_000_000;
    /// The maximum number of machines in all configurations of an experiment together. There is a limit because the rates of all
    /// machines are in memory.
    pub const MAX_MACHINES: u64 = 20_000_000;

    /// Returns the configurations in the order of the file. After [`Self::continue_from`], the configurations of the earlier version of
    /// this experiment come first.
    pub fn configurations(&self) -> &[Arc<Configuration>] {
        &self.configurations
    }

    /// Returns the text of the file, with all changes from the command line.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the changes from the command line, such as `internal=0.4`.
    pub fn changes(&self) -> &[String] {
        &self.changes
    }

    /// Returns whether at least one configuration has a clock in addition to the Lamport clock. Then the event log has a column for the
    /// timestamps of this clock.
    pub fn has_timestamps(&self) -> bool {
        let configurations = self.configurations.iter();
        configurations
            .map(|configuration| configuration.clock)
            .any(|clock| clock != ClockKind::Lamport)
    }

    /// Returns the numbers of the runs in the plan.
    pub fn numbering(&self) -> &Numbering {
        &self.numbering
    }

    /// Returns the shard (the part of the runs that this computer makes) to which the plan is restricted. `None` if all runs are planned.
    pub fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// Restricts the plan to the runs of one shard.
    pub fn keep_shard(&mut self, shard: Shard) {
        self.shard = Some(shard);
    }

    /// Returns how runs are divided among shards.
    pub fn shard_rule(&self) -> ShardRule {
        self.shard_rule
    }

    /// Divides the runs among shards by another rule.
    pub(crate) fn set_shard_rule(&mut self, rule: ShardRule) {
        self.shard_rule = rule;
    }

    /// Returns the shard whose runs have the most ticks, if the runs are divided among `of` shards.
    pub fn largest_shard(&self, of: u32) -> Shard {
        // The ticks of each shard. Shards are numbered from 1.
        let mut ticks = vec![0; of as usize];
        for run in self.runs() {
            let number = shard::number_of(&run, of, self.shard_rule);
            ticks[number as usize - 1] += run.configuration.expected_ticks();
        }
        let largest = (1..=of).max_by_key(|&number| ticks[number as usize - 1]);
        Shard {
            number: largest.unwrap_or(1),
            of,
        }
    }

    /// Continues an earlier version of this experiment: every run of the earlier version keeps its number, and new runs get the next
    /// numbers. `configurations` has the canonical texts of the earlier version's configurations, and `numbering` is the earlier version's
    /// numbering.
    ///
    /// # Errors
    ///
    /// Returns the configurations of the earlier version that this experiment does not have. Then nothing is changed.
    pub fn continue_from(
        &mut self,
        configurations: &[String],
        numbering: &Numbering,
    ) -> Result<(), Vec<String>> {
        let mut earlier_indices: HashMap<&str, usize> = HashMap::new();
        for (index, text) in configurations.iter().enumerate() {
            earlier_indices.insert(text, index);
        }
        let mut earlier = vec![None; configurations.len()];
        let mut new = vec![];
        for configuration in &self.configurations {
            match earlier_indices.get(configuration.to_string().as_str()) {
                Some(&index) => earlier[index] = Some(Arc::clone(configuration)),
                None => new.push(Arc::clone(configuration)),
            }
        }
        let missing: Vec<String> = std::iter::zip(&earlier, configurations)
            .filter(|(found, _)| found.is_none())
            .map(|(_, text)| text.clone())
            .collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        self.configurations = earlier.into_iter().flatten().chain(new).collect();
        self.numbering = numbering.clone();
        let more_repetitions = self.more_repetitions.values().copied();
        let max_repetitions = more_repetitions.fold(self.repetitions, u32::max);
        // Every configuration gets numbers for `max_repetitions` runs. `Self::runs` leaves out the runs that are not planned.
        self.numbering
            .grow(self.configurations.len(), max_repetitions);
        Ok(())
    }

    /// Returns the planned runs in order: first repetition 0 of every configuration, then repetition 1, and so on. So if
    /// `sim run` is stopped early, every configuration has about the same number of runs. If the plan has grown, the runs of the earlier
    /// plan come first.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        std::iter::zip(0.., self.numbering.runs())
            .filter_map(|(index, run)| self.new_run(index, run))
            .filter(|run| self.is_planned(run))
    }

    /// Returns whether `run` is planned: its repetition is one of the planned repetitions. If the plan is restricted to a shard, the run
    /// must also belong to this shard.
    pub fn is_planned(&self, run: &Run) -> bool {
        let is_in_shard = |shard: Shard| shard.has(run, self.shard_rule);
        let is_additional_repetition = || {
            let more = &self.more_repetitions;
            // Making the text of a configuration takes time. If no configuration has more repetitions, the text is not needed.
            !more.is_empty()
                && more
                    .get(&run.configuration.to_string())
                    .is_some_and(|count| run.repetition < *count)
        };
        (run.repetition < self.repetitions || is_additional_repetition())
            && self.shard.is_none_or(is_in_shard)
    }

    /// Returns the number of planned runs.
    pub fn run_count(&self) -> u64 {
        match self.shard {
            None => {
                let counts = self.more_repetitions.values();
                let additional =
                    counts.map(|count| u64::from(count.saturating_sub(self.repetitions)));
                self.configurations.len() as u64 * u64::from(self.repetitions)
                    + additional.sum::<u64>()
            }
            // A hash decides which runs a shard has, so they must be counted one by one.
            Some(_) => self.runs().count() as u64,
        }
    }

    /// Returns the run with number `index`. The run need not be planned: it can also come from an earlier, larger plan, or belong to
    /// another shard.
    pub fn run(&self, index: u64) -> Option<Run> {
        self.new_run(index, self.numbering.run(index)?)
    }

    fn new_run(&self, index: u64, (configuration, repetition): (usize, u32)) -> Option<Run> {
        Some(Run {
            index,
            configuration: Arc::clone(self.configurations.get(configuration)?),
            repetition,
        })
    }
}
