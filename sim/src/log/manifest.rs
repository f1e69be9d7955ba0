//! `dataset.json`, the manifest: it describes completely how a dataset was made. Each sweep (a process `sim run`) that has runs to do writes
//! it again.

use std::collections::BTreeMap;
use std::env;
use std::fs;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::checksum::checksum;
use super::imported::Imported;
use super::journal_row::JournalRow;
use crate::console::{command_line, remove_option};
use crate::experiment::{Experiment, Numbering, Shard, ShardRule};

/// Version of the format of datasets. It changes whenever a column or a file changes.
pub const SCHEMA_VERSION: u32 = 5;
/// The first schema in which the journal's column `margin_us` is the true margin of the run: the shortest time between two ticks whose
/// order can change the events. In earlier schemas, the column is a lower limit of the margin for runs whose `phase` is `spread`, and 0 for
/// all other runs.
pub const SCHEMA_OF_TRUE_MARGINS: u32 = 5;

/// The contents of `dataset.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format of datasets.
    pub schema: u32,
    /// The experiment's name.
    pub name: String,
    /// The purpose of the experiment, in its author's words.
    pub description: String,
    /// A checksum of `name`, `shard`, `experiment` and `imported`: the first 16 hexadecimal digits of a BLAKE3 hash. It shows whether these
    /// values have changed since they were written.
    pub identity: String,
    /// The experiment with all values filled in.
    pub experiment: ResolvedExperiment,
    /// The shard (a part of the experiment's runs) that this folder is for. `None` if it is for all runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Whether the repetitions of each configuration are dealt to the shards in turn, like cards ([`ShardRule::InTurn`]). If not, the
    /// shard of each run is determined by a hash of the run's key ([`ShardRule::ByKey`]).
    #[serde(default, skip_serializing_if = "is_false")]
    pub shards_in_turn: bool,
    /// Values of the experiment file that the command of the last sweep changed (`--set`), such as `internal=0.4`. `experiment` has the
    /// changed values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// Origin of the logs, if another program wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
    /// The sweep or the import that made the dataset, and then every sweep that had runs to do.
    pub sweeps: Vec<Provenance>,
}

/// The experiment with defaults and command-line overrides filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolvedExperiment {
    /// The number from which all random draws come.
    pub seed: u64,
    /// Runs of each configuration.
    pub repetitions: u32,
    /// The configurations that have more than `repetitions` runs. The key is the canonical text of the configuration, the value its number
    /// of runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more_repetitions: BTreeMap<String, u32>,
    /// `tcp` (real time) or `virtual` (simulated time).
    pub engine: String,
    /// `shared` (many runs in one process) or `process` (each machine is a process).
    pub isolation: String,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// Whether the event log has a column `timestamp`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub timestamps: bool,
    /// Number of planned runs. In the manifest of a shard, only the runs of the shard count.
    pub runs: u64,
    /// Which run has which number. If the experiment is extended, its runs keep their numbers, and the new runs get the next numbers.
    pub numbering: Numbering,
    /// The canonical text of each configuration.
    pub configurations: Vec<String>,
}

impl ResolvedExperiment {
    /// Returns how many runs were ever planned, in all shards. This includes runs that are not planned any more, because the experiment
    /// has become smaller.
    pub(super) fn planned_ever(&self) -> u64 {
        // Runs have all numbers from 0 to `end - 1`.
        self.numbering.all_numbers().end
    }

    /// Returns how many runs are planned now, in all shards.
    pub(super) fn planned_in_all_shards(&self) -> u64 {
        let larger_counts = self.more_repetitions.values();
        let additional =
            larger_counts.map(|count| u64::from(count.saturating_sub(self.repetitions)));
        self.configurations.len() as u64 * u64::from(self.repetitions) + additional.sum::<u64>()
    }

    /// Returns how many runs of a configuration are planned now: in one shard, or in all shards if `shard` is `None`.
    pub(crate) fn planned_of(&self, configuration: &str, shard: Option<(Shard, ShardRule)>) -> u64 {
        // Some configurations may have more repetitions than the others.
        let larger_count = self.more_repetitions.get(configuration).copied();
        let repetitions = 0..self.repetitions.max(larger_count.unwrap_or(0));
        match shard {
            None => repetitions.len() as u64,
            Some((shard, rule)) => {
                let is_in_shard =
                    |&repetition: &u32| shard.has_repetition(configuration, repetition, rule);
                repetitions.filter(is_in_shard).count() as u64
            }
        }
    }

    /// Returns how many runs of one shard are planned now.
    pub(super) fn planned_in_shard(&self, shard: Shard, rule: ShardRule) -> u64 {
        let configurations = self.configurations.iter();
        configurations
            .map(|configuration| self.planned_of(configuration, Some((shard, rule))))
            .sum()
    }

    /// Returns whether the run of this row is planned now. A run that has a row was planned once, but the experiment may have become
    /// smaller.
    pub(crate) fn is_planned(&self, row: &JournalRow) -> bool {
        let larger_count = || {
            // A key is the configuration's canonical text, followed by the repetition.
            let (configuration, _) = row.key.rsplit_once(" repetition=")?;
            self.more_repetitions.get(configuration)
        };
        row.repetition < self.repetitions
            || larger_count().is_some_and(|&count| row.repetition < count)
    }

    /// Returns whether every run of the experiment `earlier` is also a run of this experiment, with the same number.
    pub(super) fn continues(&self, earlier: &Self) -> bool {
        // The numbering names a configuration by its index in `configurations`. So each earlier configuration must have the same index here.
        self.configurations.starts_with(&earlier.configurations)
            && self.numbering.continues(&earlier.numbering)
    }
}

