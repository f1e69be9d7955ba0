//! Where a dataset's files lie: the dataset itself, or all shards of it that are there. Their journals are read row by row.

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

/// A manifest of millions of configurations is smaller. What has no end, as `/dev/zero`, is refused.
const MOST_MANIFEST_BYTES: u64 = 1 << 30;

/// A dataset's files.
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

    /// The number of the segment that a file of this name is; nothing if it is none.
    pub(super) fn segment_number(name: &str) -> Option<u32> {
        let digits = name.strip_prefix("events-")?.strip_suffix(".csv")?;
        let number = digits.parse().ok()?;
        (digits == format!("{number:04}")).then_some(number)
    }
}

/// The parts of a dataset: its shards that are there, or the one whole.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) root: PathBuf,
    parts: Vec<Part>,
    /// The part that speaks for the others.
    front: usize,
    pub(super) missing: Vec<Shard>,
}

/// A shard, or the whole.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) paths: Paths,
    manifest: Manifest,
}

impl Parts {
    /// Finds the parts of the dataset in folder `root`. Reads no journal.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the folder is no dataset, has another schema, its manifest is damaged, or its shards do not fit together.
    pub(super) fn open(root: &Path) -> Result<Self, DatasetError> {
        let mut parts = Self {
            root: root.to_owned(),
            parts: vec![],
            front: 0,
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
                // Made, but not begun.
                Err(DatasetError::NotADataset(_)) => continue,
                manifest => manifest?,
            };
            if manifest.shard != Some(*shard) {
                return Err(DatasetError::MisplacedShard {
                    path: folder.clone(),
                    found: manifest
                        .shard
                        .map_or("a dataset of its own".to_owned(), |shard| {
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
        self.choose_front()
    }

    /// Lets the shard that was extended furthest speak for the others, which must fit to it.
    fn choose_front(&mut self) -> Result<(), DatasetError> {
        let longest = (0..self.parts.len())
            .max_by_key(|&part| self.parts[part].manifest.experiment.planned_ever());
        let Some(longest) = longest else {
            return Err(DatasetError::NotADataset(self.root.clone()));
        };
        let front = &self.parts[longest];
        for part in &self.parts {
            let (made, wanted) = (&part.manifest.experiment, &front.manifest.experiment);
            if !wanted.goes_on_from(made) || !Difference::between(made, wanted).is_empty() {
                return Err(DatasetError::DifferentShards {
                    a: part.paths.root.clone(),
                    b: front.paths.root.clone(),
                    difference: Difference::or_places(made, wanted),
                });
            }
        }
        self.front = longest;
        Ok(())
    }

    /// The manifest that speaks for all: that of the part which was extended furthest.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.parts[self.front].manifest
    }

    /// Each part, in the order of their numbers: a row's `part` is its index here.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter()
    }

    /// The paths of the part that a row stands in.
    pub(super) fn paths_of(&self, row: &JournalRow) -> &Paths {
        &self.parts[row.part].paths
    }

    /// Runs planned, those of missing shards too.
    pub(super) fn planned(&self) -> u64 {
        let manifest = self.manifest();
        let experiment = &manifest.experiment;
        match manifest.shard {
            Some(_) if self.parts.len() + self.missing.len() > 1 => {
                experiment.configurations.len() as u64 * u64::from(experiment.repetitions)
            }
            _ => experiment.runs,
        }
    }

    /// Hands every row of every journal to `take`, shard by shard, in the order in which their runs ended.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if a journal is damaged. A last row without its newline is no damage: a sweep may be writing it.
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

/// The folders in `root` that are named as shards, by number.
pub(super) fn shards_in(root: &Path) -> Vec<(PathBuf, Shard)> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut shards: Vec<(PathBuf, Shard)> = entries
        .filter_map(|entry| {
            let shard = Shard::of_folder(entry.file_name().to_str()?)?;
            Some((entry.path(), shard))
        })
        .collect();
    shards.sort_by_key(|&(_, shard)| (shard.of, shard.number));
    shards
}

pub(super) fn read_manifest(paths: &Paths) -> Result<Manifest, DatasetError> {
    /// What every schema has.
    #[derive(serde::Deserialize)]
    struct AnySchema {
        schema: u32,
        #[serde(default)]
        sweeps: Vec<AnyProvenance>,
        /// Where schema 1 has it.
        #[serde(default)]
        provenance: AnyProvenance,
    }
    #[derive(serde::Deserialize, Default)]
    struct AnyProvenance {
        #[serde(default)]
        tool_version: String,
    }

    let path = paths.manifest();
    let text = match read_stored_text(&path, MOST_MANIFEST_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(DatasetError::NotADataset(paths.root.clone()));
        }
        Err(error) if !paths.root.is_dir() => return Err(DatasetError::folder(&paths.root)(error)),
        read => read.map_err(DatasetError::io(&path))?,
    };
    let any: AnySchema = serde_json::from_str(&text).map_err(DatasetError::manifest(&path))?;
    if ![schema_3::SCHEMA, SCHEMA_VERSION].contains(&any.schema) {
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
