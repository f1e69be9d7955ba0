//! Reads the grid of an experiment file, `[parameters]`, `[[cases]]` and `[[exclude]]`, into configurations.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use super::exclusions::{self, Exclusion};
use super::grid::{self, Dimension};
use super::parameter_table::ReadContext;
use super::values::{too_many, too_many_machines};
use super::{Configuration, Experiment, PARAMETERS, Parameter, PhaseRule, schedule};
use crate::toml_reader::{Item, Section};

/// The keys of `[parameters]`.
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let dimensions = PARAMETERS
        .iter()
        .filter(|parameter| parameter.is_dimension());
    dimensions.map(|parameter| parameter.name).collect()
});

/// The grid of a file.
pub(super) struct Grid<'s, 'd> {
    pub(super) root: &'s Section<'d>,
    pub(super) repetitions: u64,
    /// The seed and the limits that rules for rate sets need.
    pub(super) context: ReadContext,
    /// The values of the parameters that the file does not mention.
    pub(super) base: Configuration,
}

impl Grid<'_, '_> {
    /// Returns the configurations in the order in which they are run. `None` after a mistake, which is noted.
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
            .map_or(Some(vec![]), |section| self.dimensions(section));
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
        let origins = Origins {
            shared: shared.as_ref(),
            cases: &cases,
            products: &products,
        };
        check_internal(&configurations, &origins)?;
        check_sends(&configurations, &origins)?;
        Some(configurations)
    }

    fn case(&self, case: &Section<'_>, shared: Option<&Section<'_>>) -> Option<Vec<Dimension>> {
        for name in NAMES.iter() {
            if let (Some(item), Some(_)) =
                (case.get(name), shared.and_then(|shared| shared.get(name)))
            {
                item.note("is also in [parameters]; keep only one of the two: a case gives the values in which the cases differ".to_owned());
            }
        }
        self.dimensions(case)
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

    fn dimensions(&self, section: &Section<'_>) -> Option<Vec<Dimension>> {
        self.dimensions_and(section, &[])
    }

    /// Reads the dimensions of a section that may have `other` keys too.
    pub(super) fn dimensions_and(
        &self,
        section: &Section<'_>,
        other: &[&str],
    ) -> Option<Vec<Dimension>> {
        section.allow_only(&[&NAMES, other].concat());
        let read = PARAMETERS
            .iter()
            .filter_map(|parameter| Some((parameter, section.get(parameter.name)?)));
        let dimensions: Vec<Option<Dimension>> = read
            .map(|(parameter, item)| self.dimension(parameter, &item))
            .collect();
        dimensions.into_iter().collect()
    }

    fn dimension(&self, parameter: &'static Parameter, item: &Item<'_>) -> Option<Dimension> {
        let settings = parameter.read(item, &self.context)?;
        if settings.is_empty() {
            item.note("empty: there is nothing to run; give at least one value".to_owned());
            return None;
        }
        Some(Dimension {
            parameter,
            settings: settings.into(),
        })
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
            let machines = products.iter().try_fold(0u64, |sum, dimensions| {
                sum.checked_add(grid::machine_count(dimensions, &self.base)?)
            });
            if machines.is_some_and(|machines| machines <= Experiment::MAX_MACHINES) {
                return Some(());
            }
            self.note_grid(too_many_machines());
            return None;
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
        let sections = item.sections()?;
        let mut all = vec![];
        for section in &sections {
            let dimensions = self.dimensions(section)?;
            if section.is_empty() {
                section.note_whole(
                    "empty: it would exclude everything; name the parameters to exclude".to_owned(),
                );
                return None;
            }
            all.push(Exclusion::new(&dimensions));
        }
        let removed = exclusions::remove(&all, &mut configurations);
        if let Some((section, _)) =
            std::iter::zip(&sections, removed).find(|(_, count)| *count == 0)
        {
            section.note_whole("excludes nothing: no configuration has these values".to_owned());
            return None;
        }
        if configurations.is_empty() {
            item.note("everything is excluded: there is nothing to run".to_owned());
            return None;
        }
        Some(configurations)
    }

    fn check_different(&self, configurations: &[Arc<Configuration>]) -> Option<()> {
        let mut seen: HashSet<String> = HashSet::with_capacity(configurations.len());
        for configuration in configurations {
            if !seen.insert(configuration.to_string()) {
                self.note_grid(format!(
                    "a configuration is in the grid twice: {configuration}; to run each one more often, use repetitions"
                ));
                return None;
            }
        }
        Some(())
    }

    fn check_phases(&self, configurations: &[Arc<Configuration>]) -> Option<()> {
        let without = configurations.iter().find(|configuration| {
            configuration.phase == PhaseRule::Spread
                && schedule::spread_steps(&configuration.rates).is_none()
        });
        let Some(configuration) = without else {
            return Some(());
        };
        let rates = &configuration.rates;
        self.note_grid(format!(
            "phase \"spread\" is not possible with rates {rates}: their ticks would be less than 100 ns apart; use phase = \"uniform\""
        ));
        None
    }
}

/// Finds the line of the file from which a configuration's value comes.
struct Origins<'s, 'd> {
    shared: Option<&'s Section<'d>>,
    cases: &'s [Section<'d>],
    /// The dimensions of each case; if there are no cases, the dimensions of the whole grid.
    products: &'s [Vec<Dimension>],
}

impl<'d> Origins<'_, 'd> {
    /// Notes a mistake about the value of `name` in `configuration`.
    fn note(&self, name: &str, configuration: &Configuration, message: String) {
        let shared = self.shared.and_then(|shared| shared.get(name));
        let item = shared.or_else(|| self.case(configuration)?.get(name));
        if let Some(item) = item {
            item.note(message);
        }
    }

    fn case(&self, configuration: &Configuration) -> Option<&Section<'d>> {
        let mut cases = std::iter::zip(self.cases, self.products);
        let case = cases.find(|(_, dimensions)| grid::covers(dimensions, configuration));
        case.map(|(case, _)| case)
    }
}

fn check_internal(configurations: &[Arc<Configuration>], origins: &Origins<'_, '_>) -> Option<()> {
    let for_others = configurations.iter().find(|configuration| {
        let machines = configuration.internal.machines();
        machines.is_some_and(|machines| machines != configuration.rates.machines())
    });
    let Some(configuration) = for_others else {
        return Some(());
    };
    let message = format!(
        "there are {} probabilities, but rates {} have {} machines: give one probability for each machine, or one for all",
        configuration.internal.machines().unwrap_or(1),
        configuration.rates,
        configuration.rates.machines()
    );
    origins.note("internal", configuration, message);
    None
}

fn check_sends(configurations: &[Arc<Configuration>], origins: &Origins<'_, '_>) -> Option<()> {
    let unfit = configurations
        .iter()
        .find(|configuration| !configuration.sends.fits(configuration.topology));
    let Some(configuration) = unfit else {
        return Some(());
    };
    let message = format!(
        "{} cannot be combined with topology = \"time-keeper\", whose machine 0 always sends to all: remove it, or exclude the combination",
        configuration.sends
    );
    origins.note("sends", configuration, message);
    None
}
