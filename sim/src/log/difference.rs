//! The differences that prevent an experiment from continuing a dataset that another experiment has made. With such a difference, the
//! runs of the dataset would not be runs of the experiment that is to continue it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::manifest::ResolvedExperiment;
use crate::console::command_line;

/// The largest number of values of one parameter that a line lists. If a parameter has more values, the line ends with their number.
const MAX_VALUES_LISTED: usize = 6;

/// The differences between the experiment that made a dataset and the experiment that is to continue it, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference(Vec<String>);

impl Difference {
    /// Returns the differences between `made`, the experiment that made the dataset, and `wanted`. Empty if `wanted` can continue the
    /// dataset.
    pub(super) fn between(made: &ResolvedExperiment, wanted: &ResolvedExperiment) -> Self {
        let mut lines = vec![];
        let mut compare = |what: &str, made: &dyn fmt::Display, wanted: &dyn fmt::Display| {
            let (made, wanted) = (made.to_string(), wanted.to_string());
            if made != wanted {
                lines.push(format!(
                    "{what}: {made} in the dataset, {wanted} in the experiment"
                ));
            }
        };
        compare("seed", &made.seed, &wanted.seed);
        compare("engine", &made.engine, &wanted.engine);
        compare("isolation", &made.isolation, &wanted.isolation);
        compare("time_scale", &made.time_scale, &wanted.time_scale);
        let is = |has_column: bool| if has_column { "is" } else { "is not" };
        if made.timestamps != wanted.timestamps {
            lines.push(format!(
                "clock: a column for timestamps {} in the dataset and {} in the experiment, so use a new folder (--data)",
                is(made.timestamps),
                is(wanted.timestamps)
            ));
        }
        lines.extend(missing_configurations(
            &made.configurations,
            &wanted.configurations,
        ));
        Self(lines)
    }

    /// Returns the differences between the experiments of two shards (parts of a dataset) that do not fit together. If only the numbers of
    /// runs differ, returns a line that says this. Otherwise the lines call the first shard "the dataset", and the second "the experiment".
    pub(super) fn between_shards(made: &ResolvedExperiment, wanted: &ResolvedExperiment) -> Self {
        let difference = Self::between(made, wanted);
        if difference.is_empty() {
            return Self(vec![
                "the same runs have different numbers: one experiment was extended without the other"
                    .to_owned(),
            ]);
        }
        difference
    }

    /// Returns a line that says that the shards were made by different rules to divide runs among shards.
    pub(super) fn of_shard_rules() -> Self {
        Self(vec![
            "the shards divide the runs in different ways: different versions of sim started them"
                .to_owned(),
        ])
    }

    /// Adds a line about the options `--set` (changes of the experiment's values), if the dataset was made with other changes (`made`) than
    /// this `sim run` has (`wanted`).
    pub(super) fn with_changes(mut self, made: &[String], wanted: &[String]) -> Self {
        if made != wanted && !made.is_empty() {
            self.0.push(format!(
                "the dataset was made with {}: use the same options to add runs to it",
                set_options(made)
            ));
        }
        self
    }

    /// Returns whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|line| format!("  {line}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Returns the options `--set` that make these `changes`, as words of a command line.
pub fn set_options(changes: &[String]) -> String {
    let options = changes.iter().map(|change| {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "=._-,".contains(letter);
        match change.chars().all(is_plain) {
            true => format!("--set {change}"),
            false => format!("--set {}", command_line([change])),
        }
    });
    options.collect::<Vec<_>>().join(" ")
}

/// Returns a line for each parameter with a value that occurs in the dataset (`made`) but not in the experiment (`wanted`). If there is no
/// such parameter, but configurations of the dataset are missing in the experiment, returns a line with their number.
fn missing_configurations(made: &[String], wanted: &[String]) -> Vec<String> {
    let wanted_texts: BTreeSet<&String> = wanted.iter().collect();
    let missing: Vec<&String> = made
        .iter()
        .filter(|text| !wanted_texts.contains(text))
        .collect();
    let Some(first) = missing.first() else {
        return vec![];
    };
    let (values_made, values_wanted) = (values(made), values(wanted));
    let none = Vec::new();
    let mut lines = vec![];
    for (name, in_dataset) in &values_made {
        let in_experiment = values_wanted.get(name).unwrap_or(&none);
        let known: BTreeSet<&str> = in_experiment.iter().copied().collect();
        if in_dataset.iter().any(|value| !known.contains(value)) {
            lines.push(format!(
                "{name}: {} in the dataset, {} in the experiment",
                list_values(in_dataset),
                list_values(in_experiment)
            ));
        }
    }
    if lines.is_empty() {
        lines.push(format!(
            "{} of {} configurations of the dataset are missing in the experiment, the first is {first}",
            missing.len(),
            made.len()
        ));
    }
    lines
}

/// Returns the different values of each parameter, in the order of the configurations. A configuration is a text such as
/// `rates=1,3 internal=0.5`.
fn values(configurations: &[String]) -> BTreeMap<&str, Vec<&str>> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for setting in configurations.iter().flat_map(|text| text.split(' ')) {
        if let Some((name, value)) = setting.split_once('=')
            && seen.insert(setting)
        {
            values.entry(name).or_default().push(value);
        }
    }
    values
}

