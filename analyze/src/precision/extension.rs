//! How a user can extend a dataset. More runs make its 95 % intervals narrower. This module says which lines the experiment file needs for
//! the wanted width, which commands make the runs, and how long they take.
//!
//! To extend a dataset, the user plans more repetitions in its experiment file and repeats the same command `sim run`. The command then
//! makes only the new runs.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use sim::console::{command_line, remove_option};
use sim::experiment::{Configuration, Experiment, Overrides, RepetitionLines};
use sim::log;
use sim::sweep::words::grouped;
use sim::sweep::{Capacity, Options, Plan};
use sim::toml_reader::MistakeList;

use crate::error::Error;
use crate::precision::machines::MachineNeed;
use crate::read::dataset::Dataset;

/// How to make the further runs that a dataset needs.
#[derive(Debug)]
pub struct Extension {
    /// The dataset's label (its name in tables).
    pub dataset: String,
    /// New lines for the experiment file. They set the numbers of repetitions. If there are no lines, the file stays as it is.
    pub lines: RepetitionLines,
    /// The commands that make the runs, one for each shard (a part of the runs, made with `--shard` into a folder of its own).
    pub commands: Vec<String>,
    /// Number of runs that these commands make.
    pub runs: u64,
    /// How many of these runs the experiment file plans already.
    pub planned_before: u64,
    /// The approximate wall time of these runs on this computer, as `sim plan` estimates it.
    pub wall_time: Duration,
    /// Why these runs cannot be made, for example because the changed experiment file would be refused. `None` if they can.
    pub problem: Option<String>,
    /// The experiment as it is planned now.
    experiment: Experiment,
    /// The resources of this process, such as open files, cores and memory. The wall time depends on them.
    capacity: Capacity,
}

