//! The boundary of stability along a *swept* parameter (one that takes several values in an experiment): the value at which as many
//! messages arrive at a machine as it has ticks.
//!
//! The boundary is computed by the fluid model ([`super::fluid`]). The model treats messages as a continuous flow, and describes runs
//! that never end. Close to the boundary, a run of finite duration is critical: it does not show whether the queue grows.
//!
//! An example: three machines with 1, 3 and 6 ticks per second. The swept parameter is p, the probability that an idle tick (a tick that
//! receives nothing) is internal. With probability 1 - p it is a send. One third of the sends go to the first other machine, one third to
//! the second, and one third to both. So two of three sends reach the first other machine: an idle tick sends a message to this machine with
//! probability s = 2 (1 - p) / 3. The same is true for the second.
//!
//! At the boundary of machine 0, all its ticks receive, so it sends nothing. Only machines 1 and 2 send. Together they have 3 + 6 ticks
//! per second; Y of these are idle. Each idle tick sends to the other one of the two machines with probability s. So together they receive
//! s Y messages per second, and each message takes a tick: Y = 3 + 6 - s Y, so Y = 9 / (1 + s). Each idle tick also sends to machine 0 with
//! probability s. So s Y messages per second arrive at machine 0, which has 1 tick per second. At the boundary the two numbers are equal:
//! s Y = 9 s / (1 + s) = 1. This gives s = 1/8, and p = 1 - 3 s / 2 = 0.8125. With a smaller p, machine 0 is overloaded.

use std::collections::HashMap;
use std::sync::Arc;

use sim::experiment::{Configuration, Internal, Rate, Rates};

use super::fluid::Fluid;
use super::links::Links;
use super::system::System;

/// How many times the interval that contains a boundary is halved. An interval with a width of 1000 is then about 1e-9 wide. This is precise
/// enough, because tables show four digits after the decimal point.
const HALVINGS: usize = 40;

/// A parameter along which there can be a boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// The probability that an idle tick is internal, equal for all machines.
    Internal,
    /// The rate of this machine.
    Rate(usize),
}

impl Swept {
    /// The value of the parameter in `configuration`.
    fn value(self, configuration: &Configuration) -> f64 {
        match self {
            // The probability is equal for all machines, so it can be read from machine 0.
            Self::Internal => configuration.internal.at(0).value(),
            Self::Rate(machine) => rates(configuration)[machine],
        }
    }

    /// Gives the parameter this value in `system`.
    fn set(self, system: &mut System, value: f64) {
        match self {
            Self::Internal => system.internal.fill(value),
            Self::Rate(machine) => system.rates[machine] = value,
        }
    }

    /// All parameters except the swept one, as a text. Configurations that differ only in the swept parameter have the same text.
    pub(super) fn fixed_parameters(self, configuration: &Configuration) -> String {
        // The default replaces the value of the swept parameter, so this value does not occur in the text.
        let mut fixed = configuration.clone();
        match self {
            Self::Internal => {
                fixed.internal = Internal::default();
                fixed.to_string()
            }
            Self::Rate(machine) => {
                let others = configuration.rates.iter().enumerate();
                let others = others.filter(|(index, _)| *index != machine);
                let others: Vec<Rate> = others.map(|(_, rate)| rate).collect();
                fixed.rates = Rates::default();
                format!("{others:?} {fixed}")
            }
        }
    }
}

/// A boundary of stability of one machine.
#[derive(Clone, Debug)]
pub struct Boundary {
    /// A configuration with this boundary. All configurations that differ from it only in the swept parameter have the same boundary.
    pub configuration: Arc<Configuration>,
    /// The machine that is overloaded on one side of the boundary.
    pub machine: usize,
    /// The swept parameter.
    pub swept: Swept,
    /// The value of the parameter at the boundary.
    pub value: f64,
    /// Whether the machine is overloaded below this value. If false, the machine is overloaded above the value.
    pub is_overloaded_below: bool,
}

