//! The parts of a dataset, with the paths and the manifest (`dataset.json`) of each. A dataset that is divided into shards has one part
//! for each shard that has started; any other dataset is one part. The journals (`runs.csv`) of all parts are read row by row.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::difference::Difference;
use super::error::DatasetError;
use super::journal;
use super::journal_row::JournalRow;
use super::manifest::{Manifest, SCHEMA_VERSION};
use super::schema_3;
use crate::experiment::Shard;
use crate::input::read_stored_text;

/// The largest size of a manifest that is read, in bytes (1 GiB). A manifest with millions of configurations is smaller.
const MAX_MANIFEST_BYTES: u64 = 1 << 30;

/// The paths of a dataset's files.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) root: PathBuf,
}

impl Paths {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(super) fn manifest(&self) -> PathBuf {
        self.root.join("dataset.json")
    }

    pub(super) fn experiment(&self) -> PathBuf {
        self.root.join("experiment.toml")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.root.join("runs.csv")
    }

    /// This file says from which file and line each event of an imported log was read.
    pub(super) fn sources(&self) -> PathBuf {
        self.root.join("sources.csv")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join(".lock")
    }

    /// A spare file. If the disk is full, a sweep removes this file, so that the last rows of the journal can still be written.
    pub(super) fn reserve(&self) -> PathBuf {
        self.root.join(".reserve")
    }

    pub(super) fn segment(&self, number: u32) -> PathBuf {
        self.root.join(format!("events-{number:04}.csv"))
    }

    /// Returns the number in the name of a segment (an events file). `None` if `name` is not the name of a segment.
    pub(super) fn segment_number(name: &str) -> Option<u32> {
        let digits = name.strip_prefix("events-")?.strip_suffix(".csv")?;
        let number = digits.parse().ok()?;
        // `events-1.csv` is not the name of a segment, because the number in a segment's name has at least four digits.
        (digits == format!("{number:04}")).then_some(number)
    }
}

/// The parts of a dataset: its shards that have started, or the whole dataset as one part.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) root: PathBuf,
    parts: Vec<Part>,
    /// The index of the part whose experiment has the most runs. If the experiment was extended, this part was started or continued after
    /// the extension. The manifest of this part is used for all parts.
    newest: usize,
    /// The shards that have not started.
    pub(super) missing: Vec<Shard>,
}

/// A shard, or a whole dataset.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) paths: Paths,
    pub(super) manifest: Manifest,
}

impl Parts {
    /// Finds the parts of the dataset in folder `root`. It reads no journal.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if the folder is not a dataset, if this program does not know its schema (version of the format), if its
    /// manifest is damaged, or if its shards are not parts of the same experiment.
    pub(super) fn open(root: &Path) -> Result<Self, DatasetError> {
        let mut parts = Self {
            root: root.to_owned(),
            parts: vec![],
            newest: 0,
            missing: vec![],
        };
        match (read_manifest(&Paths::new(root)), &shards_in(root)[..]) {
            // The folder has no manifest, but contains one or more folders of shards.
            (Err(DatasetError::NotADataset(_)), shards @ [_, ..]) => parts.add_shards(shards)?,
            (manifest, _) => parts.add(root, manifest?),
        }
        Ok(parts)
    }

    fn add(&mut self, root: &Path, manifest: Manifest) {
        let paths = Paths::new(root);
        self.parts.push(Part { paths, manifest });
    }

