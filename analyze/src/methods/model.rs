//! The model in sentences for a paper: what a machine does at a tick, and the values of the parameters.

use sim::experiment::{Configuration, Delay, PARAMETERS, Parameter, PhaseRule, Topology};

use super::citations::Citation;
use super::{MAX_LISTED, alternatives, distinct, listed, range_in_words};

/// The sentences about a model with these configurations.
pub(super) fn sentences(configurations: &[&Configuration]) -> Vec<String> {
    let machines = configurations
        .iter()
        .map(|one| f64::from(one.rates.machines()));
    let durations = configurations.iter().map(|one| one.duration_s());
    let mut sentences = vec![
        format!(
            "Each run is a system of {} machines and lasts {} s of model time.",
            range_in_words(machines),
            range_in_words(durations)
        ),
        format!(
            "A machine has a Lamport clock {} and a queue of messages, and ticks at a constant rate: {}.",
            Citation::lamport().words,
            rates(configurations)
        ),
    ];
    sentences.extend(parameter_sentence("receive", configurations));
    sentences.push(internal(configurations));
    let other_parameters = [
        "stamp",
        "topology",
        "sends",
        "delay_s",
        "phase",
        "connection",
    ];
    // The parameter `connection` is worth a sentence only if configurations differ in it.
    let is_left_out = |name: &&str| *name == "connection" && !varies(name, configurations);
    let described = other_parameters.iter().filter(|name| !is_left_out(name));
    sentences.extend(described.filter_map(|name| parameter_sentence(name, configurations)));
    sentences
}

/// The sets of rates in words. If there are many sets, or if a set has many rates, only the range of all rates is given. If there are
/// several sets, their number is given too.
pub(super) fn rates(configurations: &[&Configuration]) -> String {
    let sets = distinct(configurations.iter().map(|one| one.rates.to_string()));
    let is_short = |set: &String| set.split(',').count() <= MAX_LISTED;
    match &sets[..] {
        [only] if is_short(only) => {
            let rates: Vec<&str> = only.split(',').collect();
            format!("{} ticks per second", listed(&rates))
        }
        sets if sets.len() <= MAX_LISTED && sets.iter().all(is_short) => {
            let sets: Vec<String> = sets.iter().map(|set| in_brackets(set)).collect();
            format!(
                "{} ticks per second ({} sets of rates)",
                alternatives(&sets),
                sets.len()
            )
        }
        sets => {
            let all = configurations.iter().flat_map(|one| one.rates.iter());
            let rates = range_in_words(all.map(|rate| rate.hertz()));
            match sets.len() {
                1 => format!("{rates} ticks per second"),
                count => format!("{rates} ticks per second ({count} sets of rates)"),
            }
        }
    }
}

/// Puts a parameter's value in brackets if it is a list with a number for each machine: `1,3,6` becomes `(1, 3, 6)`. One number, such as
/// `0.7`, stays as it is.
fn in_brackets(value: &str) -> String {
    match value.contains(',') {
        true => format!("({})", value.replace(',', ", ")),
        false => value.to_owned(),
    }
}

/// The sentence about ticks at which no message waits.
fn internal(configurations: &[&Configuration]) -> String {
    let probability = internal_values(configurations);
    format!(
        "If no message waits, the tick is an internal event with probability {probability}, and otherwise a send; both add 1 to the clock."
    )
}

/// The probabilities of internal events in words.
pub(super) fn internal_values(configurations: &[&Configuration]) -> String {
    // Each value as a text: a number, or a list with a number for each machine.
    let cells = distinct(configurations.iter().map(|one| one.internal.to_string()));
    let words: Vec<String> = cells.iter().map(|cell| in_brackets(cell)).collect();
    // `None` if one of the values is a list.
    let numbers: Option<Vec<f64>> = cells.iter().map(|cell| cell.parse().ok()).collect();
    let values = match numbers {
        // A few values are listed, whether they are numbers or lists.
        _ if words.len() <= MAX_LISTED => alternatives(&words),
        Some(numbers) => format!(
            "{} ({} values)",
            range_in_words(numbers.into_iter()),
            cells.len()
        ),
        None => format!("one of {} values", cells.len()),
    };
    match cells.iter().any(|cell| cell.contains(',')) {
        true => format!("{values} (lists have one number for each machine)"),
        false => values,
    }
}

/// Whether a parameter has more than one value.
fn varies(name: &str, configurations: &[&Configuration]) -> bool {
    different_values(parameter(name), configurations).len() > 1
}

/// The different values of a parameter, as texts.
fn different_values(parameter: &Parameter, configurations: &[&Configuration]) -> Vec<String> {
    distinct(configurations.iter().map(|one| parameter.cell(one)))
}

