//! Reads the values of parameters from an experiment file: numbers, sets, ranges, rules and distributions.
//!
//! Each function that reads an [`Item`] returns `None` if the item has a mistake. The mistake is then noted: it is reported with all other
//! mistakes when the whole file has been read.

use std::ops::RangeInclusive;

use super::rate_sets::{MachineBudget, RateRule, RateSets};
use super::{
    Delay, Experiment, Internal, NANOS_PER_SECOND, NotAValue, PhaseRule, Probability, Rate, Rates,
    Sends,
};
use crate::toml_reader::{Item, Section};

const RATE_RULE_KEYS: &[&str] = &["every", "random", "machines", "from", "to", "step"];
const DELAY_DISTRIBUTIONS: &[&str] = &["uniform", "exponential"];
const RANGE_KEYS: &[&str] = &["from", "to", "step"];

/// Reads one rate set (`[1, 3, 6]`), a rule (a table), or a list of rate sets and rules. `budget` is
/// the number of machines that may still be used. All rules share it: each rule subtracts the machines of the sets that it makes.
pub(super) fn rates(item: &Item<'_>, seed: u64, budget: &MachineBudget) -> Option<Vec<Rates>> {
    if let Some(rule) = item.table() {
        return rates_by_rule(item, &rule, seed, budget);
    }
    let Some(items) = item.array() else {
        item.note("wanted rates: one set [1, 3, 6], a list of sets, or a rule such as { every = \"ordered\", machines = 3 }".to_owned());
        return None;
    };
    // A list with a number is one rate set; any other list has rate sets and rules.
    if items.iter().any(Item::is_number) {
        return Some(vec![rate_set(item, &items)?]);
    }
    // First all items of the list are read, so that the mistakes in all of them are noted. Only after that, a `None` ends the function.
    // The other functions of this file read lists in the same way.
    let sets: Vec<Option<Vec<Rates>>> = items.iter().map(|set| rates(set, seed, budget)).collect();
    Some(
        sets.into_iter()
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect(),
    )
}

/// Reads a rule such as `{ every = "ordered", machines = 3, from = 1, to = 6, step = 1 }`, and makes its rate sets. For
/// two machines, "ordered" makes both `1,3` and `3,1`, and "unordered" makes only `1,3`.
fn rates_by_rule(
    item: &Item<'_>,
    rule: &Section<'_>,
    seed: u64,
    budget: &MachineBudget,
) -> Option<Vec<Rates>> {
    rule.allow_only(RATE_RULE_KEYS);
    let rate_or = |name, default| {
        rule.get(name)
            .map_or_else(|| Rate::new(default), |item| rate(&item))
    };
    let machines = rule.require(
        "machines",
        "give the number of machines in a set, such as machines = 3",
    );
    let machines = machines.and_then(|item| item.integer(2..=Rates::MAX_MACHINES as u64));
    let (from, to, step) = (rate_or("from", 1), rate_or("to", 6), rate_or("step", 1));
    let rate_rule = match (rule.get("every"), rule.get("random")) {
        (Some(every), None) => match every.text()? {
            "ordered" => RateRule::EveryOrdered,
            "unordered" => RateRule::EveryUnordered,
            other => {
                every.note(format!(
                    "\"{other}\" is not known; use \"ordered\" or \"unordered\""
                ));
                return None;
            }
        },
        (None, Some(count)) => RateRule::Random(count.integer(1..=Experiment::MAX_RUNS)?),
        _ => {
            item.note("give either every = \"ordered\" (or \"unordered\"), or random = the number of sets".to_owned());
            return None;
        }
    };
    // All four values were read above, so the mistakes in all of them are noted. If one of them has a mistake, the function ends here.
    let (machines, from, to, step) = (machines? as u32, from?, to?, step?);
    if from > to {
        item.note(format!(
            "from = {from} is larger than to = {to}; there is no rate between them"
        ));
        return None;
    }
    let sets = RateSets {
        rule: rate_rule,
        machines,
        from,
        to,
        step,
    };
    expand(item, &sets, seed, budget)
}

