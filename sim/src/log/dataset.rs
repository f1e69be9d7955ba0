//! A dataset opened for reading. Reading is allowed while a sweep is writing: only finished runs are seen.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::journal::{self, JournalRow};
use super::manifest::{Manifest, SCHEMA_VERSION};

/// Why a dataset cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The folder is missing or holds no dataset.
    #[error("{} is not a dataset: it has no dataset.json; datasets are made by `sim run`", .0.display())]
    NotADataset(PathBuf),
    /// The folder has something in it, but no dataset.
    #[error("{} holds other files and no dataset; name an empty or new folder with --data", .0.display())]
    ForeignFolder(PathBuf),
    /// A file of the dataset cannot be read or written.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// `dataset.json` is not what it should be.
    #[error("{}: {cause}", .path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where and what.
        cause: serde_json::Error,
    },
    /// Another version of the contract.
    #[error("{} has schema {found}, this program reads schema {SCHEMA_VERSION}; use the version of the program that made it ({made_by})", .path.display())]
    Schema {
        /// The dataset's folder.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The tool version that made it.
        made_by: String,
    },
    /// A row of the journal is not what it should be.
    #[error("{}: {cause}", .path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Row and column.
        cause: csv::Error,
    },
    /// The events of a run that the journal counts are missing or changed.
    #[error("{}: the events of run {run}: {problem}", .path.display())]
    Events {
        /// The segment.
        path: PathBuf,
        /// The run.
        run: u64,
        /// What is wrong with them.
        problem: String,
    },
    /// The folder holds the dataset of another experiment.
    #[error(
        "{} holds the dataset of another experiment: {difference}; undo the change to the experiment, or name another folder with --data",
        .path.display()
    )]
    OtherExperiment {
        /// The dataset's folder.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// Another process is writing to the dataset.
    #[error("{} is being written by another sim run{holder}; wait for it to end, or name another folder with --data", .path.display())]
    Locked {
        /// The dataset's folder.
        path: PathBuf,
        /// Its process, if known.
        holder: String,
    },
}

impl DatasetError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |cause| Self::Io {
            path: path.to_owned(),
            cause,
        }
    }
}

/// A dataset's files.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) root: PathBuf,
}

impl Paths {
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

    pub(super) fn segment(&self, number: u32) -> PathBuf {
        self.root.join(format!("events-{number:04}.csv"))
    }
}

/// A dataset opened for reading.
#[derive(Clone, Debug)]
pub struct Dataset {
    paths: Paths,
    manifest: Manifest,
    runs: Vec<JournalRow>,
}

impl Dataset {
    /// Opens the dataset in folder `root` and reads its journal.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the folder is no dataset, has another schema, or its manifest or journal is damaged. A last journal
    /// row without its newline is no damage: a sweep may be writing it.
    pub fn open(root: &Path) -> Result<Self, DatasetError> {
        let paths = Paths {
            root: root.to_owned(),
        };
        let manifest = read_manifest(&paths)?;
        let journal_path = paths.journal();
        let text = match fs::read(&journal_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => vec![],
            read => read.map_err(DatasetError::io(&journal_path))?,
        };
        let runs = journal::read_rows(journal::whole_rows(&text)).map_err(|cause| {
            DatasetError::Journal {
                path: journal_path,
                cause,
            }
        })?;
        Ok(Self {
            paths,
            manifest,
            runs,
        })
    }

    /// The dataset's folder.
    pub fn root(&self) -> &Path {
        &self.paths.root
    }

    /// What made it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Every attempted run, in the order in which they ended.
    pub fn attempted(&self) -> &[JournalRow] {
        &self.runs
    }

    /// The runs that count, in the order in which they ended.
    pub fn finished(&self) -> impl Iterator<Item = &JournalRow> {
        self.runs.iter().filter(|run| run.is_ok())
    }

    /// The rows of the event log that belong to `run`, without a header, checked against the journal's length and checksum.
    ///
    /// # Errors
    ///
    /// [`DatasetError::Events`] if they are not all there or not what was written.
    pub fn read_events(&self, run: &JournalRow) -> Result<Vec<u8>, DatasetError> {
        let path = self.paths.segment(run.segment);
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
        if journal::checksum(&bytes) != run.checksum {
            return Err(wrong("they are not what was written (checksum); restore the file, or delete the run's row from runs.csv and run again".to_owned()));
        }
        Ok(bytes)
    }
}

pub(super) fn read_manifest(paths: &Paths) -> Result<Manifest, DatasetError> {
    /// What every schema has.
    #[derive(serde::Deserialize)]
    struct AnySchema {
        schema: u32,
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
    let damaged = |cause| DatasetError::Manifest {
        path: path.clone(),
        cause,
    };
    let any: AnySchema = serde_json::from_str(&text).map_err(damaged)?;
    if any.schema != SCHEMA_VERSION {
        return Err(DatasetError::Schema {
            path: paths.root.clone(),
            found: any.schema,
            made_by: any.provenance.tool_version,
        });
    }
    serde_json::from_str(&text).map_err(damaged)
}
