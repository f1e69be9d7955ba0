//! Reads the grid of an experiment file (the sections `[parameters]`, `[[cases]]` and `[[exclude]]`) into configurations.
//!
//! Each block `[[cases]]` (a *case*) gives values to some parameters. These values are combined with those in `[parameters]`, but not
//! with those of other cases. Each block `[[exclude]]` (an *exclusion*) removes configurations.
//!
//! A *dimension* is a parameter with the values that a section gives to it. Mistakes are *noted*: they are recorded with their line,
//! and all of them are reported together when the whole file has been read. A function that cannot go on
//! after a mistake returns `None`.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use super::exclusions::{self, Exclusion};
use super::file::KEYS;
use super::grid::{self, Dimension};
use super::parameter_table::ReadContext;
use super::values::{too_many_machines, too_many_runs};
use super::{Configuration, Experiment, PARAMETERS, Parameter, PhaseRule, schedule};
use crate::toml_reader::{Item, Section};

/// The parameters that a grid may vary. These are the keys of `[parameters]`, of a case, and of an exclusion.
static DIMENSION_NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let dimensions = PARAMETERS
        .iter()
        .filter(|parameter| parameter.is_dimension());
    dimensions.map(|parameter| parameter.name).collect()
});

/// The grid of an experiment file, with what is needed to read it.
pub(super) struct Grid<'s, 'd> {
    /// The whole file.
    pub(super) root: &'s Section<'d>,
    /// The number of runs of each configuration.
    pub(super) repetitions: u64,
    /// The seed and the limit on the number of machines. Rules that make rate sets, such as `{ random = 10, machines = 3 }`, need them.
    pub(super) context: ReadContext,
    /// A configuration that has the values of the parameters that the grid does not mention.
    pub(super) base: Configuration,
}

impl Grid<'_, '_> {
    /// Returns the configurations in the order in which they are run. Notes the mistakes that it finds. Most of them make it return `None`.
    /// Some are only noted, for example an unknown key in `[parameters]`.
    pub(super) fn configurations(&self) -> Option<Vec<Arc<Configuration>>> {
        // The section `[parameters]`, whose values all cases share.
        let shared = match self.root.get("parameters") {
            Some(item) => Some(item.section()?),
            None => None,
        };
        let cases = match self.root.get("cases") {
            Some(item) => item.sections()?,
            None => vec![],
        };
        // All sections are read before a mistake ends this function, so that the mistakes in all of them are noted.
        let shared_dimensions = shared
            .as_ref()
            .map_or(Some(vec![]), |section| self.dimensions(section));
        let case_dimensions: Vec<_> = cases
            .iter()
            .map(|case| self.case(case, shared.as_ref()))
            .collect();
        // A file must give these two parameters. All others may be left out.
        for name in ["rates", "internal"] {
            self.require_everywhere(name, shared.as_ref(), &cases);
        }
        let exclusions = self.exclusions();
        let shared_dimensions = shared_dimensions?;
        let case_dimensions = case_dimensions.into_iter().collect::<Option<Vec<_>>>()?;
        // One list of dimensions for each case, or a single list if there are no cases.
        let dimension_lists: Vec<Vec<Dimension>> = if case_dimensions.is_empty() {
            vec![shared_dimensions]
        } else {
            case_dimensions
                .into_iter()
                .map(|of_case| {
                    of_case
                        .into_iter()
                        .chain(shared_dimensions.iter().cloned())
                        .collect()
                })
                .collect()
        };
        self.check_size(&dimension_lists)?;
        let configurations = dimension_lists
            .iter()
            .flat_map(|dimensions| grid::product(dimensions, &self.base))
            .map(Arc::new)
            .collect();
        let configurations = self.without_excluded(exclusions?, configurations)?;
        let origins = Origins {
            shared: shared.as_ref(),
            cases: &cases,
            dimension_lists: &dimension_lists,
        };
        // All checks are made, so that the mistakes that each of them finds are noted.
        let checks = [
            self.check_different(&configurations),
            self.check_phases(&configurations),
            check_internal(&configurations, &origins),
            check_sends(&configurations, &origins),
        ];
        checks.into_iter().collect::<Option<()>>()?;
        Some(configurations)
    }

    /// Reads the dimensions of a case. Notes a mistake if a parameter is in the case and also in `[parameters]` (`shared`).
    fn case(&self, case: &Section<'_>, shared: Option<&Section<'_>>) -> Option<Vec<Dimension>> {
        for name in DIMENSION_NAMES.iter() {
            if let (Some(item), Some(_)) =
                (case.get(name), shared.and_then(|shared| shared.get(name)))
            {
                item.note("is also in [parameters]; keep only one of the two: [parameters] has the values that all cases share".to_owned());
            }
        }
        self.dimensions(case)
    }