    fn add_shards(&mut self, shards: &[(PathBuf, Shard)]) -> Result<(), DatasetError> {
        let (_, first_shard) = &shards[0];
        let shard_count = first_shard.of;
        let other = shards.iter().find(|(_, shard)| shard.of != shard_count);
        if let Some((_, other)) = other {
            return Err(DatasetError::OverlappingShards {
                path: self.root.clone(),
                a: shard_count,
                b: other.of,
            });
        }
        let mut missing: BTreeSet<u32> = (1..=shard_count).collect();
        for (folder, shard) in shards {
            let manifest = match read_manifest(&Paths::new(folder)) {
                // The shard's folder exists, but its sweep has not started.
                Err(DatasetError::NotADataset(_)) => continue,
                manifest => manifest?,
            };
            if manifest.shard != Some(*shard) {
                return Err(DatasetError::MisplacedShard {
                    path: folder.clone(),
                    found: manifest
                        .shard
                        .map_or("a whole dataset".to_owned(), |shard| {
                            format!("shard {shard}")
                        }),
                });
            }
            missing.remove(&shard.number);
            self.add(folder, manifest);
        }
        self.missing = missing
            .into_iter()
            .map(|number| Shard {
                number,
                of: shard_count,
            })
            .collect();
        self.choose_newest()
    }

    /// Chooses the manifest of the shard whose experiment has the most runs. If the experiment file was extended, the experiments of shards
    /// that started earlier have fewer runs. The chosen experiment must contain all runs of the other experiments, with the same numbers.
    fn choose_newest(&mut self) -> Result<(), DatasetError> {
        // `planned_ever` is compared first, because it never decreases. If it is equal for several shards, `planned_in_all_shards` decides.
        // This is the number of runs that are planned now. It decreases if `repetitions` is reduced.
        let newest_index = (0..self.parts.len()).max_by_key(|&index| {
            let experiment = &self.parts[index].manifest.experiment;
            (
                experiment.planned_ever(),
                experiment.planned_in_all_shards(),
            )
        });
        let Some(newest_index) = newest_index else {
            return Err(DatasetError::NotADataset(self.root.clone()));
        };
        let newest = &self.parts[newest_index];
        // All shards must have divided the runs by the same rule. Otherwise a run could be in two shards, and another run in none.
        let newest_rule = newest.manifest.shard_rule();
        let with_other_rule = self
            .parts
            .iter()
            .find(|part| part.manifest.shard_rule() != newest_rule);
        if let Some(part) = with_other_rule {
            return Err(DatasetError::DifferentShards {
                a: part.paths.root.clone(),
                b: newest.paths.root.clone(),
                difference: Difference::of_shard_rules(),
            });
        }
        for part in &self.parts {
            let (other, chosen) = (&part.manifest.experiment, &newest.manifest.experiment);
            // `continues` compares the runs and their numbers. `Difference` compares the other settings too, such as the seed.
            if !chosen.continues(other) || !Difference::between(other, chosen).is_empty() {
                return Err(DatasetError::DifferentShards {
                    a: part.paths.root.clone(),
                    b: newest.paths.root.clone(),
                    difference: Difference::between_shards(other, chosen),
                });
            }
        }
        self.newest = newest_index;
        Ok(())
    }

    /// Returns the manifest that is used for all parts: that of the part whose experiment has the most runs.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.newest().manifest
    }

    /// Returns the part whose experiment has the most runs.
    pub(super) fn newest(&self) -> &Part {
        &self.parts[self.newest]
    }

    /// Returns the paths of the part whose experiment has the most runs.
    pub(super) fn newest_paths(&self) -> &Paths {
        &self.parts[self.newest].paths
    }

    /// Iterates over the parts. The field `part` of a journal row is the index of its part in this order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter()
    }

    /// Returns the paths of the part that has this journal row.
    pub(super) fn paths_of(&self, row: &JournalRow) -> &Paths {
        &self.parts[row.part].paths
    }

    /// Returns the schema (version of the format) of the part that has this journal row.
    pub(super) fn schema_of(&self, row: &JournalRow) -> u32 {
        self.parts[row.part].manifest.schema
    }

    /// Returns the number of planned runs, including those of missing shards.
    pub(super) fn planned(&self) -> u64 {
        let manifest = self.manifest();
        let experiment = &manifest.experiment;
        match manifest.shard {
            // The dataset has several shards. The field `runs` is not used, because in a shard's manifest it counts only the runs of that
            // shard. (If the folder of one shard is opened alone, there is one part and no missing shard. Then `runs` is used.)
            Some(_) if self.parts.len() + self.missing.len() > 1 => {
                experiment.planned_in_all_shards()
            }
            _ => experiment.runs,
        }
    }

    /// Calls `take` with every row of every journal: shard by shard, and in each shard in the order in which the runs ended.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if a journal is damaged. A last row without newline is not an error, because a sweep may be
    /// writing it.
    pub(super) fn for_each_row(
        &self,
        mut take: impl FnMut(JournalRow),
    ) -> Result<(), DatasetError> {
        for (index, part) in self.parts.iter().enumerate() {
            let path = part.paths.journal();
            let Some(whole_rows) = journal::open_whole_rows(&path)? else {
                continue;
            };
            for row in journal::read_rows(&path, whole_rows)? {
                take(JournalRow {
                    part: index,
                    ..row?
                });
            }
        }
        Ok(())
    }
}

