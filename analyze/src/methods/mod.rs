//! How a dataset was made and evaluated, for the methods section of a paper: a paragraph, the commands, and the works to cite.
//!
//! # Layout
//!
//! - [`model`]: what a machine does, and the values of the parameters
//! - [`runs`]: how many runs there are, and with which programs and computers they were made
//! - [`imported`]: where imported logs come from
//! - [`citations`]: the works to cite, as BibTeX
//! - [`format`](mod@format): the formats in which all this is printed

pub mod citations;
pub mod format;
mod imported;
mod model;
mod runs;

use sim::console::{command_line, shell_word};
use sim::experiment::{EngineKind, Experiment, Overrides};
use sim::log::{Manifest, ResolvedExperiment, set_options};

use crate::read::configurations::Configurations;
use crate::read::dataset::Dataset;
use citations::Citation;

/// How a dataset was made and evaluated.
#[derive(Clone, Debug)]
pub struct Methods {
    /// The dataset's label.
    pub dataset: String,
    /// The paragraph. Code is between backticks.
    pub paragraph: String,
    /// The commands that made the dataset, in order, each once.
    pub commands: Vec<String>,
    /// A command that makes new runs from the dataset's experiment file, with the same random draws. (Over TCP, the events can differ
    /// nevertheless, because delays differ.) `None` for imported logs, or if the file now has other configurations or another seed.
    pub again: Option<String>,
}

impl Methods {
    /// Describes `dataset`. `conditions` are the conditions of `--where`, by which its runs were chosen, such as `internal>0.5`.
    pub fn new(dataset: &Dataset, conditions: &[String]) -> Self {
        let configurations = Configurations::of_runs(dataset.finished());
        let first_runs = configurations.first_runs();
        // All configurations, each once.
        let all: Vec<_> = first_runs.iter().map(|run| &*run.configuration).collect();
        let mut sentences = match &dataset.manifest().imported {
            Some(imported) => imported::sentences(dataset, imported, &all),
            None => model::sentences(&all),
        };
        sentences.extend(runs::sentences(dataset, &configurations, conditions));
        sentences.extend(analysis(dataset));
        Self {
            dataset: dataset.label().to_owned(),
            paragraph: sentences.join(" "),
            commands: commands(dataset),
            again: command_to_make_again(dataset),
        }
    }

    /// Lists of commands, each with a title: the commands that made the dataset, and the command that makes its runs again. A list without
    /// commands is left out.
    pub(crate) fn titled_commands(&self) -> Vec<(&'static str, Vec<String>)> {
        let again = self.again.iter().cloned().collect();
        let lists = [
            ("Made by", self.commands.clone()),
            ("Runs with the same random draws are made by", again),
        ];
        let lists = lists.into_iter();
        lists.filter(|(_, commands)| !commands.is_empty()).collect()
    }
}

/// The sentences about how the runs were evaluated.
fn analysis(dataset: &Dataset) -> Vec<String> {
    let observed = match dataset.warm_up_s() {
        0.0 => "over the whole run".to_owned(),
        warm_up_s => format!(
            "without the first {warm_up_s} s of the run (warm-up; an event exactly at its end counts)"
        ),
    };
    vec![
        format!(
            "The measures were computed by `analyze` {} {}, for each machine of each run, {observed}.",
            env!("CARGO_PKG_VERSION"),
            Citation::software().words
        ),
        "Tables and plots show, for each machine of a configuration, the mean over the repetitions and its 95 % confidence interval from \
         Student's t distribution; intervals of differences are Welch's."
            .to_owned(),
        "An interval is marked as rough if there are few different values. If all values are equal, there is no interval.".to_owned(),
        "Each interval is for one value at a time: among 100 of them, about 5 miss the true mean.".to_owned(),
        "Predictions, where they are shown, use no measurement. They are computed from the configuration alone, with a fluid model of the \
         queues (messages flow evenly) and a diffusion model of their random fluctuations (queue lengths change like a random walk)."
            .to_owned(),
    ]
}