/// Where, when and by which program one sweep made runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the simulator.
    pub tool_version: String,
    /// The commit from which the simulator was built, with `-dirty` if tracked files had changes; `unknown` outside a Git
    /// repository.
    pub git_commit: String,
    /// Name of the computer.
    pub host: String,
    /// The computer's processor.
    pub cpu: String,
    /// Number of logical cores that the process may use.
    pub cores: usize,
    /// Operating system and architecture.
    pub os: String,
    /// The command line.
    pub command: String,
    /// When the sweep was started, in the format of RFC 3339.
    pub started_at: String,
}

impl Manifest {
    /// Creates the manifest of a dataset from its experiment and from the sweeps that made its runs.
    pub fn new(experiment: &Experiment, sweeps: Vec<Provenance>) -> Self {
        let mut manifest = Self {
            schema: SCHEMA_VERSION,
            name: experiment.name.clone(),
            description: experiment.description.clone(),
            identity: String::new(),
            experiment: ResolvedExperiment {
                seed: experiment.seed,
                repetitions: experiment.repetitions,
                more_repetitions: experiment.more_repetitions.clone(),
                engine: experiment.engine.to_string(),
                isolation: experiment.isolation.to_string(),
                time_scale: experiment.time_scale,
                runs: experiment.run_count(),
                timestamps: experiment.has_timestamps(),
                numbering: experiment.numbering().clone(),
                configurations: experiment
                    .configurations()
                    .iter()
                    .map(|configuration| configuration.to_string())
                    .collect(),
            },
            shard: experiment.shard(),
            shards_in_turn: experiment.shard().is_some()
                && experiment.shard_rule() == ShardRule::InTurn,
            changes: experiment.changes().to_vec(),
            imported: None,
            sweeps,
        };
        manifest.identity = manifest.identity_of_contents();
        manifest
    }

    /// Returns how the runs were divided among shards.
    pub(crate) fn shard_rule(&self) -> ShardRule {
        match self.shards_in_turn {
            true => ShardRule::InTurn,
            false => ShardRule::ByKey,
        }
    }

    /// Prepares this manifest to replace `earlier`, the dataset's present manifest. If the schema of `earlier` is below
    /// [`SCHEMA_OF_TRUE_MARGINS`], the dataset may have rows without true margins. Then the schema of this manifest is set below
    /// [`SCHEMA_OF_TRUE_MARGINS`] too, so that no program takes the margins of those rows for true ones.
    pub(super) fn continued_from(mut self, earlier: &Self) -> Self {
        if earlier.schema < SCHEMA_OF_TRUE_MARGINS {
            self.schema = SCHEMA_OF_TRUE_MARGINS - 1;
        }
        self
    }

    /// Returns the command of the last sweep, without its options `--only`, so that the command makes all runs. `None` if there was no
    /// sweep.
    pub(super) fn last_command(&self) -> Option<String> {
        self.sweeps.last().map(|sweep| for_all_runs(&sweep.command))
    }

    /// Calculates the correct `identity`: a checksum of the canonical JSON of the contents.
    pub(super) fn identity_of_contents(&self) -> String {
        let contents = serde_json::json!({
            "name": self.name,
            "shard": self.shard,
            "experiment": self.experiment,
            "imported": self.imported,
        });
        let mut text = String::new();
        write_canonical(&contents, &mut text);
        checksum(text.as_bytes())
    }
}

/// Returns a command without its options `--only`.
fn for_all_runs(command: &str) -> String {
    let Ok(mut words) = shell_words::split(command) else {
        return command.to_owned();
    };
    remove_option(&mut words, "--only", |_| true);
    command_line(words)
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Writes JSON without white space and with the keys of every object in alphabetical order. Equal values have equal texts.
fn write_canonical(value: &Value, text: &mut String) {
    let mut separator = "";
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            text.push('{');
            for (name, value) in fields {
                *text += separator;
                *text += &Value::from(name.as_str()).to_string();
                text.push(':');
                write_canonical(value, text);
                separator = ",";
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for value in values {
                *text += separator;
                write_canonical(value, text);
                separator = ",";
            }
            text.push(']');
        }
        other => *text += &other.to_string(),
    }
}

impl Provenance {
    /// Describes this program on this computer at this time.
    pub fn here_and_now() -> Self {
        Self {
            tool_version: crate::VERSION.to_owned(),
            git_commit: env!("GIT_COMMIT").to_owned(),
            host: host(),
            cpu: cpu_model().unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            os: format!(
                "{} {}",
                os_release().unwrap_or_else(|| env::consts::OS.to_owned()),
                env::consts::ARCH
            ),
            command: command_line(env::args_os()),
            started_at: jiff::Timestamp::now()
                .round(jiff::Unit::Second)
                .unwrap_or_default()
                .to_string(),
        }
    }
}

/// Returns the name of this computer.
pub(super) fn host() -> String {
    first_line("/proc/sys/kernel/hostname")
        .or_else(|| env::var("HOSTNAME").ok())
        .unwrap_or_else(unknown)
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn first_line(path: &str) -> Option<String> {
    Some(
        fs::read_to_string(path)
            .ok()?
            .lines()
            .next()?
            .trim()
            .to_owned(),
    )
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn os_release() -> Option<String> {
    let text = fs::read_to_string("/etc/os-release").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_does_not_depend_on_the_order_of_fields() {
        let canonical = |text: &str| {
            let mut canonical = String::new();
            write_canonical(&serde_json::from_str(text).expect("JSON"), &mut canonical);
            canonical
        };
        let text = canonical(r#"{"b": [1.5, {"d": null, "c": "\""}], "a": true}"#);
        assert_eq!(text, r#"{"a":true,"b":[1.5,{"c":"\"","d":null}]}"#);
    }
}