/// Makes the sets of a rule, if there are not too many.
fn expand(
    item: &Item<'_>,
    sets: &RateSets,
    seed: u64,
    budget: &MachineBudget,
) -> Option<Vec<Rates>> {
    // `count()` is how many sets the rule makes, `ordered_count()` how many different sets exist within its limits (`1,3` and `3,1` are
    // different). `None` means: more than fit into 64 bits.
    match (sets.rule, sets.count(), sets.ordered_count()) {
        // Random sets must all be different, so a rule cannot ask for more of them than exist.
        (RateRule::Random(count), _, Some(all)) if count > all => {
            item.note(format!("there are only {all} different sets, not {count}"));
            None
        }
        (_, Some(count), _) if count <= Experiment::MAX_RUNS => {
            let machines = count * u64::from(sets.machines);
            if budget.take(machines).is_none() {
                item.note(format!(
                    "{count} sets of {} machines; {}",
                    sets.machines,
                    too_many_machines()
                ));
                return None;
            }
            Some(sets.expand(seed))
        }
        // The rule makes more than `MAX_RUNS` sets. Each set makes at least one run, so there would be too many runs.
        (_, count, _) => {
            item.note(too_many_runs(count, ""));
            None
        }
    }
}

/// The message that an experiment has too many runs. `count` is their number; `None` if it does not fit into 64 bits. `explanation` stands
/// behind the number, for example ` (1000 repetitions of each configuration)`. It can be empty.
pub(super) fn too_many_runs(count: Option<u64>, explanation: &str) -> String {
    // The largest number of 64 bits is about 18.4 quintillion (18.4 * 10^18).
    let count = count.map_or("more than 18 quintillion".to_owned(), |count| {
        count.to_string()
    });
    format!(
        "{count} runs{explanation} are too many: one experiment may have {}; use fewer values or repetitions, or split it into several files",
        Experiment::MAX_RUNS
    )
}

/// The message that an experiment has too many machines.
pub(super) fn too_many_machines() -> String {
    format!(
        "all configurations of an experiment together may have {} machines; use fewer values, or split it into several files",
        Experiment::MAX_MACHINES
    )
}

/// Reads one rate.
fn rate(item: &Item<'_>) -> Option<Rate> {
    let hertz = item.number(Rate::MIN..=f64::from(Rate::MAX), "a rate")?;
    let rate = Rate::from_hertz(hertz);
    if rate.is_none() {
        item.note(format!("{hertz} has more than six decimals"));
    }
    rate
}

/// Reads one rate set from the list `item`, whose numbers are `items`.
fn rate_set(item: &Item<'_>, items: &[Item<'_>]) -> Option<Rates> {
    let rates: Vec<Option<Rate>> = items.iter().map(rate).collect();
    let rates: Vec<Rate> = rates.into_iter().collect::<Option<_>>()?;
    let machines = rates.len();
    let set = Rates::new(rates);
    if set.is_none() {
        item.note(format!(
            "a rate set has a rate for each machine, and a run has from 2 to {} machines; this set has {machines}",
            Rates::MAX_MACHINES
        ));
    }
    set
}

/// Reads one value or a list of values, each with `read`.
pub(super) fn each<'d, T>(
    item: &Item<'d>,
    read: impl Fn(&Item<'d>) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(items) = item.array() else {
        return Some(vec![read(item)?]);
    };
    let values: Vec<Option<T>> = items.iter().map(read).collect();
    values.into_iter().collect()
}

fn probability(item: &Item<'_>) -> Option<Probability> {
    item.number(0.0..=1.0, "a probability")
        .and_then(Probability::new)
}

/// Reads the values of the parameter `internal`: one probability, a list of values, or a range `{ from, to, step }`. In a list, a value is
/// a probability, or a list with one probability for each machine: `[0.7, [0.9, 0.5, 0.2]]` has two values.
pub(super) fn internals(item: &Item<'_>) -> Option<Vec<Internal>> {
    match item.table() {
        Some(range) => Some(
            probabilities(item, &range)?
                .into_iter()
                .map(Internal::from)
                .collect(),
        ),
        None => each(item, internal),
    }
}

/// Reads one value of `internal`: a probability, or a list with one probability for each machine.
fn internal(item: &Item<'_>) -> Option<Internal> {
    let Some(items) = item.array() else {
        return probability(item).map(Internal::from);
    };
    let machines: Vec<Option<Probability>> = items.iter().map(probability).collect();
    let internal = Internal::new(machines.into_iter().collect::<Option<_>>()?);
    // `None` if the list is empty or has more than `Rates::MAX_MACHINES` values.
    if internal.is_none() {
        item.note("wanted a probability for each machine, such as [0.9, 0.5, 0.2]".to_owned());
    }
    internal
}

