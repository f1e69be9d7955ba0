//! What keeps an experiment from going on with a dataset: in which way its runs would mean something else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::manifest::ResolvedExperiment;

/// Values told of one parameter; the rest are counted.
const VALUES_TOLD: usize = 6;

/// What differs between the experiment that a dataset was made with and the one at hand, a line for each thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference(Vec<String>);

impl Difference {
    /// What of `made` is not so in `wanted`; empty if `wanted` can go on with it.
    pub(super) fn between(made: &ResolvedExperiment, wanted: &ResolvedExperiment) -> Self {
        let mut lines = vec![];
        let mut compare = |what: &str, made: &dyn fmt::Display, wanted: &dyn fmt::Display| {
            let (made, wanted) = (made.to_string(), wanted.to_string());
            if made != wanted {
                lines.push(format!("{what}: {made} there, {wanted} here"));
            }
        };
        compare("seed", &made.seed, &wanted.seed);
        compare("engine", &made.engine, &wanted.engine);
        compare("isolation", &made.isolation, &wanted.isolation);
        compare("time_scale", &made.time_scale, &wanted.time_scale);
        lines.extend(configurations(&made.configurations, &wanted.configurations));
        Self(lines)
    }

    /// The same; where nothing differs, what then keeps runs of the two from standing side by side.
    pub(super) fn or_places(made: &ResolvedExperiment, wanted: &ResolvedExperiment) -> Self {
        let difference = Self::between(made, wanted);
        if difference.is_empty() {
            return Self(vec![
                "the same runs have different numbers: one was extended without the other"
                    .to_owned(),
            ]);
        }
        difference
    }

    /// Whether nothing differs.
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

/// Which values of which parameters are gone, where configurations are.
fn configurations(made: &[String], wanted: &[String]) -> Vec<String> {
    let kept: BTreeSet<&String> = wanted.iter().collect();
    let gone: Vec<&String> = made.iter().filter(|text| !kept.contains(text)).collect();
    let Some(first) = gone.first() else {
        return vec![];
    };
    let (there, here) = (values(made), values(wanted));
    let none = Vec::new();
    let mut lines = vec![];
    for (name, there) in &there {
        let here = here.get(name).unwrap_or(&none);
        let known: BTreeSet<&str> = here.iter().copied().collect();
        if there.iter().any(|value| !known.contains(value)) {
            lines.push(format!(
                "{name}: {} there, {} here",
                enumerated(there),
                enumerated(here)
            ));
        }
    }
    if lines.is_empty() {
        lines.push(format!(
            "{} of {} configurations are gone, the first is {first}",
            gone.len(),
            made.len()
        ));
    }
    lines
}

/// The different values of each parameter, in the order of the configurations.
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

fn enumerated(values: &[&str]) -> String {
    match values {
        [] => "none".to_owned(),
        values if values.len() <= VALUES_TOLD => values.join(" | "),
        values => format!(
            "{} | ... ({} in all)",
            values[..VALUES_TOLD].join(" | "),
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
            engine: "tcp".to_owned(),
            isolation: "shared".to_owned(),
            time_scale: 1.0,
            runs: configurations.len() as u64,
            numbering: Default::default(),
            configurations: configurations.iter().map(|&text| text.to_owned()).collect(),
        }
    }

    #[test]
    fn names_what_was_changed_and_only_that() {
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
            "  seed: 7 there, 8 here\n  duration_s: 10 there, 5 here"
        );
    }

    #[test]
    fn what_is_added_is_no_difference() {
        let made = resolved(7, &["rates=1,3 internal=0.5"]);
        let more = resolved(7, &["rates=1,3 internal=0.4", "rates=1,3 internal=0.5"]);
        assert!(Difference::between(&made, &more).is_empty());
        assert_eq!(
            Difference::between(&more, &made).to_string(),
            "  internal: 0.4 | 0.5 there, 0.5 here"
        );
    }

    #[test]
    fn combinations_that_are_gone_are_named() {
        let made = resolved(7, &["a=1 b=1", "a=1 b=2", "a=2 b=1"]);
        let fewer = resolved(7, &["a=1 b=2", "a=2 b=1"]);
        assert_eq!(
            Difference::between(&made, &fewer).to_string(),
            "  1 of 3 configurations are gone, the first is a=1 b=1"
        );
    }

    #[test]
    fn many_values_are_counted() {
        let many: Vec<String> = (1..=9).map(|value| format!("a={value}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(
            Difference::between(&resolved(7, &many), &resolved(7, &["a=1"])).to_string(),
            "  a: 1 | 2 | 3 | 4 | 5 | 6 | ... (9 in all) there, 1 here"
        );
    }
}
