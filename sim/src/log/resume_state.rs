//! Inspects the folder of an experiment's dataset before a sweep (a process `sim run`) writes to it. The folder may be empty, or have a
//! dataset that the sweep can continue. A folder with other files is refused, unless a crashed sweep left them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::difference::Difference;
use super::error::DatasetError;
use super::manifest::{Manifest, ResolvedExperiment};
use super::parts::{Paths, read_manifest, shards_in};
use crate::experiment::{Experiment, Shard};
use crate::files;

/// If a sweep crashed before its manifest (`dataset.json`) was complete, it may have left these files. The next sweep does not
/// refuse them: it locks `.lock` and replaces `experiment.toml`. Incomplete files are not listed here, because they have temporary names.
const LEFT_BY_CRASH: [&str; 2] = [".lock", "experiment.toml"];
/// The files of a dataset that are replaced as a whole, never changed in place: each new version has a temporary name until it is
/// complete.
const REPLACED: [&str; 2] = ["experiment.toml", "dataset.json"];
/// The temporary names that earlier versions of `sim` gave to the two files in `REPLACED`.
const EARLIER_PARTIAL: [&str; 2] = ["experiment.partial", "dataset.partial"];

/// What an inspection has found: a dataset that the experiment can continue, or a folder in which it can create its dataset.
pub(super) struct ResumeState {
    /// The paths of the dataset's files, which may not exist yet. If the experiment is restricted to one shard (a part of the
    /// runs, with a folder of its own), these are the paths of the shard's files.
    pub(super) paths: Paths,
    /// The manifest. `None` if there is no dataset yet.
    pub(super) manifest: Option<Manifest>,
    /// The experiment. Runs that already have a number in the dataset keep it.
    pub(super) experiment: Experiment,
}

impl ResumeState {
    /// Inspects the dataset's folder `root`, and creates nothing. If the experiment is restricted to one shard, `root` is the folder that
    /// contains the folders of all shards.
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

    /// Gives the experiment the shard rule of the shards that exist. (The rule says which shard makes which run.) If these shards
    /// have different rules, one of the rules is used. Nothing is reported here, but whoever reads such a dataset gets an error.
    fn continue_shard_rule(&mut self, siblings: &[(PathBuf, Manifest)]) {
        let siblings = siblings.iter().map(|(_, manifest)| manifest);
        let mut existing = self.manifest.iter().chain(siblings);
        if let Some(manifest) = existing.next() {
            self.experiment.set_shard_rule(manifest.shard_rule());
        }
    }

    /// Gives every run the number that it already has in this dataset or in another shard. If the experiment is extended, the manifest of
    /// a shard gets the new runs only when that shard is started or continued. So the lists of runs in the manifests can differ in length.
    /// The numbers are taken from the longest list.
    fn continue_numbering(&mut self, siblings: &[(PathBuf, Manifest)]) -> Result<(), DatasetError> {
        // The experiment in the form in which manifests contain it, so that it can be compared with the existing manifests. The second
        // argument, the list of sweeps, is empty because only the field `experiment` is used.
        let wanted = Manifest::new(&self.experiment, vec![]).experiment;
        let own = self
            .manifest
            .iter()
            .map(|manifest| (&self.paths.root, manifest));
        // Turns each `&(PathBuf, Manifest)` into `(&PathBuf, &Manifest)`, the type of the items of `own`.
        let others = siblings.iter().map(|(folder, manifest)| (folder, manifest));
        let mut longest: Option<&ResolvedExperiment> = None;
        for (folder, manifest) in own.chain(others) {
            let existing = &manifest.experiment;
            let difference = Difference::between(existing, &wanted);
            if !difference.is_empty() {
                // The changes that options such as `--set internal=0.4` have made to the experiment. If the dataset was made with other
                // options `--set`, the error names the dataset's options.
                let changes = self.experiment.changes();
                return Err(DatasetError::OtherExperiment {
                    path: folder.clone(),
                    difference: difference.with_changes(&manifest.changes, changes),
                });
            }
            // `continues` is true if `existing` has all runs of `longest_so_far`, with the same numbers. `existing` may have more runs.
            if longest.is_none_or(|longest_so_far| existing.continues(longest_so_far)) {
                longest = Some(existing);
            }
        }
        if let Some(longest) = longest {
            // `continue_from` fails only if the experiment lacks a configuration of `longest`. In this case, the loop above has already
            // returned an error.
            self.experiment
                .continue_from(&longest.configurations, &longest.numbering)
                .unwrap_or_else(|_| unreachable!("`Difference` reports missing configurations"));
        }
        Ok(())
    }
}

/// Returns the folder and the manifest of each sibling of `shard` that has started. The siblings of a shard are the other shards of the
/// experiment.
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
            // This is `shard` itself, or a sibling that has not started.
            Ok(_) | Err(DatasetError::NotADataset(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(siblings)
}

/// Checks that `folder` does not exist, is empty, or has only files that a sweep may have left if it crashed before it wrote a manifest.
fn check_free(folder: &Path) -> Result<(), DatasetError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(DatasetError::io(folder))?,
    };
    // This function is called only if there is no manifest. A journal is written only after the manifest. So if there is a journal, the
    // manifest was lost.
    if Paths::new(folder).journal().exists() {
        return Err(DatasetError::NoManifest(folder.to_owned()));
    }
    for entry in entries {
        let name = entry.map_err(DatasetError::io(folder))?.file_name();
        // Whether `name` is a temporary name of one of the files in `REPLACED`.
        let is_partial = files::final_name(&name.to_string_lossy()).is_some_and(is_replaced);
        let mut left_behind = LEFT_BY_CRASH.iter().chain(&EARLIER_PARTIAL);
        if !is_partial && !left_behind.any(|left| name == *left) {
            return Err(DatasetError::ForeignFolder(folder.to_owned()));
        }
    }
    Ok(())
}

fn is_replaced(name: &str) -> bool {
    REPLACED.contains(&name)
}

/// Removes the incomplete files of a crashed sweep from the dataset's folder. This process must have locked the folder.
pub(super) fn remove_left_behind(folder: &Path) -> io::Result<()> {
    files::remove_leftovers(folder, is_replaced)?;
    for name in EARLIER_PARTIAL {
        files::remove(&folder.join(name))?;
    }
    Ok(())
}
