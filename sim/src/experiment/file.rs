//! Reads an experiment file (TOML) into an [`Experiment`]. All mistakes in the file are reported together, before any run starts.

use std::path::Path;

use super::changes::{self, Change};
use super::error::ExperimentError;
use super::grid_file::Grid;
use super::parameter_table::ReadContext;
use super::parameters::{EngineKind, Isolation, Probability};
use super::rate_sets::MachineBudget;
use super::rates::{Rate, Rates};
use super::values::DURATIONS_S;
use super::{Configuration, Experiment, NANOS_PER_SECOND, Numbering, ShardRule};
use crate::input;
use crate::toml_reader::{self, Item, Mistake, Section};

/// The largest size of an experiment file. It is enough for an experiment with two million runs ([`Experiment::MAX_RUNS`]) in which each run
/// has a rate set of its own: 64 MiB are 33 bytes for each of these rate sets, and a rate set such as `[1, 3, 6]` needs fewer.
const MAX_BYTES: u64 = 64 << 20;
/// The maximum length of a folder's name on common systems, in bytes.
const LONGEST_NAME_BYTES: usize = 255;

/// The keys and tables that an experiment file may have.
pub(super) const KEYS: &[&str] = &[
    "name",
    "description",
    "seed",
    "repetitions",
    "duration_s",
    "engine",
    "time_scale",
    "isolation",
    "parameters",
    "cases",
    "exclude",
    "repeat",
];

/// Values from the command line that replace those of the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Replaces `engine`.
    pub engine: Option<EngineKind>,
    /// Replaces `time_scale`.
    pub time_scale: Option<f64>,
    /// Replaces `isolation`.
    pub isolation: Option<Isolation>,
    /// The values of `--set`, which replace values in the text of the file.
    pub changes: Vec<Change>,
}

impl Experiment {
    /// Reads an experiment file. The dataset is named after the file, unless the file has a `name`.
    ///
    /// # Errors
    ///
    /// Returns [`ExperimentError`] if the file cannot be read or has mistakes. The error lists all mistakes.
    pub fn read(path: &Path, overrides: Overrides) -> Result<Self, ExperimentError> {
        let text =
            input::read_text(path, MAX_BYTES).map_err(|cause| ExperimentError::Unreadable {
                path: path.to_owned(),
                cause,
            })?;
        Self::parse(&text, path, overrides)
    }

    /// Reads an experiment from `text`, the contents of the file `path`. The path occurs in messages, and names the dataset if the text has
    /// no `name`.
    ///
    /// # Errors
    ///
    /// Returns [`ExperimentError::Mistakes`] with all mistakes.
    pub fn parse(text: &str, path: &Path, overrides: Overrides) -> Result<Self, ExperimentError> {
        parse_changed(text, path, &overrides).map_err(|mistakes| ExperimentError::Mistakes {
            path: path.to_owned(),
            mistakes,
        })
    }
}

/// Applies the changes of `overrides` to `text`, and reads the experiment from the changed text.
fn parse_changed(
    text: &str,
    path: &Path,
    overrides: &Overrides,
) -> Result<Experiment, Vec<Mistake>> {
    let parse = |text: &str| toml_reader::read(text, |root| read(root, text, path, overrides));
    let changes = &overrides.changes;
    if changes.is_empty() {
        return parse(text);
    }
    parse(&changes::apply(text, changes)?).map_err(|mut mistakes| {
        // Users know the lines of the file, not those of the changed text.
        changes::correct_lines(text, changes, &mut mistakes);
        mistakes
    })
}

