//! A dataset opened for reading. Reading is allowed while a sweep is writing: only finished runs are seen.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::checksum::checksum;
use super::difference::Difference;
use super::error::DatasetError;
use super::events::Lacks;
use super::journal::{self, JournalRow};
use super::manifest::{Manifest, SCHEMA_VERSION};
use crate::experiment::Shard;

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

/// A dataset opened for reading: all shards of it that are there.
#[derive(Clone, Debug)]
pub struct Dataset {
    root: PathBuf,
    parts: Vec<Part>,
    /// The part that speaks for the others.
    front: usize,
    missing: Vec<Shard>,
    runs: Vec<JournalRow>,
}

/// A shard, or the whole.
#[derive(Clone, Debug)]
struct Part {
    paths: Paths,
    manifest: Manifest,
}

impl Dataset {
    /// Opens the dataset in folder `root` and reads its journal, or its shards' journals.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the folder is no dataset, has another schema, its manifest or journal is damaged, or its shards do not
    /// fit together. A last journal row without its newline is no damage: a sweep may be writing it.
    pub fn open(root: &Path) -> Result<Self, DatasetError> {
        let mut dataset = Self {
            root: root.to_owned(),
            parts: vec![],
            front: 0,
            missing: vec![],
            runs: vec![],
        };
        match (read_manifest(&Paths::new(root)), &shards_in(root)[..]) {
            (Err(DatasetError::NotADataset(_)), shards @ [_, ..]) => dataset.add_shards(shards)?,
            (manifest, _) => dataset.add(root, manifest?)?,
        }
        Ok(dataset)
    }

    fn add(&mut self, root: &Path, manifest: Manifest) -> Result<(), DatasetError> {
        let paths = Paths::new(root);
        let path = paths.journal();
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => vec![],
            read => read.map_err(DatasetError::io(&path))?,
        };
        for row in journal::read_rows(&path, journal::whole_rows(&text))? {
            let part = self.parts.len();
            self.runs.push(JournalRow { part, ..row? });
        }
        self.parts.push(Part { paths, manifest });
        Ok(())
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
            self.add(folder, manifest)?;
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

    /// The dataset's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What made it. Of several shards, the manifest of the one that was extended furthest.
    pub fn manifest(&self) -> &Manifest {
        &self.parts[self.front].manifest
    }

    /// What the rows of its log need not say.
    pub fn lacks(&self) -> Lacks {
        let imported = self.manifest().imported.as_ref();
        imported.map_or_else(Lacks::default, |imported| imported.lacks)
    }

    /// Each shard that is there, or the whole if it is not split: its folder, and how many rows its journal has.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.parts.iter().enumerate().map(|(number, part)| {
            let rows = self.runs.iter().filter(|row| row.part == number);
            (&*part.paths.root, rows.count() as u64)
        })
    }

    /// The shards that are not there.
    pub fn missing_shards(&self) -> &[Shard] {
        &self.missing
    }

    /// Runs planned, those of missing shards too.
    pub fn planned(&self) -> u64 {
        let manifest = self.manifest();
        let experiment = &manifest.experiment;
        match manifest.shard {
            Some(_) if self.parts.len() + self.missing.len() > 1 => {
                experiment.configurations.len() as u64 * u64::from(experiment.repetitions)
            }
            _ => experiment.runs,
        }
    }

    /// Runs planned that have not been attempted, those of missing shards too.
    pub fn to_do(&self) -> u64 {
        let repetitions = self.manifest().experiment.repetitions;
        let planned = self.runs.iter().filter(|row| row.repetition < repetitions);
        let attempted: HashSet<u64> = planned.map(|row| row.run).collect();
        self.planned().saturating_sub(attempted.len() as u64)
    }

    /// Every attempted run, in the order in which they ended, shard by shard.
    pub fn attempted(&self) -> &[JournalRow] {
        &self.runs
    }

    /// The runs that count, in the order in which they ended, shard by shard.
    pub fn finished(&self) -> impl Iterator<Item = &JournalRow> {
        self.runs.iter().filter(|run| run.is_ok())
    }

    /// The journal that `run` stands in.
    pub fn journal_of(&self, run: &JournalRow) -> PathBuf {
        self.parts[run.part].paths.journal()
    }

    /// The file that holds the events of `run`.
    pub fn segment_of(&self, run: &JournalRow) -> PathBuf {
        self.parts[run.part].paths.segment(run.segment)
    }

    /// The rows of the event log that belong to `run`, without a header, checked against the journal's length and checksum.
    ///
    /// # Errors
    ///
    /// [`DatasetError::Events`] if they are not all there or not what was written.
    pub fn read_events(&self, run: &JournalRow) -> Result<Vec<u8>, DatasetError> {
        let path = self.segment_of(run);
        let wrong = |problem: String| DatasetError::Events {
            path: path.clone(),
            run: run.run,
            problem,
        };
        let mut file = File::open(&path).map_err(DatasetError::io(&path))?;
        let length = file.metadata().map_err(DatasetError::io(&path))?.len();
        if run
            .offset
            .checked_add(run.bytes)
            .is_none_or(|end| end > length)
        {
            return Err(wrong(format!(
                "the file ends at byte {length}, before them; restore it, or delete the run's row from runs.csv and run again"
            )));
        }
        file.seek(SeekFrom::Start(run.offset))
            .map_err(DatasetError::io(&path))?;
        let mut bytes = vec![0; run.bytes as usize];
        file.read_exact(&mut bytes)
            .map_err(DatasetError::io(&path))?;
        if checksum(&bytes) != run.checksum {
            if bytes.windows(2).any(|pair| pair == b"\r\n") {
                return Err(DatasetError::CrlfLineEnds(path));
            }
            return Err(wrong("they are not what was written (checksum); restore the file, or delete the run's row from runs.csv and run again".to_owned()));
        }
        Ok(bytes)
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
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(DatasetError::NotADataset(paths.root.clone()));
        }
        read => read.map_err(DatasetError::io(&path))?,
    };
    let any: AnySchema = serde_json::from_str(&text).map_err(DatasetError::manifest(&path))?;
    if any.schema != SCHEMA_VERSION {
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
    if manifest.identity != manifest.identity_of_contents() {
        return Err(DatasetError::ChangedManifest { path });
    }
    Ok(manifest)
}
