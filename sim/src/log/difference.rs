//! The differences between an experiment and a dataset. If there is one, the experiment cannot continue the dataset, because the runs of
//! the dataset would not be runs of this experiment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::manifest::ResolvedExperiment;
use crate::console::command_line;

/// Number of values of one parameter that are listed. The others are counted.
const MAX_VALUES_LISTED: usize = 6;

/// The differences between the experiment that made a dataset and the present one, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference(Vec<String>);

impl Difference {
    /// Returns the differences between `made` and `wanted`. Empty if `wanted` can continue the dataset.
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
        let column = |has: bool| if has { "is" } else { "is not" };
        if made.timestamps != wanted.timestamps {
            lines.push(format!(
                "clock: a column for timestamps {} in the dataset and {} in the experiment, so use a new folder (--data)",
                column(made.timestamps),
                column(wanted.timestamps)
            ));
        }
        lines.extend(configurations(&made.configurations, &wanted.configurations));
        Self(lines)
    }

    /// Returns the differences. If there are none, returns a sentence that the same runs have different numbers.
    pub(super) fn or_numbers(made: &ResolvedExperiment, wanted: &ResolvedExperiment) -> Self {
        let difference = Self::between(made, wanted);
        if difference.is_empty() {
            return Self(vec![
                "the same runs have different numbers: one experiment was extended without the other"
                    .to_owned(),
            ]);
        }
        difference
    }

    /// Returns that shards were divided by different rules.
    pub(super) fn of_shard_rules() -> Self {
        Self(vec![
            "they divide the runs in different ways: different versions of sim started them"
                .to_owned(),
        ])
    }

    /// Adds which options made the experiment of the dataset, `made`, if this sweep has other ones, `wanted`.
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

/// Returns the options that make these `changes`, as words of a command line.
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

/// Lists the parameters of which the experiment does not have all values of the dataset. If there are none, says how many
/// configurations of the dataset are missing in the experiment.
fn configurations(made: &[String], wanted: &[String]) -> Vec<String> {
    let kept: BTreeSet<&String> = wanted.iter().collect();
    let gone: Vec<&String> = made.iter().filter(|text| !kept.contains(text)).collect();
    let Some(first) = gone.first() else {
        return vec![];
    };
    let (values_made, values_wanted) = (values(made), values(wanted));
    let none = Vec::new();
    let mut lines = vec![];
    for (name, before) in &values_made {
        let now = values_wanted.get(name).unwrap_or(&none);
        let known: BTreeSet<&str> = now.iter().copied().collect();
        if before.iter().any(|value| !known.contains(value)) {
            lines.push(format!(
                "{name}: {} in the dataset, {} in the experiment",
                list_values(before),
                list_values(now)
            ));
        }
    }
    if lines.is_empty() {
        lines.push(format!(
            "{} of {} configurations of the dataset are missing in the experiment, the first is {first}",
            gone.len(),
            made.len()
        ));
    }
    lines
}

/// Returns the different values of each parameter, in the order of the configurations.
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
    fn names_exactly_what_was_changed() {
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
    fn additions_are_no_difference() {
        let made = resolved(7, &["rates=1,3 internal=0.5"]);
        let more = resolved(7, &["rates=1,3 internal=0.4", "rates=1,3 internal=0.5"]);
        assert!(Difference::between(&made, &more).is_empty());
        assert_eq!(
            Difference::between(&more, &made).to_string(),
            "  internal: 0.4 | 0.5 in the dataset, 0.5 in the experiment"
        );
    }

    #[test]
    fn combinations_that_are_gone_are_named() {
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
    fn many_values_are_counted() {
        let many: Vec<String> = (1..=9).map(|value| format!("a={value}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(
            Difference::between(&resolved(7, &many), &resolved(7, &["a=1"])).to_string(),
            "  a: 1 | 2 | 3 | 4 | 5 | 6 | ... (9 in all) in the dataset, 1 in the experiment"
        );
    }
}