impl Extension {
    /// The extension of `dataset` that gives each configuration as many repetitions as it needs. `needs` has at most one machine of
    /// each configuration: the machine whose interval needs the most repetitions. Needs of other datasets are ignored.
    ///
    /// Returns `Ok(None)` if the logs were imported: they are logs of another program, so `sim` cannot make more runs.
    ///
    /// # Errors
    ///
    /// [`Error::Dataset`] if the dataset or its experiment file cannot be read.
    pub fn new(dataset: &Dataset, needs: &[MachineNeed<'_>]) -> Result<Option<Self>, Error> {
        // The same dataset, opened as a type of the simulator. This type can read the experiment and the commands that made the dataset.
        let log = log::Dataset::open(dataset.root())?;
        let Some(experiment) = log.experiment()? else {
            return Ok(None);
        };
        // How many further repetitions each configuration needs; the key is the configuration's text. `None` if an experiment cannot
        // have so many.
        let mut further: HashMap<String, Option<u64>> = needs
            .iter()
            .filter(|need| need.group.dataset == dataset.label())
            .map(|need| (need.group.configuration.to_string(), need.further()))
            .collect();
        let attempted = Attempted::new(&log);
        // `counts` has the new number of repetitions of each configuration. `runs` has each configuration with the number of runs that
        // are still to do. `planned_before` says how many of the runs in `runs` the file plans already.
        let (mut counts, mut runs, mut planned_before) = (vec![], vec![], 0);
        // Whether an experiment can have as many repetitions as its configurations need.
        let mut is_possible = true;
        for configuration in experiment.configurations() {
            let text = configuration.to_string();
            // A configuration that is not in `needs` gets no further repetitions.
            let wanted = further.remove(&text).unwrap_or(Some(0));
            is_possible &= wanted.is_some();
            // A block `[[repeat]]` can give a configuration more repetitions than the key `repetitions`.
            let planned = experiment.more_repetitions.get(&text);
            let planned = planned.copied().unwrap_or(0).max(experiment.repetitions);
            let (count, to_do, planned_to_do) =
                attempted.plan_further(&text, planned, wanted.unwrap_or(0));
            counts.push(count);
            runs.push((&**configuration, to_do));
            planned_before += planned_to_do;
        }
        let capacity = Capacity::for_this_process();
        let lines = RepetitionLines::new(&experiment, &counts);
        let total = runs.iter().map(|(_, runs)| runs).sum();
        let problem = match is_possible {
            true => problem(&experiment, &lines, &counts),
            false => Some(format!(
                "an experiment can have at most {} runs; give a larger half-width",
                grouped(Experiment::MAX_RUNS)
            )),
        };
        let wall_time = Plan::wall_time_of(&experiment, &runs, &Options::default(), &capacity);
        let commands = log.commands().into_iter().map(without_retry_failed);
        let (lines, commands) = set_repetitions_in_commands(lines, commands.collect());
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

    /// The approximate wall time if `sim` makes only runs of this configuration, `runs` of them.
    pub fn wall_time_of(&self, configuration: &Configuration, runs: u64) -> Duration {
        let runs = [(configuration, runs)];
        Plan::wall_time_of(&self.experiment, &runs, &Options::default(), &self.capacity)
    }
}

/// The repetitions of each configuration that were made or failed; the key is the configuration's text. The commands of
/// the extension do not make these repetitions again. (`--retry-failed`, which would repeat failed ones, is removed from the commands.)
struct Attempted(HashMap<String, HashSet<u32>>);

impl Attempted {
    /// Collects the repetitions of all runs in the journal (`runs.csv`).
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

    /// Plans at least `wanted` further runs of a configuration, which has `planned` repetitions now. Returns three numbers:
    ///
    /// 1. The new number of repetitions: the smallest number, not below `planned`, with which at least `wanted` runs are still to do.
    /// 2. The number of runs that are still to do with the new number of repetitions.
    /// 3. The number of runs that are still to do with the present number, `planned`.
    fn plan_further(&self, configuration: &str, planned: u32, wanted: u64) -> (u32, u64, u64) {
        let attempted = self.0.get(configuration);
        let is_to_do =
            |repetition: &u32| !attempted.is_some_and(|attempted| attempted.contains(repetition));
        let planned_to_do = (0..planned).filter(is_to_do).count() as u64;
        let (mut count, mut to_do) = (planned, planned_to_do);
        while to_do < wanted {
            // Repetitions are numbered from 0, so the next repetition has the number `count`. If an earlier plan had more repetitions, that
            // repetition may have been attempted already.
            to_do += u64::from(is_to_do(&count));
            count += 1;
        }
        (count, to_do, planned_to_do)
    }
}

/// Why the lines cannot be added to the experiment file: the new file would be refused, or would plan other numbers of repetitions than
/// `counts`. `None` if they can be added.
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
    let mut planned = std::iter::zip(changed.configurations(), counts);
    let has_counts = planned.all(|(configuration, count)| {
        let more = changed.more_repetitions.get(&configuration.to_string());
        more.copied().unwrap_or(0).max(changed.repetitions) == *count
    });
    (!has_counts).then(|| format!("{refused}, because its [[repeat]] blocks and new ones overlap"))
}

/// The command without `--retry-failed`. With this option, it would also make runs again that have failed, and these runs are not counted
/// in [`Extension::runs`].
fn without_retry_failed(command: String) -> String {
    match shell_words::split(&command) {
        Ok(words) => command_line(words.into_iter().filter(|word| word != "--retry-failed")),
        // The text is not a command of a shell, for example because a quote is missing.
        Err(_) => command,
    }
}

/// If a command sets the number of repetitions (`--repetitions` or `--set repetitions=N`), the number in the experiment file has no effect.
/// So this function writes the new number into such a command, and removes the number from the lines for the file.
fn set_repetitions_in_commands(
    mut lines: RepetitionLines,
    mut commands: Vec<String>,
) -> (RepetitionLines, Vec<String>) {
    let Some(count) = lines.repetitions else {
        return (lines, commands);
    };
    for command in &mut commands {
        let Ok(mut words) = shell_words::split(command) else {
            // The text is not a command of a shell, for example because a quote is missing.
            continue;
        };
        let sets_repetitions = |change: &str| {
            let key = change.split('=').next();
            key.is_some_and(|key| key.trim() == "repetitions")
        };
        // Removes `--repetitions N` for any N, and `--set repetitions=N`.
        let had_option = remove_option(&mut words, "--repetitions", |_| true);
        if remove_option(&mut words, "--set", sets_repetitions) || had_option {
            words.extend(["--repetitions".to_owned(), count.to_string()]);
            *command = command_line(words);
            lines.repetitions = None;
        }
    }
    (lines, commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_that_were_made_are_not_planned_again() {
        let made = HashSet::from([0, 1, 2, 5]);
        let attempted = Attempted(HashMap::from([("a".to_owned(), made)]));
        // 3 and 4 are planned and not made; 5 was made when the plan had more repetitions.
        assert_eq!(attempted.plan_further("a", 5, 0), (5, 2, 2));
        assert_eq!(attempted.plan_further("a", 5, 2), (5, 2, 2));
        // The four runs to do are 3, 4, 6 and 7.
        assert_eq!(attempted.plan_further("a", 5, 4), (8, 4, 2));
        // Nothing is known of configuration b, so none of its repetitions was made.
        assert_eq!(attempted.plan_further("b", 1, 3), (3, 3, 1));
    }

    #[test]
    fn only_a_command_that_sets_the_number_of_repetitions_gets_the_new_number() {
        for (command, wanted) in [
            (
                "sim run e.toml --repetitions 5 --data x",
                "sim run e.toml --data x --repetitions 9",
            ),
            (
                "sim run e.toml --set repetitions=5",
                "sim run e.toml --repetitions 9",
            ),
            // `command_line` puts quotes around `internal=0.4`, because this word contains `=`.
            (
                "sim run --set=repetitions=5 --set internal=0.4 e.toml",
                "sim run --set 'internal=0.4' e.toml --repetitions 9",
            ),
        ] {
            let lines = RepetitionLines {
                repetitions: Some(9),
                blocks: vec![],
            };
            let (lines, commands) = set_repetitions_in_commands(lines, vec![command.to_owned()]);
            assert!(lines.is_empty());
            assert_eq!(commands, [wanted]);
        }
        let lines = RepetitionLines {
            repetitions: Some(9),
            blocks: vec![],
        };
        // This command does not set the number of repetitions, so the number stays in the lines of the file.
        let command = vec!["sim run e.toml --set internal=0.4".to_owned()];
        assert_eq!(
            set_repetitions_in_commands(lines.clone(), command.clone()),
            (lines, command)
        );
    }

    #[test]
    fn failed_runs_are_not_made_again() {
        let command = "sim run 'my e.toml' --retry-failed --jobs 2".to_owned();
        assert_eq!(
            without_retry_failed(command),
            "sim run 'my e.toml' --jobs 2"
        );
        // The quote is not closed, so the text cannot be split into words. It stays as it is.
        let no_command = "it's".to_owned();
        assert_eq!(without_retry_failed(no_command.clone()), no_command);
    }
}