/// Reads the experiment from the document `root`, whose text is `text`. `None` after a mistake, which is noted in `root`. Every value is
/// read before the function returns, so that all mistakes are noted.
fn read(root: &Section<'_>, text: &str, path: &Path, overrides: &Overrides) -> Option<Experiment> {
    root.allow_only(KEYS);
    let name = match root.get("name") {
        Some(item) => dataset_name(&item),
        None => name_of_file(root, path),
    };
    let description = root.get("description").map_or(Some(""), |item| item.text());
    let seed = root
        .require(
            "seed",
            "give a whole number, such as seed = 262; all random draws come from it",
        )
        .and_then(|item| item.integer(0..=i64::MAX as u64));
    let repetitions = root
        .get("repetitions")
        .map_or(Some(1), |item| item.integer(1..=u64::from(u32::MAX)));
    let duration_s = root.get("duration_s").map_or(Some(60.0), |item| {
        item.number(DURATIONS_S, "a number of seconds")
    });
    let engine = root
        .get("engine")
        .map_or(Some(EngineKind::Tcp), |item| item.one_of(EngineKind::NAMES));
    let time_scale = root
        .get("time_scale")
        .map_or(Some(1.0), |item| item.number(0.001..=10_000.0, "a factor"));
    let isolation = root
        .get("isolation")
        .map_or(Some(Isolation::Shared), |item| {
            item.one_of(Isolation::NAMES)
        });

    // The grid is the part of the file that gives the values of parameters. It is read even if `seed`, `repetitions` or `duration_s` has a
    // mistake, so that mistakes in the grid are noted too. The grid is then read with seed 0, 1 repetition or 60 s instead.
    //
    // If the grid has no value for a parameter, the default value in `base` is used. `rates` and `internal` have no default values, and
    // every file must give them. So the first two arguments here are never used.
    let base = Configuration::new(
        Rates::new(vec![Rate::new(1)?; 2])?,
        Probability::new(0.0)?,
        (duration_s.unwrap_or(60.0) * NANOS_PER_SECOND as f64).round() as u64,
    );
    let grid = Grid {
        root,
        repetitions: repetitions.unwrap_or(1),
        context: ReadContext {
            seed: seed.unwrap_or(0),
            // How many machines all rate sets together may have.
            budget: MachineBudget::default(),
        },
        base,
    };
    let configurations = grid.configurations();
    let more_repetitions = grid.more_repetitions(configurations.as_deref());
    let engine = overrides.engine.or(engine);
    // The virtual engine has no wall clock and no processes. So `time_scale` and `isolation` get their defaults, whatever the file and
    // the command line say. But a `None` is kept: it means that the value in the file has a mistake, and no experiment is returned.
    let (time_scale, isolation) = match engine {
        Some(EngineKind::Virtual) => (
            time_scale.map(|_| 1.0),
            isolation.map(|_| Isolation::Shared),
        ),
        _ => (
            overrides.time_scale.or(time_scale),
            overrides.isolation.or(isolation),
        ),
    };
    let (configurations, repetitions) = (configurations?, u32::try_from(repetitions?).ok()?);
    let more_repetitions = more_repetitions?;
    // Runs are numbered as if every configuration had `max_repetitions` repetitions. `more_repetitions` has only the configurations with
    // more than `repetitions` repetitions. If there is no such configuration, `repetitions` is the maximum.
    let max_repetitions = more_repetitions.values().copied().max();
    let max_repetitions = max_repetitions.unwrap_or(repetitions);
    Some(Experiment {
        name: name?,
        description: description?.trim().to_owned(),
        seed: seed?,
        repetitions,
        more_repetitions,
        engine: engine?,
        time_scale: time_scale?,
        isolation: isolation?,
        numbering: Numbering::new(configurations.len(), max_repetitions),
        shard: None,
        shard_rule: ShardRule::default(),
        configurations,
        source: text.to_owned(),
        changes: overrides.changes.iter().map(Change::to_string).collect(),
    })
}

/// Reads the name of the dataset, which is the name of its folder. So the name may have only characters that every common system allows in
/// a folder's name. `None` after a mistake, which is noted.
fn dataset_name(item: &Item<'_>) -> Option<String> {
    let name = item.text()?;
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_allowed) {
        item.note(format!(
            "\"{name}\" cannot be the name of a folder; use letters, digits, `-`, `_` and `.` (but not `.` first)"
        ));
        return None;
    }
    if is_refused_by_windows(name) {
        item.note(format!(
            "\"{name}\" cannot be the name of a folder on Windows; use another name"
        ));
        return None;
    }
    if name.len() > LONGEST_NAME_BYTES {
        item.note(format!(
            "the name has {} letters, but a folder's name may have at most {LONGEST_NAME_BYTES}",
            name.len()
        ));
        return None;
    }
    Some(name.to_owned())
}

/// Returns the name of the dataset if the file does not give one: the name of the file without its ending. The operating system
/// allows this name, because a file has it. So only the rules of Windows are checked. `None` after a mistake, which is noted.
fn name_of_file(root: &Section<'_>, path: &Path) -> Option<String> {
    let Some(name) = path.file_stem() else {
        root.note(
            "name",
            "missing; give one, such as name = \"first\"".to_owned(),
        );
        return None;
    };
    let name = name.to_string_lossy();
    if is_refused_by_windows(&name) {
        root.note(
            "name",
            format!(
                "missing; the file's name \"{name}\" cannot be the name of a folder on Windows; give another one, such as name = \"first\""
            ),
        );
        return None;
    }
    Some(name.into_owned())
}

/// Returns whether Windows refuses a folder with this name because it ends with a dot, or because it is reserved for a device, such as
/// `con` or `com1`. A name such as `con.txt` is reserved too: only the part before the first dot matters.
fn is_refused_by_windows(name: &str) -> bool {
    let before_dot = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    let is_device = match before_dot
        .strip_prefix("com")
        .or(before_dot.strip_prefix("lpt"))
    {
        Some(number) => matches!(number.as_bytes(), [b'1'..=b'9']),
        None => ["con", "prn", "aux", "nul"].contains(&&*before_dot),
    };
    is_device || name.ends_with('.')
}