/// Returns the folders in `root` that have names of shards. They are sorted by the last number in the name (4 in
/// `shard-2-of-4`), then by the first.
pub(super) fn shards_in(root: &Path) -> Vec<(PathBuf, Shard)> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut shards: Vec<(PathBuf, Shard)> = entries
        .filter_map(|entry| {
            let shard = Shard::from_folder(entry.file_name().to_str()?)?;
            Some((entry.path(), shard))
        })
        .collect();
    shards.sort_by_key(|&(_, shard)| (shard.of, shard.number));
    shards
}

/// Reads the manifest, and checks its schema (version of the format) and its identity (a checksum of its contents).
///
/// # Errors
///
/// Returns [`DatasetError::NotADataset`] if there is no manifest. Returns other errors if the manifest cannot be read, has a schema that
/// this version of the program does not know, or has changed.
pub(super) fn read_manifest(paths: &Paths) -> Result<Manifest, DatasetError> {
    /// The fields that can be read from a manifest of any schema: the schema, and the version of `sim` that made the dataset.
    #[derive(serde::Deserialize)]
    struct AnySchema {
        schema: u32,
        #[serde(default)]
        sweeps: Vec<AnyProvenance>,
        /// In schema 1, the version of `sim` is in this field instead of `sweeps`.
        #[serde(default)]
        provenance: AnyProvenance,
    }
    #[derive(serde::Deserialize, Default)]
    struct AnyProvenance {
        #[serde(default)]
        tool_version: String,
    }

    let path = paths.manifest();
    let text = match read_stored_text(&path, MAX_MANIFEST_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(DatasetError::NotADataset(paths.root.clone()));
        }
        // The path of the dataset does not lead to a folder, so the error is about this path and not about the manifest.
        Err(error) if !paths.root.is_dir() => return Err(DatasetError::folder(&paths.root)(error)),
        read => read.map_err(DatasetError::io(&path))?,
    };
    let of_any_schema: AnySchema =
        serde_json::from_str(&text).map_err(DatasetError::manifest(&path))?;
    if !(schema_3::SCHEMA..=SCHEMA_VERSION).contains(&of_any_schema.schema) {
        return Err(DatasetError::Schema {
            path: paths.root.clone(),
            found: of_any_schema.schema,
            made_by: of_any_schema
                .sweeps
                .into_iter()
                .next()
                .unwrap_or(of_any_schema.provenance)
                .tool_version,
        });
    }
    let manifest: Manifest = serde_json::from_str(&text).map_err(DatasetError::manifest(&path))?;
    // In schema 3, the identity was calculated in another way.
    let identity = match manifest.schema {
        schema_3::SCHEMA => schema_3::identity(&manifest),
        _ => manifest.identity_of_contents(),
    };
    if manifest.identity != identity {
        return Err(DatasetError::ChangedManifest { path });
    }
    Ok(manifest)
}