/// Reads a range `{ from, to, step }` of probabilities.
fn probabilities(item: &Item<'_>, range: &Section<'_>) -> Option<Vec<Probability>> {
    range.allow_only(RANGE_KEYS);
    let part = |name| range.require(name, "a range is { from = 0.1, to = 0.9, step = 0.1 }");
    let (from, to) = (
        part("from").and_then(|item| probability(&item)),
        part("to").and_then(|item| probability(&item)),
    );
    let step = part("step").and_then(|item| item.number(0.001..=1.0, "a step"));
    let (from, to, step) = (from?.value(), to?.value(), step?);
    if from > to {
        item.note(format!(
            "from = {from} is larger than to = {to}; there is nothing between them"
        ));
        return None;
    }
    Some(
        decimal_range(from, to, step)
            .filter_map(Probability::new)
            .collect(),
    )
}

/// Reads a number of seconds, `{ uniform = [from, to] }` or `{ exponential = mean }`.
pub(super) fn delay(item: &Item<'_>) -> Option<Delay> {
    let seconds = |item: &Item<'_>| item.number(0.0..=Delay::MAX_S, "a delay in seconds");
    let Some(distribution) = item.table() else {
        return seconds(item).and_then(Delay::constant);
    };
    distribution.allow_only(DELAY_DISTRIBUTIONS);
    match (distribution.get("uniform"), distribution.get("exponential")) {
        (Some(bounds), None) => {
            let numbers: Option<Vec<f64>> = each(&bounds, seconds);
            let delay = match numbers?[..] {
                [from_s, to_s] => Delay::uniform(from_s, to_s),
                _ => None,
            };
            if delay.is_none() {
                bounds.note(
                    "wanted the shortest and the longest delay, such as [0.01, 0.1]".to_owned(),
                );
            }
            delay
        }
        (None, Some(mean)) => seconds(&mean).and_then(Delay::exponential),
        _ => {
            item.note(
                "wanted seconds, { uniform = [0.01, 0.1] } or { exponential = 0.05 }".to_owned(),
            );
            None
        }
    }
}

/// Reads a phase rule that an experiment may use.
pub(super) fn phase(item: &Item<'_>) -> Option<PhaseRule> {
    let rules: Vec<&str> = [PhaseRule::Spread, PhaseRule::Uniform, PhaseRule::Aligned]
        .map(PhaseRule::name)
        .to_vec();
    // `one_of` uses `rules` only for its error message. It accepts the name of any phase rule, even `unknown`, which is not in `rules`.
    let rule = item.one_of(&rules)?;
    if rule == PhaseRule::Unknown {
        item.note(format!(
            "only imported logs have unknown phases; use one of {}",
            rules.join(", ")
        ));
        return None;
    }
    Some(rule)
}

/// The range of durations that a run may have, in model seconds: from a millisecond to a week.
pub(super) const DURATIONS_S: RangeInclusive<f64> = 0.001..=604_800.0;

/// Reads a run's duration from a text in model seconds, such as a cell of `runs.csv`. Returns model nanoseconds.
pub(super) fn duration_ns(text: &str) -> Result<u64, NotAValue> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| DURATIONS_S.contains(seconds));
    let ns = seconds.map(|seconds: f64| (seconds * NANOS_PER_SECOND as f64).round() as u64);
    ns.ok_or_else(|| NotAValue::new(text, "a number of seconds from 0.001 to 604800"))
}

/// Reads `"mix"`, `"unicast"`, `"broadcast"` or `{ multicast = 2 }`.
pub(super) fn sends(item: &Item<'_>) -> Option<Sends> {
    let Some(table) = item.table() else {
        return item.one_of(Sends::NAMES);
    };
    table.allow_only(&["multicast"]);
    let recipients = table.require(
        "multicast",
        "give the number of recipients, such as { multicast = 2 }",
    )?;
    let recipients = recipients.integer(1..=Rates::MAX_MACHINES as u64)?;
    Some(Sends::Multicast(recipients as u32))
}

/// Returns `from`, `from + step` and so on up to `to`, as the decimals that a person would write: 0.3, not 0.30000000000000004.
fn decimal_range(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    const NINE_DECIMALS: f64 = 1e9;
    // A rounding error can turn 9 steps into 8.999... steps. Without this small number, `floor` would make 8 of them.
    const TOLERANCE: f64 = 1e-9;
    let steps = ((to - from) / step + TOLERANCE).floor() as u64;
    (0..=steps)
        .map(move |index| ((from + index as f64 * step) * NINE_DECIMALS).round() / NINE_DECIMALS)
}
