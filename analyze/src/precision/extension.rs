//! How to make the missing runs of a dataset: the lines of the experiment file, the command, and the time.
//!
//! A dataset is extended if its experiment file plans more repetitions and the same `sim run` is repeated: only the new runs are made.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use sim::console::command_line;
use sim::experiment::{Configuration, Experiment, Overrides, RepetitionLines};
use sim::log;
use sim::sweep::words::grouped;
use sim::sweep::{Capacity, Options, Plan};
use sim::toml_reader::MistakeList;

use crate::error::Error;
use crate::precision::machines::MachineNeed;
use crate::read::dataset::Dataset;

/// How to make the missing runs of a dataset.
#[derive(Debug)]
pub struct Extension {
    /// The dataset's label.
    pub dataset: String,
    /// The lines of the experiment file. Without lines, the file stays as it is.
    pub lines: RepetitionLines,
    /// The commands that make the runs, one for each shard.
    pub commands: Vec<String>,
    /// Number of runs that these commands make.
    pub runs: u64,
    /// How many of these runs were planned before.
    pub planned_before: u64,
    /// The approximate wall time of these runs on this computer, as `sim plan` estimates it.
    pub wall_time: Duration,
    /// Why the experiment file cannot have the lines, if so.
    pub problem: Option<String>,
    experiment: Experiment,
    capacity: Capacity,
}

impl Extension {
    /// The extension of `dataset` that gives each configuration the repetitions that its machine of `needs` needs. None if the logs
    /// were imported, so that `sim` cannot make more runs.
    ///
    /// # Errors
    ///
    /// [`Error::Dataset`] if the dataset or its experiment file cannot be read.
    pub fn new(dataset: &Dataset, needs: &[MachineNeed<'_>]) -> Result<Option<Self>, Error> {
        let log = log::Dataset::open(dataset.root())?;
        let Some(experiment) = log.experiment()? else {
            return Ok(None);
        };
        let mut further: HashMap<String, Option<u64>> = needs
            .iter()
            .filter(|need| need.group.dataset == dataset.label())
            .map(|need| (need.group.configuration.to_string(), need.further()))
            .collect();
        let attempted = Attempted::new(&log);
        let (mut counts, mut runs, mut planned_before, mut has_number) = (vec![], vec![], 0, true);
        for configuration in experiment.configurations() {
            let text = configuration.to_string();
            let wanted = further.remove(&text).unwrap_or(Some(0));
            has_number &= wanted.is_some();
            let planned = experiment.more_repetitions.get(&text);
            let planned = planned.copied().unwrap_or(0).max(experiment.repetitions);
            let (count, to_do, before) = attempted.extend(&text, planned, wanted.unwrap_or(0));
            counts.push(count);
            runs.push((&**configuration, to_do));
            planned_before += before;
        }
        let capacity = Capacity::for_this_process();
        let lines = RepetitionLines::new(&experiment, &counts);
        let total = runs.iter().map(|(_, runs)| runs).sum();
        let problem = match has_number {
            true => problem(&experiment, &lines, &counts),
            false => Some(format!(
                "an experiment can have at most {} runs; give a larger half-width",
                grouped(Experiment::MAX_RUNS)
            )),
        };
        let wall_time = Plan::wall_time_of(&experiment, &runs, &Options::default(), &capacity);
        let (lines, commands) = in_commands(lines, log.commands());
        Ok(Some(Self {
            dataset: dataset.label().to_owned(),
            lines,
            commands,
            runs: total,
            planned_before,
            wall_time,
            problem,
            capacity,
            experiment,
        }))
    }

    /// The approximate wall time of only `runs` runs of one configuration.
    pub fn wall_time_of(&self, configuration: &Configuration, runs: u64) -> Duration {
        let runs = [(configuration, runs)];
        Plan::wall_time_of(&self.experiment, &runs, &Options::default(), &self.capacity)
    }
}

/// The repetitions of each configuration, by its text, that were made, even if they failed.
struct Attempted(HashMap<String, HashSet<u32>>);

impl Attempted {
    fn new(log: &log::Dataset) -> Self {
        let mut attempted: HashMap<String, HashSet<u32>> = HashMap::new();
        for row in log.attempted() {
            let configuration = row.configuration.to_string();
            attempted
                .entry(configuration)
                .or_default()
                .insert(row.repetition);
        }
        Self(attempted)
    }