/// Finds the parameter with this name.
///
/// # Panics
///
/// If there is no parameter with this name.
fn parameter(name: &str) -> &'static Parameter {
    let parameter = PARAMETERS.iter().find(|parameter| parameter.name == name);
    parameter.unwrap_or_else(|| panic!("no parameter {name}"))
}

/// The sentence about a parameter: what its value means. If the configurations have different values, the sentence lists the values, each
/// with its meaning. `None` if [`meaning`] gives `None` for one of the values.
fn parameter_sentence(name: &str, configurations: &[&Configuration]) -> Option<String> {
    // Each value of the parameter as a text, and what it means.
    let mut meanings: Vec<(String, String)> = vec![];
    for &configuration in configurations {
        let cell = parameter(name).cell(configuration);
        if meanings.iter().all(|(known, _)| *known != cell) {
            meanings.push((cell, meaning(name, configuration)?));
        }
    }
    match &meanings[..] {
        [(_, only)] => Some(format!("{}.", capitalised(only))),
        [] => None,
        several => {
            let words: Vec<String> = several
                .iter()
                .take(MAX_LISTED)
                .map(|(cell, meaning)| format!("`{cell}` ({meaning})"))
                .collect();
            let more = match several.len() - words.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Some(format!(
                "The parameter `{name}` has {} values: {}{more}.",
                several.len(),
                words.join(", ")
            ))
        }
    }
}

/// What a parameter's value in `configuration` means, as a clause. `None` if there is nothing to say about the value, such as the phase
/// `unknown` of imported logs.
fn meaning(name: &str, configuration: &Configuration) -> Option<String> {
    use sim::experiment::{Connection, ReceiveRule, Sends, StampRule};
    let words = match name {
        "receive" => {
            let which = match configuration.receive {
                ReceiveRule::One => "the oldest message from the queue",
                ReceiveRule::All => "all messages from the queue, the oldest first",
            };
            format!(
                "a tick takes {which}; the receive event of a message sets the clock to max(C, T) + 1, where C is the clock's old value and \
                 T the message's timestamp"
            )
        }
        "stamp" => {
            let when = match configuration.stamp {
                StampRule::After => "after",
                StampRule::Before => "before",
            };
            format!("a message carries the sender's clock {when} 1 is added for the send")
        }
        "topology" => match configuration.topology {
            Topology::Mesh => "every machine may send to every other machine",
            Topology::Ring => "each machine may send to the machine before it and to the one after it",
            Topology::Star => "machine 0 may send to all others; the others may send only to machine 0",
            Topology::TimeKeeper => "each send of machine 0 goes to all others; the others never send",
        }
        .to_owned(),
        "sends" => match configuration.sends {
            Sends::Mix => "a send goes to one of the d machines to which the sender may send, or to all of them; these d + 1 outcomes are equally likely".to_owned(),
            Sends::Unicast => "a send goes to one machine; each is equally likely".to_owned(),
            Sends::Broadcast => "a send goes to all machines to which the sender may send".to_owned(),
            Sends::Multicast(recipients) => format!("a send goes to {recipients} different machines; each choice is equally likely"),
        },
        "delay_s" => delay(&configuration.delay),
        "phase" => match configuration.phase {
            PhaseRule::Spread => "the machines' first ticks are at random times, chosen so that ticks of two machines are never closer together than \
                                  1 / (L N) s of model time, where L is the least common multiple of the rates and N the number of machines",
            PhaseRule::Uniform => "the time of each machine's first tick is random, uniformly distributed over the machine's first period (the time between two of its ticks)",
            PhaseRule::Aligned => "all machines tick at the start of the run",
            PhaseRule::Unknown => return None,
        }
        .to_owned(),
        "connection" => match configuration.connection {
            Connection::Persistent => "two machines keep one TCP connection during the run",
            Connection::PerMessage => "each message has a TCP connection of its own",
        }
        .to_owned(),
        _ => return None,
    };
    Some(words)
}

/// The clause about the delays of messages.
fn delay(delay: &Delay) -> String {
    let seconds = |ns: u64| ns as f64 / 1e9;
    match *delay {
        Delay::Constant { ns: 0 } => "messages have no added delay".to_owned(),
        Delay::Constant { ns } => format!("each message travels {} s", seconds(ns)),
        Delay::Uniform { from_ns, to_ns } => format!(
            "the delay of each message is uniformly distributed from {} s to {} s, and messages between two machines keep their order",
            seconds(from_ns),
            seconds(to_ns)
        ),
        Delay::Exponential { mean_ns } => format!(
            "the delay of each message is exponentially distributed with a mean of {} s, and messages between two machines keep their order",
            seconds(mean_ns)
        ),
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
