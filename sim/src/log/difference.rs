//! To *continue* a dataset means to add runs to it. An experiment can continue the dataset of an earlier experiment only if it has all
//! configurations of that experiment, and the same seed, engine, isolation and time scale. It may have fewer repetitions. This module
//! compares the two experiments and lists the differences that prevent this.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::manifest::ResolvedExperiment;
use crate::console::command_line;

/// A line of a [`Difference`] lists at most this number of values of a parameter. If the parameter has more values, the line lists the first
/// ones and says how many there are: `1 | 2 | 3 | 4 | 5 | 6 | ... (9 in all)`.
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
        // With some values of the parameter `clock`, such as `vector`, messages carry a second timestamp beside Lamport's. Then the event log
        // has a column for it, and `timestamps` is true. Users do not know `timestamps`, only `clock`, so the line begins with `clock`.
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

    /// Returns why two shards of a dataset do not fit together. `made` and `wanted` are the experiments of the two shards. The lines call
    /// `made` "the dataset", and `wanted` "the experiment".
    ///
    /// The caller knows already that the shards do not fit. So if [`Difference::between`] finds no difference, only one reason is left: the
    /// same run has different numbers in the two shards, such as 4 and 6.
    pub(super) fn between_shards(made: &ResolvedExperiment, wanted: &ResolvedExperiment) -> Self {
        let difference = Self::between(made, wanted);
        if difference.is_empty() {
            return Self(vec![
                "the same runs have different numbers: values or repetitions were added to the experiment of one shard, but not to that of the other"
                    .to_owned(),
            ]);
        }
        difference
    }

    /// Returns a line that says that the shards were made with different rules. (A rule says which shard makes which runs.)
    pub(super) fn of_shard_rules() -> Self {
        Self(vec![
            "the shards divide the runs in different ways: different versions of sim started them"
                .to_owned(),
        ])
    }

    /// Adds a line if the dataset was made with other options `--set` than this `sim run` has. (An option such as
    /// `--set internal=0.4` changes a value of the experiment.) `made` has the changes with which the dataset was made, and `wanted` the
    /// changes of this `sim run`. The line advises to repeat the options in `made`, so it is left out if `made` is empty.
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
        // `command_line` would quote every change, because of its `=`. Plain changes such as `internal=0.4` need no quotes.
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "=._-,".contains(letter);
        match change.chars().all(is_plain) {
            true => format!("--set {change}"),
            false => format!("--set {}", command_line([change])),
        }
    });
    options.collect::<Vec<_>>().join(" ")
}

/// Compares the configurations of the dataset (`made`) with those of the experiment (`wanted`). Returns nothing if the experiment has all
/// configurations of the dataset. Otherwise returns a line for each parameter with a value that only the dataset has. If there is no such
/// parameter, returns a line with the number of missing configurations. (Example: the dataset has `a=1 b=1`, but the experiment has only
/// `a=1 b=2` and `a=2 b=1`.)
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

/// Returns for each parameter its different values, in the order in which they first occur in `configurations`. A configuration is a text
/// such as `rates=1,3 internal=0.5`.
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
            timestamps: false,
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
        let fewer = resolved(7, &["rates=1,3 internal=0.5"]);
        let more = resolved(7, &["rates=1,3 internal=0.4", "rates=1,3 internal=0.5"]);
        assert!(Difference::between(&fewer, &more).is_empty());
        assert_eq!(
            Difference::between(&more, &fewer).to_string(),
            "  internal: 0.4 | 0.5 in the dataset, 0.5 in the experiment"
        );
    }

    #[test]
    fn missing_configurations_are_counted_if_only_combinations_of_values_are_missing() {
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
    fn a_list_of_nine_values_shows_the_first_six_and_their_total_number() {
        let many: Vec<String> = (1..=9).map(|value| format!("a={value}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(
            Difference::between(&resolved(7, &many), &resolved(7, &["a=1"])).to_string(),
            "  a: 1 | 2 | 3 | 4 | 5 | 6 | ... (9 in all) in the dataset, 1 in the experiment"
        );
    }
}
