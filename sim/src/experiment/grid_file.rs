//! The grid part of an experiment file: `[parameters]`, `[[cases]]` and `[[exclude]]` read into configurations.

use std::collections::HashMap;
use std::sync::Arc;

use super::grid::{self, Dimension, Exclusion, Setting};
use super::parameters::{PhaseRule, Probability, Rate, Rates, StampRule};
use super::rate_sets::{RateRule, RateSets};
use super::reader::{Item, Section};
use super::{Configuration, Delay, Experiment, schedule};

const PARAMETERS: &[&str] = &["rates", "internal", "phase", "stamp", "delay_s"];
const RATE_RULE_KEYS: &[&str] = &["every", "random", "machines", "from", "to"];
const DELAY_LAWS: &[&str] = &["uniform", "exponential"];
const RANGE_KEYS: &[&str] = &["from", "to", "step"];

/// The grid part of a file.
pub(super) struct Grid<'s, 'd> {
    pub(super) root: &'s Section<'d>,
    pub(super) seed: u64,
    pub(super) repetitions: u64,
    /// What holds where the file says nothing.
    pub(super) base: Configuration,
}

impl Grid<'_, '_> {
    /// The configurations in the order in which they are run; none if there is a mistake, which is noted.
    pub(super) fn configurations(&self) -> Option<Vec<Arc<Configuration>>> {
        let shared = match self.root.get("parameters") {
            Some(item) => Some(item.section()?),
            None => None,
        };
        let cases = match self.root.get("cases") {
            Some(item) => item.sections()?,
            None => vec![],
        };
        let shared_dimensions = shared
            .as_ref()
            .map_or(Some(vec![]), |section| self.dimensions(section, PARAMETERS));
        let case_dimensions: Vec<_> = cases
            .iter()
            .map(|case| self.case(case, shared.as_ref()))
            .collect();
        for name in ["rates", "internal"] {
            self.require(name, shared.as_ref(), &cases);
        }
        let shared_dimensions = shared_dimensions?;
        let products: Vec<Vec<Dimension>> =
            match case_dimensions.into_iter().collect::<Option<Vec<_>>>()? {
                cases if cases.is_empty() => vec![shared_dimensions],
                cases => cases
                    .into_iter()
                    .map(|case| {
                        case.into_iter()
                            .chain(shared_dimensions.iter().cloned())
                            .collect()
                    })
                    .collect(),
            };
        self.check_size(&products)?;
        let configurations = products
            .iter()
            .flat_map(|dimensions| grid::product(dimensions, &self.base))
            .map(Arc::new)
            .collect();
        let configurations = self.without_excluded(configurations)?;
        self.check_different(&configurations)?;
        self.check_phases(&configurations)?;
        Some(configurations)
    }

    fn case(&self, case: &Section<'_>, shared: Option<&Section<'_>>) -> Option<Vec<Dimension>> {
        for name in PARAMETERS {
            if let (Some(item), Some(_)) =
                (case.get(name), shared.and_then(|shared| shared.get(name)))
            {
                item.note("stands in [parameters] too; leave it in one place: a case fixes what the cases differ in".to_owned());
            }
        }
        self.dimensions(case, PARAMETERS)
    }