    /// The smallest number of repetitions, at least `planned`, with which at least `wanted` runs of a configuration are to do; the
    /// number of runs that are then to do, and how many of these were planned.
    fn extend(&self, configuration: &str, planned: u32, wanted: u64) -> (u32, u64, u64) {
        let made = self.0.get(configuration);
        let is_to_do = |repetition: &u32| !made.is_some_and(|made| made.contains(repetition));
        let before = (0..planned).filter(is_to_do).count() as u64;
        let (mut count, mut to_do) = (planned, before);
        while to_do < wanted {
            to_do += u64::from(is_to_do(&count));
            count += 1;
        }
        (count, to_do, before)
    }
}

/// Why the experiment file with these lines would be refused, or would plan other numbers of repetitions than `counts`.
fn problem(experiment: &Experiment, lines: &RepetitionLines, counts: &[u32]) -> Option<String> {
    let refused = "the experiment file with more repetitions would be refused";
    let path = Path::new("experiment.toml");
    let text = match lines.add_to(experiment.source()) {
        Ok(text) => text,
        Err(mistakes) => {
            return Some(format!(
                "{refused}: {}",
                MistakeList {
                    path,
                    mistakes: &mistakes
                }
            ));
        }
    };
    let changed = match Experiment::parse(&text, path, Overrides::default()) {
        Ok(changed) => changed,
        Err(error) => return Some(format!("{refused}: {error}")),
    };
    let planned = std::iter::zip(changed.configurations(), counts).all(|(configuration, count)| {
        let more = changed.more_repetitions.get(&configuration.to_string());
        more.copied().unwrap_or(0).max(changed.repetitions) == *count
    });
    (!planned).then(|| format!("{refused}, because its [[repeat]] blocks and new ones overlap"))
}

/// Moves the number of repetitions from the lines to the commands if these set it, because then the file's number has no effect.
fn in_commands(
    mut lines: RepetitionLines,
    mut commands: Vec<String>,
) -> (RepetitionLines, Vec<String>) {
    let Some(count) = lines.repetitions else {
        return (lines, commands);
    };
    for command in &mut commands {
        let Ok(words) = shell_words::split(command) else {
            continue;
        };
        if let Some(mut others) = without_repetitions(&words) {
            others.extend(["--repetitions".to_owned(), count.to_string()]);
            *command = command_line(others);
            lines.repetitions = None;
        }
    }
    (lines, commands)
}

/// The words of a command without options that set the number of repetitions. None if it has no such option.
fn without_repetitions(words: &[String]) -> Option<Vec<String>> {
    let mut others: Vec<String> = vec![];
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let next = words.get(index + 1).map_or("", String::as_str);
        let sets = |text: &str| {
            text.split('=')
                .next()
                .is_some_and(|key| key.trim() == "repetitions")
        };
        index += match &**word {
            "--repetitions" => 2,
            "--set" if sets(next) => 2,
            word if word.starts_with("--repetitions=") => 1,
            word if word.strip_prefix("--set=").is_some_and(sets) => 1,
            _ => {
                others.push(word.clone());
                1
            }
        };
    }
    (others.len() < words.len()).then_some(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_that_were_made_are_not_counted_twice() {
        let made = HashSet::from([0, 1, 2, 5]);
        let attempted = Attempted(HashMap::from([("a".to_owned(), made)]));
        // 3 and 4 are planned and not made; 5 was made by an earlier, larger plan.
        assert_eq!(attempted.extend("a", 5, 0), (5, 2, 2));
        assert_eq!(attempted.extend("a", 5, 2), (5, 2, 2));
        assert_eq!(attempted.extend("a", 5, 4), (8, 4, 2));
        assert_eq!(attempted.extend("b", 1, 3), (3, 3, 1));
    }

    #[test]
    fn a_command_that_sets_the_number_of_repetitions_gets_the_new_number() {
        for (command, wanted) in [
            (
                "sim run e.toml --repetitions 5 --data x",
                "sim run e.toml --data x --repetitions 9",
            ),
            (
                "sim run e.toml --set repetitions=5",
                "sim run e.toml --repetitions 9",
            ),
            (
                "sim run --set=repetitions=5 --set internal=0.4 e.toml",
                "sim run --set 'internal=0.4' e.toml --repetitions 9",
            ),
        ] {
            let lines = RepetitionLines {
                repetitions: Some(9),
                blocks: vec![],
            };
            let (lines, commands) = in_commands(lines, vec![command.to_owned()]);
            assert!(lines.is_empty());
            assert_eq!(commands, [wanted]);
        }
        let lines = RepetitionLines {
            repetitions: Some(9),
            blocks: vec![],
        };
        let command = vec!["sim run e.toml --set internal=0.4".to_owned()];
        assert_eq!(
            in_commands(lines.clone(), command.clone()),
            (lines, command)
        );
    }
}