fn list_values(values: &[&str]) -> String {
    match values {
        [] => "none".to_owned(),
        values if values.len() <= MAX_VALUES_LISTED => values.join(" | "),
        values => format!(
            "{} | ... ({} in all)",
            values[..MAX_VALUES_LISTED].join(" | "),
            values.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(seed: u64, configurations: &[&str]) -> ResolvedExperiment {
        ResolvedExperiment {
            seed,
            repetitions: 1,
            more_repetitions: Default::default(),
            engine: "tcp".to_owned(),
            isolation: "shared".to_owned(),
            time_scale: 1.0,
            timestamps: configurations.iter().any(|text| text.contains("clock=")),
            runs: configurations.len() as u64,
            numbering: Default::default(),
            configurations: configurations.iter().map(|&text| text.to_owned()).collect(),
        }
    }

    #[test]
    fn the_differences_are_only_the_changed_seed_and_the_changed_duration() {
        let made = resolved(
            7,
            &[
                "rates=1,3 internal=0.5 duration_s=10",
                "rates=2,3 internal=0.5 duration_s=10",
            ],
        );
        let shorter = resolved(
            8,
            &[
                "rates=1,3 internal=0.5 duration_s=5",
                "rates=2,3 internal=0.5 duration_s=5",
            ],
        );
        assert_eq!(
            Difference::between(&made, &shorter).to_string(),
            "  seed: 7 in the dataset, 8 in the experiment\n  duration_s: 10 in the dataset, 5 in the experiment"
        );
    }

    #[test]
    fn added_values_are_no_difference_but_removed_values_are() {
        let made = resolved(7, &["rates=1,3 internal=0.5"]);
        let more = resolved(7, &["rates=1,3 internal=0.4", "rates=1,3 internal=0.5"]);
        assert!(Difference::between(&made, &more).is_empty());
        assert_eq!(
            Difference::between(&more, &made).to_string(),
            "  internal: 0.4 | 0.5 in the dataset, 0.5 in the experiment"
        );
    }

    #[test]
    fn missing_configurations_are_counted_if_no_value_is_missing() {
        let made = resolved(7, &["a=1 b=1", "a=1 b=2", "a=2 b=1"]);
        let fewer = resolved(7, &["a=1 b=2", "a=2 b=1"]);
        assert_eq!(
            Difference::between(&made, &fewer).to_string(),
            "  1 of 3 configurations of the dataset are missing in the experiment, the first is a=1 b=1"
        );
    }

    #[test]
    fn only_words_that_a_shell_would_change_are_quoted() {
        let changes = ["internal=0.4", "rates=[[1, 2]]"].map(str::to_owned);
        assert_eq!(
            set_options(&changes),
            "--set internal=0.4 --set 'rates=[[1, 2]]'"
        );
    }

    #[test]
    fn after_six_values_only_their_number_is_given() {
        let many: Vec<String> = (1..=9).map(|value| format!("a={value}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(
            Difference::between(&resolved(7, &many), &resolved(7, &["a=1"])).to_string(),
            "  a: 1 | 2 | 3 | 4 | 5 | 6 | ... (9 in all) in the dataset, 1 in the experiment"
        );
    }
}
