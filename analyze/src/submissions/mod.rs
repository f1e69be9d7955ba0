//! The logs that a class of students has submitted. Each submission is a folder with logs, and all these folders are in one folder.
//! Each submission is imported, audited and measured separately.
//!
//! # Layout
//!
//! - [`results`]: the results of one submission
//! - [`report`]: the report, with a row for each submission

mod report;
mod results;

use std::fs;
use std::path::{Path, PathBuf};

pub use report::{failed_check, records, table, words};
pub use results::SubmissionResults;

use crate::error::Error;
use crate::import::Mapping;

/// All submissions of a class.
#[derive(Debug)]
pub struct Submissions {
    /// The submissions with their results, in the order of their names (`team2` before `team10`).
    pub evaluated: Vec<Submission>,
    /// Files that lie beside the submissions' folders. They are not read.
    pub left_out: Vec<PathBuf>,
}

/// A submission.
#[derive(Debug)]
pub struct Submission {
    /// The name of the submission's folder.
    pub name: String,
    /// The path of the submission's folder.
    pub folder: PathBuf,
    /// The results, or the reason why the submission cannot be imported.
    pub results: Result<SubmissionResults, String>,
}

impl Submissions {
    /// Imports, audits and measures each submission in `folder`. The same `mapping`, which says what the columns of a log mean, is used
    /// for all submissions. Each submission becomes a dataset in the folder `into`. If a submission cannot be imported, the others are
    /// still imported. Hidden files and folders are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if `folder` cannot be read; [`Error::Import`] if it contains no folder, or if `into` exists and is not empty.
    pub fn evaluate(folder: &Path, mapping: &Mapping, into: &Path) -> Result<Self, Error> {
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
            let problem =
                "there is no folder in it; put each submission into its own folder".to_owned();
            return Err(Error::import(folder, None, problem));
        }
        let submission = |folder: PathBuf| {
            let name = folder.file_name().unwrap_or(folder.as_os_str());
            let results = SubmissionResults::new(&folder, mapping, &into.join(name));
            Submission {
                name: name.to_string_lossy().into_owned(),
                results: results.map_err(|error| error.to_string()),
                folder,
            }
        };
        Ok(Self {
            evaluated: folders.into_iter().map(submission).collect(),
            left_out,
        })
    }
}

/// Whether a file or folder is hidden (its name begins with a dot), or is the folder `__MACOSX` that macOS adds to archives.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX"
}