    fn require(&self, name: &str, shared: Option<&Section<'_>>, cases: &[Section<'_>]) {
        let in_shared = shared.is_some_and(|shared| shared.get(name).is_some());
        if in_shared || (!cases.is_empty() && cases.iter().all(|case| case.get(name).is_some())) {
            return;
        }
        let example = if name == "rates" {
            "rates = [[1, 3, 6], [2, 3, 4]]"
        } else {
            "internal = [0.4, 0.7]"
        };
        match cases.iter().find(|case| case.get(name).is_none()) {
            Some(case) => case.note(
                name,
                format!("missing; give it here or in [parameters], such as {example}"),
            ),
            None => self.root.note(
                &format!("parameters.{name}"),
                format!("missing; such as {example} under [parameters]"),
            ),
        }
    }

    fn dimensions(&self, section: &Section<'_>, allowed: &[&str]) -> Option<Vec<Dimension>> {
        section.allow_only(allowed);
        let read = allowed
            .iter()
            .filter_map(|name| Some((*name, section.get(name)?)));
        let dimensions: Vec<Option<Dimension>> = read
            .map(|(name, item)| self.dimension(name, &item))
            .collect();
        dimensions.into_iter().collect()
    }

    fn dimension(&self, name: &str, item: &Item<'_>) -> Option<Dimension> {
        let settings = match name {
            "rates" => self.rates(item)?.into_iter().map(Setting::Rates).collect(),
            "internal" => probabilities(item)?
                .into_iter()
                .map(Setting::Internal)
                .collect(),
            "phase" => each(item, |item| item.one_of(PhaseRule::NAMES))?
                .into_iter()
                .map(Setting::Phase)
                .collect(),
            "stamp" => each(item, |item| item.one_of(StampRule::NAMES))?
                .into_iter()
                .map(Setting::Stamp)
                .collect(),
            "delay_s" => each(item, delay)?.into_iter().map(Setting::Delay).collect(),
            _ => unreachable!("a parameter without a reader: {name}"),
        };
        let settings: Dimension = settings;
        if settings.is_empty() {
            item.note("empty: there is nothing to run; give at least one value".to_owned());
            return None;
        }
        Some(settings)
    }

    /// One rate set (`[1, 3, 6]`), a rule (a table), or a list of rate sets and rules.
    fn rates(&self, item: &Item<'_>) -> Option<Vec<Rates>> {
        if let Some(rule) = item.table() {
            return self.rates_by_rule(item, &rule);
        }
        let Some(items) = item.array() else {
            item.note("wanted rates: one set [1, 3, 6], a list of sets, or a rule such as { every = \"ordered\", machines = 3 }".to_owned());
            return None;
        };
        if items.iter().any(Item::is_integer) {
            return Some(vec![rate_set(item, &items)?]);
        }
        let sets: Vec<Option<Vec<Rates>>> = items.iter().map(|set| self.rates(set)).collect();
        Some(
            sets.into_iter()
                .collect::<Option<Vec<_>>>()?
                .into_iter()
                .flatten()
                .collect(),
        )
    }

    fn rates_by_rule(&self, item: &Item<'_>, rule: &Section<'_>) -> Option<Vec<Rates>> {
        rule.allow_only(RATE_RULE_KEYS);
        let bound = |name, default| {
            rule.get(name)
                .map_or(Some(default), |item| item.integer(1..=u64::from(Rate::MAX)))
        };
        let machines = rule.require(
            "machines",
            "how many machines a set is for, such as machines = 3",
        );
        let machines = machines.and_then(|item| item.integer(2..=Rates::MAX_MACHINES as u64));
        let (from, to) = (bound("from", 1), bound("to", 6));
        let kind = match (rule.get("every"), rule.get("random")) {
            (Some(every), None) => match every.text()? {
                "ordered" => RateRule::EveryOrdered,
                "unordered" => RateRule::EveryUnordered,
                other => {
                    every.note(format!(
                        "\"{other}\" is not known; \"ordered\" or \"unordered\""
                    ));
                    return None;
                }
            },
            (None, Some(count)) => RateRule::Random(count.integer(1..=Experiment::MAX_RUNS)?),
            _ => {
                item.note("a rule says either every = \"ordered\" or \"unordered\", or random = how many sets".to_owned());
                return None;
            }
        };
        let (machines, from, to) = (machines? as u32, from? as u32, to? as u32);
        if from > to {
            item.note(format!(
                "from {from} is above to {to}; there is no rate between them"
            ));
            return None;
        }
        let sets = RateSets {
            rule: kind,
            machines,
            from,
            to,
        };
        match (kind, sets.count(), sets.ordered_count()) {
            (RateRule::Random(count), _, Some(all)) if count > all => {
                item.note(format!(
                    "{count} different sets wanted, but there are only {all}"
                ));
                None
            }
            (_, Some(count), _) if count <= Experiment::MAX_RUNS => Some(sets.expand(self.seed)),
            (_, count, _) => {
                item.note(too_many(count));
                None
            }
        }
    }

    /// Notes a mistake about the grid as a whole.
    fn note_grid(&self, message: String) {
        let grid = ["cases", "parameters"]
            .into_iter()
            .find_map(|name| self.root.get(name));
        grid.inspect(|item| item.note(message));
    }

    fn check_size(&self, products: &[Vec<Dimension>]) -> Option<()> {
        let configurations = products.iter().try_fold(0u64, |sum, dimensions| {
            sum.checked_add(grid::product_count(dimensions)?)
        });
        let runs = configurations.and_then(|count| count.checked_mul(self.repetitions));
        if runs.is_some_and(|runs| runs <= Experiment::MAX_RUNS) {
            return Some(());
        }
        self.note_grid(format!(
            "{} ({} repetitions of each configuration)",
            too_many(runs),
            self.repetitions
        ));
        None
    }

    fn without_excluded(
        &self,
        mut configurations: Vec<Arc<Configuration>>,
    ) -> Option<Vec<Arc<Configuration>>> {
        let Some(item) = self.root.get("exclude") else {
            return Some(configurations);
        };
        for section in item.sections()? {
            let dimensions = self.dimensions(&section, PARAMETERS)?;
            if section.is_empty() {
                section.note_whole(
                    "empty: it would exclude everything; name the parameters to exclude".to_owned(),
                );
                return None;
            }
            if Exclusion(dimensions).remove_from(&mut configurations) == 0 {
                section
                    .note_whole("excludes nothing: no configuration has these values".to_owned());
                return None;
            }
        }
        if configurations.is_empty() {
            item.note("everything is excluded: there is nothing to run".to_owned());
            return None;
        }
        Some(configurations)
    }

    fn check_different(&self, configurations: &[Arc<Configuration>]) -> Option<()> {
        let mut first: HashMap<String, usize> = HashMap::with_capacity(configurations.len());
        for (place, configuration) in configurations.iter().enumerate() {
            if first.insert(configuration.to_string(), place).is_some() {
                self.note_grid(format!(
                    "a configuration stands in the grid twice: {configuration}; repetitions say how often each is run"
                ));
                return None;
            }
        }
        Some(())
    }

    fn check_phases(&self, configurations: &[Arc<Configuration>]) -> Option<()> {
        let without = configurations.iter().find(|configuration| {
            configuration.phase == PhaseRule::Spread
                && schedule::spread_steps_per_second(&configuration.rates).is_none()
        });
        let Some(configuration) = without else {
            return Some(());
        };
        let rates = &configuration.rates;
        self.note_grid(format!(
            "phase \"spread\" has no room for rates {rates}: the steps between their ticks would be shorter than 100 ns; use phase = \"uniform\""
        ));
        None
    }
}

