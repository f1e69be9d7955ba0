//! Inspects the folder of an experiment's dataset before a sweep (a process `sim run`) writes to it. The folder may be empty, have a
//! dataset that the sweep can continue, or have other files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::difference::Difference;
use super::error::DatasetError;
use super::manifest::{Manifest, ResolvedExperiment};
use super::parts::{Paths, read_manifest, shards_in};
use crate::experiment::{Experiment, Shard};
use crate::files;

/// Files that a writer may have left if it crashed before its manifest (`dataset.json`) was complete. There may also be files with temporary
/// names.
const LEFT_BY_CRASH: [&str; 2] = [".lock", "experiment.toml"];
/// The files of a dataset that are never changed in place: each new version has a temporary name until it is complete.
const REPLACED: [&str; 2] = ["experiment.toml", "dataset.json"];
/// The temporary names that earlier versions of `sim` gave to the two files in `REPLACED`.
const EARLIER_PARTIAL: [&str; 2] = ["experiment.partial", "dataset.partial"];

/// The dataset that an experiment can continue, or the folder in which it can create its dataset.
pub(super) struct ResumeState {
    /// The paths of the dataset's files, which may not exist yet. If the experiment is one shard (a part of the runs with its own folder),
    /// these are the paths of the shard's files.
    pub(super) paths: Paths,
    /// The manifest. `None` if there is no dataset yet.
    pub(super) manifest: Option<Manifest>,
    /// The experiment. Its runs have the numbers that they have in the dataset.
    pub(super) experiment: Experiment,
}

impl ResumeState {
    /// Inspects `root`, the folder of the experiment's dataset or of all its shards. Creates nothing.
    ///
    /// # Errors
    ///
    /// Returns [`DatasetError`] if the folder has other files, or a dataset that the experiment cannot continue.
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
        let mut state = Self {
            paths,
            manifest,
            experiment: experiment.clone(),
        };
        state.continue_shard_rule(&siblings);
        state.continue_numbering(&siblings)?;
        Ok(state)
    }

    /// Uses the shard rule of the shards that exist. (The rule says which shard makes which run.) If the existing shards have different
    /// rules, this function takes the first one and reports nothing, but readers refuse the dataset.
    fn continue_shard_rule(&mut self, siblings: &[(PathBuf, Manifest)]) {
        let siblings = siblings.iter().map(|(_, manifest)| manifest);
        let mut existing = self.manifest.iter().chain(siblings);
        if let Some(manifest) = existing.next() {
            self.experiment.set_shard_rule(manifest.shard_rule());
        }
    }

    /// Gives every run the number that it already has in this dataset or in another shard. Some shards may have been extended, and others
    /// not yet. So the numbers are those of the longest existing plan.
    fn continue_numbering(&mut self, siblings: &[(PathBuf, Manifest)]) -> Result<(), DatasetError> {
        // The experiment in the form in which manifests contain it, so that it can be compared with the existing manifests.
        let wanted = Manifest::new(&self.experiment, vec![]).experiment;
        let own = self
            .manifest
            .iter()
            .map(|manifest| (&self.paths.root, manifest));
        // Pairs of references, like `own`, instead of references to pairs.
        let others = siblings.iter().map(|(folder, manifest)| (folder, manifest));
        let mut longest: Option<&ResolvedExperiment> = None;
        for (folder, manifest) in own.chain(others) {
            let existing = &manifest.experiment;
            let difference = Difference::between(existing, &wanted);
            if !difference.is_empty() {
                let changes = self.experiment.changes();
                return Err(DatasetError::OtherExperiment {
                    path: folder.clone(),
                    difference: difference.with_changes(&manifest.changes, changes),
                });
            }
            if longest.is_none_or(|longest_so_far| existing.continues(longest_so_far)) {
                longest = Some(existing);
            }
        }
        if let Some(longest) = longest {
            self.experiment
                .continue_from(&longest.configurations, &longest.numbering)
                .unwrap_or_else(|_| {
                    unreachable!("no configuration is missing: there is no difference")
                });
        }
        Ok(())
    }
}

/// Returns the siblings of `shard`, with folder and manifest: the experiment's other shards that have started.
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
            // This is the experiment's own shard, or a shard that has not started.
            Ok(_) | Err(DatasetError::NotADataset(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(siblings)
}

/// Checks that `root` does not exist, is empty, or has only files that a crashed writer may have left before it wrote a manifest.
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
        // Whether this is a temporary name of one of the files in `REPLACED`.
        let is_partial = files::final_name(&name.to_string_lossy()).is_some_and(is_replaced);
        let mut left_behind = LEFT_BY_CRASH.iter().chain(&EARLIER_PARTIAL);
        if !is_partial && !left_behind.any(|left| name == *left) {
            return Err(DatasetError::ForeignFolder(root.to_owned()));
        }
    }
    Ok(())
}

fn is_replaced(name: &str) -> bool {
    REPLACED.contains(&name)
}

/// Removes the incomplete files of a crashed writer from the dataset's folder, which this process has locked.
pub(super) fn remove_left_behind(folder: &Path) -> io::Result<()> {
    files::remove_leftovers(folder, is_replaced)?;
    for name in EARLIER_PARTIAL {
        files::remove(&folder.join(name))?;
    }
    Ok(())
}
