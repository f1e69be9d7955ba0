//! A class of submissions: a folder that has a folder of logs for each submission. Every submission is imported, audited and measured
//! by itself.
//!
//! # Layout
//!
//! - [`marked`]: the results of one submission
//! - [`report`]: the report, with a row for each submission

mod marked;
mod report;

use std::fs;
use std::path::{Path, PathBuf};

pub use marked::Marked;
pub use report::{exception, records, table, words};

use crate::error::Error;
use crate::import::Mapping;

/// The submissions of a class, in the order of their names.
#[derive(Debug)]
pub struct Class {
    /// The submissions.
    pub submissions: Vec<Submission>,
    /// Files beside the submissions' folders, which belong to no submission.
    pub left_out: Vec<PathBuf>,
}

/// A submission.
#[derive(Debug)]
pub struct Submission {
    /// The name of the submission's folder.
    pub name: String,
    /// The path of the submission's folder.
    pub folder: PathBuf,
    /// The results, or why the submission cannot be imported.
    pub marked: Result<Marked, String>,
}

impl Class {
    /// Imports, audits and measures every folder in `folder`, each as a dataset in `into` and all with the same `mapping`. If a
    /// submission cannot be imported, the others still are.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the folder cannot be read; [`Error::Import`] if there is no folder in it, or `into` exists and is not empty.
    pub fn mark(folder: &Path, mapping: &Mapping, into: &Path) -> Result<Self, Error> {
        if fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_some()) {
            let problem =
                "already exists; remove it, or choose another folder for the datasets with --into"
                    .to_owned();
            return Err(Error::import(into, None, problem));
        }
        let entries = fs::read_dir(folder).map_err(Error::io(folder))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(Error::io(folder))?;
        paths.retain(|path| !is_hidden(path));
        paths.sort_by_key(|path| crate::import::in_natural_order(&path.display().to_string()));
        let (folders, left_out): (Vec<PathBuf>, Vec<PathBuf>) =
            paths.into_iter().partition(|path| path.is_dir());
        if folders.is_empty() {
            let problem = "no folder in it; each submission has a folder of its own".to_owned();
            return Err(Error::import(folder, None, problem));
        }
        let submission = |folder: PathBuf| {
            let name = folder.file_name().unwrap_or(folder.as_os_str());
            let marked = Marked::new(&folder, mapping, &into.join(name));
            Submission {
                name: name.to_string_lossy().into_owned(),
                marked: marked.map_err(|error| error.to_string()),
                folder,
            }
        };
        Ok(Self {
            submissions: folders.into_iter().map(submission).collect(),
            left_out,
        })
    }
}

/// Whether it is hidden, or the folder that macOS adds to an archive.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX"
}
