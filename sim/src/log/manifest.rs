//! `dataset.json`: what made a dataset, in full.

use std::env;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::experiment::{Configuration, Experiment};

/// Version of the dataset contract. Changes whenever a column or a file does.
pub const SCHEMA_VERSION: u32 = 1;

/// The contents of `dataset.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the dataset contract.
    pub schema: u32,
    /// The experiment's name.
    pub name: String,
    /// What it is for, in its author's words.
    pub description: String,
    /// Hash of all that decides which runs there are and what happens in them.
    pub identity: String,
    /// The experiment with everything filled in.
    pub experiment: ResolvedExperiment,
    /// Where and by what the dataset was started.
    pub provenance: Provenance,
}

/// The experiment with defaults and command-line overrides filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolvedExperiment {
    /// What all randomness is drawn from.
    pub seed: u64,
    /// Runs of each configuration.
    pub repetitions: u32,
    /// `tcp` or `virtual`.
    pub engine: String,
    /// `shared` or `process`.
    pub isolation: String,
    /// Model seconds per wall second.
    pub time_scale: f64,
    /// Runs planned.
    pub runs: u64,
    /// The canonical text of each configuration.
    pub configurations: Vec<String>,
}

/// Where a dataset comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the simulator.
    pub tool_version: String,
    /// Commit it was built from, with `-dirty` if the sources had changes; `unknown` outside a checkout.
    pub git_commit: String,
    /// Name of the host.
    pub host: String,
    /// Its processor.
    pub cpu: String,
    /// Logical cores the process may use.
    pub cores: usize,
    /// Operating system and architecture.
    pub os: String,
    /// The command line.
    pub command: String,
    /// When it was started, RFC 3339.
    pub started_at: String,
}

impl Manifest {
    /// The manifest of a dataset that `experiment` is about to make, here and now.
    pub fn new(experiment: &Experiment) -> Self {
        Self {
            schema: SCHEMA_VERSION,
            name: experiment.name.clone(),
            description: experiment.description.clone(),
            identity: experiment.identity(),
            experiment: ResolvedExperiment {
                seed: experiment.seed,
                repetitions: experiment.repetitions,
                engine: experiment.engine.to_string(),
                isolation: experiment.isolation.to_string(),
                time_scale: experiment.time_scale,
                runs: experiment.run_count(),
                configurations: experiment
                    .configurations()
                    .iter()
                    .map(|configuration| configuration_text(configuration))
                    .collect(),
            },
            provenance: Provenance::here_and_now(),
        }
    }
}

fn configuration_text(configuration: &Configuration) -> String {
    configuration.to_string()
}

impl Provenance {
    fn here_and_now() -> Self {
        Self {
            tool_version: crate::VERSION.to_owned(),
            git_commit: env!("GIT_COMMIT").to_owned(),
            host: first_line("/proc/sys/kernel/hostname")
                .or_else(|| env::var("HOSTNAME").ok())
                .unwrap_or_else(unknown),
            cpu: cpu_model().unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            os: format!(
                "{} {}",
                os_release().unwrap_or_else(|| env::consts::OS.to_owned()),
                env::consts::ARCH
            ),
            command: env::args().collect::<Vec<_>>().join(" "),
            started_at: jiff::Timestamp::now()
                .round(jiff::Unit::Second)
                .unwrap_or_default()
                .to_string(),
        }
    }
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