/// Finds the boundaries along `internal` and, if the configurations differ in the rate of only one machine, along this rate. A
/// boundary is found if a machine is overloaded at one of two neighbouring values in `configurations`, and not at the other.
pub fn boundaries(configurations: &[Arc<Configuration>]) -> Vec<Boundary> {
    let rate = swept_rate(configurations).map(Swept::Rate);
    let swept = [Some(Swept::Internal), rate].into_iter().flatten();
    swept
        .flat_map(|swept| {
            let groups = groups(configurations, swept);
            groups
                .into_iter()
                .flat_map(move |group| boundaries_in_group(&group, swept))
        })
        .collect()
}

/// The ticks per second of each machine.
fn rates(configuration: &Configuration) -> Vec<f64> {
    configuration
        .rates
        .iter()
        .map(|rate| rate.hertz())
        .collect()
}

/// The machine in whose rate the configurations differ. None if they differ in the rates of several machines or of none.
fn swept_rate(configurations: &[Arc<Configuration>]) -> Option<usize> {
    let first = rates(configurations.first()?);
    let all: Vec<Vec<f64>> = configurations.iter().map(|one| rates(one)).collect();
    if all.iter().any(|rates| rates.len() != first.len()) {
        return None;
    }
    let differs = |machine: &usize| all.iter().any(|rates| rates[*machine] != first[*machine]);
    let mut differing = (0..first.len()).filter(differs);
    let machine = differing.next()?;
    differing.next().is_none().then_some(machine)
}

/// Groups of configurations. The configurations of a group differ only in the swept parameter, and are in ascending order of it.
fn groups(configurations: &[Arc<Configuration>], swept: Swept) -> Vec<Vec<Arc<Configuration>>> {
    let mut indices: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Vec<Arc<Configuration>>> = vec![];
    for configuration in configurations {
        // A configuration with a probability for each machine has no single value that could be swept.
        if swept == Swept::Internal && configuration.internal.list_length().is_some() {
            continue;
        }
        let index = *indices
            .entry(swept.fixed_parameters(configuration))
            .or_insert(groups.len());
        if index == groups.len() {
            groups.push(vec![]);
        }
        groups[index].push(Arc::clone(configuration));
    }
    for group in &mut groups {
        group.sort_by(|a, b| swept.value(a).total_cmp(&swept.value(b)));
    }
    groups
}

/// The boundaries between neighbouring configurations of `group`.
fn boundaries_in_group(group: &[Arc<Configuration>], swept: Swept) -> Vec<Boundary> {
    let Some(first) = group.first() else {
        return vec![];
    };
    // The warm-up can have any value here, because the fluid model does not use it.
    let warm_up_s = 0.0;
    let system = System::from_configuration(first, warm_up_s);
    // A machine whose ticks take all waiting messages is never overloaded.
    if system.takes_all() {
        return vec![];
    }
    let overloaded_at = |value: f64| {
        let mut system = system.clone();
        swept.set(&mut system, value);
        overloaded(&system)
    };
    let values: Vec<f64> = group.iter().map(|one| swept.value(one)).collect();
    let states: Vec<Option<Vec<bool>>> = values.iter().map(|value| overloaded_at(*value)).collect();
    let mut found = vec![];
    for machine in 0..system.rates.len() {
        let is_overloaded = |index: usize| states[index].as_ref().map(|state| state[machine]);
        for index in 1..values.len() {
            let (Some(at_lower), Some(at_upper)) = (is_overloaded(index - 1), is_overloaded(index))
            else {
                continue;
            };
            if at_lower == at_upper {
                continue;
            }
            // The machine's state (overloaded or not) changes between the lower and the upper value. A value lies before the change if the
            // machine has the same state there as at the lower value.
            let is_before_change =
                |value: f64| overloaded_at(value).map(|state| state[machine] == at_lower);
            let (lower, upper) = (values[index - 1], values[index]);
            if let Some(value) = find_change(lower, upper, is_before_change) {
                found.push(Boundary {
                    configuration: Arc::clone(first),
                    machine,
                    swept,
                    value,
                    is_overloaded_below: at_lower,
                });
            }
        }
    }
    found
}