    /// Notes a mistake if the parameter `name` is neither in `[parameters]` (`shared`) nor in every case.
    fn require_everywhere(&self, name: &str, shared: Option<&Section<'_>>, cases: &[Section<'_>]) {
        let is_in_shared = shared.is_some_and(|shared| shared.get(name).is_some());
        let is_in_every_case =
            !cases.is_empty() && cases.iter().all(|case| case.get(name).is_some());
        if is_in_shared || is_in_every_case {
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
                format!("missing; give it under [parameters], such as {example}"),
            ),
        }
    }

    /// Reads the dimensions of a section.
    fn dimensions(&self, section: &Section<'_>) -> Option<Vec<Dimension>> {
        self.dimensions_beside(section, &[])
    }

    /// Reads the dimensions of a section. The section may also have `other_keys`, which are not keys of parameters.
    pub(super) fn dimensions_beside(
        &self,
        section: &Section<'_>,
        other_keys: &[&str],
    ) -> Option<Vec<Dimension>> {
        section.allow_only_here(
            &[&DIMENSION_NAMES, other_keys].concat(),
            KEYS,
            "above the first line in brackets, such as [parameters]",
        );
        let given = PARAMETERS
            .iter()
            .filter_map(|parameter| Some((parameter, section.get(parameter.name)?)));
        // All parameters are read, even if one of them has a mistake. So the mistakes in all of them are noted.
        let dimensions: Vec<Option<Dimension>> = given
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

    /// Notes a mistake about the grid as a whole: at the line of `cases`, or at the line of `parameters` if there are no cases.
    fn note_grid(&self, message: String) {
        let grid = ["cases", "parameters"]
            .into_iter()
            .find_map(|name| self.root.get(name));
        if let Some(item) = grid {
            item.note(message);
        }
    }

    /// Checks that the experiment does not have too many runs, and that its configurations together do not have too many machines.
    fn check_size(&self, dimension_lists: &[Vec<Dimension>]) -> Option<()> {
        // `configurations`, `runs` and `machines` are counts. A count is `None` if it does not fit into 64 bits.
        let configurations = dimension_lists.iter().try_fold(0u64, |sum, dimensions| {
            sum.checked_add(grid::product_count(dimensions)?)
        });
        let runs = configurations.and_then(|count| count.checked_mul(self.repetitions));
        if runs.is_none_or(|runs| runs > Experiment::MAX_RUNS) {
            let explanation = match self.repetitions {
                1 => String::new(),
                count => format!(" ({count} repetitions of each configuration)"),
            };
            self.note_grid(too_many_runs(runs, &explanation));
            return None;
        }
        let machines = dimension_lists.iter().try_fold(0u64, |sum, dimensions| {
            sum.checked_add(grid::machine_count(dimensions, &self.base)?)
        });
        if machines.is_none_or(|machines| machines > Experiment::MAX_MACHINES) {
            self.note_grid(too_many_machines());
            return None;
        }
        Some(())
    }

    /// Reads the blocks `[[exclude]]`: the section and the exclusion of each block.
    fn exclusions(&self) -> Option<Vec<(Section<'_>, Exclusion)>> {
        let Some(item) = self.root.get("exclude") else {
            return Some(vec![]);
        };
        let blocks: Vec<Option<_>> = item
            .sections()?
            .into_iter()
            .map(|section| {
                let exclusion = self.exclusion(&section)?;
                Some((section, exclusion))
            })
            .collect();
        blocks.into_iter().collect()
    }

    /// Reads a block `[[exclude]]`.
    fn exclusion(&self, section: &Section<'_>) -> Option<Exclusion> {
        let dimensions = self.dimensions(section)?;
        if section.is_empty() {
            section.note_whole(
                "empty: it would exclude everything; name the parameters to exclude".to_owned(),
            );
            return None;
        }
        // `dimensions` notes a mistake for an unknown key, but still returns the dimensions of the known keys. An exclusion with only these
        // dimensions would exclude more configurations than the user wants, so then the result is `None`.
        let mut keys = section.keys();
        let has_only_known_keys = keys.all(|key| DIMENSION_NAMES.contains(&key));
        has_only_known_keys.then(|| Exclusion::new(&dimensions))
    }

    /// Returns the configurations that none of `exclusions` covers.
    fn without_excluded(
        &self,
        exclusions: Vec<(Section<'_>, Exclusion)>,
        mut configurations: Vec<Arc<Configuration>>,
    ) -> Option<Vec<Arc<Configuration>>> {
        let (sections, exclusions): (Vec<_>, Vec<_>) = exclusions.into_iter().unzip();
        let removed_counts = exclusions::remove(&exclusions, &mut configurations);
        let all_have_an_effect = !removed_counts.contains(&0);
        for (section, count) in std::iter::zip(&sections, removed_counts) {
            if count == 0 {
                section
                    .note_whole("excludes nothing: no configuration has these values, or earlier exclusions already exclude all that have them".to_owned());
            }
        }
        let is_empty = configurations.is_empty();
        if let (true, Some(item)) = (is_empty, self.root.get("exclude")) {
            item.note("everything is excluded: there is nothing to run".to_owned());
        }
        (all_have_an_effect && !is_empty).then_some(configurations)
    }

    /// Checks that no configuration is in the grid twice.
    fn check_different(&self, configurations: &[Arc<Configuration>]) -> Option<()> {
        let mut seen: HashSet<String> = HashSet::with_capacity(configurations.len());
        for configuration in configurations {
            if !seen.insert(configuration.to_string()) {
                self.note_grid(format!(
                    "a configuration occurs twice: {configuration}; to run all configurations more often, use repetitions"
                ));
                return None;
            }
        }
        Some(())
    }

    /// Checks every configuration with `phase = "spread"`: with its rates, it must be possible to keep the ticks of different machines at
    /// least 100 ns apart.
    fn check_phases(&self, configurations: &[Arc<Configuration>]) -> Option<()> {
        let impossible = configurations.iter().find(|configuration| {
            configuration.phase == PhaseRule::Spread
                && schedule::spread_steps(&configuration.rates).is_none()
        });
        let Some(configuration) = impossible else {
            return Some(());
        };
        let rates = &configuration.rates;
        self.note_grid(format!(
            "phase \"spread\" is not possible with rates {rates}: their ticks would be less than 100 ns apart; use phase = \"uniform\""
        ));
        None
    }
}

/// The sections from which the values of configurations come. They give the line at which a mistake in a value is noted.
struct Origins<'s, 'd> {
    /// The section `[parameters]`.
    shared: Option<&'s Section<'d>>,
    /// The sections `[[cases]]`.
    cases: &'s [Section<'d>],
    /// The dimensions of each case, including those of `[parameters]`. If there are no cases, the dimensions of `[parameters]` alone.
    dimension_lists: &'s [Vec<Dimension>],
}