/// All commands that made runs of the dataset, each once. The dataset, or each of its shards, has a manifest (`dataset.json`) that records
/// its sweeps. A sweep is one execution of `sim run`, or an import.
fn commands(dataset: &Dataset) -> Vec<String> {
    let sweeps = dataset.manifests().flat_map(|manifest| &manifest.sweeps);
    distinct(sweeps.map(|sweep| sweep.command.clone()))
}

/// The command that makes new runs with the same random draws. It uses the dataset's experiment file and the options that the
/// manifest recorded. `None` for imported logs, or if the file no longer has the configurations and the seed with which the dataset was
/// made.
fn command_to_make_again(dataset: &Dataset) -> Option<String> {
    let manifest = dataset.manifest();
    if manifest.imported.is_some() {
        return None;
    }
    let file = dataset.experiment_file();
    // The values that were changed by options `--set`, such as `internal=0.4`.
    let changes = manifest.changes.iter().map(|change| change.parse());
    let overrides = Overrides {
        changes: changes.collect::<Result<_, _>>().ok()?,
        ..Overrides::default()
    };
    let read = Experiment::read(&file, overrides).ok()?;
    // The experiment in the file, in the same form as the experiment in the manifest, so that the two can be compared.
    let of_file = Manifest::new(&read, vec![]).experiment;
    let recorded = &manifest.experiment;
    if of_file.configurations != recorded.configurations || of_file.seed != recorded.seed {
        return None;
    }
    let mut words = vec!["sim run".to_owned(), shell_word(&file)];
    if !manifest.changes.is_empty() {
        words.push(set_options(&manifest.changes));
    }
    words.extend(engine_options(&of_file, recorded));
    words.push("--data NEW_FOLDER".to_owned());
    Some(words.join(" "))
}

/// The options of `sim run` for the engine, the isolation (whether each machine is a process) and the time scale. An option is given only
/// if the value in the experiment file (`of_file`) differs from the value with which the runs were made (`recorded`). In virtual
/// time, isolation and time scale have no meaning.
fn engine_options(of_file: &ResolvedExperiment, recorded: &ResolvedExperiment) -> Vec<String> {
    let scales = [of_file, recorded].map(|one| one.time_scale.to_string());
    let mut options = vec![("--engine", &of_file.engine, &recorded.engine)];
    if recorded.engine != EngineKind::Virtual.to_string() {
        options.push(("--isolation", &of_file.isolation, &recorded.isolation));
        options.push(("--time-scale", &scales[0], &scales[1]));
    }
    let changed = options
        .into_iter()
        .filter(|(_, of_file, recorded)| of_file != recorded);
    changed
        .map(|(option, _, recorded)| command_line([option, recorded.as_str()]))
        .collect()
}

/// The values in the order of their first occurrence, each once.
fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = vec![];
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

/// The largest number of values that a sentence lists. If there are more values, the sentence gives their number and their range.
const MAX_LISTED: usize = 8;

/// Joins words to a list: `a`, `a and b`, `a, b and c`.
fn listed<T: AsRef<str>>(words: &[T]) -> String {
    joined(words, "and")
}

/// Joins words to a list of alternatives: `a`, `a or b`, `a, b or c`.
fn alternatives<T: AsRef<str>>(words: &[T]) -> String {
    joined(words, "or")
}

fn joined<T: AsRef<str>>(words: &[T], before_last: &str) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => {
            format!("{} {before_last} {last}", others.join(", "))
        }
        _ => words.concat(),
    }
}

/// The smallest and the largest of some numbers in words: `3`, `3 to 5`.
fn range_in_words(values: impl Iterator<Item = f64>) -> String {
    let limits = (f64::INFINITY, f64::NEG_INFINITY);
    let (smallest, largest) = values.fold(limits, |(smallest, largest), value| {
        (value.min(smallest), value.max(largest))
    });
    match smallest == largest {
        true => smallest.to_string(),
        false => format!("{smallest} to {largest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges_in_words() {
        assert_eq!(listed::<&str>(&[]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b"]), "a and b");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(alternatives(&["a", "b", "c"]), "a, b or c");
        assert_eq!(range_in_words([3.0, 3.0].into_iter()), "3");
        assert_eq!(range_in_words([5.0, 2.5].into_iter()), "2.5 to 5");
        assert_eq!(distinct([2, 1, 2]), [2, 1]);
    }
}