/// For each machine, whether it is overloaded, which means that it has no idle ticks in the long run. None if chance decides which machines
/// are overloaded. (For example, in some systems with the topology star, either the machine in the centre or the other machines are
/// overloaded.)
fn overloaded(system: &System) -> Option<Vec<bool>> {
    let fluid = Fluid::from_links(&system.rates, &Links::new(system))?;
    // The fluid model calls a machine active if it has idle ticks. (Only idle ticks can send.)
    Some(fluid.active.iter().map(|active| !active).collect())
}

/// The value between `lower` and `upper` at which `is_before_change` changes from true to false, found by halving the interval. None if
/// `is_before_change` returns `None`.
fn find_change(
    mut lower: f64,
    mut upper: f64,
    is_before_change: impl Fn(f64) -> Option<bool>,
) -> Option<f64> {
    for _ in 0..HALVINGS {
        let middle = (lower + upper) / 2.0;
        match is_before_change(middle)? {
            true => lower = middle,
            false => upper = middle,
        }
    }
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::experiment::{Experiment, Overrides};

    /// The boundaries in an experiment. For each, the machine, the swept parameter, its value at the boundary, and whether the machine is
    /// overloaded below this value.
    fn found(parameters: &str) -> Vec<(usize, Swept, f64, bool)> {
        let text = format!("seed = 1\n[parameters]\n{parameters}");
        let experiment = Experiment::parse(&text, "e.toml".as_ref(), Overrides::default());
        let experiment = experiment.expect("an experiment");
        let boundaries = boundaries(experiment.configurations()).into_iter();
        boundaries
            .map(|found| {
                (
                    found.machine,
                    found.swept,
                    (found.value * 1e6).round() / 1e6,
                    found.is_overloaded_below,
                )
            })
            .collect()
    }

    /// The symbols are those of the example at the top of the file, which calculates p = 0.8125 for machine 0.
    ///
    /// Machine 1 has 3 ticks per second. At its boundary, it receives at every tick and sends nothing. Machine 0 is slower, so it also
    /// receives at every tick and sends nothing. Machine 2 gets no messages then, so all its 6 ticks per second are idle: Y = 6. As many
    /// messages arrive at machine 1 as it has ticks: s Y = 6 s = 3. This gives s = 1/2, and p = 1 - 3 s / 2 = 0.25.
    ///
    /// Machines with equal rates are never overloaded, so they have no boundary.
    #[test]
    fn boundaries_along_internal_are_those_worked_out_by_hand() {
        let internal = found("rates = [1, 3, 6]\ninternal = [0.9, 0.1, 0.5]");
        assert_eq!(
            internal,
            [
                (0, Swept::Internal, 0.8125, true),
                (1, Swept::Internal, 0.25, true)
            ]
        );
        assert_eq!(
            found("rates = [3, 3, 3]\ninternal = { from = 0.1, to = 0.9, step = 0.1 }"),
            []
        );
        // Both boundaries are outside the values of the experiment.
        assert_eq!(found("rates = [1, 3, 6]\ninternal = [0.5, 0.7]"), []);
    }

    /// The rate r of machine 0 is swept, with p = 0.7, so s = 2 (1 - p) / 3 = 0.2. As in the example at the top of the file,
    /// Y = 9 / (1 + s) = 7.5 at the boundary, and s Y = 1.5 messages per second arrive at machine 0. So the boundary is at r = 1.5.
    #[test]
    fn the_boundary_along_the_rate_of_one_machine_is_that_worked_out_by_hand() {
        let rates = found("rates = [[2, 3, 6], [0.5, 3, 6], [4, 3, 6]]\ninternal = 0.7");
        assert_eq!(rates, [(0, Swept::Rate(0), 1.5, true)]);
    }

    #[test]
    fn machines_that_receive_all_messages_at_each_tick_have_no_boundary() {
        let all = found("rates = [1, 3, 6]\ninternal = [0.1, 0.9]\nreceive = \"all\"");
        assert_eq!(all, []);
    }
}
