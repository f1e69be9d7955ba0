//! The paths of a dataset's files, for the dataset itself or for all its shards that exist. Journals are read row by row.

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

/// The largest manifest that is read, in bytes. Even millions of configurations need less.
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

    pub(super) fn sources(&self) -> PathBuf {
        self.root.join("sources.csv")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join(".lock")
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.root.join(".reserve")
    }

    pub(super) fn segment(&self, number: u32) -> PathBuf {
        self.root.join(format!("events-{number:04}.csv"))
    }

    /// Returns the number of the segment in a file's name. `None` if the file is not a segment.
    pub(super) fn segment_number(name: &str) -> Option<u32> {
        let digits = name.strip_prefix("events-")?.strip_suffix(".csv")?;
        let number = digits.parse().ok()?;
        (digits == format!("{number:04}")).then_some(number)
    }
}

/// The parts of a dataset: its shards that exist, or the whole dataset as one part.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) root: PathBuf,
    parts: Vec<Part>,
    /// The index of the part whose manifest is used for all.
    newest: usize,
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
    /// Returns [`DatasetError`] if the folder is not a dataset or has another schema, if its manifest is damaged, or if its shards
    /// are not parts of the same experiment.
    pub(super) fn open(root: &Path) -> Result<Self, DatasetError> {
        let mut parts = Self {
            root: root.to_owned(),
            parts: vec![],
            newest: 0,
            missing: vec![],
        };
        match (read_manifest(&Paths::new(root)), &shards_in(root)[..]) {
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
        let of = shards[0].1.of;
        if let Some((_, other)) = shards.iter().find(|(_, shard)| shard.of != of) {
            return Err(DatasetError::OverlappingShards {
                path: self.root.clone(),
                a: of,
                b: other.of,
            });
        }
        let mut missing: BTreeSet<u32> = (1..=of).collect();
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
            .map(|number| Shard { number, of })
            .collect();
        self.choose_newest()
    }

    /// Chooses the manifest of the shard whose experiment has the most runs. The other shards must be consistent with it.
    fn choose_newest(&mut self) -> Result<(), DatasetError> {
        let longest = (0..self.parts.len()).max_by_key(|&part| {
            let experiment = &self.parts[part].manifest.experiment;
            (
                experiment.planned_ever(),
                experiment.planned_in_all_shards(),
            )
        });
        let Some(longest) = longest else {
            return Err(DatasetError::NotADataset(self.root.clone()));
        };
        let newest = &self.parts[longest];
        let in_turn = |part: &Part| part.manifest.shards_in_turn;
        let other = self
            .parts
            .iter()
            .find(|part| in_turn(part) != in_turn(newest));
        if let Some(part) = other {
            return Err(DatasetError::DifferentShards {
                a: part.paths.root.clone(),
                b: newest.paths.root.clone(),
                difference: Difference::of_shard_rules(),
            });
        }
        for part in &self.parts {
            let (made, wanted) = (&part.manifest.experiment, &newest.manifest.experiment);
            if !wanted.continues(made) || !Difference::between(made, wanted).is_empty() {
                return Err(DatasetError::DifferentShards {
                    a: part.paths.root.clone(),
                    b: newest.paths.root.clone(),
                    difference: Difference::or_numbers(made, wanted),
                });
            }
        }
        self.newest = longest;
        Ok(())
    }

    /// Returns the manifest that is used for all parts: the manifest of the part whose experiment has the most runs.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.newest().manifest
    }

    /// Returns the part whose experiment has the most runs.
    pub(super) fn newest(&self) -> &Part {
        &self.parts[self.newest]
    }

    /// Returns the paths of the part whose manifest is used for all parts.
    pub(super) fn newest_paths(&self) -> &Paths {
        &self.parts[self.newest].paths
    }

    /// Returns each part. The `part` of a row is an index in this order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter()
    }

    /// Returns the paths of the part with this row.
    pub(super) fn paths_of(&self, row: &JournalRow) -> &Paths {
        &self.parts[row.part].paths
    }

    /// Returns the schema of the part with this row.
    pub(super) fn schema_of(&self, row: &JournalRow) -> u32 {
        self.parts[row.part].manifest.schema
    }

    /// Returns the number of planned runs, including those of missing shards.
    pub(super) fn planned(&self) -> u64 {
        let manifest = self.manifest();
        let experiment = &manifest.experiment;
        match manifest.shard {
            Some(_) if self.parts.len() + self.missing.len() > 1 => {
                experiment.planned_in_all_shards()
            }
            _ => experiment.runs,
        }
    }

    /// Passes every row of every journal to `take`, shard by shard, in the order in which the runs ended.
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
            let Some(whole) = journal::open_whole_rows(&path)? else {
                continue;
            };
            for row in journal::read_rows(&path, whole)? {
                take(JournalRow {
                    part: index,
                    ..row?
                });
            }
        }
        Ok(())
    }
}

/// Returns the folders in `root` with names of shards, by number.
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

pub(super) fn read_manifest(paths: &Paths) -> Result<Manifest, DatasetError> {
    /// The fields that every schema has.
    #[derive(serde::Deserialize)]
    struct AnySchema {
        schema: u32,
        #[serde(default)]
        sweeps: Vec<AnyProvenance>,
        /// In schema 1, the version is in this field.
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
        Err(error) if !paths.root.is_dir() => return Err(DatasetError::folder(&paths.root)(error)),
        read => read.map_err(DatasetError::io(&path))?,
    };
    let any: AnySchema = serde_json::from_str(&text).map_err(DatasetError::manifest(&path))?;
    if !(schema_3::SCHEMA..=SCHEMA_VERSION).contains(&any.schema) {
        return Err(DatasetError::Schema {
            path: paths.root.clone(),
            found: any.schema,
            made_by: any
                .sweeps
                .into_iter()
                .next()
                .unwrap_or(any.provenance)
                .tool_version,
        });
    }
    let manifest: Manifest = serde_json::from_str(&text).map_err(DatasetError::manifest(&path))?;
    let identity = match manifest.schema {
        schema_3::SCHEMA => schema_3::identity(&manifest),
        _ => manifest.identity_of_contents(),
    };
    if manifest.identity != identity {
        return Err(DatasetError::ChangedManifest { path });
    }
    Ok(manifest)
}