fn too_many(count: Option<u64>) -> String {
    let count = count.map_or("more than 18 quintillion".to_owned(), |count| {
        count.to_string()
    });
    format!(
        "{count} runs are more than the {} one experiment may plan; narrow it, or split it into several files",
        Experiment::MAX_RUNS
    )
}

fn rate_set(item: &Item<'_>, items: &[Item<'_>]) -> Option<Rates> {
    let rates: Vec<Option<Rate>> = items
        .iter()
        .map(|rate| {
            rate.integer(1..=u64::from(Rate::MAX))
                .and_then(|hertz| Rate::new(hertz as u32))
        })
        .collect();
    let rates: Vec<Rate> = rates.into_iter().collect::<Option<_>>()?;
    let machines = rates.len();
    let set = Rates::new(rates);
    if set.is_none() {
        item.note(format!(
            "a rate set of {machines}: a run has from 2 to {} machines",
            Rates::MAX_MACHINES
        ));
    }
    set
}

/// One value, or a list of them.
fn each<'d, T>(item: &Item<'d>, read: impl Fn(&Item<'d>) -> Option<T>) -> Option<Vec<T>> {
    let Some(items) = item.array() else {
        return Some(vec![read(item)?]);
    };
    let values: Vec<Option<T>> = items.iter().map(read).collect();
    values.into_iter().collect()
}

/// One probability, a list of them, or a range `{ from, to, step }`.
fn probabilities(item: &Item<'_>) -> Option<Vec<Probability>> {
    let read = |item: &Item<'_>| {
        item.number(0.0..=1.0, "a probability")
            .and_then(Probability::new)
    };
    let Some(range) = item.table() else {
        return each(item, read);
    };
    range.allow_only(RANGE_KEYS);
    let bound = |name| range.require(name, "a range is { from = 0.1, to = 0.9, step = 0.1 }");
    let (from, to) = (
        bound("from").and_then(|item| read(&item)),
        bound("to").and_then(|item| read(&item)),
    );
    let step = bound("step").and_then(|item| item.number(0.001..=1.0, "a step"));
    let (from, to, step) = (from?.value(), to?.value(), step?);
    if from > to {
        item.note(format!(
            "from {from} is above to {to}; there is nothing between them"
        ));
        return None;
    }
    Some(
        decimal_range(from, to, step)
            .filter_map(Probability::new)
            .collect(),
    )
}

/// A number of seconds, `{ uniform = [from, to] }` or `{ exponential = mean }`.
fn delay(item: &Item<'_>) -> Option<Delay> {
    let read = |item: &Item<'_>| item.number(0.0..=Delay::MAX_S, "a delay in seconds");
    let Some(law) = item.table() else {
        return read(item).and_then(Delay::constant);
    };
    law.allow_only(DELAY_LAWS);
    match (law.get("uniform"), law.get("exponential")) {
        (Some(bounds), None) => {
            let numbers: Option<Vec<f64>> = each(&bounds, read);
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
        (None, Some(mean)) => read(&mean).and_then(Delay::exponential),
        _ => {
            item.note(
                "wanted seconds, { uniform = [0.01, 0.1] } or { exponential = 0.05 }".to_owned(),
            );
            None
        }
    }
}

/// `from, from + step, ... to` as the decimals a person would write: 0.3, not 0.30000000000000004.
fn decimal_range(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    const DECIMALS: f64 = 1e9;
    let steps = ((to - from) / step + 1e-9).floor() as u64;
    (0..=steps).map(move |place| ((from + place as f64 * step) * DECIMALS).round() / DECIMALS)
}
