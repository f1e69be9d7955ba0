//! What an experiment finds where its dataset is to be: nothing, an earlier sweep to go on with, or something in the way.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::difference::Difference;
use super::error::DatasetError;
use super::manifest::{Manifest, ResolvedExperiment};
use super::parts::{Paths, read_manifest, shards_in};
use crate::experiment::{Experiment, Shard};
use crate::files;

/// What a writer that died before its manifest was whole may have left, beside files under temporary names.
const LEFT_BEHIND: [&str; 2] = [".lock", "experiment.toml"];
/// The files of a dataset that are replaced as a whole.
const REPLACED: [&str; 2] = ["experiment.toml", "dataset.json"];
/// What earlier versions called them until they were complete.
const EARLIER_PARTIAL: [&str; 2] = ["experiment.partial", "dataset.partial"];

/// What is there for an experiment to go on with.
pub(super) struct ResumeState {
    /// Where the dataset, or the experiment's shard of it, is or will be.
    pub(super) paths: Paths,
    /// The manifest that is there.
    pub(super) manifest: Option<Manifest>,
    /// The experiment, every run at its place in the dataset.
    pub(super) experiment: Experiment,
}

impl ResumeState {
    /// Looks into `root`, the folder of the experiment's dataset or of its shards. Makes nothing.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if the folder holds something else.
    pub(super) fn find(root: &Path, experiment: &Experiment) -> Result<Self, DatasetError> {
        let (folder, siblings) = match experiment.shard() {
            None => {
                if let Some((_, shard)) = shards_in(root).first() {
                    return Err(DatasetError::Sharded {
                        path: root.to_owned(),
                        shards: shard.of,
                    });
                }
                (root.to_owned(), vec![])
            }
            Some(shard) => (root.join(shard.folder()), siblings(root, shard)?),
        };
        let paths = Paths::new(&folder);
        let manifest = match read_manifest(&paths) {
            Ok(manifest) => Some(manifest),
            Err(DatasetError::NotADataset(_)) => {
                check_free(&folder)?;
                None
            }
            Err(error) => return Err(error),
        };
        let mut earlier = Self {
            paths,
            manifest,
            experiment: experiment.clone(),
        };
        earlier.take_up(&siblings)?;
        Ok(earlier)
    }

    /// Gives every run the place that it has here already, or in a sibling that was extended before.
    fn take_up(&mut self, siblings: &[(PathBuf, Manifest)]) -> Result<(), DatasetError> {
        let wanted = Manifest::new(&self.experiment, vec![]).experiment;
        let own = self
            .manifest
            .iter()
            .map(|manifest| (&self.paths.root, manifest));
        let mut longest: Option<&ResolvedExperiment> = None;
        for (folder, manifest) in
            own.chain(siblings.iter().map(|(folder, manifest)| (folder, manifest)))
        {
            let made = &manifest.experiment;
            let difference = Difference::between(made, &wanted);
            if !difference.is_empty() {
                return Err(DatasetError::OtherExperiment {
                    path: folder.clone(),
                    difference,
                });
            }
            if longest.is_none_or(|longest| made.goes_on_from(longest)) {
                longest = Some(made);
            }
        }
        if let Some(made) = longest {
            self.experiment
                .continue_from(&made.configurations, &made.numbering)
                .unwrap_or_else(|_| unreachable!("there is no difference: none is gone"));
        }
        Ok(())
    }
}

/// The datasets of the experiment's other shards.
fn siblings(root: &Path, shard: Shard) -> Result<Vec<(PathBuf, Manifest)>, DatasetError> {
    if Paths::new(root).manifest().exists() {
        return Err(DatasetError::NotSharded(root.to_owned()));
    }
    let mut siblings = vec![];
    for (folder, sibling) in shards_in(root) {
        if sibling.of != shard.of {
            return Err(DatasetError::OtherShards {
                path: root.to_owned(),
                found: sibling.of,
                wanted: shard.of,
            });
        }
        match read_manifest(&Paths::new(&folder)) {
            Ok(manifest) if sibling != shard => siblings.push((folder, manifest)),
            Ok(_) | Err(DatasetError::NotADataset(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(siblings)
}

fn check_free(root: &Path) -> Result<(), DatasetError> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(DatasetError::io(root))?,
    };
    if Paths::new(root).journal().exists() {
        return Err(DatasetError::NoManifest(root.to_owned()));
    }
    for entry in entries {
        let name = entry.map_err(DatasetError::io(root))?.file_name();
        let is_partial = files::final_name(&name.to_string_lossy()).is_some_and(is_replaced);
        let mut left_behind = LEFT_BEHIND.iter().chain(&EARLIER_PARTIAL);
        if !is_partial && !left_behind.any(|left| name == *left) {
            return Err(DatasetError::ForeignFolder(root.to_owned()));
        }
    }
    Ok(())
}

fn is_replaced(name: &str) -> bool {
    REPLACED.contains(&name)
}

/// Removes the half-written files that a crashed writer left in the dataset's folder, whose lock this process holds.
pub(super) fn remove_left_behind(folder: &Path) -> io::Result<()> {
    files::remove_leftovers(folder, is_replaced)?;
    for name in EARLIER_PARTIAL {
        files::remove(&folder.join(name))?;
    }
    Ok(())
}