impl<'d> Origins<'_, 'd> {
    /// Notes a mistake about the value that `configuration` has for the parameter `name`.
    fn note(&self, name: &str, configuration: &Configuration, message: String) {
        let shared = self.shared.and_then(|shared| shared.get(name));
        let mut cases = self.cases_with(configuration);
        let item = shared.or_else(|| cases.find_map(|case| case.get(name)));
        if let Some(item) = item {
            item.note(message);
        }
    }

    /// Returns the cases from which `configuration` can come. It can come from a case if, in every dimension of the case, the
    /// configuration's value is one of the dimension's values.
    fn cases_with<'c>(
        &'c self,
        configuration: &'c Configuration,
    ) -> impl Iterator<Item = &'c Section<'d>> {
        let cases = std::iter::zip(self.cases, self.dimension_lists);
        let cases = cases.filter(|(_, dimensions)| grid::covers(dimensions, configuration));
        cases.map(|(case, _)| case)
    }
}

/// Checks that each list of probabilities `internal` has one number for each machine.
fn check_internal(configurations: &[Arc<Configuration>], origins: &Origins<'_, '_>) -> Option<()> {
    // The length is `None` if there is a single probability, which all machines have.
    let wrong_length = configurations.iter().find(|configuration| {
        let length = configuration.internal.list_length();
        length.is_some_and(|length| length != configuration.rates.machines())
    });
    let Some(configuration) = wrong_length else {
        return Some(());
    };
    // This configuration has a list of probabilities, so the 1 of `unwrap_or` is never used.
    let message = format!(
        "there are {} probabilities, but rates {} have {} machines: give one probability for each machine, or one for all",
        configuration.internal.list_length().unwrap_or(1),
        configuration.rates,
        configuration.rates.machines()
    );
    origins.note("internal", configuration, message);
    None
}

/// Checks for each configuration that its `sends` (to which machines a send goes) and its topology can be used together.
fn check_sends(configurations: &[Arc<Configuration>], origins: &Origins<'_, '_>) -> Option<()> {
    let unfit = configurations
        .iter()
        .find(|configuration| !configuration.sends.fits(configuration.topology));
    let Some(configuration) = unfit else {
        return Some(());
    };
    let message = format!(
        "{} cannot be combined with topology = \"time-keeper\", whose machine 0 always sends to all: remove this value, or exclude the combination",
        configuration.sends
    );
    origins.note("sends", configuration, message);
    None
}
